//! Whether the journal can be read and its chain holds.

use super::finding::Finding;
use super::{Case, blocking};
use crate::cli::setup;
use crate::journal::{self, JournalError, Verified};
use std::time::Duration;

const CHECK: &str = "journal";
/// Longest time for its chain, all of which is read: some seconds for tens of thousands of entries.
const READ_MAX: Duration = Duration::from_secs(20);

pub(super) async fn look(case: &Case) -> Vec<Finding> {
    // Where there is no folder, `state` says so.
    let Ok(folder) = setup::state_folder(&case.config) else { return Vec::new() };
    let verifying = blocking(move || journal::verify(&folder));
    match tokio::time::timeout(READ_MAX, verifying).await {
        Ok(Ok(verified)) => vec![judge(verified)],
        Ok(Err(error)) => vec![Finding::fail(CHECK, error.to_string(), "run `doctor` again")],
        Err(_) => {
            let found = format!("its chain could not be read within {} s", READ_MAX.as_secs());
            vec![Finding::warn(CHECK, found, "classiclinkd journal verify")]
        }
    }
}

fn judge(verified: Result<Verified, JournalError>) -> Finding {
    match verified {
        Ok(Verified { entries, .. }) => {
            let noun = if entries == 1 { "entry" } else { "entries" };
            Finding::ok(CHECK, format!("{entries} {noun}, and the chain holds"))
        }
        Err(JournalError::Missing { .. }) => {
            Finding::note(CHECK, "there is none yet: `run` and `apply` make it")
        }
        Err(error) => {
            let otherwise = "mend the state folder, or restore the journal from a copy";
            Finding::of_error(CHECK, &error.to_string(), otherwise)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Level;

    #[test]
    fn none_yet_is_no_mistake_and_a_broken_one_is() {
        let missing = judge(Err(JournalError::Missing { path: "/x".to_owned() }));
        assert_eq!(missing.level, Level::Note);
        let broken = judge(Err(JournalError::Broken(7)));
        assert!(broken.level == Level::Fail && broken.found.contains("entry 7"), "{broken:?}");
        assert!(broken.advice.unwrap().contains("restore it"));
    }
}
