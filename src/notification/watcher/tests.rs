use super::super::news::Severity;
use super::*;
use crate::apply::Applied;
use crate::cloud::{Class, CloudError};
use crate::gate::tests::Setting;
use crate::model::{Digest, Mode};
use crate::observed::{Gap, Partial};
use crate::outcome::{How, Outcome, Why};
use crate::plan::tests::{desired, id, moment, plan_of, scope};
use crate::report::ScopeReport;
use proptest::prelude::*;

/// What a pass says that finds `linked` where `wanted` are desired.
fn report(mode: Mode, wanted: &[usize], linked: &[usize]) -> ScopeReport {
    match Setting::default().review(plan_of(desired(mode, wanted), linked), 0) {
        Ok(approved) => ScopeReport::of_approved(&approved),
        Err(held) => ScopeReport::of_held(*held),
    }
}

/// The same, with every action ended like this.
fn ended(mode: Mode, wanted: &[usize], linked: &[usize], outcome: &Outcome) -> ScopeReport {
    let mut report = report(mode, wanted, linked);
    let applied = |action| Applied { action, outcome: outcome.clone(), attempts: 1 };
    report.applied = report.actions.clone().into_iter().map(applied).collect();
    report
}

fn why(class: Class, code: &str) -> Why {
    Why { class, code: code.to_owned(), message: format!("{code}: no (request {code})") }
}

fn failed(class: Class, code: &str) -> ScopeReport {
    ScopeReport::of_failure(&desired(Mode::Detach, &[1]), CloudError::new(class, code, "no"))
}

fn partial() -> ScopeReport {
    let partial = Partial { scope: scope(), gaps: vec![Gap("pages moved".into())], seen: 0 };
    let refusal = crate::gate::refuse_partial(&partial);
    ScopeReport::of_partial(&desired(Mode::Detach, &[1]), &partial, refusal)
}

#[derive(Default)]
struct Told(Watcher);

impl Told {
    fn all(&mut self, happening: &Happening) -> Vec<News> {
        self.0.news(moment(0), happening)
    }

    fn words(&mut self, happening: &Happening) -> Vec<&'static str> {
        self.all(happening).iter().map(|news| news.event.as_str()).collect()
    }

    fn pass(&mut self, report: ScopeReport) -> Vec<&'static str> {
        self.words(&Happening::Passed(Arc::new(report)))
    }
}

const DETACHED: Outcome = Outcome::Converged(How::Detached);

#[test]
fn a_hold_is_told_once_again_when_it_changes_and_when_it_is_over() {
    let mut told = Told::default();
    let held = || report(Mode::Detach, &[1], &[1, 2, 3, 4, 5]);
    let news = told.all(&Happening::Passed(Arc::new(held())));
    let hold = news.iter().find(|news| news.event == Event::Hold).unwrap();
    assert!(hold.text.contains("[perPlan]"), "{hold:?}");
    let approve = format!("classiclinkd approve {}", held().digest.unwrap().short());
    assert!(hold.way_out.as_ref().unwrap().contains(&approve), "{hold:?}");
    assert_eq!((hold.links_total, hold.scope.clone()), (4, Some(scope())));
    for _ in 0..3 {
        assert_eq!(told.pass(held()), [""; 0]);
    }
    assert_eq!(told.pass(partial()), [""; 0], "without a plan, what was told stays told");
    assert_eq!(told.pass(held()), [""; 0]);
    let other = report(Mode::Detach, &[1], &[1, 2, 3, 4, 5, 6]);
    assert_eq!(told.pass(other), ["hold", "drift-found"]);
    assert_eq!(told.pass(report(Mode::Detach, &[1], &[1])), ["hold-ended", "drift-repaired"]);
    assert_eq!(told.pass(held()), ["hold", "drift-found"]);
}

#[test]
fn drift_is_told_when_found_and_when_repaired() {
    let mut told = Told::default();
    let repaired = || ended(Mode::Detach, &[1], &[1, 2], &DETACHED);
    assert_eq!(told.pass(repaired()), ["drift-found", "drift-repaired"]);
    assert_eq!(told.pass(report(Mode::Detach, &[1], &[1])), [""; 0]);
    assert_eq!(told.pass(repaired()), ["drift-found", "drift-repaired"], "it came back");
    // Found in one pass and settled in the next.
    let settling = ended(Mode::Detach, &[1], &[1, 2], &Outcome::Settling("x".into()));
    assert_eq!(told.pass(settling), ["drift-found"]);
    let mut later = report(Mode::Detach, &[1], &[1]);
    later.applied = repaired().applied;
    assert_eq!(told.pass(later), ["drift-repaired"]);
    // One that is missing is drift even where nothing may be attached.
    assert_eq!(told.pass(report(Mode::Detach, &[1, 2], &[1])), ["drift-found"]);
    assert_eq!(told.pass(report(Mode::Detach, &[1, 2], &[1])), [""; 0]);
    assert_eq!(told.pass(report(Mode::Detach, &[1, 2], &[1, 2])), ["drift-repaired"]);
}

