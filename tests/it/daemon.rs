//! The running daemon: drift, edits, broken trees, restarts, ending.

use crate::harness::{Cloud, Daemon, Place, manifest, until};
use std::fs;
use std::os::unix::fs::symlink;

const LINKS: &[(&str, &str)] =
    &[("a", "one"), ("a", "two"), ("a", "three"), ("a", "four"), ("b", "x"), ("b", "y")];
const KEEP: &[&str] = &["one", "two", "three", "four"];

fn running() -> (Place, Cloud, Daemon) {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", KEEP, ""));
    let daemon = place.daemon(&cloud, &[]);
    daemon.says("a revision is accepted");
    (place, cloud, daemon)
}

fn gone(cloud: &Cloud, daemon: &Daemon, instance: &str) {
    let what = format!("{instance} is gone");
    until(&what, || !cloud.links("a").contains(&instance.to_owned()), || daemon.log());
}

/// A link that nobody lists is cut, and seen to be: the loop is alive and repairs drift.
fn drift_is_repaired(cloud: &Cloud, daemon: &Daemon) {
    let seen =
        || daemon.log().matches("instance=i-x verb=detach attempt=1 outcome=\"detached").count();
    let before = seen();
    cloud.attach_by_hand("a", "x");
    until("x is seen to be gone", || seen() > before, || daemon.log());
    assert!(!cloud.links("a").contains(&"x".to_owned()));
}

fn nothing_else_was_cut(cloud: &Cloud) {
    for instance in KEEP {
        assert!(cloud.links("a").contains(&(*instance).to_owned()), "{instance} was cut");
    }
}

#[test]
fn an_edit_is_noticed_and_its_link_goes() {
    let (place, cloud, daemon) = running();
    place.write("a.yaml", &manifest("a", "detach", &["one", "two", "three"], ""));
    gone(&cloud, &daemon, "four");
    assert_eq!(cloud.links("a").len(), 3);
    assert_eq!((daemon.end(), cloud.writes()), (0, 1));
}

#[test]
fn a_link_attached_by_hand_goes_again_and_again() {
    let (_place, cloud, daemon) = running();
    for _ in 0..3 {
        drift_is_repaired(&cloud, &daemon);
    }
    nothing_else_was_cut(&cloud);
}

/// Breaks the tree in some way; the daemon must say so, go on repairing drift by the last accepted
/// revision, cut nothing else, and heal without a restart.
fn survives(name: &str, break_it: impl Fn(&Place), heal: impl Fn(&Place)) {
    let (place, cloud, daemon) = running();
    break_it(&place);
    daemon.says("cannot be accepted");
    drift_is_repaired(&cloud, &daemon);
    nothing_else_was_cut(&cloud);
    heal(&place);
    place.write("a.yaml", &manifest("a", "detach", &["one", "two", "three"], ""));
    gone(&cloud, &daemon, "four");
    assert_eq!(cloud.links("a").len(), 3, "{name}");
    assert_eq!(daemon.end(), 0);
}

#[test]
fn a_broken_manifest_keeps_the_last_accepted_revision() {
    survives(
        "broken",
        |place| place.write("b.yaml", "kind: [\n"),
        |place| {
            fs::remove_file(place.manifests().join("b.yaml")).unwrap();
        },
    );
}

#[test]
fn a_half_written_manifest_is_not_a_smaller_one() {
    let half = manifest("a", "detach", KEEP, "");
    let half = half.split("    - i-one").next().unwrap().to_owned();
    survives("half", |place| place.write("a.yaml", &half), |_| ());
}

#[test]
fn an_emptied_tree_is_not_an_empty_desired_state() {
    survives("empty", |place| fs::remove_file(place.manifests().join("a.yaml")).unwrap(), |_| ());
}

#[test]
fn a_deleted_root_is_survived() {
    survives(
        "deleted",
        |place| fs::remove_dir_all(place.manifests()).unwrap(),
        |place| {
            fs::create_dir(place.manifests()).unwrap();
        },
    );
}

#[test]
fn an_unreadable_file_is_not_an_absent_one() {
    // Tests may run as root, to whom nothing is forbidden: a link into nowhere is unreadable to all.
    survives(
        "unreadable",
        |place| {
            fs::remove_file(place.manifests().join("a.yaml")).unwrap();
            symlink("nowhere", place.manifests().join("a.yaml")).unwrap();
        },
        |_| (),
    );
}

