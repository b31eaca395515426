//! `history` and `explain`: who cut this link, when, why, on whose commit.

use crate::harness::{Cloud, Place, Ran, manifest, region, until};
use classiclinkd::clock::SystemClock;
use classiclinkd::journal::Journal;
use classiclinkd::ledger::Event;
use classiclinkd::ledger::event::{Approval, Cause, Pause, Restored, Resume, Target};
use classiclinkd::model::{Digest, RunId, Scope};
use serde_json::Value;
use std::sync::Arc;

const LINKS: &[(&str, &str)] = &[
    ("a", "one"),
    ("a", "two"),
    ("a", "three"),
    ("a", "four"),
    ("a", "stale1"),
    ("a", "stale2"),
    ("z", "foreign"),
    ("", "free"),
];
const KEEP: &[&str] = &["one", "two", "three", "four"];
const APPLY: &[&str] = &["apply", "--manifests", "manifests", "--yes"];

/// A place where `apply` has detached two links.
fn cut() -> (Place, Cloud) {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", KEEP, ""));
    let applied = place.run(&cloud, APPLY);
    assert_eq!((applied.code, cloud.writes()), (0, 2), "{applied:?}");
    (place, cloud)
}

fn history(place: &Place, cloud: &Cloud, more: &[&str]) -> Ran {
    place.run(cloud, &[&["history"], more].concat())
}

fn records(place: &Place, cloud: &Cloud, more: &[&str]) -> Vec<Value> {
    let ran = history(place, cloud, &[&["--output", "json"], more].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let json = ran.json();
    assert_eq!(json.get("formatVersion"), Some(&1.into()));
    json.get("records").unwrap().as_array().unwrap().clone()
}

fn kinds(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["kind"].as_str().unwrap()).collect()
}

fn explain(place: &Place, cloud: &Cloud, instance: &str, more: &[&str]) -> Value {
    let all = [&["explain", instance, "--output", "json"], more].concat();
    let ran = place.run(cloud, &all);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.json()
}

/// The only decision of an explanation, with everything that it says.
fn decision(explanation: &Value) -> &Value {
    let decisions = explanation.get("decision").unwrap().as_array().unwrap();
    assert_eq!(decisions.len(), 1, "{explanation:#}");
    decisions.first().unwrap()
}

fn ways(explanation: &Value) -> String {
    let ways = explanation["wouldChangeIt"].as_array().unwrap();
    ways.iter().map(|way| format!("{}\n", way.as_str().unwrap())).collect()
}

#[test]
fn history_names_run_request_reason_revision_and_plan() {
    let (place, cloud) = cut();
    let records = records(&place, &cloud, &[]);
    assert_eq!(kinds(&records), ["accepted", "detach", "detach"]);
    let calls = cloud.sim.calls();
    for deed in &records[1..] {
        let instance = deed["instanceId"].as_str().unwrap();
        let call = calls.iter().find(|call| {
            call.action == "DetachClassicLinkVpc"
                && call.params.values().any(|value| value == instance)
        });
        assert_eq!(deed["calls"][0]["requestId"], call.unwrap().request_id.as_str());
        assert_eq!(deed["calls"].as_array().unwrap().len(), 1);
        assert_eq!((&deed["attempts"], &deed["outcome"]), (&1.into(), &"converged".into()));
        assert_eq!(deed["revision"]["digest"], records[0]["revision"]["digest"]);
        assert_eq!(deed["reason"], "linked, and no manifest of this VPC lists it");
        assert_eq!(deed["plan"].as_str().unwrap().len(), 64);
        assert!(deed["run"].as_str().unwrap().starts_with('r') && deed["endedAt"].is_string());
        assert_eq!((&deed["command"], &deed["endedBy"]), (&"apply".into(), &Value::Null));
        assert!(!deed["by"].as_str().unwrap().is_empty());
        assert_eq!((&deed["vpcId"], &deed["account"]), (&"vpc-a".into(), &"default".into()));
    }
}

