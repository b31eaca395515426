//! What carrying out a plan will cost and when it is done, as an operator meets it.

use crate::harness::{Cloud, Place, Ran, manifest};
use classiclinkd::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use std::time::Duration;

const LINKS: &[(&str, &str)] =
    &[("a", "one"), ("a", "two"), ("a", "x1"), ("a", "x2"), ("a", "x3"), ("a", "x4"), ("a", "x5")];
const KEPT: &[&str] = &["one", "two"];
const MANY: &str = "  limits: {maxDetach: 10}\n";

fn plan(place: &Place, cloud: &Cloud, more: &[&str]) -> Ran {
    place.run(cloud, &[&["plan", "--manifests", "manifests"], more].concat())
}

fn forecast(of: &Value) -> &Value {
    of.pointer("/scopes/0/forecast").unwrap_or(&Value::Null)
}

/// As many days from now, at midnight.
fn day(ahead: u64) -> String {
    let then = SystemClock::new().now().after(Duration::from_secs(ahead * 24 * 3600));
    then.wall.to_string()[..10].to_owned()
}

#[test]
fn a_plan_says_what_it_costs_and_when_it_is_done() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", KEPT, MANY));
    let json = plan(&place, &cloud, &["--output", "json"]).json();
    let said = forecast(&json);
    let calls = json!({"detach": 5, "attach": 0, "confirm": 1, "verify": 3, "total": 9});
    assert_eq!(said["calls"], calls, "{json}");
    let budget =
        json!({"hourUsed": 0, "hourLimit": 50, "dayUsed": 0, "dayLimit": 200, "wanted": 5});
    assert_eq!(said["budget"], budget);
    assert_eq!((&said["lastsSeconds"], &said["waitsFor"]), (&json!(2), &Value::Null));
    let at = |name: &str| -> jiff::Timestamp { said[name].as_str().unwrap().parse().unwrap() };
    assert_eq!((at("doneAt") - at("beginsAt")).get_seconds(), 2, "{said}");
    assert_eq!(said["beginsAt"].as_str().unwrap().len(), "2026-11-24T01:00:00Z".len());
    // One VPC is the whole, and its account and region are named.
    let mut whole = json["summary"]["forecast"].clone();
    let mut lane = whole.as_object_mut().unwrap().remove("lanes").unwrap()[0].take();
    assert_eq!(whole, *said);
    let names = lane.as_object_mut().unwrap();
    assert_eq!(names.remove("account"), Some(json!("default")));
    assert_eq!(names.remove("regionId"), Some(json!("cn-hangzhou")));
    assert_eq!(lane, *said);

    let line =
        "5 detaches, 9 calls in all, 10 % of the hour's budget; begins now, lasts about 2 s\n";
    let text = plan(&place, &cloud, &[]).out;
    assert!(text.contains(&format!("\n  forecast  {line}")), "{text}");
    assert!(text.contains(&format!("\nforecast over all  {line}")), "{text}");
    let markdown = plan(&place, &cloud, &["--output", "markdown"]).out;
    assert!(markdown.contains(&format!("\nForecast: {line}")), "{markdown}");
    assert!(markdown.contains(&format!("\nForecast over all: {line}")), "{markdown}");
    assert_eq!(cloud.writes(), 0);
}

#[test]
fn vpcs_of_one_region_share_its_budget_and_its_rate() {
    let links: Vec<_> = LINKS.iter().chain(&[("b", "y"), ("b", "z")]).copied().collect();
    let (place, cloud) = (Place::new(), Cloud::with(&links));
    place.write("a.yaml", &manifest("a", "detach", KEPT, MANY));
    place.write("b.yaml", &manifest("b", "detach", &["y"], ""));
    let json = plan(&place, &cloud, &["--output", "json"]).json();
    let wanted = |of: &Value| of["budget"]["wanted"].as_u64().unwrap();
    let each: Vec<_> = (0..2).map(|n| wanted(&json["scopes"][n]["forecast"])).collect();
    let whole = &json["summary"]["forecast"];
    assert_eq!((each, wanted(whole)), (vec![5, 1], 6), "{json}");
    assert_eq!(whole["lanes"].as_array().unwrap().len(), 1);
}

