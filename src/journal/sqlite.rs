//! The chain in an SQLite file.

use super::books::Books;
use super::chain::{Entry, Head};
use super::{Accepted, Item, JournalError, restore};
use crate::clock::Clock;
use crate::ledger::Event;
use crate::model::Digest;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _};
use std::path::Path;
use std::sync::Arc;

mod look;
mod marker;
mod prune;
mod schema;
mod tail;
mod writer;

pub use look::{Past, Verified, look, verify};
pub use tail::{Tail, tail};
pub(super) use writer::Writer;

/// Opens or makes the file, checks the chain, and starts the writer.
pub(super) fn open(
    path: &Path,
    books: Books,
    clock: Arc<dyn Clock>,
) -> Result<(Writer, Option<Accepted>), JournalError> {
    let connection = schema::prepare(path)?;
    let (items, head) = read(&connection, anchor(&connection)?)?;
    anchored(&connection, &items)?;
    if items.is_empty() {
        marker::expect_none(path)?;
    } else {
        marker::set(path)?;
    }
    books.take_earlier(&items, clock.now());
    let accepted = books.read(|ledger| ledger.accepted().cloned());
    let accepted =
        accepted.map(|said| restore(&said, |digest| text(&connection, digest))).transpose()?;
    Ok((Writer::start(path, connection, head, books, clock)?, accepted))
}

fn store(error: rusqlite::Error) -> JournalError {
    match error.sqlite_error_code() {
        // Time does not mend it, so a person has to hear what does.
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            JournalError::Damaged(error.to_string())
        }
        _ => JournalError::Store(error.to_string()),
    }
}

/// Where the chain begins: after the last entry that was forgotten.
fn anchor(connection: &Connection) -> Result<Head, JournalError> {
    // The first format forgot nothing.
    if schema::format(connection)? < 2 {
        return Ok(Head::default());
    }
    let select = "SELECT seq, hash FROM anchor";
    let found = connection
        .query_row(select, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))
        .optional()
        .map_err(store)?;
    let Some((seq, hash)) = found else { return Ok(Head::default()) };
    let seq = u64::try_from(seq).map_err(|_| JournalError::Broken(0))?;
    Ok(Head { seq, hash: Some(Digest::parse(&hash).ok_or(JournalError::Broken(seq))?) })
}

/// Whether the place where the chain begins is the one that the chain itself says was cut off last:
/// else somebody else forgot entries.
fn anchored(connection: &Connection, items: &[Item]) -> Result<(), JournalError> {
    let said = items.iter().rev().find_map(|item| match &item.event {
        Event::Pruned(pruned) => Some((pruned.up_to, Some(pruned.hash.clone()))),
        _ => None,
    });
    let begins = anchor(connection)?;
    if said.unwrap_or_default() == (begins.seq, begins.hash) {
        Ok(())
    } else {
        Err(JournalError::Broken(begins.seq))
    }
}

/// Every entry after `head`, checked.
fn read(connection: &Connection, mut head: Head) -> Result<(Vec<Item>, Head), JournalError> {
    let mut select = connection
        .prepare_cached("SELECT seq, at, kind, body, hash FROM entry WHERE seq > ?1 ORDER BY seq")
        .map_err(store)?;
    let mut rows = select.query([head.seq.cast_signed()]).map_err(store)?;
    let mut items = Vec::new();
    while let Some(row) = rows.next().map_err(store)? {
        items.push(head.take(&entry(row, head.seq + 1)?)?);
    }
    Ok((items, head))
}

fn entry(row: &rusqlite::Row<'_>, expected: u64) -> Result<Entry, JournalError> {
    let seq: i64 = row.get(0).map_err(store)?;
    let hash: String = row.get(4).map_err(store)?;
    Ok(Entry {
        seq: u64::try_from(seq).map_err(|_| JournalError::Broken(expected))?,
        at: row.get(1).map_err(store)?,
        kind: row.get(2).map_err(store)?,
        body: row.get(3).map_err(store)?,
        hash: Digest::parse(&hash).ok_or(JournalError::Broken(expected))?,
    })
}

fn text(connection: &Connection, digest: &str) -> Option<Arc<str>> {
    let select = "SELECT text FROM manifest WHERE digest = ?1";
    let found = connection.query_row(select, [digest], |row| row.get::<_, String>(0)).optional();
    found.ok().flatten().map(Arc::from)
}
