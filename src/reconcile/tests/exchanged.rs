//! A key that is exchanged in the middle of a pass.

use super::super::*;
use super::outcomes;
use super::world::{World, world};
use crate::cloud::{CloudError, Page, Query};
use crate::model::{AccountId, Mode};
use crate::observe::Pins;
use crate::sim::SimAccount;
use crate::sim::seed::default_account;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Reads as before, and tells of another key after the exchange.
#[derive(Clone)]
struct Exchanged {
    cloud: SimAccount,
    generation: Arc<AtomicU64>,
    after: AccountId,
}

impl ReadLinks for Exchanged {
    async fn describe(&self, query: &Query) -> Result<Page, CloudError> {
        self.cloud.describe(query).await
    }
}

impl Identify for Exchanged {
    async fn caller(&self) -> Result<AccountId, CloudError> {
        match self.generation() {
            0 => self.cloud.caller().await,
            _ => Ok(self.after.clone()),
        }
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }
}

/// A pass over 30 links to detach, whose key becomes one of `after` when the fifth intent is written: the
/// report, the detaches that were sent before, and those that were sent in all.
async fn pass_with_key_of(after: AccountId) -> (World, ScopeReport, usize) {
    let world = world(Mode::Detach, 0..10, 0..40);
    let generation = Arc::new(AtomicU64::new(0));
    let (intents, before) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let (exchange, sent, sim) = (Arc::clone(&generation), Arc::clone(&before), world.sim.clone());
    world.memory.watch(move |entry| {
        if entry.kind == "intent" && intents.fetch_add(1, Ordering::Relaxed) == 4 {
            exchange.store(1, Ordering::Relaxed);
            let detaches = |calls: Vec<crate::sim::Call>| {
                calls.iter().filter(|call| call.action == "DetachClassicLinkVpc").count()
            };
            sent.store(detaches(sim.calls()), Ordering::Relaxed);
        }
    });
    let Reads { reader, lanes, account, clock, .. } = world.reads.clone();
    let pins =
        Pins::new([(account.clone(), default_account().unwrap())].into(), Arc::clone(&clock));
    let reader = Exchanged { cloud: reader, generation, after };
    let reads = Reads { reader, lanes, account, pins, clock };
    let report = pass(&reads, &world.writes, &world.desired).await;
    world.holds_the_safety_rules();
    (world, report, before.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn not_one_call_is_made_with_the_key_of_another_account() {
    let (world, report, before) = pass_with_key_of(AccountId::parse("42").unwrap()).await;
    assert!(before > 0);
    assert_eq!(world.detaches(), before);
    let skipped = outcomes(&report).get("skipped").copied().unwrap_or_default();
    assert_eq!(skipped, 30 - before, "{:?}", outcomes(&report));
}

#[tokio::test(start_paused = true)]
async fn another_key_of_the_same_account_costs_a_question_and_no_link() {
    let (world, report, before) = pass_with_key_of(default_account().unwrap()).await;
    assert!(before > 0 && before < 30);
    assert_eq!((world.detaches(), world.links().len()), (30, 10), "{:?}", outcomes(&report));
}