#[test]
fn history_is_one_aligned_line_a_deed_and_a_second_one_where_somebody_looks_closely() {
    let (place, cloud) = cut();
    let told = history(&place, &cloud, &[]);
    assert_eq!((told.code, told.err.as_str()), (0, ""), "{told:?}");
    let lines: Vec<&str> = told.out.lines().collect();
    assert_eq!(lines.len(), 3, "{told:?}");
    let column = |line: &str| line.find("-> vpc-a").unwrap();
    assert_eq!(column(lines[1]), column(lines[2]), "{told:?}");
    assert!(lines.iter().all(|line| line.get(19..20) == Some("Z")), "to the second: {told:?}");
    assert!(lines[1].contains("converged") && lines[1].contains("revision "), "{told:?}");
    assert!(lines.iter().all(|line| line.trim_end() == *line), "{told:?}");
    let close = history(&place, &cloud, &["--instance", "i-stale1"]);
    let lines: Vec<&str> = close.out.lines().collect();
    assert_eq!(lines.len(), 2, "{close:?}");
    for part in ["no manifest of this VPC lists it", "plan ", "request ", "1 attempt;", "apply by "]
    {
        assert!(lines[1].starts_with("    ") && lines[1].contains(part), "{part}: {close:?}");
    }
}

#[test]
fn history_tells_what_is_asked_for_and_nothing_else() {
    let (place, cloud) = cut();
    cloud.attach_by_hand("a", "free");
    assert_eq!(place.run(&cloud, APPLY).code, 0);
    let deeds = records(&place, &cloud, &["--outcome", "converged"]);
    assert_eq!(kinds(&deeds), ["detach"; 3]);
    let (first, second) = (deeds[0]["run"].as_str().unwrap(), deeds[2]["run"].as_str().unwrap());
    assert_ne!(first, second);
    let of = |more: &[&str]| kinds(&records(&place, &cloud, more)).join(" ");
    assert_eq!(of(&["--run", first]), "detach detach");
    assert_eq!(of(&["--run", second]), "detach");
    assert_eq!(of(&["--run", second, "--all"]), "began detach");
    assert_eq!(of(&["--instance", "i-free"]), "detach");
    assert_eq!(of(&["--instance", "i-one"]), "");
    assert_eq!(of(&["--vpc", "vpc-a"]), "detach detach detach");
    assert_eq!(of(&["--vpc", "vpc-b"]), "");
    assert_eq!(of(&["--account", "default", "--region", "cn-hangzhou"]), "detach detach detach");
    assert_eq!(of(&["--account", "prod"]), "");
    assert_eq!(of(&["--region", "cn-beijing"]), "");
    assert_eq!(of(&["--outcome", "not-sent"]), "");
    assert_eq!(of(&["--until", "1h"]), "");
    assert_eq!(of(&["--since", "2020-01-01T00:00:00Z"]), "accepted detach detach detach");
    assert_eq!(of(&["--all"]), "accepted began detach detach began detach");
}

#[test]
fn history_without_anything_says_so_and_is_no_error() {
    let (place, cloud) = cut();
    for form in ["text", "json"] {
        let none = history(&place, &cloud, &["--instance", "i-nobody", "--output", form]);
        assert_eq!(none.code, 0, "{none:?}");
        assert!(none.err.contains("nothing that was asked for"), "{none:?}");
        if form == "json" {
            assert_eq!(none.json()["records"], serde_json::json!([]));
        } else {
            assert_eq!(none.out, "");
        }
    }
    let elsewhere = history(&place, &cloud, &["--state", "nowhere"]);
    assert_eq!(elsewhere.code, 1);
    assert!(elsewhere.err.contains("--state"), "{elsewhere:?}");
    for wrong in [["--since", "soon"], ["--run", "1042"], ["--instance", "stale1"]] {
        let ran = history(&place, &cloud, &wrong);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
    }
}

#[test]
fn history_tells_of_held_plans_when_asked() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", &["one"], ""));
    assert_eq!(place.run(&cloud, APPLY).code, 3);
    assert_eq!(kinds(&records(&place, &cloud, &[])), ["accepted"]);
    let all = records(&place, &cloud, &["--all"]);
    assert_eq!(kinds(&all), ["accepted", "held"]);
    assert_eq!(all[1]["refusals"][0]["rule"], "perPlan");
    let of = records(&place, &cloud, &["--all", "--instance", "i-two"]);
    assert_eq!(kinds(&of), ["held"], "it names the link");
}

