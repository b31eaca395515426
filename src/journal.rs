//! What was accepted, intended, answered and settled: append-only, hash-chained, durable.
//!
//! An intent is durable before its call, the answer is recorded after it; if the journal cannot
//! write, nothing is sent. It is one SQLite file in the state folder, readable with `sqlite3`:
//! table `entry` is the chain, table `manifest` the text of every manifest of an accepted revision.

use crate::clock::Clock;
use crate::cloud::{IntentId, Ticket};
use crate::gate::Permit;
use crate::manifest::File;
use crate::model::{Digest, InstanceId, Revision, Scope, Verb};
use crate::outcome::Outcome;
use jiff::Timestamp;
use std::sync::Arc;

mod chain;
mod memory;
mod record;
mod sqlite;
mod state;

pub use chain::Entry;
pub use memory::Memory;
pub use record::{Answer, Settled};
pub use state::StateDir;

use record::Record;

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
        help: &'static str,
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
         move it away to start a new one, and keep it for inspection"
    )]
    Broken(u64),
    /// The thread that writes is gone.
    #[error("write the journal: its writer has stopped; restart the daemon")]
    Stopped,
}

/// What an opened journal remembers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The last accepted revision.
    pub accepted: Option<Accepted>,
    /// Intents without an answer: the process died between the two.
    pub open_intents: Vec<OpenIntent>,
    /// Calls that may have had an effect, and that no read has settled.
    pub unsettled: Vec<Unsettled>,
}

/// A call of an earlier process whose effect has to be read before anything else is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    /// Detach or attach.
    pub verb: Verb,
    /// Account, region and VPC.
    pub scope: Scope,
    /// Which instance.
    pub instance: InstanceId,
    /// Calls made.
    pub attempts: u32,
    /// Whether the cloud said that it took the call.
    pub accepted: bool,
    /// When the last entry about it was written.
    pub at: Timestamp,
}

/// An accepted revision.
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
}

/// An intent whose call may or may not have been made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenIntent {
    /// Its number.
    pub id: IntentId,
    /// What was intended, in words.
    pub what: String,
}

/// Appends. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    store: Store,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
enum Store {
    Sqlite(sqlite::Writer),
    Memory(Memory),
}

impl Journal {
    /// Opens the journal of a state folder, checks its chain, and says what it remembers.
    ///
    /// # Errors
    /// [`JournalError`]; then nothing may be sent.
    pub fn open(
        state: &StateDir,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Recovered), JournalError> {
        let (writer, recovered) = sqlite::open(&state.file("journal.sqlite"))?;
        Ok((Self { store: Store::Sqlite(writer), clock }, recovered))
    }

    /// A journal that is gone with the process: for tests and simulation.
    pub fn in_memory(memory: Memory, clock: Arc<dyn Clock>) -> Self {
        Self { store: Store::Memory(memory), clock }
    }

    /// Records an accepted revision with the text of its manifests, and the scopes it releases.
    ///
    /// # Errors
    /// [`JournalError`]
    pub async fn accepted(&self, accepted: &Accepted) -> Result<(), JournalError> {
        let Accepted { root, revision, files, released } = accepted;
        let texts: Vec<(Digest, Arc<str>)> = files
            .iter()
            .map(|file| (Digest::of([file.text.as_bytes()]), Arc::clone(&file.text)))
            .collect();
        let record = Record::accepted(revision, files, &texts, released, root);
        self.append(record, texts).await.map(|_| ())
    }

    /// Records the intent to make the call that `permit` allows, and turns the permit into a ticket
    /// once that is durable. `attempt` counts from 1.
    ///
    /// # Errors
    /// [`JournalError`]: then there is no ticket, and no call.
    pub async fn intent(&self, permit: Permit, attempt: u32) -> Result<Ticket, JournalError> {
        let record = Record::intent(&permit, attempt);
        let seq = self.append(record, Vec::new()).await?;
        let action = permit.action();
        let scope = permit.approved().plan().scope().clone();
        Ok(Ticket::issue(IntentId(seq), action.verb, scope, action.link.clone()))
    }

    /// Records what the cloud answered to the call of an intent.
    ///
    /// # Errors
    /// [`JournalError`]
    pub async fn answered(&self, intent: IntentId, answer: Answer) -> Result<(), JournalError> {
        self.append(Record::answered(intent, answer), Vec::new()).await.map(|_| ())
    }

    /// Records how an action ended.
    ///
    /// # Errors
    /// [`JournalError`]
    pub async fn settled(
        &self,
        settled: Settled<'_>,
        outcome: &Outcome,
    ) -> Result<(), JournalError> {
        self.append(Record::settled(settled, outcome), Vec::new()).await.map(|_| ())
    }

    async fn append(
        &self,
        record: Record,
        texts: Vec<(Digest, Arc<str>)>,
    ) -> Result<u64, JournalError> {
        let at = self.clock.now().wall;
        match &self.store {
            Store::Sqlite(writer) => writer.append(at, record, texts).await,
            Store::Memory(memory) => memory.append(at, &record, texts),
        }
    }
}

#[cfg(test)]
mod tests;
