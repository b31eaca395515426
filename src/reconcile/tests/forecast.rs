//! Forecasts against what the run really does, on paused time.

use super::world::{NEIGHBOURS, Neighbour, World, neighbour, tree, world_within};
use super::*;
use crate::apply::Current;
use crate::attempt::Limits;
use crate::desired::Tree;
use crate::forecast::{Forecast, together};
use crate::retry::limiter::Rates;

/// What was foretold; what came, in calls and seconds.
async fn both(world: &World) -> (Forecast, [usize; 2], f64) {
    world.set("latency", "200ms");
    let proposal = propose(&world.reads, &world.writes.circumstances, &world.desired).await;
    let forecast = proposal.report.forecast.clone().unwrap();
    let of = || [world.detaches() + world.calls("AttachClassicLinkVpc"), world.sim.calls().len()];
    let (before, begun) = (of(), world.clock.now());
    let report = carry_out(&world.reads, &world.writes, proposal, Arc::new(Run::of("apply"))).await;
    let seconds = world.clock.now().since(begun).as_secs_f64();
    assert_eq!(report.standing(), Standing::Clean);
    assert_eq!(report.forecast, None, "what is done is not to come");
    let after = of();
    (forecast, [after[0] - before[0], after[1] - before[1]], seconds)
}

fn differs(foretold: f64, came: f64) -> f64 {
    (foretold - came).abs() / came
}

async fn agrees(limits: Limits, mode: Mode, wanted: usize, linked: std::ops::Range<usize>) {
    let world = world_within(limits, 0, mode, 0..wanted, linked);
    let (forecast, [writes, all], seconds) = both(&world).await;
    let lasts = forecast.lasts().unwrap() as f64;
    let said =
        format!("{limits:?}: {forecast:?}; came {writes} writes of {all} calls, {seconds} s");
    assert_eq!(forecast.calls.detach + forecast.calls.attach, writes as u64, "{said}");
    assert!(differs(forecast.calls.total() as f64, all as f64) <= 0.20, "{said}");
    // The forecast is in whole seconds, rounded up.
    assert!(differs(lasts, seconds) <= 0.25 || lasts - seconds < 1.0, "{said}");
}

#[tokio::test(start_paused = true)]
async fn two_hundred_detaches_cost_and_take_what_was_foretold() {
    agrees(Limits::default(), Mode::Detach, 1000, 0..1200).await;
}

#[tokio::test(start_paused = true)]
async fn other_limits_are_foretold_as_well() {
    let with = |start, max, concurrency| Limits {
        writes: Rates { start, max },
        concurrency,
        ..Limits::default()
    };
    let (hasty, slow) = (with(50.0, 100.0, 16), with(2.0, 2.0, 8));
    let (alone, few) = (with(5.0, 50.0, 1), with(5.0, 50.0, 4));
    for limits in [hasty, slow, alone, few] {
        agrees(limits, Mode::Detach, 100, 0..200).await;
    }
    agrees(Limits { reads: Rates { start: 1.0, max: 1.0 }, ..few }, Mode::Detach, 50, 0..90).await;
}

#[tokio::test(start_paused = true)]
async fn attaches_come_after_the_detaches_and_few_links_are_quick() {
    agrees(Limits::default(), Mode::Sync, 60, 40..100).await;
    agrees(Limits::default(), Mode::Detach, 10, 0..11).await;
    agrees(Limits::default(), Mode::Detach, 10, 0..15).await;
}

/// Limits of a cloud that lets one call a second through.
fn crawling() -> Limits {
    Limits { writes: Rates { start: 1.0, max: 1.0 }, ..Limits::default() }
}

#[tokio::test(start_paused = true)]
async fn calls_that_wait_longer_than_a_confirmation_lasts_take_no_slot_from_others() {
    agrees(crawling(), Mode::Detach, 60, 0..100).await;
    let (_, calls, seconds) = side_by_side(8, 50).await;
    assert!(calls < 800 && seconds < 60.0, "{calls} calls, {seconds} s");
}

/// Plans of so many VPCs, each with `stale` links, carried out at the same time: what was foretold, and
/// what came, in calls and seconds.
async fn side_by_side(vpcs: usize, stale: usize) -> (Forecast, usize, f64) {
    let world = world_within(Limits::default(), vpcs, Mode::Detach, 0..10, 0..10);
    world.set("latency", "200ms");
    let mut all = Tree::clone(&tree(&world.desired));
    let mut proposals = Vec::new();
    for n in 1..=vpcs {
        let Neighbour { vpc, ids } = neighbour(n);
        let mut desired = Desired::clone(&world.desired);
        let said = desired.links.values().next().unwrap().clone();
        desired.scope.vpc = vpc;
        desired.links =
            ids.into_iter().take(NEIGHBOURS - stale).map(|id| (id, said.clone())).collect();
        let desired = Arc::new(desired);
        proposals.push(propose(&world.reads, &world.writes.circumstances, &desired).await);
        all.scopes.insert(desired.scope.clone(), desired);
    }
    world.newest.send_replace(Current { tree: Arc::new(all), unsettled: false, reading: 0 });
    let asks = proposals.iter().map(|of| (of.report.scope.lane(), of.ask.as_ref().unwrap()));
    let whole = together(asks).unwrap().all;
    let (calls, begun) = (world.sim.calls().len(), world.clock.now());
    let run = Arc::new(Run::of("apply"));
    let passes = proposals
        .into_iter()
        .map(|of| carry_out(&world.reads, &world.writes, of, Arc::clone(&run)));
    futures_util::future::join_all(passes).await;
    let seconds = world.clock.now().since(begun).as_secs_f64();
    assert_eq!((whole.calls.detach, world.detaches()), ((vpcs * stale) as u64, vpcs * stale));
    (whole, world.sim.calls().len() - calls, seconds)
}

async fn agrees_side_by_side(vpcs: usize, stale: usize) {
    let (whole, calls, seconds) = side_by_side(vpcs, stale).await;
    let said = format!("{whole:?}; came {calls} calls, {seconds} s");
    assert!(differs(whole.calls.total() as f64, calls as f64) <= 0.20, "{said}");
    assert!(differs(whole.lasts().unwrap() as f64, seconds) <= 0.25, "{said}");
}

#[tokio::test(start_paused = true)]
async fn plans_side_by_side_share_the_rate_as_was_foretold() {
    agrees_side_by_side(2, 50).await;
    agrees_side_by_side(4, 25).await;
}
