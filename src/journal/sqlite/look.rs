//! Reading a journal without a word in it.

use super::{Head, anchor, anchored, marker, read, schema, store, text};
use crate::clock::Moment;
use crate::journal::{Accepted, Item, JournalError, restore};
use crate::ledger::{self, Event, Ledger};
use crate::model::Digest;
use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::Path;

/// What a journal holds.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// Every entry, in order.
    pub items: Vec<Item>,
    /// What they mean.
    pub ledger: Ledger,
    /// The last accepted revision, if its manifests are all there.
    pub accepted: Option<Accepted>,
}

/// A chain that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Entries in it.
    pub entries: u64,
    /// Entries before it that were forgotten because of their age.
    pub forgotten: u64,
    /// Number and time of the first entry.
    pub first: Option<(u64, Timestamp)>,
    /// Number, time and hash of the last entry.
    pub last: Option<(u64, Timestamp, Digest)>,
}

pub(super) fn open(folder: &Path) -> Result<Connection, JournalError> {
    let path = folder.join(crate::journal::FILE);
    // One in a folder that may not be entered is not missing.
    if matches!(path.try_exists(), Ok(false)) {
        marker::expect_none(&path)?;
        return Err(JournalError::Missing { path: folder.display().to_string() });
    }
    let connection =
        Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(store)?;
    connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(store)?;
    if is_half_written(&connection) || schema::format(&connection)? == 0 {
        // Its maker did not come to its end: only a writer can bring it there.
        drop(connection);
        return schema::prepare(&path);
    }
    Ok(connection)
}

/// Whether a process was killed before the file had its write-ahead log: what it began has to be rolled
/// back, and SQLite reads nothing until that is done.
fn is_half_written(connection: &Connection) -> bool {
    let read = connection.query_row("PRAGMA user_version", [], |_| Ok(()));
    read.is_err_and(|error| error.sqlite_error_code() == Some(ErrorCode::ReadOnly))
}

/// Reads the journal of a state folder, which another process may be writing.
///
/// # Errors
/// [`JournalError`]; [`JournalError::Missing`] where there is none.
pub fn look(folder: &Path, now: Moment) -> Result<Past, JournalError> {
    all(folder, now).map_err(reading)
}

/// A failure of somebody who only reads.
fn reading(error: JournalError) -> JournalError {
    match error {
        JournalError::Store(why) => JournalError::Unreadable(why),
        other => other,
    }
}

fn all(folder: &Path, now: Moment) -> Result<Past, JournalError> {
    let connection = open(folder)?;
    let (_, items, _) = checked(&connection)?;
    if items.is_empty() {
        marker::expect_none(&folder.join(crate::journal::FILE))?;
    }
    let mut ledger = Ledger::default();
    for Item { seq, at, event } in &items {
        ledger.take(*seq, ledger::Past { wall: *at, monotonic: None }, event, now);
    }
    let said = ledger.accepted().cloned();
    let accepted =
        said.map(|said| restore(&said, |digest| text(&connection, digest))).transpose()?;
    Ok(Past { items, ledger, accepted })
}

/// Checks the chain of a state folder's journal.
///
/// # Errors
/// [`JournalError::Broken`] with the number of the first entry that does not fit, [`JournalError::Text`]
/// where the text of an accepted manifest is not the one that was accepted.
pub fn verify(folder: &Path) -> Result<Verified, JournalError> {
    chain(folder).map_err(reading)
}

fn chain(folder: &Path) -> Result<Verified, JournalError> {
    let connection = open(folder)?;
    let (begins, items, head) = checked(&connection)?;
    if items.is_empty() {
        marker::expect_none(&folder.join(crate::journal::FILE))?;
    }
    for item in &items {
        if let Event::Accepted(accepted) = &item.event {
            restore(accepted, |digest| text(&connection, digest))?;
        }
    }
    let first = items.first().map(|item| (item.seq, item.at));
    let last = items.last().zip(head.hash).map(|(item, hash)| (item.seq, item.at, hash));
    Ok(Verified { entries: items.len() as u64, forgotten: begins.seq, first, last })
}

/// Where the chain begins, its entries, and where it ends. Read in one transaction, so that a writer
/// cannot come between.
fn checked(connection: &Connection) -> Result<(Head, Vec<Item>, Head), JournalError> {
    connection.execute_batch("BEGIN").map_err(store)?;
    let begins = anchor(connection)?;
    let (items, head) = read(connection, begins.clone())?;
    anchored(connection, &items)?;
    connection.execute_batch("COMMIT").map_err(store)?;
    Ok((begins, items, head))
}
