//! Changes are made while every allow window of configuration and manifests is open, and no deny
//! window.

use super::review::Case;
use super::{Refusal, Rule, Situation};
use crate::desired::Desired;
use crate::window::{State, Windows, state_of_all};

pub(super) fn check(case: &Case<'_>, situation: &Situation<'_>) -> Option<Refusal> {
    if case.is_idle() {
        return None;
    }
    let all = every(case.plan.desired(), situation);
    let State::Closed { by, opens } = state_of_all(all, situation.now.wall) else { return None };
    let way_out = match opens {
        Some(at) => format!("wait until {at}; or change `windows` where they are said"),
        None => "they do not open within a year: change `windows` where they are said".to_owned(),
    };
    let message = format!("no changes are made now: {by}");
    Some(Refusal { rule: Rule::Windows, message, way_out })
}

/// Which window keeps a call from being made now.
pub(super) fn closed_by(newest: &Desired, situation: &Situation<'_>) -> Option<String> {
    every(newest, situation).find_map(|windows| windows.closed_by(situation.now.wall))
}

fn every<'a>(
    desired: &'a Desired,
    situation: &'a Situation<'_>,
) -> impl Iterator<Item = &'a Windows> + Clone {
    std::iter::once(&situation.bounds.windows).chain(&desired.windows)
}
