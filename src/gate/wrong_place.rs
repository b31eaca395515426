//! It looks like another region or account than was meant: nothing is done there, and above all it is
//! not called in sync.

use super::review::{Case, still_shown};
use super::{Refusal, Rule, Situation, files, links, named};
use crate::ledger::event::{Cause, Pause, Target};
use crate::model::{InstanceId, Mode, Scope};
use crate::plan::Missing;

/// Calls that may miss their instance before it is more than chance, and their share of all calls.
const MISSES: u64 = 3;
const MISSES_PERCENT: u64 = 5;

/// The refusal; and the pause that it calls for.
pub(super) fn check(
    case: &Case<'_>,
    situation: &Situation<'_>,
) -> Option<(Refusal, Option<Pause>)> {
    let plan = case.plan;
    let way_out = format!(
        "check region, account and VPC in {}; `classiclinkd import` writes down what exists",
        files(plan.desired())
    );
    let refusal = |message| Refusal { rule: Rule::WrongPlace, message, way_out: way_out.clone() };
    if let (Some(missed), false) = (burst(plan.scope(), situation), case.is_idle()) {
        let message = format!(
            "{missed} calls within the hour met instances that the cloud does not know at {}",
            named(plan.scope())
        );
        return Some((refusal(message), Some(latch(plan.scope()))));
    }
    let listed = |id: &&InstanceId| plan.desired().keeps(id, plan.observed_at().wall);
    let leaving = situation.ledger.leaving(plan).filter(listed).count();
    let gone = plan.missing().len() + leaving;
    let none_is_there = plan.desired_count() > 0 && gone == plan.desired_count();
    let strange = match plan.mode() {
        // A VPC that is to be filled begins empty.
        Mode::Sync => {
            let mut missing = plan.missing().values();
            missing.len() > 0 && missing.all(|missing| *missing == Missing::Unknown)
        }
        Mode::Observe | Mode::Detach => true,
    };
    (none_is_there && strange).then(|| {
        let message = format!(
            "none of the {} that the manifests list exists at {}, where {} observed{}",
            links(plan.desired_count()),
            named(plan.scope()),
            if plan.observed_count() == 1 {
                "1 is".to_owned()
            } else {
                format!("{} are", plan.observed_count())
            },
            still_shown(leaving),
        );
        (refusal(message), None)
    })
}

/// How many calls missed their instance, if that is more than chance.
pub(super) fn burst(scope: &Scope, situation: &Situation<'_>) -> Option<u64> {
    let (missed, sent) = situation.ledger.misses(scope, situation.now);
    (missed > MISSES && missed * 100 > sent * MISSES_PERCENT).then_some(missed)
}

/// The pause of a scope that looks like the wrong place.
pub(super) fn latch(scope: &Scope) -> Pause {
    Pause {
        target: Target::Scope(scope.clone()),
        cause: Cause::WrongPlace,
        by: "classiclinkd".to_owned(),
        reason: Some("calls met instances that the cloud does not know here".to_owned()),
    }
}
