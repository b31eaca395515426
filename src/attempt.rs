//! Runs calls under the limits that one account and region share: calls in flight, rates, retry
//! budget. The only module that names `backoff`.

use crate::clock::{Clock, Moment};
use crate::cloud::{Class, CloudError, Page, Query, ReadLinks};
use crate::model::{AccountName, Lane, PerAccount, Verb};
use crate::retry::budget::Budget;
use crate::retry::limiter::{self, Limiter, Rates};
use crate::retry::{self, Policy};
use backoff::Retryable as _;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

mod stats;

pub use stats::LaneStats;

/// Reads that may begin at once after a rest: as many as one look at a VPC of 1,000 links takes (12
/// pages, the links that differ, and their confirmation). Changes get no burst.
const READ_BURST: u32 = 16;
/// How long writes with a credential rest after the cloud refused it.
const HALT: Duration = Duration::from_secs(60);

/// What one account and region may use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Reads a second.
    pub reads: Rates,
    /// Writes a second, for each verb.
    pub writes: Rates,
    /// Calls in flight.
    pub concurrency: usize,
}

impl Default for Limits {
    /// The defaults of the configuration file.
    fn default() -> Self {
        Self {
            reads: Rates { start: 20.0, max: 100.0 },
            writes: Rates { start: 5.0, max: 50.0 },
            concurrency: 16,
        }
    }
}

/// What a call does, as far as the cloud's quotas are concerned: they count by action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `DescribeClassicLinkInstances`
    Read,
    /// `DetachClassicLinkVpc` or `AttachClassicLinkVpc`
    Write(Verb),
}

/// The limits of every account and region, shared by all passes.
pub struct Lanes {
    limits: PerAccount<Limits>,
    clock: Arc<dyn Clock>,
    random: Mutex<fastrand::Rng>,
    lanes: Mutex<BTreeMap<Lane, Arc<LaneState>>>,
    halted: Mutex<BTreeMap<AccountName, Duration>>,
}

struct LaneState {
    in_flight: Arc<Semaphore>,
    /// Calls that are prepared or in flight: a few more, so that a place that is free is taken by a
    /// change whose intent is durable already.
    prepared: Arc<Semaphore>,
    reads: Mutex<Limiter>,
    detaches: Mutex<Limiter>,
    attaches: Mutex<Limiter>,
    budget: Mutex<Budget>,
}

impl LaneState {
    fn limiter(&self, kind: Kind) -> &Mutex<Limiter> {
        match kind {
            Kind::Read => &self.reads,
            Kind::Write(Verb::Detach) => &self.detaches,
            Kind::Write(Verb::Attach) => &self.attaches,
        }
    }
}

/// A place among the calls in flight.
#[derive(Debug)]
pub struct Place {
    _place: OwnedSemaphorePermit,
}

/// A place among the calls that are prepared, at a moment the rate allows.
#[derive(Debug)]
pub struct Slot {
    _prepared: OwnedSemaphorePermit,
    began: Moment,
}

async fn acquired(of: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    // The semaphores are never closed.
    match Arc::clone(of).acquire_owned().await {
        Ok(permit) => permit,
        Err(_) => std::future::pending().await,
    }
}

