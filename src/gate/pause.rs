//! Calls stop when somebody says so, and stay stopped until somebody says otherwise.

use super::review::Case;
use super::{Refusal, Rule, Situation};
use crate::ledger::event::{Cause, Target};
use crate::model::{Scope, printable};

pub(super) fn check(case: &Case<'_>, situation: &Situation<'_>) -> Option<Refusal> {
    let (message, way_out) = paused(case.plan.scope(), situation)?;
    (!case.is_idle()).then_some(Refusal { rule: Rule::Pause, message, way_out })
}

/// What stops the calls of a scope, and what lets them go on.
pub(super) fn paused(scope: &Scope, situation: &Situation<'_>) -> Option<(String, String)> {
    if let Some(said) = situation.pause_file {
        let said = if said.is_empty() { String::new() } else { format!(": {}", printable(said)) };
        return Some((
            format!("calls are paused by the file `pause` in the state folder{said}"),
            "remove the file".to_owned(),
        ));
    }
    let (since, pause) = situation.ledger.paused(scope)?;
    let reason =
        pause.reason.as_deref().map_or_else(String::new, |r| format!(": {}", printable(r)));
    let by = match pause.cause {
        Cause::Operator => format!(" by {}", printable(&pause.by)),
        Cause::Budget | Cause::WrongPlace => String::new(),
    };
    let look =
        if pause.cause == Cause::Operator { "" } else { "look at `classiclinkd history`, then " };
    Some((
        format!(
            "calls of {} are paused{by} since {}{reason}",
            pause.target,
            since.round(jiff::Unit::Second).unwrap_or(since)
        ),
        format!("{look}let them go on with: {}", resume(&pause.target)),
    ))
}

/// The command that lets the calls of a target go on.
pub fn resume(target: &Target) -> String {
    let options = match target {
        Target::All => String::new(),
        Target::Account(account) => format!(" --account {account}"),
        Target::Lane(lane) => format!(" --account {} --region {}", lane.account, lane.region),
        Target::Scope(scope) => {
            format!(" --account {} --region {} --vpc {}", scope.account, scope.region, scope.vpc)
        }
    };
    format!("classiclinkd resume{options}")
}
