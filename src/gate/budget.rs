//! Many small plans do not add up to a large one: detaches sent are counted per account and region.

use super::pause::resume;
use super::review::Case;
use super::{Refusal, Rule, Situation, links};
use crate::ledger::event::{Cause, Pause, Target};
use crate::model::Scope;

/// The refusal; and the pause that it calls for, where it is what was sent before that stops the plan.
pub(super) fn check(
    case: &Case<'_>,
    situation: &Situation<'_>,
) -> Option<(Refusal, Option<Pause>)> {
    let Situation { ledger, bounds, now, .. } = situation;
    let budget = bounds.budget;
    let scope = case.plan.scope();
    let wanted = case.going().filter(|id| !ledger.took_detach(scope, id)).count() as u64;
    let lane = scope.lane();
    let spent = ledger.spent(&lane, *now);
    if wanted == 0 || wanted <= budget.left(spent) {
        return None;
    }
    let message = format!(
        "the plan detaches {}, and {} may go now in {lane}: {} of {} were sent within the hour, {} of {} \
         within the day",
        links(wanted as usize),
        budget.left(spent),
        spent.hour,
        budget.hour,
        spent.day,
        budget.day,
    );
    let way_out = match ledger.fits_at(&lane, wanted, budget, *now) {
        Some(at) => format!(
            "look at what was sent with `classiclinkd history`; the plan fits from {} on, after \
             `{}` if calls are paused; or raise `limits.budget` in the configuration",
            at.round(jiff::Unit::Second).unwrap_or(at),
            resume(&Target::Lane(lane.clone()))
        ),
        None => "it never fits: raise `limits.budget.hour` and `limits.budget.day` in the \
                 configuration, or remove the links in several steps"
            .to_owned(),
    };
    let fits_at_all = wanted <= budget.hour.min(budget.day);
    let latch = (fits_at_all && ledger.sent_since_resumed(&lane)).then(|| latch(case.plan.scope()));
    Some((Refusal { rule: Rule::Budget, message, way_out }, latch))
}

/// Whether one more call fits. `counted` says whether the call is counted already.
pub(super) fn allows(scope: &Scope, counted: bool, situation: &Situation<'_>) -> bool {
    let spent = situation.ledger.spent(&scope.lane(), situation.now);
    let Situation { bounds, .. } = situation;
    let within = spent.hour <= bounds.budget.hour && spent.day <= bounds.budget.day;
    if counted { within } else { bounds.budget.left(spent) > 0 }
}

/// The pause of a spent budget.
pub(super) fn latch(scope: &Scope) -> Pause {
    Pause {
        target: Target::Lane(scope.lane()),
        cause: Cause::Budget,
        by: "classiclinkd".to_owned(),
        reason: Some("the budget of detaches is spent".to_owned()),
    }
}
