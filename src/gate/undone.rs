//! A link that an undo gave back is not taken again by the revision that took it.

use super::pause::resume;
use super::{Refusal, Rule, Situation, files};
use crate::ledger::event::Target;
use crate::model::Verb;
use crate::plan::{Action, Plan};

pub(super) fn check(plan: &Plan, action: &Action, situation: &Situation<'_>) -> Option<Refusal> {
    let instance = &action.link.instance;
    let hold = situation.ledger.restored(plan.scope(), instance)?;
    (action.verb == Verb::Detach).then(|| Refusal {
        rule: Rule::Undone,
        message: format!(
            "{instance} would be detached, and {} gave it back (undo of {}, by {})",
            hold.run, hold.of, hold.by
        ),
        way_out: format!(
            "to keep it, list it in {}; to let it go, let another revision be accepted, or run: {}",
            files(plan.desired()),
            resume(&Target::Scope(plan.scope().clone()))
        ),
    })
}
