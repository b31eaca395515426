//! How things stand: `/api/v1/status`.

use super::{Server, Shown, answer, around, trend};
use crate::board::Said;
use crate::report::{ScopeReport, Standing, json};
use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn status(State(server): State<Arc<Server>>) -> Response {
    answer::value(&server, value).await
}

/// The board as a value. Times are RFC 3339, ages in seconds.
pub(super) fn value(shown: &Shown) -> Value {
    let now = shown.clock.now();
    // A copy, so that the loop never waits for a reader.
    let said = shown.board.said().clone();
    let mut status = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "now": now.wall.to_string(),
        "intervalSeconds": shown.interval.as_secs_f64(),
        "startedAt": said.started.map(|at| at.wall.to_string()),
        "acceptedAt": said.accepted_at.map(|at| at.wall.to_string()),
        "sourceProblem": said.trouble,
        "journalProblem": said.journal_trouble,
        "accountProblems": said.vitals.broken_pins.iter().map(|(account, problem)| json!({
            "account": account.as_str(), "problem": problem,
        })).collect::<Vec<_>>(),
        "paused": said.paused,
        "passes": said.passes,
        "quarantined": said.quarantined,
        "standing": "waiting",
        "windows": around::windows(&shown.circumstances.bounds.common.windows, now.wall),
        "changes": around::changes(&shown.circumstances.bounds.common.windows, now.wall),
        "accountWindows": around::own_windows(&shown.circumstances.bounds, now.wall),
        "budgets": around::budgets(shown, said.tree.as_deref(), now),
        "trend": trend::value(&shown.board, Some(trend::GLANCE)),
        "recent": said.recent.iter().map(|recent| json!({
            "at": recent.at.wall.to_string(),
            "scope": recent.scope.to_string(),
            "instanceId": recent.instance,
            "action": recent.verb,
            "outcome": recent.outcome,
            "detail": recent.detail,
        })).collect::<Vec<_>>(),
    });
    let Some(revision) = &said.revision else { return status };
    let reports: Vec<&ScopeReport> = said.scopes.values().map(|(_, report)| &**report).collect();
    let mut plan = json::value_of(revision, &reports, None);
    let scopes = plan.get_mut("scopes").and_then(Value::as_array_mut).into_iter().flatten();
    for (scope, (at, _)) in scopes.zip(said.scopes.values()) {
        answer::extend(scope, around::read(*at, now));
    }
    answer::extend(&mut status, json!({"standing": standing(&said, &reports)}));
    for key in ["revision", "scopes", "summary"] {
        let part = plan.get_mut(key).map(Value::take).unwrap_or_default();
        answer::extend(&mut status, json!({key: part}));
    }
    status
}

fn standing(said: &Said, reports: &[&ScopeReport]) -> &'static str {
    match Standing::of(reports.iter().copied()) {
        _ if reports.is_empty() => "waiting",
        Standing::Clean | Standing::Pending if said.trouble.is_some() => "refused",
        Standing::Clean => "converged",
        Standing::Pending => "pending",
        Standing::Held => "held",
        Standing::Partial => "partial",
        Standing::Error => "error",
    }
}
