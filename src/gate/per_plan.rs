//! One plan removes only a small part of a VPC's links: of those it had within the last day, so that a
//! tenth of what is left, again and again, stays a tenth of what there was.

use super::review::{Case, still_shown};
use super::{Refusal, Rule, Situation, files, links, named};
use crate::model::Amount;

pub(super) fn check(case: &Case<'_>, situation: &Situation<'_>) -> Option<Refusal> {
    let plan = case.plan;
    let asked = case.going().count() as u64;
    let present = plan.observed_count() as u64;
    // A list that shows what was detached beside what was just attached has more links than there ever
    // were at one time.
    let leaving = situation.ledger.leaving(plan).count();
    let there = present.saturating_sub(leaving as u64);
    let whole = situation.ledger.most_links(plan.scope(), there, situation.now);
    let limit = limit(case, whole, situation);
    let most =
        if whole > present { format!(" ({whole} within the last day)") } else { String::new() };
    (asked > limit.number).then(|| Refusal {
        rule: Rule::PerPlan,
        message: format!(
            "the plan detaches {} of the {present} observed at {}{}{most}, and at most {} may go at once ({})",
            links(asked as usize),
            named(plan.scope()),
            still_shown(leaving),
            limit.number,
            limit.said,
        ),
        way_out: if limit.is_ceiling {
            "if that many are meant to go, remove them in several steps, or raise \
             `limits.maxDetachCeiling` in the configuration; if not, list the links that should stay"
                .to_owned()
        } else {
            format!(
                "if that many are meant to go, set `maxDetach: {asked}` under `spec.limits` in {}; if not, \
                 list the links that should stay",
                files(plan.desired())
            )
        },
    })
}

struct Limit {
    number: u64,
    /// Where it is said.
    said: String,
    is_ceiling: bool,
}

/// The smallest of what the manifests say, else the configured share with its floor; under the
/// configured ceiling.
fn limit(case: &Case<'_>, whole: u64, situation: &Situation<'_>) -> Limit {
    let bounds = situation.bounds;
    let floor = |amount: Amount| match amount {
        // A share of a small scope would round down to nothing.
        Amount::Percent(1..) => amount.of(whole).max(bounds.min_detach),
        _ => amount.of(whole),
    };
    let desired = case.plan.desired();
    let said = desired.max_detach.iter().map(|amount| (floor(*amount), amount)).min();
    let Some((number, amount)) = said else {
        let said = format!("the default: {}, and always {}", bounds.max_detach, bounds.min_detach);
        return Limit { number: floor(bounds.max_detach), said, is_ceiling: false };
    };
    match bounds.max_detach_ceiling {
        Some(ceiling) if floor(ceiling) < number => Limit {
            number: floor(ceiling),
            said: format!("`limits.maxDetachCeiling: {ceiling}` in the configuration"),
            is_ceiling: true,
        },
        _ => {
            let said = format!("`maxDetach: {amount}` in {}", files(desired));
            Limit { number, said, is_ceiling: false }
        }
    }
}
