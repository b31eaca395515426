//! What an operator says is written down by the daemon that runs in the state folder, so that it is in
//! force at once; where none does, beside whoever uses the folder.

use super::setup;
use crate::control::{Answer, Failed, Request, ask};
use crate::journal::{Journal, JournalError};
use crate::ledger::Event;
use std::path::Path;

/// Writes it down, durably.
///
/// # Errors
/// [`JournalError`], the daemon's or our own.
pub(super) async fn record(folder: &Path, event: Event) -> Result<(), JournalError> {
    match ask(folder, &Request::Record(Box::new(event.clone()))).await {
        Ok(Answer::Recorded) => return Ok(()),
        // A daemon whose journal is down may be wrong about it, and another version may know more:
        // what is written twice does no harm.
        Ok(Answer::Refused(why)) => {
            tracing::info!(
                reason = why,
                "the daemon does not write it down; it is written beside it"
            );
        }
        Ok(Answer::Looking(_)) | Err(Failed::Nobody) => (),
        Err(error @ Failed::Silent(_)) => {
            tracing::info!(%error, "it is written beside the daemon");
        }
    }
    let (journal, _) = Journal::beside(folder, setup::clock())?;
    journal.append(event).await.map(|_| ())
}
