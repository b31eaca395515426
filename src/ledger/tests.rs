use super::event::*;
use super::*;
use crate::desired::Tree;
use crate::model::{Amount, Commit, Digest, Mode, Revision, RunId};
use crate::plan::tests::{desired, id, moment, plan_of, scope};
use std::sync::Arc;

mod acceptance;
mod approvals;
mod restart;

/// A ledger and the number of its last event.
#[derive(Default)]
pub(crate) struct Book {
    pub ledger: Ledger,
    pub seq: u64,
}

impl Book {
    pub fn at(&mut self, seconds: u64, event: Event) -> u64 {
        self.seq += 1;
        let now = moment(seconds);
        self.ledger.take(self.seq, Past::now(now), &event, now);
        self.seq
    }

    /// A detach that was sent, accepted, and seen to be done.
    pub fn detached(&mut self, n: usize, seconds: u64) {
        let intent = self.at(seconds, Event::Intent(intent(n)));
        self.at(seconds, Event::Answered(answered(intent, Answered::ACCEPTED, None)));
        self.at(seconds, Event::Settled(settled(n)));
    }

    pub fn missed(&mut self, n: usize, seconds: u64) {
        let intent = self.at(seconds, Event::Intent(intent(n)));
        let code = Some("InvalidInstanceId.NotFound".to_owned());
        self.at(seconds, Event::Answered(answered(intent, "gone", code)));
    }

    /// Accepts a revision as the daemon does.
    pub fn accept(&mut self, seconds: u64, before: Option<&Tree>, tree: &Tree) {
        self.accept_by(seconds, before, tree, &By::default());
    }

    /// As [`Book::accept`], of such commits.
    pub fn accept_by(&mut self, seconds: u64, before: Option<&Tree>, tree: &Tree, by: &By) {
        let event = Event::Accepted(Accepted {
            root: "/m".into(),
            revision: (*tree.revision).clone(),
            files: vec![],
            released: vec![],
            protected: self.ledger.protected_under(before, tree),
            shrunk: {
                let limits = (Amount::Percent(20), 3);
                self.ledger.shrunk_under(before, tree, |_| limits, moment(seconds).wall, by)
            },
            taken_out: vec![],
        });
        self.at(seconds, event);
    }
}

pub(crate) fn intent(n: usize) -> Intent {
    Intent {
        verb: Verb::Detach,
        scope: scope(),
        instance: id(n),
        reason: "nobody lists it".into(),
        plan: Digest::of([b"p".as_slice()]),
        revision: Revision::of_content(Digest::of([b"x".as_slice()])),
        attempt: 1,
        run: Some(RunId(1)),
        approver: None,
    }
}

pub(crate) fn answered(intent: u64, result: &str, code: Option<String>) -> Answered {
    Answered { intent, result: result.into(), code, request_id: None, latency_ms: 3 }
}

pub(crate) fn settled(n: usize) -> Settled {
    Settled {
        verb: Verb::Detach,
        scope: scope(),
        instance: id(n),
        plan: None,
        run: Some(RunId(1)),
        attempts: 1,
        outcome: Settled::CONVERGED.into(),
        detail: "gone".into(),
    }
}

pub(crate) fn passed(observed: u64) -> Passed {
    Passed {
        scope: scope(),
        revision: Revision::of_content(Digest::of([b"x".as_slice()])),
        mode: Mode::Detach,
        observed,
        leaving: 0,
        desired: 1,
        verdict: "inSync".into(),
        plan: None,
        actions: [].into(),
        refusals: vec![],
    }
}

pub(crate) fn tree(mode: Mode, ids: &[usize], protected: &[usize]) -> Tree {
    let mut wanted = desired(mode, ids);
    let text = format!("{ids:?} {protected:?}");
    wanted.revision = Arc::new(Revision::of_content(Digest::of([text.as_bytes()])));
    for n in protected {
        wanted.links.get_mut(&id(*n)).unwrap().protected = true;
    }
    Tree { revision: Arc::clone(&wanted.revision), scopes: [(scope(), Arc::new(wanted))].into() }
}

fn pause(target: Target) -> Event {
    Event::Paused(Pause { target, cause: Cause::Operator, by: "me".into(), reason: None })
}

