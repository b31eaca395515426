//! Rules about what happened before, and about how things stand.

use super::*;
use crate::ledger::By;
use crate::ledger::event::{Answered, Cause, Event, Passed, Pause, Restored, Resume, Target};
use crate::ledger::tests::{Book, answered, intent, tree as revision};
use crate::model::{AccountId, RunId};
use crate::observed::Standing;
use crate::plan::tests::observed;

/// A plan that detaches the last `going` of `whole` links.
pub(super) fn going(whole: usize, going: usize) -> Plan {
    let mut wanted = desired(Mode::Detach, &range(0, whole - going));
    wanted.max_detach = vec![Amount::Count(1000)];
    plan_of(wanted, &range(0, whole))
}

pub(super) fn after(book: Book) -> Setting {
    Setting { ledger: book.ledger, ..Setting::default() }
}

pub(super) fn newest() -> Tree {
    let mut wanted = desired(Mode::Detach, &[1]);
    wanted.max_detach = vec![Amount::Count(1000)];
    tree(wanted)
}

/// Asks for a permit to detach link 2, once everything else is in order.
pub(super) fn permitted(setting: &Setting, seconds: u64) -> Result<Permit, Denial> {
    let mut wanted = desired(Mode::Detach, &[1]);
    wanted.max_detach = vec![Amount::Count(1000)];
    let approved = Setting::default().review(plan_of(wanted, &[1, 2]), 0).unwrap();
    let action = approved.plan().actions()[0].clone();
    let newest = newest();
    let facts = Facts { confirmed_at: moment(seconds), ..facts(&newest) };
    setting.permit(&approved, &action, &facts, seconds)
}

