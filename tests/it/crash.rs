//! SIGKILL at any moment of an `apply`, again and again: no call without an intent before it, no budget
//! overspent, nothing kept is cut, and once an `apply` may end, no link is left unknown.
//!
//! `CLASSICLINKD_CRASHES=200 cargo test --test it crash` kills so many processes in each test. A round
//! that fails prints its seed; with `CLASSICLINKD_CRASH_SEED` the first round has that one. The seed
//! draws the moments and the cloud's pace; what a process is doing at that moment, the machine decides.

use crate::harness::Ran;
use classiclinkd::clock::{Clock, SystemClock};
use classiclinkd::journal::Past;
use classiclinkd::ledger::Event;
use classiclinkd::ledger::event::Settled;
use classiclinkd::model::{AccountName, Lane};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use world::World;

mod world;

/// Kills of each test, unless the environment says otherwise.
const KILLS: u64 = 6;
/// Kills in one world before an `apply` is let end.
const KILLS_OF_ONE: u64 = 3;
/// Rounds at the same time: most of one is waiting for a link whose call may be on its way still.
const AT_ONCE: u64 = 4;

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().map_or(usual, |text| text.parse().unwrap())
}

/// What the rounds of a test have come to.
#[derive(Default)]
struct Tally {
    killed: AtomicU64,
    /// Of these, with a call on its way.
    calling: AtomicU64,
    rounds: AtomicU64,
}

/// Prints the seed of a round that fails, and lets no other begin.
struct Told<'a> {
    seed: u64,
    tally: &'a Tally,
}

impl Drop for Told<'_> {
    #[expect(clippy::print_stderr, reason = "this is how a seed is told")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed with CLASSICLINKD_CRASH_SEED={}", self.seed);
            self.tally.killed.store(u64::MAX / 2, Ordering::Relaxed);
        }
    }
}

/// Carries out rounds until enough processes were killed.
#[expect(clippy::print_stderr, reason = "how many kills met a call is worth knowing")]
fn rounds(round: impl Fn(&mut fastrand::Rng, &Tally) + Sync) {
    let (wanted, first) =
        (number("CLASSICLINKD_CRASHES", KILLS), number("CLASSICLINKD_CRASH_SEED", 1));
    let tally = Tally::default();
    let work = || {
        while tally.killed.load(Ordering::Relaxed) < wanted {
            let seed = first + tally.rounds.fetch_add(1, Ordering::Relaxed);
            let _told = Told { seed, tally: &tally };
            round(&mut fastrand::Rng::with_seed(seed), &tally);
        }
    };
    std::thread::scope(|scope| {
        (0..AT_ONCE.min(wanted.div_ceil(KILLS_OF_ONE))).for_each(|_| drop(scope.spawn(work)));
    });
    let Tally { killed, calling, rounds } = &tally;
    eprintln!("{killed:?} killed in {rounds:?} rounds, {calling:?} of them during calls");
}

/// Kills `apply` at moments up to `span`, a few times at most, until one ends by itself, and says how
/// that one ended. What `holds` says is looked at after each.
fn kill_until_one_ends(
    world: &World,
    span: Duration,
    (random, tally): (&mut fastrand::Rng, &Tally),
    holds: impl Fn() -> Past,
) -> Ran {
    for _ in 0..KILLS_OF_ONE {
        let ended = world.begin().live(span.mul_f64(random.f64()));
        let past = holds();
        if let Some(ran) = ended {
            return ran;
        }
        tally.killed.fetch_add(1, Ordering::Relaxed);
        let calling = past.ledger.open_intents().next().is_some();
        tally.calling.fetch_add(u64::from(calling), Ordering::Relaxed);
    }
    let ran = world.begin().end();
    holds();
    ran
}

/// How long an `apply` takes that nobody kills, and how it ends.
fn undisturbed(world: &World) -> (Duration, Ran) {
    let clock = SystemClock::new();
    let begun = clock.now();
    let ran = world.begin().end();
    (clock.now().since(begun), ran)
}

/// What the journal says last of each link: nothing is open, and each has one final word.
fn nothing_is_unknown(past: &Past, stale: usize) {
    assert_eq!(past.ledger.open_intents().count(), 0);
    assert_eq!(past.ledger.unsettled().collect::<Vec<_>>(), Vec::<&_>::new());
    let mut words: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for item in &past.items {
        if let Event::Settled(settled) = &item.event {
            words.entry(settled.instance.as_str()).or_default().push(&settled.outcome);
        }
    }
    let converged = |said: &Vec<&str>| *said == [Settled::CONVERGED];
    assert!(words.values().all(converged), "{words:?}");
    assert_eq!(words.len(), stale);
}

#[test]
fn an_apply_of_500_links_killed_at_any_moment_is_made_good_by_the_next() {
    let world =
        || World::new(2, 225, 250, &["limits.budget.hour=100000", "limits.budget.day=100000"]);
    let clean = world();
    let (span, ran) = undisturbed(&clean);
    assert_eq!(ran.code, 0, "{ran:?}");
    nothing_is_unknown(&clean.holds(), 500);
    rounds(|random, tally| {
        let world = world().paced(random);
        let ended = kill_until_one_ends(&world, span, (random, tally), || world.holds());
        assert_eq!(ended.code, 0, "{ended:?}");
        let last = world.begin().end();
        assert_eq!(last.code, 0, "{last:?}");
        assert_eq!(world.stale_left(), 0);
        nothing_is_unknown(&world.holds(), world.stale);
    });
}

const BUDGET: usize = 40;

/// The rules that hold scopes, as the report of an `apply` names them.
fn rules(ran: &Ran) -> BTreeSet<String> {
    let json = ran.json();
    let within =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_array).unwrap().clone();
    let refusals = within(&json, "scopes").into_iter().flat_map(|scope| within(&scope, "refusals"));
    refusals
        .map(|refusal| refusal.get("rule").and_then(Value::as_str).unwrap().to_owned())
        .collect()
}

/// The calls that the cloud saw are among those that the journal counts, and those fit the budget.
fn within_budget(world: &World) -> (Past, usize) {
    let past = world.holds();
    let account = AccountName::parse("default").unwrap();
    let lane = Lane { account, region: crate::harness::region() };
    let spent = past.ledger.spent(&lane, SystemClock::new().now()).hour;
    let spent = usize::try_from(spent).unwrap();
    let sent: usize = world::intents(&past).values().map(|times| times.len()).sum();
    let seen = world.detaches().len();
    assert_eq!(spent, sent, "a send is an intent that may have led to a call");
    assert!(seen <= spent && spent <= BUDGET, "{seen} calls, {spent} counted");
    (past, spent)
}

#[test]
fn a_budget_is_not_overspent_by_an_apply_that_is_killed_and_started_again() {
    let world = || World::new(24, 3, 5, &["limits.budget.hour=40"]);
    let clean = world();
    let (span, ran) = undisturbed(&clean);
    assert_eq!((ran.code, within_budget(&clean).1), (2, BUDGET), "{ran:?}");
    assert_eq!(clean.detaches().len(), BUDGET);
    rounds(|random, tally| {
        let world = world().paced(random);
        kill_until_one_ends(&world, span, (random, tally), || within_budget(&world).0);
        let spent = within_budget(&world).1;
        let last = world.begin().end();
        assert_eq!((last.code, within_budget(&world).1), (3, spent), "{last:?}");
        let rules = rules(&last);
        let stops = |rule: &str| rule == "pause" || rule == "budget";
        assert!(!rules.is_empty() && rules.iter().all(|rule| stops(rule)), "{rules:?}");
    });
}
