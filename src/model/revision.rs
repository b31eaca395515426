//! Which state of the manifests a decision was made on.

use super::Digest;
use std::fmt;

/// One accepted snapshot of the whole tree of manifests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision {
    /// Digest of the names and contents of every manifest.
    pub digest: Digest,
    /// The commit the tree was read from, where known.
    pub commit: Option<String>,
    /// Who wrote that commit, where known.
    pub author: Option<String>,
}

impl Revision {
    /// A revision of which nothing but the content is known.
    pub fn of_content(digest: Digest) -> Self {
        Self { digest, commit: None, author: None }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digest.short())?;
        if let Some(commit) = &self.commit {
            write!(f, " (commit {})", commit.get(..12).unwrap_or(commit))?;
        }
        Ok(())
    }
}