#[test]
fn a_plan_that_the_hour_or_the_day_cannot_bear_is_held_as_a_whole() {
    let sent = |count: usize, at: u64| {
        let mut book = Book::default();
        (0..count).for_each(|n| book.detached(1000 + n, at));
        book.at(
            at + 1,
            Event::Resumed(Resume { target: Target::All, by: "me".into(), reason: None }),
        );
        after(book)
    };
    assert_eq!(sent(40, 0).rules(going(100, 10), 10), []);
    assert_eq!(sent(41, 0).rules(going(100, 10), 10), [Rule::Budget]);
    assert_eq!(sent(41, 0).rules(going(100, 10), 3600), [Rule::Freshness]);
    assert_eq!(Setting::default().rules(going(100, 50), 0), []);
    assert_eq!(Setting::default().rules(going(100, 51), 0), [Rule::Budget]);
    let held = sent(41, 0).review(going(100, 10), 10).unwrap_err();
    let text = held.refusals[0].to_string();
    for part in ["10 links", "9 may go", "41 of 50", "41 of 200", "1970-01-01T01:00:00Z", "budget"]
    {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    assert_eq!(held.latch, None, "nothing was sent since somebody resumed");
    let never = Setting::default().review(going(100, 51), 0).unwrap_err();
    assert!(never.refusals[0].way_out.contains("never fits"), "{}", never.refusals[0]);
    assert_eq!(never.latch, None);
}

#[test]
fn small_plans_that_add_up_pause_the_account_and_region() {
    let mut book = Book::default();
    (0..48).for_each(|n| book.detached(1000 + n, 0));
    let held = after(book).review(going(100, 3), 10).unwrap_err();
    let latch = held.latch.unwrap();
    assert_eq!((latch.target, latch.cause), (Target::Lane(scope().lane()), Cause::Budget));
}

#[test]
fn a_detach_that_the_cloud_took_is_not_wanted_again_before_a_read_settles_it() {
    let rules = |taken: &[&str], whole: usize| {
        let mut book = Book::default();
        for (n, result) in (10..).zip(taken) {
            let seq = book.at(0, Event::Intent(intent(n)));
            book.at(0, Event::Answered(answered(seq, result, None)));
        }
        let mut setting = after(book);
        setting.bounds.budget = crate::ledger::Budget { hour: 2, day: 9 };
        setting.rules(going(whole, whole - 10), 10)
    };
    let accepted = Answered::ACCEPTED;
    assert_eq!(rules(&[accepted, accepted], 12), [], "both are sent");
    assert_eq!(rules(&[accepted, accepted], 13), [Rule::Budget], "a third is not");
    assert_eq!(rules(&[accepted, Answered::UNKNOWN], 12), [Rule::Budget], "it may be sent again");
}

#[test]
fn a_permit_counts_the_calls_that_were_sent_and_those_that_are_about_to_be() {
    let mut setting = Setting::default();
    setting.bounds.budget = crate::ledger::Budget { hour: 2, day: 9 };
    let mut book = Book::default();
    book.detached(7, 0);
    setting.ledger = book.ledger;
    assert!(permitted(&setting, 1).is_ok());
    setting.ledger.reserve(&scope().lane());
    assert_eq!(permitted(&setting, 1), Err(Denial::Budget));
    assert!(permitted(&setting, 1).unwrap_err().latch(&scope()).is_some());
    setting.ledger.free(&scope().lane());
    assert!(permitted(&setting, 1).is_ok());
}

#[test]
fn a_pause_stops_plans_and_permits_and_says_what_resumes_it() {
    for target in [
        Target::All,
        Target::Account(scope().account),
        Target::Lane(scope().lane()),
        Target::Scope(scope()),
    ] {
        let mut book = Book::default();
        let (by, reason) = ("ops".to_owned(), Some("incident 7".to_owned()));
        book.at(0, Event::Paused(Pause { target, cause: Cause::Operator, by, reason }));
        let setting = after(book);
        let held = setting.review(going(10, 1), 1).unwrap_err();
        assert_eq!(held.refusals[0].rule, Rule::Pause);
        let text = held.refusals[0].to_string();
        for part in ["ops", "incident 7", "classiclinkd resume"] {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
        assert!(!text.contains("look at"), "a person knows why: {text}");
        assert!(matches!(permitted(&setting, 1), Err(Denial::Paused(_))));
        assert_eq!(setting.rules(going(10, 0), 1), [], "nothing to do is nothing to hold");
    }
    let mut book = Book::default();
    book.at(0, Event::Paused(super::budget::latch(&scope())));
    let held = after(book).review(going(10, 1), 1).unwrap_err();
    assert!(held.refusals[0].way_out.contains("look at"), "{}", held.refusals[0]);
    let filed = Setting { pause_file: Some(""), ..Setting::default() };
    assert_eq!(filed.rules(going(10, 1), 1), [Rule::Pause]);
    assert!(matches!(permitted(&filed, 1), Err(Denial::Paused(_))));
}

#[test]
fn another_account_and_one_that_is_not_known_are_refused_even_where_nothing_is_to_do() {
    let id = |text| AccountId::parse(text).unwrap();
    let pinned = id("1234567890123456");
    let broken = Pin::Broken { pinned: pinned.clone(), found: id("1111111111111111") };
    let unknown = Pin::Unknown { pinned, why: "no route".into() };
    for (pin, part) in [(broken, "1111111111111111"), (unknown, "no route")] {
        let setting = Setting { pin, ..Setting::default() };
        let held = setting.review(going(10, 0), 1).unwrap_err();
        assert_eq!(held.refusals[0].rule, Rule::AccountPin);
        assert!(held.refusals[0].message.contains(part), "{}", held.refusals[0]);
        assert!(matches!(permitted(&setting, 1), Err(Denial::Pin(_))));
    }
    let kept = Setting { pin: Pin::Kept, ..Setting::default() };
    assert_eq!(kept.rules(going(10, 1), 1), []);
    assert!(permitted(&kept, 1).is_ok());
}

#[test]
fn a_link_that_flaps_is_left_alone_and_the_others_go() {
    let mut book = Book::default();
    (0..3).for_each(|n| book.detached(9, n * 60));
    let setting = after(book);
    assert_eq!(setting.rules(going(10, 1), 60), [Rule::Flapping]);
    let approved = setting.review(going(10, 3), 60).unwrap();
    let going_now: Vec<_> = approved.actions().map(|action| action.link.instance.clone()).collect();
    assert_eq!(going_now, [id(7), id(8)]);
    assert_eq!(approved.withheld().keys().collect::<Vec<_>>(), [&id(9)]);
    let newest = newest();
    let action = &approved.plan().actions()[2];
    let denied = setting.permit(&approved, action, &facts(&newest), 60);
    assert_eq!(denied, Err(Denial::Foreign));
}

#[test]
fn what_is_withheld_does_not_count_against_the_limits_of_a_plan() {
    let mut book = Book::default();
    for n in 6..9 {
        (0..3).for_each(|time| book.detached(n, time * 60));
    }
    let plan = plan_of(desired(Mode::Detach, &range(0, 3)), &range(0, 9));
    assert_eq!(after(book).rules(plan, 60), [], "three of six flap, and three may go");
}

#[test]
fn a_protected_link_stays_under_a_revision_that_does_not_list_it() {
    let mut book = Book::default();
    book.accept(0, None, &revision(Mode::Detach, &range(0, 10), &[9]));
    assert_eq!(after(book).rules(going(10, 1), 1), [Rule::Protected]);
    let mut ended = desired(Mode::Detach, &range(0, 10));
    let said = ended.links.get_mut(&id(9)).unwrap();
    (said.protected, said.until) = (true, Some(moment(0).wall));
    let plan = plan_of(ended, &range(0, 10));
    assert_eq!(
        Setting::default().rules(plan, 1),
        [Rule::Protected],
        "an end of time lifts nothing"
    );
}

#[test]
fn a_revision_that_lost_much_is_held_whatever_its_limits_say() {
    let before = revision(Mode::Detach, &range(0, 20), &[]);
    let held = |left: usize| {
        let mut book = Book::default();
        book.accept(0, None, &before);
        book.accept(1, Some(&before), &revision(Mode::Detach, &range(0, left), &[]));
        after(book).review(going(20, 20 - left), 2)
    };
    assert!(held(16).is_ok());
    let refusals = held(15).unwrap_err().refusals;
    assert_eq!(refusals.len(), 1);
    for part in ["lost 5 of 20 links", "at most 4", "20%", "classiclinkd approve"] {
        assert!(refusals[0].to_string().contains(part), "{part} is not in: {}", refusals[0]);
    }
    let mut book = Book::default();
    book.accept(0, None, &before);
    book.accept(1, Some(&before), &revision(Mode::Detach, &range(0, 10), &[]));
    let mut other = desired(Mode::Detach, &range(0, 20));
    other.max_detach = vec![Amount::Count(9)];
    let mut linked = range(0, 20);
    linked.push(77);
    assert_eq!(after(book).rules(plan_of(other, &linked), 2), [], "a stray link is no loss");
}

#[test]
fn a_plan_in_flight_takes_nothing_that_a_newer_revision_lost_with_much_else() {
    let whole = revision(Mode::Detach, &range(0, 20), &[]);
    let one_less = revision(Mode::Detach, &range(0, 19), &[]);
    let plan = plan_of((*one_less.scopes[&scope()]).clone(), &range(0, 20));
    let ask = |newest: &Tree| {
        let mut book = Book::default();
        book.accept(0, None, &whole);
        book.accept(1, Some(&whole), &one_less);
        let setting = after(book);
        let approved = setting.review(plan.clone(), 2).unwrap();
        let mut book = Book { ledger: setting.ledger, ..Book::default() };
        // Somebody wants it back, and then the next revision loses it again.
        book.accept(3, Some(&one_less), &whole);
        book.accept(4, Some(&whole), newest);
        let action = approved.plan().actions()[0].clone();
        after(book).permit(&approved, &action, &facts(newest), 5)
    };
    assert_eq!(ask(&revision(Mode::Detach, &range(0, 10), &[])), Err(Denial::Lost));
    assert!(ask(&revision(Mode::Detach, &range(0, 18), &[])).is_ok(), "few are lost");
}

#[test]
fn a_plan_that_was_reviewed_under_another_revision_is_held_to_what_its_own_one_loses() {
    let whole = revision(Mode::Detach, &range(0, 20), &[]);
    let fewer = revision(Mode::Detach, &range(0, 15), &[]);
    let mut book = Book::default();
    book.accept(0, None, &whole);
    book.accept(1, Some(&whole), &fewer);
    book.accept(2, Some(&fewer), &whole);
    let bounds = Bounds { max_detach: Amount::Percent(50), ..Bounds::default() };
    let mut setting = Setting { bounds, ..after(book) };
    let plan = plan_of((*fewer.scopes[&scope()]).clone(), &range(0, 20));
    let approved = setting.review(plan, 3).unwrap();
    let mut book = Book { ledger: setting.ledger, ..Book::default() };
    book.accept(4, Some(&whole), &fewer);
    setting.ledger = book.ledger;
    let action = approved.plan().actions()[0].clone();
    assert_eq!(setting.permit(&approved, &action, &facts(&fewer), 5), Err(Denial::Lost));
}

#[test]
fn one_link_less_is_held_where_the_branch_was_set_back() {
    let before = revision(Mode::Detach, &range(0, 20), &[]);
    let after_by = |doubtful| {
        let by = By { words: Some("by commit abc".into()), doubtful };
        let mut book = Book::default();
        book.accept(0, None, &before);
        book.accept_by(1, Some(&before), &revision(Mode::Detach, &range(0, 19), &[]), &by);
        after(book).review(going(20, 1), 2)
    };
    assert!(after_by(false).is_ok());
    let refusals = after_by(true).unwrap_err().refusals;
    assert_eq!(refusals.len(), 1);
    for part in ["lost 1 of 20 links", "by commit abc", "however few", "classiclinkd approve"] {
        assert!(refusals[0].to_string().contains(part), "{part} is not in: {}", refusals[0]);
    }
}

#[test]
fn a_link_that_an_undo_gave_back_is_not_taken_again() {
    let mut book = Book::default();
    let first = revision(Mode::Detach, &range(0, 9), &[]);
    book.accept(0, None, &first);
    let links = [(scope(), id(9))].into();
    let (of, by, revision) = ("r3".to_owned(), "me".to_owned(), first.revision.digest.clone());
    book.at(1, Event::Restored(Restored { run: RunId(9), of, by, links, revision }));
    let setting = after(book);
    let held = setting.review(going(10, 1), 2).unwrap_err();
    assert_eq!(held.refusals[0].rule, Rule::Undone);
    assert!(held.refusals[0].to_string().contains("r9"), "{}", held.refusals[0]);
}

#[test]
fn calls_that_miss_their_instances_pause_the_scope() {
    let missed = |count: usize, of: usize| {
        let mut book = Book::default();
        (0..of - count).for_each(|n| book.detached(1000 + n, 0));
        (0..count).for_each(|n| book.missed(2000 + n, 0));
        let mut setting = after(book);
        setting.bounds.budget = crate::ledger::Budget { hour: 1000, day: 1000 };
        setting
    };
    assert_eq!(missed(3, 3).rules(going(10, 1), 1), []);
    assert!(permitted(&missed(3, 3), 1).is_ok());
    assert_eq!(missed(4, 80).rules(going(10, 1), 1), [], "a few of many are chance");
    let held = missed(4, 79).review(going(10, 1), 1).unwrap_err();
    assert_eq!(held.refusals[0].rule, Rule::WrongPlace);
    assert_eq!(held.latch.unwrap().target, Target::Scope(scope()));
    assert_eq!(permitted(&missed(4, 79), 1), Err(Denial::WrongPlace(4)));
    assert_eq!(missed(4, 79).rules(going(10, 0), 1), []);
}

#[test]
fn a_place_where_nothing_is_as_listed_is_not_in_sync() {
    let nothing_there = |mode, standing: Standing| {
        let wanted = desired(mode, &[1, 2]);
        let by_id = [(1, standing.clone()), (2, standing)];
        let seen = observed(&wanted, &[], &by_id, moment(0));
        let plan = crate::plan::compute(&Arc::new(wanted), &seen, moment(0).wall);
        Setting::default().rules(plan, 1)
    };
    let unknown = || Standing::Unknown { code: "InvalidInstanceId.NotFound".into() };
    assert_eq!(nothing_there(Mode::Detach, Standing::Unlinked), [Rule::WrongPlace]);
    assert_eq!(nothing_there(Mode::Observe, unknown()), [Rule::WrongPlace]);
    assert_eq!(nothing_there(Mode::Sync, unknown()), [Rule::WrongPlace]);
    assert_eq!(nothing_there(Mode::Sync, Standing::Unlinked), [], "a VPC to be filled");
    assert_eq!(rules(desired(Mode::Detach, &[1, 2]), &[1]), [], "one of them is enough");
    assert_eq!(rules(desired(Mode::Detach, &[]), &[]), []);
}

#[test]
fn without_a_journal_nothing_is_approved() {
    let setting = Setting { journal: Some("no space left on device"), ..Setting::default() };
    let held = setting.review(going(10, 1), 1).unwrap_err();
    assert_eq!(held.refusals[0].rule, Rule::Journal);
    assert!(held.refusals[0].message.contains("no space"), "{}", held.refusals[0]);
    assert_eq!(setting.rules(going(10, 0), 1), []);
}

#[test]
fn a_share_is_one_of_the_most_links_within_a_day() {
    let passed = |links| {
        Event::Passed(Passed {
            scope: scope(),
            revision: (*newest().revision).clone(),
            mode: Mode::Detach,
            observed: links,
            leaving: 0,
            desired: links,
            verdict: "inSync".into(),
            plan: None,
            actions: [].into(),
            refusals: vec![],
        })
    };
    let plan = |going: usize| plan_of(desired(Mode::Detach, &range(0, 90 - going)), &range(0, 90));
    let mut book = Book::default();
    book.at(0, passed(100));
    book.at(60, passed(90));
    let setting = after(book);
    assert_eq!(setting.rules(plan(10), 61), []);
    let held = setting.review(plan(11), 61).unwrap_err();
    assert_eq!(held.refusals[0].rule, Rule::PerPlan);
    let text = held.refusals[0].to_string();
    assert!(text.contains("90 observed") && text.contains("(100 within the last day)"), "{text}");
    assert_eq!(Setting::default().rules(plan(10), 61), [Rule::PerPlan], "nobody saw the hundred");
}

#[test]
fn the_configuration_caps_what_a_manifest_may_ask() {
    let mut setting = Setting::default();
    setting.bounds.max_detach_ceiling = Some(Amount::Count(5));
    assert_eq!(setting.rules(going(100, 5), 1), []);
    let held = setting.review(going(100, 6), 1).unwrap_err();
    assert_eq!(held.refusals[0].rule, Rule::PerPlan);
    assert!(held.refusals[0].to_string().contains("maxDetachCeiling"), "{}", held.refusals[0]);
    setting.bounds.max_detach_ceiling = Some(Amount::Count(50));
    let mut lower = desired(Mode::Detach, &range(0, 94));
    lower.max_detach = vec![Amount::Count(5)];
    let plan = plan_of(lower, &range(0, 100));
    assert_eq!(setting.rules(plan, 1), [Rule::PerPlan], "a ceiling raises nothing");
}
