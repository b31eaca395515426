//! Reading a journal without a word in it.

use super::{Head, anchor, anchored, read, schema, store, text};
use crate::clock::Moment;
use crate::journal::{Accepted, Item, JournalError, restore};
use crate::ledger::{self, Ledger};
use crate::model::Digest;
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
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

fn open(folder: &Path) -> Result<Connection, JournalError> {
    let path = folder.join(crate::journal::FILE);
    // One in a folder that may not be entered is not missing.
    if matches!(path.try_exists(), Ok(false)) {
        return Err(JournalError::Missing { path: folder.display().to_string() });
    }
    let connection =
        Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(store)?;
    connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(store)?;
    if schema::format(&connection)? < schema::MIGRATIONS.len() {
        // Only a writer may bring it up to date.
        drop(connection);
        return schema::prepare(&path);
    }
    Ok(connection)
}

/// Reads the journal of a state folder, which another process may be writing.
///
/// # Errors
/// [`JournalError`]; [`JournalError::Missing`] where there is none.
pub fn look(folder: &Path, now: Moment) -> Result<Past, JournalError> {
    let connection = open(folder)?;
    let (_, items, _) = checked(&connection)?;
    let mut ledger = Ledger::default();
    for Item { seq, at, event } in &items {
        ledger.take(*seq, ledger::Past { wall: *at, monotonic: None }, event, now);
    }
    let said = ledger.accepted().cloned();
    let accepted = said.and_then(|said| restore(&said, |digest| text(&connection, digest)));
    Ok(Past { items, ledger, accepted })
}

/// Checks the chain of a state folder's journal.
///
/// # Errors
/// [`JournalError::Broken`] with the number of the first entry that does not fit.
pub fn verify(folder: &Path) -> Result<Verified, JournalError> {
    let connection = open(folder)?;
    let (begins, items, head) = checked(&connection)?;
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
