//! How large the journal is and how long it takes, for whoever shows it.

use super::{Journal, Store};
use crate::clock::Timings;
use std::path::Path;

/// Bounds of a commit's duration, in seconds: a sync takes below a millisecond to some tens of them, and
/// seconds where the disk is in trouble.
pub(super) const COMMIT_BOUNDS: &[f64] =
    &[0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// What was measured of a journal.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// Size of its files, where there are any.
    pub bytes: Option<u64>,
    /// The number of the last entry.
    pub last: u64,
    /// How long commits of this process took, where there are any to take.
    pub commits: Option<Timings>,
}

impl Journal {
    /// What was measured so far. Looks at the size of files, and at nothing in them.
    pub fn measured(&self) -> Measured {
        let last = self.books.seen();
        match &self.store {
            Store::Sqlite(writer) => {
                Measured { bytes: size(writer.path()), last, commits: Some(writer.commits()) }
            }
            Store::Memory(_) | Store::Down(_) => Measured { last, ..Measured::default() },
        }
    }
}

/// Of the file and of what SQLite has written ahead beside it.
fn size(path: &Path) -> Option<u64> {
    let ahead = path.with_extension("sqlite-wal");
    let file = std::fs::metadata(path).ok()?.len();
    Some(file + std::fs::metadata(ahead).map_or(0, |metadata| metadata.len()))
}
