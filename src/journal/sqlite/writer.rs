//! The thread that writes.
//!
//! It takes everything that waits and commits it at once, so that many intents cost one sync. A commit
//! is durable when it is answered: write-ahead log, full sync. What other processes wrote is read and
//! checked before anything is appended, and looked for when there is nothing to do, so that an
//! operator's word is heard within [`POLL`].

use super::{Head, marker, prune, read, store};
use crate::clock::{Clock, Moment, Timings};
use crate::journal::books::Books;
use crate::journal::chain::Entry;
use crate::journal::measured::COMMIT_BOUNDS;
use crate::journal::{Item, JournalError, Text};
use crate::ledger::Event;
use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// How soon what another process wrote is noticed.
const POLL: Duration = Duration::from_millis(250);
/// Appends that one commit takes at most.
const BATCH: usize = 256;

enum Job {
    Append(Box<Append>),
    Prune(Timestamp, oneshot::Sender<Result<u64, String>>),
}

struct Append {
    at: Moment,
    event: Event,
    texts: Vec<Text>,
    done: oneshot::Sender<Result<u64, String>>,
}

/// The way to the writing thread, which ends when the last of these is dropped.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Job>,
    path: Arc<Path>,
    commits: Arc<Mutex<Timings>>,
}

/// Plain numbers are valid after any panic.
fn lock(commits: &Mutex<Timings>) -> MutexGuard<'_, Timings> {
    commits.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writer {
    pub fn start(
        path: &Path,
        connection: Connection,
        head: Head,
        books: Books,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, JournalError> {
        let place = FilePlace::of(path)?;
        let (queue, jobs) = mpsc::channel();
        let commits = Arc::new(Mutex::new(Timings::new(COMMIT_BOUNDS)));
        let taking = Arc::clone(&commits);
        let mut thread =
            Thread { connection, place, head, books, clock, commits: taking, version: 0 };
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || thread.run(&jobs))
            .map_err(|error| JournalError::Store(error.to_string()))?;
        Ok(Self { queue, path: path.into(), commits })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How long commits took so far.
    pub fn commits(&self) -> Timings {
        lock(&self.commits).clone()
    }

    pub async fn append(
        &self,
        at: Moment,
        event: Event,
        texts: Vec<Text>,
    ) -> Result<u64, JournalError> {
        self.ask(|done| Job::Append(Box::new(Append { at, event, texts, done }))).await
    }

    pub async fn prune(&self, cutoff: Timestamp) -> Result<u64, JournalError> {
        self.ask(|done| Job::Prune(cutoff, done)).await
    }

    async fn ask(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<u64, String>>) -> Job,
    ) -> Result<u64, JournalError> {
        let (done, answer) = oneshot::channel();
        self.queue.send(job(done)).map_err(|_| JournalError::Stopped)?;
        match answer.await {
            Ok(result) => result.map_err(JournalError::Store),
            Err(_) => Err(JournalError::Stopped),
        }
    }
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

    fn check(&self) -> Result<(), JournalError> {
        let path = self.path.display();
        match std::fs::metadata(&self.path) {
            Ok(now) if (now.dev(), now.ino()) == self.file => Ok(()),
            Ok(_) => Err(JournalError::Store(format!("{path} was replaced by another file"))),
            Err(error) => Err(JournalError::Store(format!("{path}: {error}"))),
        }
    }
}

struct Thread {
    connection: Connection,
    place: FilePlace,
    head: Head,
    books: Books,
    clock: Arc<dyn Clock>,
    commits: Arc<Mutex<Timings>>,
    /// SQLite's count of what other connections committed.
    version: i64,
}

