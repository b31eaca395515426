use super::*;
use crate::ledger::event::Target;
use crate::model::{Amount, InstanceId, Mode};
use std::time::Duration;

/// How many schedules a run of the tests makes; `CLASSICLINKD_SCHEDULES` says otherwise.
const SCHEDULES: u64 = 300;

/// Runs the first of every `step`, says how many there were, and shows what broke a rule.
fn hold(which: &Which, step: u64) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let tally = run(which, step, Size::default(), cores, 3, || false).unwrap();
    let (trials, calls, writes) = (tally.trials, tally.calls, tally.writes);
    println!("{which:?}: {trials} schedules, {calls} calls, {writes} of them writes");
    assert_eq!(tally.failed, [], "run it again with `simtest`, see docs/simulation.md");
    assert!(writes > trials / 2, "a simulation in which nothing happens shows nothing");
}

/// How many were asked for.
fn asked(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |asked| asked.parse().unwrap())
}

#[test]
fn no_schedule_breaks_a_rule() {
    hold(&Which::Seeds(0, asked("CLASSICLINKD_SCHEDULES", SCHEDULES)), 1);
}

#[test]
fn no_fault_alone_breaks_a_rule() {
    hold(&Which::Singles(2), 1);
}

#[test]
fn no_pair_of_faults_breaks_a_rule() {
    // All of them are many: a run of the tests takes one of eleven, and each fault in both places.
    hold(&Which::Pairs(1), asked("CLASSICLINKD_PAIRS_EACH", 11));
}

#[test]
fn no_triple_of_faults_breaks_a_rule() {
    hold(&Which::Triples(asked("CLASSICLINKD_TRIPLES", 200)), 1);
}

#[test]
fn a_seed_gives_the_same_trace_twice() {
    for seed in 0..20 {
        let run = || Trial::of(seed).run(Size::default(), true).unwrap();
        let (once, twice) = (run(), run());
        assert!(once == twice, "seed {seed}");
        assert!(once.findings.lines.len() > 20);
        let other = Trial::of(seed + 1).run(Size::default(), true).unwrap();
        assert_ne!(once.findings.lines, other.findings.lines);
    }
}

#[test]
fn combinations_are_what_they_say() {
    let pairs = Which::Pairs(1);
    let all: std::collections::BTreeSet<_> =
        (0..pairs.count()).map(|index| pairs.get(index).deeds).collect();
    assert_eq!(all.len(), Deed::ALL.len() * Deed::ALL.len());
    let triples = Which::Triples(5_000);
    let some: std::collections::BTreeSet<_> =
        (0..triples.count()).map(|index| triples.get(index).deeds).collect();
    assert_eq!(some.len(), 5_000, "no triple comes twice before all have come once");
}

/// A process that dies at each of its effects in turn: each call, each answer, each entry of the journal.
#[tokio::test(start_paused = true)]
async fn killed_at_any_effect_nothing_is_lost_and_nothing_is_done_twice() {
    let mut effects = 0;
    loop {
        let mut world = quiet_world(Mode::Detach, |wish| {
            wish.keep = wish.keep.iter().skip(3).cloned().collect();
        });
        world.start(effects);
        world.wait(Duration::from_secs(600)).await;
        assert_eq!(world.left(), None, "killed after {effects} effects");
        let findings = world.ground.referee.findings();
        assert_eq!(findings.violations, [""; 0], "killed after {effects} effects");
        let lives = world.lives();
        world.end().await;
        if lives == 1 {
            break;
        }
        effects += 1;
    }
    assert!(effects > 40, "only {effects} effects");
}

/// The power goes at any moment, with a disk so slow that there always is something it does not have for good.
#[tokio::test(start_paused = true)]
async fn what_a_power_cut_takes_is_done_again_and_nothing_is_done_twice() {
    let mut taken = 0;
    for moment in 0..120 {
        let mut world = quiet_world(Mode::Detach, |wish| {
            wish.keep = wish.keep.iter().skip(3).cloned().collect();
        });
        *world.ground.sync.lock().unwrap() = Duration::from_millis(400);
        world.ground.referee.power_may_go();
        world.start(u64::MAX);
        world.wait(Duration::from_millis(60 * moment)).await;
        let before = world.ground.memory.items().unwrap().len();
        world.goes_dark().await;
        taken += before - world.ground.memory.items().unwrap().len();
        world.start(u64::MAX);
        world.wait(Duration::from_secs(600)).await;
        assert_eq!(world.left(), None, "moment {moment}");
        world.end().await;
        let findings = world.ground.referee.findings();
        assert_eq!(findings.violations, [""; 0], "moment {moment}");
    }
    assert!(taken > 60, "only {taken} entries were lost");
}

/// Seed 90025491: it was asked to end while its loop wrote an entry that it died at, and was waited for forever.
#[tokio::test(start_paused = true)]
async fn a_process_that_is_killed_while_it_ends_has_ended() {
    for effects in 0..50 {
        let mut world = quiet_world(Mode::Detach, |wish| {
            wish.keep = wish.keep.iter().skip(3).cloned().collect();
        });
        world.start(effects);
        world.wait(Duration::from_secs(30)).await;
        *world.ground.sync.lock().unwrap() = Duration::from_secs(8);
        world.wishes.values_mut().for_each(|wish| wish.allow_empty = true);
        world.publish();
        world.wait(Duration::from_millis(700)).await;
        let ended = tokio::time::timeout(Duration::from_secs(3600), world.end()).await;
        assert!(ended.is_ok(), "after {effects} effects");
    }
}

