//! A link that the newest accepted revision keeps is not cut, whatever the plan says.

use super::{Approved, Denial, Facts, Situation, shrink};
use crate::model::{Mode, Verb};
use crate::plan::{Action, Reason};
use std::time::Duration;

/// A clock that is further off decides nothing about dates.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

pub(super) fn check(
    approved: &Approved,
    action: &Action,
    facts: &Facts<'_>,
    situation: &Situation<'_>,
) -> Result<(), Denial> {
    let Some(desired) = facts.newest.scopes.get(approved.plan.scope()) else {
        return Err(Denial::Released);
    };
    let allowed = match action.verb {
        Verb::Detach => desired.mode != Mode::Observe,
        Verb::Attach => desired.mode == Mode::Sync,
    };
    if !allowed {
        return Err(Denial::Mode(desired.mode));
    }
    let said = desired.links.get(&action.link.instance);
    let kept = said.filter(|said| said.holds_at(situation.now.wall));
    match (action.verb, kept) {
        (Verb::Detach, Some(said)) => return Err(Denial::Kept(said.place.clone())),
        (Verb::Attach, None) => return Err(Denial::Unwanted),
        _ => (),
    }
    let planned = approved.plan.desired();
    if (&desired.max_detach, desired.allow_empty) != (&planned.max_detach, planned.allow_empty) {
        return Err(Denial::Limits);
    }
    // A plan was reviewed by what was lost then: other revisions may have come since, this one again among
    // them. Who approved it saw what its own one lists.
    let unseen = approved.approver.is_none() || desired.links != planned.links;
    let lost = action.verb == Verb::Detach
        && unseen
        && shrink::is_lost(approved.plan.scope(), &action.link.instance, situation);
    if lost {
        return Err(Denial::Lost);
    }
    let windows = std::iter::once(&situation.bounds.windows).chain(&desired.windows);
    let by_date = matches!(action.reason, Reason::Expired { .. })
        || approved.approver.is_some()
        || windows.into_iter().any(|windows| !windows.is_empty());
    if by_date && facts.clock_off >= CLOCK_TOLERANCE {
        return Err(Denial::Clock(facts.clock_off));
    }
    Ok(())
}
