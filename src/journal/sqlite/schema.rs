//! The tables, and how a file of an earlier version comes to have them.

use super::store;
use crate::journal::JournalError;
use rusqlite::Connection;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

/// How long a write waits for one of another process.
const BUSY: Duration = Duration::from_secs(5);

/// What makes each format of the one before, from an empty file on. Never changed, only added to.
pub(super) const MIGRATIONS: [&str; 2] = [
    "
    CREATE TABLE entry (
        seq  INTEGER PRIMARY KEY,
        at   TEXT NOT NULL,
        kind TEXT NOT NULL,
        body TEXT NOT NULL,
        hash TEXT NOT NULL
    ) STRICT;
    CREATE TABLE manifest (digest TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT;
    CREATE TRIGGER entry_is_append_only_1 BEFORE UPDATE ON entry
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
    CREATE TRIGGER entry_is_append_only_2 BEFORE DELETE ON entry
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
    ",
    // Retention: entries up to the anchor may go.
    "
    CREATE TABLE anchor (
        one  INTEGER PRIMARY KEY CHECK (one = 1),
        seq  INTEGER NOT NULL,
        hash TEXT NOT NULL
    ) STRICT;
    DROP TRIGGER entry_is_append_only_2;
    CREATE TRIGGER entry_is_append_only_2 BEFORE DELETE ON entry
        WHEN OLD.seq > COALESCE((SELECT seq FROM anchor), 0)
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
    ",
];

/// Opens or makes the file, and brings it to the newest format.
pub(super) fn prepare(path: &Path) -> Result<Connection, JournalError> {
    // SQLite gives its side files the mode of the file.
    let mut private = OpenOptions::new();
    private.create(true).truncate(false).write(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    let shown = |error: std::io::Error| JournalError::Store(format!("{}: {error}", path.display()));
    private.open(path).map_err(shown)?;
    let mut connection = Connection::open(path).map_err(store)?;
    connection.busy_timeout(BUSY).map_err(store)?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;",
        )
        .map_err(store)?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// The format of an open file.
pub(super) fn format(connection: &Connection) -> Result<usize, JournalError> {
    let found: i64 =
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(store)?;
    let known = MIGRATIONS.len();
    match usize::try_from(found) {
        Ok(format) if format <= known => Ok(format),
        _ => Err(JournalError::Newer { found, known: i64::try_from(known).unwrap_or(i64::MAX) }),
    }
}

fn migrate(connection: &mut Connection) -> Result<(), JournalError> {
    if format(connection)? == MIGRATIONS.len() {
        return Ok(());
    }
    let behaviour = rusqlite::TransactionBehavior::Immediate;
    let transaction = connection.transaction_with_behavior(behaviour).map_err(store)?;
    // Another process may have been first.
    let from = format(&transaction)?;
    for (done, migration) in MIGRATIONS.iter().enumerate().skip(from) {
        let step = format!("{migration} PRAGMA user_version = {};", done + 1);
        transaction.execute_batch(&step).map_err(store)?;
    }
    transaction.commit().map_err(store)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let connection = prepare(&folder.path().join("journal.sqlite")).unwrap();
        let said: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
        assert_eq!(said, 2, "2 is FULL");
    }
}
