//! The commit that a revision was read from.

use crate::model::{Commit, Digest, Revision};
use serde::{Deserialize, Serialize};

/// Members of an entry that names a revision.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Origin {
    revision: String,
    #[serde(flatten)]
    commit: CommitBody,
}

/// A commit, as far as it is known. The last three members came later.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommitBody {
    commit: Option<String>,
    author: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    committer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    committed_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
}

impl Origin {
    pub fn of(revision: &Revision) -> Self {
        let commit = revision.commit.as_ref().map(CommitBody::of).unwrap_or_default();
        Self { revision: revision.digest.to_string(), commit }
    }

    pub fn revision(self) -> Option<Revision> {
        let is_known = self.commit.commit.is_some();
        let commit = is_known.then(|| self.commit.commit());
        Some(Revision { digest: Digest::parse(&self.revision)?, commit })
    }
}

impl CommitBody {
    pub fn of(commit: &Commit) -> Self {
        let Commit { id, author, committer, at, subject } = commit.clone();
        let committed_at = at.map(|at| at.to_string());
        Self { commit: Some(id), author, committer, committed_at, subject }
    }

    pub fn commit(self) -> Commit {
        let Self { commit, author, committer, committed_at, subject } = self;
        let at = committed_at.and_then(|at| at.parse().ok());
        Commit { id: commit.unwrap_or_default(), author, committer, at, subject }
    }
}
