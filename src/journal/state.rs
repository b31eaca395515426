//! The state folder: private, and used by one process at a time.

use super::JournalError;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::Read as _;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
#[cfg(any(test, feature = "simtest"))]
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use std::time::Duration;

/// The file that is locked.
const LOCK: &str = "lock";
/// What is in a state folder.
const OURS: [&str; 9] = [
    LOCK,
    StateDir::CONTROL,
    PauseFile::NAME,
    // Copies of repositories.
    "git",
    "journal.made",
    "journal.sqlite",
    // Only while the file is made; a process that ends in that moment leaves it.
    "journal.sqlite-journal",
    "journal.sqlite-wal",
    "journal.sqlite-shm",
];
/// Tries to lock the folder, and the time between them: [`StateDir::is_used`] takes the lock for a
/// moment, which must not keep a process from starting.
const LOCK_TRIES: u32 = 5;
const LOCK_AGAIN: Duration = Duration::from_millis(40);
/// What is read of a pause file, in bytes.
const PAUSE_BYTES_MAX: u64 = 200;

/// A file whose mere existence stops all calls: what a person can make whatever else is broken.
#[derive(Debug, Clone, Default)]
pub struct PauseFile(Place);

#[derive(Debug, Clone, Default)]
enum Place {
    #[default]
    Nowhere,
    At(PathBuf),
    #[cfg(any(test, feature = "simtest"))]
    Imagined(Arc<AtomicBool>),
}

impl PauseFile {
    /// Its name in the state folder.
    pub const NAME: &str = "pause";

    /// The one of a state folder.
    pub fn of(folder: &Path) -> Self {
        Self(Place::At(folder.join(Self::NAME)))
    }

    /// One of which somebody else says whether it is there.
    #[cfg(any(test, feature = "simtest"))]
    pub fn imagined(there: Arc<AtomicBool>) -> Self {
        Self(Place::Imagined(there))
    }

    /// What it says, if it is there. One that cannot be looked at counts as there.
    pub fn said(&self) -> Option<String> {
        let path = match &self.0 {
            Place::Nowhere => return None,
            Place::At(path) => path,
            #[cfg(any(test, feature = "simtest"))]
            Place::Imagined(there) => return there.load(Ordering::Relaxed).then(String::new),
        };
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
    /// The name of the socket on which a daemon is asked.
    pub const CONTROL: &str = "control.sock";

    /// Makes the folder (0700) where it is missing, and closes it to others where it is open to them.
    /// One of another user is refused, apart from root's work on a journal that is there.
    ///
    /// # Errors
    /// [`JournalError::State`]
    pub fn make(path: &Path) -> Result<(), JournalError> {
        let fail = |error: std::io::Error| unusable(path, &error);
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fail)?;
        let metadata = fs::metadata(path).map_err(fail)?;
        owned(path, &metadata)?;
        if metadata.permissions().mode() & 0o077 != 0 {
            let foreign = |entry: std::io::Result<fs::DirEntry>| {
                entry.is_ok_and(|entry| !OURS.iter().any(|name| entry.file_name() == *name))
            };
            if fs::read_dir(path).map_err(fail)?.any(foreign) {
                return Err(JournalError::State {
                    path: path.display().to_string(),
                    why: "others may enter it, and it holds other things".to_owned(),
                    help: "give a folder of its own with --state".to_owned(),
                });
            }
            fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(fail)?;
        }
        Ok(())
    }

    /// As [`StateDir::make`], and locks it.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when another process holds it, [`JournalError::State`] otherwise.
    pub fn lock(path: &Path) -> Result<Self, JournalError> {
        Self::make(path)?;
        let fail = |error: std::io::Error| unusable(path, &error);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path.join(LOCK))
            .map_err(fail)?;
        give(&lock, path).map_err(fail)?;
        let mut tries = LOCK_TRIES;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { path: path.to_owned(), _lock: lock }),
                Err(TryLockError::WouldBlock) if tries > 1 => {
                    tries -= 1;
                    std::thread::sleep(LOCK_AGAIN);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(JournalError::Locked { path: path.display().to_string() });
                }
                Err(TryLockError::Error(error)) => return Err(fail(error)),
            }
        }
    }

    /// Whether a process holds a folder; `None` where that cannot be told. The lock is shared among
    /// those who ask, and held for a moment only.
    pub fn is_used(path: &Path) -> Option<bool> {
        let mut looking = OpenOptions::new();
        looking.read(true).custom_flags(libc::O_NOFOLLOW);
        let lock = match looking.open(path.join(LOCK)) {
            Ok(lock) => lock,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Some(false),
            Err(_) => return None,
        };
        match lock.try_lock_shared() {
            Ok(()) => Some(false),
            Err(TryLockError::WouldBlock) => Some(true),
            Err(TryLockError::Error(_)) => None,
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

/// Files that one user makes in the folder of another lock that one out: only root may, who gives them
/// away, and only where its owner has made a journal, with the files that go with it.
fn owned(path: &Path, metadata: &fs::Metadata) -> Result<(), JournalError> {
    let (us, owner) = (rustix::process::geteuid(), metadata.uid());
    if owner == us.as_raw() || us.is_root() && path.join(super::FILE).exists() {
        return Ok(());
    }
    let (owner, us) = (super::name_of(owner), super::name_of(us.as_raw()));
    Err(JournalError::State {
        path: path.display().to_string(),
        why: format!("it belongs to {owner}, who could not use what {us} makes in it"),
        help: format!(
            "run this as {owner}: sudo -u {owner} classiclinkd ...; or give another folder with --state"
        ),
    })
}

/// Gives a file that root made to the owner of the folder.
fn give(file: &File, folder: &Path) -> std::io::Result<()> {
    let (made, owner) = (file.metadata()?, fs::metadata(folder)?);
    if made.uid() == owner.uid() || !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    std::os::unix::fs::fchown(file, Some(owner.uid()), Some(owner.gid()))
}

fn unusable(path: &Path, error: &std::io::Error) -> JournalError {
    JournalError::State {
        path: path.display().to_string(),
        why: error.to_string(),
        help: "give a folder that this user may write with --state".to_owned(),
    }
}
