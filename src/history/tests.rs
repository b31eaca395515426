use super::*;
use crate::journal::Item;
use crate::ledger::Event;
use crate::ledger::event::{Answered, Cause as PauseCause, Intent, Settled, Target};
use crate::ledger::tests::{answered, intent, settled};
use crate::plan::tests::{id, moment, scope};

/// Entries, a second apart.
#[derive(Default)]
struct Book(Vec<Item>);

impl Book {
    fn add(&mut self, event: Event) -> u64 {
        let seq = self.0.len() as u64 + 1;
        self.0.push(Item { seq, at: moment(seq).wall, event });
        seq
    }

    fn begin(&mut self) -> RunId {
        RunId(self.add(Event::Began(Began { command: "apply".into(), by: "ops".into() })))
    }

    fn intend(&mut self, n: usize, attempt: u32, run: Option<RunId>) -> u64 {
        self.add(Event::Intent(Intent { attempt, run, ..intent(n) }))
    }

    fn answer(&mut self, intent: u64, result: &str, code: Option<&str>) {
        let request_id = Some(format!("REQ-{intent}"));
        let said = answered(intent, result, code.map(str::to_owned));
        self.add(Event::Answered(Answered { request_id, ..said }));
    }

    fn settle(&mut self, n: usize, attempts: u32, run: Option<RunId>) -> u64 {
        self.add(Event::Settled(Settled { attempts, run, ..settled(n) }))
    }

    fn deeds(&self) -> Vec<Deed> {
        of(&self.0).iter().filter_map(Record::deed).cloned().collect()
    }
}

#[test]
fn a_detach_is_one_deed_with_everything_that_is_known_of_it() {
    let mut book = Book::default();
    let run = book.begin();
    let call = book.intend(1, 1, Some(run));
    book.answer(call, Answered::ACCEPTED, None);
    let end = book.settle(1, 1, Some(run));
    let deeds = book.deeds();
    assert_eq!(deeds.len(), 1);
    let deed = &deeds[0];
    assert_eq!((deed.seq, deed.at, deed.ended), (2, moment(2).wall, Some(moment(end).wall)));
    assert_eq!((deed.verb, &deed.scope, &deed.instance), (Verb::Detach, &scope(), &id(1)));
    assert_eq!((deed.outcome.as_str(), deed.detail.as_str(), deed.sent), ("converged", "gone", 1));
    assert_eq!(deed.request_ids().collect::<Vec<_>>(), ["REQ-2"]);
    assert_eq!(deed.attempts[0].latency_ms, Some(3));
    let cause = deed.cause.as_ref().unwrap();
    assert_eq!((cause.reason.as_str(), &cause.plan), ("nobody lists it", &intent(1).plan));
    assert_eq!((deed.run, deed.ended_by), (Some(run), None));
    assert_eq!(deed.began.as_ref().unwrap().by, "ops");
    assert_eq!(of(&book.0).len(), 2, "and the begun run");
}

#[test]
fn retries_are_attempts_of_one_deed() {
    let mut book = Book::default();
    let run = book.begin();
    let first = book.intend(1, 1, Some(run));
    let other = book.intend(2, 1, Some(run));
    book.answer(first, "throttled", Some("Throttling.User"));
    let again = book.intend(1, 2, Some(run));
    book.answer(other, Answered::ACCEPTED, None);
    book.answer(again, Answered::ACCEPTED, None);
    book.settle(2, 1, Some(run));
    book.settle(1, 2, Some(run));
    let deeds = book.deeds();
    assert_eq!(deeds.iter().map(|d| &d.instance).collect::<Vec<_>>(), [&id(1), &id(2)]);
    assert_eq!((deeds[0].sent, deeds[1].sent), (2, 1));
    let said: Vec<_> = deeds[0].attempts.iter().map(|a| (a.number, a.code.as_deref())).collect();
    assert_eq!(said, [(1, Some("Throttling.User")), (2, None)]);
    assert!(deeds.iter().all(|deed| deed.outcome == "converged"));
}

