//! A journal that cannot be used stops every call, and nothing else.

use crate::harness::{Cloud, Daemon, Place, manifest, until};
use classiclinkd::clock::{Clock, SystemClock};
use classiclinkd::journal::look;
use classiclinkd::ledger::Event;
use std::fs;

const KEPT: [&str; 8] = ["k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8"];

fn cloud() -> Cloud {
    let kept = KEPT.iter().map(|name| ("a", *name));
    Cloud::with(&kept.chain([("a", "s1"), ("a", "s2")]).collect::<Vec<_>>())
}

fn place() -> Place {
    let place = Place::new();
    place.write("a.yaml", &manifest("a", "detach", &KEPT, ""));
    place
}

/// A state folder with a journal of one run.
fn used(place: &Place, cloud: &Cloud) {
    assert_eq!(place.run(cloud, &["apply", "--manifests", "manifests", "--yes"]).code, 0);
    cloud.attach_by_hand("a", "s1");
}

fn flip_a_word(place: &Place) {
    let file = rusqlite::Connection::open(place.state().join("journal.sqlite")).unwrap();
    file.execute_batch(
        "DROP TRIGGER entry_is_append_only_1;
         UPDATE entry SET body = replace(body, 'detach', 'attach') WHERE kind = 'intent';",
    )
    .unwrap();
}

#[test]
fn a_damaged_journal_stops_calls_and_neither_reading_nor_planning() {
    let (cloud, place) = (cloud(), place());
    used(&place, &cloud);
    flip_a_word(&place);
    let sent = cloud.writes();
    let applied = place.run(&cloud, &["apply", "--manifests", "manifests", "--yes"]);
    assert!(applied.code == 1 && applied.err.contains("does not fit the chain"), "{applied:?}");
    let daemon = place.daemon(&cloud, &[]);
    daemon.says("does not fit the chain");
    daemon.says("rule=journal");
    let reads = cloud.calls("DescribeClassicLinkInstances");
    let goes_on = || cloud.calls("DescribeClassicLinkInstances") > reads + 4;
    until("it goes on reading", goes_on, || daemon.log());
    assert_eq!(cloud.writes(), sent, "{}", daemon.log());
    assert_eq!(daemon.end(), 0);
}

#[test]
fn a_full_disk_stops_calls_until_there_is_room() {
    let strays: Vec<String> = (0..40).map(|n| format!("t{n}")).collect();
    let kept = KEPT.iter().map(|name| ("a", *name)).chain([("", "s1"), ("", "s2")]);
    let cloud =
        Cloud::with(&kept.chain(strays.iter().map(|name| ("", &**name))).collect::<Vec<_>>());
    let place = place();
    used(&place, &cloud);
    // In blocks of 512 bytes: room for the side files, and for some entries.
    let limit = "trap '' XFSZ; ulimit -f 72; exec \"$0\" \"$@\"";
    let inner = place.command(&cloud, &["run", "--manifests", "manifests"]);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", limit]).arg(inner.get_program()).args(inner.get_args());
    command.args(["--interval", "1s", "--listen", "none"]).current_dir(place.path());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let daemon = Daemon::start(command, place.path().join("log"));
    // Each is detached and found again, until the journal has no room left.
    for stray in &strays {
        if daemon.log().contains("nothing is sent") {
            break;
        }
        cloud.attach_by_hand("a", stray);
        let gone_or_full =
            || cloud.links("a").len() == 8 || daemon.log().contains("nothing is sent");
        until("it is taken, or there is no room", gone_or_full, || daemon.log());
    }
    assert!(daemon.log().contains("nothing is sent"), "{}", daemon.log());
    let sent = cloud.writes();
    cloud.attach_by_hand("a", "s2");
    let reads = cloud.calls("DescribeClassicLinkInstances");
    let goes_on = || cloud.calls("DescribeClassicLinkInstances") > reads + 4;
    until("it goes on reading", goes_on, || daemon.log());
    assert_eq!(cloud.writes(), sent, "{}", daemon.log());
    let intents = look(&place.state(), SystemClock::new().now()).unwrap().items.into_iter();
    let intents = intents.filter(|item| matches!(item.event, Event::Intent(_))).count();
    assert!(intents >= sent, "{intents} intents, {sent} calls");
    drop(daemon);
    let daemon = place.daemon(&cloud, &[]);
    until("with room, the link goes", || cloud.links("a").len() == 8, || daemon.log());
    assert_eq!(daemon.end(), 0);
}

#[test]
fn a_journal_that_is_taken_away_stops_calls() {
    let (cloud, place) = (cloud(), place());
    let daemon = place.daemon(&cloud, &[]);
    until("the links go", || cloud.links("a").len() == 8, || daemon.log());
    daemon.says("pass ended");
    fs::rename(place.state().join("journal.sqlite"), place.path().join("elsewhere")).unwrap();
    let sent = cloud.writes();
    cloud.attach_by_hand("a", "s1");
    daemon.says("nothing is sent");
    let reads = cloud.calls("DescribeClassicLinkInstances");
    let goes_on = || cloud.calls("DescribeClassicLinkInstances") > reads + 4;
    until("it goes on reading", goes_on, || daemon.log());
    assert_eq!(cloud.writes(), sent, "{}", daemon.log());
    fs::rename(place.path().join("elsewhere"), place.state().join("journal.sqlite")).unwrap();
    until("put back, it goes on", || cloud.links("a").len() == 8, || daemon.log());
}

#[test]
fn a_second_daemon_ends_with_a_clear_word_and_a_plan_does_not() {
    let (cloud, place) = (cloud(), place());
    let daemon = place.daemon(&cloud, &[]);
    until("the links go", || cloud.links("a").len() == 8, || daemon.log());
    let second = place.run(&cloud, &["run", "--manifests", "manifests", "--listen", "none"]);
    assert!(second.code == 1 && second.err.contains("another classiclinkd"), "{second:?}");
    assert_eq!(place.run(&cloud, &["plan", "--manifests", "manifests"]).code, 0);
}
