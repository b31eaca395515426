//! What stands between a plan and its calls, when it changes in between.

use super::world::{World, id, world};
use super::{outcomes, pass};
use crate::clock::Clock;
use crate::desired::{Declared, Place};
use crate::gate::Bounds;
use crate::ledger::event::Cause;
use crate::ledger::{Budget, Spent};
use crate::model::Mode;
use crate::plan::tests::scope;
use crate::report::Verdict;
use std::sync::Arc;
use std::time::Duration;

fn bound(world: &mut World, hour: u64) {
    let bounds = Bounds { budget: Budget { hour, day: 100 }, ..Bounds::default() };
    world.writes.circumstances.bounds = Arc::new(bounds.into());
}

fn spent(world: &World) -> Spent {
    let books = world.writes.journal.books();
    books.read(|ledger| ledger.spent(&scope().lane(), world.clock.now()))
}

fn paused(world: &World) -> Option<Cause> {
    let books = world.writes.journal.books();
    books.read(|ledger| ledger.paused(&scope()).map(|(_, pause)| pause.cause))
}

#[tokio::test(start_paused = true)]
async fn a_call_takes_no_leave_that_another_was_given() {
    let mut world = world(Mode::Detach, 0..10, 0..16);
    bound(&mut world, 6);
    let books = world.writes.journal.books().clone();
    // Other scopes of the region are given leave for four of six, once this plan is approved.
    world.memory.watch(move |entry| {
        if entry.kind == "passed" {
            (0..4).for_each(|_| books.decide(|ledger| ledger.reserve(&scope().lane())));
        }
    });
    world.pass().await;
    assert_eq!((world.detaches(), paused(&world)), (2, Some(Cause::Budget)));
}

#[tokio::test(start_paused = true)]
async fn a_way_that_is_not_ready_uses_up_nothing_and_the_next_pass_goes_on() {
    let world = world(Mode::Detach, 0..10, 0..12);
    world.set("unready", "100%");
    let report = world.pass().await;
    assert_eq!(outcomes(&report), [("skipped", 2)].into());
    assert_eq!((world.detaches(), spent(&world)), (0, Spent::default()));
    let intents = world.memory.entries().iter().filter(|entry| entry.kind == "intent").count();
    assert_eq!(intents, 0);
    let books = world.writes.journal.books();
    let proposed = books.read(|ledger| ledger.last_pass(&scope()).unwrap().1.actions.len());
    assert_eq!(proposed, 2, "what no call was made for is told by the pass alone");
    world.set("unready", "0%");
    assert_eq!(outcomes(&world.pass().await), [("converged", 2)].into(), "none is in quarantine");
}

