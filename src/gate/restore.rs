//! The gate of an undo: what was taken may be given back, whatever the manifests say, as long as it is
//! evident that it can be. Pauses, windows and budgets are about taking; they do not hold an undo up.

use super::{Approved, Held, Purpose, Refusal, Rule, Situation};
use super::{account_pin, ceiling, freshness, journal, links, named, review::Case};
use crate::cloud::LINKS_PER_VPC_MAX;
use crate::model::Verb;
use crate::plan::Plan;
use std::collections::{BTreeMap, BTreeSet};

/// Asks the rules about a plan that gives links back.
///
/// # Errors
/// [`Held`], with every refusal at once.
pub fn restore(plan: Plan, situation: &Situation<'_>) -> Result<Approved, Box<Held>> {
    let withheld = BTreeMap::new();
    let case = Case { plan: &plan, withheld: &withheld };
    let found = [
        room(&plan),
        freshness::check(&plan, situation),
        account_pin::check(situation),
        ceiling::check(plan.scope(), situation),
        journal::check(&case, situation),
    ];
    let refusals: Vec<Refusal> = found.into_iter().flatten().collect();
    if refusals.is_empty() && plan.count(Verb::Detach) == 0 {
        Ok(Approved { plan, purpose: Purpose::Undo, withheld, approver: None })
    } else {
        Err(Box::new(Held { plan, refusals, barred: BTreeSet::new(), latch: None }))
    }
}

/// One VPC has room for a thousand links (`api-contract.md` 8.1).
fn room(plan: &Plan) -> Option<Refusal> {
    let wanted = plan.count(Verb::Attach);
    let most = LINKS_PER_VPC_MAX as usize;
    (plan.observed_count() + wanted > most).then(|| Refusal {
        rule: Rule::PerPlan,
        message: format!(
            "{} would be attached to {}, which has {} of at most {most}",
            links(wanted),
            named(plan.scope()),
            plan.observed_count()
        ),
        way_out: "undo fewer at once, or make room first".to_owned(),
    })
}