#[test]
fn a_kept_link_is_explained() {
    let (place, cloud) = cut();
    let said = explain(&place, &cloud, "i-one", &[]);
    assert_eq!(said["known"], true);
    let listing = &said["declared"]["listings"][0];
    assert_eq!((&listing["file"], &listing["line"]), (&"a.yaml".into(), &10.into()), "{said:#}");
    assert_eq!((&listing["mode"], &listing["vpcId"]), (&"detach".into(), &"vpc-a".into()));
    let source = &said["declared"]["source"];
    assert_eq!(source["revision"]["digest"].as_str().unwrap().len(), 64);
    assert!(source["acceptedAt"].is_string(), "{said:#}");
    assert!(source["manifests"].as_str().unwrap().ends_with("/manifests"), "{said:#}");
    assert_eq!(said["observed"]["sightings"][0]["standing"], "linked");
    assert_eq!(said["observed"]["sightings"][0]["vpcId"], "vpc-a");
    assert_eq!(said["observed"]["notAsked"], Value::Null);
    assert_eq!(decision(&said)["decision"], "stays");
    assert_eq!(said["deeds"], serde_json::json!([]));
    assert!(ways(&said).contains("remove it from a.yaml:10"), "{said:#}");

    let before = cloud.sim.calls().len();
    let offline = explain(&place, &cloud, "i-one", &["--offline"]);
    assert_eq!(decision(&offline)["decision"], "stays");
    assert_eq!(offline["observed"]["notAsked"], "--offline was given");
    assert_eq!(offline["observed"]["findings"][0]["verdict"], "approved", "{offline:#}");
    assert_eq!(cloud.sim.calls().len(), before, "the cloud was not asked");
}

#[test]
fn a_cut_link_is_explained_by_the_call_that_cut_it() {
    let (place, cloud) = cut();
    for more in [&[][..], &["--offline"]] {
        let said = explain(&place, &cloud, "i-stale1", more);
        assert_eq!(said["declared"]["listings"], serde_json::json!([]));
        assert_eq!(decision(&said)["decision"], "went", "{said:#}");
        let deed = &said["deeds"][0];
        let (run, request) = (deed["run"].as_str().unwrap(), &deed["calls"][0]["requestId"]);
        let calls = cloud.sim.calls();
        assert!(calls.iter().any(|call| *request == call.request_id.as_str() && call.changed));
        assert!(ways(&said).contains(&format!("undo {run}")), "{said:#}");
        let seen = &said["observed"]["sightings"][0]["standing"];
        assert_eq!(*seen, if more.is_empty() { "notLinked".into() } else { Value::Null });
    }
    let text = place.run(&cloud, &["explain", "i-stale1"]);
    let parts = ["\ndeclared\n", "\nobserved\n", "\ndecision\n", "\npast actions", "\nwhat would"];
    let places: Vec<_> = parts.iter().map(|part| text.out.find(part).unwrap()).collect();
    assert!(places.is_sorted(), "{text:?}");
    assert!(text.out.contains("no manifest lists it") && text.out.contains("not linked, in"));
    assert!(text.out.contains("request ") && text.out.contains("went: detached by r"), "{text:?}");
    // Somebody attaches it again, and it is cut again: both are told, the newest first.
    cloud.attach_by_hand("a", "stale1");
    assert_eq!(decision(&explain(&place, &cloud, "i-stale1", &[]))["decision"], "goes");
    assert_eq!(place.run(&cloud, APPLY).code, 0);
    let said = explain(&place, &cloud, "i-stale1", &["--offline"]);
    let at: Vec<_> = said["deeds"].as_array().unwrap().iter().map(|d| d["seq"].as_u64()).collect();
    assert!(at.len() == 2 && at[0] > at[1], "{at:?}");
}

