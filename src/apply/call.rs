//! One call: a slot, a permit, a durable intent, the call, its answer in the journal.

use super::Writes;
use crate::attempt::Kind;
use crate::clock::{Clock as _, Moment};
use crate::cloud::{Accepted, Class, CloudError, WriteLinks};
use crate::gate::{Approved, Denial, Facts, permit};
use crate::journal::{Answer, JournalError};
use crate::model::Lane;
use crate::plan::Action;
use std::sync::Arc;

/// How it went.
pub(super) enum Call {
    /// The gate gave no leave.
    Denied(Denial),
    /// Another call is under way for the instance.
    Busy,
    /// No durable intent, so no call.
    Unjournaled(JournalError),
    /// The call was made.
    Answered {
        /// What came back.
        answer: Result<Accepted, CloudError>,
        /// Whether the journal holds it.
        journaled: Result<(), JournalError>,
    },
}

/// What one call needs.
pub(super) struct Caller<'a, W> {
    pub writes: &'a Writes<W>,
    pub approved: &'a Arc<Approved>,
    pub lane: Lane,
    pub action: Action,
    pub confirmed_at: Moment,
    pub attempt: u32,
    pub retried_after: Option<Class>,
}

impl<W: WriteLinks> Caller<'_, W> {
    /// The permit is asked for after the slot was waited for, so that nothing lies between the
    /// leave and the call but writing the intent.
    pub async fn run(self) -> Call {
        let Self { writes, approved, lane, action, confirmed_at, attempt, retried_after } = self;
        let kind = Kind::Write(action.verb);
        let Some(_alone) = writes.serial.enter(&lane, &action.link.instance) else {
            return Call::Busy;
        };
        let slot = writes.lanes.admit(&lane, kind).await;
        let current = writes.newest.current();
        let facts = Facts {
            now: writes.clock.now(),
            confirmed_at,
            newest: &current.tree,
            unsettled: current.unsettled,
            stopping: writes.stop.is_cancelled(),
        };
        let leave = match permit(approved, &action, &writes.bounds, &facts) {
            Ok(leave) => leave,
            Err(denial) => return Call::Denied(denial),
        };
        let ticket = match writes.journal.intent(leave, attempt).await {
            Ok(ticket) => ticket,
            Err(error) => return Call::Unjournaled(error),
        };
        let began = writes.clock.now();
        let answer = writes.writer.carry_out(&ticket).await;
        let latency = writes.clock.now().since(began);
        writes.lanes.answered(&lane, kind, &slot, retried_after, &answer);
        let journaled =
            writes.journal.answered(ticket.intent(), Answer::of(&answer, latency)).await;
        Call::Answered { answer, journaled }
    }
}
