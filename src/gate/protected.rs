//! Lifting a protection and removing the link take two revisions.

use super::{Refusal, Rule, Situation, files};
use crate::model::Verb;
use crate::plan::{Action, Plan};

pub(super) fn check(plan: &Plan, action: &Action, situation: &Situation<'_>) -> Option<Refusal> {
    let instance = &action.link.instance;
    // Newer than the accepted revision, perhaps: what it protects is protected already.
    let said = plan.desired().links.get(instance).is_some_and(|said| said.protected);
    let protected = said || situation.ledger.is_protected(plan.scope(), instance);
    (protected && action.verb == Verb::Detach).then(|| Refusal {
        rule: Rule::Protected,
        message: format!("{instance} would be detached, and it is protected"),
        way_out: format!(
            "list it in {} without `protected: true`, let that revision be accepted, and remove it in a \
             later one",
            files(plan.desired())
        ),
    })
}
