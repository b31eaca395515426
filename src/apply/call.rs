//! One call: a slot, a permit, a durable intent, a place in flight, leave again, the call, its answer in
//! the journal.

use super::{Run, Writes};
use crate::attempt::Kind;
use crate::clock::{Clock as _, Moment};
use crate::cloud::{Accepted, Class, CloudError, Identify, WriteLinks};
use crate::gate::{Approved, Denial, Facts, Permit, permit};
use crate::journal::JournalError;
use crate::ledger::event::{Answered, Event};
use crate::model::{InstanceId, Lane, Scope, Verb};
use crate::observe::{Checked, Reads};
use crate::plan::Action;
use std::sync::Arc;
use std::time::Duration;
use tracing::Span;
use tracing::field::{Empty, display};

/// What is left of a confirmation for writing the intent.
const MARGIN: Duration = Duration::from_secs(1);

/// How it went.
pub(super) enum Call {
    /// The gate gave no leave.
    Denied(Denial),
    /// Another call is under way for the instance.
    Busy,
    /// The rate allows it only after its confirmation will be too old; when to come again.
    Later(Duration),
    /// Nothing can be sent now: why.
    NotReady(CloudError),
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
pub(super) struct Caller<'a, R, W> {
    pub writes: &'a Writes<W>,
    pub approved: &'a Arc<Approved>,
    pub lane: Lane,
    pub action: Action,
    pub confirmed_at: Moment,
    pub attempt: u32,
    pub retried_after: Option<Class>,
    /// Under which the call is found, and undone.
    pub run: &'a Arc<Run>,
    /// Where it is asked whose credential it is.
    pub reads: &'a Reads<R>,
}

/// What the ledger knows of a call when leave is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counting {
    /// Nothing, and it stays so.
    Not,
    /// Nothing; with leave, it is counted.
    Now,
    /// Its intent.
    Already,
}

