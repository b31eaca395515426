//! A revision that takes a large part of a scope's links out of the manifests is looked at by a person
//! first: a lost file, a wrong branch and a bad merge look like that, too.

use super::review::Case;
use super::{Refusal, Rule, Situation, files, links, named};
use crate::model::{InstanceId, Scope};

/// Whether the link is one of those that the revision in force lost and nobody looked at yet.
pub(super) fn is_lost(scope: &Scope, instance: &InstanceId, situation: &Situation<'_>) -> bool {
    let Situation { bounds, ledger, .. } = situation;
    ledger.shrunk(scope).is_some_and(|shrunk| {
        let many = shrunk.exceeds(bounds.max_shrink, bounds.min_detach);
        (shrunk.doubtful || many) && shrunk.lost.contains(instance)
    })
}

pub(super) fn check(case: &Case<'_>, situation: &Situation<'_>) -> Option<Refusal> {
    let Situation { bounds, ledger, .. } = situation;
    let scope = case.plan.scope();
    let shrunk = ledger.shrunk(scope)?;
    let lost = case.going().filter(|instance| shrunk.lost.contains(*instance)).count();
    let by = shrunk.by.as_ref().map(|by| format!(", {by}")).unwrap_or_default();
    let doubt = shrunk.doubtful && lost > 0;
    if doubt {
        return Some(Refusal {
            rule: Rule::Shrink,
            message: format!(
                "the manifests of {} lost {} of {} that the revision before listed{by}; however few they are, a \
                 person has to look; the plan detaches {lost} of them",
                named(scope),
                shrunk.lost.len(),
                links(shrunk.from as usize),
            ),
            way_out: format!("put back in {} what should stay", files(case.plan.desired())),
        });
    }
    (lost > 0 && shrunk.exceeds(bounds.max_shrink, bounds.min_detach)).then(|| Refusal {
        rule: Rule::Shrink,
        message: format!(
            "the manifests of {} lost {} of {} that the revision before listed{by}, and at most {} may be lost \
             by one revision (`limits.maxShrink: {}`, and always {}); the plan detaches {lost} of them",
            named(scope),
            shrunk.lost.len(),
            links(shrunk.from as usize),
            bounds.max_shrink.of(shrunk.from).max(bounds.min_detach),
            bounds.max_shrink,
            bounds.min_detach,
        ),
        way_out: format!("put back in {} what should stay", files(case.plan.desired())),
    })
}
