//! Windows in configuration and manifests, as an operator meets them.

use crate::harness::{Cloud, Place, Ran, binary, manifest};

const OFFICE: &str =
    "  windows:\n    - {allow: \"Mon-Fri 09:00-17:00\", timezone: Asia/Shanghai}\n";
const LINKS: &[(&str, &str)] = &[("a", "one")];

fn validate(place: &Place, more: &[&str]) -> Ran {
    let manifests = place.manifests();
    let mut command = binary(&["validate", manifests.to_str().unwrap()]);
    // A small image has no data of time zones.
    command.args(more).env("TZDIR", place.path().join("none")).env("TZ", "Nowhere/None");
    Ran::of(command.output().unwrap())
}

#[test]
fn windows_are_accepted_wherever_the_host_has_its_time_zones() {
    let place = Place::new();
    place.write("a.yaml", &manifest("a", "detach", &["one"], OFFICE));
    let set = "windows=[{allow: \"Mon-Fri 09:00-17:00\", timezone: America/New_York}]";
    let ran = validate(&place, &["--set", set]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
}

#[test]
fn a_wrong_window_of_a_manifest_is_shown_with_its_place() {
    let place = Place::new();
    let wrong = OFFICE.replace("Mon-Fri", "Mo-Fr").replace("Asia/Shanghai", "Asia/Beijing");
    place.write("a.yaml", &manifest("a", "detach", &["one"], &wrong));
    let ran = validate(&place, &[]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
    for said in
        ["a.yaml:12:15", "`Mo` is no day", "a.yaml:12:46", "write `Asia/Shanghai`", "2 mist"]
    {
        assert!(ran.err.contains(said), "{said}: {ran:?}");
    }
}

#[test]
fn every_wrong_window_of_the_configuration_is_named_by_its_key() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", &["one"], ""));
    let file = place.path().join("config.yaml");
    let windows = "windows:\n- {allow: Mon, timezone: UTC}\n- {allow: Mon, deny: Tue}\n\
                   - {deny: Sunday, timezone: CET+1}\n- {deny: Sun, timezone: UTC, days: 1}\n";
    std::fs::write(&file, windows).unwrap();
    let plan = ["plan", "--manifests", "manifests", "--config", "config.yaml"];
    let ran = place.run(&cloud, &plan);
    assert_eq!((ran.code, cloud.sim.calls().len()), (1, 0), "{ran:?}");
    let keys = ["[1]`", "[1].timezone`", "[2].deny`", "[2].timezone`", "[3].days`"]
        .map(|key| format!("`windows{key}"));
    for key in &keys {
        assert!(ran.err.contains(key.as_str()), "{key}: {ran:?}");
    }
    assert!(!ran.err.contains("windows[0]"), "{ran:?}");
}

#[test]
fn a_revision_that_changes_only_windows_changes_its_scope() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", &["one"], OFFICE));
    let daemon = place.daemon(&cloud, &[]);
    daemon.says("a revision is accepted");
    place.write("a.yaml", &manifest("a", "detach", &["one"], &OFFICE.replace("Fri", "Thu")));
    let accepted = |log: &str| {
        let lines = log.lines().filter(|line| line.contains("a revision is accepted"));
        lines.filter(|line| line.contains("changed=1")).count()
    };
    crate::harness::until(
        "both count as changes",
        || accepted(&daemon.log()) == 2,
        || daemon.log(),
    );
    assert_eq!(daemon.end(), 0);
}
