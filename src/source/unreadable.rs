//! Why a tree cannot be read.

use crate::model::{Commit, is_unprintable};
use std::fmt;
use std::path::{Path, PathBuf};

/// Most problems that one message shows.
const SHOWN_MAX: usize = 20;

/// One thing that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// What.
    pub path: PathBuf,
    /// Why not.
    pub why: String,
    /// What to do.
    pub help: String,
    /// It goes away by itself, as a rule: worth waiting for.
    pub(super) passing: bool,
}

impl Problem {
    pub(super) fn new(path: &Path, why: impl Into<String>, help: impl Into<String>) -> Self {
        Self { path: path.to_owned(), why: why.into(), help: help.into(), passing: false }
    }

    pub(super) fn passing(path: &Path, why: impl Into<String>, help: impl Into<String>) -> Self {
        Self { passing: true, ..Self::new(path, why, help) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever can create files can choose names that a terminal would obey.
        let path = self.path.to_string_lossy();
        write!(f, "{}: {}; {}", harmless(&path), harmless(&self.why), self.help)
    }
}

/// Nothing that a terminal would obey.
fn harmless(text: &str) -> String {
    let escaped = |c: char| match is_unprintable(c) {
        true => c.escape_unicode().to_string(),
        false => c.to_string(),
    };
    text.chars().map(escaped).collect()
}

/// Everything of a tree that cannot be read, at least one thing, ordered by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Each with what to do.
    pub problems: Vec<Problem>,
    /// The commit that it is of, where there is one.
    pub commit: Option<Box<Commit>>,
}

impl Unreadable {
    /// Whether all of it should go away by itself.
    pub(super) fn is_passing(&self) -> bool {
        self.problems.iter().all(|problem| problem.passing)
    }
}

impl From<Problem> for Unreadable {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem], commit: None }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.commit {
            Some(commit) => {
                write!(f, "read the manifests of commit {}{}: ", commit.short(), commit.made())?
            }
            None => f.write_str("read the manifests: ")?,
        }
        for (index, problem) in self.problems.iter().take(SHOWN_MAX).enumerate() {
            let separator = if index == 0 { "" } else { " | " };
            write!(f, "{separator}{problem}")?;
        }
        match self.problems.len().saturating_sub(SHOWN_MAX) {
            0 => Ok(()),
            more => write!(f, " | and {more} more"),
        }
    }
}

impl std::error::Error for Unreadable {}
