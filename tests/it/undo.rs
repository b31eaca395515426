//! `undo`: what was taken comes back, exactly, and stays.

use crate::harness::{Cloud, Place, Ran, id, manifest, region, until};
use classiclinkd::clock::{Clock, SystemClock};
use classiclinkd::journal::{self, Past};
use classiclinkd::ledger::Event;
use classiclinkd::model::Verb;

fn past(place: &Place) -> Past {
    journal::look(&place.state(), SystemClock::new().now()).unwrap()
}

/// The last run that was begun by a command.
fn last_run(place: &Place, command: &str) -> String {
    let items = past(place).items;
    let began = items.iter().rev().find(|item| match &item.event {
        Event::Began(began) => began.command == command,
        _ => false,
    });
    format!("r{}", began.unwrap().seq)
}

const KEPT: [&str; 8] = ["k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8"];

/// Two VPCs: one with three stale links, one with two.
fn cloud() -> Cloud {
    let kept = KEPT.iter().map(|name| ("a", *name));
    let more = [("a", "s1"), ("a", "s2"), ("a", "s3"), ("b", "t1"), ("b", "t2"), ("b", "u1")];
    Cloud::with(&kept.chain(more).collect::<Vec<_>>())
}

fn place() -> Place {
    let place = Place::new();
    place.write("a.yaml", &manifest("a", "detach", &KEPT, ""));
    place.write("b.yaml", &manifest("b", "detach", &["u1"], ""));
    place
}

fn apply(place: &Place, cloud: &Cloud) -> Ran {
    place.run(cloud, &["apply", "--manifests", "manifests", "--yes"])
}

