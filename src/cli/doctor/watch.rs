//! Whether the kernel lets a daemon watch the tree of manifests.

use super::finding::Finding;
use super::{Case, blocking};
use crate::source::{self, Origin, Tried};

const CHECK: &str = "watch";

/// What the kernel allows a user in all, as far as it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limits {
    watches: Option<usize>,
    instances: Option<usize>,
}

pub(super) async fn look(case: &Case) -> Vec<Finding> {
    let folder = match &case.manifests {
        Some(Origin::Folder(folder)) => folder.clone(),
        Some(Origin::Git(repository)) => {
            let found = format!(
                "not needed: the repository is asked every {:?}",
                repository.settings().interval
            );
            return vec![Finding::ok(CHECK, found)];
        }
        None => return vec![Finding::note(CHECK, "not looked at: give --manifests")],
    };
    let tried = blocking(move || (source::rehearse(&folder), limits())).await;
    match tried {
        Ok((tried, limits)) => vec![judge(&tried, limits)],
        Err(error) => vec![Finding::fail(CHECK, error.to_string(), "run `doctor` again")],
    }
}

fn limits() -> Limits {
    let of = |name: &str| {
        let text = std::fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?;
        text.trim().parse().ok()
    };
    Limits { watches: of("max_user_watches"), instances: of("max_user_instances") }
}

fn judge(tried: &Tried, limits: Limits) -> Finding {
    let Tried { folders, trouble } = tried;
    let noun = if *folders == 1 { "folder" } else { "folders" };
    let number = |limit: Option<usize>| limit.map_or("?".to_owned(), |limit| limit.to_string());
    let allowed = format!(
        "this user may have {} watches and {} watchers in all",
        number(limits.watches),
        number(limits.instances)
    );
    let raise = format!(
        "sysctl fs.inotify.max_user_watches={} fs.inotify.max_user_instances=512; until then the poll \
         notices changes, later",
        folders.saturating_mul(4).max(65_536)
    );
    match trouble {
        Some(why) => {
            let found = format!("{folders} {noun} cannot be watched: {why}; {allowed}");
            Finding::warn(CHECK, found, raise)
        }
        // What other programs of the user watch is not known.
        None if limits.watches.is_some_and(|limit| folders.saturating_mul(2) > limit) => {
            let found = format!("{folders} {noun} take more than half of the watches: {allowed}");
            Finding::warn(CHECK, found, raise)
        }
        None => {
            Finding::ok(CHECK, format!("{folders} {noun} could be watched just now; {allowed}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Level;

    #[test]
    fn a_tree_that_cannot_be_watched_is_polled_and_said() {
        let limits = Limits { watches: Some(100), instances: Some(128) };
        let level = |folders, trouble: Option<&str>| {
            judge(&Tried { folders, trouble: trouble.map(str::to_owned) }, limits).level
        };
        assert_eq!(level(50, None), Level::Ok);
        assert_eq!(level(51, None), Level::Warn);
        assert_eq!(level(5, Some("OS file watch limit reached")), Level::Warn);
        let unknown = Limits { watches: None, instances: None };
        assert_eq!(judge(&Tried { folders: 9, trouble: None }, unknown).level, Level::Ok);
    }
}