#[test]
fn a_stray_link_is_explained_by_the_gate_itself() {
    let (place, cloud) = cut();
    cloud.attach_by_hand("a", "free");
    let said = explain(&place, &cloud, "i-free", &[]);
    let decided = decision(&said);
    assert_eq!(decided["decision"], "goes", "{said:#}");
    assert_eq!(decided["reason"], "linked, and no manifest of this VPC lists it");
    let plan = place.run(&cloud, &["plan", "--manifests", "manifests", "--output", "json"]);
    assert_eq!(decided["plan"], plan.json()["scopes"][0]["digest"]);
    assert!(ways(&said).contains("list it in a.yaml"), "{said:#}");
    assert_eq!(cloud.writes(), 2, "nothing is changed");
    // Offline, nobody has heard of it.
    let offline = place.run(&cloud, &["explain", "i-free", "--offline"]);
    assert_eq!(offline.code, 1, "{offline:?}");
    // In a VPC that nobody declares, it is not ours; the journal does not know that VPC either.
    assert!(cloud.sim.detach_by_hand(&region(), &crate::harness::id("free")));
    let foreign = explain(&place, &cloud, "i-foreign", &[]);
    assert_eq!(decision(&foreign)["decision"], "notOurs", "{foreign:#}");
    assert!(ways(&foreign).contains("import --account default --region cn-hangzhou --vpc vpc-z"));
}

#[test]
fn a_held_link_is_explained_with_every_refusal_and_its_way_out() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", &["one"], ""));
    assert_eq!(place.run(&cloud, APPLY).code, 3);
    let plan = place.run(&cloud, &["plan", "--manifests", "manifests", "--output", "json"]).json();
    let digest = plan["scopes"][0]["digest"].as_str().unwrap();
    for more in [&[][..], &["--offline"]] {
        let said = explain(&place, &cloud, "i-two", more);
        let decided = decision(&said);
        assert_eq!((&decided["decision"], &decided["plan"]), (&"held".into(), &digest.into()));
        assert_eq!(decided["refusals"][0]["rule"], "perPlan");
        assert_eq!(decided["foundAt"].is_string(), !more.is_empty());
        let ways = ways(&said);
        assert!(ways.contains(&format!("classiclinkd approve {}", &digest[..12])), "{ways}");
        assert!(ways.contains("list it in a.yaml"), "{ways}");
    }
    // The ones that stay are not held by what holds the others.
    assert_eq!(decision(&explain(&place, &cloud, "i-one", &[]))["decision"], "stays");
}

