//! The command line as scripts and people see it: exit codes, stdout and stderr, files.

use crate::harness::{Cloud, Place, binary, manifest};
use std::os::unix::fs::PermissionsExt as _;

const LINKS: &[(&str, &str)] =
    &[("a", "one"), ("a", "two"), ("a", "three"), ("a", "four"), ("a", "stale"), ("", "free")];
const KEEP: &[&str] = &["one", "two", "three", "four"];

fn planned(mode: &str, instances: &[&str], more: &str) -> (Place, Cloud) {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", mode, instances, more));
    (place, cloud)
}

const PLAN: &[&str] = &["plan", "--manifests", "manifests", "--output", "json"];
const APPLY: &[&str] = &["apply", "--manifests", "manifests", "--yes"];

#[test]
fn the_plan_json_has_every_member_of_the_contract() {
    let (place, cloud) = planned("detach", &["one", "two", "three", "four", "free"], "");
    let plan = place.run(&cloud, PLAN);
    assert_eq!(plan.code, 2, "{plan:?}");
    let mut json = plan.json();
    assert_eq!(json["formatVersion"], 1);
    assert_eq!(json["revision"]["digest"].as_str().unwrap().len(), 64);
    assert!(json["revision"]["commit"].is_null() && json["revision"]["author"].is_null());
    let scope = &json["scopes"][0];
    assert_eq!(scope["account"], "default");
    assert_eq!(scope["regionId"], "cn-hangzhou");
    assert_eq!(scope["vpcId"], "vpc-a");
    assert_eq!((&scope["mode"], &scope["verdict"]), (&"detach".into(), &"approved".into()));
    assert_eq!((&scope["observed"], &scope["desired"]), (&5.into(), &5.into()));
    assert_eq!(scope["actions"][0]["action"], "detach");
    assert_eq!(scope["actions"][0]["instanceId"], "i-stale");
    assert_eq!(scope["actions"][0]["vpcId"], "vpc-a");
    assert!(scope["actions"][0]["reason"].is_string());
    assert_eq!(scope["missing"][0], "i-free");
    assert_eq!(scope["refusals"].as_array().unwrap().len(), 0);
    let summary = serde_json::json!({"detach": 1, "attach": 0, "missing": 1, "inSync": 0, "held": 0, "partial": 0});
    let mut said = json["summary"].take();
    let forecast = said.as_object_mut().unwrap().remove("forecast").unwrap();
    assert_eq!((said, &forecast["calls"]["detach"]), (summary, &1.into()));
    assert_eq!(cloud.writes(), 0, "a plan changes nothing");
    assert!(!place.state().exists(), "a plan needs no state");
}

