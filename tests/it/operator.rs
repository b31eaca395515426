//! What operators say beside a daemon: approve, pause, resume; and what they are told.

use crate::harness::{Cloud, Daemon, Place, Ran, id, manifest, until};
use std::fs;
use std::time::Duration;

const LINKS: &[(&str, &str)] =
    &[("a", "one"), ("a", "two"), ("a", "three"), ("a", "four"), ("a", "five"), ("b", "x")];
const APPLY: &[&str] = &["apply", "--manifests", "manifests", "--yes"];
/// A digest that no plan has.
const NOBODYS: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A plan that detaches four of five links, which is one more than may go at once.
fn held() -> (Place, Cloud) {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", &["one"], ""));
    let ran = place.run(&cloud, APPLY);
    assert_eq!((ran.code, cloud.writes()), (3, 0), "{ran:?}");
    (place, cloud)
}

fn status(place: &Place, cloud: &Cloud) -> serde_json::Value {
    let ran = place.run(cloud, &["status", "--output", "json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.json()
}

fn held_plan(place: &Place, cloud: &Cloud) -> String {
    status(place, cloud).pointer("/held/0/plan").unwrap().as_str().unwrap().to_owned()
}

fn approve(place: &Place, cloud: &Cloud, digits: &str, more: &[&str]) -> Ran {
    place.run(cloud, &[&["approve", digits], more].concat())
}

/// The daemon with an interval that no test waits for.
fn patient_daemon(place: &Place, cloud: &Cloud) -> Daemon {
    let arguments = ["run", "--manifests", "manifests", "--interval", "1h", "--listen", "none"];
    Daemon::start(place.command(cloud, &arguments), place.path().join("log"))
}

#[test]
fn a_held_plan_is_released_by_the_beginning_of_its_digest() {
    let (place, cloud) = held();
    let plan = held_plan(&place, &cloud);
    let approved = approve(&place, &cloud, &plan[..12], &["--reason", "agreed"]);
    assert_eq!((approved.code, cloud.writes()), (0, 0), "{approved:?}");
    for part in [
        "default/cn-hangzhou/vpc-a",
        "mode detach",
        "- detach   i-two",
        "4 to detach",
        "[perPlan]",
        "until",
        "agreed",
    ] {
        assert!(approved.out.contains(part), "{part}: {approved:?}");
    }
    assert!(!approved.out.contains("NOT"), "{approved:?}");
    assert_eq!(status(&place, &cloud)["approvals"][0]["plan"], plan.as_str());
    let applied = place.run(&cloud, APPLY);
    assert_eq!((applied.code, cloud.links("a")), (0, vec!["one".to_owned()]), "{applied:?}");
    let again = approve(&place, &cloud, &plan[..12], &[]);
    assert!(again.code == 1 && again.err.contains("nothing holds it"), "{again:?}");
    assert!(again.err.contains("approval is used"), "{again:?}");
    let known = status(&place, &cloud);
    assert_eq!(known["approvals"][0]["used"], true);
    let text = place.run(&cloud, &["status"]).out;
    assert!(text.contains("\nused ") && !text.contains("\napproved "), "{text}");
    // The same links again make the same plan, which takes a new approval.
    for back in ["two", "three", "four", "five"] {
        cloud.attach_by_hand("a", back);
    }
    let held = place.run(&cloud, APPLY);
    assert_eq!((held.code, cloud.links("a").len()), (3, 5), "{held:?}");
    let known = status(&place, &cloud);
    assert_eq!(
        (&known["held"][0]["plan"], &known["held"][0]["approved"]),
        (&plan.as_str().into(), &false.into())
    );
    assert_eq!(approve(&place, &cloud, &plan[..12], &[]).code, 0);
    assert_eq!(status(&place, &cloud)["held"][0]["approved"], true);
    assert_eq!((place.run(&cloud, APPLY).code, cloud.links("a").len()), (0, 1));
    // With all its digits, it is approved for the next time.
    let ahead = approve(&place, &cloud, &plan, &[]);
    assert_eq!(ahead.code, 0, "{ahead:?}");
}

#[test]
fn a_running_daemon_hears_an_approval() {
    let (place, cloud) = held();
    let daemon = patient_daemon(&place, &cloud);
    daemon.says("rule=perPlan");
    let approved = approve(&place, &cloud, &held_plan(&place, &cloud)[..12], &[]);
    assert_eq!(approved.code, 0, "{approved:?}");
    until("all four are gone", || cloud.links("a") == ["one"], || daemon.log());
}

#[test]
fn an_approval_is_void_once_the_manifests_change() {
    let (place, cloud) = held();
    let plan = held_plan(&place, &cloud);
    assert_eq!(approve(&place, &cloud, &plan[..12], &[]).code, 0);
    place.write("a.yaml", &manifest("a", "detach", &["one"], "# another revision\n"));
    let applied = place.run(&cloud, APPLY);
    assert_eq!((applied.code, cloud.writes()), (3, 0), "{applied:?}");
    for digits in [&plan[..12], plan.as_str()] {
        let stale = approve(&place, &cloud, digits, &[]);
        assert_eq!(stale.code, 1, "{stale:?}");
        assert!(stale.err.contains("something has changed since"), "{stale:?}");
        assert!(stale.err.contains(&held_plan(&place, &cloud)[..12]), "{stale:?}");
    }
    assert_eq!(status(&place, &cloud)["approvals"].as_array().unwrap().len(), 1);
}

#[test]
fn an_approval_of_another_plan_releases_nothing() {
    let (place, cloud) = held();
    let unknown = approve(&place, &cloud, &NOBODYS[..12], &[]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    for part in [&held_plan(&place, &cloud)[..12], "vpc-a", "4 to detach", "perPlan"] {
        assert!(unknown.err.contains(part), "{part}: {unknown:?}");
    }
    let unseen = approve(&place, &cloud, NOBODYS, &[]);
    assert_eq!(unseen.code, 0, "{unseen:?}");
    assert!(unseen.out.contains("does not know this plan"), "{unseen:?}");
    assert_eq!((place.run(&cloud, APPLY).code, cloud.writes()), (3, 0));
}

#[test]
fn a_plan_that_nobody_saw_yet_is_approved_by_all_its_digits() {
    let (place, cloud) = held();
    let plan = held_plan(&place, &cloud);
    // A state folder that knows nothing of it, but exists.
    let other = |arguments: &[&str]| {
        let mut command = place.command(&cloud, arguments);
        Ran::of(command.env("CLASSICLINKD_STATE", place.path().join("other")).output().unwrap())
    };
    let missing = other(&["approve", &plan]);
    assert!(missing.code == 1 && missing.err.contains("--state"), "{missing:?}");
    assert_eq!(other(&["pause"]).code, 0);
    assert_eq!(other(&["resume"]).code, 0);
    let short = other(&["approve", &plan[..12]]);
    assert!(short.code == 1 && short.err.contains("no plan that is held"), "{short:?}");
    assert_eq!(other(&["approve", &plan]).code, 0);
    assert_eq!(other(APPLY).code, 0);
    assert_eq!(cloud.links("a"), ["one"]);
}

#[test]
fn an_approval_expires() {
    let (place, cloud) = held();
    let plan = held_plan(&place, &cloud);
    for wrong in ["0s", "169h", "8d", "soon", "-1h"] {
        let refused = approve(&place, &cloud, &plan, &[&format!("--for={wrong}")]);
        assert_eq!(refused.code, 1, "{refused:?}");
    }
    let count = || status(&place, &cloud)["approvals"].as_array().unwrap().len();
    assert_eq!(count(), 0);
    assert_eq!(approve(&place, &cloud, &plan[..12], &["--for", "1s"]).code, 0);
    until("the approval is void", || count() == 0, String::new);
    let applied = place.run(&cloud, APPLY);
    assert_eq!((applied.code, cloud.writes()), (3, 0), "{applied:?}");
    assert_eq!(approve(&place, &cloud, &plan[..12], &["--for", "7d"]).code, 0);
    assert_eq!(place.run(&cloud, APPLY).code, 0);
}

#[test]
fn what_is_no_matter_of_judgement_is_not_released() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    let apply = [APPLY, &["--set", "limits.budget.hour=2"]].concat();
    let enough = "  limits: {maxDetach: 4}\n";
    place.write("a.yaml", &manifest("a", "detach", &["one"], enough));
    assert_eq!(place.run(&cloud, &apply).code, 3);
    let refused = approve(&place, &cloud, &held_plan(&place, &cloud)[..12], &[]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("[budget]") && refused.err.contains("limits.budget"));
    assert!(status(&place, &cloud)["approvals"].as_array().unwrap().is_empty());

    place.write("a.yaml", &manifest("a", "detach", &["one"], ""));
    assert_eq!(place.run(&cloud, &apply).code, 3);
    let half = approve(&place, &cloud, &held_plan(&place, &cloud)[..12], &[]);
    assert_eq!(half.code, 0, "{half:?}");
    let (released, kept) = half.out.split_once("does NOT release").unwrap();
    assert!(released.contains("[perPlan]") && kept.contains("[budget]"), "{half:?}");
    let still = place.run(&cloud, &apply);
    assert_eq!((still.code, cloud.writes()), (3, 0), "{still:?}");
    assert!(!still.out.contains("[perPlan]") && still.out.contains("[budget]"), "{still:?}");
}

/// 50 links that nobody lists, and a daemon that takes some seconds to cut them.
fn slow() -> (Place, Cloud) {
    let names: Vec<String> = (0..50).map(|n| format!("stale-{n:02}")).collect();
    let mut links: Vec<(&str, &str)> = names.iter().map(|name| ("a", name.as_str())).collect();
    links.push(("a", "keep"));
    let (place, cloud) = (Place::new(), Cloud::with(&links));
    cloud.set("latency", "200ms");
    place.write("a.yaml", &manifest("a", "detach", &["keep"], "  limits: {maxDetach: 100%}\n"));
    (place, cloud)
}

const SLOWLY: &[&str] =
    &["--set", "limits.writesPerSecond.start=8", "--set", "limits.writesPerSecond.max=8"];

/// From a second on, nothing is sent any more, while the daemon goes on reading.
fn nothing_more_is_sent(cloud: &Cloud, daemon: &Daemon) -> usize {
    std::thread::sleep(Duration::from_secs(1)); // what is promised
    let (writes, reads) = (cloud.writes(), cloud.calls("DescribeClassicLinkInstances"));
    assert!(writes < 50, "it was too fast to be stopped in the middle");
    daemon.says("rule=pause");
    let read_on = || cloud.calls("DescribeClassicLinkInstances") > reads + 3;
    until("it reads on", read_on, || daemon.log());
    assert_eq!(cloud.writes(), writes, "{}", daemon.log());
    writes
}

#[test]
fn a_pause_stops_calls_within_a_second_and_outlives_a_restart() {
    let (place, cloud) = slow();
    let daemon = place.daemon(&cloud, SLOWLY);
    until("some are cut", || cloud.writes() >= 8, || daemon.log());
    let paused = place.run(&cloud, &["pause", "--reason", "incident 7"]);
    assert_eq!(paused.code, 0, "{paused:?}");
    assert!(paused.out.contains("classiclinkd resume\n"), "{paused:?}");
    assert!(paused.err.is_empty(), "nothing is doubtful about it: {paused:?}");
    let writes = nothing_more_is_sent(&cloud, &daemon);
    assert!(daemon.log().contains("incident 7"));
    assert_eq!(daemon.end(), 0);

    let daemon = place.daemon(&cloud, SLOWLY);
    assert_eq!(nothing_more_is_sent(&cloud, &daemon), writes);
    let resumed = place.run(&cloud, &["resume"]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert!(resumed.out.contains("resumed: everything since"), "{resumed:?}");
    assert!(resumed.out.contains("incident 7"), "{resumed:?}");
    until("the rest is cut", || cloud.links("a") == ["keep"], || daemon.log());
    let nothing = place.run(&cloud, &["resume"]);
    assert_eq!((nothing.code, nothing.out.as_str()), (0, "nothing was paused\n"));
}

#[test]
fn the_pause_file_stops_calls_within_a_second() {
    let (place, cloud) = slow();
    let daemon = place.daemon(&cloud, SLOWLY);
    until("some are cut", || cloud.writes() >= 8, || daemon.log());
    fs::write(place.state().join("pause"), "disk is full").unwrap();
    nothing_more_is_sent(&cloud, &daemon);
    let resumed = place.run(&cloud, &["resume"]);
    assert_eq!((resumed.code, resumed.out.as_str()), (0, "nothing was paused\n"));
    let remove = format!("rm {}", place.state().join("pause").display());
    assert!(resumed.err.contains(&remove), "{resumed:?}");
    assert_eq!(status(&place, &cloud)["pauseFile"]["says"], "disk is full");
    fs::remove_file(place.state().join("pause")).unwrap();
    until("the rest is cut", || cloud.links("a") == ["keep"], || daemon.log());
}

#[test]
fn a_pause_is_for_what_it_names_and_ends_with_it() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", &["one", "two", "three", "four"], ""));
    place.write("b.yaml", &manifest("b", "detach", &[], "  limits: {allowEmpty: true}\n"));
    let vpc = ["--region", "cn-hangzhou", "--vpc", "vpc-a"];
    let paused = place.run(&cloud, &[&["pause"], &vpc[..]].concat());
    assert_eq!(paused.code, 0, "{paused:?}");
    assert!(paused.err.contains("there was no journal"), "{paused:?}");
    assert!(paused.err.contains("no process uses"), "{paused:?}");
    let mode = std::os::unix::fs::PermissionsExt::mode;
    assert_eq!(mode(&fs::metadata(place.state()).unwrap().permissions()) & 0o777, 0o700);
    assert_eq!((place.run(&cloud, APPLY).code, cloud.writes()), (3, 1));
    assert!(cloud.links("b").is_empty() && cloud.links("a").len() == 5);

    assert_eq!(place.run(&cloud, &["pause"]).code, 0);
    let narrower = place.run(&cloud, &[&["resume"], &vpc[..]].concat());
    assert_eq!(narrower.code, 0, "{narrower:?}");
    assert!(narrower.out.contains("resumed: default/cn-hangzhou/vpc-a since"), "{narrower:?}");
    assert!(narrower.err.contains("still paused: everything"), "{narrower:?}");
    assert_eq!((place.run(&cloud, APPLY).code, cloud.writes()), (3, 1));
    assert_eq!(place.run(&cloud, &["resume"]).code, 0);
    assert_eq!((place.run(&cloud, APPLY).code, cloud.links("a").len()), (0, 4));

    let misspelt = place.run(&cloud, &["pause", "--account", "defualt"]);
    assert_eq!(misspelt.code, 0, "{misspelt:?}");
    assert!(misspelt.err.contains("default/cn-hangzhou/vpc-a"), "{misspelt:?}");
    for wrong in [&["pause", "--vpc", "vpc-a"][..], &["pause", "--region", "CN"]] {
        assert_eq!(place.run(&cloud, wrong).code, 1, "{wrong:?}");
    }
}

#[test]
fn where_no_pause_can_be_written_the_way_out_is_a_file() {
    let (place, cloud) = held();
    fs::write(place.state().join("journal.sqlite"), "this is no database").unwrap();
    for side in ["journal.sqlite-wal", "journal.sqlite-shm"] {
        let _absent = fs::remove_file(place.state().join(side));
    }
    let paused = place.run(&cloud, &["pause"]);
    assert_eq!(paused.code, 1, "{paused:?}");
    let command = format!("touch {}", place.state().join("pause").display());
    assert!(paused.err.contains(&command), "{paused:?}");
    let resumed = Place::new().run(&cloud, &["resume"]);
    assert!(resumed.code == 1 && resumed.err.contains("--state"), "{resumed:?}");
}

#[test]
fn the_status_begins_with_whether_all_is_converged() {
    let (place, cloud) = held();
    place.write("b.yaml", &manifest("b", "detach", &["x"], ""));
    assert_eq!(place.run(&cloud, APPLY).code, 3);
    let known = status(&place, &cloud);
    let standing = &known["standing"];
    assert_eq!((&standing["converged"], &standing["vpcs"]), (&false.into(), &2.into()));
    assert_eq!(
        (&standing["inSync"], &standing["page"]),
        (&1.into(), &"http://127.0.0.1:9108/".into())
    );
    let (a, b) = (&known["vpcs"][0], &known["vpcs"][1]);
    assert_eq!(
        (&a["vpcId"], &a["inSync"], &a["verdict"]),
        (&"vpc-a".into(), &false.into(), &"held".into())
    );
    assert_eq!((&a["observed"], &a["desired"], &a["detach"]), (&5.into(), &1.into(), &4.into()));
    assert_eq!(a["heldBy"], serde_json::json!(["perPlan"]));
    assert_eq!((&b["vpcId"], &b["inSync"]), (&"vpc-b".into(), &true.into()));
    let text = place.run(&cloud, &["status"]).out;
    assert!(
        text.starts_with("standing    not converged: 1 of 2 VPCs in sync, as the journal"),
        "{text}"
    );
    for part in [
        "held by perPlan: 4 to detach",
        "5 observed, 1 desired",
        "vpc-b  in sync since",
        "127.0.0.1:9108",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }

    let plan = held_plan(&place, &cloud);
    assert_eq!(approve(&place, &cloud, &plan, &[]).code, 0);
    assert_eq!(place.run(&cloud, APPLY).code, 0);
    let known = status(&place, &cloud);
    assert_eq!(
        (&known["standing"]["converged"], &known["vpcs"][0]["detach"]),
        (&true.into(), &0.into())
    );
    // The harness gives settings; without any, the limits are nobody's.
    let whose = "give --config of the daemon";
    let text = place.run(&cloud, &["status"]).out;
    assert!(text.starts_with("standing    converged: 2 of 2 VPCs in sync"), "{text}");
    assert!(!text.contains(whose), "{text}");
    assert!(text.contains("http://127.0.0.1:9108/ by the configuration given here"), "{text}");
    let state = place.state().display().to_string();
    let bare = crate::harness::binary(&["status", "--state", &state, "--listen", "none"]);
    let bare = Ran::of({ bare }.output().unwrap());
    assert!(bare.out.contains(whose) && !bare.out.contains("9108"), "{bare:?}");
    let bare = |more: &[&str]| {
        let mut command = crate::harness::binary(&["status", "--state", &state]);
        Ran::of(command.args(more).output().unwrap()).out
    };
    let own = "http://127.0.0.1:9108/ by this command's own default";
    assert!(bare(&[]).contains(own), "{}", bare(&[]));
    assert!(bare(&["--output", "json"]).contains("\"page\": null"), "nobody said where it is");
    let told = bare(&["--listen", "127.0.0.1:9999"]);
    assert!(told.contains("http://127.0.0.1:9999/ by the configuration given here"), "{told}");
}

#[test]
fn a_link_whose_detach_was_approved_and_refused_is_not_in_sync() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", &["one", "two", "three", "four"], ""));
    cloud.set("stuck", &format!("{}:Forbidden.RAM", id("five")));
    let ran = place.run(&cloud, APPLY);
    assert!(ran.code != 0 && cloud.links("a").len() == 5, "{ran:?}");
    let known = status(&place, &cloud);
    let a = &known["vpcs"][0];
    assert_eq!(
        (&known["standing"]["converged"], &a["verdict"]),
        (&false.into(), &"approved".into())
    );
    assert_eq!((&a["inSync"], &a["detach"]), (&false.into(), &1.into()));
    let text = place.run(&cloud, &["status"]).out;
    assert!(text.starts_with("standing    not converged: 0 of 1 VPC in sync"), "{text}");
    assert!(text.contains("vpc-a  1 to detach, 0 to attach since"), "{text}");
}

#[test]
fn nothing_is_made_in_the_state_folder_of_somebody_else() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    // The owner of what this process makes.
    let is_root = std::os::unix::fs::MetadataExt::uid(&fs::metadata(place.path()).unwrap()) == 0;
    // Only root can make a folder that is somebody else's; for others, the root folder is one.
    let folder = if is_root { place.state() } else { "/".into() };
    if is_root {
        fs::create_dir(&folder).unwrap();
        std::os::unix::fs::chown(&folder, Some(65534), Some(65534)).unwrap();
    }
    for arguments in [&["pause"][..], APPLY] {
        let mut command = place.command(&cloud, arguments);
        let ran = Ran::of(command.env("CLASSICLINKD_STATE", &folder).output().unwrap());
        assert!(ran.code == 1 && ran.err.contains("sudo -u"), "{ran:?}");
    }
    if !is_root {
        return;
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "no file that its owner cannot use");
    // A journal that is there is root's to write, and its files stay the owner's.
    let own = |id: u32| {
        for entry in fs::read_dir(&folder).unwrap() {
            std::os::unix::fs::chown(entry.unwrap().path(), Some(id), Some(id)).unwrap();
        }
        std::os::unix::fs::chown(&folder, Some(id), Some(id)).unwrap();
    };
    own(0);
    assert_eq!(place.run(&cloud, &["pause"]).code, 0);
    let _absent = fs::remove_file(folder.join("lock"));
    own(65534);
    place.write("a.yaml", &manifest("a", "detach", &["one", "two", "three", "four"], ""));
    assert_eq!(place.run(&cloud, APPLY).code, 3, "it is paused");
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(Result::unwrap).collect();
    assert!(files.iter().any(|file| file.file_name() == "lock"));
    for file in files {
        let owner = std::os::unix::fs::MetadataExt::uid(&file.metadata().unwrap());
        assert_eq!(owner, 65534, "{file:?}");
    }
}

