//! Carries out an approved plan: confirm by id, permit, intent, call, answer, verify by id.
//!
//! The only module that is handed a [`WriteLinks`]. All links of a plan move through the same
//! stages at their own pace, so one that waits, is locked or answers ambiguously holds up no other:
//!
//! ```text
//! Waiting --confirm by id--> Ready --permit, intent, call--> Verifying --read by id--> Done
//!    ^                         |                               |
//!    +----- certainly not carried out, or still as before -----+
//! ```

use crate::attempt::Lanes;
use crate::clock::Clock;
use crate::cloud::{Class, Identify, ReadLinks, WriteLinks};
use crate::gate::Approved;
use crate::journal::Journal;
use crate::ledger::Ledger;
use crate::ledger::event::{Event, Pause, Settled};
use crate::model::{Digest, RunId, Scope, Verb};
use crate::observe::Reads;
use crate::observed::Complete;
use crate::outcome::{How, Outcome, VISIBLE_WITHIN, Why};
use crate::plan::{Action, Reason};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

mod call;
mod circumstances;
mod errand;
mod item;
mod newest;
mod progress;
mod quarantine;
mod run;
mod serial;
mod unsettled;

pub use circumstances::Circumstances;
pub use errand::Run;
pub use newest::{Current, Newest};
pub use progress::{Progress, SoFar};
pub use quarantine::{Parked, Quarantine};
pub use serial::Serial;
pub use unsettled::{Carried, Unsettled};

use run::Running;

/// Everything that carrying out plans of one account needs, and shares with other passes.
#[derive(Clone)]
pub struct Writes<W> {
    /// The way to the cloud.
    pub writer: W,
    /// Intents, answers and results.
    pub journal: Journal,
    /// Limits, shared with the reads.
    pub lanes: Arc<Lanes>,
    /// One call an instance at a time.
    pub serial: Serial,
    /// Links that used up their tries.
    pub quarantine: Quarantine,
    /// Calls whose effect no read has shown yet.
    pub unsettled: Unsettled,
    /// How long a pass goes on in which links only wait, where the next pass comes soon; `None`
    /// where there is none, so that it waits for all of them.
    pub patience: Option<Duration>,
    /// The newest accepted revision, asked at every permit.
    pub newest: Newest,
    /// How things stand, for the gate.
    pub circumstances: Circumstances,
    /// One pause at a time.
    pub latching: Arc<tokio::sync::Mutex<()>>,
    /// How far it is.
    pub progress: Progress,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Set when the process is to end.
    pub stop: CancellationToken,
}

/// One action and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// What was to be done.
    pub action: Action,
    /// How it ended.
    pub outcome: Outcome,
    /// Calls made.
    pub attempts: u32,
}

impl<W: WriteLinks> Writes<W> {
    /// Carries out the actions of `verb` of an approved plan, and says how each ended, in the
    /// plan's order. Ends early, and in order, when the process is to end: calls in flight are
    /// waited for, everything else is skipped.
    pub async fn apply<R: ReadLinks + Identify>(
        &self,
        reads: &Reads<R>,
        approved: &Arc<Approved>,
        verb: Verb,
        of: &Arc<Run>,
    ) -> Vec<Applied> {
        let plan = approved.plan();
        let (scope, digest) = (plan.scope(), plan.digest());
        let span = tracing::debug_span!("apply", %scope, plan = %digest, %verb);
        let whole = async {
            let mut run = Running::new(self, reads, approved, verb, of);
            run.skip_quarantined();
            while run.advance().await {}
            run.finish()
        };
        whole.instrument(span).await
    }

    /// Settles calls of earlier passes that the plan of a scope, made of `complete`, has no action
    /// for any more: the link is as it should be, or nobody wants it to be.
    pub async fn settle_others(&self, complete: &Complete, actions: &[Action]) -> Vec<Applied> {
        let scope = complete.scope();
        let mut settled = Vec::new();
        for (instance, verb, carried) in self.unsettled.take_others(scope, actions) {
            let linked = complete.links().contains(&instance);
            let outcome = match (verb, linked) {
                (Verb::Detach, false) => Outcome::Converged(How::Detached),
                (Verb::Attach, true) => Outcome::Converged(How::Attached),
                // It may show yet, whoever wants it or not.
                _ if self.clock.now().since(carried.ended) < VISIBLE_WITHIN => {
                    self.unsettled.put(scope, &instance, verb, carried);
                    continue;
                }
                _ => Outcome::Unknown(Why {
                    class: Class::Ambiguous,
                    code: "not-visible".to_owned(),
                    message: format!(
                        "the {verb} was called, no read has shown its result, and the manifests do \
                         not ask for it any more"
                    ),
                }),
            };
            let action = Action { verb, link: scope.link(instance), reason: Reason::NotDeclared };
            let applied = Applied { action, outcome, attempts: carried.attempts };
            let entry = applied.event(scope, None, None);
            if let Err(error) = self.journal.append(entry).await {
                let instance = &applied.action.link.instance;
                tracing::error!(%error, %scope, %instance, %verb, "the result of an action is not journaled");
            }
            log(scope, &applied);
            settled.push(applied);
        }
        settled
    }

    /// Stops the calls that a pause is about, until somebody resumes. Where the pause cannot be written,
    /// neither can an intent, and nothing is sent.
    pub async fn latch(&self, pause: Pause) {
        let _one_at_a_time = self.latching.lock().await;
        let stands = |of: &Pause| of.target.contains(&pause.target);
        let paused = |ledger: &Ledger| ledger.pauses().any(|(_, of)| stands(of));
        if self.journal.books().read(paused) {
            return;
        }
        let (subject, cause) = (pause.target.to_string(), pause.cause.as_str());
        let reason = pause.reason.clone().unwrap_or_default();
        match self.journal.append(Event::Paused(pause)).await {
            Ok(_) => tracing::error!(
                subject,
                cause,
                reason,
                "calls are paused; look at `classiclinkd history`, then `classiclinkd resume`"
            ),
            Err(error) => tracing::error!(%error, subject, cause, "a pause is not journaled"),
        }
    }
}

impl Applied {
    /// What the journal is told of it.
    fn event(&self, scope: &Scope, plan: Option<&Digest>, run: Option<RunId>) -> Event {
        Event::Settled(Settled {
            verb: self.action.verb,
            scope: scope.clone(),
            instance: self.action.link.instance.clone(),
            plan: plan.cloned(),
            run,
            attempts: self.attempts,
            outcome: self.outcome.as_str().to_owned(),
            detail: self.outcome.to_string(),
        })
    }
}

fn log(scope: &Scope, applied: &Applied) {
    let Applied { action: Action { verb, link, reason }, outcome, attempts: attempt } = applied;
    let instance = &link.instance;
    if outcome.is_converged() {
        tracing::info!(%scope, %instance, %verb, attempt, %outcome, %reason, "converged");
    } else if matches!(outcome, Outcome::Skipped(_)) {
        // A quarantined link is skipped at every pass; it was said when it was put there.
        tracing::debug!(%scope, %instance, %verb, %outcome, %reason, "not attempted");
    } else {
        tracing::warn!(%scope, %instance, %verb, attempt, %outcome, %reason, "not converged");
    }
}
