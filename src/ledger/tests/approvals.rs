//! What approvals of several plans mean for each other, and for what happened before them.

use super::*;

#[test]
fn one_approval_leaves_another_alone() {
    let plan = |linked: &[usize]| plan_of(desired(Mode::Detach, &[1]), linked);
    let (one, other) = (plan(&[1, 2]), plan(&[1, 3]));
    let mut book = Book::default();
    book.at(0, approval(&one, true));
    book.at(1, approval(&other, true));
    for plan in [&one, &other] {
        assert!(book.ledger.approval(plan, moment(2)).is_some());
        assert!(book.ledger.approves(plan, &plan.actions()[0], moment(999)));
        assert!(!book.ledger.approves(plan, &plan.actions()[0], moment(1000)), "it expired");
    }
    assert_eq!(book.ledger.approvals(moment(2)).count(), 2);
}

#[test]
fn what_was_detached_before_an_approval_may_go_by_it() {
    let plan = plan_of(desired(Mode::Detach, &[1]), &[1, 2]);
    let mut book = Book::default();
    book.detached(2, 0);
    book.at(1, approval(&plan, true));
    assert!(book.ledger.approval(&plan, moment(2)).is_some());
    book.detached(2, 3);
    assert!(book.ledger.approval(&plan, moment(4)).is_none(), "once");
}

#[test]
fn an_approval_to_attach_is_not_used_up_by_a_detach() {
    let plan = plan_of(desired(Mode::Sync, &[1, 2]), &[1]);
    let mut book = Book::default();
    book.at(0, approval(&plan, true));
    book.detached(2, 1);
    assert!(book.ledger.approval(&plan, moment(2)).is_some());
}