#[test]
fn what_only_reads_says_that_it_reads() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    fs::create_dir_all(place.state().join("journal.sqlite")).unwrap();
    for command in [&["status"][..], &["history"], &["journal", "verify"]] {
        let ran = place.run(&cloud, command);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains("read the journal: ") && ran.err.contains("--state"), "{ran:?}");
        assert!(!ran.err.contains("write the journal"), "{ran:?}");
    }
}

#[test]
fn the_status_says_what_is_in_force_spent_paused_held_and_approved() {
    let (place, cloud) = (Place::new(), Cloud::with(&[LINKS, &[("a", "six")]].concat()));
    let none = place.run(&cloud, &["status"]);
    assert!(none.code == 1 && none.err.contains("--state"), "{none:?}");
    place.write("b.yaml", &manifest("b", "detach", &["x"], ""));
    let protected = "    - {id: i-one, protected: true}\n";
    let five = manifest("a", "detach", &["two", "three", "four", "five"], protected);
    place.write("a.yaml", &five);
    let daemon = place.daemon(&cloud, &[]);
    until("six is gone", || cloud.links("a").len() == 5, || daemon.log());
    place.write("a.yaml", &manifest("a", "detach", &[], protected).replace(" []", ""));
    daemon.says("rule=shrink");
    assert_eq!(place.run(&cloud, &["pause", "--account", "prod", "--reason", "why"]).code, 0);
    let plan = held_plan(&place, &cloud);
    let mut json = status(&place, &cloud);
    assert_eq!(json["formatVersion"], 1);
    assert_eq!(json["state"], place.state().to_str().unwrap());
    assert_eq!(json["inUse"], true);
    assert_eq!(json["revision"]["digest"].as_str().unwrap().len(), 64);
    assert!(json["revision"]["acceptedAt"].is_string());
    assert!(json["pauseFile"].is_null() && json["pauses"][0]["regionId"].is_null());
    assert_eq!(json["pauses"][0]["account"], "prod");
    assert_eq!(
        (&json["pauses"][0]["cause"], &json["pauses"][0]["reason"]),
        (&"operator".into(), &"why".into())
    );
    let hour = serde_json::json!({"limit": 50, "spent": 1, "left": 49});
    assert_eq!(json["budgets"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&json["budgets"][0]["regionId"], &json["budgets"][0]["hour"]),
        (&"cn-hangzhou".into(), &hour)
    );
    assert_eq!(json["held"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&json["held"][0]["vpcId"], &json["held"][0]["detach"]),
        (&"vpc-a".into(), &4.into())
    );
    assert_eq!(json["held"][0]["canBeApproved"], true);
    assert_eq!(json["held"][0]["approved"], false);
    assert_eq!((&json["protected"], &json["kept"]), (&1.into(), &serde_json::json!([])));
    assert_eq!(json["unsettled"], serde_json::json!([]));
    let text = place.run(&cloud, &["status"]).out;
    for part in ["a process uses it", "prod since", "1 of 50", "1 link", "classiclinkd approve"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    assert!(text.contains(&plan[..12]) && !text.contains('\u{1b}'), "{text}");

    assert_eq!(daemon.end(), 0);
    assert_eq!(approve(&place, &cloud, &plan[..8], &["--for", "1h"]).code, 0);
    json = status(&place, &cloud);
    assert_eq!(json["held"][0]["approved"], true);
    assert_eq!((&json["inUse"], &json["approvals"][0]["vpcId"]), (&false.into(), &"vpc-a".into()));
}

#[test]
fn a_flipped_byte_in_the_journal_is_found() {
    let (place, cloud) = held();
    let whole = place.run(&cloud, &["journal", "verify"]);
    assert_eq!(whole.code, 0, "{whole:?}");
    assert!(whole.out.contains("0 older ones forgotten; the chain holds; head "), "{whole:?}");
    let file = rusqlite::Connection::open(place.state().join("journal.sqlite")).unwrap();
    let update = |from: &str, to: &str| {
        let set = format!(
            "DROP TRIGGER IF EXISTS entry_is_append_only_1;
             UPDATE entry SET body = replace(body, '{from}', '{to}') WHERE seq = 2;"
        );
        file.execute_batch(&set).unwrap();
    };
    update("i-two", "i-twp");
    let broken = place.run(&cloud, &["journal", "verify"]);
    assert_eq!((broken.code, broken.out.as_str()), (1, ""), "{broken:?}");
    assert!(broken.err.contains("entry 2 is the first"), "{broken:?}");
    assert_eq!((place.run(&cloud, APPLY).code, cloud.writes()), (1, 0), "nothing goes by it");
    update("i-twp", "i-two");
    assert_eq!(place.run(&cloud, &["journal", "verify"]).code, 0);
    let missing = Place::new().run(&cloud, &["journal", "verify"]);
    assert!(missing.code == 1 && missing.err.contains("--state"), "{missing:?}");
}

/// A daemon that was stopped for a while finds what people asked for and gave up; a pause was confirmed
/// since, and has to last.
#[test]
fn a_pause_outlasts_what_was_asked_before_it_of_a_daemon_that_stood_still() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", &["one", "two", "three", "four", "five"], ""));
    let daemon = patient_daemon(&place, &cloud);
    daemon.says("is accepted");
    let socket = place.state().join("control.sock");
    until("the socket", || socket.exists(), String::new);
    assert_eq!(place.run(&cloud, &["pause", "--reason", "first"]).code, 0);
    daemon.signal("-STOP");
    let resumed = place.run(&cloud, &["resume"]);
    assert_eq!(resumed.code, 1, "nobody knows whether it was written down: {resumed:?}");
    assert!(resumed.err.contains("ask again"), "{resumed:?}");
    assert_eq!(place.run(&cloud, &["pause", "--reason", "second"]).code, 0, "written beside it");
    daemon.signal("-CONT");
    daemon.says("who asked has given up");
    let paused = status(&place, &cloud);
    assert!(paused["pauses"].as_array().is_some_and(|pauses| !pauses.is_empty()), "{paused}");
    assert_eq!(daemon.end(), 0);
}

