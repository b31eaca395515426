use super::*;
use crate::board::Vitals;
use crate::cloud::{Class, CloudError};
use crate::desired::{Desired, Tree};
use crate::model::{AccountName, Mode, Revision, Scope, VpcId};
use crate::plan;
use crate::plan::tests::{desired, moment, observed as seen, scope};
use crate::report::ScopeReport;
use std::sync::Arc;

/// Far from zero, so that there is a past.
const NOW: u64 = 10_000;

/// A pass that read everything and found nothing to do.
fn complete() -> Arc<ScopeReport> {
    let wanted = desired(Mode::Detach, &[1]);
    let found = seen(&wanted, &[1], &[], moment(NOW));
    let plan = plan::compute(&Arc::new(wanted), &found, moment(NOW).wall);
    let setting = crate::gate::tests::Setting::default();
    Arc::new(ScopeReport::of_approved(&setting.review(plan, 0).unwrap()))
}

fn failed() -> Arc<ScopeReport> {
    let error = CloudError::new(Class::Ambiguous, "timeout", "no answer");
    Arc::new(ScopeReport::of_failure(&desired(Mode::Detach, &[1]), error))
}

fn accept(board: &Board, scopes: &[Scope]) {
    let revision = Revision::of_content(crate::model::Digest::of([b"x".as_slice()]));
    let declared = |scope: &Scope| {
        let wanted = Desired { scope: scope.clone(), ..desired(Mode::Detach, &[1]) };
        (scope.clone(), Arc::new(wanted))
    };
    let scopes = scopes.iter().map(declared).collect();
    board.accepted(&Arc::new(Tree { revision: Arc::new(revision), scopes }), moment(NOW));
}

/// A board on which everything is well at [`NOW`], with an interval of a minute.
fn well() -> Board {
    let board = Board::new(Duration::from_secs(60));
    accept(&board, &[scope()]);
    board.passed(&complete(), moment(NOW));
    board.beat(moment(NOW), Vitals::default());
    board
}

fn failing(board: &Board, at: u64) -> Vec<&'static str> {
    let checks = board.ready(moment(at)).checks;
    checks.into_iter().filter(|check| check.found.is_err()).map(|check| check.name).collect()
}

#[test]
fn a_credential_that_the_cloud_refuses_makes_it_unready() {
    let board = well();
    let account = AccountName::parse("prod").unwrap();
    let refused = [(account, "invalidaccesskeyid.*")].into();
    board.beat(moment(NOW), Vitals { refused, ..Vitals::default() });
    assert_eq!(failing(&board, NOW), ["credentials"]);
    let why = board.ready(moment(NOW)).reason().unwrap().to_owned();
    assert!(why.contains("prod") && why.contains("invalidaccesskeyid"), "{why}");
    let refused = [(AccountName::parse("prod").unwrap(), "credentials")].into();
    board.beat(moment(NOW), Vitals { refused, ..Vitals::default() });
    let why = board.ready(moment(NOW)).reason().unwrap().to_owned();
    assert_eq!(why, "no credential of prod can be used; the log says why");
    board.beat(moment(NOW), Vitals::default());
    assert!(failing(&board, NOW).is_empty());
}

#[test]
fn a_credential_of_another_account_makes_it_unready() {
    let (board, why) = (well(), "the credential is of account 2".to_owned());
    let broken_pins = [(AccountName::parse("prod").unwrap(), why)].into();
    board.beat(moment(NOW), Vitals { broken_pins, ..Vitals::default() });
    assert_eq!(failing(&board, NOW), ["credentials"]);
    let why = board.ready(moment(NOW)).reason().unwrap().to_owned();
    assert_eq!(why, "nothing is done in prod: the credential is of account 2");
}

fn ends_at(at: u64) -> Vitals {
    let account = AccountName::parse("default").unwrap();
    Vitals { expires: [(account, moment(at).wall)].into(), ..Vitals::default() }
}

#[test]
fn one_that_is_well_is_alive_and_ready_and_says_so_of_every_check() {
    let board = well();
    assert_eq!(board.alive(moment(NOW)).reason(), None);
    let ready = board.ready(moment(NOW));
    assert_eq!(ready.reason(), None);
    let names: Vec<_> = ready.checks.iter().map(|check| check.name).collect();
    assert_eq!(names, ["loop", "journal", "revision", "observations", "credentials"]);
}

#[test]
fn a_loop_that_does_not_turn_is_dead_after_a_minute() {
    let board = well();
    assert_eq!(board.alive(moment(NOW + 60)).reason(), None);
    let dead = board.alive(moment(NOW + 61));
    assert_eq!(dead.reason(), Some("the loop has been silent for 61 s"));
    assert_eq!(failing(&board, NOW + 61), ["loop"]);
    let unborn = Board::new(Duration::ZERO).alive(moment(NOW));
    assert_eq!(unborn.reason(), Some("the loop has not started"));
}

#[test]
fn a_journal_in_trouble_fails_alone() {
    let board = well();
    board.stopped_by(vec![], vec![], Some("no space left on device".to_owned()), moment(NOW));
    assert_eq!(failing(&board, NOW), ["journal"]);
    let reason = board.ready(moment(NOW)).reason().map(str::to_owned);
    assert!(reason.unwrap().contains("no space left"));
    board.stopped_by(vec!["everything, by me".to_owned()], vec![], None, moment(NOW));
    assert_eq!(failing(&board, NOW), [""; 0], "a pause is an order, not a fault");
}

#[test]
fn without_a_revision_it_is_not_ready() {
    let board = well();
    board.said().revision = None;
    assert_eq!(failing(&board, NOW), ["revision"]);
}

#[test]
fn a_scope_may_be_read_in_vain_for_three_intervals_and_no_longer() {
    let board = well();
    for at in [NOW + 100, NOW + 180] {
        board.passed(&failed(), moment(at));
        board.beat(moment(at), Vitals::default());
        assert_eq!(failing(&board, at), [""; 0], "{at}");
    }
    board.beat(moment(NOW + 181), Vitals::default());
    assert_eq!(failing(&board, NOW + 181), ["observations"]);
    board.passed(&complete(), moment(NOW + 181));
    assert_eq!(failing(&board, NOW + 181), [""; 0]);
}

#[test]
fn a_scope_that_was_never_read_completely_and_no_scope_at_all_are_not_ready() {
    let board = well();
    let other = Scope { vpc: VpcId::parse("vpc-other").unwrap(), ..scope() };
    let mut report = ScopeReport::clone(&failed());
    report.scope = other.clone();
    board.passed(&Arc::new(report), moment(NOW));
    assert_eq!(failing(&board, NOW), ["observations"]);
    accept(&board, &[scope()]);
    assert_eq!(failing(&board, NOW), [""; 0], "it was released");
    accept(&board, &[]);
    assert_eq!(failing(&board, NOW), ["observations"]);
}

#[test]
fn a_credential_that_ends_within_a_minute_fails_alone_until_it_is_renewed() {
    let board = well();
    for (left, fails) in [(61, false), (60, true), (0, true)] {
        board.beat(moment(NOW), ends_at(NOW + left));
        assert_eq!(failing(&board, NOW).contains(&"credentials"), fails, "{left} s left");
    }
    board.beat(moment(NOW), ends_at(NOW - 500));
    assert_eq!(failing(&board, NOW), ["credentials"], "over already");
    board.beat(moment(NOW), ends_at(NOW + 3600));
    assert_eq!(failing(&board, NOW), [""; 0]);
}