impl<R: Identify, W: WriteLinks> Caller<'_, R, W> {
    /// The span of the call; how it went is recorded in it.
    pub fn span(&self) -> Span {
        let Action { verb, link, .. } = &self.action;
        let Lane { account, region } = &self.lane;
        tracing::debug_span!(
            "call", %account, %region, vpc = %link.vpc, instance = %link.instance, %verb,
            attempt = self.attempt, run = Empty, request_id = Empty, code = Empty
        )
    }

    /// Leave is asked for before anything is waited for, so that nothing waits in vain; before the
    /// intent is written; and right before the call.
    pub async fn run(self) -> Call {
        let Some(_alone) = self.writes.serial.enter(&self.lane, &self.action.link.instance) else {
            return Call::Busy;
        };
        let Some(identity) = self.identity().await else { return Call::Denied(Denial::Stopping) };
        if let Err(denial) = self.leave(&identity, Counting::Not) {
            return self.denied(denial).await;
        }
        // Before it is counted: a key that takes its time uses up no budget and no try of the link.
        match self.writes.stop.run_until_cancelled(self.writes.writer.ready()).await {
            None => return Call::Denied(Denial::Stopping),
            Some(Err(error)) => return Call::NotReady(error),
            Some(Ok(())) => (),
        }
        let kind = Kind::Write(self.action.verb);
        let bounds = self.writes.circumstances.bounds.of(&self.lane.account);
        let fresh = bounds.confirmation_max_age;
        let by = self.confirmed_at.monotonic + fresh.saturating_sub(MARGIN);
        let admitted = self.writes.lanes.admit_by(&self.lane, kind, by);
        let slot = match self.writes.stop.run_until_cancelled(admitted).await {
            None => return Call::Denied(Denial::Stopping),
            Some(Err(wait)) => return Call::Later(wait),
            Some(Ok(slot)) => slot,
        };
        let Self { writes, lane, .. } = &self;
        let run = match self.run.begin(&writes.journal).await {
            Ok(run) => run,
            Err(error) => return Call::Unjournaled(error),
        };
        // Waiting takes time, in which a key may be exchanged.
        let Some(identity) = self.identity().await else { return Call::Denied(Denial::Stopping) };
        let leave = match self.leave(&identity, Counting::Now) {
            Ok(leave) => leave,
            Err(denial) => return self.denied(denial).await,
        };
        if let Err(error) = self.answer_open().await {
            self.take_back();
            return Call::Unjournaled(error);
        }
        let ticket = match writes.journal.intent(leave, self.attempt, Some(run)).await {
            Ok(ticket) => ticket,
            Err(error) => {
                self.take_back();
                return Call::Unjournaled(error);
            }
        };
        Span::current().record("run", display(run));
        let intent = ticket.intent().0;
        let place = writes.stop.run_until_cancelled(writes.lanes.place(lane)).await;
        // A slow disk, and a call that has to end first, are time in which manifests change and people
        // pause, and in which the cloud may have throttled a call. Nothing lies between this leave and
        // the call.
        let held = writes.lanes.held_for(lane, kind);
        let leave = self.leave(&identity, Counting::Already);
        if leave.is_err() || !held.is_zero() {
            let not_sent = Answered::without_answer(intent, Answered::NOT_SENT);
            return match (writes.journal.append(Event::Answered(not_sent)).await, leave) {
                (Err(error), _) => Call::Unjournaled(error),
                (Ok(_), Err(denial)) => self.denied(denial).await,
                (Ok(_), Ok(_)) => Call::Later(held),
            };
        }
        let began = writes.clock.now();
        let answer = writes.writer.carry_out(&ticket).await;
        let latency = writes.clock.now().since(began);
        tell(&answer);
        writes.lanes.answered(lane, kind, &slot, self.retried_after, &answer);
        // The call is over: while its answer is written down, another one may be under way.
        drop((place, slot));
        let answered = Answered::of(intent, &answer, latency);
        let journaled = writes.journal.append(Event::Answered(answered)).await.map(|_| ());
        Call::Answered { answer, journaled }
    }

    /// An earlier call for the link whose answer could not be written down has none still: nothing is
    /// sent before the journal says how that one ended.
    async fn answer_open(&self) -> Result<(), JournalError> {
        let journal = &self.writes.journal;
        let (scope, instance) = (self.approved.plan().scope(), &self.action.link.instance);
        let open: Vec<u64> = journal.books().read(|ledger| {
            let of =
                |(_, _, at, id): &(u64, Verb, &Scope, &InstanceId)| (*at, *id) == (scope, instance);
            ledger.open_intents().filter(of).map(|(seq, ..)| seq).collect()
        });
        for intent in open {
            let lost = Answered::without_answer(intent, Answered::UNKNOWN);
            journal.append(Event::Answered(lost)).await?;
        }
        Ok(())
    }

    /// Takes back a leave that comes to nothing. An attach was not counted: freeing would take back
    /// somebody else's.
    fn take_back(&self) {
        if self.action.verb == Verb::Detach {
            self.writes.journal.books().decide(|ledger| ledger.free(&self.lane));
        }
    }

    /// Whose credential it is, as was asked of the key in use now; `None` when the process is to end.
    async fn identity(&self) -> Option<Checked> {
        self.writes.stop.run_until_cancelled(self.reads.identity()).await
    }

    fn leave(&self, identity: &Checked, counting: Counting) -> Result<Permit, Denial> {
        let current = self.writes.newest.current();
        let facts = Facts {
            confirmed_at: self.confirmed_at,
            newest: &current.tree,
            unsettled: current.unsettled,
            stopping: self.writes.stop.is_cancelled(),
            clock_off: self.writes.writer.clock_off(),
            counted: counting == Counting::Already,
            rekeyed: !identity.is_of(&self.reads.reader),
        };
        self.writes.circumstances.judge_and(
            (&self.lane.account, &identity.pin),
            |situation| permit(self.approved, &self.action, &facts, situation),
            |ledger, leave| {
                let counts = counting == Counting::Now && self.action.verb == Verb::Detach;
                if counts && leave.is_ok() {
                    ledger.reserve(&self.lane);
                }
            },
        )
    }

    async fn denied(&self, denial: Denial) -> Call {
        if let Some(pause) = denial.latch(self.approved.plan().scope()) {
            self.writes.latch(pause).await;
        }
        Call::Denied(denial)
    }
}

/// Records in the span of a call what came back.
fn tell(answer: &Result<Accepted, CloudError>) {
    let (code, request_id) = match answer {
        Ok(accepted) => ("ok", accepted.request_id.as_deref()),
        Err(error) => (error.code.as_str(), error.request_id.as_deref()),
    };
    Span::current().record("code", code).record("request_id", request_id);
}