fn resume(target: Target) -> Event {
    Event::Resumed(Resume { target, by: "me".into(), reason: None })
}

#[test]
fn a_call_without_a_final_word_is_unsettled_unless_it_certainly_had_no_effect() {
    let after = |result: Option<&str>, settle: bool| {
        let mut book = Book::default();
        let seq = book.at(0, Event::Intent(intent(2)));
        if let Some(result) = result {
            book.at(1, Event::Answered(answered(seq, result, None)));
        }
        if settle {
            book.at(2, Event::Settled(Settled { outcome: "skipped".into(), ..settled(2) }));
        }
        let open = book.ledger.open_intents().count();
        (open, book.ledger.unsettled().map(|call| call.accepted).collect::<Vec<_>>())
    };
    assert_eq!(after(None, false), (1, vec![false]));
    assert_eq!(after(Some("accepted"), false), (0, vec![true]));
    for result in ["ambiguous", "unknown"] {
        assert_eq!(after(Some(result), false), (0, vec![false]));
    }
    for result in ["throttled", "not-sent", "blocked"] {
        assert_eq!(after(Some(result), false), (0, vec![]));
    }
    assert_eq!(after(Some("accepted"), true), (0, vec![]));
}

#[test]
fn a_link_flaps_when_it_was_detached_three_times_within_an_hour() {
    let flapping = |times: &[u64], at: u64| {
        let mut book = Book::default();
        times.iter().for_each(|at| book.detached(7, *at));
        book.ledger.flapping(&scope(), &id(7), moment(at)).is_some()
    };
    assert!(!flapping(&[0, 1800], 1900));
    assert!(flapping(&[0, 1800, 3600], 3700));
    assert!(!flapping(&[0, 1800, 3601], 3700));
    assert!(flapping(&[0, 9000, 9001, 9002], 9100), "the last three count");
    assert!(flapping(&[0, 1, 2], 24 * 3600), "for a day");
    assert!(!flapping(&[0, 1, 2], 24 * 3600 + 2));
    // A clock that was set forward between two of them takes them apart for no process that was there.
    let mut ledger = Ledger::default();
    for (n, wall) in [(1, 0), (2, 5_000), (3, 10_000)] {
        let at = Moment { wall: moment(wall).wall, ..moment(n) };
        ledger.take(n, Past::now(at), &Event::Settled(settled(7)), at);
    }
    assert!(ledger.flapping(&scope(), &id(7), moment(10_100)).is_some());
}

#[test]
fn what_was_gone_already_is_no_detach_of_ours() {
    let mut book = Book::default();
    book.at(0, Event::Settled(Settled { attempts: 0, ..settled(7) }));
    book.at(0, Event::Settled(Settled { outcome: "failed".into(), ..settled(7) }));
    assert_eq!(book.ledger.last_detach(&scope(), &id(7)), None);
    book.detached(7, 0);
    assert!(book.ledger.last_detach(&scope(), &id(7)).is_some());
}

#[test]
fn a_pause_holds_until_it_or_everything_is_resumed_and_a_latched_one_until_something_wider_is() {
    let targets = [
        Target::Scope(scope()),
        Target::Lane(scope().lane()),
        Target::Account(scope().account),
        Target::All,
    ];
    for cause in Cause::ALL {
        for (narrow, target) in targets.iter().enumerate() {
            for (wide, resumed) in targets.iter().enumerate() {
                let mut book = Book::default();
                let (target, by) = (target.clone(), "me".to_owned());
                book.at(0, Event::Paused(Pause { target, cause, by, reason: None }));
                assert!(book.ledger.paused(&scope()).is_some());
                book.at(1, resume(resumed.clone()));
                let latched = cause != Cause::Operator;
                let ends = wide == narrow || wide == 3 || (latched && wide > narrow);
                assert_eq!(book.ledger.paused(&scope()).is_none(), ends, "{narrow} {resumed}");
            }
        }
    }
    let mut book = Book::default();
    let other = Scope { vpc: crate::model::VpcId::parse("vpc-z").unwrap(), ..scope() };
    book.at(0, pause(Target::Scope(other.clone())));
    assert!(book.ledger.paused(&scope()).is_none() && book.ledger.paused(&other).is_some());
}