#[test]
fn apply_needs_consent_and_then_converges() {
    let (place, cloud) = planned("detach", KEEP, "");
    let asked = place.run(&cloud, &["apply", "--manifests", "manifests"]);
    assert_eq!((asked.code, cloud.writes()), (1, 0));
    assert!(asked.err.contains("--yes"), "{asked:?}");
    let applied = place.run(&cloud, APPLY);
    assert_eq!((applied.code, cloud.writes()), (0, 1), "{applied:?}");
    assert!(applied.out.contains("detached, and seen to be gone"), "{applied:?}");
    assert_eq!(cloud.links("a").len(), 4);
    let again = place.run(&cloud, &["apply", "--manifests", "manifests"]);
    assert_eq!((again.code, cloud.writes()), (0, 1), "nothing to do needs no consent");
    assert_eq!(std::fs::metadata(place.state()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn without_consent_a_revision_is_not_accepted() {
    let (place, cloud) = planned("detach", KEEP, "");
    assert_eq!(place.run(&cloud, &["apply", "--manifests", "manifests"]).code, 1);
    place.write("a.yaml", "broken: [");
    let daemon = place.daemon(&cloud, &[]);
    daemon.says("no revision is in force");
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!((daemon.end(), cloud.writes()), (0, 0));
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let (place, cloud) = planned("detach", KEEP, "");
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let import = ["import", "--region", "cn-hangzhou", "--vpc", "vpc-a"];
    for arguments in [PLAN, &import[..], &["schema"]] {
        let status = place.command(&cloud, arguments).stdout(full()).status().unwrap();
        assert_eq!(status.code(), Some(1), "{arguments:?}");
    }
    let device = place.run(&cloud, &["plan", "--manifests", "manifests", "--out", "/dev/null"]);
    assert_eq!(device.code, 1, "a device is not replaced by a plan");
}

#[test]
fn a_scope_without_credentials_is_an_error_and_not_left_out() {
    let (place, cloud) = planned("detach", KEEP, "");
    let key = serde_json::json!({
        "AccessKeyId": classiclinkd::sim::seed::ACCESS_KEY_ID,
        "AccessKeySecret": classiclinkd::sim::seed::ACCESS_KEY_SECRET,
    });
    let path = place.path().join("key.json");
    std::fs::write(&path, key.to_string()).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = place.command(&cloud, PLAN);
    command.env_remove("ALIBABA_CLOUD_ACCESS_KEY_ID").env_remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET");
    command.args(["--set", "accounts.prod.credentialsFile=key.json"]);
    let ran = crate::harness::Ran::of(command.output().unwrap());
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("`default` is not in the configuration"), "{ran:?}");
}

#[test]
fn a_held_plan_exits_3_and_says_the_way_out() {
    let (place, cloud) = planned("detach", &["one"], "");
    for command in [PLAN, APPLY, &["run", "--once", "--manifests", "manifests"]] {
        let held = place.run(&cloud, command);
        assert_eq!(held.code, 3, "{held:?}");
        assert!(held.out.contains("maxDetach: 4"), "{held:?}");
    }
    assert_eq!(place.run(&cloud, PLAN).json()["scopes"][0]["refusals"][0]["rule"], "perPlan");
    place.write("a.yaml", &manifest("a", "detach", &["one"], "  limits: {maxDetach: 4}\n"));
    assert_eq!(place.run(&cloud, APPLY).code, 0);
    assert_eq!(cloud.links("a"), ["one"]);
}

#[test]
fn a_vpc_is_emptied_only_on_request() {
    let (place, cloud) = planned("detach", &[], "  limits: {maxDetach: 100%}\n");
    let held = place.run(&cloud, APPLY);
    assert_eq!((held.code, cloud.writes()), (3, 0));
    assert!(held.out.contains("allowEmpty: true"), "{held:?}");
    place.write(
        "a.yaml",
        &manifest("a", "detach", &[], "  limits: {maxDetach: 100%, allowEmpty: true}\n"),
    );
    assert_eq!(place.run(&cloud, APPLY).code, 0);
    assert!(cloud.links("a").is_empty());
}

#[test]
fn observe_reports_and_touches_nothing() {
    let (place, cloud) = planned("observe", KEEP, "");
    let held = place.run(&cloud, APPLY);
    assert_eq!((held.code, cloud.writes()), (3, 0), "{held:?}");
    place.write("a.yaml", &manifest("a", "observe", &["one", "two", "three", "four", "stale"], ""));
    assert_eq!(place.run(&cloud, PLAN).code, 0);
}

#[test]
fn sync_attaches_what_is_missing() {
    let (place, cloud) = planned("sync", &["one", "two", "three", "four", "free"], "");
    assert_eq!(place.run(&cloud, APPLY).code, 0);
    assert_eq!(cloud.links("a"), ["four", "free", "one", "three", "two"]);
}

#[test]
fn an_incomplete_observation_exits_4_and_the_other_scopes_go_on() {
    let cloud = Cloud::with(&[("a", "one"), ("a", "two"), ("a", "old"), ("b", "x")]);
    let place = Place::new();
    place.write("a.yaml", &manifest("a", "detach", &["one", "two"], ""));
    place.write("b.yaml", &manifest("b", "detach", &["x"], ""));
    // Two failures for each try of the first scope; the other scope is read meanwhile.
    cloud.set("foreign-link", "100%");
    let partial = place.run(&cloud, PLAN);
    assert_eq!(partial.code, 4, "{partial:?}");
    assert!(partial.err.contains("error: default/cn-hangzhou/vpc-a"), "{partial:?}");
    assert_eq!(partial.json()["scopes"][0]["verdict"], "partial");
    assert_eq!(partial.json()["scopes"][0]["refusals"][0]["rule"], "coverage");
    assert_eq!((place.run(&cloud, APPLY).code, cloud.writes()), (4, 0));
}

#[test]
fn refused_credentials_exit_1_and_say_what_to_check() {
    let (place, cloud) = planned("detach", KEEP, "");
    let mut command = place.command(&cloud, PLAN);
    command.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "wrong-secret-canary");
    let refused = crate::harness::Ran::of(command.output().unwrap());
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.out.contains("SignatureDoesNotMatch"), "{refused:?}");
    assert!(!refused.out.contains("AccessKeyId%3D") && !refused.out.contains("canary"));
    let none =
        binary(&["plan", "--manifests", "manifests"]).current_dir(place.path()).output().unwrap();
    let none = crate::harness::Ran::of(none);
    assert_eq!(none.code, 1);
    assert!(none.err.contains("ALIBABA_CLOUD_ACCESS_KEY_ID"), "{none:?}");
}

