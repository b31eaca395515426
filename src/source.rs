//! Where manifests come from: a folder, or a ref of a Git repository.
//!
//! Events are hints. What counts is the content of the whole tree, read through one resolved root,
//! the same twice across a settling time: a checkout half done, a file half written or a link
//! swapped in the middle of a reading must never pass for what somebody meant. Whatever cannot be
//! read is said and never taken for absent.

use crate::manifest::File;
use crate::model::{Commit, Digest, Revision};
use std::sync::Arc;
use std::time::Duration;

mod chain;
mod disk;
mod events;
mod folder;
mod follow;
mod checkout;
mod committed;
mod imagined;
mod known;
mod listed;
mod open;
mod origin;
mod unreadable;
mod walk;

pub use events::Tried;
pub use folder::{settled, watch};
pub use follow::Wake;
pub use imagined::Imagined;
pub use origin::{History, Origin, options};
pub use unreadable::{Problem, Unreadable};
pub use walk::{read, rehearse};

/// Every manifest file of a tree, ordered by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// At least one.
    pub files: Vec<File>,
    /// Over the names and the contents.
    pub digest: Digest,
    /// The commit that holds them, where they were read from one.
    pub commit: Option<Commit>,
}

/// How long a reader waits for a tree to come to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long nothing may change between two readings that agree.
    pub settle: Duration,
    /// How long to wait for that at most.
    pub settle_max: Duration,
    /// How often to read whether or not an event came: events get lost.
    pub poll: Duration,
}

impl Snapshot {
    /// The files of a tree, ordered by path.
    pub fn of(files: Vec<File>) -> Self {
        let part = |file: &File| [file.path.to_string(), file.digest().to_string()];
        let parts: Vec<String> = files.iter().flat_map(part).collect();
        Self { digest: Digest::of(parts.iter().map(String::as_bytes)), files, commit: None }
    }

    /// The revision that it is.
    pub fn revision(&self) -> Revision {
        Revision { digest: self.digest.clone(), commit: self.commit.clone() }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            settle: Duration::from_millis(500),
            settle_max: Duration::from_secs(5),
            poll: Duration::from_secs(15),
        }
    }
}

/// What is known about the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing yet.
    Reading,
    /// It came to rest with this content.
    Settled(Arc<Snapshot>),
    /// It cannot be read, or does not come to rest. The last accepted revision stays in force.
    Unreadable(Arc<Unreadable>),
}

/// What a watched folder last said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What is known.
    pub state: State,
    /// Something changed and has not settled: no call may be made on old knowledge.
    pub unsettled: bool,
    /// Grows with every change of the other two.
    pub sequence: u64,
}

#[cfg(test)]
mod tests;
