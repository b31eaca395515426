//! Records as JSON: versioned and stable; members are added, never renamed.

use crate::history::{Attempt, Deed, Happening, Record, What};
use crate::ledger::event::{Passed, Shrunk, Target};
use crate::model::{InstanceId, Revision, RunId, Scope};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Version of the format.
pub const FORMAT_VERSION: u32 = 1;

/// Records as JSON text, pretty-printed, with a final newline.
pub fn render<'a>(records: impl IntoIterator<Item = &'a Record>) -> String {
    let records: Vec<Value> = records.into_iter().map(record).collect();
    pretty(&json!({"formatVersion": FORMAT_VERSION, "records": records}))
}

/// A document as text, with a final newline.
pub fn pretty(document: &Value) -> String {
    // Strings, numbers and lists always serialise.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

/// One record.
pub fn record(record: &Record) -> Value {
    match record {
        Record::Deed(of) => deed(of),
        Record::Happening(of) => happening(of),
    }
}

/// One action on a link.
pub fn deed(deed: &Deed) -> Value {
    let cause = deed.cause.as_ref();
    json!({
        "kind": deed.verb.as_str(),
        "seq": deed.seq,
        "at": deed.at.to_string(),
        "endedAt": deed.ended.map(|at| at.to_string()),
        "account": deed.scope.account.as_str(),
        "regionId": deed.scope.region.as_str(),
        "vpcId": deed.scope.vpc.as_str(),
        "instanceId": deed.instance.as_str(),
        "outcome": deed.outcome,
        "detail": deed.detail,
        "attempts": deed.sent,
        "calls": deed.attempts.iter().map(call).collect::<Vec<_>>(),
        "reason": cause.map(|cause| &cause.reason),
        "plan": cause.map(|cause| cause.plan.as_str()),
        "revision": cause.map(|cause| revision(&cause.revision)),
        "approver": cause.and_then(|cause| cause.approver.as_deref()),
        "run": deed.run.map(run),
        "endedBy": deed.ended_by.map(run),
        "command": deed.began.as_ref().map(|began| &began.command),
        "by": deed.began.as_ref().map(|began| &began.by),
    })
}

fn call(attempt: &Attempt) -> Value {
    json!({
        "attempt": attempt.number,
        "at": attempt.at.to_string(),
        "result": attempt.result,
        "code": attempt.code,
        "requestId": attempt.request_id,
        "latencyMs": attempt.latency_ms,
    })
}

fn happening(happening: &Happening) -> Value {
    let mut members = Map::new();
    members.insert("kind".to_owned(), happening.what.kind().into());
    members.insert("seq".to_owned(), happening.seq.into());
    members.insert("at".to_owned(), happening.at.to_string().into());
    if let Value::Object(more) = told(&happening.what) {
        members.extend(more);
    }
    Value::Object(members)
}

fn told(what: &What) -> Value {
    match what {
        What::Accepted(accepted, before) => json!({
            "root": accepted.root,
            "revision": revision(&accepted.revision),
            "files": accepted.files.iter().map(|(path, _)| path).collect::<Vec<_>>(),
            "released": accepted.released.iter().map(scope).collect::<Vec<_>>(),
            "protected": accepted.protected.iter().map(link).collect::<Vec<_>>(),
            "lost": accepted.shrunk.iter().map(|shrunk| lost(shrunk, before)).collect::<Vec<_>>(),
        }),
        What::Approved(approval) => json!({
            "plan": approval.plan.as_str(),
            "of": approval.of.as_ref().map(finding),
            "by": approval.by,
            "reason": approval.reason,
            "until": approval.until.to_string(),
        }),
        What::Paused(pause) => json!({
            "target": target(&pause.target),
            "cause": pause.cause.as_str(),
            "by": pause.by,
            "reason": pause.reason,
        }),
        What::Resumed(resume) => json!({
            "target": target(&resume.target),
            "by": resume.by,
            "reason": resume.reason,
        }),
        What::Restored(restored) => json!({
            "run": run(restored.run),
            "of": restored.of,
            "by": restored.by,
            "links": restored.links.iter().map(link).collect::<Vec<_>>(),
            "revision": restored.revision.as_str(),
        }),
        What::Pruned(pruned) => json!({"upTo": pruned.up_to, "hash": pruned.hash.as_str()}),
        What::Began(of, began) => {
            json!({"run": run(*of), "command": began.command, "by": began.by})
        }
        What::Held(passed) => finding(passed),
    }
}

/// What a pass found.
pub fn finding(passed: &Passed) -> Value {
    let action = |(verb, instance): &(crate::model::Verb, InstanceId)| json!({"action": verb.as_str(), "instanceId": instance.as_str()});
    let refusal = |(rule, message, way_out): &(String, String, String)| json!({"rule": rule, "message": message, "wayOut": way_out});
    json!({
        "account": passed.scope.account.as_str(),
        "regionId": passed.scope.region.as_str(),
        "vpcId": passed.scope.vpc.as_str(),
        "revision": revision(&passed.revision),
        "mode": passed.mode.as_str(),
        "observed": passed.observed,
        "desired": passed.desired,
        "verdict": passed.verdict,
        "plan": passed.plan.as_ref().map(|plan| plan.as_str()),
        "actions": passed.actions.iter().map(action).collect::<Vec<_>>(),
        "refusals": passed.refusals.iter().map(refusal).collect::<Vec<_>>(),
    })
}

/// Which state of the manifests.
pub fn revision(revision: &Revision) -> Value {
    let commit = revision.commit.as_ref();
    json!({
        "digest": revision.digest.as_str(),
        "commit": commit.map(|commit| &commit.id),
        "author": commit.and_then(|commit| commit.author.as_ref()),
        "committer": commit.and_then(|commit| commit.committer.as_ref()),
        "committedAt": commit.and_then(|commit| commit.at).map(|at| at.to_string()),
        "subject": commit.and_then(|commit| commit.subject.as_ref()),
    })
}

/// Account, region and VPC.
pub fn scope(scope: &Scope) -> Value {
    json!({
        "account": scope.account.as_str(),
        "regionId": scope.region.as_str(),
        "vpcId": scope.vpc.as_str(),
    })
}

fn link((of, instance): &(Scope, InstanceId)) -> Value {
    json!({
        "account": of.account.as_str(),
        "regionId": of.region.as_str(),
        "vpcId": of.vpc.as_str(),
        "instanceId": instance.as_str(),
    })
}

fn lost(shrunk: &Shrunk, before: &BTreeSet<(Scope, InstanceId)>) -> Value {
    let before = before.iter().filter(|(of, id)| *of == shrunk.scope && shrunk.lost.contains(id));
    json!({
        "account": shrunk.scope.account.as_str(),
        "regionId": shrunk.scope.region.as_str(),
        "vpcId": shrunk.scope.vpc.as_str(),
        "from": shrunk.from,
        "instances": shrunk.lost.iter().map(|id| id.as_str()).collect::<Vec<_>>(),
        "lostBefore": before.map(|(_, id)| id.as_str()).collect::<Vec<_>>(),
    })
}

/// What is absent is not narrowed.
fn target(target: &Target) -> Value {
    match target {
        Target::All => json!({}),
        Target::Account(account) => json!({"account": account.as_str()}),
        Target::Lane(lane) => {
            json!({"account": lane.account.as_str(), "regionId": lane.region.as_str()})
        }
        Target::Scope(of) => scope(of),
    }
}

fn run(run: RunId) -> String {
    run.to_string()
}
