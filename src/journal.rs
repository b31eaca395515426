//! What was accepted, approved, intended, answered and settled: append-only, hash-chained, durable.
//!
//! An intent is durable before its call, the answer is recorded after it; if the journal cannot
//! write, nothing is sent. It is one SQLite file in the state folder, readable with `sqlite3`:
//! table `entry` is the chain, table `manifest` the text of every manifest of an accepted revision.
//! Several processes may write it: the one that holds the lock of the state folder, which alone makes
//! calls by the manifests, and commands of an operator beside it. Each reads what the others wrote
//! before it writes.

use crate::clock::Clock;
use crate::cloud::{IntentId, Ticket};
use crate::gate::Permit;
use crate::ledger::event::{self, Event, Shrunk};
use crate::manifest::File;
use crate::model::{Digest, InstanceId, Revision, RunId, Scope, TakenOut, Verb};
use futures_util::future::join_all;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

mod books;
mod chain;
mod format;
mod measured;
mod memory;
mod sqlite;
mod state;
mod user;

pub use books::Books;
pub use chain::Entry;
pub use measured::Measured;
pub use memory::{Disk, Memory};
pub use sqlite::{Past, Tail, Verified, look, tail, verify};
pub use state::{PauseFile, StateDir};
pub use user::{name_of, user};

/// An event as the journal writes it: kind and body.
pub fn written(event: &Event) -> (&'static str, String) {
    let format::Record { kind, body } = format::record(event);
    (kind, body)
}

/// The event that was [`written`]; `None` where the body is not one of its kind.
pub fn read(kind: &str, body: &str) -> Option<Event> {
    format::event(kind, body)
}

/// The file in the state folder.
pub const FILE: &str = "journal.sqlite";
/// The file beside it that says that there is one.
pub const MARKER: &str = "journal.made";

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The state folder cannot be used.
    #[error("use the state folder {path}: {why}; {help}")]
    State {
        /// Which folder.
        path: String,
        /// What is wrong with it.
        why: String,
        /// What to do.
        help: String,
    },
    /// Another process holds the state folder.
    #[error(
        "lock the state folder {path}: another classiclinkd uses it, and carries out its manifests; \
         look with `plan`, or stop that one first; for other accounts, use another --state"
    )]
    Locked {
        /// Which folder.
        path: String,
    },
    /// The file cannot be read or written.
    #[error("write the journal: {0}; nothing is sent until it can be written")]
    Store(String),
    /// The file cannot be read.
    #[error(
        "read the journal: {0}; read it as the user of the daemon, or name another state folder with \
         --state"
    )]
    Unreadable(String),
    /// There is no journal.
    #[error(
        "read the journal: there is none in {path}; name the state folder of the daemon or of `apply` \
         with --state"
    )]
    Missing {
        /// The state folder.
        path: String,
    },
    /// The file was written by a newer program.
    #[error(
        "read the journal: it has format {found}, and this program knows {known}; use the newer program"
    )]
    Newer {
        /// In the file.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// An entry does not continue the one before it.
    #[error(
        "read the journal: entry {0} does not fit the chain, so the file was changed or damaged; \
         restore it; or move the state folder away to start anew, without budgets, pauses, approvals and \
         protections, and keep it for inspection"
    )]
    Broken(u64),
    /// SQLite cannot make sense of the file.
    #[error(
        "read the journal: {0}, so the file was changed or damaged; restore it; or move the state folder \
         away to start anew, without budgets, pauses, approvals and protections, and keep it for inspection"
    )]
    Damaged(String),
    /// There was a journal, and it is gone or empty.
    #[error(
        "read the journal: it is gone or empty, and with it budgets, pauses, approvals and protections; \
         restore it; or, to start anew without them, remove {marker}"
    )]
    Lost {
        /// The file that says that there was one.
        marker: String,
    },
    /// The text of an accepted manifest is missing, or is not the one that was accepted.
    #[error(
        "read the journal: a manifest of revision {revision} is not as it was accepted, so the file was \
         changed or damaged; restore it; or move the state folder away to start anew, without budgets, \
         pauses, approvals and protections, and keep it for inspection"
    )]
    Text {
        /// The revision, short.
        revision: String,
    },
    /// The thread that writes is gone.
    #[error("write the journal: its writer has stopped; restart the daemon")]
    Stopped,
}