/// A world in which nothing is wrong, with these wishes for its first VPC.
fn quiet_world(mode: Mode, change: impl FnOnce(&mut estate::Wish)) -> world::World {
    let mut world = world::World::new(1, Size { vpcs: 1, instances: 10 }, false).unwrap();
    let vpc = world.ground.names.vpcs[0].clone();
    let keep = world.ground.linked(&vpc);
    let (protected, max_detach) = ([].into(), None);
    let mut wish = estate::Wish { mode, keep, protected, max_detach, allow_empty: false };
    change(&mut wish);
    world.wishes = [(vpc, wish)].into();
    world.publish();
    world
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_does_not_exist_costs_no_more_than_the_passes_of_its_scope() {
    let mut world = quiet_world(Mode::Sync, |wish| {
        wish.keep.insert(InstanceId::parse("i-ghost").unwrap());
    });
    world.every(Duration::from_secs(600));
    world.start(u64::MAX);
    world.wait(Duration::from_secs(6 * 3600)).await;
    let calls = world.ground.referee.calls();
    assert!((36..300).contains(&calls), "{calls} calls");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_to_move_comes_once_it_is_let_go_however_rare_passes_are() {
    let size = Size { vpcs: 2, instances: 10 };
    let worlds = (0..).map(|seed| world::World::new(seed, size, false).unwrap());
    let suits = |world: &world::World| {
        world.ground.names.vpcs.len() == 2 && world.ground.bounds.windows.is_empty()
    };
    let mut world = worlds.into_iter().find(suits).unwrap();
    let [from, to] = [0, 1].map(|n| world.ground.names.vpcs[n].clone());
    let (mut stays, mut comes) = (world.ground.linked(&from), world.ground.linked(&to));
    comes.insert(stays.pop_first().unwrap());
    let wish = |mode, keep| estate::Wish {
        mode,
        keep,
        protected: [].into(),
        max_detach: Some(Amount::Count(1)),
        allow_empty: false,
    };
    world.wishes =
        [(from.clone(), wish(Mode::Detach, stays)), (to, wish(Mode::Sync, comes))].into();
    world.publish();
    world.every(Duration::from_secs(12 * 3600));
    let paused = Target::Scope(world.ground.names.scope(&from));
    world.pause(paused.clone()).await;
    world.start(u64::MAX);
    world.wait(Duration::from_secs(6 * 3600)).await;
    let calls = world.ground.referee.calls();
    assert!(calls < 100, "{calls} calls while there is nothing but to wait");
    world.resume(paused).await;
    world.wait(Duration::from_secs(30)).await;
    assert_eq!((world.ground.referee.writes(), world.left()), (2, None));
    world.end().await;
    assert_eq!(world.ground.referee.findings().violations, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_changed_with_a_key_that_ends_and_everything_with_the_next_one() {
    let mut world = quiet_world(Mode::Detach, |_| ());
    world.start(u64::MAX);
    world.wait(Duration::from_secs(30)).await;
    let (first, life) = (Duration::from_secs(90), Duration::from_secs(3600));
    let until = world.ground.clock.when().mono + Duration::from_secs(3600);
    let away = Some((until, process::keys::Away::Silent));
    let foreign = Duration::ZERO;
    let temporary = process::keys::Temporary { first, life, away, foreign };
    world.ground.service.give(Some(temporary), true);
    // The first one has come with the next pass, and has ended.
    world.wait(Duration::from_secs(1000)).await;
    let wish = world.wishes.values_mut().next().unwrap();
    wish.keep = wish.keep.iter().skip(3).cloned().collect();
    world.publish();
    world.wait(Duration::from_secs(2400)).await;
    assert_eq!(world.ground.referee.writes(), 0, "no change without a key that lives");
    assert!(world.left().is_some());
    world.wait(Duration::from_secs(1800)).await;
    assert_eq!((world.ground.referee.writes(), world.left()), (3, None));
    world.end().await;
    assert_eq!(world.ground.referee.findings().violations, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_time_to_end_begins_when_it_is_asked_for() {
    let mut world = quiet_world(Mode::Detach, |wish| {
        wish.keep = wish.keep.iter().skip(3).cloned().collect();
    });
    world.start(u64::MAX);
    while world.ground.referee.writes() == 0 {
        world.wait(Duration::from_millis(10)).await;
    }
    // The next call takes long, and so does what the loop itself writes meanwhile.
    world.ground.sim.set("latency", "25s").unwrap();
    world.wait(Duration::from_secs(1)).await;
    *world.ground.sync.lock().unwrap() = Duration::from_secs(8);
    world.wishes.values_mut().for_each(|wish| wish.allow_empty = true);
    world.publish();
    world.wait(Duration::from_millis(700)).await;
    world.end().await;
    assert_eq!(world.ground.referee.findings().violations, [""; 0]);
}
