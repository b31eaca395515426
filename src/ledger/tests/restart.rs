//! What is remembered, by whoever asks and for however long.

use super::*;

/// What the gate and a start ask of a ledger about link 7.
fn means(ledger: &Ledger, at: u64) -> String {
    let now = moment(at);
    let counts = (ledger.spent(&scope().lane(), now), ledger.misses(&scope(), now));
    let past = (ledger.most_links(&scope(), 1, now), ledger.flapping(&scope(), &id(7), now));
    let held = (ledger.paused(&scope()), ledger.restored(&scope(), &id(7)));
    let open = (ledger.open_intents().count(), ledger.unsettled().count());
    format!("{counts:?} {past:?} {held:?} {open:?} {:?}", ledger.last_detach(&scope(), &id(7)))
}

#[test]
fn a_restart_forgets_nothing_that_counts() {
    let mut passed = passed(9);
    passed.verdict = "approved".into();
    let mut events = vec![Event::Passed(passed)];
    for n in [7, 7, 7, 8, 9] {
        events.push(Event::Intent(intent(n)));
        let seq = events.len() as u64;
        let code = (n == 8).then(|| "InvalidInstanceId.NotFound".to_owned());
        if n < 9 {
            let result = if n == 8 { "gone" } else { Answered::ACCEPTED };
            events.push(Event::Answered(answered(seq, result, code)));
        }
        if n == 7 {
            events.push(Event::Settled(settled(n)));
        }
    }
    events.push(pause(Target::All));
    let (mut living, mut restarted) = (Ledger::default(), Ledger::default());
    for (event, n) in events.iter().zip(1u64..) {
        let at = moment(n);
        living.take(n, Past::now(at), event, at);
        restarted.take(n, Past { wall: at.wall, monotonic: None }, event, moment(100));
    }
    assert_eq!(restarted.spent(&scope().lane(), moment(100)), Spent { hour: 5, day: 5 });
    assert_eq!(restarted.misses(&scope(), moment(100)), (1, 5));
    for at in [100, 3605, 25 * 3600] {
        assert_eq!(means(&restarted, at), means(&living, at), "at {at}");
    }
}

#[test]
fn a_read_that_is_not_complete_says_nothing_about_how_many_links_there_were() {
    let mut book = Book::default();
    book.at(0, Event::Passed(passed(100)));
    let partial = Passed { verdict: Passed::PARTIAL.into(), ..passed(0) };
    book.at(10, Event::Passed(partial));
    let (day, most) = (24 * 3600, |at| book.ledger.most_links(&scope(), 40, moment(at)));
    assert_eq!((most(20), most(day + 11)), (100, 100), "nobody saw fewer");
}

#[test]
fn a_detach_is_remembered_for_longer_than_any_approval_lives() {
    let day = 24 * 3600;
    let mut book = Book::default();
    book.detached(7, 0);
    book.detached(8, 7 * day + 3600);
    assert!(book.ledger.last_detach(&scope(), &id(7)).is_some());
    book.detached(8, 9 * day);
    assert_eq!(book.ledger.last_detach(&scope(), &id(7)), None, "and not for ever");
}

#[test]
fn what_was_found_last_and_what_an_undo_keeps_can_be_shown() {
    let mut book = Book::default();
    book.at(1, Event::Passed(passed(100)));
    book.at(2, Event::Passed(passed(90)));
    let observed = |(at, passed): (Timestamp, &Passed)| (at, passed.observed);
    assert_eq!(book.ledger.last_pass(&scope()).map(observed), Some((moment(2).wall, 90)));
    assert_eq!(book.ledger.passes().map(observed).collect::<Vec<_>>(), [(moment(2).wall, 90)]);
    let (of, by, revision) = ("r3".to_owned(), "me".to_owned(), passed(1).revision.digest);
    let links = [(scope(), id(5))].into();
    book.at(3, Event::Restored(Restored { run: RunId(9), of, by, links, revision }));
    let holds: Vec<_> =
        book.ledger.holds().map(|(_, instance, hold)| (instance, hold.run)).collect();
    assert_eq!(holds, [(&id(5), RunId(9))]);
}

#[test]
fn a_detach_that_explains_a_loss_is_remembered_for_as_long_as_the_loss() {
    let all: Vec<usize> = (0..20).collect();
    let (whole, half) = (tree(Mode::Detach, &all, &[]), tree(Mode::Detach, &all[..10], &[]));
    let mut book = Book::default();
    book.accept(0, None, &whole);
    book.accept(1, Some(&whole), &half);
    book.detached(15, 2);
    book.detached(25, 2);
    book.detached(26, 9 * 24 * 3600);
    assert_eq!(book.ledger.last_detach(&scope(), &id(25)), None, "no revision lost it");
    assert!(book.ledger.last_detach(&scope(), &id(15)).is_some());
    assert_eq!(book.ledger.shrunk(&scope()).unwrap().lost.len(), 9);
}

