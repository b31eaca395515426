//! No plan leaves a VPC without any link unless every manifest of it says so.

use super::review::{Case, still_shown};
use super::{Refusal, Rule, Situation, files, links, named};
use crate::model::InstanceId;
use std::collections::BTreeSet;

pub(super) fn check(case: &Case<'_>, situation: &Situation<'_>) -> Option<Refusal> {
    let plan = case.plan;
    // Links that are about to be attached do not count as staying: if their attach fails, the VPC
    // is empty.
    // Neither do links that no read by id confirms, nor those that a call of before may have taken,
    // whether they are listed or an action for them is withheld.
    let goes: BTreeSet<&InstanceId> = case.going().collect();
    let going = goes.len();
    let counted = |id: &&InstanceId| plan.unconfirmed().contains(*id) || goes.contains(*id);
    let leaving = situation.ledger.leaving(plan).filter(|id| !counted(id)).count();
    let gone = plan.unconfirmed().len() + leaving;
    let staying = plan.observed_count().saturating_sub(gone + going);
    let empties = going > 0 && staying == 0;
    (empties && !plan.desired().allow_empty).then(|| Refusal {
        rule: Rule::Emptying,
        message: format!(
            "the plan detaches {}, which is every link observed at {}{}",
            links(going),
            named(plan.scope()),
            still_shown(leaving)
        ),
        way_out: format!(
            "if the VPC is meant to lose all of them, set `allowEmpty: true` under `spec.limits` \
             in {}; if not, check that its region, account and VPC are right",
            files(plan.desired())
        ),
    })
}
