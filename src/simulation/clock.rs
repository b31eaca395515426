//! The clock of the host, which people and services set.

use super::referee::When;
use crate::clock::{Clock, Moment, TokioClock};
use jiff::SignedDuration;
use std::sync::{Arc, Mutex, PoisonError};

/// The clock of the host: the true one, and how far the wall clock is off.
#[derive(Clone)]
pub(super) struct HostClock {
    truth: TokioClock,
    off: Arc<Mutex<SignedDuration>>,
}

impl HostClock {
    pub fn new(truth: TokioClock) -> Self {
        Self { truth, off: Arc::default() }
    }

    /// Sets how far the wall clock is off.
    pub fn set(&self, off: SignedDuration) {
        *self.off.lock().unwrap_or_else(PoisonError::into_inner) = off;
    }

    /// How far the wall clock is off.
    pub fn off(&self) -> SignedDuration {
        *self.off.lock().unwrap_or_else(PoisonError::into_inner)
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