#[test]
fn a_running_daemon_is_asked_over_its_socket() {
    use std::os::unix::fs::PermissionsExt as _;
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", &["one", "two", "three", "four", "five"], ""));
    let nobody = place.run(&cloud, &["reconcile"]);
    assert_eq!(nobody.code, 1, "{nobody:?}");
    assert!(nobody.err.contains("no daemon listens"), "{nobody:?}");
    let daemon = patient_daemon(&place, &cloud);
    daemon.says("is accepted");
    let socket = place.state().join("control.sock");
    until("the socket", || socket.exists(), String::new);
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);

    // Nothing but being asked makes it look again within the hour.
    let reads = || cloud.calls("DescribeClassicLinkInstances");
    until("the first look", || reads() > 0, || daemon.log());
    cloud.attach_by_hand("a", "x");
    let looked = place.run(&cloud, &["reconcile", "--region", "cn-hangzhou", "--vpc", "vpc-a"]);
    assert_eq!((looked.code, looked.out.as_str()), (0, "the daemon looks at 1 VPC now\n"));
    daemon.says("asked to look now");
    until("the drift is gone", || !cloud.links("a").contains(&"x".to_owned()), || daemon.log());
    let elsewhere = place.run(&cloud, &["reconcile", "--account", "prod"]);
    assert_eq!(elsewhere.code, 1, "{elsewhere:?}");
    assert!(elsewhere.err.contains("no manifest"), "{elsewhere:?}");

    assert_eq!(place.run(&cloud, &["pause"]).code, 0);
    daemon.says("written down for an operator");
    assert_eq!(place.run(&cloud, &["resume"]).code, 0);
    assert_eq!(daemon.end(), 0);
    assert!(!socket.exists(), "the socket goes with the daemon");
    assert_eq!(place.run(&cloud, &["pause"]).code, 0, "and what is said is written beside");
}
