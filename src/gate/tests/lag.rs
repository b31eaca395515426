//! Reads that lag behind a call.

use super::past::after;
use super::*;
use crate::ledger::event::{Answered, Event};
use crate::ledger::tests::{Book, answered, intent};

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
