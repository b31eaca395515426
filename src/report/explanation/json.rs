//! An explanation as JSON: versioned and stable; members are added, never renamed.

use super::{Decision, Declared, Explanation, Observed, Sighting};
use crate::history::Record;
use crate::observed::Standing;
use crate::report::history::json::{deed, finding, pretty, revision, scope};
use serde_json::{Value, json};

/// Version of the format.
pub const FORMAT_VERSION: u32 = 1;

/// The explanation as JSON text, pretty-printed, with a final newline.
pub fn render(explanation: &Explanation) -> String {
    let Explanation { instance, at, declared: said, observed: seen, decisions, deeds, .. } =
        explanation;
    pretty(&json!({
        "formatVersion": FORMAT_VERSION,
        "instanceId": instance.as_str(),
        "at": at.to_string(),
        "known": explanation.is_known(),
        "declared": declared(said),
        "observed": observed(seen),
        "decision": decisions.iter().map(decision).collect::<Vec<_>>(),
        "deeds": deeds.iter().filter_map(Record::deed).map(deed).collect::<Vec<_>>(),
        "wouldChangeIt": explanation.ways,
        "lookedAt": explanation.looked_at,
    }))
}

fn declared(declared: &Declared) -> Value {
    let source = declared.source.as_ref().map(|source| {
        json!({
            "manifests": source.root,
            "revision": revision(&source.revision),
            "acceptedAt": source.accepted.map(|at| at.to_string()),
        })
    });
    let listings = declared.listings.iter().map(|listing| {
        let mut value = scope(&listing.scope);
        merge(
            &mut value,
            json!({
                "mode": listing.mode.as_str(),
                "file": &*listing.place.file,
                "line": listing.place.line,
                "until": listing.until.map(|at| at.to_string()),
                "desired": listing.holds,
                "protected": listing.protected,
                "reason": listing.reason,
            }),
        );
        value
    });
    let concerns = declared.concerns.iter().map(
        |concern| json!({"kind": concern.kind, "message": concern.message, "wayOut": concern.way_out}),
    );
    json!({
        "source": source,
        "listings": listings.collect::<Vec<_>>(),
        "concerns": concerns.collect::<Vec<_>>(),
    })
}

fn observed(observed: &Observed) -> Value {
    let findings = observed.findings.iter().map(|(at, passed)| {
        let mut value = finding(passed);
        merge(&mut value, json!({"at": at.to_string()}));
        value
    });
    json!({
        "notAsked": observed.not_asked,
        "sightings": observed.sightings.iter().map(sighting).collect::<Vec<_>>(),
        "findings": findings.collect::<Vec<_>>(),
    })
}

fn sighting(sighting: &Sighting) -> Value {
    let (standing, code, error) = match &sighting.standing {
        Ok(Standing::Linked(_)) => ("linked", None, None),
        Ok(Standing::Unlinked) => ("notLinked", None, None),
        Ok(Standing::Unknown { code }) => ("unknown", Some(code), None),
        Err(error) => ("unreadable", None, Some(error)),
    };
    json!({
        "account": sighting.lane.account.as_str(),
        "regionId": sighting.lane.region.as_str(),
        "at": sighting.at.to_string(),
        "standing": standing,
        "vpcId": sighting.vpc().map(|vpc| vpc.as_str()),
        "code": code,
        "error": error,
    })
}

fn decision(decision: &Decision) -> Value {
    let refusals = decision.refusals.iter().map(
        |(rule, message, way_out)| json!({"rule": rule, "message": message, "wayOut": way_out}),
    );
    let mut value = scope(&decision.scope);
    merge(
        &mut value,
        json!({
            "decision": decision.fate.as_str(),
            "reason": decision.reason,
            "plan": decision.plan.as_ref().map(|plan| plan.as_str()),
            "refusals": refusals.collect::<Vec<_>>(),
            "foundAt": decision.found.map(|at| at.to_string()),
        }),
    );
    value
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}