#[test]
fn an_action_that_fails_is_told_by_its_reason_and_rests_until_it_converges() {
    let mut told = Told::default();
    let locked =
        || ended(Mode::Detach, &[1], &[1, 2], &Outcome::Failed(why(Class::Waiting, "Locked")));
    assert_eq!(told.pass(locked()), ["drift-found", "action-failed", "quarantine"]);
    assert_eq!(told.pass(locked()), [""; 0]);
    let skipped = ended(Mode::Detach, &[1], &[1, 2], &Outcome::Skipped("in quarantine".into()));
    assert_eq!(told.pass(skipped), [""; 0]);
    let denied =
        ended(Mode::Detach, &[1], &[1, 2], &Outcome::Blocked(why(Class::Blocked, "Denied")));
    assert_eq!(told.pass(denied), ["action-failed"]);
    let done = ended(Mode::Detach, &[1], &[1, 2], &DETACHED);
    assert_eq!(told.pass(done), ["quarantine-left", "drift-repaired"]);
    assert_eq!(told.pass(locked()), ["drift-found", "action-failed", "quarantine"]);
    assert_eq!(told.pass(report(Mode::Detach, &[1], &[1])), ["quarantine-left", "drift-repaired"]);
}

#[test]
fn links_that_fail_alike_are_one_piece_of_news_and_an_unknown_end_is_a_warning() {
    let mut told = Told::default();
    let lost = ended(
        Mode::Detach,
        &[1],
        &[1, 2, 3, 4],
        &Outcome::Unknown(why(Class::Ambiguous, "timeout")),
    );
    let news = told.all(&Happening::Passed(Arc::new(lost)));
    let failed: Vec<_> = news.iter().filter(|news| news.event == Event::ActionFailed).collect();
    assert_eq!(failed.len(), 1, "{news:?}");
    assert_eq!((failed[0].links_total, failed[0].severity), (3, Severity::Warning));
    assert!(!news.iter().any(|news| news.event == Event::Quarantine), "the next pass tries it");
}

#[test]
fn credentials_retirement_and_reading_are_told_of_the_scope() {
    let mut told = Told::default();
    let good = || report(Mode::Detach, &[1], &[1]);
    assert_eq!(told.pass(failed(Class::Denied, "Forbidden.RAM")), ["credential-failing"]);
    assert_eq!(told.pass(failed(Class::Denied, "Forbidden.RAM")), [""; 0]);
    assert_eq!(told.pass(failed(Class::Unauthenticated, "BadKey")), ["credential-failing"]);
    assert_eq!(told.pass(good()), ["credential-working"]);
    let denied =
        ended(Mode::Detach, &[1], &[1, 2], &Outcome::Blocked(why(Class::Denied, "Forbidden")));
    assert_eq!(told.pass(denied.clone()), ["credential-failing", "drift-found", "quarantine"]);
    assert_eq!(told.pass(denied), [""; 0]);
    let done = ended(Mode::Detach, &[1], &[1, 2], &DETACHED);
    assert_eq!(told.pass(done), ["credential-working", "quarantine-left", "drift-repaired"]);
    assert_eq!(told.pass(failed(Class::Retired, "Gone")), ["retired"]);
    assert_eq!(told.pass(failed(Class::Retired, "Gone")), [""; 0]);
    assert_eq!(told.pass(good()), ["readable-again"]);
    assert_eq!(told.pass(failed(Class::Misconfigured, "InvalidVpc")), ["unreadable"]);
    assert_eq!(told.pass(good()), ["readable-again"]);
    let passes: Vec<_> = (0..5).flat_map(|_| told.pass(partial())).collect();
    assert_eq!(passes, ["unreadable"], "at the third, once");
    assert_eq!(told.pass(good()), ["readable-again"]);
}

#[test]
fn what_stops_and_what_is_refused_is_told_when_it_begins_and_when_it_ends() {
    let mut told = Told::default();
    let stopped = |paused: &[&str], latched: &[&str], journal: Option<&str>| Happening::Stopped {
        paused: paused.iter().map(|pause| (*pause).to_owned()).collect(),
        latched: latched.iter().map(|pause| (*pause).to_owned()).collect(),
        journal: journal.map(str::to_owned),
    };
    assert_eq!(told.words(&stopped(&["a"], &[], None)), ["paused"]);
    assert_eq!(
        told.words(&stopped(&["a", "b"], &["b"], Some("disk full"))),
        ["pause-latched", "journal-failing"]
    );
    assert_eq!(told.words(&stopped(&["a", "b"], &["b"], Some("disk full"))), [""; 0]);
    assert_eq!(told.words(&stopped(&["b"], &["b"], None)), ["resumed", "journal-working"]);
    assert_eq!(told.words(&stopped(&[], &[], None)), ["resumed"]);
    let trouble = |why: Option<&str>| Happening::Trouble(why.map(str::to_owned));
    assert_eq!(told.words(&trouble(None)), [""; 0]);
    assert_eq!(told.words(&trouble(Some("x"))), ["source-refused"]);
    assert_eq!(told.words(&trouble(Some("x"))), [""; 0]);
    assert_eq!(told.words(&trouble(Some("y"))), ["source-refused"]);
    assert_eq!(told.words(&trouble(None)), ["source-accepted-again"]);
}

