//! The clock of the host, which people and services set.

use super::referee::When;
use crate::clock::{Clock, Moment, TokioClock};
use jiff::SignedDuration;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The clock of the host: the true one, and how far the wall clock is off.
#[derive(Clone)]
pub(super) struct HostClock {
    truth: TokioClock,
    /// In milliseconds.
    off: Arc<AtomicI64>,
}

impl HostClock {
    pub fn new(truth: TokioClock) -> Self {
        Self { truth, off: Arc::default() }
    }

    /// Sets how far the wall clock is off.
    pub fn set(&self, off: SignedDuration) {
        let off = i64::try_from(off.as_millis()).unwrap_or_default();
        self.off.store(off, Ordering::Relaxed);
    }

    /// How far the wall clock is off.
    pub fn off(&self) -> SignedDuration {
        SignedDuration::from_millis(self.off.load(Ordering::Relaxed))
    }

    /// Now, as the referee counts.
    pub fn when(&self) -> When {
        let Moment { wall, monotonic } = self.now();
        When { mono: monotonic, wall }
    }
}

impl Clock for HostClock {
    fn now(&self) -> Moment {
        let now = self.truth.now();
        let off = self.off();
        if off.is_zero() {
            return now;
        }
        Moment { wall: now.wall.checked_add(off).unwrap_or(now.wall), ..now }
    }
}
