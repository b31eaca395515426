//! An in-memory ECS ClassicLink that does what the documentation says, deterministically, with
//! faults to order: the second implementation of the seams, and an HTTP server that the official
//! SDKs talk to.
//!
//! The facts come from `api-contract.md`, whose section 11 is the specification of this module.
//! What the documentation leaves open is a switch ([`Switches`]). Two handles of one [`Sim`] share
//! one cloud; the same seed and the same calls give the same answers and the same log.
//!
//! - `state`, `semantics`, `problem`: what exists, what operations do, what they refuse; pure.
//! - `exchange`: one call from arrival to answer.
//! - `seams`: [`SimAccount`], for the reconciler in the same process.
//! - `http`: for everybody else.

use crate::clock::{Clock, Moment};
use crate::model::{AccountId, InstanceId, Link, Region, VpcId};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub mod exchange;
pub mod http;
pub mod problem;
pub mod seams;
pub mod seed;
pub mod semantics;
pub mod state;
pub mod switches;

pub use seams::SimAccount;
pub use seed::{Seed, world_for};
pub use state::{Call, State, Status};
pub use switches::{Chance, Spread, SwitchError, Switches};

/// The simulated cloud. Clones share it.
#[derive(Clone)]
pub struct Sim {
    state: Arc<Mutex<State>>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sim").finish_non_exhaustive()
    }
}

impl Sim {
    /// A cloud as the seed describes it. Everything random comes from `rng_seed`.
    pub fn new(seed: &Seed, clock: Arc<dyn Clock>, rng_seed: u64) -> Self {
        let mut state = State::new(rng_seed);
        seed.plant(&mut state);
        Self { state: Arc::new(Mutex::new(state)), clock }
    }

    /// The seams as that account sees them.
    pub fn account(&self, id: &AccountId) -> SimAccount {
        SimAccount::new(self.clone(), id.clone())
    }

    /// Sets the switch of that name; see [`Switches::HELP`].
    ///
    /// # Errors
    /// [`SwitchError`] when the name or the value is not known.
    pub fn set(&self, name: &str, value: &str) -> Result<(), SwitchError> {
        self.with(|state, _| state.switches.set(name, value))
    }

    /// Changes switches as plain values.
    pub fn configure(&self, change: impl FnOnce(&mut Switches)) {
        self.with(|state, _| change(&mut state.switches));
    }

    /// Looks at or changes anything, as of now.
    pub fn with<T>(&self, look: impl FnOnce(&mut State, Moment) -> T) -> T {
        let now = self.clock.now();
        let mut state = self.lock();
        state.catch_up(now);
        look(&mut state, now)
    }

    /// Every call the cloud saw so far, the latest hundred thousand at most.
    pub fn calls(&self) -> Vec<Call> {
        self.calls_since(0)
    }

    /// The calls with a number greater than that.
    pub fn calls_since(&self, number: u64) -> Vec<Call> {
        self.with(|state, _| state.log.since(number).cloned().collect())
    }

    /// The true links of the VPC, whatever readers are told, by instance id.
    pub fn links(&self, region: &Region, vpc: &VpcId) -> Vec<Link> {
        let key = (region.clone(), vpc.clone());
        self.with(|state, _| {
            let members = state.links.members(&key).into_iter().flatten();
            members.map(|id| Link { instance: id.clone(), vpc: vpc.clone() }).collect()
        })
    }

    /// Attaches as a person at the console would. Answers whether instance and VPC exist.
    pub fn attach_by_hand(&self, region: &Region, link: &Link) -> bool {
        self.with(|state, now| state.attach_by_hand(now, region, link))
    }

    /// Detaches as a person at the console would. Answers whether there was a link.
    pub fn detach_by_hand(&self, region: &Region, instance: &InstanceId) -> bool {
        self.with(|state, now| state.detach_by_hand(now, region, instance))
    }

    /// Releases the instance. Answers whether it existed.
    pub fn release(&self, region: &Region, instance: &InstanceId) -> bool {
        self.with(|state, now| state.release(now, region, instance))
    }

    /// Changes the status of the instance. Answers whether it exists.
    pub fn set_status(&self, region: &Region, instance: &InstanceId, status: Status) -> bool {
        self.edit(region, instance, |instance| instance.status = status)
    }

    /// Locks or unlocks the instance. Answers whether it exists.
    pub fn set_locked(&self, region: &Region, instance: &InstanceId, locked: bool) -> bool {
        self.edit(region, instance, |instance| instance.locked = locked)
    }

    fn edit(
        &self,
        region: &Region,
        instance: &InstanceId,
        change: impl FnOnce(&mut state::Instance),
    ) -> bool {
        let key = (region.clone(), instance.clone());
        self.with(|state, _| state.instances.get_mut(&key).map(change).is_some())
    }

    /// No call panics while it holds the lock; if one did, what it left is still the cloud.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
