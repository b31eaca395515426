//! A manifest in mode `observe` reports drift and touches nothing.

use super::{Refusal, Rule, files, links};
use crate::model::Mode;
use crate::plan::Plan;

pub(super) fn check(plan: &Plan) -> Option<Refusal> {
    let actions = plan.actions().len();
    (plan.mode() == Mode::Observe && actions > 0).then(|| Refusal {
        rule: Rule::ObserveMode,
        message: format!("{} would be detached, and the mode is `observe`", links(actions)),
        way_out: format!(
            "to let them be detached, write `mode: detach` in {}; to keep them, list them there",
            files(plan.desired())
        ),
    })
}