#[test]
fn a_crash_leaves_a_deed_open_until_somebody_says_how_it_ended() {
    let mut book = Book::default();
    let run = book.begin();
    let call = book.intend(1, 1, Some(run));
    let deed = book.deeds().remove(0);
    assert_eq!((deed.outcome.as_str(), deed.ended, deed.sent), (Deed::OPEN, None, 1));
    assert!(deed.detail.contains("no answer is recorded"), "{deed:?}");
    assert_eq!(deed.attempts[0].latency_ms, None);
    book.add(Event::Answered(Answered::without_answer(call, Answered::UNKNOWN)));
    let deed = book.deeds().remove(0);
    assert_eq!((deed.outcome.as_str(), deed.attempts[0].latency_ms), (Deed::OPEN, None));
    assert!(deed.detail.contains("process ended"), "{deed:?}");
    // A read of the next process finds the link gone, by no run of its own.
    book.settle(1, 1, None);
    let deeds = book.deeds();
    assert_eq!((deeds.len(), deeds[0].outcome.as_str()), (1, "converged"));
    assert_eq!((deeds[0].run, deeds[0].ended_by), (Some(run), None));
}

#[test]
fn what_was_not_sent_is_not_called_a_deed_that_is_under_way() {
    let mut book = Book::default();
    let run = book.begin();
    let call = book.intend(1, 1, Some(run));
    book.answer(call, Answered::NOT_SENT, None);
    let deed = book.deeds().remove(0);
    assert_eq!((deed.outcome.as_str(), deed.sent, deed.attempts.len()), (Deed::NOT_SENT, 0, 1));
    // The same run tries again, and sends.
    let call = book.intend(1, 1, Some(run));
    book.answer(call, Answered::ACCEPTED, None);
    let deeds = book.deeds();
    assert_eq!((deeds.len(), deeds[0].outcome.as_str(), deeds[0].sent), (1, Deed::OPEN, 1));
    assert!(deeds[0].detail.contains("took the call"), "{deeds:?}");
}

#[test]
fn a_later_run_that_only_reads_ends_the_deed_of_the_first() {
    let mut book = Book::default();
    let first = book.begin();
    let call = book.intend(1, 1, Some(first));
    book.answer(call, Answered::ACCEPTED, None);
    let second = book.begin();
    book.settle(1, 1, Some(second));
    let deeds = book.deeds();
    assert_eq!(deeds.len(), 1);
    assert_eq!((deeds[0].run, deeds[0].ended_by), (Some(first), Some(second)));
    assert!(deeds[0].is_of(first) && deeds[0].is_of(second) && !deeds[0].is_of(RunId(99)));
}

#[test]
fn a_later_run_that_calls_again_has_a_deed_of_its_own() {
    let mut book = Book::default();
    let first = book.begin();
    let call = book.intend(1, 1, Some(first));
    book.answer(call, "ambiguous", Some("timeout"));
    let second = book.begin();
    let call = book.intend(1, 2, Some(second));
    book.answer(call, Answered::ACCEPTED, None);
    book.settle(1, 2, Some(second));
    let deeds = book.deeds();
    let said: Vec<_> = deeds.iter().map(|d| (d.run, d.outcome.as_str(), d.sent)).collect();
    assert_eq!(said, [(Some(first), Deed::CONTINUED, 1), (Some(second), "converged", 1)]);
    assert!(deeds[0].detail.contains("timeout") && deeds[0].detail.contains(&second.to_string()));
    // One that sent nothing is not continued: it never began.
    let mut book = Book::default();
    let first = book.begin();
    let call = book.intend(1, 1, Some(first));
    book.answer(call, Answered::NOT_SENT, None);
    let second = book.begin();
    book.intend(1, 1, Some(second));
    let outcomes: Vec<_> = book.deeds().into_iter().map(|deed| deed.outcome).collect();
    assert_eq!(outcomes, [Deed::NOT_SENT, Deed::OPEN]);
}

#[test]
fn entries_of_the_first_format_are_deeds_without_a_run() {
    let mut book = Book::default();
    for _ in 0..2 {
        let call = book.intend(1, 1, None);
        book.answer(call, Answered::ACCEPTED, None);
        book.settle(1, 1, None);
    }
    let deeds = book.deeds();
    assert_eq!(deeds.len(), 2, "what has ended is not taken up again: {deeds:?}");
    assert!(deeds.iter().all(|deed| deed.run.is_none() && deed.began.is_none()));
    assert!(deeds.iter().all(|deed| deed.cause.is_some() && deed.outcome == "converged"));
}

#[test]
fn a_final_word_whose_calls_are_forgotten_is_told_all_the_same() {
    let mut book = Book::default();
    book.settle(1, 2, Some(RunId(70)));
    book.answer(55, Answered::ACCEPTED, None);
    let deeds = book.deeds();
    assert_eq!((deeds.len(), deeds[0].sent, deeds[0].run), (1, 2, Some(RunId(70))));
    assert!(deeds[0].cause.is_none() && deeds[0].attempts.is_empty());
}

