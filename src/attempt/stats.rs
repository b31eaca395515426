//! How the limits of calls stand, for whoever shows them.

use super::{LaneState, Lanes, lock};
use crate::model::Lane;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How the limits of one account and region stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LaneStats {
    /// Calls that have a place among those in flight.
    pub in_flight: usize,
    /// Reads a second.
    pub reads: f64,
    /// Detaches a second.
    pub detaches: f64,
    /// Attaches a second.
    pub attaches: f64,
    /// What is left for retries, of 500.
    pub retries_left: u32,
}

impl Lanes {
    /// Of every account and region that was called so far.
    pub fn stats(&self) -> BTreeMap<Lane, LaneStats> {
        let lanes: BTreeMap<Lane, Arc<LaneState>> = lock(&self.lanes).clone();
        let stats = lanes.into_iter().map(|(lane, state)| {
            let most = self.concurrency(&lane).max(1);
            let stats = LaneStats {
                in_flight: most.saturating_sub(state.in_flight.available_permits()),
                reads: lock(&state.reads).rate(),
                detaches: lock(&state.detaches).rate(),
                attaches: lock(&state.attaches).rate(),
                retries_left: lock(&state.budget).left(),
            };
            (lane, stats)
        });
        stats.collect()
    }
}