impl Thread {
    fn run(&mut self, jobs: &mpsc::Receiver<Job>) {
        let mut waiting = None;
        loop {
            let job = match waiting.take() {
                Some(job) => Ok(job),
                None => jobs.recv_timeout(POLL),
            };
            match job {
                Ok(Job::Append(first)) => {
                    let mut batch = vec![*first];
                    while batch.len() < BATCH {
                        match jobs.try_recv() {
                            Ok(Job::Append(next)) => batch.push(*next),
                            Ok(other) => {
                                waiting = Some(other);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    self.append(batch);
                }
                Ok(Job::Prune(cutoff, done)) => {
                    let pruned = self.prune(cutoff).map_err(|error| why(&error));
                    let _gone = done.send(pruned);
                }
                Err(RecvTimeoutError::Timeout) => self.look(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn append(&mut self, batch: Vec<Append>) {
        let begun = self.clock.now();
        match self.place.check().and_then(|()| self.commit(&batch)) {
            Ok((foreign, entries)) => {
                let now = self.clock.now();
                lock(&self.commits).record(now.since(begun));
                self.books.take_foreign(&foreign, now);
                for (append, entry) in batch.iter().zip(&entries) {
                    self.books.take_own(entry.seq, &append.event, append.at, now);
                }
                self.books.set_trouble(None);
                for (append, entry) in batch.into_iter().zip(&entries) {
                    // Nobody waits any more: the entry stands all the same.
                    let _gone = append.done.send(Ok(entry.seq));
                }
            }
            Err(error) => {
                let error = why(&error);
                tracing::error!(%error, "the journal cannot be written; nothing is sent");
                self.books.set_trouble(Some(error.clone()));
                for append in batch {
                    let _gone = append.done.send(Err(error.clone()));
                }
            }
        }
    }

    /// What others wrote, and the entries of the batch.
    fn commit(&mut self, batch: &[Append]) -> Result<(Vec<Item>, Vec<Entry>), JournalError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(store)?;
        let (foreign, mut head) = read(&transaction, self.head.clone())?;
        let mut entries = Vec::with_capacity(batch.len());
        for Append { at, event, texts, .. } in batch {
            for (digest, text) in texts {
                transaction
                    .prepare_cached(
                        "INSERT OR REPLACE INTO manifest (digest, text) VALUES (?1, ?2)",
                    )
                    .and_then(|mut insert| insert.execute(params![digest.as_str(), &**text]))
                    .map_err(store)?;
            }
            let entry = head.then(at.wall, event);
            insert(&transaction, &entry).map_err(store)?;
            head.go_to(&entry);
            entries.push(entry);
        }
        transaction.commit().map_err(store)?;
        let first = self.head.seq == 0;
        self.head = head;
        if first {
            marker::set(&self.place.path)?;
        }
        Ok((foreign, entries))
    }

    fn prune(&mut self, cutoff: Timestamp) -> Result<u64, JournalError> {
        self.place.check()?;
        let now = self.clock.now();
        let pruning =
            prune::prune(&mut self.connection, self.head.clone(), &self.books, cutoff, now)?;
        self.head = pruning.head;
        for (entry, event) in &pruning.appended {
            self.books.take_own(entry.seq, event, now, now);
        }
        Ok(pruning.forgotten)
    }

    /// Takes in what other processes wrote.
    fn look(&mut self) {
        let version = self.connection.query_row("PRAGMA data_version", [], |row| row.get(0));
        match version {
            Ok(version) if version == self.version => return,
            Ok(version) => self.version = version,
            Err(error) => return self.books.set_trouble(Some(error.to_string())),
        }
        match read(&self.connection, self.head.clone()) {
            Ok((foreign, head)) => {
                self.head = head;
                self.books.take_foreign(&foreign, self.clock.now());
            }
            Err(error) => {
                tracing::error!(%error, "another process changed the journal; nothing is sent");
                self.books.set_trouble(Some(why(&error)));
            }
        }
    }
}

pub(super) fn insert(connection: &Connection, entry: &Entry) -> Result<usize, rusqlite::Error> {
    connection
        .prepare_cached(
            "INSERT INTO entry (seq, at, kind, body, hash) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            entry.seq.cast_signed(),
            entry.at,
            entry.kind,
            entry.body,
            entry.hash.as_str()
        ])
}

/// The cause alone: who reports it says the rest.
fn why(error: &JournalError) -> String {
    match error {
        JournalError::Store(why) => why.clone(),
        other => other.to_string(),
    }
}
