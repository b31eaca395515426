//! Reads that lag behind a call.

use super::past::after;
use super::*;
use crate::ledger;
use crate::ledger::event::{Answered, Event, Passed};
use crate::ledger::tests::{Book, answered, intent, passed};

/// Seed 100296697: the only listed link that was shown had been detached under the revision before, and
/// the last one that was truly there went.
#[test]
fn a_link_that_a_detach_of_before_may_have_ended_is_no_evidence_and_does_not_stay() {
    let after_detach = |result| {
        let mut book = Book::default();
        let seq = book.at(0, Event::Intent(intent(1)));
        book.at(0, Event::Answered(answered(seq, result, None)));
        after(book)
    };
    let last_one_goes = || plan_of(desired(Mode::Detach, &[1]), &[1, 2]);
    assert_eq!(Setting::default().rules(last_one_goes(), 0), []);
    for result in [Answered::ACCEPTED, Answered::UNKNOWN] {
        let rules = after_detach(result).rules(last_one_goes(), 1);
        assert_eq!(rules, [Rule::Emptying, Rule::WrongPlace], "{result}");
    }
    let held = after_detach(Answered::ACCEPTED).review(last_one_goes(), 1).unwrap_err();
    assert!(held.refusals.iter().all(|refusal| refusal.message.contains("1 link still shown")));
    // In mode sync it is to be attached again.
    let comes_back = plan_of(desired(Mode::Sync, &[1]), &[1]);
    assert_eq!(after_detach(Answered::ACCEPTED).rules(comes_back, 1), []);
    let one_stays = plan_of(desired(Mode::Detach, &[1, 3]), &[1, 2, 3]);
    assert_eq!(after_detach(Answered::ACCEPTED).rules(one_stays, 1), []);
}

/// Of a link that may be gone already, it does not matter why nothing is done about it now.
#[test]
fn a_withheld_link_that_a_detach_of_before_may_have_ended_does_not_stay() {
    let rules = |is_detached: bool| {
        let mut book = Book::default();
        book.accept(0, None, &ledger::tests::tree(Mode::Sync, &[2, 3], &[2]));
        if is_detached {
            let seq = book.at(0, Event::Intent(intent(2)));
            book.at(0, Event::Answered(answered(seq, Answered::ACCEPTED, None)));
        }
        // Link 3 is to be attached, 1 goes, and 2 is protected.
        after(book).rules(plan_of(desired(Mode::Sync, &[3]), &[1, 2]), 1)
    };
    assert_eq!(rules(false), []);
    assert_eq!(rules(true), [Rule::Emptying, Rule::Protected]);
}

/// Seed 100342288: ten links of which two were detached, and two more: the list showed twelve, and for a day
/// a share was a share of that.
#[test]
fn links_that_are_shown_after_their_detach_make_no_limit_larger() {
    let share = |leaving: u64| {
        let mut book = Book::default();
        book.at(0, Event::Passed(passed(100)));
        book.at(1, Event::Passed(Passed { leaving, ..passed(120) }));
        book.ledger.most_links(&scope(), 100, moment(2))
    };
    assert_eq!((share(0), share(20)), (120, 100));

    let mut book = Book::default();
    book.at(0, Event::Passed(passed(100)));
    for detached in 0..20 {
        let seq = book.at(1, Event::Intent(intent(detached)));
        book.at(1, Event::Answered(answered(seq, Answered::ACCEPTED, None)));
    }
    let kept: Vec<usize> = (0..109).collect();
    let shown: Vec<usize> = (0..120).collect();
    let eleven_go = || plan_of(desired(Mode::Detach, &kept), &shown);
    assert_eq!(Setting::default().rules(eleven_go(), 2), []);
    let held = after(book).review(eleven_go(), 2).unwrap_err();
    assert_eq!(held.refusals.first().map(|refusal| refusal.rule), Some(Rule::PerPlan));
    assert!(held.refusals.iter().any(|refusal| refusal.message.contains("20 links still shown")));
}