#[test]
fn a_run_is_given_back_exactly_and_the_next_pass_does_not_take_it_again() {
    let (cloud, place) = (cloud(), place());
    let before = (cloud.links("a"), cloud.links("b"));
    assert_eq!(apply(&place, &cloud).code, 0);
    let run = last_run(&place, "apply");
    assert_eq!((cloud.links("a").len(), cloud.links("b").len()), (8, 1));
    let refused = place.run(&cloud, &["undo", &run]);
    assert_eq!(refused.code, 1, "nobody can be asked: {refused:?}");
    assert!(refused.err.contains("--yes"), "{refused:?}");
    let undone = place.run(&cloud, &["undo", &run, "--yes", "--output", "json"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_eq!(undone.json()["scopes"][0]["attach"].as_array().unwrap().len(), 3);
    assert_eq!((cloud.links("a"), cloud.links("b")), before);
    let first = |wanted: fn(&Event) -> bool| {
        past(&place).items.iter().position(|item| wanted(&item.event)).unwrap()
    };
    let held = first(|event| matches!(event, Event::Restored(_)));
    let called = |event: &Event| matches!(event, Event::Intent(it) if it.verb == Verb::Attach);
    assert!(held < first(called), "what is given back is held before the first call");
    let taken = cloud.calls("DetachClassicLinkVpc");
    for _ in 0..2 {
        let again = apply(&place, &cloud);
        assert_eq!(again.code, 3, "{again:?}");
        assert!(
            again.out.contains("[undone]") && again.out.contains("classiclinkd resume"),
            "{again:?}"
        );
    }
    assert_eq!((cloud.links("a"), cloud.links("b")), before);
    assert_eq!(cloud.calls("DetachClassicLinkVpc"), taken);
    let again = place.run(&cloud, &["undo", &run, "--yes"]);
    assert!(again.code == 0 && again.out.contains("linked again already"), "{again:?}");
    place.write("c.yaml", &manifest("c", "observe", &[], ""));
    let newer = apply(&place, &cloud);
    assert_eq!(cloud.links("a").len(), 8, "another revision ends the hold: {newer:?}");
}

#[test]
fn what_cannot_be_given_back_is_listed_with_the_reason() {
    let (cloud, place) = (cloud(), place());
    assert_eq!(apply(&place, &cloud).code, 0);
    cloud.attach_by_hand("b", "s1");
    cloud.attach_by_hand("a", "s2");
    assert!(cloud.sim.release(&region(), &id("s3")));
    let undone = place.run(&cloud, &["undo", "--since", "1h", "--yes"]);
    assert_eq!(undone.code, 2, "{undone:?}");
    for part in
        ["i-s1  it is linked to vpc-b now", "i-s2  is linked again already", "i-t1  attached"]
    {
        assert!(undone.out.contains(part), "{part}: {undone:?}");
    }
    assert!(cloud.links("a").contains(&"s2".to_owned()));
    assert!(!cloud.links("a").contains(&"s1".to_owned()), "it was not moved");
    assert!(cloud.links("b").contains(&"t2".to_owned()));
}

#[test]
fn an_undo_works_beside_a_daemon_and_while_it_is_paused() {
    let (cloud, place) = (cloud(), place());
    let daemon = place.daemon(&cloud, &[]);
    let taken = || (cloud.links("a").len(), cloud.links("b").len()) == (8, 1);
    until("the daemon takes them", taken, || daemon.log());
    until("and verifies", || past(&place).ledger.unsettled().count() == 0, || daemon.log());
    std::fs::write(place.state().join("pause"), "incident").unwrap();
    let undone = place.run(&cloud, &["undo", "--since", "1h", "--yes"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_eq!(cloud.links("a").len(), 11);
    std::fs::remove_file(place.state().join("pause")).unwrap();
    let (reads, writes) = (cloud.calls("DescribeClassicLinkInstances"), cloud.writes());
    until(
        "it passes some more times",
        || cloud.calls("DescribeClassicLinkInstances") > reads + 8,
        || daemon.log(),
    );
    assert_eq!((cloud.links("a").len(), cloud.writes()), (11, writes), "{}", daemon.log());
    assert!(daemon.log().contains("undone"), "{}", daemon.log());
    assert_eq!(daemon.end(), 0);
    journal::verify(&place.state()).unwrap();
}

#[test]
fn a_run_that_took_nothing_and_one_that_never_was_are_told_apart() {
    let (cloud, place) = (cloud(), place());
    assert_eq!(place.run(&cloud, &["undo", "r1", "--yes"]).code, 1, "there is no journal");
    apply(&place, &cloud);
    let unknown = place.run(&cloud, &["undo", "r999", "--yes"]);
    assert!(unknown.code == 1 && unknown.err.contains("classiclinkd history"), "{unknown:?}");
    for bad in [&["undo", "1042"][..], &["undo", "--since", "never"], &["undo"]] {
        assert_eq!(place.run(&cloud, bad).code, 1, "{bad:?}");
    }
    let undo = place.run(&cloud, &["undo", "--since", "1h", "--yes", "--instance", "i-t1"]);
    assert_eq!(undo.code, 0, "{undo:?}");
    assert_eq!((cloud.links("a").len(), cloud.links("b").len()), (8, 2));
    let of_undo = place.run(&cloud, &["undo", &last_run(&place, "undo"), "--yes"]);
    assert!(of_undo.code == 0 && of_undo.err.contains("took no link"), "{of_undo:?}");
}

#[test]
fn a_link_that_is_listed_still_after_its_detach_is_waited_for() {
    let (cloud, place) = (cloud(), place());
    cloud.set("detach-delay", "8s..8s");
    let daemon = place.daemon(&cloud, &[]);
    until("the calls are made", || cloud.writes() == 5, || daemon.log());
    let moving = place.run(&cloud, &["undo", "--since", "1h", "--yes"]);
    assert!(moving.code == 1 && moving.err.contains("classiclinkd pause"), "{moving:?}");
    assert_eq!(place.run(&cloud, &["pause"]).code, 0);
    let undone = place.run(&cloud, &["undo", "--since", "1h", "--yes"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    let both = || (cloud.links("a").len(), cloud.links("b").len());
    assert_eq!(both(), (11, 3), "{undone:?}");
    assert!(undone.out.contains("attached, and seen"), "{undone:?}");
}

#[test]
fn links_that_somebody_attached_again_are_held_too() {
    let (cloud, place) = (cloud(), place());
    assert_eq!(apply(&place, &cloud).code, 0);
    for stray in ["s1", "s2", "s3"] {
        cloud.attach_by_hand("a", stray);
    }
    let only = ["--instance", "i-s1", "--instance", "i-s2", "--instance", "i-s3"];
    let undone = place.run(&cloud, &[&["undo", "--since", "1h", "--yes"][..], &only].concat());
    assert!(undone.code == 0 && undone.out.contains("linked again already"), "{undone:?}");
    let held = apply(&place, &cloud);
    assert!(held.code == 3 && held.out.contains("[undone]"), "{held:?}");
    assert_eq!(cloud.links("a").len(), 11);
}

#[test]
fn an_undo_reaches_no_further_than_manifests_may_and_says_what_it_would_do() {
    let (cloud, place) = (cloud(), place());
    assert_eq!(apply(&place, &cloud).code, 0);
    let narrow = ["--set", "accounts.default.regions=[cn-beijing]"];
    let outside = place.run(&cloud, &[&["undo", "--since", "1h", "--yes"][..], &narrow].concat());
    assert!(outside.code == 1 && outside.err.contains("outside"), "{outside:?}");
    let shown = place.run(&cloud, &["undo", "--since", "1h"]);
    assert!(shown.code == 1 && shown.err.contains("i-s1  can be given back"), "{shown:?}");
    let typo = place.run(&cloud, &["undo", "--since", "1h", "--yes", "--instance", "i-k1"]);
    assert!(typo.code == 1 && typo.err.contains("i-k1 was not taken"), "{typo:?}");
    assert_eq!(cloud.calls("AttachClassicLinkVpc"), 0);
}