#[test]
fn misses_count_from_the_last_resume_on() {
    let mut book = Book::default();
    (0..5).for_each(|n| book.missed(n, 10));
    book.detached(6, 10);
    assert_eq!(book.ledger.misses(&scope(), moment(20)), (5, 6));
    assert_eq!(book.ledger.misses(&scope(), moment(3611)), (0, 0));
    book.at(20, resume(Target::Lane(scope().lane())));
    assert_eq!(book.ledger.misses(&scope(), moment(30)), (0, 0));
    book.missed(7, 40);
    assert_eq!(book.ledger.misses(&scope(), moment(50)), (1, 1));
}

#[test]
fn a_leave_counts_at_once_and_it_is_known_when_the_next_one_fits() {
    let (mut book, lane) = (Book::default(), scope().lane());
    book.ledger.reserve(&lane);
    assert_eq!(book.ledger.spent(&lane, moment(0)).hour, 1);
    book.ledger.free(&lane);
    assert_eq!(book.ledger.spent(&lane, moment(0)), Spent::default());
    book.detached(1, 5);
    assert_eq!(book.ledger.sent_at(&lane, moment(6)), [moment(5).wall]);
    let fits = |wanted| book.ledger.fits_at(&lane, wanted, Budget { hour: 1, day: 2 }, moment(6));
    assert_eq!((fits(1), fits(2)), (Some(moment(3605).wall), None));
}

#[test]
fn sends_since_the_last_resume_are_news() {
    let mut book = Book::default();
    let lane = scope().lane();
    assert!(!book.ledger.sent_since_resumed(&lane));
    book.detached(1, 0);
    assert!(book.ledger.sent_since_resumed(&lane));
    book.at(1, resume(Target::Scope(scope())));
    assert!(book.ledger.sent_since_resumed(&lane), "a VPC is not the whole region");
    book.at(1, resume(Target::All));
    assert!(!book.ledger.sent_since_resumed(&lane));
}

#[test]
fn an_undo_holds_its_links_until_the_next_revision_or_a_resume() {
    let first = tree(Mode::Detach, &[1], &[]);
    let restored = |tree: &Tree| {
        Event::Restored(Restored {
            run: RunId(9),
            of: "r3".into(),
            by: "me".into(),
            links: [(scope(), id(5))].into(),
            revision: tree.revision.digest.clone(),
        })
    };
    let held = |book: &Book| book.ledger.restored(&scope(), &id(5)).is_some();
    let mut book = Book::default();
    book.accept(0, None, &first);
    book.at(1, restored(&first));
    book.accept(2, Some(&first), &first);
    assert!(held(&book), "the same revision again is no new one");
    for (target, ends) in [
        (Target::All, false),
        (Target::Scope(scope()), true),
        (Target::Lane(scope().lane()), false),
        (Target::Account(scope().account), false),
    ] {
        let mut resumed = Book { ledger: book.ledger.clone(), seq: book.seq };
        resumed.at(3, resume(target.clone()));
        assert_eq!(!held(&resumed), ends, "{target}");
    }
    book.accept(3, Some(&first), &tree(Mode::Detach, &[1, 2], &[]));
    assert!(!held(&book));
}

fn approval(plan: &crate::plan::Plan, known: bool) -> Event {
    let of = Passed {
        revision: (*plan.desired().revision).clone(),
        mode: plan.mode(),
        verdict: Passed::HELD.into(),
        plan: Some(plan.digest().clone()),
        actions: plan.actions().iter().map(|a| (a.verb, a.link.instance.clone())).collect(),
        ..passed(9)
    };
    Event::Approved(Approval {
        plan: plan.digest().clone(),
        of: known.then_some(of),
        by: "me".into(),
        reason: None,
        until: moment(1000).wall,
    })
}

