//! Whether the state folder is there or can be made, private, writable, and on a disk that keeps it.

use super::finding::Finding;
use super::{Case, blocking};
use crate::cli::setup;
use crate::journal::StateDir;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

mod disk;
mod holder;

use disk::Disk;

const CHECK: &str = "state";
/// Room below which a person should look: years of entries, or a day of very large plans.
const FREE_LOW: u64 = 100 * 1024 * 1024;
/// Room below which the journal may not be written any more.
const FREE_NONE: u64 = 8 * 1024 * 1024;

/// The longest path that a socket may have, in bytes (unix(7): 108 with the zero at its end).
const SOCKET_PATH_MAX: usize = 107;

/// What is known of the folder, or of the nearest one above it that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Facts {
    /// Whether the folder itself is there.
    there: bool,
    folder: bool,
    mode: u32,
    owner: u32,
    us: u32,
    writable: bool,
    disk: Option<Disk>,
}

pub(super) async fn look(case: &Case) -> Vec<Finding> {
    let path = match setup::state_folder(&case.config) {
        Ok(path) => path,
        Err(why) => return vec![Finding::of_error(CHECK, &why.0, "give a folder with --state")],
    };
    let looked = blocking(move || {
        let path = std::path::absolute(&path).unwrap_or(path);
        let mut findings = match facts(&path) {
            Ok(facts) => judge(&path, &facts),
            Err(why) => vec![Finding::fail(CHECK, why, "give another folder with --state")],
        };
        findings.push(used(&path));
        findings
    });
    let failed = |error: tokio::task::JoinError| {
        vec![Finding::fail(CHECK, error.to_string(), "run `doctor` again")]
    };
    looked.await.unwrap_or_else(failed)
}

fn facts(path: &Path) -> Result<Facts, String> {
    let mut at: PathBuf = path.to_owned();
    let metadata = loop {
        match fs::metadata(&at) {
            Ok(metadata) => break metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && at.pop() => {}
            Err(error) => return Err(format!("{}: {error}", path.display())),
        }
    };
    let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    Ok(Facts {
        there: at == path,
        folder: metadata.is_dir(),
        mode: metadata.permissions().mode() & 0o7777,
        owner: metadata.uid(),
        us: rustix::process::geteuid().as_raw(),
        writable: rustix::fs::access(&at, access).is_ok(),
        disk: disk::of(&at),
    })
}

/// Everything that is wrong; one line where nothing is.
fn judge(path: &Path, facts: &Facts) -> Vec<Finding> {
    let shown = path.display();
    let mut findings = Vec::new();
    if !facts.folder || !facts.writable {
        let why = if facts.folder { "may not be written by this user" } else { "is not a folder" };
        let what = if facts.there { "it" } else { "what it would be made in" };
        let advice =
            "give a folder that this user may write with --state, or run this as the daemon's user";
        return vec![Finding::fail(CHECK, format!("{shown}: {what} {why}"), advice)];
    }
    if facts.there && facts.owner != facts.us {
        let found =
            format!("{shown} belongs to user {}, and this is user {}", facts.owner, facts.us);
        findings.push(Finding::warn(CHECK, found, "run `doctor` as the user of the daemon"));
    }
    if facts.there && facts.mode & 0o077 != 0 {
        let found = format!("{shown}: others may enter it (mode {:04o})", facts.mode);
        findings.push(Finding::warn(CHECK, found, format!("chmod 700 {shown}")));
    }
    let length = path.join(StateDir::CONTROL).as_os_str().len();
    if length > SOCKET_PATH_MAX {
        let found = format!(
            "{shown}: the path of {} in it has {length} bytes, and a socket may have {SOCKET_PATH_MAX}, \
             so `reconcile` cannot ask a daemon there",
            StateDir::CONTROL
        );
        findings.push(Finding::warn(CHECK, found, "use a shorter --state"));
    }
    if let Some(disk) = facts.disk {
        findings.extend(room(path, disk));
        findings.extend(
            disk.kind
                .trouble()
                .map(|(why, advice)| Finding::warn(CHECK, format!("{shown} {why}"), advice)),
        );
    }
    if findings.is_empty() {
        let free = facts
            .disk
            .map_or(String::new(), |disk| format!(", {} MiB free", disk.free / (1024 * 1024)));
        let what = if facts.there { "private and writable" } else { "can be made" };
        findings.push(Finding::ok(CHECK, format!("{shown}: {what}{free}")));
    }
    findings
}

fn room(path: &Path, disk: Disk) -> Option<Finding> {
    let found = format!("{}: {} MiB free", path.display(), disk.free / (1024 * 1024));
    let advice = "make room: nothing is sent while the journal cannot be written";
    match disk.free {
        ..FREE_NONE => Some(Finding::fail(CHECK, found, advice)),
        FREE_NONE..FREE_LOW => Some(Finding::warn(CHECK, found, advice)),
        _ => None,
    }
}

/// Who uses the folder; a daemon may, and that is as it should be.
fn used(path: &Path) -> Finding {
    match StateDir::is_used(path) {
        Some(true) => match holder::of(path) {
            Some(who) => Finding::ok(CHECK, format!("in use by {who}")),
            None => Finding::ok(CHECK, "in use: a daemon or an `apply` runs on it"),
        },
        Some(false) => Finding::note(CHECK, "in use by nobody now"),
        None => Finding::note(CHECK, "whether somebody uses it cannot be told"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Level;
    use disk::Kind;

    fn good() -> Facts {
        Facts {
            there: true,
            folder: true,
            mode: 0o700,
            owner: 5,
            us: 5,
            writable: true,
            disk: Some(Disk { free: u64::MAX, kind: Kind::Local }),
        }
    }

    fn levels(facts: &Facts) -> Vec<Level> {
        judge(Path::new("/state"), facts).iter().map(|finding| finding.level).collect()
    }

    #[test]
    fn a_private_folder_with_room_is_as_it_should_be() {
        assert_eq!(levels(&good()), [Level::Ok]);
        assert_eq!(levels(&Facts { there: false, mode: 0o755, owner: 0, ..good() }), [Level::Ok]);
        assert_eq!(levels(&Facts { disk: None, ..good() }), [Level::Ok]);
    }

    #[test]
    fn a_folder_too_deep_for_a_socket_is_told() {
        let of = |bytes: usize| {
            let path = format!("/{}", "x".repeat(bytes - 1 - "/control.sock".len()));
            judge(Path::new(&path), &good()).first().map(|finding| finding.level)
        };
        assert_eq!((of(107), of(108)), (Some(Level::Ok), Some(Level::Warn)));
    }

    #[test]
    fn each_flaw_has_its_line() {
        assert_eq!(levels(&Facts { folder: false, ..good() }), [Level::Fail]);
        assert_eq!(levels(&Facts { writable: false, ..good() }), [Level::Fail]);
        assert_eq!(levels(&Facts { owner: 6, mode: 0o750, ..good() }), [Level::Warn, Level::Warn]);
        let on = |free, kind| levels(&Facts { disk: Some(Disk { free, kind }), ..good() });
        assert_eq!(on(FREE_LOW, Kind::Local), [Level::Ok]);
        assert_eq!(on(FREE_LOW - 1, Kind::Local), [Level::Warn]);
        assert_eq!(on(FREE_NONE - 1, Kind::Local), [Level::Fail]);
        assert_eq!(on(u64::MAX, Kind::Shared("NFS")), [Level::Warn]);
        assert_eq!(on(u64::MAX, Kind::Memory), [Level::Warn]);
    }
}