/// One entry as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its number, from 1.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub event: Event,
}

/// A manifest's text, by its digest.
type Text = (Digest, Arc<str>);

/// An accepted revision with the text of its manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The folder it was read from, absolute.
    pub root: String,
    /// Which state of it.
    pub revision: Revision,
    /// The text of its manifests.
    pub files: Vec<File>,
    /// The scopes that it released.
    pub released: Vec<Scope>,
    /// Links that stay protected.
    pub protected: BTreeSet<(Scope, InstanceId)>,
    /// What scopes lost by it.
    pub shrunk: Vec<Shrunk>,
    /// Which commits took which links out.
    pub taken_out: Vec<((Scope, InstanceId), TakenOut)>,
}

impl Accepted {
    /// What the ledger is told of it.
    pub fn event(&self) -> Event {
        Event::Accepted(self.said())
    }

    fn said(&self) -> event::Accepted {
        let file = |file: &File| (file.path.to_string(), file.digest().clone());
        event::Accepted {
            root: self.root.clone(),
            revision: self.revision.clone(),
            files: self.files.iter().map(file).collect(),
            released: self.released.clone(),
            protected: self.protected.clone(),
            shrunk: self.shrunk.clone(),
            taken_out: self.taken_out.clone(),
        }
    }
}

/// Appends. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    store: Store,
    books: Books,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
enum Store {
    Sqlite(sqlite::Writer),
    Memory(Memory),
    /// It could not be opened; why.
    Down(Arc<str>),
}

impl Journal {
    /// Opens the journal of a state folder, checks its chain, and says which revision was accepted
    /// last. Entries older than `retention` are forgotten, where nothing depends on them.
    ///
    /// # Errors
    /// [`JournalError`]; then nothing may be sent.
    pub fn open(
        state: &StateDir,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Option<Accepted>), JournalError> {
        Self::beside(state.path(), clock)
    }

    /// Opens the journal of a state folder that another process may hold, for an operator's word.
    ///
    /// # Errors
    /// [`JournalError`]
    pub fn beside(
        folder: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Option<Accepted>), JournalError> {
        let books = Books::default();
        let (writer, accepted) =
            sqlite::open(&folder.join(FILE), books.clone(), Arc::clone(&clock))?;
        Ok((Self { store: Store::Sqlite(writer), books, clock }, accepted))
    }

    /// A journal that is gone with the process: for tests and simulation.
    pub fn in_memory(memory: Memory, clock: Arc<dyn Clock>) -> Self {
        Self { store: Store::Memory(memory), books: Books::default(), clock }
    }

    /// The journal of [`Memory`] as a process finds it that starts now, and which revision was accepted
    /// last.
    ///
    /// # Errors
    /// [`JournalError::Broken`]
    pub fn recovered(
        memory: Memory,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Option<Accepted>), JournalError> {
        let (books, accepted) = memory.books(clock.now())?;
        Ok((Self { store: Store::Memory(memory), books, clock }, accepted))
    }

    /// A journal that takes nothing, because it could not be opened: reading and planning go on.
    pub fn down(why: &JournalError, clock: Arc<dyn Clock>) -> Self {
        let books = Books::default();
        books.set_trouble(Some(why.to_string()));
        Self { store: Store::Down(why.to_string().into()), books, clock }
    }

    /// What it means so far.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Records an event.
    ///
    /// # Errors
    /// [`JournalError`]
    pub async fn append(&self, event: Event) -> Result<u64, JournalError> {
        self.append_with(event, Vec::new()).await
    }

    /// Records an accepted revision with the text of its manifests.
    ///
    /// # Errors
    /// [`JournalError`]
    pub async fn accepted(&self, accepted: &Accepted) -> Result<(), JournalError> {
        let said = accepted.said();
        let digests = said.files.iter().map(|(_, digest)| digest);
        let texts = digests.zip(&accepted.files);
        // Of a thousand manifests one changes: the texts of the last revision are there already, and
        // were checked when the journal was opened.
        let texts = self.books.read(|ledger| {
            let last = ledger.accepted().into_iter().flat_map(|last| &last.files);
            let there: BTreeSet<&Digest> = last.map(|(_, digest)| digest).collect();
            let new = texts.filter(|(digest, _)| !there.contains(digest));
            new.map(|(digest, file)| (digest.clone(), Arc::clone(file.text()))).collect()
        });
        self.append_with(Event::Accepted(said), texts).await.map(|_| ())
    }

