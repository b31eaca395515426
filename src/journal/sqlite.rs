//! The chain in an SQLite file, written by a thread of its own.
//!
//! The thread takes everything that waits and commits it at once, so that many intents cost one
//! sync. A commit is durable when it is answered: write-ahead log, full sync.

use super::chain::{Entry, Fold};
use super::record::Record;
use super::{JournalError, Recovered};
use crate::model::Digest;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::fs::OpenOptions;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use tokio::sync::oneshot;

const FORMAT: i64 = 1;
/// Appends that one commit takes at most.
const BATCH: usize = 256;

const SCHEMA: &str = "
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
";

struct Append {
    at: Timestamp,
    record: Record,
    texts: Vec<(Digest, Arc<str>)>,
    done: oneshot::Sender<Result<u64, String>>,
}

/// The way to the writing thread, which ends when the last of these is dropped.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Append>,
}

impl Writer {
    pub async fn append(
        &self,
        at: Timestamp,
        record: Record,
        texts: Vec<(Digest, Arc<str>)>,
    ) -> Result<u64, JournalError> {
        let (done, answer) = oneshot::channel();
        let append = Append { at, record, texts, done };
        self.queue.send(append).map_err(|_| JournalError::Stopped)?;
        match answer.await {
            Ok(result) => result.map_err(JournalError::Store),
            Err(_) => Err(JournalError::Stopped),
        }
    }
}

/// Opens or makes the file, checks the chain, and starts the writer.
pub(super) fn open(path: &Path) -> Result<(Writer, Recovered), JournalError> {
    let connection = prepare(path)?;
    let fold = read(&connection)?;
    let last = fold.last.clone();
    let recovered = fold.recovered(|digest| text(&connection, digest));
    let place = FilePlace::of(path)?;
    let (queue, appends) = mpsc::channel();
    std::thread::Builder::new()
        .name("journal".to_owned())
        .spawn(move || write(connection, &place, last, &appends))
        .map_err(|error| JournalError::Store(error.to_string()))?;
    Ok((Writer { queue }, recovered))
}

fn store(error: rusqlite::Error) -> JournalError {
    JournalError::Store(error.to_string())
}

fn prepare(path: &Path) -> Result<Connection, JournalError> {
    // SQLite gives its side files the mode of the file.
    let mut private = OpenOptions::new();
    private.create(true).truncate(false).write(true).mode(0o600);
    private.open(path).map_err(|error| JournalError::Store(error.to_string()))?;
    let connection = Connection::open(path).map_err(store)?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;",
        )
        .map_err(store)?;
    let found: i64 =
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(store)?;
    match found {
        FORMAT => Ok(connection),
        0 => {
            let make = format!("BEGIN; {SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;");
            connection.execute_batch(&make).map_err(store)?;
            Ok(connection)
        }
        _ => Err(JournalError::Newer { found, known: FORMAT }),
    }
}

fn read(connection: &Connection) -> Result<Fold, JournalError> {
    let mut fold = Fold::default();
    let mut select = connection
        .prepare("SELECT seq, at, kind, body, hash FROM entry ORDER BY seq")
        .map_err(store)?;
    let mut rows = select.query([]).map_err(store)?;
    while let Some(row) = rows.next().map_err(store)? {
        let seq: i64 = row.get(0).map_err(store)?;
        let seq = u64::try_from(seq).map_err(|_| JournalError::Broken(0))?;
        let hash: String = row.get(4).map_err(store)?;
        fold.take(Entry {
            seq,
            at: row.get(1).map_err(store)?,
            kind: row.get(2).map_err(store)?,
            body: row.get(3).map_err(store)?,
            hash: Digest::parse(&hash).ok_or(JournalError::Broken(seq))?,
        })?;
    }
    Ok(fold)
}

fn text(connection: &Connection, digest: &str) -> Option<Arc<str>> {
    let select = "SELECT text FROM manifest WHERE digest = ?1";
    let found = connection.query_row(select, [digest], |row| row.get::<_, String>(0)).optional();
    found.ok().flatten().map(Arc::from)
}

/// Which file a path led to: SQLite goes on writing to one that was removed or replaced.
struct FilePlace {
    path: PathBuf,
    file: (u64, u64),
}

impl FilePlace {
    fn of(path: &Path) -> Result<Self, JournalError> {
        let metadata =
            std::fs::metadata(path).map_err(|error| JournalError::Store(error.to_string()))?;
        Ok(Self { path: path.to_owned(), file: (metadata.dev(), metadata.ino()) })
    }

    fn check(&self) -> Result<(), String> {
        match std::fs::metadata(&self.path) {
            Ok(now) if (now.dev(), now.ino()) == self.file => Ok(()),
            Ok(_) => Err(format!("{} was replaced by another file", self.path.display())),
            Err(error) => Err(format!("{}: {error}", self.path.display())),
        }
    }
}

fn write(
    mut connection: Connection,
    place: &FilePlace,
    mut last: Option<Entry>,
    appends: &mpsc::Receiver<Append>,
) {
    while let Ok(first) = appends.recv() {
        let batch: Vec<Append> =
            std::iter::once(first).chain(appends.try_iter().take(BATCH - 1)).collect();
        let committed = place.check().and_then(|()| {
            commit(&mut connection, last.clone(), &batch).map_err(|error| error.to_string())
        });
        match committed {
            Ok(entries) => {
                for (append, entry) in batch.into_iter().zip(&entries) {
                    // Nobody waits any more: the entry stands all the same.
                    let _gone = append.done.send(Ok(entry.seq));
                }
                last = entries.into_iter().next_back().or(last);
            }
            Err(error) => {
                tracing::error!(%error, "the journal cannot be written; nothing is sent");
                for append in batch {
                    let _gone = append.done.send(Err(error.clone()));
                }
            }
        }
    }
}

fn commit(
    connection: &mut Connection,
    mut last: Option<Entry>,
    batch: &[Append],
) -> Result<Vec<Entry>, rusqlite::Error> {
    let transaction = connection.transaction()?;
    let mut entries = Vec::with_capacity(batch.len());
    for Append { at, record, texts, .. } in batch {
        for (digest, text) in texts {
            transaction
                .prepare_cached("INSERT OR IGNORE INTO manifest (digest, text) VALUES (?1, ?2)")?
                .execute(params![digest.as_str(), &**text])?;
        }
        let entry = Entry::after(last.as_ref(), *at, record);
        transaction
            .prepare_cached(
                "INSERT INTO entry (seq, at, kind, body, hash) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                entry.seq.cast_signed(),
                entry.at,
                entry.kind,
                entry.body,
                entry.hash.as_str()
            ])?;
        last = Some(entry.clone());
        entries.push(entry);
    }
    transaction.commit()?;
    Ok(entries)
}