#[test]
fn pauses_and_what_an_undo_keeps_are_needed_however_old_they_are() {
    let mut book = Book::default();
    book.detached(1, 0);
    assert_eq!(book.ledger.oldest_needed(), None, "a detach means nothing for ever");
    let (lane, links) = (Target::Lane(scope().lane()), [(scope(), id(5))].into());
    let paused = book.at(1, pause(lane.clone()));
    let (of, by, revision) = ("r3".to_owned(), "me".to_owned(), passed(1).revision.digest);
    let kept = book.at(2, Event::Restored(Restored { run: RunId(9), of, by, links, revision }));
    let listed: Vec<_> =
        book.ledger.pauses().map(|(since, pause)| (since, pause.target.clone())).collect();
    assert_eq!(listed, [(moment(1).wall, lane.clone())]);
    assert_eq!(book.ledger.oldest_needed(), Some(paused));
    book.at(3, resume(lane));
    assert_eq!((book.ledger.oldest_needed(), book.ledger.pauses().count()), (Some(kept), 0));
    assert_eq!(book.ledger.accepted_by(), None);
    book.accept(4, None, &tree(Mode::Detach, &[1], &[]));
    assert_eq!((book.ledger.accepted_by(), book.ledger.oldest_needed()), (Some(book.seq), None));
}

#[test]
fn a_plan_that_was_carried_out_and_is_proposed_again_is_news() {
    let actions = [(Verb::Detach, id(7)), (Verb::Detach, id(8))].into();
    let found = Passed { verdict: Passed::APPROVED.into(), actions, ..passed(9) };
    let mut book = Book::default();
    assert!(!book.ledger.knows(&found));
    book.at(0, Event::Passed(found.clone()));
    assert!(book.ledger.knows(&found) && !book.ledger.knows(&passed(9)));
    for nothing in [
        Settled { outcome: "unknown".into(), ..settled(7) },
        Settled { verb: Verb::Attach, ..settled(7) },
        settled(9),
    ] {
        book.at(1, Event::Settled(nothing));
        assert!(book.ledger.knows(&found));
    }
    book.at(2, Event::Settled(settled(7)));
    assert!(!book.ledger.knows(&found), "it went, and is back");
    book.at(3, Event::Passed(found.clone()));
    assert!(book.ledger.knows(&found));
}

/// A process that was started after them knows when they were by the wall clock only.
#[test]
fn a_clock_that_was_days_ahead_forgets_no_call_that_missed_its_instance() {
    let (mut book, ahead) = (Book::default(), 40 * 24 * 3600);
    for (n, seconds) in [(1, 0), (2, 1), (3, ahead)] {
        let now = moment(seconds);
        let at = Past { monotonic: None, ..Past::now(now) };
        let intent = book.seq + 1;
        book.ledger.take(intent, at, &Event::Intent(super::intent(n)), now);
        let code = Some("InvalidInstanceId.NotFound".to_owned());
        let missed = Event::Answered(answered(intent, "gone", code));
        book.ledger.take(intent + 1, at, &missed, now);
        book.seq = intent + 1;
    }
    assert_eq!(book.ledger.misses(&scope(), moment(60)).0, 3);
}

/// They are read with the time of the start, and the clock is right a minute later.
#[test]
fn a_process_that_starts_while_the_clock_is_ahead_forgets_neither_misses_nor_detaches() {
    let (mut book, starts) = (Book::default(), moment(30 * 24 * 3600));
    for n in [1, 2, 3] {
        let at = Past { monotonic: None, ..Past::now(moment(n as u64)) };
        let seq = book.seq;
        let code = Some("InvalidInstanceId.NotFound".to_owned());
        let events = [
            Event::Intent(super::intent(n)),
            Event::Answered(answered(seq + 1, "gone", code)),
            Event::Settled(settled(n)),
        ];
        for (event, seq) in events.iter().zip(seq + 1..) {
            book.ledger.take(seq, at, event, starts);
        }
        book.seq += 3;
    }
    assert_eq!(book.ledger.misses(&scope(), moment(60)).0, 3);
    assert!([1, 2, 3].iter().all(|n| book.ledger.last_detach(&scope(), &id(*n)).is_some()));
}
