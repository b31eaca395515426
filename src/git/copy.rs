//! Our own bare copy of a repository: how it is made, kept to one process at a time, tidied, and made anew.

use super::Fault;
use super::command::{Answer, Call, Input};
use super::remote::is_id;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::sleep;

/// How long other processes that fetch into the same copy are waited for.
const LOCK_TRIES: u32 = 3_000;
const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// How long reading what is here may take.
const LOCAL: Duration = Duration::from_secs(60);
/// Most bytes of an answer of few lines.
pub(super) const SHORT_MAX: usize = 4 * 1024 * 1024;
/// A copy of more packs than that is packed anew.
const PACKS_MAX: usize = 50;
/// What `git init --bare` would leave, without templates and the machine's ideas of them.
const SKELETON: [(&str, &str); 2] = [
    ("config", "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"),
    ("HEAD", "ref: refs/heads/none\n"),
];

/// A bare repository of ours.
#[derive(Debug)]
pub(super) struct OwnCopy {
    folder: PathBuf,
}

impl OwnCopy {
    /// At an absolute path: git and gpg run elsewhere.
    pub fn at(folder: &Path) -> Self {
        Self { folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()) }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Bytes of all packs together.
    pub fn size(&self) -> u64 {
        let packs = fs::read_dir(self.folder.join("objects/pack")).into_iter().flatten().flatten();
        packs.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
    }

    /// Makes what is not there, and what a power cut or somebody has made something else of: without
    /// these two files, git would take the folder for no repository at all.
    pub fn make(&self) -> Result<(), Fault> {
        let make = || {
            for name in ["objects/pack", "refs"] {
                DirBuilder::new().recursive(true).mode(0o700).create(self.folder.join(name))?;
            }
            for (name, text) in SKELETON {
                let path = self.folder.join(name);
                if fs::read(&path).is_ok_and(|found| found == text.as_bytes()) {
                    continue;
                }
                let partial = self.folder.join(format!("tmp_{name}_{}", std::process::id()));
                fs::write(&partial, text)?;
                fs::rename(partial, path)?;
            }
            Ok(())
        };
        make().map_err(|error: io::Error| {
            let folder = self.folder.display();
            Fault::Passing(format!("{folder} cannot be made: {error}; check --state"))
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

    /// Packs anew what came in many small packs. What is not reachable any more goes.
    pub async fn tidy(&self) {
        if self.packs() > PACKS_MAX {
            let packed = self.local(&["repack", "-a", "-d", "-q"], SHORT_MAX).await;
            if let Err(fault) =
                packed.and_then(|answer| answer.of_copy("pack the copy of the repository"))
            {
                tracing::warn!(error = %fault, "the copy of the repository grows");
            }
        }
    }

    /// Whether there is something in it, and nothing that anything leads to: a first fetch that was
    /// killed, or a ref that a power cut has emptied.
    pub async fn is_wreck(&self) -> Result<bool, Fault> {
        let refs = self.local(&["for-each-ref", "--count=1"], SHORT_MAX).await?;
        let is_blank = self.packs() == 0 && !self.folder.join("shallow").exists();
        Ok(!is_blank && (!refs.status.success() || refs.output.is_empty()))
    }

    /// Whether everything is there that its refs lead to.
    pub async fn is_whole(&self) -> Result<bool, Fault> {
        let check = ["fsck", "--connectivity-only", "--no-dangling", "--no-progress"];
        Ok(self.local(&check, SHORT_MAX).await?.status.success())
    }

    /// Bytes of the largest pack that did not get ready. Git does not say that one grew too large.
    pub fn unfinished(&self) -> u64 {
        let left = self
            .in_packs()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("tmp_pack"));
        let sizes = left.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len());
        sizes.max().unwrap_or_default()
    }

    fn packs(&self) -> usize {
        let is_pack = |path: PathBuf| path.extension() == Some(OsStr::new("pack"));
        self.in_packs().filter(|entry| is_pack(entry.path())).count()
    }

    fn in_packs(&self) -> impl Iterator<Item = fs::DirEntry> {
        fs::read_dir(self.folder.join("objects/pack")).into_iter().flatten().flatten()
    }

    /// The commits whose parents were left out.
    pub fn cut_off(&self) -> Result<BTreeSet<String>, Fault> {
        match fs::read_to_string(self.folder.join("shallow")) {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
            Err(error) => Err(Fault::Broken(format!("{}: {error}", self.folder.display()))),
        }
    }

    /// Throws everything away, for whoever holds its lock.
    pub fn empty(&self, _lock: &File) -> Result<(), Fault> {
        let fail = |error: io::Error| {
            Fault::Passing(format!("{} cannot be emptied: {error}", self.folder.display()))
        };
        for name in ["objects", "refs", "logs"] {
            match fs::remove_dir_all(self.folder.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
                _ => {}
            }
        }
        for name in ["shallow", "packed-refs"] {
            let _none = fs::remove_file(self.folder.join(name));
        }
        self.make()
    }

    /// The commit that a ref of it leads to.
    pub async fn resolve(&self, name: &str) -> Result<Option<String>, Fault> {
        let peeled = format!("{name}^{{commit}}");
        let arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options", &peeled];
        let answer = self.local(&arguments, SHORT_MAX).await?;
        if answer.status.code().is_none() {
            return Err(Fault::Passing("git was killed while it looked for a commit".to_owned()));
        }
        let id = String::from_utf8_lossy(&answer.output).trim().to_owned();
        Ok((answer.status.success() && is_id(&id)).then_some(id))
    }

    /// Runs git on it, without a remote; at most `output` bytes of answer.
    pub async fn local(&self, arguments: &[&str], output: usize) -> Result<Answer, Fault> {
        self.call(arguments, output).run().await
    }

    /// As [`OwnCopy::local`], to be changed before it runs.
    pub fn call(&self, arguments: &[&str], output: usize) -> Call<'_> {
        Call {
            folder: &self.folder,
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            configuration: Vec::new(),
            access: None,
            input: Input::Nothing,
            time: LOCAL,
            output,
            file: None,
        }
    }
}

/// Locks and half-written packs of those who were killed, and what keeps packs from being packed anew.
/// Only who holds our own lock may.
fn clear(folder: &Path) {
    let within = ["", "objects/pack", "refs", "refs/classiclinkd"];
    for folder in within.map(|name| folder.join(name)) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let left = name.ends_with(".lock") && name != "classiclinkd.lock"
                || name.ends_with(".keep")
                || name.starts_with("tmp_")
                || name.starts_with(".tmp-");
            if left {
                let _gone = fs::remove_file(entry.path());
            }
        }
    }
}
