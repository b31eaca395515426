//! The state folder: private, and used by one process at a time.

use super::JournalError;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::Read as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// What is in a state folder.
const OURS: [&str; 5] =
    ["lock", "pause", "journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"];
/// What is read of a pause file, in bytes.
const PAUSE_BYTES_MAX: u64 = 200;

/// A file whose mere existence stops all calls: what a person can make whatever else is broken.
#[derive(Debug, Clone, Default)]
pub struct PauseFile(Option<PathBuf>);

impl PauseFile {
    /// The one of a state folder.
    pub fn of(folder: &Path) -> Self {
        Self(Some(folder.join("pause")))
    }

    /// What it says, if it is there. One that cannot be looked at counts as there.
    pub fn said(&self) -> Option<String> {
        let path = self.0.as_ref()?;
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => Some(format!("it cannot be looked at: {error}")),
            Ok(metadata) if metadata.is_file() => Some(first_line(path)),
            Ok(_) => Some(String::new()),
        }
    }
}

fn first_line(path: &Path) -> String {
    let mut text = Vec::new();
    let read = File::open(path).map(|file| file.take(PAUSE_BYTES_MAX).read_to_end(&mut text));
    match read {
        Ok(_) => {
            String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned()
        }
        Err(_) => String::new(),
    }
}

/// A folder that this process alone uses. The lock goes with the open file, not with a process
/// number in it: it is free as soon as its holder is gone, however it went.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    _lock: File,
}

impl StateDir {
    /// Makes the folder (0700) where it is missing, closes it to others where it is open to them,
    /// and locks it.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when another process holds it, [`JournalError::State`] otherwise.
    pub fn lock(path: &Path) -> Result<Self, JournalError> {
        let fail = |error: std::io::Error| JournalError::State {
            path: path.display().to_string(),
            why: error.to_string(),
            help: "give a folder that this user may write with --state",
        };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fail)?;
        let metadata = fs::metadata(path).map_err(fail)?;
        if metadata.permissions().mode() & 0o077 != 0 {
            let foreign = |entry: std::io::Result<fs::DirEntry>| {
                entry.is_ok_and(|entry| !OURS.iter().any(|name| entry.file_name() == *name))
            };
            if fs::read_dir(path).map_err(fail)?.any(foreign) {
                return Err(JournalError::State {
                    path: path.display().to_string(),
                    why: "others may enter it, and it holds other things".to_owned(),
                    help: "give a folder of its own with --state",
                });
            }
            fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(fail)?;
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path.join("lock"))
            .map_err(fail)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                Err(JournalError::Locked { path: path.display().to_string() })
            }
            Err(TryLockError::Error(error)) => Err(fail(error)),
        }
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