#[test]
fn a_plan_that_windows_hold_begins_when_they_open() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    let then = day(3);
    let windows = format!("{MANY}  windows:\n    - {{allow: \"{then}\", timezone: UTC}}\n");
    place.write("a.yaml", &manifest("a", "detach", KEPT, &windows));
    let ran = plan(&place, &cloud, &["--output", "json"]);
    let (json, begins) = (ran.json(), format!("{then}T00:00:00Z"));
    let said = forecast(&json);
    assert_eq!((ran.code, said["beginsAt"].as_str()), (3, Some(begins.as_str())), "{ran:?}");
    assert_eq!((&said["waitsFor"], &said["onceReleased"]), (&json!("windows"), &json!(false)));
    let line = format!("begins {begins}, when the windows open, lasts about 2 s\n");
    let text = plan(&place, &cloud, &[]).out;
    assert_eq!(text.matches(&line).count(), 2, "{text}");

    let past = windows.replace(&then, "2020-01-01");
    place.write("a.yaml", &manifest("a", "detach", KEPT, &past));
    let json = plan(&place, &cloud, &["--output", "json"]).json();
    let said = forecast(&json);
    assert_eq!((&said["beginsAt"], &said["doneAt"]), (&Value::Null, &Value::Null), "{json}");
}

#[test]
fn a_plan_that_is_larger_than_the_budget_is_never_done() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", KEPT, MANY));
    let set = ["--set", "limits.budget.hour=4"];
    let ran = plan(&place, &cloud, &[&set[..], &["--output", "json"]].concat());
    let json = ran.json();
    let said = forecast(&json);
    assert_eq!((ran.code, &said["doneAt"]), (3, &Value::Null), "{ran:?}");
    assert_eq!((&said["waitsFor"], &said["budget"]["wanted"]), (&json!("budget"), &json!(5)));
    let text = plan(&place, &cloud, &set).out;
    assert!(text.contains("125 % of the hour's budget; never begins: it does not fit"), "{text}");
}

#[test]
fn a_plan_that_somebody_can_release_says_so_and_one_that_nobody_can_says_nothing() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", KEPT, ""));
    let json = plan(&place, &cloud, &["--output", "json"]).json();
    assert_eq!(forecast(&json)["onceReleased"], json!(true), "{json}");
    let text = plan(&place, &cloud, &[]).out;
    assert!(text.contains("\n  forecast  once released: 5 detaches, "), "{text}");
    let observed = manifest("a", "observe", KEPT, "");
    let in_sync = manifest("a", "detach", &["one", "two", "x1", "x2", "x3", "x4", "x5"], "");
    for nothing in [observed, in_sync] {
        place.write("a.yaml", &nothing);
        let ran = plan(&place, &cloud, &["--output", "json"]);
        assert!(!ran.out.contains("forecast"), "{ran:?}");
        assert!(!plan(&place, &cloud, &[]).out.contains("forecast"));
    }
}

#[test]
fn a_saved_plan_holds_its_forecast_and_is_carried_out_later_than_it_said() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", KEPT, MANY));
    let saved = plan(&place, &cloud, &["--out", "plan.json"]);
    assert_eq!(saved.code, 2, "{saved:?}");
    let file = std::fs::read_to_string(place.path().join("plan.json")).unwrap();
    assert!(file.contains("\"forecast\""), "{file}");
    let ran = place.run(&cloud, &["apply", "--plan", "plan.json", "--yes", "--output", "json"]);
    assert_eq!((ran.code, cloud.writes()), (0, 5), "{ran:?}");
    assert!(!ran.out.contains("forecast"), "{ran:?}");
}