#[test]
fn a_link_that_leaves_the_tree_is_refused() {
    survives(
        "escape",
        |place| {
            let outside = place.path().join("outside.yaml");
            fs::write(&outside, manifest("b", "detach", &["x"], "")).unwrap();
            symlink(outside, place.manifests().join("b.yaml")).unwrap();
        },
        |place| fs::remove_file(place.manifests().join("b.yaml")).unwrap(),
    );
}

#[test]
fn a_manifest_that_disappears_releases_its_scope() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", KEEP, ""));
    place.write("b.yaml", &manifest("b", "detach", &["x"], ""));
    let daemon = place.daemon(&cloud, &["--set", "limits.minDetach=0"]);
    daemon.says("a revision is accepted");
    fs::remove_file(place.manifests().join("b.yaml")).unwrap();
    daemon.says("released");
    assert_eq!(cloud.links("b"), ["x", "y"]);
    assert_eq!((daemon.end(), cloud.writes()), (0, 0));
}

#[test]
fn a_configmap_swap_is_noticed_again_and_again() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    let root = place.manifests();
    let publish = |version: &str, keep: &[&str]| {
        fs::create_dir(root.join(version)).unwrap();
        fs::write(root.join(version).join("a.yaml"), manifest("a", "detach", keep, "")).unwrap();
        symlink(version, root.join("..data_tmp")).unwrap();
        fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    };
    publish("..v1", KEEP);
    symlink("..data/a.yaml", root.join("a.yaml")).unwrap();
    let daemon = place.daemon(&cloud, &[]);
    daemon.says("a revision is accepted");
    publish("..v2", &["one", "two", "three"]);
    gone(&cloud, &daemon, "four");
    publish("..v3", &["one", "two"]);
    gone(&cloud, &daemon, "three");
    assert_eq!((daemon.end(), cloud.writes()), (0, 2));
}

#[test]
fn a_git_sync_swap_of_the_root_is_noticed_again_and_again() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    let publish = |version: &str, keep: &[&str]| {
        let checkout = place.path().join(version);
        fs::create_dir(&checkout).unwrap();
        fs::write(checkout.join("a.yaml"), manifest("a", "detach", keep, "")).unwrap();
        symlink(version, place.path().join("link.tmp")).unwrap();
        fs::rename(place.path().join("link.tmp"), place.path().join("link")).unwrap();
    };
    publish("v1", KEEP);
    let mut command = place.command(&cloud, &["run", "--manifests", "link", "--interval", "1s"]);
    let daemon = {
        command.args(["--listen", "none"]);
        Daemon::start(command, place.path().join("log"))
    };
    daemon.says("a revision is accepted");
    publish("v2", &["one", "two", "three"]);
    gone(&cloud, &daemon, "four");
    publish("v3", &["one", "two"]);
    gone(&cloud, &daemon, "three");
    assert_eq!((daemon.end(), cloud.writes()), (0, 2));
}

#[test]
fn the_last_accepted_revision_outlives_a_restart_with_a_broken_tree() {
    let (place, cloud, daemon) = running();
    assert_eq!(daemon.end(), 0);
    place.write("a.yaml", "broken: [");
    let daemon = place.daemon(&cloud, &[]);
    daemon.says("cannot be accepted");
    drift_is_repaired(&cloud, &daemon);
    nothing_else_was_cut(&cloud);
}

#[test]
fn without_a_last_accepted_revision_nothing_is_cut() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", "broken: [");
    let daemon = place.daemon(&cloud, &[]);
    daemon.says("no revision is in force");
    cloud.attach_by_hand("a", "x");
    place.write("a.yaml", &manifest("a", "detach", KEEP, ""));
    gone(&cloud, &daemon, "x");
    nothing_else_was_cut(&cloud);
}

#[test]
fn a_missing_root_is_waited_for() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    fs::remove_dir(place.manifests()).unwrap();
    let daemon = place.daemon(&cloud, &[]);
    daemon.says("cannot be accepted");
    place.write("a.yaml", &manifest("a", "detach", &["one", "two", "three"], ""));
    gone(&cloud, &daemon, "four");
}

#[test]
fn an_instance_moves_from_one_vpc_to_another() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "sync", KEEP, ""));
    place.write("b.yaml", &manifest("b", "sync", &["x", "y"], ""));
    let daemon = place.daemon(&cloud, &[]);
    daemon.says("a revision is accepted");
    place.write("b.yaml", &manifest("b", "sync", &["x"], ""));
    place.write("a.yaml", &manifest("a", "sync", &["one", "two", "three", "four", "y"], ""));
    until("y has moved", || cloud.links("a").contains(&"y".to_owned()), || daemon.log());
    assert_eq!(cloud.links("b"), ["x"]);
}