#[tokio::test(start_paused = true)]
async fn a_leave_whose_intent_is_not_journaled_is_given_back() {
    let world = world(Mode::Detach, 0..10, 0..13);
    let memory = world.memory.clone();
    world.memory.watch(move |entry| memory.fail(entry.kind == "began"));
    let report = world.pass().await;
    assert_eq!(outcomes(&report), [("unjournaled", 3)].into());
    assert_eq!((world.detaches(), spent(&world)), (0, Spent::default()));
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_meets_a_spent_budget_pauses_until_somebody_resumes() {
    let mut world = world(Mode::Detach, 0..10, 0..12);
    bound(&mut world, 3);
    world.pass().await;
    assert_eq!((world.detaches(), paused(&world)), (2, None));
    for n in [10, 11] {
        world.sim.attach_by_hand(&scope().region, &scope().link(id(n)));
    }
    let report = world.pass().await;
    assert_eq!((report.verdict, paused(&world)), (Verdict::Held, Some(Cause::Budget)));
    world.pass().await;
    let pauses = world.memory.entries().iter().filter(|entry| entry.kind == "paused").count();
    assert_eq!(pauses, 1, "it is written down once");
    tokio::time::advance(Duration::from_secs(2 * 3600)).await;
    assert_eq!((world.pass().await.verdict, world.detaches()), (Verdict::Held, 2));
}

#[tokio::test(start_paused = true)]
async fn detaches_that_were_sent_within_the_budget_and_do_not_show_yet_pause_nothing() {
    let mut world = world(Mode::Detach, 0..10, 0..12);
    bound(&mut world, 2);
    world.writes.patience = Some(Duration::from_secs(1));
    world.set("detach-delay", "30s");
    assert_eq!(outcomes(&world.pass().await), [("settling", 2)].into());
    let again = world.pass().await;
    assert_eq!((again.verdict, paused(&world)), (Verdict::Approved, None));
    tokio::time::advance(Duration::from_secs(30)).await;
    world.pass().await;
    assert_eq!((world.pass().await.verdict, world.detaches()), (Verdict::InSync, 2));
    assert_eq!(paused(&world), None);
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_when_it_is_confirmed_is_not_called() {
    let world = world(Mode::Detach, 0..10, 0..11);
    let sim = world.sim.clone();
    // Between the plan and the read by id.
    world.memory.watch(move |entry| {
        if entry.kind == "passed" {
            assert!(sim.detach_by_hand(&scope().region, &id(10)));
        }
    });
    assert_eq!(outcomes(&world.pass().await), [("converged", 1)].into());
    assert_eq!(world.detaches(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_goes_goes_before_anything_comes() {
    let world = world(Mode::Sync, 0..10, 3..12);
    world.pass().await;
    let calls = world.sim.calls();
    let writes = calls.iter().map(|call| call.action.as_str()).filter(|it| !it.starts_with("Desc"));
    let writes: Vec<_> = writes.collect();
    assert!(writes.len() == 5 && writes.is_sorted_by(|one, next| one >= next), "{writes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_may_have_had_an_effect_is_not_withdrawn_by_a_later_edit() {
    let world = world(Mode::Detach, 0..10, 0..11);
    world.set("only-actions", "DetachClassicLinkVpc");
    world.set("error-before", "next:1");
    let mut keeping = (*world.desired).clone();
    let place = Place { file: "new.yaml".into(), line: 1, column: 1 };
    keeping.links.insert(id(10), Declared { until: None, reason: None, protected: false, place });
    let change = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        world.publish(&Arc::new(keeping), false);
    };
    let (report, ()) = tokio::join!(pass(&world.reads, &world.writes, &world.desired), change);
    assert_eq!((outcomes(&report), world.detaches()), ([("settling", 1)].into(), 1));
    let unsettled = world.writes.journal.books().read(|ledger| ledger.unsettled().count());
    assert_eq!(unsettled, 1, "the next pass, or process, reads it");
}

#[tokio::test(start_paused = true)]
async fn an_attach_that_cannot_be_journaled_takes_back_nobody_elses_leave() {
    let world = world(Mode::Sync, 0..11, 0..10);
    let lane = scope().lane();
    let books = world.writes.journal.books().clone();
    books.decide(|ledger| ledger.reserve(&lane));
    let memory = world.memory.clone();
    world.memory.watch(move |entry| memory.fail(entry.kind == "began"));
    assert_eq!(outcomes(&world.pass().await), [("unjournaled", 1)].into());
    assert_eq!(books.read(|ledger| ledger.spent(&lane, world.clock.now()).hour), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_could_not_be_written_is_made_good_before_the_next_call() {
    let world = world(Mode::Detach, 0..10, 0..11);
    world.set("only-actions", "DetachClassicLinkVpc");
    world.set("reset", "next:1");
    // The disk is full from the first intent on, for three seconds.
    let (memory, mended) = (world.memory.clone(), world.memory.clone());
    let first = std::sync::atomic::AtomicBool::new(true);
    world.memory.watch(move |entry| {
        if entry.kind == "intent" && first.swap(false, std::sync::atomic::Ordering::Relaxed) {
            memory.fail(true);
        }
    });
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(3)).await;
        mended.fail(false);
    });
    for _ in 0..2 {
        super::super::pass(&world.reads, &world.writes, &world.desired).await;
        tokio::time::advance(Duration::from_secs(30)).await;
    }
    assert_eq!((world.links().len(), world.detaches()), (10, 2));
    let kinds: Vec<String> = world.memory.entries().iter().map(|e| e.kind.clone()).collect();
    let calls: Vec<&str> =
        kinds.iter().map(String::as_str).filter(|it| ["intent", "answered"].contains(it)).collect();
    assert_eq!(calls, ["intent", "answered", "intent", "answered"]);
}
