//! What the calls of one pass have in common: the run that they are found under, and undone.

use crate::journal::{Journal, JournalError, user};
use crate::ledger::event::{Began, Event};
use crate::model::RunId;
use tokio::sync::OnceCell;

/// A run that begins with its first call: passes that call nothing leave no trace.
#[derive(Debug)]
pub struct Run {
    command: &'static str,
    id: OnceCell<RunId>,
}

impl Run {
    /// A run of a command, which has not begun.
    pub fn of(command: &'static str) -> Self {
        Self { command, id: OnceCell::new() }
    }

    /// Its id; it begins now, if it has not begun.
    ///
    /// # Errors
    /// [`JournalError`]: it cannot be written down, so it cannot begin.
    pub async fn begin(&self, journal: &Journal) -> Result<RunId, JournalError> {
        let began = || Event::Began(Began { command: self.command.to_owned(), by: user() });
        let id = self.id.get_or_try_init(|| async { journal.append(began()).await.map(RunId) });
        id.await.copied()
    }

    /// Its id, if it has begun.
    pub fn id(&self) -> Option<RunId> {
        self.id.get().copied()
    }
}
