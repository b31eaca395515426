//! The status as JSON: `/api/v1/status`.

use crate::board::Board;
use crate::clock::Moment;
use crate::report::{Report, ScopeReport, Standing, json};
use serde_json::{Value, json};

/// The board as a value. Times are RFC 3339, ages in seconds.
pub(super) fn value(board: &Board, now: Moment) -> Value {
    let said = board.said();
    let mut status = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "now": now.wall.to_string(),
        "startedAt": said.started.map(|at| at.wall.to_string()),
        "acceptedAt": said.accepted_at.map(|at| at.wall.to_string()),
        "sourceProblem": said.trouble,
        "journalProblem": said.journal_trouble,
        "paused": said.paused,
        "passes": said.passes,
        "quarantined": said.quarantined,
        "standing": "waiting",
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
    let reports = said.scopes.values().map(|(_, report)| ScopeReport::clone(report)).collect();
    let report = Report::new(std::sync::Arc::clone(revision), reports);
    let mut plan = json::value(&report);
    for scope in plan.get_mut("scopes").and_then(Value::as_array_mut).into_iter().flatten() {
        let named = |scope: &Value, key: &str| {
            scope.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let name = format!(
            "{}/{}/{}",
            named(scope, "account"),
            named(scope, "regionId"),
            named(scope, "vpcId")
        );
        let at = said.scopes.iter().find(|(of, _)| of.to_string() == name).map(|(_, (at, _))| *at);
        if let (Some(map), Some(at)) = (scope.as_object_mut(), at) {
            map.insert("readAt".to_owned(), at.wall.to_string().into());
            map.insert("ageSeconds".to_owned(), now.since(at).as_secs().into());
        }
    }
    let standing = match report.standing() {
        _ if said.scopes.is_empty() => "waiting",
        Standing::Clean | Standing::Pending if said.trouble.is_some() => "refused",
        Standing::Clean => "converged",
        Standing::Pending => "pending",
        Standing::Held => "held",
        Standing::Partial => "partial",
        Standing::Error => "error",
    };
    if let Some(map) = status.as_object_mut() {
        map.insert("standing".to_owned(), standing.into());
        for key in ["revision", "scopes", "summary"] {
            let part = plan.get_mut(key).map(Value::take).unwrap_or_default();
            map.insert(key.to_owned(), part);
        }
    }
    status
}