#[test]
fn news_name_the_revision_in_force() {
    let mut told = Told::default();
    let revision = Arc::new(Revision::of_content(Digest::of([b"x".as_slice()])));
    assert_eq!(told.words(&Happening::Accepted(Arc::clone(&revision))), [""; 0]);
    let news = told.all(&Happening::Trouble(Some("\u{1b}[2Jbad".into())));
    assert_eq!(news[0].revision, None, "what is refused is another one");
    let (paused, latched) = (Vec::new(), Vec::new());
    let failing = told.all(&Happening::Stopped { paused, latched, journal: Some("full".into()) });
    assert_eq!(failing[0].revision, Some(revision.clone()));
    assert!(news[0].title.contains(revision.digest.short()), "{news:?}");
    assert!(!news[0].text.contains('\u{1b}'), "{news:?}");
}

#[test]
fn an_end_that_comes_near_is_told_once_for_each_notice() {
    let mut told = Told::default();
    let place = crate::plan::tests::place();
    let expiring = |notice, days_left| {
        Happening::Expiring(
            scope(),
            Expiring {
                instance: id(1),
                until: moment(100 * 86_400).wall,
                days_left,
                place: place.clone(),
                notice,
            },
        )
    };
    assert_eq!(told.words(&expiring(Notice::Fourteen, 14)), ["exception-expiring"]);
    assert_eq!(told.words(&expiring(Notice::Fourteen, 13)), [""; 0]);
    assert_eq!(told.words(&expiring(Notice::Seven, 7)), ["exception-expiring"]);
}

proptest! {
    /// Whatever passes find and however actions end: a link is told to differ and to be right by turns,
    /// goes into quarantine and out of it by turns, and a hold ends only if there is one.
    #[test]
    fn what_begins_and_what_ends_are_told_by_turns(
        passes in prop::collection::vec(
            (prop::collection::btree_set(0usize..9, 0..9), prop::collection::btree_set(0usize..9, 0..9), 0usize..8),
            1..40,
        ),
    ) {
        let mut told = Told::default();
        let (mut differing, mut resting) = (BTreeMap::new(), BTreeMap::new());
        let mut held = false;
        for (wanted, linked, kind) in passes {
            let wanted: Vec<usize> = wanted.into_iter().collect();
            let linked: Vec<usize> = linked.into_iter().collect();
            let report = match kind {
                0 => partial(),
                1 => failed(Class::Denied, "Forbidden"),
                2 => report(Mode::Detach, &wanted, &linked),
                3 => ended(Mode::Sync, &wanted, &linked, &Outcome::Failed(why(Class::Waiting, "Locked"))),
                4 => ended(Mode::Detach, &wanted, &linked, &Outcome::Unknown(why(Class::Ambiguous, "timeout"))),
                5 => ended(Mode::Detach, &wanted, &linked, &Outcome::Blocked(why(Class::Denied, "Forbidden"))),
                6 => ended(Mode::Sync, &wanted, &linked, &DETACHED),
                _ => report(Mode::Sync, &wanted, &linked),
            };
            let same = Arc::new(report);
            let news = told.all(&Happening::Passed(Arc::clone(&same)));
            for news in &news {
                let (turns, begins) = match news.event {
                    Event::DriftFound => (&mut differing, true),
                    Event::DriftRepaired => (&mut differing, false),
                    Event::Quarantine => (&mut resting, true),
                    Event::QuarantineLeft => (&mut resting, false),
                    Event::Hold => { held = true; continue }
                    Event::HoldEnded => { prop_assert!(held); held = false; continue }
                    _ => continue,
                };
                for link in &news.links {
                    // A link can be unexpected and then missing: count what stands.
                    let stands: &mut i32 = turns.entry(link.clone()).or_default();
                    *stands += if begins { 1 } else { -1 };
                    prop_assert!((0..=2).contains(stands), "{news:?}");
                }
            }
            if !same.applied.iter().any(|applied| applied.outcome.is_converged()) && kind != 0 {
                prop_assert_eq!(told.all(&Happening::Passed(same)), vec![], "told twice");
            }
        }
    }
}
