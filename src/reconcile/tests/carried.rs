//! Calls that are not settled within their pass, or within their process.

use super::outcomes;
use super::world::{World, id, world};
use crate::apply::{Carried, Unsettled};
use crate::clock::Clock;
use crate::cloud::{Class, CloudError};
use crate::model::{Mode, Verb};
use crate::plan::tests::scope;
use crate::report::Standing;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_link_that_is_slow_to_show_does_not_hold_up_its_scope() {
    let mut world = world(Mode::Detach, 0..10, 0..12);
    assert!(world.sim.detach_by_hand(&scope().region, &id(11)));
    world.writes.patience = Some(Duration::from_secs(5));
    world.set("detach-delay", "40s");
    let begun = world.clock.now();
    assert_eq!(outcomes(&world.pass().await), [("settling", 1)].into());
    assert!(world.clock.now().since(begun) < Duration::from_secs(8));
    world.set("detach-delay", "0s");
    assert!(world.sim.attach_by_hand(&scope().region, &scope().link(id(11))));
    let report = world.pass().await;
    assert_eq!(outcomes(&report), [("converged", 1), ("settling", 1)].into());
    tokio::time::advance(Duration::from_secs(40)).await;
    let report = world.pass().await;
    assert_eq!(outcomes(&report), [("converged", 1)].into(), "settled by the list alone");
    assert_eq!((world.detaches(), report.standing()), (2, Standing::Clean));
    let kinds = |kind: &str| world.memory.entries().iter().filter(|e| e.kind == kind).count();
    assert_eq!(kinds("settled"), 2, "each link has one final word");
}

/// A world in which one link was detached just now, by a process that is gone, and still is listed.
async fn detached_by_another(failure: Option<CloudError>) -> World {
    let mut world = world(Mode::Detach, 0..10, 0..11);
    world.writes.patience = Some(Duration::from_secs(1));
    world.set("detach-delay", "30s");
    assert_eq!(outcomes(&world.pass().await), [("settling", 1)].into());
    world.writes.patience = None;
    world.writes.unsettled = Unsettled::default();
    let carried = Carried { attempts: 1, failure, ended: world.clock.now(), repeat: None };
    world.writes.unsettled.put(&scope(), &id(10), Verb::Detach, carried);
    world
}

#[tokio::test(start_paused = true)]
async fn a_call_of_an_earlier_process_is_read_and_not_repeated() {
    let world = detached_by_another(None).await;
    assert_eq!(outcomes(&world.pass().await), [("converged", 1)].into());
    assert_eq!(world.detaches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_answer_was_lost_with_its_process_waits_for_the_settling_time() {
    let lost = CloudError::new(Class::Ambiguous, "lost-response", "");
    let world = detached_by_another(Some(lost)).await;
    let begun = world.clock.now();
    world.pass().await;
    let again = world.sim.calls().into_iter().filter(|c| c.action == "DetachClassicLinkVpc").nth(1);
    if let Some(again) = again {
        assert!(again.monotonic - begun.monotonic >= crate::outcome::SETTLED_AFTER);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_quota_does_not_hold_up_the_end() {
    let world = world(Mode::Detach, 0..10, 0..60);
    world.set("limit-per-minute", "12");
    world.set("throttle-hint", "none");
    let end = async {
        tokio::time::sleep(Duration::from_secs(9)).await;
        world.stop.cancel();
        world.clock.now()
    };
    let (_, asked) = tokio::join!(world.pass(), end);
    assert!(world.clock.now().since(asked) < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_frozen_scope_still_reads_the_calls_it_made() {
    let world = detached_by_another(None).await;
    world.writes.quarantine.freeze(&scope(), "no permission", world.clock.now(), 0.0);
    assert_eq!(outcomes(&world.pass().await), [("converged", 1)].into());
    assert_eq!(world.detaches(), 1);
}
