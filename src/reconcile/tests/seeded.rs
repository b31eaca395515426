//! Passes under faults drawn from a seed: nothing kept is ever cut, no link is detached twice, and
//! once the faults end everything converges and stays.

use super::outcomes;
use super::world::{World, id, world};
use crate::model::Mode;
use crate::report::Standing;
use std::collections::BTreeSet;
use std::time::Duration;

/// Schedules of every test run.
const SEEDS: u64 = 150;

/// Sets faults of the kinds that a cloud and the way to it show, each half of the time.
fn break_it(world: &World, random: &mut fastrand::Rng) -> String {
    let mut set = Vec::new();
    for (name, most) in [
        ("lost", 20),
        ("error-before", 20),
        ("error-after", 20),
        ("reset", 10),
        ("unreachable", 10),
        ("html", 10),
    ] {
        if random.bool() {
            set.push((name, format!("{}%", random.u32(1..=most))));
        }
    }
    if random.bool() {
        set.push(("detach-delay", format!("0s..{}s", random.u32(1..=10))));
    }
    if random.bool() {
        set.push(("attach-delay", format!("0s..{}s", random.u32(1..=10))));
    }
    if random.bool() {
        set.push(("limit-per-minute", random.u32(40..=200).to_string()));
    }
    if random.bool() {
        set.push(("order", if random.bool() { "shuffled" } else { "drifting" }.to_owned()));
    }
    if random.bool() {
        set.push(("latency", format!("0s..{}ms", random.u32(1..=3000))));
    }
    if random.u32(0..4) == 0 {
        set.push(("page-shift", "1".to_owned()));
    }
    for (name, value) in &set {
        world.set(name, value);
    }
    format!("{set:?}")
}

fn heal(world: &World) {
    world.sim.configure(|switches| *switches = crate::sim::Switches::default());
}

/// The cloud's side of the story: a detach that changed something, and then another call for the
/// same link although nobody attached it again.
fn detached_twice(world: &World) -> Vec<String> {
    let mut gone = BTreeSet::new();
    let mut twice = Vec::new();
    for call in world.sim.calls() {
        let Some(instance) = call.params.get("InstanceId").cloned() else { continue };
        match call.action.as_str() {
            "DetachClassicLinkVpc" if call.changed => {
                gone.insert(instance);
            }
            "DetachClassicLinkVpc" if gone.contains(&instance) => twice.push(instance),
            "AttachClassicLinkVpc" if call.changed => {
                gone.remove(&instance);
            }
            _ => (),
        }
    }
    twice
}

async fn schedule(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let kept = random.usize(1..130);
    let stale = random.usize(0..12);
    let missing = random.usize(0..5);
    let mode = if random.bool() { Mode::Sync } else { Mode::Detach };
    let world = world(mode, 0..kept + missing, (0..kept).chain(500..500 + stale));
    let faults = break_it(&world, &mut random);
    let context =
        format!("seed {seed}: {mode}, {kept} kept, {stale} stale, {missing} missing, {faults}");
    for _ in 0..random.u32(1..4) {
        world.pass().await;
        tokio::time::advance(Duration::from_secs(random.u64(1..120))).await;
    }
    heal(&world);
    let mut passes = 0;
    loop {
        // Long enough for a quarantined link to be probed.
        tokio::time::advance(Duration::from_secs(20 * 60)).await;
        let report = world.pass().await;
        if report.standing() == Standing::Clean {
            break;
        }
        passes += 1;
        assert!(passes < 5, "{context}: {:?} {:?}", outcomes(&report), report.refusals);
    }
    let expected = if mode == Mode::Sync { kept + missing } else { kept };
    assert_eq!(world.links().len(), expected, "{context}");
    assert!((0..kept).all(|n| world.links().contains(&id(n).to_string())), "{context}");
    assert_eq!(detached_twice(&world), Vec::<String>::new(), "{context}");
    let writes = world.detaches() + world.calls("AttachClassicLinkVpc");
    for _ in 0..24 {
        tokio::time::advance(Duration::from_secs(3600)).await;
        world.pass().await;
    }
    let later = world.detaches() + world.calls("AttachClassicLinkVpc");
    assert_eq!(writes, later, "{context}: it does not rest");
}

#[tokio::test(start_paused = true)]
async fn whatever_the_cloud_does_nothing_kept_is_cut_and_it_converges() {
    for seed in 0..SEEDS {
        schedule(seed).await;
    }
}
