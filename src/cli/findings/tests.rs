use super::*;
use crate::journal::Item;
use crate::ledger::Ledger;
use crate::ledger::event::Accepted;
use crate::model::{AccountName, Mode, Region, Revision, VpcId};
use std::collections::BTreeSet;

fn digest(of: &str) -> Digest {
    Digest::of([of.as_bytes()])
}

fn passed(vpc: &str, revision: &str, plan: &str, verdict: &str, rules: &[&str]) -> Event {
    let scope = Scope {
        account: AccountName::parse("default").unwrap(),
        region: Region::parse("cn-hangzhou").unwrap(),
        vpc: VpcId::parse(vpc).unwrap(),
    };
    let refusal = |rule: &&str| ((*rule).to_owned(), "why".to_owned(), "way out".to_owned());
    Event::Passed(Passed {
        scope,
        revision: Revision::of_content(digest(revision)),
        mode: Mode::Detach,
        observed: 5,
        leaving: 0,
        desired: 1,
        verdict: verdict.to_owned(),
        plan: (!plan.is_empty()).then(|| digest(plan)),
        actions: BTreeSet::new(),
        refusals: rules.iter().map(refusal).collect(),
    })
}

fn accepted(revision: &str) -> Event {
    Event::Accepted(Accepted {
        root: "/manifests".to_owned(),
        revision: Revision::of_content(digest(revision)),
        files: Vec::new(),
        released: Vec::new(),
        protected: BTreeSet::new(),
        shrunk: Vec::new(),
        taken_out: Vec::new(),
    })
}

fn past(events: Vec<Event>) -> Past {
    let at: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
    let now = crate::clock::Moment { wall: at, monotonic: std::time::Duration::ZERO };
    let mut past = Past::default();
    let mut ledger = Ledger::default();
    for (seq, event) in (1..).zip(events) {
        ledger.take(seq, crate::ledger::Past { wall: at, monotonic: None }, &event, now);
        past.items.push(Item { seq, at, event });
    }
    past.ledger = ledger;
    past
}

fn short(of: &str) -> String {
    digest(of).short().to_owned()
}

#[test]
fn a_plan_waits_while_it_is_the_newest_word_on_its_scope() {
    let held = passed("vpc-a", "r1", "p1", "held", &["perPlan"]);
    let known = past(vec![accepted("r1"), held.clone()]);
    let findings = Findings::of(&known);
    assert_eq!(findings.waiting().count(), 1);
    assert!(matches!(findings.find(&short("p1")), Known::Waiting(w) if w.can_be_approved()));
    assert!(matches!(findings.find(&short("p2")), Known::Nothing));

    let other = passed("vpc-a", "r1", "p2", "held", &["perPlan"]);
    let known = past(vec![accepted("r1"), held.clone(), other]);
    let findings = Findings::of(&known);
    assert!(matches!(findings.find(&short("p1")), Known::Stale(_, Some(_))));
    assert_eq!(findings.waiting().map(|w| w.plan.clone()).collect::<Vec<_>>(), [digest("p2")]);

    let known = past(vec![accepted("r1"), held.clone(), accepted("r2")]);
    let findings = Findings::of(&known);
    assert!(matches!(findings.find(&short("p1")), Known::Stale(_, None)));
    assert_eq!(findings.waiting().count(), 0, "another revision is in force");
}

#[test]
fn a_read_that_failed_says_nothing_of_the_plan() {
    let held = passed("vpc-a", "r1", "p1", "held", &["perPlan"]);
    let partial = passed("vpc-a", "r1", "", "partial", &["coverage"]);
    let known = past(vec![accepted("r1"), held, partial]);
    assert!(matches!(Findings::of(&known).find(&short("p1")), Known::Waiting(_)));
}

#[test]
fn a_plan_of_which_links_are_held_back_waits_and_one_without_refusals_is_free() {
    let withheld = passed("vpc-a", "r1", "p1", "approved", &["flapping", "flapping", "protected"]);
    let free = passed("vpc-b", "r1", "p2", "approved", &[]);
    let known = past(vec![accepted("r1"), withheld, free]);
    let findings = Findings::of(&known);
    let waiting: Vec<_> = findings.waiting().collect();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].rules(), "flapping, protected");
    assert!(!waiting[0].is_whole());
    assert!(matches!(findings.find(&short("p2")), Known::Free(_)));
}

#[test]
fn what_is_not_a_matter_of_judgement_is_not_released() {
    let held = passed("vpc-a", "r1", "p1", "held", &["budget", "ofALaterVersion"]);
    let known = past(vec![accepted("r1"), held]);
    let waiting = Findings::of(&known).waiting().next().unwrap();
    assert!(!waiting.can_be_approved());
}

#[test]
fn an_ambiguous_beginning_is_no_plan() {
    let one = passed("vpc-a", "r1", "p1", "held", &["perPlan"]);
    let two = passed("vpc-b", "r1", "p2", "held", &["perPlan"]);
    let known = past(vec![accepted("r1"), one, two]);
    assert!(matches!(Findings::of(&known).find(""), Known::Several(plans) if plans.len() == 2));
}
