//! Which state of the manifests a decision was made on.

use super::{Digest, printable};
use jiff::Timestamp;
use std::fmt;

/// One accepted snapshot of the whole tree of manifests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision {
    /// Digest of the names and contents of every manifest.
    pub digest: Digest,
    /// The commit the tree was read from, where known.
    pub commit: Option<Commit>,
}

/// A commit, as whoever made it described it: foreign text, apart from the id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commit {
    /// Its id, in hexadecimal digits.
    pub id: String,
    /// Who wrote the change: name and address.
    pub author: Option<String>,
    /// Who made the commit of it.
    pub committer: Option<String>,
    /// When, as the committer's clock had it.
    pub at: Option<Timestamp>,
    /// The first line of the message.
    pub subject: Option<String>,
}

/// How a commit stands to the one that was accepted before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lineage {
    /// There are no commits to compare, or it is the same one.
    None,
    /// It is a descendant, so many commits later.
    Follows(u64),
    /// It is none: the branch was rewritten, or set back.
    Leaves,
    /// That could not be found out, and why.
    Unknown(String),
}

/// The commit that took a link out of the manifests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TakenOut {
    /// The commit.
    pub commit: Commit,
    /// It was this very one, and not one of several before it.
    pub exactly: bool,
}

impl Revision {
    /// As [`Commit::made`]; empty where there is no commit.
    pub fn made(&self) -> String {
        self.commit.as_ref().map(Commit::made).unwrap_or_default()
    }

    /// A revision of which nothing but the content is known.
    pub fn of_content(digest: Digest) -> Self {
        Self { digest, commit: None }
    }
}

impl Commit {
    /// A commit of which nothing but the id is known.
    pub fn of_id(id: impl Into<String>) -> Self {
        Self { id: id.into(), author: None, committer: None, at: None, subject: None }
    }

    /// Who made it and why, for the end of a line that names it: ` by Ann (Take web-7 out)`. Safe to print.
    pub fn made(&self) -> String {
        let by = self.author.as_deref().map(|author| format!(" by {}", printable(author)));
        let why = self.subject.as_deref().map(|subject| format!(" ({})", printable(subject)));
        by.into_iter().chain(why).collect()
    }

    /// The beginning of the id, enough for people.
    pub fn short(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }
}

impl Lineage {
    /// Whether a person should look before anything is taken by it: it does not continue what was
    /// accepted, or nobody knows.
    pub fn is_doubtful(&self) -> bool {
        matches!(self, Self::Leaves | Self::Unknown(_))
    }
}

/// The commit with its author, for the middle of a sentence; safe to print.
impl fmt::Display for TakenOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let which = if self.exactly { "commit" } else { "one of the commits up to" };
        write!(f, "{which} {}{}", printable(self.commit.short()), self.commit.made())
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digest.short())?;
        if let Some(commit) = &self.commit {
            write!(f, " (commit {})", commit.short())?;
        }
        Ok(())
    }
}
