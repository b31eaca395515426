//! Where manifests come from: a folder of this machine, or a ref of a Git repository.

use super::committed::{Committed, faulty};
use super::follow::{Wake, follow};
use super::{Reading, Settings, Snapshot, Unreadable, walk};
use crate::clock::Clock;
use crate::git::{Between, Fault, Repository};
use crate::model::{Lineage, Revision};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

/// What to do about a repository that gives nothing to a single look.
const ONCE: &str = "mend that, or check --git, --ref, --path and `source.git`";

/// Where manifests come from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A ref of a Git repository.
    Git(Arc<Repository>),
}

/// Tells how two commits of an origin stand to each other. Clones share.
#[derive(Debug, Clone, Default)]
pub struct History(Option<Arc<Repository>>);

impl Origin {
    /// Keeps reading it, until `cancel` or until nobody listens any more. Must be called within a
    /// runtime.
    pub fn watch(
        &self,
        settings: Settings,
        clock: Arc<dyn Clock>,
        random: fastrand::Rng,
        cancel: CancellationToken,
    ) -> (watch::Receiver<Reading>, Wake) {
        match self {
            Self::Folder(root) => {
                (super::watch(root.clone(), settings, clock, cancel), Wake::default())
            }
            Self::Git(repository) => follow(Arc::clone(repository), random, cancel),
        }
    }

    /// Reads it once, as it is now.
    ///
    /// # Errors
    /// Everything that cannot be read.
    pub async fn read(&self) -> Result<Snapshot, Unreadable> {
        match self {
            Self::Folder(root) => {
                let folder = root.clone();
                let read = spawn_blocking(move || walk::read(&folder)).await;
                read.unwrap_or_else(|_| Err(super::folder::stopped(root).into()))
            }
            Self::Git(repository) => {
                let tip = repository
                    .tip()
                    .await
                    .map_err(|fault: Fault| faulty(repository, &fault, ONCE))?;
                let read = Committed::default().read(repository, &tip).await;
                read.map_err(|refused| refused.unreadable(repository, ONCE))
            }
        }
    }

    /// By what the journal knows it: a folder's absolute path with its symbolic links, which lead to
    /// another checkout every time git-sync swaps them; a repository's URL, ref and folder.
    ///
    /// # Errors
    /// If there is no current folder.
    pub fn name(&self) -> std::io::Result<String> {
        match self {
            Self::Folder(root) => Ok(std::path::absolute(root)?.display().to_string()),
            Self::Git(repository) => Ok(repository.settings().name()),
        }
    }

    /// What can tell how its commits stand to each other.
    pub fn history(&self) -> History {
        match self {
            Self::Folder(_) => History::default(),
            Self::Git(repository) => History(Some(Arc::clone(repository))),
        }
    }
}

/// The flags that lead to an origin of that name.
pub fn options(name: &str) -> String {
    let mut parts = name.splitn(3, ' ');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(url), Some(reference), Some(path)) if !name.starts_with('/') => {
            let path = path.trim_start_matches('/');
            let path = if path.is_empty() { String::new() } else { format!(" --path {path}") };
            format!("--git {url} --ref {reference}{path}")
        }
        _ => format!("--manifests {name}"),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(root) => write!(f, "{}", root.display()),
            Self::Git(repository) => f.write_str(&repository.settings().name()),
        }
    }
}

impl History {
    /// How `newer` stands to `older`, and who took out what between them.
    pub async fn between(&self, older: &Revision, newer: &Revision) -> Between {
        match (&self.0, &older.commit, &newer.commit) {
            (Some(repository), Some(older), Some(newer)) => repository.between(older, newer).await,
            _ => Between::of(Lineage::None),
        }
    }
}