#[test]
fn what_withholds_one_link_is_not_said_of_another() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    let protected = "    - {id: i-stale1, protected: true}\n    - i-stale2\n";
    place.write("a.yaml", &manifest("a", "detach", KEEP, protected));
    assert_eq!(place.run(&cloud, APPLY).code, 0);
    // Five go, so the plan is held as a whole, and one of them is protected besides.
    place.write("a.yaml", &manifest("a", "detach", &["one"], ""));
    assert_eq!(place.run(&cloud, APPLY).code, 3);
    for more in [&[][..], &["--offline"], &["--manifests", "manifests"]] {
        let rules = |id: &str| {
            let said = explain(&place, &cloud, id, more);
            let refusals = decision(&said)["refusals"].as_array().unwrap().clone();
            refusals
                .iter()
                .map(|said| said["rule"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let (protected, other) = (rules("i-stale1"), rules("i-stale2"));
        assert!(protected.contains(&"protected".to_owned()), "{protected:?}");
        assert!(!other.contains(&"protected".to_owned()) && !other.is_empty(), "{other:?}");
    }
    // Listed again, but not accepted yet: what was found by other manifests does not count.
    place.write("a.yaml", &manifest("a", "detach", &["one", "stale2"], ""));
    let of = ["--manifests", "manifests", "--offline"];
    let kept = explain(&place, &cloud, "i-stale2", &of);
    assert_eq!(decision(&kept)["decision"], "stays", "{kept:#}");
}

#[test]
fn a_withheld_link_is_held_and_its_neighbour_is_not() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    let protected = "    - {id: i-stale1, protected: true, reason: \"batch, wave 3\"}\n";
    place.write("a.yaml", &manifest("a", "detach", &[KEEP, &["stale2"]].concat(), protected));
    assert_eq!(place.run(&cloud, APPLY).code, 0);
    let kept = explain(&place, &cloud, "i-stale1", &[]);
    assert_eq!(kept["declared"]["listings"][0]["protected"], true);
    assert_eq!(kept["declared"]["listings"][0]["reason"], "batch, wave 3");
    assert_eq!(kept["declared"]["concerns"][0]["kind"], "protected", "{kept:#}");
    // Taken out together with another, before the protection was lifted; as --manifests says.
    place.write("a.yaml", &manifest("a", "detach", KEEP, ""));
    let of = |id: &str| explain(&place, &cloud, id, &["--manifests", "manifests"]);
    let held = of("i-stale1");
    assert_eq!(decision(&held)["decision"], "held", "{held:#}");
    let refusals = decision(&held)["refusals"].as_array().unwrap().clone();
    assert_eq!(refusals.len(), 1, "{held:#}");
    assert_eq!(refusals[0]["rule"], "protected");
    assert_eq!(held["declared"]["source"]["acceptedAt"], Value::Null, "not accepted yet");
    let neighbour = of("i-stale2");
    assert_eq!(decision(&neighbour)["decision"], "goes", "{neighbour:#}");
    assert_eq!(decision(&neighbour)["refusals"], serde_json::json!([]));
    // By the accepted revision, both stay.
    assert_eq!(decision(&explain(&place, &cloud, "i-stale2", &[]))["decision"], "stays");
    assert_eq!(cloud.writes(), 0);
    // Once that revision is accepted, the journal alone knows as much.
    assert_eq!(place.run(&cloud, APPLY).code, 3);
    let offline = explain(&place, &cloud, "i-stale1", &["--offline"]);
    assert_eq!(decision(&offline)["decision"], "held", "{offline:#}");
    assert_eq!(decision(&offline)["refusals"][0]["rule"], "protected");
    let gone = explain(&place, &cloud, "i-stale2", &["--offline"]);
    assert_eq!(decision(&gone)["decision"], "went", "{gone:#}");
    assert_eq!(decision(&gone)["refusals"], serde_json::json!([]));
}

#[test]
fn a_missing_link_is_explained() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    let listed = [KEEP, &["stale1", "stale2", "free", "foreign"]].concat();
    place.write("a.yaml", &manifest("a", "detach", &listed, ""));
    assert_eq!(place.run(&cloud, APPLY).code, 0);
    let said = explain(&place, &cloud, "i-free", &[]);
    assert_eq!(decision(&said)["decision"], "missing", "{said:#}");
    assert!(ways(&said).contains("`mode: sync` in a.yaml"), "{said:#}");
    assert!(ways(&said).contains("remove it from a.yaml:16"), "{said:#}");
    let offline = explain(&place, &cloud, "i-free", &["--offline"]);
    assert_eq!(decision(&offline)["decision"], "stays");
    let reason = decision(&offline)["reason"].as_str().unwrap();
    assert!(reason.contains("whether it is linked was not asked"), "{offline:#}");
    // Linked to another VPC: missing here, and not ours there.
    let elsewhere = explain(&place, &cloud, "i-foreign", &[]);
    let decided: Vec<_> = elsewhere["decision"].as_array().unwrap().iter().collect();
    let words: Vec<_> = decided.iter().map(|d| d["decision"].as_str().unwrap()).collect();
    assert_eq!(words, ["missing", "notOurs"], "{elsewhere:#}");
    assert!(ways(&elsewhere).contains("vpc-z has to go first"), "{elsewhere:#}");
    place.write("a.yaml", &manifest("a", "sync", &listed, ""));
    let comes = explain(&place, &cloud, "i-free", &["--manifests", "manifests"]);
    assert_eq!(decision(&comes)["decision"], "comes", "{comes:#}");
}

