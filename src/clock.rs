//! Time as a value: the one place that reads the system clock.
//!
//! Everything that decides takes a [`Moment`] as an argument. Ages and deadlines use the monotonic
//! part, so that a stepped wall clock neither freshens an old observation nor ages a new one; dates
//! that people wrote (`until`, windows) use the wall part.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

mod timings;

pub use timings::Timings;

/// A point in time, on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock, UTC.
    pub wall: Timestamp,
    /// Time since some fixed point of this process; never goes back.
    pub monotonic: Duration,
}

impl Moment {
    /// How long ago `earlier` was, on the monotonic clock; zero if it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        self.monotonic.saturating_sub(earlier.monotonic)
    }

    /// This moment, earlier by `ago` on both clocks.
    pub fn before(self, ago: Duration) -> Self {
        let wall = SignedDuration::try_from(ago)
            .ok()
            .and_then(|signed| self.wall.checked_sub(signed).ok())
            .unwrap_or(Timestamp::MIN);
        Self { wall, monotonic: self.monotonic.saturating_sub(ago) }
    }

    /// This moment, later by `wait` on both clocks.
    pub fn after(self, wait: Duration) -> Self {
        let wall = SignedDuration::try_from(wait)
            .ok()
            .and_then(|signed| self.wall.checked_add(signed).ok())
            .unwrap_or(Timestamp::MAX);
        Self { wall, monotonic: self.monotonic.saturating_add(wait) }
    }
}

/// A time with a unit, such as `60s` or `1h 30m`; `None` where it is none, or negative. A day is 24
/// hours here: nothing that is typed so follows a calendar.
pub fn duration(text: &str) -> Option<Duration> {
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok()) {
        return Some(Duration::from_secs(24 * 3600 * u64::from(days)));
    }
    text.parse::<SignedDuration>().ok().and_then(|signed| signed.try_into().ok())
}

/// Tells the time. Implemented by [`SystemClock`] and, for tests and simulation, [`TokioClock`].
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Moment;
}

/// What the monotonic clock says when the process begins: not zero, so that moments shortly before
/// have a place on it.
const BEGIN: Duration = Duration::from_secs(24 * 3600);

/// The clocks of the operating system.
#[derive(Debug, Clone)]
pub struct SystemClock {
    start: std::time::Instant,
}

impl SystemClock {
    /// A clock whose monotonic part starts at a day.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the system clock"
    )]
    pub fn new() -> Self {
        Self { start: std::time::Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the system clock"
    )]
    fn now(&self) -> Moment {
        Moment { wall: Timestamp::now(), monotonic: BEGIN + self.start.elapsed() }
    }
}

/// A clock that follows the runtime's timer, paused or not, from a given wall time on.
#[derive(Debug, Clone)]
pub struct TokioClock {
    start: tokio::time::Instant,
    wall: Timestamp,
}

impl TokioClock {
    /// A clock that says `wall` now, and moves with the runtime's timer.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads a clock")]
    pub fn starting_at(wall: Timestamp) -> Self {
        Self { start: tokio::time::Instant::now(), wall }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Moment {
        let monotonic = self.start.elapsed();
        // Asked so often in a simulation that the ways of `Timestamp` to add are too slow.
        let nanoseconds =
            i64::from(self.wall.subsec_nanosecond()) + i64::from(monotonic.subsec_nanos());
        let (carry, rest) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
        let second = self.wall.as_second().checked_add_unsigned(monotonic.as_secs());
        let second = second.and_then(|second| second.checked_add(carry));
        let wall = second.zip(i32::try_from(rest).ok());
        let wall = wall.and_then(|(second, rest)| Timestamp::new(second, rest).ok());
        Moment { wall: wall.unwrap_or(Timestamp::MAX), monotonic }
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Moment {
        (**self).now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_ignore_a_stepped_wall_clock() {
        let earlier = Moment {
            wall: Timestamp::from_second(1_000_000).unwrap(),
            monotonic: Duration::from_secs(10),
        };
        let later = Moment {
            wall: Timestamp::from_second(10).unwrap(),
            monotonic: Duration::from_secs(15),
        };
        assert_eq!(later.since(earlier), Duration::from_secs(5));
        assert_eq!(earlier.since(later), Duration::ZERO);
        assert_eq!(earlier.after(Duration::from_secs(3)).wall.as_second(), 1_000_003);
        assert_eq!(earlier.after(Duration::MAX).wall, Timestamp::MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn the_tokio_clock_follows_paused_time() {
        let clock = TokioClock::starting_at(Timestamp::from_second(100).unwrap());
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(clock.now().wall.as_second(), 107);
        assert_eq!(clock.now().monotonic, Duration::from_secs(7));
    }

    #[tokio::test(start_paused = true)]
    async fn the_tokio_clock_adds_as_moments_do() {
        for begin in ["2026-11-23T10:00:00.7Z", "2026-11-23T10:00:00Z", "1969-12-31T23:59:58.3Z"] {
            let begin: Timestamp = begin.parse().unwrap();
            let clock = TokioClock::starting_at(begin);
            let zero = Moment { wall: begin, monotonic: Duration::ZERO };
            for wait in [0, 1, 299, 300, 301, 999, 1_000, 86_400_000] {
                tokio::time::advance(Duration::from_millis(wait)).await;
                let now = clock.now();
                assert_eq!(now, zero.after(now.monotonic));
            }
        }
        assert_eq!(TokioClock::starting_at(Timestamp::MAX).now().wall, Timestamp::MAX);
    }
}
