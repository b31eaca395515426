//! The commit that a revision was read from.

use crate::model::{Commit, Digest, Revision};
use serde::{Deserialize, Serialize};

/// Members of an entry that names a revision. The last three came later.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Origin {
    revision: String,
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
        let commit = revision.commit.clone();
        let (author, committer, at, subject) =
            commit.as_ref().map_or((None, None, None, None), |of| {
                (of.author.clone(), of.committer.clone(), of.at, of.subject.clone())
            });
        Self {
            revision: revision.digest.to_string(),
            commit: commit.map(|commit| commit.id),
            author,
            committer,
            committed_at: at.map(|at| at.to_string()),
            subject,
        }
    }

    pub fn revision(self) -> Option<Revision> {
        let Self { revision, commit, author, committer, committed_at, subject } = self;
        let at = committed_at.and_then(|at| at.parse().ok());
        let commit = commit.map(|id| Commit { id, author, committer, at, subject });
        Some(Revision { digest: Digest::parse(&revision)?, commit })
    }
}
