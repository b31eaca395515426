//! A Git repository somewhere else: what a ref points to, a commit's files, who made it, whether it is
//! signed, and how it stands to another.
//!
//! The `git` program does the work (`dependencies.md` 8), in a bare repository of our own and in an
//! environment that we say: no configuration of the machine or of the repository, no hooks, no
//! prompts, no filters. Nothing is ever checked out: files are read as objects, by their digests, so
//! that there is no moment at which they are half of one commit and half of another.

use std::path::PathBuf;
use std::time::Duration;

mod command;
mod commits;
mod copy;
mod credentials;
mod fault;
mod lineage;
mod listing;
mod remote;
mod repository;
mod signers;

pub use commits::Between;
pub use fault::Fault;
pub use listing::{Entry, Kind};
pub use remote::{Folder, Reference, Remote, RemoteError};
pub use repository::{Repository, Tip};

/// Where the repository is, and how it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where it is.
    pub remote: Remote,
    /// Which of its branches, tags or commits.
    pub reference: Reference,
    /// The folder in it that holds the manifests.
    pub path: Folder,
    /// How often it is asked, give or take a tenth.
    pub interval: Duration,
    /// How long one exchange with it may take.
    pub timeout: Duration,
    /// Largest file that a fetch may write.
    pub size_max: u64,
    /// What it is asked with.
    pub access: Access,
    /// Whose commits are accepted.
    pub signers: Signers,
    /// A commit that does not continue the one before is as good as any: the branch is written anew each
    /// time, as branches of rendered manifests are.
    pub rewrites: bool,
}

/// What a repository is asked with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// A private key for ssh.
    pub ssh_key: Option<PathBuf>,
    /// The hosts' keys that ssh believes, as OpenSSH keeps them.
    pub known_hosts: Option<PathBuf>,
    /// The user name that goes with the token.
    pub user: Option<String>,
    /// A file with a token or password for https.
    pub token: Option<PathBuf>,
    /// Certificates to check https with, instead of the system's.
    pub ca: Option<PathBuf>,
}

/// Whose signatures are believed. Without any, commits need none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signers {
    /// An `allowed_signers` file of OpenSSH.
    pub ssh: Option<PathBuf>,
    /// A file with public keys of OpenPGP.
    pub gpg: Option<PathBuf>,
}

impl Settings {
    /// How often a repository is asked, unless it is said.
    pub const INTERVAL: Duration = Duration::from_secs(30);
    /// How long one exchange may take, unless it is said.
    pub const TIMEOUT: Duration = Duration::from_secs(120);
    /// Largest file that a fetch may write, unless it is said: 1 GiB.
    pub const SIZE_MAX: u64 = 1 << 30;

    /// A repository with everything else as it is by default.
    pub fn new(remote: Remote, reference: Reference, path: Folder) -> Self {
        Self {
            remote,
            reference,
            path,
            interval: Self::INTERVAL,
            timeout: Self::TIMEOUT,
            size_max: Self::SIZE_MAX,
            access: Access::default(),
            signers: Signers::default(),
            rewrites: false,
        }
    }

    /// Remote, ref and folder, by which the journal knows the source.
    pub fn name(&self) -> String {
        format!("{} {} {}", self.remote, self.reference, self.path)
    }
}

impl Signers {
    /// Whether commits have to be signed.
    pub fn are_asked_for(&self) -> bool {
        self.ssh.is_some() || self.gpg.is_some()
    }
}

#[cfg(test)]
pub(crate) mod tests;
