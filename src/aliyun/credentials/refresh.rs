//! When a key is renewed: pure functions of the time and the key's life.
//!
//! The SDKs renew 15 minutes or 180 s before the end (`api-contract.md` 9), which no token of a few
//! minutes ever reaches. Here it is a fifth of its life and at least 5 minutes (`reliability.md` A24), and for
//! short ones as much of their life as that takes.

use crate::clock::Moment;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// A change is signed with a key that lives at least this long: it may be on its way for half a minute, and
/// whoever signs it has a clock of its own.
pub const WRITE_MIN: Duration = Duration::from_secs(60);
/// Least time that is left when a renewal begins.
const LEAD_MIN: Duration = Duration::from_secs(5 * 60);
/// What share of a life the lead may take at most, jitter included.
const LEAD_SHARE_MAX: f64 = 0.75;
/// Ceiling of the wait after the first renewal that failed; doubles with each.
const RETRY_BASE: Duration = Duration::from_secs(1);
/// Longest wait between two tries.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// The time that one key is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// When it was asked for first: it was not issued later.
    pub since: Moment,
    /// When it ends; `None` for one that does not, or that does not say.
    pub end: Option<Timestamp>,
}

/// What a key is good for at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// For everything.
    Fresh,
    /// For everything, and it is time to look for the next one.
    Due,
    /// For reads.
    Short,
    /// For nothing.
    Ended,
}

impl Life {
    /// What the key is good for now. `jitter`, in 0..1, was drawn once for this key: many processes that
    /// started together do not ask together.
    pub fn standing(&self, now: Moment, jitter: f64) -> Standing {
        match self.left(now) {
            None => Standing::Fresh,
            Some(left) if left.is_zero() => Standing::Ended,
            Some(left) if left < WRITE_MIN => Standing::Short,
            Some(left) if left <= self.lead(jitter) => Standing::Due,
            Some(_) => Standing::Fresh,
        }
    }

    /// How long the key lives on; `None` for one without an end. A wall clock that was set back makes no
    /// key younger: what passed on the monotonic one has passed.
    pub fn left(&self, now: Moment) -> Option<Duration> {
        let end = self.end?;
        let passed = self.since.after(now.since(self.since)).wall.max(now.wall);
        Some(between(passed, end))
    }

    /// How long until it is to be renewed; `None` for one without an end.
    pub fn due_in(&self, now: Moment, jitter: f64) -> Option<Duration> {
        Some(self.left(now)?.saturating_sub(self.lead(jitter)))
    }

    /// How long before its end the key is to be renewed.
    fn lead(&self, jitter: f64) -> Duration {
        let life = self.end.map_or(Duration::ZERO, |end| between(self.since.wall, end));
        let lead = (life / 5).max(LEAD_MIN);
        let drawn = lead.mul_f64(1.0 + jitter.clamp(0.0, 1.0) / 10.0);
        let most = LEAD_SHARE_MAX - 0.05 * (1.0 - jitter.clamp(0.0, 1.0));
        drawn.min(life.mul_f64(most))
    }
}

/// How long until the next try, after so many that brought nothing new, with so much left of the key in
/// use. `jitter` lies in 0..1.
pub fn pause(tries: u32, left: Option<Duration>, jitter: f64) -> Duration {
    let doublings = tries.saturating_sub(1).min(10);
    let ceiling = RETRY_BASE.saturating_mul(1 << doublings).min(RETRY_MAX);
    // Of what is left, most is for trying again.
    let ceiling = left.map_or(ceiling, |left| ceiling.min((left / 8).max(RETRY_BASE)));
    ceiling.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from).max(SignedDuration::ZERO)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin() -> Moment {
        let wall = "2026-05-01T12:00:00Z".parse().unwrap();
        Moment { wall, monotonic: Duration::from_secs(1000) }
    }

    fn life(seconds: u64) -> Life {
        Life { since: begin(), end: Some(begin().after(Duration::from_secs(seconds)).wall) }
    }

    fn at(life: Life, seconds: u64, jitter: f64) -> Standing {
        life.standing(begin().after(Duration::from_secs(seconds)), jitter)
    }

    #[test]
    fn a_key_of_an_hour_is_renewed_at_four_fifths_of_its_life() {
        assert_eq!(at(life(3600), 0, 0.0), Standing::Fresh);
        assert_eq!(at(life(3600), 2879, 0.0), Standing::Fresh);
        assert_eq!(at(life(3600), 2880, 0.0), Standing::Due);
        assert_eq!(at(life(3600), 2808, 1.0), Standing::Due, "jitter is never later");
        assert_eq!(at(life(3600), 2807, 1.0), Standing::Fresh);
        assert_eq!(at(life(900), 599, 0.0), Standing::Fresh);
        assert_eq!(at(life(900), 600, 0.0), Standing::Due, "five minutes before the end");
    }

    #[test]
    fn a_key_of_two_minutes_is_renewed_well_before_changes_have_to_stop() {
        for jitter in [0.0, 0.5, 1.0] {
            assert_eq!(at(life(120), 0, jitter), Standing::Fresh);
            assert_eq!(at(life(120), 29, jitter), Standing::Fresh);
            assert_eq!(at(life(120), 36, jitter), Standing::Due);
            assert_eq!(at(life(120), 60, jitter), Standing::Due, "a minute is left");
            assert_eq!(at(life(120), 61, jitter), Standing::Short);
            assert_eq!(at(life(120), 119, jitter), Standing::Short);
            assert_eq!(at(life(120), 120, jitter), Standing::Ended, "at its end and not after it");
        }
    }

    #[test]
    fn a_key_without_an_end_stays_and_one_that_ended_is_good_for_nothing() {
        assert_eq!(at(Life { since: begin(), end: None }, 1_000_000, 0.0), Standing::Fresh);
        assert_eq!(at(life(0), 0, 0.0), Standing::Ended);
        let past = Life { since: begin(), end: Some(Timestamp::UNIX_EPOCH) };
        assert_eq!(at(past, 0, 0.0), Standing::Ended);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_key_younger() {
        let back = Moment { wall: begin().wall, ..begin().after(Duration::from_secs(120)) };
        assert_eq!(life(120).standing(back, 0.0), Standing::Ended);
        let ahead =
            Moment { monotonic: begin().monotonic, ..begin().after(Duration::from_secs(70)) };
        assert_eq!(life(120).standing(ahead, 0.0), Standing::Short, "the machine slept");
    }

    #[test]
    fn tries_come_closer_the_less_is_left() {
        let seconds = Duration::from_secs;
        assert_eq!(pause(1, None, 1.0), seconds(1));
        assert_eq!(pause(4, None, 1.0), seconds(8));
        assert_eq!(pause(4, None, 0.0), seconds(4));
        assert_eq!(pause(u32::MAX, None, 1.0), seconds(60));
        assert_eq!(pause(20, Some(seconds(80)), 1.0), seconds(10));
        assert_eq!(pause(20, Some(Duration::ZERO), 1.0), seconds(1));
    }
}
