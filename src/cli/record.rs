//! What an operator says is written down by the daemon that runs in the state folder, so that it is in
//! force at once; where none does, beside whoever uses the folder.

use super::{Failure, setup};
use crate::control::{Answer, Failed, PATIENCE, Request, ask};
use crate::journal::{Journal, JournalError};
use crate::ledger::Event;
use std::path::Path;
use std::time::Duration;

/// How long a pause waits for a daemon before it is written down beside it.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Writes a pause down, durably: whatever the daemon does, within half a second and the time of the disk.
/// What is written twice pauses once.
///
/// # Errors
/// [`JournalError`]
pub(super) async fn pause(folder: &Path, event: Event) -> Result<(), JournalError> {
    let request = Request::Record(Box::new(event.clone()));
    match ask(folder, request, AT_ONCE, &*setup::clock()).await {
        Ok(Answer::Recorded) => Ok(()),
        _ => beside(folder, event).await,
    }
}

/// Writes down what lets calls go on, durably. Never twice: the second copy could end a pause that came
/// between the two, or approve once more what was approved once.
///
/// # Errors
/// The daemon's, or our own; that nobody knows, where the daemon does not answer.
pub(super) async fn release(folder: &Path, event: Event) -> Result<(), Failure> {
    let request = Request::Record(Box::new(event.clone()));
    match ask(folder, request, PATIENCE, &*setup::clock()).await {
        Ok(Answer::Recorded) => Ok(()),
        Ok(Answer::Refused(why)) => {
            Err(Failure(format!("the daemon does not write it down: {why}")))
        }
        Err(Failed::Nobody) => Ok(beside(folder, event).await?),
        Ok(Answer::Looking(_)) => {
            Err(Failure("the daemon answers something else; is it of another version?".to_owned()))
        }
        Err(error @ Failed::Silent(_)) => Err(Failure(format!(
            "{error}; it is not written down, unless the daemon was at it this very moment: look with \
             `classiclinkd status`, and ask again once the daemon is well or ended"
        ))),
    }
}

async fn beside(folder: &Path, event: Event) -> Result<(), JournalError> {
    let (journal, _) = Journal::beside(folder, setup::clock())?;
    journal.append(event).await.map(|_| ())
}