fn happenings() -> Book {
    let mut book = Book::default();
    book.begin();
    book.add(Event::Restored(Restored {
        run: RunId(1),
        of: "r1".into(),
        by: "ops".into(),
        links: [(scope(), id(1))].into(),
        revision: Digest::of([]),
    }));
    let pause =
        |target| Pause { target, cause: PauseCause::Operator, by: "me".into(), reason: None };
    book.add(Event::Paused(pause(Target::All)));
    let elsewhere = Scope { vpc: crate::model::VpcId::parse("vpc-z").unwrap(), ..scope() };
    book.add(Event::Paused(pause(Target::Scope(elsewhere))));
    let call = book.intend(1, 1, Some(RunId(1)));
    book.answer(call, Answered::ACCEPTED, None);
    book.settle(1, 1, Some(RunId(1)));
    book
}

fn kinds(book: &Book, filter: &Filter) -> Vec<&'static str> {
    let records = of(&book.0);
    let kept = records.iter().filter(|record| filter.takes(record));
    let kind = |record: &Record| match record {
        Record::Deed(deed) => deed.verb.as_str(),
        Record::Happening(happening) => happening.what.kind(),
    };
    kept.map(kind).collect()
}

#[test]
fn an_undo_and_a_pause_are_told_in_the_order_they_happened() {
    let all = Filter { all: true, ..Filter::default() };
    let told = ["began", "restored", "paused", "paused", "detach"];
    assert_eq!(kinds(&happenings(), &all), told);
    assert_eq!(kinds(&happenings(), &Filter::default()), told[1..], "runs only when asked for");
}

#[test]
fn a_filter_narrows_to_what_is_asked_for() {
    let book = happenings();
    let of = |filter: Filter| kinds(&book, &filter);
    assert_eq!(of(Filter::of_instance(&id(1))), ["restored", "detach"]);
    assert_eq!(of(Filter::of_instance(&id(2))), [""; 0]);
    let run = Filter { run: Some(RunId(1)), ..Filter::default() };
    assert_eq!(of(run), ["restored", "detach"]);
    let outcome = Filter { outcome: Some("converged".into()), all: true, ..Filter::default() };
    assert_eq!(of(outcome), ["detach"]);
    let vpc = Filter { vpc: Some(scope().vpc), ..Filter::default() };
    assert_eq!(of(vpc), ["restored", "paused", "detach"], "not the pause of another VPC");
    let account = Filter { account: Some("other".parse().unwrap()), ..Filter::default() };
    assert_eq!(of(account), ["paused"], "a pause of everything is one of that account, too");
    let region = Filter { region: Some("cn-beijing".parse().unwrap()), ..Filter::default() };
    assert_eq!(of(region), ["paused"]);
}

#[test]
fn a_filter_by_time_takes_what_was_not_over() {
    let book = happenings();
    let since = |seconds| Filter { since: Some(moment(seconds).wall), ..Filter::default() };
    assert_eq!(kinds(&book, &since(7)), ["detach"], "it began before, and ended then");
    assert_eq!(kinds(&book, &since(8)), [""; 0]);
    let until = Filter { until: Some(moment(3).wall), ..Filter::default() };
    assert_eq!(kinds(&book, &until), ["restored", "paused"]);
}

#[test]
fn only_findings_that_hold_something_are_told() {
    let mut book = Book::default();
    let passed = |verdict: &str, refusals: usize| Passed {
        scope: scope(),
        revision: Revision::of_content(Digest::of([])),
        mode: crate::model::Mode::Detach,
        observed: 1,
        leaving: 0,
        desired: 1,
        verdict: verdict.into(),
        plan: None,
        actions: [(Verb::Detach, id(1))].into(),
        refusals: vec![("perPlan".into(), "too many".into(), "fewer".into()); refusals],
    };
    for (verdict, refusals) in [("inSync", 0), ("approved", 0), ("partial", 1)] {
        book.add(Event::Passed(passed(verdict, refusals)));
    }
    assert_eq!(of(&book.0), []);
    book.add(Event::Passed(passed("held", 1)));
    book.add(Event::Passed(passed("approved", 1)));
    assert_eq!(kinds(&book, &Filter::of_instance(&id(1))), ["held", "held"]);
    assert_eq!(kinds(&book, &Filter::default()), [""; 0]);
}
