//! A file cut in the middle of its last id is valid YAML that lists another instance. The link of the
//! id that was meant then looks like one that nobody lists.

use super::review::Case;
use super::{Refusal, Rule, files};
use crate::model::InstanceId;
use std::collections::BTreeSet;

pub(super) fn check(case: &Case<'_>) -> Option<Refusal> {
    let going: BTreeSet<&InstanceId> = case.going().collect();
    case.plan.missing().keys().find_map(|missing| {
        // What an id begins sorts right behind it.
        let next = going.range::<&InstanceId, _>(missing..).find(|id| **id != missing)?;
        let going = next.as_str().starts_with(missing.as_str()).then_some(next)?;
        Some(Refusal {
            rule: Rule::CutShort,
            message: format!(
                "{going} would be detached, and the manifests list {missing}, which is not linked and \
                 looks like the same id cut short"
            ),
            way_out: format!(
                "write the whole id in {}, or take the short one out",
                files(case.plan.desired())
            ),
        })
    })
}
