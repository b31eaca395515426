//! One plan removes only a small part of a VPC's links.

use super::{Bounds, Refusal, Rule, files, links, named};
use crate::model::{Amount, Verb};
use crate::plan::Plan;

pub(super) fn check(plan: &Plan, bounds: &Bounds) -> Option<Refusal> {
    let asked = plan.count(Verb::Detach) as u64;
    let (limit, said) = limit(plan, bounds);
    (asked > limit).then(|| Refusal {
        rule: Rule::PerPlan,
        message: format!(
            "the plan detaches {} of the {} observed at {}, and at most {limit} may go at once ({said})",
            links(asked as usize),
            plan.observed_count(),
            named(plan.scope()),
        ),
        way_out: format!(
            "if that many are meant to go, set `maxDetach: {asked}` under `spec.limits` in {}; if not, \
             list the links that should stay",
            files(plan.desired())
        ),
    })
}

/// The smallest of what the manifests say, else the configured share with its floor; and in words.
fn limit(plan: &Plan, bounds: &Bounds) -> (u64, String) {
    let whole = plan.observed_count() as u64;
    let floor = |amount: &Amount| match amount {
        // A share of a small scope would round down to nothing.
        Amount::Percent(1..) => amount.of(whole).max(bounds.min_detach),
        _ => amount.of(whole),
    };
    let said = plan.desired().max_detach.iter().map(|amount| (floor(amount), amount)).min();
    match said {
        Some((limit, amount)) => {
            (limit, format!("`maxDetach: {amount}` in {}", files(plan.desired())))
        }
        None => {
            let limit = floor(&bounds.max_detach);
            (limit, format!("the default: {}, and always {}", bounds.max_detach, bounds.min_detach))
        }
    }
}