    /// Records the intent to make the call that `permit` allows, and turns the permit into a ticket
    /// once that is durable. `attempt` counts from 1.
    ///
    /// # Errors
    /// [`JournalError`]: then there is no ticket, and no call.
    pub async fn intent(
        &self,
        permit: Permit,
        attempt: u32,
        run: Option<RunId>,
    ) -> Result<Ticket, JournalError> {
        let action = permit.action();
        let intent = event::Intent {
            verb: action.verb,
            scope: permit.scope().clone(),
            instance: action.link.instance.clone(),
            reason: action.reason.to_string(),
            plan: permit.plan().clone(),
            revision: permit.revision().clone(),
            attempt,
            run,
            approver: permit.approver().map(str::to_owned),
        };
        let seq = self.append(Event::Intent(intent)).await?;
        let scope = permit.scope().clone();
        Ok(Ticket::issue(IntentId(seq), action.verb, scope, action.link.clone()))
    }

    /// Writes down that calls of an earlier process had no answer, for one that starts: a read will tell
    /// whether they were carried out.
    ///
    /// # Errors
    /// [`JournalError`]
    pub async fn answer_open(&self) -> Result<(), JournalError> {
        let open: Vec<(u64, Verb, Scope, InstanceId)> = self.books.read(|ledger| {
            let intents = ledger.open_intents();
            intents.map(|(seq, verb, scope, id)| (seq, verb, scope.clone(), id.clone())).collect()
        });
        let answers = open.into_iter().map(|(intent, verb, scope, instance)| {
            tracing::warn!(
                %scope, %instance, %verb,
                "an earlier process ended during this call; a read will tell whether it was carried out"
            );
            let lost = event::Answered::without_answer(intent, event::Answered::UNKNOWN);
            self.append(Event::Answered(lost))
        });
        // At once: on a slow disk one after the other takes longer than a process may take to end.
        let written = join_all(answers).await.into_iter().try_for_each(|written| written.map(drop));
        if let Err(error) = &written {
            // Though those after it were written: whoever starts does not go on with this journal.
            self.books.set_trouble(Some(error.to_string()));
        }
        written
    }

    /// Forgets entries written before `cutoff`, where nothing depends on them; says how many. Only for
    /// the process that holds the lock of the state folder.
    ///
    /// # Errors
    /// [`JournalError`]
    pub async fn prune(&self, cutoff: Timestamp) -> Result<u64, JournalError> {
        match &self.store {
            Store::Sqlite(writer) => writer.prune(cutoff).await,
            Store::Memory(_) => Ok(0),
            Store::Down(why) => Err(JournalError::Store(why.to_string())),
        }
    }

    async fn append_with(&self, event: Event, texts: Vec<Text>) -> Result<u64, JournalError> {
        let at = self.clock.now();
        match &self.store {
            Store::Sqlite(writer) => writer.append(at, event, texts).await,
            Store::Memory(memory) => {
                memory.append(&self.books, (at, &self.clock), &event, texts).await
            }
            Store::Down(why) => Err(JournalError::Store(why.to_string())),
        }
    }
}

/// # Errors
/// [`JournalError::Text`] where a text is missing or is not the one that was accepted.
fn restore(
    said: &event::Accepted,
    text: impl Fn(&str) -> Option<Arc<str>>,
) -> Result<Accepted, JournalError> {
    let file = |(path, digest): &(String, Digest)| {
        let file = File::new(path.as_str(), text(digest.as_str())?);
        (file.digest() == digest).then_some(file)
    };
    let files = said.files.iter().map(file).collect::<Option<_>>();
    let lost = || JournalError::Text { revision: said.revision.digest.short().to_owned() };
    Ok(Accepted {
        root: said.root.clone(),
        revision: said.revision.clone(),
        files: files.ok_or_else(lost)?,
        released: said.released.clone(),
        protected: said.protected.clone(),
        shrunk: said.shrunk.clone(),
        taken_out: said.taken_out.clone(),
    })
}

#[cfg(test)]
mod tests;
