//! One pass over one scope, top to bottom: observe, plan, gate, apply, report.

use crate::apply::{Circumstances, Run, Writes};
use crate::cloud::{Identify, ReadLinks, WriteLinks};
use crate::desired::Desired;
use crate::forecast::{self, Ask, Terms};
use crate::gate::{self, Approved, Release};
use crate::ledger::event::{Event, Pause};
use crate::model::{Revision, Scope, Verb};
use crate::observe::Reads;
use crate::observed::{Complete, Gap, Observed, Partial};
use crate::plan;
use crate::report::ScopeReport;
use std::slice;
use std::sync::Arc;
use tracing::Instrument as _;

pub mod undo;

/// What a scope needs: a report of what was found, and the approval if there is something to do.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// What was found and decided.
    pub report: ScopeReport,
    /// Leave to carry it out.
    pub approved: Option<Arc<Approved>>,
    /// What was observed, if that was complete.
    pub complete: Option<Complete>,
    /// The pause that the gate calls for.
    pub latch: Option<Pause>,
    /// What a forecast of all plans is made of, if this one can ever be carried out.
    pub ask: Option<(Terms, Ask)>,
}

impl Proposal {
    /// There is nothing that could be carried out.
    pub fn without_plan(report: ScopeReport) -> Self {
        Self { report, approved: None, complete: None, latch: None, ask: None }
    }
}

/// Observes, plans and asks the gate. Holds no way to change anything: this is all that `plan`
/// does.
pub async fn propose<R: ReadLinks + Identify>(
    reads: &Reads<R>,
    circumstances: &Circumstances,
    desired: &Arc<Desired>,
) -> Proposal {
    let identity = reads.identity().await;
    let without = |report| Proposal::without_plan(report);
    let scope = &desired.scope;
    let observing = tracing::debug_span!("observe", %scope);
    let complete = match reads.observe(desired).instrument(observing).await {
        Ok(Observed::Complete(complete)) => complete,
        Ok(Observed::Partial(partial)) => {
            let refusal = gate::refuse_partial(&partial);
            return without(ScopeReport::of_partial(desired, &partial, refusal));
        }
        Err(error) => return without(ScopeReport::of_failure(desired, error)),
    };
    let plan = plan::compute(desired, &complete, complete.begun().wall);
    let (plan, leaving) = circumstances.books.read(|ledger| {
        let plan = plan.told_by(|id| ledger.taken_out(scope, id).cloned());
        let leaving = ledger.leaving(&plan).count();
        (plan, leaving)
    });
    let complete = Some(complete);
    let limits = reads.lanes.limits(&scope.account);
    let decided = circumstances.judge((&scope.account, &identity.pin), |of| gate::review(plan, of));
    let mut proposal = match decided {
        Err(mut held) => {
            let release = held.release();
            let ask = (release != Release::Nothing).then(|| {
                let by_person = release == Release::Person;
                circumstances.ask(desired, limits, held.going(), by_person)
            });
            let latch = held.latch.take();
            let report = ScopeReport::of_held(*held);
            Proposal { complete, latch, ask, ..Proposal::without_plan(report) }
        }
        Ok(approved) => {
            let report = ScopeReport::of_approved(&approved);
            let approved = (!report.actions.is_empty()).then(|| Arc::new(approved));
            let ask = approved
                .as_ref()
                .map(|approved| circumstances.ask(desired, limits, approved.actions(), false));
            Proposal { report, approved, complete, latch: None, ask }
        }
    };
    proposal.report.leaving = leaving;
    let ask = proposal.ask.as_ref();
    proposal.report.forecast =
        ask.and_then(|(terms, ask)| forecast::of(terms, slice::from_ref(ask)));
    proposal
}

/// Carries out what was approved: every detach before any attach.
pub async fn carry_out<R: ReadLinks + Identify, W: WriteLinks>(
    reads: &Reads<R>,
    writes: &Writes<W>,
    proposal: Proposal,
    run: Arc<Run>,
) -> ScopeReport {
    let Proposal { mut report, approved, complete, latch, ask: _ } = proposal;
    // What was to come has come.
    report.forecast = None;
    if let Some(pause) = latch {
        writes.latch(pause).await;
    }
    if let Some(complete) = complete {
        report.applied = writes.settle_others(&complete, &report.actions).await;
        writes.quarantine.keep_only(&report.scope, &report.actions);
    }
    let Some(approved) = approved else { return report };
    for verb in [Verb::Detach, Verb::Attach] {
        report.applied.extend(writes.apply(reads, &approved, verb, &run).await);
    }
    report
}

/// Writes down what was found, where that is not what was found before.
pub async fn record<W>(writes: &Writes<W>, revision: &Revision, report: &ScopeReport) {
    let found = report.passed(revision);
    let books = writes.journal.books();
    // A journal in trouble is tried again at every pass: it may have been mended.
    if books.read(|ledger| ledger.knows(&found)) && books.trouble().is_none() {
        return;
    }
    if let Err(error) = writes.journal.append(Event::Passed(found)).await {
        tracing::debug!(%error, scope = %report.scope, "what a pass found is not journaled");
    }
}

/// One pass. Reading is given up when the process is to end; calls in flight are waited for.
pub async fn pass<R: ReadLinks + Identify, W: WriteLinks>(
    reads: &Reads<R>,
    writes: &Writes<W>,
    desired: &Arc<Desired>,
) -> ScopeReport {
    let Scope { account, region, vpc } = &desired.scope;
    let span = tracing::debug_span!(
        "pass", scope = %desired.scope, %account, %region, %vpc, revision = %desired.revision
    );
    all_of_it(reads, writes, desired).instrument(span).await
}

async fn all_of_it<R: ReadLinks + Identify, W: WriteLinks>(
    reads: &Reads<R>,
    writes: &Writes<W>,
    desired: &Arc<Desired>,
) -> ScopeReport {
    let proposing = propose(reads, &writes.circumstances, desired);
    let Some(proposal) = writes.stop.run_until_cancelled(proposing).await else {
        let gap = Gap("the process is ending".to_owned());
        let partial = Partial { scope: desired.scope.clone(), gaps: vec![gap], seen: 0 };
        return ScopeReport::of_partial(desired, &partial, gate::refuse_partial(&partial));
    };
    record(writes, &desired.revision, &proposal.report).await;
    carry_out(reads, writes, proposal, Arc::new(Run::of("run"))).await
}

#[cfg(test)]
mod tests;