#[test]
fn an_instance_that_nobody_ever_heard_of_is_called_that() {
    let (place, cloud) = cut();
    for more in [&[][..], &["--offline"]] {
        let said = place.run(&cloud, &[&["explain", "i-nobody"], more].concat());
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.out.contains("nobody has ever heard of it"), "{said:?}");
        assert!(said.out.contains("no manifest lists it for the one VPC declared"), "{said:?}");
        assert!(said.out.contains("entries since"), "{said:?}");
        let asked = if more.is_empty() { "in default/cn-hangzhou" } else { "not asked: --offline" };
        assert!(said.out.contains(asked), "{said:?}");
        let json =
            place.run(&cloud, &[&["explain", "i-nobody", "--output", "json"], more].concat());
        assert_eq!((json.code, &json.json()["known"]), (1, &false.into()), "{json:?}");
        assert_eq!(json.json()["lookedAt"].as_array().unwrap().len(), 3);
    }
    let malformed = place.run(&cloud, &["explain", "nobody"]);
    assert_eq!((malformed.code, malformed.out.as_str()), (1, ""));
    assert!(malformed.err.contains("i-bp67acfmxazb4p0001"), "{malformed:?}");
    let nowhere = place.run(&cloud, &["explain", "i-one", "--state", "nowhere"]);
    assert_eq!(nowhere.code, 1);
    assert!(nowhere.out.contains("give a folder with --manifests"), "{nowhere:?}");
}

/// Says what an operator's commands would.
fn say(place: &Place, events: Vec<Event>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = Arc::new(SystemClock::new());
        let (journal, _) = Journal::beside(&place.state(), clock).unwrap();
        for event in events {
            journal.append(event).await.unwrap();
        }
    });
}

fn scope() -> Scope {
    let account = "default".parse().unwrap();
    Scope { account, region: region(), vpc: crate::harness::vpc("a") }
}

