//! Whole passes of the real code against the simulated cloud, on paused time.

use super::*;
use crate::clock::Clock;
use crate::desired::{Declared, Place};
use crate::model::{Amount, Mode, Revision};
use crate::outcome::Outcome;
use crate::plan::tests::scope;
use crate::report::Standing;
use crate::report::Verdict;
use std::collections::BTreeMap;
use std::time::Duration;
use world::{id, world};

mod asked;
mod carried;
mod exchanged;
mod forecast;
mod seeded;
mod world;

fn outcomes(report: &ScopeReport) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for applied in &report.applied {
        *counts.entry(applied.outcome.as_str()).or_insert(0) += 1;
    }
    counts
}

#[tokio::test(start_paused = true)]
async fn stale_links_go_and_a_second_pass_has_nothing_to_do() {
    let world = world(Mode::Detach, 0..150, 0..170);
    let report = world.pass().await;
    assert_eq!(outcomes(&report), [("converged", 20)].into());
    assert_eq!((world.links().len(), world.detaches()), (150, 20));
    let again = world.pass().await;
    assert_eq!((again.verdict.clone(), again.standing()), (Verdict::InSync, Standing::Clean));
    assert_eq!(world.detaches(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_pass_over_an_unchanged_vpc_costs_its_pages_and_seams_only() {
    for (links, pages) in [(0, 1), (100, 1), (101, 2), (1000, 12)] {
        let world = world(Mode::Detach, 0..links, 0..links);
        world.pass().await;
        assert_eq!(world.calls("DescribeClassicLinkInstances"), pages, "{links} links");
    }
}

#[tokio::test(start_paused = true)]
async fn a_detach_is_not_believed_before_a_read_shows_it() {
    let world = world(Mode::Detach, 0..10, 0..12);
    world.set("detach-delay", "20s");
    let begun = world.clock.now();
    let report = world.pass().await;
    assert_eq!(outcomes(&report), [("converged", 2)].into());
    assert!(world.clock.now().since(begun) >= Duration::from_secs(20));
    assert_eq!(world.detaches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_detach_that_does_not_show_within_a_minute_is_left_to_the_next_pass() {
    let world = world(Mode::Detach, 0..10, 0..11);
    world.set("detach-delay", "5m");
    let report = world.pass().await;
    assert_eq!(outcomes(&report), [("unknown", 1)].into());
    assert_eq!((report.standing(), world.detaches()), (Standing::Pending, 1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_settled_by_reading_and_not_by_calling_again() {
    let world = world(Mode::Detach, 0..10, 0..13);
    world.set("lost", "next:2");
    world.set("only-actions", "DetachClassicLinkVpc");
    world.set("detach-delay", "3s");
    let report = world.pass().await;
    assert_eq!(outcomes(&report), [("converged", 3)].into());
    assert_eq!(world.detaches(), 3, "no link was detached twice");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_failed_without_effect_is_repeated_after_the_settling_time() {
    let world = world(Mode::Detach, 0..10, 0..11);
    world.set("only-actions", "DetachClassicLinkVpc");
    world.set("error-before", "next:1");
    let begun = world.clock.now();
    let report = world.pass().await;
    assert_eq!(outcomes(&report), [("converged", 1)].into());
    assert_eq!(world.detaches(), 2);
    assert!(world.clock.now().since(begun) >= Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn not_found_converges_only_when_a_read_shows_the_link_gone() {
    let lying = world(Mode::Detach, 0..10, 0..11);
    lying.set("stuck", "i-0010:InvalidInstanceId.NotFound");
    let report = lying.pass().await;
    assert_eq!(outcomes(&report), [("unknown", 1)].into(), "{:?}", report.applied);
    assert_eq!(lying.links().len(), 11);

    let released = world(Mode::Detach, 0..10, 0..11);
    let hasty = released.pass();
    tokio::pin!(hasty);
    // Released after it was confirmed and before it is called: in the middle of the first call.
    released.set("latency", "100ms");
    let late = async {
        tokio::time::sleep(Duration::from_millis(350)).await;
        released.sim.release(&scope().region, &id(10));
    };
    let (report, ()) = tokio::join!(hasty, late);
    assert_eq!(outcomes(&report), [("converged", 1)].into(), "{:?}", report.applied);
}

#[tokio::test(start_paused = true)]
async fn a_blocked_link_is_quarantined_probed_slowly_and_stops_nothing_else() {
    let world = world(Mode::Detach, 0..10, 0..14);
    world.set("stuck", "i-0011:OperationDenied");
    let report = world.pass().await;
    assert_eq!(outcomes(&report), [("blocked", 1), ("converged", 3)].into());
    let calls = world.detaches();
    let again = world.pass().await;
    assert_eq!((outcomes(&again), world.detaches()), ([("skipped", 1)].into(), calls));
    assert_eq!(again.standing(), Standing::Pending);
    tokio::time::advance(Duration::from_secs(20 * 60)).await;
    world.set("stuck", "");
    assert_eq!(outcomes(&world.pass().await), [("converged", 1)].into());
    assert!(world.writes.quarantine.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_instance_in_transition_is_waited_for() {
    let world = world(Mode::Detach, 0..10, 0..12);
    world.set("stuck", "i-0010:InvalidStatus.InstanceStatus:2");
    assert_eq!(outcomes(&world.pass().await), [("converged", 2)].into());
    assert_eq!(world.detaches(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_quota_by_the_minute_is_lived_with() {
    let world = world(Mode::Detach, 0..10, 0..50);
    world.set("limit-per-minute", "15");
    world.set("only-actions", "DetachClassicLinkVpc");
    let report = world.pass().await;
    assert_eq!(outcomes(&report), [("converged", 40)].into());
    let calls = world.sim.calls();
    let throttled = calls.iter().filter(|c| c.code.starts_with("Throttling"));
    assert!(throttled.count() <= 40, "the limiter learns");
}

#[tokio::test(start_paused = true)]
async fn without_permission_the_scope_stops() {
    let world = world(Mode::Detach, 0..10, 0..110);
    world.set("deny-actions", "DetachClassicLinkVpc");
    let report = world.pass().await;
    assert_eq!(world.links().len(), 110);
    assert!(
        world.detaches() <= world.reads.lanes.concurrency(&scope().lane()),
        "{}",
        world.detaches()
    );
    assert_eq!(outcomes(&report).keys().copied().collect::<Vec<_>>(), ["blocked", "skipped"]);

    let calls = world.detaches();
    world.pass().await;
    assert_eq!(world.detaches(), calls, "the scope rests");
    tokio::time::advance(Duration::from_secs(20 * 60)).await;
    world.pass().await;
    assert_eq!(world.detaches(), calls + 1, "one call finds out");
    world.set("deny-actions", "");
    tokio::time::advance(Duration::from_secs(20 * 60)).await;
    assert_eq!(outcomes(&world.pass().await)["converged"], 1);
    assert_eq!(outcomes(&world.pass().await), [("converged", 99)].into());
}

#[tokio::test(start_paused = true)]
async fn without_permission_to_read_nothing_is_known_and_nothing_is_done() {
    let world = world(Mode::Detach, 0..10, 0..11);
    world.set("deny-actions", "DescribeClassicLinkInstances");
    let report = world.pass().await;
    assert!(matches!(report.verdict, Verdict::Failed(_)), "{report:?}");
    assert_eq!((report.standing(), world.detaches()), (Standing::Error, 0));
}

#[tokio::test(start_paused = true)]
async fn a_cloud_that_fails_is_partial_and_not_empty() {
    for (fault, value) in [
        ("error-before", "100%"),
        ("html", "100%"),
        ("regions-down", "cn-hangzhou"),
        ("foreign-link", "100%"),
    ] {
        let world = world(Mode::Sync, 0..10, 0..11);
        world.set(fault, value);
        let report = world.pass().await;
        assert_eq!(report.verdict, Verdict::Partial, "{fault}");
        assert_eq!(world.detaches() + world.calls("AttachClassicLinkVpc"), 0, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_durable_intent_there_is_no_call() {
    let world = world(Mode::Detach, 0..10, 0..13);
    world.memory.fail(true);
    let report = world.pass().await;
    assert_eq!((world.detaches(), world.links().len()), (0, 13));
    assert_eq!(outcomes(&report), [("unjournaled", 3)].into());
    assert_eq!(report.standing(), Standing::Error);
}

#[tokio::test(start_paused = true)]
async fn the_newest_revision_is_asked_before_each_call() {
    let world = world(Mode::Detach, 0..100, 0..110);
    // 10 calls with 20 a second; the manifests change in the middle.
    world.set("latency", "200ms");
    let mut keeping = (*world.desired).clone();
    let place = Place { file: "new.yaml".into(), line: 1, column: 1 };
    for n in 100..110 {
        let said = Declared { until: None, reason: None, protected: false, place: place.clone() };
        keeping.links.insert(id(n), said);
    }
    keeping.revision =
        Arc::new(Revision::of_content(crate::model::Digest::of([b"new".as_slice()])));
    let keeping = Arc::new(keeping);
    let change = async {
        tokio::time::sleep(Duration::from_millis(900)).await;
        world.publish(&keeping, false);
        world.detaches()
    };
    let (report, before) = tokio::join!(pass(&world.reads, &world.writes, &world.desired), change);
    assert!((1..9).contains(&before), "{before} calls before the change");
    assert!(world.detaches() <= before + world.reads.lanes.concurrency(&scope().lane()));
    assert!(outcomes(&report)["withdrawn"] >= 1, "{:?}", outcomes(&report));
    assert_eq!(world.links().len(), 110 - outcomes(&report)["converged"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_cut_while_the_manifests_are_changing() {
    let world = world(Mode::Detach, 0..10, 0..12);
    world.publish(&world.desired, true);
    let settle = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(world.detaches(), 0);
        world.publish(&world.desired, false);
    };
    let (report, ()) = tokio::join!(world.pass(), settle);
    assert_eq!(outcomes(&report), [("converged", 2)].into());

    world.sim.attach_by_hand(&scope().region, &scope().link(id(10)));
    world.publish(&world.desired, true);
    assert_eq!(outcomes(&world.pass().await), [("skipped", 1)].into(), "it does not wait forever");
}

#[tokio::test(start_paused = true)]
async fn asked_to_end_it_finishes_the_calls_in_hand_and_skips_the_rest() {
    let world = world(Mode::Detach, 0..10, 0..110);
    world.set("latency", "500ms");
    let end = async {
        tokio::time::sleep(Duration::from_millis(2500)).await;
        world.stop.cancel();
        world.clock.now()
    };
    let (report, asked) = tokio::join!(world.pass(), end);
    assert!(world.clock.now().since(asked) < Duration::from_secs(10));
    assert!(world.detaches() < 100 && world.detaches() > 0, "{}", world.detaches());
    assert!(outcomes(&report)["skipped"] > 0);
}

#[tokio::test(start_paused = true)]
async fn sync_attaches_and_verifies() {
    let world = world(Mode::Sync, 0..10, 3..12);
    world.set("attach-delay", "2s");
    let report = world.pass().await;
    assert_eq!(outcomes(&report), [("converged", 5)].into());
    assert_eq!(world.links(), (0..10).map(|n| id(n).to_string()).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn detach_mode_never_attaches() {
    let world = world(Mode::Detach, 0..10, 3..12);
    let report = world.pass().await;
    assert_eq!((report.missing.len(), world.calls("AttachClassicLinkVpc")), (3, 0));
    assert_eq!(report.standing(), Standing::Clean);
}

#[tokio::test(start_paused = true)]
async fn a_vpc_whose_order_changes_at_every_call_is_proven_by_count_and_ids() {
    let world = world(Mode::Detach, 0..240, 0..250);
    world.set("order", "shuffled");
    let report = world.pass().await;
    assert_eq!(outcomes(&report), [("converged", 10)].into(), "{:?}", report.refusals);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_poisons_a_read_is_found_by_halving_and_left_alone() {
    let world = world(Mode::Detach, 0..10, 0..40);
    world.set("poison", "i-0020");
    let report = world.pass().await;
    assert_eq!(outcomes(&report), [("converged", 29)].into());
    assert_eq!(report.unconfirmed, [id(20)].into());
    assert_eq!(report.standing(), Standing::Partial);
    assert!(world.links().contains(&"i-0020".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_held_plan_makes_no_call() {
    let mut world = world(Mode::Detach, 0..10, 0..20);
    Arc::make_mut(&mut world.desired).max_detach = vec![Amount::Count(9)];
    let report = world.pass().await;
    assert_eq!((report.verdict.clone(), report.standing()), (Verdict::Held, Standing::Held));
    assert_eq!(world.detaches(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_link_attached_by_hand_goes_again() {
    let world = world(Mode::Detach, 0..10, 0..11);
    world.pass().await;
    world.sim.attach_by_hand(&scope().region, &scope().link(id(10)));
    let report = world.pass().await;
    assert_eq!((outcomes(&report), world.detaches()), ([("converged", 1)].into(), 2));
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_no_storm() {
    let world = world(Mode::Detach, 0..10, 0..110);
    world.set("only-actions", "DetachClassicLinkVpc");
    world.set("unreachable", "100%");
    let report = world.pass().await;
    let intents = world.memory.entries().iter().filter(|entry| entry.kind == "intent").count();
    assert!(intents <= 100 + 36, "{intents} calls for 100 links: the retry budget is 35");
    assert!(report.applied.iter().all(|a| matches!(a.outcome, Outcome::Failed(_))));
}

#[tokio::test(start_paused = true)]
async fn ids_that_the_cloud_forgot_do_not_cost_two_calls_each() {
    let world = world(Mode::Detach, 0..310, 0..10);
    for n in 10..310 {
        assert!(world.sim.release(&scope().region, &id(n)));
    }
    let report = world.pass().await;
    assert_eq!((report.missing.len(), report.standing()), (300, Standing::Clean));
    let calls = world.calls("DescribeClassicLinkInstances");
    assert!(calls <= 1 + 3 * 17, "{calls} calls");
}

#[tokio::test(start_paused = true)]
async fn the_leave_is_asked_again_once_the_intent_is_durable() {
    let world = world(Mode::Detach, 0..10, 0..11);
    let mut keeping = (*world.desired).clone();
    let place = Place { file: "new.yaml".into(), line: 1, column: 1 };
    keeping.links.insert(id(10), Declared { until: None, reason: None, protected: false, place });
    let keeping = world::tree(&Arc::new(keeping));
    let newest = world.newest.clone();
    world.memory.watch(move |entry| {
        if entry.kind == "intent" {
            let tree = Arc::clone(&keeping);
            newest.send_replace(crate::apply::Current { tree, unsettled: false, reading: 0 });
        }
    });
    let report = pass(&world.reads, &world.writes, &world.desired).await;
    assert_eq!(outcomes(&report), [("withdrawn", 1)].into());
    assert_eq!((world.detaches(), world.links().len()), (0, 11));
    let entries = world.memory.entries();
    assert!(entries.iter().any(|e| e.kind == "answered" && e.body.contains("not-sent")));
    let (ledger, _) = world.memory.recover(world.clock.now()).unwrap();
    assert_eq!(ledger.unsettled().count(), 0);
    assert_eq!(ledger.spent(&scope().lane(), world.clock.now()).hour, 0);
}
