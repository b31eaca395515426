//! The folder of our own bare copy of a repository: made, locked, cleared after those who were killed,
//! thrown away.

use super::Fault;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::sleep;

/// How long other processes that fetch into the same copy are waited for.
const LOCK_TRIES: u32 = 3_000;
const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// The folder.
#[derive(Debug)]
pub(super) struct Copy {
    folder: PathBuf,
}

impl Copy {
    pub fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many packs there are in it.
    pub fn packs(&self) -> usize {
        let packs = fs::read_dir(self.folder.join("objects/pack")).into_iter().flatten().flatten();
        packs.filter(|entry| entry.path().extension().is_some_and(|end| end == "pack")).count()
    }

    /// Makes the folder of the copy, where it is not there.
    pub fn make(&self) -> Result<(), Fault> {
        let make = || {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(self.folder.join("objects/pack"))?;
            DirBuilder::new().recursive(true).mode(0o700).create(self.folder.join("refs"))?;
            if !self.folder.join("HEAD").exists() {
                // What `git init --bare` would leave, without templates and the machine's ideas of them.
                fs::write(
                    self.folder.join("config"),
                    "[core]\n\trepositoryformatversion = 0\n\tbare = true\n",
                )?;
                fs::write(self.folder.join("HEAD"), "ref: refs/heads/none\n")?;
            }
            Ok(())
        };
        make().map_err(|error: std::io::Error| {
            Fault::Passing(format!(
                "{} cannot be made: {error}; check --state",
                self.folder.display()
            ))
        })
    }

    /// Waits until nobody else fetches into the copy, and clears away what a fetch left that was killed.
    pub async fn lock(&self) -> Result<File, Fault> {
        self.make()?;
        let path = self.folder.join("classiclinkd.lock");
        let fail = |why: String| Fault::Passing(format!("{}: {why}", path.display()));
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).map_err(|error| fail(error.to_string()))?;
        for _ in 0..LOCK_TRIES {
            match file.try_lock() {
                Ok(()) => {
                    clear(&self.folder);
                    return Ok(file);
                }
                Err(TryLockError::WouldBlock) => sleep(LOCK_PAUSE).await,
                Err(TryLockError::Error(error)) => return Err(fail(error.to_string())),
            }
        }
        Err(fail("another process has been fetching for long".to_owned()))
    }

    /// Throws the copy away, so that the next fetch makes it anew: a power cut can leave a broken one.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn forget(&self) -> Result<(), Fault> {
        let _lock = self.lock().await?;
        let fail = |error: std::io::Error| {
            Fault::Passing(format!("{} cannot be emptied: {error}", self.folder.display()))
        };
        for name in ["objects", "refs", "logs"] {
            match fs::remove_dir_all(self.folder.join(name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(fail(error));
                }
                _ => {}
            }
        }
        for name in ["shallow", "packed-refs", "HEAD"] {
            let _none = fs::remove_file(self.folder.join(name));
        }
        self.make()
    }
}

/// Locks and half-written packs of those who were killed. Only who holds our own lock may.
fn clear(folder: &Path) {
    let mut folders = vec![folder.to_owned(), folder.join("objects/pack")];
    folders.extend([folder.join("refs"), folder.join("refs/classiclinkd")]);
    for folder in folders {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let own = name == "classiclinkd.lock";
            if !own && (name.ends_with(".lock") || name.starts_with("tmp_")) {
                let _gone = fs::remove_file(entry.path());
            }
        }
    }
}
