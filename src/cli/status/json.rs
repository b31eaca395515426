//! The status as JSON: versioned and stable; members are added, never renamed.

use super::super::Failure;
use super::super::findings::can_be_approved;
use super::Status;
use crate::ledger::event::{Accepted, Approval, Pause, Target};
use crate::model::{Scope, Verb};
use crate::report::history;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Version of the format.
const FORMAT_VERSION: u32 = 1;

/// The status as JSON text, with a final newline.
pub(super) fn render(status: &Status<'_>) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(&value(status))?;
    text.push('\n');
    Ok(text)
}

fn value(status: &Status<'_>) -> Value {
    let file = crate::journal::PauseFile::NAME;
    json!({
        "formatVersion": FORMAT_VERSION,
        "state": status.folder.display().to_string(),
        "inUse": status.in_use,
        "standing": standing(status),
        "vpcs": vpcs(status),
        "revision": status.accepted.map(|(accepted, since)| revision(accepted, since)),
        "pauseFile": status.pause_file.as_ref().map(|said| json!({
            "path": status.folder.join(file).display().to_string(),
            "says": said,
        })),
        "pauses": status.pauses.iter().map(|(at, of)| pause(*at, of)).collect::<Vec<_>>(),
        "budgets": budgets(status),
        "held": held(status),
        "approvals": status.approvals.iter().map(|(of, used)| approval(of, *used)).collect::<Vec<_>>(),
        "kept": kept(status),
        "protected": status.protected(),
        "unsettled": unsettled(status),
    })
}

fn standing(status: &Status<'_>) -> Value {
    json!({
        "converged": status.standing.is_converged(),
        "vpcs": status.standing.rows.len(),
        "inSync": status.standing.in_sync(),
        "knownAt": status.standing.known_at.map(|at| at.to_string()),
        // A default of this command's is no address of a daemon.
        "page": status.page.as_ref().filter(|_| status.is_page_told),
    })
}

fn vpcs(status: &Status<'_>) -> Vec<Value> {
    let rows = status.standing.rows.iter().map(|(scope, row)| {
        let value = json!({
            "inSync": row.is_in_sync(),
            "verdict": row.passed.map(|passed| passed.verdict.as_str()),
            "since": row.since.map(|at| at.to_string()),
            "observed": row.passed.map(|passed| passed.observed),
            "desired": row.passed.map(|passed| passed.desired),
            "detach": row.left(Verb::Detach),
            "attach": row.left(Verb::Attach),
            "done": row.done(),
            "heldBy": row.rules(),
        });
        in_scope(scope, value)
    });
    rows.collect()
}

fn revision(accepted: &Accepted, since: Option<Timestamp>) -> Value {
    let mut revision = history::json::revision(&accepted.revision);
    if let Some(members) = revision.as_object_mut() {
        members.insert("manifests".to_owned(), json!(accepted.root));
        members.insert("acceptedAt".to_owned(), json!(since.map(|at| at.to_string())));
    }
    revision
}

/// The members that say where something is; what is not narrowed is null.
fn at(target: &Target, mut value: Value) -> Value {
    let (account, region, vpc) = match target {
        Target::All => (None, None, None),
        Target::Account(account) => (Some(account), None, None),
        Target::Lane(lane) => (Some(&lane.account), Some(&lane.region), None),
        Target::Scope(scope) => (Some(&scope.account), Some(&scope.region), Some(&scope.vpc)),
    };
    if let Some(map) = value.as_object_mut() {
        map.insert("account".to_owned(), json!(account.map(|account| account.as_str())));
        map.insert("regionId".to_owned(), json!(region.map(|region| region.as_str())));
        map.insert("vpcId".to_owned(), json!(vpc.map(|vpc| vpc.as_str())));
    }
    value
}

fn in_scope(scope: &Scope, value: Value) -> Value {
    at(&Target::Scope(scope.clone()), value)
}

fn pause(since: Timestamp, pause: &Pause) -> Value {
    let value = json!({
        "cause": pause.cause.as_str(),
        "by": pause.by,
        "reason": pause.reason,
        "since": since.to_string(),
    });
    at(&pause.target, value)
}

fn budgets(status: &Status<'_>) -> Vec<Value> {
    let of = |limit: u64, spent: u64| json!({"limit": limit, "spent": spent, "left": limit.saturating_sub(spent)});
    let lanes = status.spent.iter().map(|(lane, spent)| {
        json!({
            "account": lane.account.as_str(),
            "regionId": lane.region.as_str(),
            "hour": of(status.budget.of(&lane.account).hour, spent.hour),
            "day": of(status.budget.of(&lane.account).day, spent.day),
        })
    });
    lanes.collect()
}

fn held(status: &Status<'_>) -> Vec<Value> {
    let plans = status.waiting.iter().map(|waiting| {
        let refusals = waiting.passed.refusals.iter().map(|(rule, message, way_out)| {
            json!({
                "rule": rule,
                "message": message,
                "wayOut": way_out,
                "canBeApproved": can_be_approved(rule),
            })
        });
        let value = json!({
            "plan": waiting.plan.as_str(),
            "verdict": waiting.passed.verdict,
            "detach": waiting.count(Verb::Detach),
            "attach": waiting.count(Verb::Attach),
            "since": waiting.since.to_string(),
            "refusals": refusals.collect::<Vec<_>>(),
            "canBeApproved": waiting.can_be_approved(),
            "approved": status.is_approved(waiting),
        });
        in_scope(&waiting.passed.scope, value)
    });
    plans.collect()
}

fn approval(approval: &Approval, is_used: bool) -> Value {
    let value = json!({
        "plan": approval.plan.as_str(),
        "account": null, "regionId": null, "vpcId": null,
        "by": approval.by,
        "reason": approval.reason,
        "until": approval.until.to_string(),
        "used": is_used,
    });
    match &approval.of {
        Some(passed) => in_scope(&passed.scope, value),
        None => value,
    }
}

fn kept(status: &Status<'_>) -> Vec<Value> {
    let links = status.kept.iter().map(|(scope, instance, hold)| {
        let value = json!({
            "instanceId": instance.as_str(),
            "run": hold.run.to_string(),
            "of": hold.of,
            "by": hold.by,
            "since": hold.since.to_string(),
        });
        in_scope(scope, value)
    });
    links.collect()
}

fn unsettled(status: &Status<'_>) -> Vec<Value> {
    let calls = status.unsettled.iter().map(|call| {
        let value = json!({
            "action": call.verb.as_str(),
            "instanceId": call.instance.as_str(),
            "attempts": call.attempts,
            "accepted": call.accepted,
            "since": call.at.to_string(),
        });
        in_scope(&call.scope, value)
    });
    calls.collect()
}
