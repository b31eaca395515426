//! Any text as a saved plan.

use classiclinkd::cli::Saved;
use classiclinkd::model::{Digest, Revision};
use classiclinkd::report::Report;
use serde_json::Value;
use std::collections::BTreeSet;

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let saved = match Saved::parse(text) {
        Ok(saved) => saved,
        Err(why) => return assert!(!why.contains(char::is_control), "{why:?}"),
    };
    for endpoint in [None, Some(""), Some("http://127.0.0.1:1")] {
        if let Err(failure) = saved.same_endpoint(endpoint) {
            assert!(!failure.0.contains(char::is_control), "{failure:?}");
        }
    }
    let plan: Value = serde_json::from_str(text).expect("a plan is JSON");
    let scopes = plan["scopes"].as_array().expect("a plan has scopes");
    let revision = Revision::of_content(Digest::of([b"x".as_slice()]));
    let fresh = Report { revision: revision.into(), scopes: Vec::new(), forecast: None };
    match saved.still_holds(&fresh) {
        Ok(()) => assert!(scopes.is_empty(), "a plan holds for what is not there any more"),
        Err(failure) => {
            let lines = failure.0.replace('\n', " ");
            assert!(!lines.contains(char::is_control), "{lines:?}");
        }
    }
    let names = scopes
        .iter()
        .map(|scope| ["account", "regionId", "vpcId"].map(|key| scope[key].to_string()));
    assert_eq!(names.collect::<BTreeSet<_>>().len(), scopes.len(), "a scope stands there twice");
    for (at, scope) in scopes.iter().enumerate() {
        changed_by_hand(&plan, at, scope);
    }
    let whole = text.trim_end();
    assert!(Saved::parse(whole.get(..whole.len() - 1).unwrap_or_default()).is_err());
}

/// What a reviewer reads is what the digest binds: nothing of it can be changed alone.
fn changed_by_hand(plan: &Value, at: usize, scope: &Value) {
    let actions = scope["actions"].as_array().map_or(0, Vec::len);
    let mut changes = Vec::new();
    for action in 0..actions.min(4) {
        for key in ["action", "instanceId", "vpcId"] {
            changes.push(format!("/scopes/{at}/actions/{action}/{key}"));
        }
    }
    if !scope["digest"].is_null() {
        changes.extend(
            ["account", "regionId", "vpcId", "mode", "digest"]
                .map(|key| format!("/scopes/{at}/{key}")),
        );
        changes.push("/revision/digest".to_owned());
    }
    for pointer in changes {
        let mut changed = plan.clone();
        let value = changed.pointer_mut(&pointer).expect("it is there");
        *value = Value::from(format!("{}x", value.as_str().unwrap_or_default()));
        let read = Saved::parse(&changed.to_string());
        assert!(read.is_err(), "{pointer} was changed and nobody noticed");
    }
}
