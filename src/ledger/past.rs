//! When something happened, on both clocks.

use crate::clock::Moment;
use jiff::Timestamp;
use std::time::Duration;

/// The time of an event. Events of earlier processes have no place on the monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past {
    /// The wall clock.
    pub wall: Timestamp,
    /// The monotonic clock, for an event of this process.
    pub monotonic: Option<Duration>,
}

impl Past {
    /// An event of this process, now.
    pub fn now(now: Moment) -> Self {
        Self { wall: now.wall, monotonic: Some(now.monotonic) }
    }

    /// Whether it happened within `window` before `now`, by either clock: a wall clock that is set
    /// forward must not renew a budget, and one that is set back must not either
    /// (`reliability.md` P8).
    pub fn within(self, window: Duration, now: Moment) -> bool {
        let by_wall = self.age(now) < window;
        by_wall || self.monotonic.is_some_and(|then| now.monotonic.saturating_sub(then) < window)
    }

    /// Whether it did by every clock that knows of it: for what loosens a limit.
    pub fn surely_within(self, window: Duration, now: Moment) -> bool {
        let young = |then: Duration| now.monotonic.saturating_sub(then) < window;
        self.age(now) < window && self.monotonic.is_none_or(young)
    }

    /// How long after `earlier` it was, by the clock that says less.
    pub fn since(self, earlier: Self) -> Duration {
        let wall = Duration::try_from(self.wall.duration_since(earlier.wall)).unwrap_or_default();
        let both = self.monotonic.zip(earlier.monotonic);
        both.map_or(wall, |(later, earlier)| wall.min(later.saturating_sub(earlier)))
    }

    /// `now`, or when it happened if that is earlier: what is forgotten because it is old must be old by the
    /// clock of its time, too, for the clock of a process that starts may be days ahead.
    pub fn no_later_than(self, now: Moment) -> Moment {
        Moment { wall: now.wall.min(self.wall), ..now }
    }

    /// How old it is by the wall clock; zero if it lies ahead.
    pub fn age(self, now: Moment) -> Duration {
        Duration::try_from(now.wall.duration_since(self.wall)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::moment;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn the_stricter_clock_counts() {
        let then = moment(100_000);
        let set_forward = Moment { wall: then.after(24 * HOUR).wall, ..then.after(HOUR / 2) };
        let set_back = Moment { wall: then.before(HOUR).wall, ..then.after(HOUR) };
        let later = then.after(HOUR);
        let here = Past::now(then);
        let before = Past { monotonic: None, ..here };
        assert!(here.within(HOUR, set_forward) && !before.within(HOUR, set_forward));
        assert!(here.within(HOUR, set_back) && before.within(HOUR, set_back));
        assert!(!here.within(HOUR, later) && !before.within(HOUR, later));
        assert!(here.within(HOUR, then.after(HOUR - Duration::from_millis(1))));
    }
    #[test]
    fn what_loosens_a_limit_is_young_by_every_clock() {
        let then = moment(100_000);
        let set_forward = Moment { wall: then.after(24 * HOUR).wall, ..then.after(HOUR / 2) };
        let set_back = Moment { wall: then.before(HOUR).wall, ..then.after(HOUR) };
        let here = Past::now(then);
        let before = Past { monotonic: None, ..here };
        assert!(here.surely_within(HOUR, then.after(HOUR / 2)));
        assert!(!here.surely_within(HOUR, set_forward) && !before.surely_within(HOUR, set_forward));
        assert!(!here.surely_within(HOUR, set_back) && before.surely_within(HOUR, set_back));
    }

    #[test]
    fn two_events_are_as_close_as_either_clock_says() {
        let then = moment(100_000);
        let set_forward = Moment { wall: then.after(24 * HOUR).wall, ..then.after(HOUR) };
        let (first, last) = (Past::now(then), Past::now(set_forward));
        let before = |past: Past| Past { monotonic: None, ..past };
        assert_eq!(last.since(first), HOUR);
        assert_eq!(last.since(before(first)), 24 * HOUR);
        assert_eq!(before(last).since(before(first)), 24 * HOUR);
        assert_eq!(first.since(last), Duration::ZERO);
    }
}