#[test]
fn an_approval_is_for_that_plan_or_what_is_left_of_it_once_and_until_it_expires() {
    let plan = |linked: &[usize]| plan_of(desired(Mode::Detach, &[1]), linked);
    let (whole, rest, more) = (plan(&[1, 2, 3]), plan(&[1, 3]), plan(&[1, 2, 3, 4]));
    for known in [false, true] {
        let mut book = Book::default();
        book.at(0, approval(&whole, known));
        let covered = |book: &Book, plan: &crate::plan::Plan, at| {
            book.ledger.approval(plan, moment(at)).is_some()
        };
        assert!(covered(&book, &whole, 999) && !covered(&book, &whole, 1000));
        let living = |at| book.ledger.approvals(moment(at)).count();
        assert_eq!((living(999), living(1000)), (1, 0));
        assert_eq!(covered(&book, &rest, 1), known, "what is left");
        assert!(!covered(&book, &more, 1));
        let mut other = desired(Mode::Detach, &[1]);
        other.revision = Arc::new(Revision::of_content(Digest::of([b"other".as_slice()])));
        assert!(!covered(&book, &plan_of(other, &[1, 2, 3]), 1), "another revision");
        assert!(!covered(&book, &plan_of(desired(Mode::Sync, &[1]), &[1, 2, 3]), 1));
        book.detached(2, 5);
        assert!(!covered(&book, &whole, 6), "a link that came back was not approved to go again");
        assert_eq!(covered(&book, &rest, 6), known);
    }
}

#[test]
fn a_later_answer_does_not_close_what_an_earlier_one_left_open() {
    for later in ["throttled", "not-sent"] {
        let mut book = Book::default();
        let first = book.at(0, Event::Intent(intent(2)));
        book.at(1, Event::Answered(answered(first, "ambiguous", None)));
        let second = book.at(2, Event::Intent(Intent { attempt: 2, ..intent(2) }));
        book.at(3, Event::Answered(answered(second, later, None)));
        assert_eq!(book.ledger.unsettled().count(), 1, "{later}");
        book.at(4, Event::Settled(settled(2)));
        assert_eq!(book.ledger.unsettled().count(), 0);
    }
}

#[test]
fn what_the_cloud_took_once_stays_taken_however_its_repeat_is_answered() {
    let mut book = Book::default();
    for (attempt, result) in [(1, Answered::ACCEPTED), (2, "ambiguous"), (3, "throttled")] {
        let seq = book.at(0, Event::Intent(Intent { attempt, ..intent(2) }));
        book.at(1, Event::Answered(answered(seq, result, None)));
        let of = |call: &Unsettled| (call.attempts, call.accepted);
        let calls: Vec<_> = book.ledger.unsettled().map(of).collect();
        assert_eq!(calls, [(attempt, true)], "{result}");
    }
}

#[test]
fn a_count_that_a_wrong_clock_dated_ahead_loosens_nothing() {
    let mut book = Book::default();
    let passed = |observed| {
        Event::Passed(Passed {
            scope: scope(),
            revision: Revision::of_content(Digest::of([])),
            mode: Mode::Detach,
            observed,
            leaving: 0,
            desired: observed,
            verdict: "inSync".into(),
            plan: None,
            actions: [].into(),
            refusals: vec![],
        })
    };
    book.at(1_000_000, passed(1000));
    book.at(1_000_001, passed(17));
    assert_eq!(book.ledger.most_links(&scope(), 17, moment(5)), 17);
}

#[test]
fn who_took_a_link_out_is_known_also_when_it_comes_back() {
    let mut book = Book::default();
    let tree = tree(Mode::Detach, &[1], &[]);
    let by = |n: &str| TakenOut { commit: Commit::of_id(n), exactly: true };
    let accepted = |taken_out| {
        Event::Accepted(Accepted {
            root: "/m".into(),
            revision: (*tree.revision).clone(),
            files: vec![],
            released: vec![],
            protected: BTreeSet::new(),
            shrunk: vec![],
            taken_out,
        })
    };
    book.at(0, accepted(vec![((scope(), id(2)), by("a")), ((scope(), id(3)), by("a"))]));
    book.at(1, accepted(vec![((scope(), id(3)), by("b"))]));
    let of =
        |book: &Book, n| book.ledger.taken_out(&scope(), &id(n)).map(|by| by.commit.id.clone());
    assert_eq!((of(&book, 2).as_deref(), of(&book, 3).as_deref()), (Some("a"), Some("b")));
    book.at(2, Event::Settled(settled(2)));
    assert_eq!((of(&book, 2).as_deref(), of(&book, 3).as_deref()), (Some("a"), Some("b")));
    assert_eq!(book.ledger.all_taken_out().count(), 2);
}
