//! Forgetting old entries, with the chain still verifiable: it goes on from the hash of the last one
//! forgotten, and an entry in it says that this was done.

use super::writer::insert;
use super::{Head, anchor, entry, read, store};
use crate::clock::Moment;
use crate::journal::JournalError;
use crate::journal::books::Books;
use crate::journal::chain::Entry;
use crate::ledger::Event;
use crate::ledger::event::{Accepted, Pruned};
use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};
use std::collections::BTreeSet;

/// What came of forgetting.
pub(super) struct Pruning {
    /// Entries that went.
    pub forgotten: u64,
    /// Where the chain is now.
    pub head: Head,
    /// What was appended.
    pub appended: Vec<(Entry, Event)>,
}

/// Forgets what was written before `cutoff` and nothing depends on. Appended are the revision in force, if its entry was among them, and the note that entries were
/// forgotten.
pub(super) fn prune(
    connection: &mut Connection,
    head: Head,
    books: &Books,
    cutoff: Timestamp,
    now: Moment,
) -> Result<Pruning, JournalError> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(store)?;
    // What others wrote meanwhile may be a pause, which is needed.
    let (foreign, head) = read(&transaction, head)?;
    books.take_foreign(&foreign, now);
    let needed = books.read(|ledger| ledger.oldest_needed()).unwrap_or(u64::MAX);
    let begins = anchor(&transaction)?;
    let Some(last) = last_before(&transaction, cutoff, needed.min(head.seq))? else {
        return Ok(Pruning { forgotten: 0, head, appended: Vec::new() });
    };
    let mut after = head;
    let mut appended = Vec::new();
    let mut append = |event: Event| {
        let entry = after.then(now.wall, &event);
        after.go_to(&entry);
        insert(&transaction, &entry).map_err(store)?;
        appended.push((entry, event));
        Ok::<(), JournalError>(())
    };
    let in_force = books.read(|ledger| {
        let old = ledger.accepted_by().is_some_and(|seq| seq <= last.seq);
        let accepted = ledger.accepted().filter(|_| old)?;
        // What was detached with leave is not lost once more by being written down again.
        let shrunk = accepted.shrunk.iter().filter_map(|shrunk| ledger.shrunk(&shrunk.scope));
        let taken_out = ledger.all_taken_out().map(|(link, by)| (link.clone(), by.clone()));
        let (shrunk, taken_out) = (shrunk.collect(), taken_out.collect());
        Some(Accepted { shrunk, taken_out, ..accepted.clone() })
    });
    if let Some(accepted) = in_force {
        append(Event::Accepted(accepted))?;
    }
    append(Event::Pruned(Pruned { up_to: last.seq, hash: last.hash.clone() }))?;
    transaction
        .execute(
            "INSERT OR REPLACE INTO anchor (one, seq, hash) VALUES (1, ?1, ?2)",
            params![last.seq.cast_signed(), last.hash.as_str()],
        )
        .map_err(store)?;
    transaction
        .execute("DELETE FROM entry WHERE seq <= ?1", [last.seq.cast_signed()])
        .map_err(store)?;
    forget_texts(&transaction)?;
    transaction.commit().map_err(store)?;
    Ok(Pruning { forgotten: last.seq - begins.seq, head: after, appended })
}

/// The last entry that was written before `cutoff` and has a number below `needed`.
fn last_before(
    connection: &Connection,
    cutoff: Timestamp,
    needed: u64,
) -> Result<Option<Entry>, JournalError> {
    let mut select = connection
        .prepare("SELECT seq, at, kind, body, hash FROM entry WHERE seq < ?1 ORDER BY seq")
        .map_err(store)?;
    let mut rows = select.query([needed.cast_signed()]).map_err(store)?;
    let mut last = None;
    while let Some(row) = rows.next().map_err(store)? {
        let entry = entry(row, 0)?;
        // A clock that was set back once does not end the search early: it only keeps more.
        match entry.at.parse::<Timestamp>() {
            Ok(at) if at < cutoff => last = Some(entry),
            _ => break,
        }
    }
    Ok(last)
}

/// Texts of manifests that no entry names any more.
fn forget_texts(connection: &Connection) -> Result<(), JournalError> {
    let (items, _) = read(connection, anchor(connection)?)?;
    let named: BTreeSet<&str> = items
        .iter()
        .filter_map(|item| match &item.event {
            Event::Accepted(accepted) => Some(accepted),
            _ => None,
        })
        .flat_map(|accepted| accepted.files.iter().map(|(_, digest)| digest.as_str()))
        .collect();
    let mut select = connection.prepare("SELECT digest FROM manifest").map_err(store)?;
    let stored: Vec<String> =
        select.query_map([], |row| row.get(0)).and_then(Iterator::collect).map_err(store)?;
    for digest in stored.iter().filter(|digest| !named.contains(digest.as_str())) {
        connection.execute("DELETE FROM manifest WHERE digest = ?1", [digest]).map_err(store)?;
    }
    Ok(())
}
