//! Calls that are not settled within their pass, or within their process.

use super::super::*;
use super::outcomes;
use super::world::{id, world};
use crate::model::Mode;
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

#[tokio::test(start_paused = true)]
async fn a_call_of_an_earlier_process_is_read_and_not_repeated() {
    for accepted in [true, false] {
        let world = world(Mode::Detach, 0..10, 0..11);
        world.set("detach-delay", "10s");
        assert!(world.sim.detach_by_hand(&scope().region, &id(10)));
        let failure = (!accepted).then(|| {
            crate::cloud::CloudError::new(crate::cloud::Class::Ambiguous, "lost-response", "")
        });
        let (ended, instance) = (world.clock.now(), id(10));
        let carried = crate::apply::Carried { attempts: 1, failure, ended, repeat: None };
        world.writes.unsettled.put(&scope(), &instance, crate::model::Verb::Detach, carried);
        assert_eq!(
            outcomes(&pass(&world.reads, &world.writes, &world.desired).await),
            [("converged", 1)].into()
        );
        assert_eq!(world.detaches(), 0, "accepted: {accepted}");
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
    let world = world(Mode::Detach, 0..10, 0..12);
    world.set("detach-delay", "30s");
    assert!(world.sim.detach_by_hand(&scope().region, &id(10)));
    let (ended, instance) = (world.clock.now(), id(10));
    let carried = crate::apply::Carried { attempts: 1, failure: None, ended, repeat: None };
    world.writes.unsettled.put(&scope(), &instance, crate::model::Verb::Detach, carried);
    world.writes.quarantine.freeze(&scope(), "no permission", world.clock.now(), 0.0);
    let report = pass(&world.reads, &world.writes, &world.desired).await;
    assert_eq!(outcomes(&report), [("converged", 1), ("skipped", 1)].into());
    assert_eq!(world.detaches(), 0);
}