#[test]
fn what_operators_said_is_told_and_explains() {
    let (place, cloud) = cut();
    let digest = records(&place, &cloud, &[])[0]["revision"]["digest"].as_str().unwrap().to_owned();
    let target = Target::Scope(scope());
    let (by, reason) = ("ann".to_owned(), Some("look\u{1b}[2J first".to_owned()));
    let pause = Pause {
        target: target.clone(),
        cause: Cause::Budget,
        by: by.clone(),
        reason: reason.clone(),
    };
    let approval = Approval {
        plan: Digest::of([]),
        of: None,
        by: by.clone(),
        reason: reason.clone(),
        until: "2099-01-01T00:00:00Z".parse().unwrap(),
    };
    let restored = Restored {
        run: RunId(9),
        of: "r2".to_owned(),
        by: by.clone(),
        links: [(scope(), crate::harness::id("stale1"))].into(),
        revision: Digest::parse(&digest).unwrap(),
    };
    let resume = Resume { target: target.clone(), by, reason };
    say(&place, vec![Event::Paused(pause.clone()), Event::Approved(approval)]);
    say(&place, vec![Event::Resumed(resume), Event::Restored(restored), Event::Paused(pause)]);
    let told = records(&place, &cloud, &[]);
    let said = ["paused", "approved", "resumed", "restored", "paused"];
    assert_eq!(kinds(&told), [&["accepted", "detach", "detach"], &said[..]].concat());
    let vpc = serde_json::json!(
        {"account": "default", "regionId": "cn-hangzhou", "vpcId": "vpc-a"}
    );
    assert_eq!((&told[3]["target"], &told[3]["cause"]), (&vpc, &"budget".into()));
    assert_eq!((&told[4]["by"], &told[5]["target"]), (&"ann".into(), &vpc));
    assert_eq!((&told[6]["run"], &told[6]["of"]), (&"r9".into(), &"r2".into()));
    assert_eq!(told[6]["links"][0]["instanceId"], "i-stale1");
    assert_eq!(kinds(&records(&place, &cloud, &["--run", "r9"])), ["restored"]);
    let text = history(&place, &cloud, &[]).out;
    assert!(!text.contains('\u{1b}') && text.contains("1 link given back, undo of r2"), "{text}");

    cloud.attach_by_hand("a", "stale1");
    for more in [&[][..], &["--offline"]] {
        let said = explain(&place, &cloud, "i-stale1", more);
        let concerns = said["declared"]["concerns"].as_array().unwrap();
        let kinds: Vec<_> = concerns.iter().map(|of| of["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["paused", "undone"], "{said:#}");
        let resume = "resume --account default --region cn-hangzhou --vpc vpc-a";
        if more.is_empty() {
            assert_eq!(decision(&said)["decision"], "held", "{said:#}");
            assert_eq!(decision(&said)["refusals"][0]["rule"], "undone");
        } else {
            assert!(ways(&said).contains(resume), "{said:#}");
        }
    }
}

#[test]
fn a_disputed_link_is_explained_as_one() {
    let (place, cloud) = cut();
    for _ in 0..2 {
        cloud.attach_by_hand("a", "stale1");
        assert_eq!(place.run(&cloud, APPLY).code, 0);
    }
    cloud.attach_by_hand("a", "stale1");
    let said = explain(&place, &cloud, "i-stale1", &[]);
    assert_eq!(said["declared"]["concerns"][0]["kind"], "flapping", "{said:#}");
    assert_eq!(decision(&said)["refusals"][0]["rule"], "flapping");
    assert_eq!(said["deeds"].as_array().unwrap().len(), 3);
    assert!(ways(&said).contains("find out who attaches it"), "{said:#}");
}

#[test]
fn without_credentials_the_journal_answers_and_says_why() {
    let (place, cloud) = cut();
    let mut command = place.command(&cloud, &["explain", "i-stale1", "--output", "json"]);
    command.env_remove("ALIBABA_CLOUD_ACCESS_KEY_ID").env_remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET");
    let said = Ran::of(command.output().unwrap());
    assert_eq!(said.code, 0, "{said:?}");
    let why = said.json()["observed"]["notAsked"].as_str().unwrap().to_owned();
    assert!(why.contains("ALIBABA_CLOUD_ACCESS_KEY_ID"), "{said:?}");
    assert_eq!(decision(&said.json())["decision"], "went");
}

#[test]
fn a_pause_is_part_of_the_explanation() {
    let (place, cloud) = cut();
    cloud.attach_by_hand("a", "free");
    std::fs::write(place.state().join("pause"), "maintenance\u{1b}[2J until noon\n").unwrap();
    let said = explain(&place, &cloud, "i-free", &[]);
    assert_eq!(decision(&said)["decision"], "held", "{said:#}");
    assert_eq!(decision(&said)["refusals"][0]["rule"], "pause");
    assert_eq!(said["declared"]["concerns"][0]["kind"], "paused");
    let text = place.run(&cloud, &["explain", "i-stale1", "--offline"]);
    assert!(text.out.contains("[paused]") && text.out.contains("remove the file"), "{text:?}");
    assert!(!text.out.contains('\u{1b}'), "{text:?}");
}

#[test]
fn both_work_beside_a_running_daemon() {
    let (place, cloud) = cut();
    let daemon = place.daemon(&cloud, &[]);
    daemon.says("revision is in force");
    let locked = place.run(&cloud, APPLY);
    assert!(locked.code == 1 && locked.err.contains("another classiclinkd"), "{locked:?}");
    cloud.attach_by_hand("a", "free");
    until(
        "the daemon cuts it, and history tells",
        || {
            let deeds = records(&place, &cloud, &["--instance", "i-free"]);
            deeds.last().is_some_and(|deed| deed["outcome"] == "converged")
        },
        || daemon.log(),
    );
    let deed = records(&place, &cloud, &["--instance", "i-free"]).remove(0);
    assert_eq!(deed["command"], "run");
    for more in [&[][..], &["--offline"]] {
        let said = explain(&place, &cloud, "i-free", more);
        assert_eq!(decision(&said)["decision"], "went", "{said:#}");
        assert_eq!(said["deeds"][0]["run"], deed["run"]);
    }
    assert_eq!(decision(&explain(&place, &cloud, "i-one", &[]))["decision"], "stays");
    assert_eq!(daemon.end(), 0);
}
