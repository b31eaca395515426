//! That a state folder had a journal: without this, one that was lost would be taken for one that never
//! was, and a new one would forget every budget, pause and protection without a word.

use crate::journal::JournalError;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

fn beside(journal: &Path) -> PathBuf {
    journal.with_file_name(crate::journal::MARKER)
}

/// Notes that the journal holds something.
pub(super) fn set(journal: &Path) -> Result<(), JournalError> {
    let path = beside(journal);
    let fail = |error: std::io::Error| JournalError::Store(format!("{}: {error}", path.display()));
    if path.exists() {
        return Ok(());
    }
    let mut private = OpenOptions::new();
    private.create(true).truncate(false).write(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    private.open(&path).and_then(|file| file.sync_all()).map_err(fail)
}

/// Whether a journal that is empty or missing may be so.
///
/// # Errors
/// [`JournalError::Lost`]: it held something once.
pub(super) fn expect_none(journal: &Path) -> Result<(), JournalError> {
    let marker = beside(journal);
    // What cannot be looked at counts as there.
    match marker.try_exists() {
        Ok(false) => Ok(()),
        _ => Err(JournalError::Lost { marker: marker.display().to_string() }),
    }
}
