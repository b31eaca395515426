//! The VPCs that are declared: `/api/v1/scopes` and `/api/v1/scopes/{account}/{region}/{vpc}`.

use super::{Server, Shown, answer, around, refusals};
use crate::clock::Moment;
use crate::desired::{Declared, Desired, Place};
use crate::model::{AccountName, InstanceId, Region, Scope, Verb, VpcId, printable};
use crate::plan::Missing;
use crate::report::{ScopeReport, json};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;

/// `verdict` of a scope that no pass has looked at yet.
const WAITING: &str = "waiting";

pub(super) async fn list(State(server): State<Arc<Server>>) -> Response {
    answer::value(&server, rows).await
}

pub(super) async fn one(
    State(server): State<Arc<Server>>,
    named: Result<Path<(String, String, String)>, PathRejection>,
    uri: Uri,
) -> Response {
    answer::built(&server, move |shown| {
        let named = named.ok().map(|Path(named)| named);
        let scope = named.and_then(|(account, region, vpc)| scope_of(&account, &region, &vpc));
        match scope.and_then(|scope| details(shown, &scope)) {
            Some(details) => Json(details).into_response(),
            None => {
                let why = format!(
                    "no manifest of the revision in force declares what {} names; /api/v1/scopes \
                     lists what is declared",
                    printable(uri.path())
                );
                answer::refuse(StatusCode::NOT_FOUND, why)
            }
        }
    })
    .await
}

fn scope_of(account: &str, region: &str, vpc: &str) -> Option<Scope> {
    Some(Scope {
        account: AccountName::parse(account).ok()?,
        region: Region::parse(region).ok()?,
        vpc: VpcId::parse(vpc).ok()?,
    })
}

fn rows(shown: &Shown) -> Value {
    let now = shown.clock.now();
    let (revision, tree, read) = {
        let said = shown.board.said();
        (said.revision.clone(), said.tree.clone(), said.scopes.clone())
    };
    let declared = tree.iter().flat_map(|tree| tree.scopes.values());
    let rows: Vec<Value> =
        declared.map(|desired| row(desired, read.get(&desired.scope), now)).collect();
    json!({
        "now": now.wall.to_string(),
        "revision": answer::revision(revision.as_ref()),
        "scopes": rows,
    })
}

fn row(desired: &Desired, read: Option<&(Moment, Arc<ScopeReport>)>, now: Moment) -> Value {
    let Some((at, report)) = read else {
        let more = json!({
            "mode": desired.mode.as_str(), "observed": 0, "desired": desired.links.len(),
            "detach": 0, "attach": 0, "missing": 0, "refusals": 0, "verdict": WAITING,
            "readAt": null, "ageSeconds": null,
        });
        return answer::of_scope(&desired.scope, more);
    };
    let mut row = answer::of_scope(
        &report.scope,
        json!({
            "mode": report.mode.as_str(),
            "observed": report.observed,
            "desired": report.desired,
            "detach": report.count(Verb::Detach),
            "attach": report.count(Verb::Attach),
            "missing": report.missing.len(),
            "refusals": report.refusals.len(),
            "verdict": report.verdict.as_str(),
        }),
    );
    answer::extend(&mut row, around::read(*at, now));
    row
}

/// Everything about one scope; `None` if it is not declared.
fn details(shown: &Shown, scope: &Scope) -> Option<Value> {
    let now = shown.clock.now();
    let (tree, read) = {
        let said = shown.board.said();
        (said.tree.clone()?, said.scopes.get(scope).cloned())
    };
    let desired = tree.scopes.get(scope)?;
    let mut details = row(desired, read.as_ref(), now);
    let outcome = read.as_ref().map(|(_, report)| found(report));
    answer::extend(&mut details, outcome.unwrap_or_else(nothing_found));
    let parked = shown.quarantines.get(&scope.account);
    let parked = parked.map(|quarantine| quarantine.of(scope, now)).unwrap_or_default();
    let parked = parked.iter().map(|parked| {
        json!({
            "instanceId": parked.instance.as_str(),
            "action": parked.verb.as_str(),
            "nextTrySeconds": parked.left.as_secs(),
            "why": parked.why,
        })
    });
    let manifests = desired.origins.iter().map(|origin| {
        let mut manifest = json!({"name": origin.name, "owner": origin.owner});
        answer::extend(&mut manifest, place(&origin.place));
        manifest
    });
    let windows = desired.windows.iter().flat_map(|of| around::windows(of, now.wall));
    let more = json!({
        "now": now.wall.to_string(),
        "revision": answer::revision(Some(&tree.revision)),
        "manifests": manifests.collect::<Vec<_>>(),
        "windows": windows.collect::<Vec<_>>(),
        "links": desired.links.iter().map(|said| link(said, now)).collect::<Vec<_>>(),
        "quarantined": parked.collect::<Vec<_>>(),
    });
    answer::extend(&mut details, more);
    Some(details)
}

/// What the last pass found and did.
fn found(report: &ScopeReport) -> Value {
    let mut whole = json::scope(report);
    let mut part = |key: &str| whole.get_mut(key).map(Value::take).unwrap_or_else(|| json!([]));
    let missing = report.missing.iter().map(|(instance, missing)| {
        json!({"instanceId": instance.as_str(), "why": missing.to_string(), "linkedTo": match missing {
            Missing::Elsewhere(vpc) => Some(vpc.as_str()),
            Missing::Unlinked | Missing::Unknown => None,
        }})
    });
    json!({
        "digest": part("digest"),
        "actions": part("actions"),
        "missingLinks": missing.collect::<Vec<_>>(),
        "unconfirmed": part("unconfirmed"),
        "expiring": part("expiring"),
        "refusalDetails": refusals::of(report),
        "outcomes": part("outcomes"),
        "approver": report.approver,
    })
}

/// The same of a scope that no pass has looked at.
fn nothing_found() -> Value {
    json!({
        "digest": null, "actions": [], "missingLinks": [], "unconfirmed": [], "expiring": [],
        "refusalDetails": [], "outcomes": [], "approver": null,
    })
}

/// A link that is declared.
fn link((instance, said): (&InstanceId, &Declared), now: Moment) -> Value {
    let mut link = json!({
        "instanceId": instance.as_str(),
        "until": said.until.map(|until| until.to_string()),
        "reason": said.reason,
        "protected": said.protected,
        "desiredNow": said.holds_at(now.wall),
    });
    answer::extend(&mut link, place(&said.place));
    link
}

fn place(place: &Place) -> Value {
    json!({"file": &*place.file, "line": place.line})
}
