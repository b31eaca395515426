//! One call: a slot, a permit, a durable intent, the call, its answer in the journal.

use super::Writes;
use crate::attempt::Kind;
use crate::clock::{Clock as _, Moment};
use crate::cloud::{Accepted, Class, CloudError, WriteLinks};
use crate::gate::{Approved, Denial, Facts, Permit, permit};
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
    /// leave and the call but writing the intent; and before, so that nothing waits in vain.
    pub async fn run(self) -> Call {
        let Some(_alone) = self.writes.serial.enter(&self.lane, &self.action.link.instance) else {
            return Call::Busy;
        };
        if let Err(denial) = self.leave() {
            return Call::Denied(denial);
        }
        let kind = Kind::Write(self.action.verb);
        let admitted = self.writes.lanes.admit(&self.lane, kind);
        let Some(slot) = self.writes.stop.run_until_cancelled(admitted).await else {
            return Call::Denied(Denial::Stopping);
        };
        let leave = match self.leave() {
            Ok(leave) => leave,
            Err(denial) => return Call::Denied(denial),
        };
        let Self { writes, lane, .. } = &self;
        let ticket = match writes.journal.intent(leave, self.attempt).await {
            Ok(ticket) => ticket,
            Err(error) => return Call::Unjournaled(error),
        };
        // A slow disk is time in which manifests change.
        if let Err(denial) = self.leave() {
            return match writes.journal.answered(ticket.intent(), Answer::not_sent()).await {
                Ok(()) => Call::Denied(denial),
                Err(error) => Call::Unjournaled(error),
            };
        }
        let began = writes.clock.now();
        let answer = writes.writer.carry_out(&ticket).await;
        let latency = writes.clock.now().since(began);
        writes.lanes.answered(lane, kind, &slot, self.retried_after, &answer);
        let answered = Answer::of(&answer, latency);
        let journaled = writes.journal.answered(ticket.intent(), answered).await;
        Call::Answered { answer, journaled }
    }

    fn leave(&self) -> Result<Permit, Denial> {
        let current = self.writes.newest.current();
        let facts = Facts {
            now: self.writes.clock.now(),
            confirmed_at: self.confirmed_at,
            newest: &current.tree,
            unsettled: current.unsettled,
            stopping: self.writes.stop.is_cancelled(),
            clock_off: self.writes.writer.clock_off(),
        };
        permit(self.approved, &self.action, &self.writes.bounds, &facts)
    }
}
