//! A manifest in mode `observe` reports drift and touches nothing.

use super::review::Case;
use super::{Refusal, Rule, files, links};
use crate::model::Mode;

pub(super) fn check(case: &Case<'_>) -> Option<Refusal> {
    let actions = case.plan.actions().len();
    (case.plan.mode() == Mode::Observe && actions > 0).then(|| Refusal {
        rule: Rule::ObserveMode,
        message: format!("{} would be detached, and the mode is `observe`", links(actions)),
        way_out: format!(
            "to let them be detached, write `mode: detach` in {}; to keep them, list them there",
            files(case.plan.desired())
        ),
    })
}