/// A poisoned lock holds plain numbers that are valid after any panic.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lanes {
    /// Full budgets, starting rates; jitter comes from `seed`.
    pub fn new(limits: impl Into<PerAccount<Limits>>, clock: Arc<dyn Clock>, seed: u64) -> Self {
        Self {
            limits: limits.into(),
            clock,
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            lanes: Mutex::default(),
            halted: Mutex::default(),
        }
    }

    /// What an account may use in each region.
    pub fn limits(&self, account: &AccountName) -> Limits {
        *self.limits.of(account)
    }

    /// Calls in flight that an account and region may have.
    pub fn concurrency(&self, lane: &Lane) -> usize {
        self.limits.of(&lane.account).concurrency
    }

    /// Jitter in 0..1.
    pub fn jitter(&self) -> f64 {
        lock(&self.random).f64()
    }

    /// Waits until a change may be prepared, at a moment the rate allows; it still needs a
    /// [`Lanes::place`]. It is worth nothing after `by`, on the monotonic clock: what would come too late
    /// takes no slot from others.
    ///
    /// # Errors
    /// How long to wait before asking again.
    pub async fn admit_by(&self, lane: &Lane, kind: Kind, by: Duration) -> Result<Slot, Duration> {
        let state = self.state(lane);
        let late = |limiter: &Limiter, now: Moment| {
            let wait = limiter.next_in(now);
            (now.monotonic + wait > by).then_some(wait)
        };
        let now = self.clock.now();
        if let Some(wait) = late(&lock(state.limiter(kind)), now) {
            return Err(wait);
        }
        let prepared = Arc::clone(&state.prepared).acquire_owned();
        let left = by.saturating_sub(now.monotonic);
        let Ok(Ok(prepared)) = tokio::time::timeout(left, prepared).await else {
            return Err(Duration::ZERO);
        };
        let mut wait = {
            let mut limiter = lock(state.limiter(kind));
            let now = self.clock.now();
            match late(&limiter, now) {
                Some(wait) => return Err(wait),
                None => limiter.reserve(now),
            }
        };
        while !wait.is_zero() {
            tokio::time::sleep(wait).await;
            // A throttle that came in meanwhile holds this slot too.
            let now = self.clock.now();
            wait = lock(state.limiter(kind)).held_for(now);
            if now.monotonic + wait > by {
                return Err(wait);
            }
        }
        Ok(Slot { _prepared: prepared, began: self.clock.now() })
    }

    /// Waits for a place among the calls in flight.
    pub async fn place(&self, lane: &Lane) -> Place {
        Place { _place: acquired(&self.state(lane).in_flight).await }
    }

    /// How long calls of a kind are held because the cloud throttled one of them.
    pub fn held_for(&self, lane: &Lane, kind: Kind) -> Duration {
        lock(self.state(lane).limiter(kind)).held_for(self.clock.now())
    }

    /// Waits for the rate, and for a place among the calls in flight.
    pub async fn admit(&self, lane: &Lane, kind: Kind) -> (Slot, Place) {
        let state = self.state(lane);
        let prepared = acquired(&state.prepared).await;
        let mut wait = lock(state.limiter(kind)).reserve(self.clock.now());
        while !wait.is_zero() {
            tokio::time::sleep(wait).await;
            // A throttle that came in meanwhile holds this slot too.
            wait = lock(state.limiter(kind)).held_for(self.clock.now());
        }
        let slot = Slot { _prepared: prepared, began: self.clock.now() };
        (slot, self.place(lane).await)
    }

    /// Tells the limits how a call went. `retried_after` is the class of the failure that this call
    /// repeated, if it was a repetition.
    pub fn answered<T>(
        &self,
        lane: &Lane,
        kind: Kind,
        slot: &Slot,
        retried_after: Option<Class>,
        answer: &Result<T, CloudError>,
    ) {
        let state = self.state(lane);
        let jitter = self.jitter();
        let mut limiter = lock(state.limiter(kind));
        match answer {
            Ok(_) => {
                limiter.succeeded();
                lock(&state.budget).give_back(retried_after);
            }
            Err(error) if error.class == Class::Throttled => {
                limiter.throttled(slot.began, self.clock.now(), error.retry_after, jitter);
            }
            // The cloud did its part: the rate was fine.
            Err(error) if error.request_id.is_some() && error.class != Class::Ambiguous => {
                limiter.succeeded();
            }
            Err(_) => (),
        }
    }

    /// The wait before a call is repeated, or `None` when its tries or the retry budget are used
    /// up. A throttled call waits in [`Lanes::admit`], with all others of its kind.
    pub fn retry(
        &self,
        lane: &Lane,
        policy: Policy,
        attempt: u32,
        error: &CloudError,
    ) -> Option<Duration> {
        let (now, jitter) = (self.clock.now(), self.jitter());
        let wait = retry::wait(policy, attempt, error.class, error.retry_after, now, jitter)?;
        let state = self.state(lane);
        let affordable = lock(&state.budget).take(error.class);
        affordable.then_some(if error.class == Class::Throttled { Duration::ZERO } else { wait })
    }

    /// Calls a second that a kind of call may make now.
    pub fn rate(&self, lane: &Lane, kind: Kind) -> f64 {
        lock(self.state(lane).limiter(kind)).rate()
    }

    /// Lets all writes of an account rest: the cloud refused its credential.
    pub fn halt(&self, account: &AccountName) {
        let until = self.clock.now().monotonic + HALT;
        lock(&self.halted).insert(account.clone(), until);
    }

    /// Whether the writes of an account rest.
    pub fn is_halted(&self, account: &AccountName) -> bool {
        let now = self.clock.now().monotonic;
        lock(&self.halted).get(account).is_some_and(|until| now < *until)
    }

    /// Reads, with retries.
    ///
    /// # Errors
    /// The last [`CloudError`], when the tries are used up or no retry can help.
    pub async fn describe<R: ReadLinks>(
        &self,
        reader: &R,
        account: &AccountName,
        query: &Query,
    ) -> Result<Page, CloudError> {
        let lane = query.lane(account);
        let failed = Mutex::new((0u32, None));
        let once = || async {
            let (slot, _place) = self.admit(&lane, Kind::Read).await;
            let answer = reader.describe(query).await;
            let retried_after = lock(&failed).1;
            self.answered(&lane, Kind::Read, &slot, retried_after, &answer);
            answer
        };
        let again = |error: &CloudError, _| {
            let attempt = {
                let mut failed = lock(&failed);
                failed.0 += 1;
                failed.1 = Some(error.class);
                failed.0
            };
            let wait = self.retry(&lane, Policy::READS, attempt, error);
            tracing::debug!(%error, attempt, ?wait, "a read failed");
            wait
        };
        once.retry(std::iter::repeat(Duration::ZERO)).adjust(again).await
    }

    fn state(&self, lane: &Lane) -> Arc<LaneState> {
        let mut lanes = lock(&self.lanes);
        if let Some(state) = lanes.get(lane) {
            return Arc::clone(state);
        }
        let limits = self.limits.of(&lane.account);
        let concurrency = limits.concurrency.max(1);
        let state = Arc::new(LaneState {
            in_flight: Arc::new(Semaphore::new(concurrency)),
            prepared: Arc::new(Semaphore::new(limiter::prepared(concurrency))),
            reads: Mutex::new(Limiter::with_burst(limits.reads, READ_BURST)),
            detaches: Mutex::new(Limiter::new(limits.writes)),
            attaches: Mutex::new(Limiter::new(limits.writes)),
            budget: Mutex::default(),
        });
        lanes.insert(lane.clone(), Arc::clone(&state));
        state
    }
}

#[cfg(test)]
mod tests;
