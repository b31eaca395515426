//! The end of a journal, in bounded time and memory, however long it is.

use super::look::open;
use super::{Head, anchor, read, store};
use crate::journal::{Item, JournalError};
use crate::model::Digest;
use rusqlite::Connection;
use std::path::Path;

/// The last entries of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tail {
    /// They, in order.
    pub items: Vec<Item>,
    /// Whether they are all there are.
    pub complete: bool,
}

/// Reads the last entries, at most so many and of so many characters, of a journal that another thread
/// or process may be writing; `None` where `known` is still the last one. Checks the chain among them.
///
/// # Errors
/// [`JournalError`]; [`JournalError::Missing`] where there is none.
pub fn tail(
    folder: &Path,
    known: Option<u64>,
    most: u64,
    most_characters: u64,
) -> Result<Option<Tail>, JournalError> {
    let connection = open(folder)?;
    // One transaction, so that a writer cannot come between.
    connection.execute_batch("BEGIN").map_err(store)?;
    let begins = anchor(&connection)?;
    let last = last(&connection)?.unwrap_or(begins.seq);
    if known == Some(last) {
        return Ok(None);
    }
    let first = first(&connection, most, most_characters)?.unwrap_or(last + 1);
    let complete = first <= begins.seq + 1;
    let head = if complete { begins } else { head(&connection, first - 1)? };
    let (items, _) = read(&connection, head)?;
    Ok(Some(Tail { items, complete }))
}

fn number(of: i64) -> Result<u64, JournalError> {
    u64::try_from(of).map_err(|_| JournalError::Broken(0))
}

fn last(connection: &Connection) -> Result<Option<u64>, JournalError> {
    let found = connection
        .query_row("SELECT max(seq) FROM entry", [], |row| row.get::<_, Option<i64>>(0))
        .map_err(store)?;
    found.map(number).transpose()
}

/// The first of the last entries; none of an empty journal.
fn first(
    connection: &Connection,
    most: u64,
    most_characters: u64,
) -> Result<Option<u64>, JournalError> {
    let select = "SELECT seq, length(body) FROM entry ORDER BY seq DESC LIMIT ?1";
    let mut select = connection.prepare_cached(select).map_err(store)?;
    let mut rows = select.query([most.cast_signed()]).map_err(store)?;
    let (mut first, mut characters) = (None, 0u64);
    while let Some(row) = rows.next().map_err(store)? {
        characters = characters.saturating_add(number(row.get(1).map_err(store)?)?);
        // The last one is told, whatever its length.
        if first.is_some() && characters > most_characters {
            break;
        }
        first = Some(number(row.get(0).map_err(store)?)?);
    }
    Ok(first)
}

/// The head that the entry after `seq` continues.
fn head(connection: &Connection, seq: u64) -> Result<Head, JournalError> {
    let select = "SELECT hash FROM entry WHERE seq = ?1";
    let hash = connection.query_row(select, [seq.cast_signed()], |row| row.get::<_, String>(0));
    let hash = Digest::parse(&hash.map_err(store)?).ok_or(JournalError::Broken(seq))?;
    Ok(Head { seq, hash: Some(hash) })
}
