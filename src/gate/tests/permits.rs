//! What is asked again right before a call.

use super::past::{after, going, newest, permitted};
use super::released::approve;
use super::*;
use crate::ledger::event::{Event, Restored, Target};
use crate::ledger::tests::{Book, tree as revision};
use crate::model::RunId;

/// Manifests that name another place never come that far; whatever does is held all the same.
#[test]
fn outside_of_what_an_account_is_given_nothing_is_done() {
    let scope = crate::plan::tests::scope();
    let elsewhere = crate::model::VpcId::parse("vpc-elsewhere").unwrap();
    let far = crate::model::Region::parse("cn-far").unwrap();
    let ceiling = |regions: &[&crate::model::Region], vpcs: &[&crate::model::VpcId]| {
        let regions = regions.iter().map(|region| (*region).clone()).collect();
        crate::desired::Ceiling { regions, vpcs: vpcs.iter().map(|vpc| (*vpc).clone()).collect() }
    };
    for (ceiling, within) in [
        (ceiling(&[], &[]), true),
        (ceiling(&[&far, &scope.region], &[&scope.vpc]), true),
        (ceiling(&[&scope.region], &[&elsewhere]), false),
        (ceiling(&[&far], &[&scope.vpc]), false),
    ] {
        let bounds = Bounds { ceiling, ..Bounds::default() };
        let setting = Setting { bounds, ..Setting::default() };
        let rules = if within { vec![] } else { vec![Rule::Ceiling] };
        assert_eq!(setting.rules(going(10, 1), 1), rules);
        let back = plan_of(desired(Mode::Sync, &[1, 2]), &[1]);
        let given = restore(back, &setting.at(moment(1)));
        assert_eq!(given.is_ok(), within);
        let (approved, newest) = (approved(&[1, 2]), tree(desired(Mode::Detach, &[1])));
        let action = &approved.plan().actions()[0];
        let denied = setting.permit(&approved, action, &facts(&newest), 1).err();
        assert_eq!(matches!(denied, Some(Denial::Ceiling(_))), !within, "{denied:?}");
    }
}

/// What was answered about one key says nothing about the next.
#[test]
fn a_key_that_was_exchanged_since_it_was_asked_about_makes_no_call() {
    for (pin, denied) in [(Pin::Kept, true), (Pin::Absent, false)] {
        let setting = Setting { pin, ..Setting::default() };
        let (approved, newest) = (approved(&[1, 2]), tree(desired(Mode::Detach, &[1])));
        let facts = Facts { rekeyed: true, ..facts(&newest) };
        let leave = setting.permit(&approved, &approved.plan().actions()[0], &facts, 1);
        assert_eq!(leave.err(), denied.then_some(Denial::Rekeyed));
    }
    assert!(Denial::Rekeyed.is_passing(), "it is asked again whose the new one is");
}

#[test]
fn outside_the_windows_of_configuration_or_manifest_nothing_is_done() {
    use crate::window::{Kind, Window, Windows};
    // Moment 0 is a Thursday, midnight.
    let windows = |kind, text| Windows::new(vec![Window::parse(kind, text, "UTC").unwrap()]);
    let (open, closed) = (windows(Kind::Allow, "Thu 00:00-01:00"), windows(Kind::Deny, "Thu"));
    let configured = |windows: &Windows| {
        let bounds = Bounds { windows: windows.clone(), ..Bounds::default() };
        Setting { bounds, ..Setting::default() }
    };
    assert_eq!(configured(&open).rules(going(10, 1), 1), []);
    let held = configured(&closed).review(going(10, 1), 1).unwrap_err();
    assert_eq!(held.refusals[0].rule, Rule::Windows);
    for part in ["deny Thu (UTC)", "1970-01-02T00:00:00Z"] {
        assert!(held.refusals[0].to_string().contains(part), "{}", held.refusals[0]);
    }
    assert_eq!(configured(&closed).rules(going(10, 0), 1), []);
    assert!(matches!(permitted(&configured(&closed), 1), Err(Denial::Closed(_))));
    assert!(permitted(&configured(&open), 3599).is_ok());
    assert!(matches!(permitted(&configured(&open), 3600), Err(Denial::Closed(_))));
    let mut said = desired(Mode::Detach, &range(0, 9));
    said.windows = vec![open.clone(), closed.clone()];
    let plan = plan_of(said, &range(0, 10));
    assert_eq!(configured(&open).rules(plan, 1), [Rule::Windows], "a manifest narrows");
    let mut said = desired(Mode::Detach, &range(0, 9));
    said.windows = vec![open.clone()];
    let plan = plan_of(said, &range(0, 10));
    assert_eq!(configured(&closed).rules(plan, 1), [Rule::Windows], "and widens nothing");
    let mut newer = desired(Mode::Detach, &[1]);
    newer.max_detach = vec![Amount::Count(1000)];
    newer.windows = vec![closed];
    let approved = Setting::default().review(going(10, 1), 0).unwrap();
    let newest = tree(newer);
    let action = &approved.plan().actions()[0];
    let denied = Setting::default().permit(&approved, action, &facts(&newest), 1);
    assert!(matches!(denied, Err(Denial::Closed(_))), "the newest revision's windows count");
}

