//! A link that was detached again and again within an hour is wanted by somebody else: taking it once
//! more is a fight, not a remedy.

use super::{Refusal, Rule, Situation, files};
use crate::ledger::FLAPS;
use crate::model::Verb;
use crate::plan::{Action, Plan};

pub(super) fn check(plan: &Plan, action: &Action, situation: &Situation<'_>) -> Option<Refusal> {
    let instance = &action.link.instance;
    let last = situation.ledger.flapping(plan.scope(), instance, situation.now)?;
    (action.verb == Verb::Detach).then(|| Refusal {
        rule: Rule::Flapping,
        message: format!(
            "{instance} was detached {FLAPS} times within an hour, the last time at {}, and is linked again",
            last.round(jiff::Unit::Second).unwrap_or(last)
        ),
        way_out: format!(
            "find out who attaches it (`classiclinkd history --instance {instance}`); to keep it, list it in \
             {}; else it is left alone for a day",
            files(plan.desired())
        ),
    })
}
