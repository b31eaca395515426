//! What a person releases: approved plans, and undos.

use super::past::after;
use super::*;
use crate::ledger::event::{Approval, Cause, Event, Pause, Target};
use crate::ledger::tests::Book;
use crate::model::AccountId;

pub(super) fn approve(book: &mut Book, plan: &Plan) {
    let approval = Approval {
        plan: plan.digest().clone(),
        of: None,
        by: "ops".into(),
        reason: None,
        until: moment(1000).wall,
    };
    book.at(0, Event::Approved(approval));
}

#[test]
fn an_approval_releases_what_is_a_question_of_judgement_and_nothing_else() {
    let empties = || plan_of(desired(Mode::Detach, &[]), &range(0, 9));
    let mut book = Book::default();
    approve(&mut book, &empties());
    let mut setting = after(book);
    let approved = setting.review(empties(), 1).unwrap();
    assert_eq!(approved.approver(), Some("ops"));
    assert!(setting.review(empties(), 1000).is_err(), "it expires");
    let other = plan_of(desired(Mode::Detach, &[]), &range(0, 10));
    assert_eq!(setting.rules(other, 1), [Rule::PerPlan, Rule::Emptying], "it is for that plan");
    setting.journal = Some("full");
    assert_eq!(setting.rules(empties(), 1), [Rule::Journal]);
    setting.journal = None;
    setting.bounds.budget.hour = 8;
    assert_eq!(setting.rules(empties(), 1), [Rule::Budget]);
    assert_eq!(
        setting.rules(plan_of(desired(Mode::Observe, &[]), &[1]), 1),
        [Rule::ObserveMode, Rule::Emptying]
    );
}

#[test]
fn an_approval_that_expires_takes_the_permits_with_it() {
    let mut empty = desired(Mode::Detach, &[]);
    empty.max_detach = vec![Amount::Count(9)];
    let plan = plan_of(empty.clone(), &[1, 2]);
    let mut book = Book::default();
    approve(&mut book, &plan);
    let first = plan.actions()[0].clone();
    let second = plan.actions()[1].clone();
    let mut setting = after(book);
    let approved = setting.review(plan, 1).unwrap();
    let newest = tree(empty);
    let ask = |setting: &Setting, action, seconds| {
        let facts = Facts { confirmed_at: moment(seconds), ..facts(&newest) };
        setting.permit(&approved, action, &facts, seconds)
    };
    assert_eq!(ask(&setting, &first, 999).unwrap().approver(), Some("ops"));
    assert_eq!(ask(&setting, &first, 1000), Err(Denial::Unapproved));
    let mut book = Book { ledger: setting.ledger, seq: 9 };
    book.detached(1, 5);
    setting.ledger = book.ledger;
    assert_eq!(ask(&setting, &first, 6), Err(Denial::Unapproved), "once");
    assert!(ask(&setting, &second, 6).is_ok(), "the rest of the plan goes on");
}

#[test]
fn an_undo_asks_whose_account_it_is_and_whether_there_is_room() {
    let wanted = || {
        let mut wanted = desired(Mode::Sync, &[1, 2]);
        wanted.max_detach = vec![];
        wanted
    };
    let plan = || plan_of(wanted(), &[1]);
    let give = |setting: &Setting| restore(plan(), &setting.at(moment(1)));
    let approved = give(&Setting::default()).unwrap();
    let mut book = Book::default();
    let (by, reason) = ("ops".to_owned(), None);
    book.at(0, Event::Paused(Pause { target: Target::All, cause: Cause::Operator, by, reason }));
    let paused = after(book);
    assert!(give(&paused).is_ok(), "an undo is for the time when everything is paused");
    let unsettled = tree(desired(Mode::Observe, &[]));
    let facts = Facts { unsettled: true, ..facts(&unsettled) };
    let action = &approved.plan().actions()[0];
    assert!(paused.permit(&approved, action, &facts, 1).is_ok());
    assert_eq!(paused.permit(&approved, action, &facts, 12), Err(Denial::Unconfirmed));
    let id = |text| AccountId::parse(text).unwrap();
    let pin = Pin::Broken { pinned: id("1234567890123456"), found: id("1111111111111111") };
    let elsewhere = Setting { pin, ..Setting::default() };
    assert_eq!(give(&elsewhere).unwrap_err().refusals[0].rule, Rule::AccountPin);
    assert!(matches!(elsewhere.permit(&approved, action, &facts, 1), Err(Denial::Pin(_))));
    let taking = plan_of(desired(Mode::Sync, &[1]), &[1, 2]);
    assert!(restore(taking, &Setting::default().at(moment(1))).is_err(), "an undo takes nothing");
    let full = plan_of(desired(Mode::Sync, &range(0, 1001)), &range(0, 1000));
    assert!(restore(full, &Setting::default().at(moment(1))).is_err());
}
