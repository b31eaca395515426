//! What would be done, and what is held: `/api/v1/plan` and `/api/v1/refusals`.

use super::{Server, answer};
use crate::report::{ScopeReport, json};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;

/// The plan as `plan --output json` has it, byte for byte; but without the forecast over all scopes,
/// which only the command makes.
pub(super) async fn plan(State(server): State<Arc<Server>>) -> Response {
    answer::built(&server, |shown| {
        let (revision, scopes) = {
            let said = shown.board.said();
            (said.revision.clone(), said.scopes.clone())
        };
        let Some(revision) = revision else {
            let why = "no revision of the manifests was accepted yet; /api/v1/status says why";
            return answer::refuse(StatusCode::SERVICE_UNAVAILABLE, why);
        };
        let reports: Vec<&ScopeReport> = scopes.values().map(|(_, report)| &**report).collect();
        answer::text(json::render_of(&revision, &reports, None))
    })
    .await
}

pub(super) async fn refusals(State(server): State<Arc<Server>>) -> Response {
    answer::value(&server, |shown| {
        let now = shown.clock.now();
        let scopes = shown.board.said().scopes.clone();
        let held = scopes.values().flat_map(|(at, report)| {
            of(report).into_iter().map(move |refusal| {
                let mut row = answer::of_scope(&report.scope, refusal);
                answer::extend(&mut row, super::around::read(*at, now));
                row
            })
        });
        json!({"now": now.wall.to_string(), "refusals": held.collect::<Vec<_>>()})
    })
    .await
}

/// What holds a scope back; `approve` is the command that releases it, where one does.
pub(super) fn of(report: &ScopeReport) -> Vec<Value> {
    let one = report.refusals.iter().map(|refusal| {
        let digest = report.digest.as_ref().filter(|_| refusal.rule.can_be_approved());
        json!({
            "digest": report.digest.as_ref().map(|digest| digest.as_str()),
            "rule": refusal.rule.as_str(),
            "message": refusal.message,
            "wayOut": refusal.way_out,
            "approve": digest.map(|digest| format!("classiclinkd approve {}", digest.short())),
        })
    });
    one.collect()
}