#[test]
fn a_saved_plan_is_carried_out_and_refused_when_anything_changed() {
    let (place, cloud) = planned("detach", KEEP, "");
    let save = ["plan", "--manifests", "manifests", "--out", "plan.json"];
    assert_eq!(place.run(&cloud, &save).code, 2);
    let mode = std::fs::metadata(place.path().join("plan.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let apply = ["apply", "--plan", "plan.json", "--yes"];

    cloud.attach_by_hand("a", "free");
    let stale = place.run(&cloud, &apply);
    assert_eq!((stale.code, cloud.writes()), (1, 0), "{stale:?}");
    assert!(stale.err.contains("stale") && stale.err.contains("vpc-a"), "{stale:?}");

    assert!(cloud.sim.detach_by_hand(&crate::harness::region(), &crate::harness::id("free")));
    place.write("a.yaml", &manifest("a", "detach", KEEP, "# changed\n"));
    let stale = place.run(&cloud, &apply);
    assert_eq!((stale.code, cloud.writes()), (1, 0), "{stale:?}");
    assert!(stale.err.contains("the manifests"), "{stale:?}");

    place.write("a.yaml", &manifest("a", "detach", KEEP, ""));
    assert_eq!(place.run(&cloud, &apply).code, 0);
    assert_eq!(cloud.links("a").len(), 4);

    cloud.attach_by_hand("a", "stale");
    assert_eq!(place.run(&cloud, &save).code, 2);
    let path = place.path().join("plan.json");
    let edited = std::fs::read_to_string(&path).unwrap().replace("i-stale", "i-one");
    std::fs::write(&path, edited).unwrap();
    let changed = place.run(&cloud, &apply);
    assert_eq!((changed.code, cloud.writes()), (1, 1), "{changed:?}");
    assert!(changed.err.contains("changed by hand"), "{changed:?}");

    std::fs::write(place.path().join("plan.json"), "{\"formatVersion\": 9}").unwrap();
    let unreadable = place.run(&cloud, &apply);
    assert_eq!(unreadable.code, 1);
    assert!(unreadable.err.contains("plan --out"), "{unreadable:?}");
}

#[test]
fn only_data_is_on_stdout() {
    let (place, cloud) = planned("detach", KEEP, "");
    for level in ["warn", "trace"] {
        let mut command = place.command(&cloud, PLAN);
        let plan = crate::harness::Ran::of(command.args(["--log-level", level]).output().unwrap());
        assert!(plan.json()["scopes"].is_array());
        assert!(
            !plan.out.contains('\u{1b}') && !plan.err.contains('\u{1b}'),
            "no colour in a pipe"
        );
    }
    let markdown = place.run(&cloud, &["plan", "--manifests", "manifests", "--output", "markdown"]);
    assert!(markdown.out.contains("| detach | `i-stale` |"), "{markdown:?}");
}

#[test]
fn usage_errors_exit_1_and_help_exits_0() {
    for arguments in [vec![], vec!["fly"], vec!["plan"], vec!["plan", "--output", "xml"]] {
        let ran = crate::harness::Ran::of(binary(&arguments).output().unwrap());
        assert_eq!((ran.code, ran.out.is_empty()), (1, true), "{arguments:?}: {ran:?}");
    }
    for arguments in [vec!["--help"], vec!["--version"], vec!["help", "apply"]] {
        let ran = crate::harness::Ran::of(binary(&arguments).output().unwrap());
        assert_eq!((ran.code, ran.err.is_empty()), (0, true), "{arguments:?}");
    }
}

#[test]
fn every_mistake_of_the_configuration_is_reported_at_once() {
    let (place, cloud) = planned("detach", KEEP, "");
    std::fs::write(
        place.path().join("c.yaml"),
        "interval: soon\nlimits: {maxDetach: lots}\ntypo: 1\n",
    )
    .unwrap();
    let ran = place.run(&cloud, &["plan", "--manifests", "manifests", "--config", "c.yaml"]);
    assert_eq!(ran.code, 1);
    for part in ["interval", "limits.maxDetach", "typo", "60s"] {
        assert!(ran.err.contains(part), "{part}: {ran:?}");
    }
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let (place, cloud) = planned("detach", KEEP, "");
    std::fs::write(place.path().join("c.yaml"), "endpoint: http://127.0.0.1:1\n").unwrap();
    let from_environment =
        place.run(&cloud, &["plan", "--manifests", "manifests", "--config", "c.yaml"]);
    assert_eq!(from_environment.code, 2, "{from_environment:?}");
    let flag = place
        .run(&cloud, &["plan", "--manifests", "manifests", "--endpoint", "http://example.com"]);
    assert_eq!(flag.code, 1);
    assert!(flag.err.contains("only for this machine"), "plain http only for loopback: {flag:?}");
}

#[test]
fn ceilings_refuse_what_the_configuration_does_not_name() {
    let (place, cloud) = planned("detach", KEEP, "");
    let set = ["--set", "accounts.default.vpcs=[vpc-b]"];
    let ran = place.run(&cloud, &[PLAN, &set].concat());
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("accounts.default.vpcs"), "{ran:?}");
    assert_eq!(cloud.sim.calls().len(), 0, "nothing outside the ceiling is even read");
}

#[test]
fn validate_needs_no_credentials_and_reports_every_mistake() {
    let place = Place::new();
    place.write("good.yaml", &manifest("a", "detach", &["one"], ""));
    let run = |paths: &[&str]| {
        let arguments = [&["validate"], paths].concat();
        crate::harness::Ran::of(binary(&arguments).current_dir(place.path()).output().unwrap())
    };
    assert_eq!(run(&["manifests"]).out, "valid: 1 file, 1 VPC, 1 link\n");
    assert_eq!(run(&["manifests/good.yaml"]).code, 0);
    place.write("bad.yaml", &manifest("a", "destroy", &["ONE"], "  extra: 1\n"));
    let bad = run(&["manifests"]);
    assert_eq!(bad.code, 1);
    for part in ["bad.yaml", "destroy", "i-ONE", "extra"] {
        assert!(bad.err.contains(part), "{part}: {bad:?}");
    }
    assert_eq!(run(&["nowhere"]).code, 1);
    assert_eq!(run(&[]).code, 1);
}

#[test]
fn import_writes_a_manifest_of_what_exists_that_changes_nothing() {
    let (place, cloud) = planned("detach", KEEP, "");
    let imported = place.run(&cloud, &["import", "--region", "cn-hangzhou", "--vpc", "vpc-a"]);
    assert_eq!(imported.code, 0, "{imported:?}");
    place.write("a.yaml", &imported.out);
    let plan = place.run(&cloud, PLAN);
    assert_eq!(plan.code, 0, "{plan:?}");
    assert_eq!(plan.json()["scopes"][0]["mode"], "observe");
    assert_eq!(plan.json()["scopes"][0]["desired"], 5);
    let wrong = place.run(&cloud, &["import", "--region", "cn-hangzhou", "--vpc", "VPC"]);
    assert_eq!(wrong.code, 1);
}

#[test]
fn two_processes_do_not_share_a_state_folder() {
    let (place, cloud) = planned("detach", KEEP, "");
    let daemon = place.daemon(&cloud, &[]);
    daemon.says("a revision is accepted");
    let second = place.run(&cloud, APPLY);
    assert_eq!(second.code, 1);
    assert!(second.err.contains("--state"), "{second:?}");
    assert_eq!(daemon.end(), 0);
}

#[test]
fn schema_and_completions_are_printed() {
    let schema = crate::harness::Ran::of(binary(&["schema"]).output().unwrap());
    assert_eq!(schema.json()["type"], "object");
    let bash = crate::harness::Ran::of(binary(&["completions", "bash"]).output().unwrap());
    assert!(bash.out.contains("_classiclinkd()"));
}

#[test]
fn what_is_not_there_is_told_with_what_to_name() {
    let place = Place::new();
    let ran = |arguments: &[&str]| {
        let mut command = binary(arguments);
        crate::harness::Ran::of(command.current_dir(place.path()).output().unwrap())
    };
    let validated = ran(&["validate", "nosuch"]);
    assert_eq!(validated.code, 1, "{validated:?}");
    assert!(validated.err.contains("nosuch") && validated.err.contains("name manifest files"));
    let shown = ran(&["demo", "--manifests", "nowhere"]);
    assert_eq!(shown.code, 1, "{shown:?}");
    assert!(shown.err.contains("nowhere") && shown.err.contains("--manifests, or"), "{shown:?}");
}