#[test]
fn a_call_that_is_counted_already_needs_no_more_room() {
    let mut setting = Setting::default();
    setting.bounds.budget = crate::ledger::Budget { hour: 1, day: 1 };
    let mut book = Book::default();
    book.detached(2, 0);
    setting.ledger = book.ledger;
    let approved = approved(&[1, 2]);
    let newest = tree(desired(Mode::Detach, &[1]));
    let ask = |counted| {
        let facts = Facts { counted, ..facts(&newest) };
        setting.permit(&approved, &approved.plan().actions()[0], &facts, 1)
    };
    assert!(ask(true).is_ok());
    assert_eq!(ask(false), Err(Denial::Budget));
}

#[test]
fn what_came_to_hold_a_link_since_the_review_withholds_its_permit() {
    assert!(permitted(&Setting::default(), 1).is_ok());
    let mut protecting = Book::default();
    protecting.accept(0, None, &revision(Mode::Detach, &[1, 2], &[2]));
    let mut undone = Book::default();
    let (of, by) = ("r3".to_owned(), "me".to_owned());
    let (links, revision) = ([(scope(), id(2))].into(), newest().revision.digest.clone());
    undone.at(1, Event::Restored(Restored { run: RunId(9), of, by, links, revision }));
    let mut flapping = Book::default();
    (0..3).for_each(|n| flapping.detached(2, n));
    for book in [protecting, undone, flapping] {
        assert!(matches!(permitted(&after(book), 9), Err(Denial::Withheld(_))));
    }
}

#[test]
fn a_denial_says_whether_asking_again_helps_and_what_it_calls_for() {
    let place = crate::plan::tests::place();
    let why = String::new;
    let denials = [
        Denial::Stopping,
        Denial::Unsettled,
        Denial::Unconfirmed,
        Denial::Released,
        Denial::Mode(Mode::Observe),
        Denial::Kept(place),
        Denial::Limits,
        Denial::Clock(Duration::ZERO),
        Denial::Unwanted,
        Denial::Foreign,
        Denial::Withheld(why()),
        Denial::Unapproved,
        Denial::Paused(why()),
        Denial::Closed(why()),
        Denial::Pin(why()),
        Denial::Budget,
        Denial::WrongPlace(4),
    ];
    let those = |wanted: fn(&Denial) -> bool| {
        let found = denials.iter().enumerate().filter(|(_, denial)| wanted(denial));
        found.map(|(n, _)| n).collect::<Vec<_>>()
    };
    assert_eq!(those(Denial::is_passing), [1, 2]);
    assert_eq!(those(Denial::is_withdrawal), [3, 4, 5, 8]);
    assert_eq!(those(|denial| denial.latch(&scope()).is_some()), [15, 16]);
    let target = |denial: Denial| denial.latch(&scope()).unwrap().target;
    assert_eq!(target(Denial::Budget), Target::Lane(scope().lane()));
    assert_eq!(target(Denial::WrongPlace(4)), Target::Scope(scope()));
}

#[test]
fn an_approval_lets_a_link_go_that_flaps_and_none_that_is_protected() {
    let plan = plan_of(desired(Mode::Detach, &range(0, 8)), &range(0, 10));
    let mut book = Book::default();
    book.accept(0, None, &revision(Mode::Detach, &range(0, 10), &[9]));
    (0..3).for_each(|n| book.detached(8, n));
    approve(&mut book, &plan);
    let approved = after(book).review(plan, 9).unwrap();
    assert_eq!(approved.actions().map(|it| &it.link.instance).collect::<Vec<_>>(), [&id(8)]);
    assert_eq!(approved.withheld()[&id(9)].rule, Rule::Protected);
    assert_eq!(approved.approver(), Some("ops"));
}

#[test]
fn an_undo_may_fill_a_vpc_to_its_last_place() {
    let last = plan_of(desired(Mode::Sync, &range(0, 1000)), &range(0, 999));
    assert!(restore(last, &Setting::default().at(moment(1))).is_ok());
}
