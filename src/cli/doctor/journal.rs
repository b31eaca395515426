//! Whether the journal can be read and its chain holds.

use super::finding::Finding;
use super::{Case, blocking};
use crate::cli::setup;
use crate::journal::{self, JournalError, Verified};
use std::fs;
use std::path::Path;
use std::time::Duration;

const CHECK: &str = "journal";
/// Longest time for its chain, all of which is read: some seconds for tens of thousands of entries.
const READ_MAX: Duration = Duration::from_secs(20);

pub(super) async fn look(case: &Case) -> Vec<Finding> {
    // Where there is no folder, `state` says so.
    let Ok(folder) = setup::state_folder(&case.config) else { return Vec::new() };
    let verifying = blocking(move || match half_made(&folder) {
        Some(half_made) => half_made,
        None => judge(journal::verify(&folder)),
    });
    match tokio::time::timeout(READ_MAX, verifying).await {
        Ok(Ok(finding)) => vec![finding],
        Ok(Err(error)) => vec![Finding::fail(CHECK, error.to_string(), "run `doctor` again")],
        Err(_) => {
            let found = format!("its chain could not be read within {} s", READ_MAX.as_secs());
            vec![Finding::warn(CHECK, found, "classiclinkd journal verify")]
        }
    }
}

/// One that its maker did not bring to its end: to read it, one would have to do that.
fn half_made(folder: &Path) -> Option<Finding> {
    let path = folder.join(journal::FILE);
    let empty = fs::metadata(&path).is_ok_and(|metadata| metadata.len() == 0);
    let begun = folder.join(format!("{}-journal", journal::FILE)).exists();
    let marker = folder.join(journal::MARKER);
    match empty || begun {
        true if empty && marker.exists() => {
            Some(judge(Err(JournalError::Lost { marker: marker.display().to_string() })))
        }
        true => Some(Finding::note(CHECK, "it is half made: the next `run` or `apply` ends that")),
        false => None,
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
    fn one_that_is_half_made_is_left_as_it_is_and_one_that_was_emptied_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let level = || half_made(folder.path()).map(|finding| finding.level);
        assert_eq!(level(), None);
        fs::write(folder.path().join("journal.sqlite"), "").unwrap();
        assert_eq!(level(), Some(Level::Note));
        fs::write(folder.path().join("journal.made"), "").unwrap();
        assert_eq!(level(), Some(Level::Fail));
        fs::write(folder.path().join("journal.sqlite"), "SQLite").unwrap();
        assert_eq!(level(), None);
        fs::write(folder.path().join("journal.sqlite-journal"), "x").unwrap();
        assert_eq!(level(), Some(Level::Note));
    }

    #[test]
    fn none_yet_is_no_mistake_and_a_broken_one_is() {
        let missing = judge(Err(JournalError::Missing { path: "/x".to_owned() }));
        assert_eq!(missing.level, Level::Note);
        let broken = judge(Err(JournalError::Broken(7)));
        assert!(broken.level == Level::Fail && broken.found.contains("entry 7"), "{broken:?}");
        assert!(broken.advice.unwrap().contains("restore it"));
    }
}
