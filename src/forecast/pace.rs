//! How fast calls of one verb begin: by the real limiter, and by the places among the calls in flight.

use crate::clock::Moment;
use crate::retry::limiter::{self, Limiter, Rates};
use jiff::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// Calls one after the other. Moments are durations since the forecast's now.
///
/// More calls do not change when earlier ones begin, and a lower rate begins none earlier: between two
/// calls lies at least the inverse of the rate, which depends only on how many calls have ended.
pub(super) struct Pace {
    limiter: Limiter,
    /// Among the calls in flight.
    places: usize,
    /// How long a call keeps its place.
    held: Duration,
    /// When calls that are prepared or in flight end, the next one first.
    under_way: VecDeque<Duration>,
    entered: Duration,
}

impl Pace {
    /// No call under way; `places` at least 1.
    pub fn new(rates: Rates, places: usize, held: Duration) -> Self {
        Self {
            limiter: Limiter::new(rates),
            places: places.max(1),
            held,
            under_way: VecDeque::new(),
            entered: Duration::ZERO,
        }
    }

    /// Beside a run's own reads: they take places, too. One is under way nearly all the time.
    pub fn beside_reads(rates: Rates, concurrency: usize, latency: Duration) -> Self {
        match concurrency {
            0 | 1 => Self::new(rates, 1, latency * 2),
            more => Self::new(rates, more - 1, latency),
        }
    }

    /// Calls a second at this moment.
    pub fn rate(&self) -> f64 {
        self.limiter.rate()
    }

    /// When the next call can be prepared.
    pub fn free(&self) -> Duration {
        let prepared = limiter::prepared(self.places);
        let next = self.under_way.front().filter(|_| self.under_way.len() >= prepared);
        next.copied().unwrap_or_default().max(self.entered)
    }

    /// One more call, not before `ready`: when it is prepared, and when it begins.
    pub fn call(&mut self, ready: Duration) -> (Duration, Duration) {
        self.entered = self.free().max(ready);
        while self.under_way.front().is_some_and(|end| *end <= self.entered) {
            self.under_way.pop_front();
            self.limiter.succeeded();
        }
        // The limiter asks the monotonic clock only.
        let now = Moment { wall: Timestamp::UNIX_EPOCH, monotonic: self.entered };
        let allowed = self.entered + self.limiter.reserve(now);
        let before = self.under_way.len().checked_sub(self.places);
        let place = before.and_then(|index| self.under_way.get(index)).copied();
        let begins = allowed.max(place.unwrap_or_default());
        self.under_way.push_back(begins + self.held);
        (self.entered, begins)
    }
}