#[test]
fn one_scope_that_fails_does_not_hold_up_another() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", KEEP, ""));
    place.write("c.yaml", &manifest("c", "detach", &["nothing"], ""));
    let daemon = place.daemon(&cloud, &[]);
    daemon.says("NotBelong");
    drift_is_repaired(&cloud, &daemon);
}

#[test]
fn asked_to_end_in_the_middle_it_waits_for_its_calls() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    cloud.set("latency", "800ms");
    place.write("a.yaml", &manifest("a", "detach", &["one", "two", "three"], ""));
    let daemon = place.daemon(&cloud, &[]);
    until("the call is on its way", || cloud.writes() > 0, || daemon.log());
    assert_eq!(daemon.end(), 0);
    assert_eq!((cloud.writes(), cloud.links("a").len()), (1, 3));
    let next = place.daemon(&cloud, &[]);
    next.says("the last accepted revision is in force");
    drift_is_repaired(&cloud, &next);
    assert!(
        !next.log().contains("an earlier process ended during this call"),
        "no intent was left open"
    );
}

#[test]
fn a_second_signal_ends_at_once() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    cloud.set("slow", "100%");
    cloud.set("slow-by", "8s");
    cloud.set("only-actions", "DetachClassicLinkVpc");
    place.write("a.yaml", &manifest("a", "detach", &["one", "two", "three"], ""));
    let mut daemon = place.daemon(&cloud, &[]);
    until("the call is on its way", || cloud.writes() > 0, || daemon.log());
    daemon.signal("-INT");
    daemon.says("asked to end");
    assert!(daemon.is_running(), "a call in flight is waited for");
    daemon.signal("-INT");
    assert_eq!(daemon.wait(), 130);
}

#[test]
fn a_killed_daemon_settles_its_open_intents_by_reading() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    cloud.set("latency", "700ms");
    place.write("a.yaml", &manifest("a", "detach", &["one", "two", "three"], ""));
    let mut daemon = place.daemon(&cloud, &[]);
    until("the call is on its way", || cloud.writes() > 0, || daemon.log());
    daemon.signal("-KILL");
    daemon.wait();
    cloud.set("latency", "0s");
    let next = place.daemon(&cloud, &[]);
    next.says("an earlier process ended during this call");
    next.says("the last accepted revision is in force");
    drift_is_repaired(&cloud, &next);
    let four = |call: &&classiclinkd::sim::Call| {
        call.action == "DetachClassicLinkVpc" && call.params["InstanceId"] == "i-four"
    };
    assert_eq!(cloud.sim.calls().iter().filter(four).count(), 1, "not detached twice");
}

#[test]
fn a_slow_writer_never_makes_half_a_manifest_count() {
    use std::io::Write as _;
    let (place, cloud, daemon) = running();
    let whole = manifest("a", "detach", KEEP, "");
    let (first, second) = whole.split_once("    - i-three").unwrap();
    let mut file = fs::File::create(place.manifests().join("a.yaml")).unwrap();
    file.write_all(first.as_bytes()).unwrap();
    file.flush().unwrap();
    // Several settling times and intervals, with the file open and a valid half of it on disk.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    file.write_all(format!("    - i-three{second}").as_bytes()).unwrap();
    drop(file);
    drift_is_repaired(&cloud, &daemon);
    nothing_else_was_cut(&cloud);
    assert_eq!((daemon.end(), cloud.writes()), (0, 1));
}

#[test]
fn a_manifest_that_lost_its_end_is_not_accepted() {
    // Cut in the middle of the last id, and right behind an id: both are valid YAML.
    let whole = manifest("a", "detach", KEEP, "");
    for cut in [whole.trim_end_matches("r\n"), whole.trim_end_matches("\n    - i-four\n")] {
        survives("cut", |place| place.write("a.yaml", cut), |_| ());
    }
}

#[test]
fn the_last_accepted_revision_does_not_count_for_another_folder() {
    let (place, cloud, daemon) = running();
    assert_eq!(daemon.end(), 0);
    fs::create_dir(place.path().join("other")).unwrap();
    let mut command = place.command(&cloud, &["run", "--manifests", "other"]);
    command.args(["--interval", "1s", "--listen", "none"]);
    let daemon = Daemon::start(command, place.path().join("log"));
    daemon.says("of another folder");
    daemon.says("no revision is in force");
    cloud.attach_by_hand("a", "x");
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert_eq!((daemon.end(), cloud.writes()), (0, 0));
}
