//! One pass over one scope, top to bottom: observe, plan, gate, apply, report.

use crate::apply::Writes;
use crate::clock::Clock;
use crate::cloud::{ReadLinks, WriteLinks};
use crate::desired::Desired;
use crate::gate::{self, Approved, Bounds};
use crate::model::Verb;
use crate::observe::Reads;
use crate::observed::{Complete, Gap, Observed, Partial};
use crate::plan;
use crate::report::{ScopeReport, Verdict};
use std::sync::Arc;

/// What a scope needs: a report of what was found, and the approval if there is something to do.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// What was found and decided.
    pub report: ScopeReport,
    /// Leave to carry it out.
    pub approved: Option<Arc<Approved>>,
    /// What was observed, if that was complete.
    pub complete: Option<Complete>,
}

/// Observes, plans and asks the gate. Holds no way to change anything: this is all that `plan`
/// does.
pub async fn propose<R: ReadLinks>(
    reads: &Reads<R>,
    bounds: &Bounds,
    clock: &dyn Clock,
    desired: &Arc<Desired>,
) -> Proposal {
    let held = |report| Proposal { report, approved: None, complete: None };
    let complete = match reads.observe(desired).await {
        Ok(Observed::Complete(complete)) => complete,
        Ok(Observed::Partial(partial)) => {
            let refusal = gate::refuse_partial(&partial);
            return held(ScopeReport::of_partial(desired, &partial, refusal));
        }
        Err(error) => return held(ScopeReport::of_failure(desired, error)),
    };
    let plan = plan::compute(desired, &complete, complete.begun().wall);
    let (report, approved) = if plan.actions().is_empty() {
        (ScopeReport::of_plan(&plan, Verdict::InSync, Vec::new()), None)
    } else {
        match gate::review(plan, bounds, clock.now()) {
            Err(refused) => (ScopeReport::of_held(*refused), None),
            Ok(approved) => {
                let report = ScopeReport::of_plan(approved.plan(), Verdict::Approved, Vec::new());
                (report, Some(Arc::new(approved)))
            }
        }
    };
    Proposal { report, approved, complete: Some(complete) }
}

/// Carries out what was approved: every detach before any attach.
pub async fn carry_out<R: ReadLinks, W: WriteLinks>(
    reads: &Reads<R>,
    writes: &Writes<W>,
    proposal: Proposal,
) -> ScopeReport {
    let Proposal { mut report, approved, complete } = proposal;
    if let Some(complete) = complete {
        report.applied = writes.settle_others(&complete, &report.actions).await;
        writes.quarantine.keep_only(&report.scope, &report.actions);
    }
    let Some(approved) = approved else { return report };
    for verb in [Verb::Detach, Verb::Attach] {
        report.applied.extend(writes.apply(reads, &approved, verb).await);
    }
    report
}

/// One pass. Reading is given up when the process is to end; calls in flight are waited for.
pub async fn pass<R: ReadLinks, W: WriteLinks>(
    reads: &Reads<R>,
    writes: &Writes<W>,
    desired: &Arc<Desired>,
) -> ScopeReport {
    let proposing = propose(reads, &writes.bounds, &*writes.clock, desired);
    match writes.stop.run_until_cancelled(proposing).await {
        Some(proposal) => carry_out(reads, writes, proposal).await,
        None => {
            let gap = Gap("the process is ending".to_owned());
            let partial = Partial { scope: desired.scope.clone(), gaps: vec![gap], seen: 0 };
            ScopeReport::of_partial(desired, &partial, gate::refuse_partial(&partial))
        }
    }
}

#[cfg(test)]
mod tests;
