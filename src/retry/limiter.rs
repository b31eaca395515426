//! An adaptive rate limit for one (account, region, action), as ECS counts (`api-contract.md` 6.1).
//!
//! Adds on success, multiplies by 0.7 on a throttle, returns fast to just below what was throttled, and
//! knows that a throttled minute ends at the next minute. Pure: reserving a slot says how long to wait for it.

use super::until_next_minute;
use crate::clock::Moment;
use std::time::Duration;

const DECREASE: f64 = 0.7;
/// Below this share of the rate that was last throttled, the rate rises faster: what was taken a moment
/// ago is likely to be taken again, and a slow return leaves a quota unused.
const KNOWN: f64 = 0.9;
/// How much faster.
const RETURN: f64 = 4.0;
/// How long a lowered rate takes to show.
const SETTLES: Duration = Duration::from_secs(1);
/// After a throttle ECS asks to be probed once a second (`api-contract.md` 6.1).
const SLOWEST: f64 = 1.0;

/// For so many calls in flight one more is prepared.
const AHEAD: usize = 4;

/// Calls that are prepared or in flight, where so many may be in flight: a few more, so that a place
/// that comes free is taken by a call whose intent is durable already. To write one takes a small part
/// of the time of a call.
pub fn prepared(concurrency: usize) -> usize {
    concurrency.saturating_add(concurrency / AHEAD)
}

/// Rates, in calls a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// At first.
    pub start: f64,
    /// Ceiling.
    pub max: f64,
}

/// The state of one limit. All durations are on the monotonic clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Limiter {
    rates: Rates,
    rate: f64,
    /// The rate that was throttled last.
    known: f64,
    /// Calls that need no spacing after a rest.
    burst: u32,
    next: Duration,
    held_until: Duration,
    /// Until then a throttle tells nothing new about the rate.
    lowered_until: Duration,
    throttles_in_a_row: u32,
}

impl Limiter {
    /// A limit at its starting rate.
    pub fn new(rates: Rates) -> Self {
        let max = rates.max.max(SLOWEST);
        let rates = Rates { start: rates.start.clamp(SLOWEST, max), max };
        Self {
            rates,
            rate: rates.start,
            known: 0.0,
            burst: 1,
            next: Duration::ZERO,
            held_until: Duration::ZERO,
            lowered_until: Duration::ZERO,
            throttles_in_a_row: 0,
        }
    }

    /// The same, where so many calls may begin at once after a rest. The long run stays at the rate.
    pub fn with_burst(rates: Rates, burst: u32) -> Self {
        Self { burst, ..Self::new(rates) }
    }

    /// Calls a second at this moment.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// How long to wait for the next slot, without reserving it.
    pub fn next_in(&self, now: Moment) -> Duration {
        self.next.max(self.held_until).saturating_sub(now.monotonic)
    }

    /// Reserves the next slot; the answer is how long to wait for it.
    pub fn reserve(&mut self, now: Moment) -> Duration {
        let apart = Duration::from_secs_f64(1.0 / self.rate);
        let rested = now.monotonic.saturating_sub(apart * self.burst.saturating_sub(1));
        let slot = self.next.max(self.held_until).max(rested);
        self.next = slot + apart;
        slot.saturating_sub(now.monotonic)
    }

    /// Whether a slot that was reserved before a throttle came in has to wait after all.
    pub fn held_for(&self, now: Moment) -> Duration {
        self.held_until.saturating_sub(now.monotonic)
    }

    /// The cloud took a call: about one call a second faster for every second of full use.
    pub fn succeeded(&mut self) {
        self.throttles_in_a_row = 0;
        let step = if self.rate < self.known * KNOWN { RETURN } else { 1.0 };
        self.rate = (self.rate + step / self.rate).min(self.rates.max);
    }

    /// The cloud throttled a call that began at `began`. Calls that were under way when the limit
    /// was already lowered tell nothing new.
    pub fn throttled(&mut self, began: Moment, now: Moment, hint: Option<Duration>, jitter: f64) {
        if began.monotonic < self.held_until {
            return;
        }
        self.throttles_in_a_row += 1;
        // A hint may be over before the slots that were given out at the old rate are: each of their
        // throttles would lower the rate once more, for one and the same excess.
        if began.monotonic >= self.lowered_until {
            self.known = self.rate;
            self.rate = (self.rate * DECREASE).max(SLOWEST);
            self.lowered_until = now.monotonic + SETTLES;
        }
        let wait = match hint {
            Some(hint) => hint.min(Duration::from_secs(120)),
            None if self.throttles_in_a_row == 1 => Duration::from_secs(1),
            None => until_next_minute(now) + Duration::from_secs(5).mul_f64(jitter.clamp(0.0, 1.0)),
        };
        self.held_until = now.monotonic + wait;
        self.next = self.held_until;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        let wall = jiff::Timestamp::from_millisecond(millis as i64).unwrap();
        Moment { wall, monotonic: Duration::from_millis(millis) }
    }

    fn limiter() -> Limiter {
        Limiter::new(Rates { start: 5.0, max: 50.0 })
    }

    #[test]
    fn slots_are_spaced_by_the_rate() {
        let mut limiter = limiter();
        let waits: Vec<_> = (0..3).map(|_| limiter.reserve(at(0)).as_millis()).collect();
        assert_eq!(waits, [0, 200, 400]);
        assert_eq!(limiter.reserve(at(10_000)), Duration::ZERO);
    }

    #[test]
    fn after_a_rest_some_calls_need_no_spacing_and_the_rate_holds_all_the_same() {
        let mut limiter = Limiter::with_burst(Rates { start: 5.0, max: 50.0 }, 3);
        let mut waits = |now: u64| (0..5).map(|_| limiter.reserve(at(now)).as_millis()).collect();
        let waited: Vec<u128> = waits(10_000);
        assert_eq!(waited, [0, 0, 0, 200, 400]);
        // A rest that is too short for all of it: one call's time has passed since the last slot.
        let waited: Vec<u128> = waits(10_800);
        assert_eq!(waited, [0, 0, 200, 400, 600]);
        limiter.throttled(at(20_000), at(20_000), None, 0.0);
        let wait = limiter.reserve(at(20_000));
        assert_eq!(wait, Duration::from_secs(1), "a throttle leaves no burst");
        assert!(limiter.reserve(at(20_000)) > wait);
    }

    #[test]
    fn success_adds_up_to_the_ceiling() {
        let mut limiter = limiter();
        for _ in 0..5 {
            limiter.succeeded();
        }
        assert!((5.9..6.0).contains(&limiter.rate()), "{}", limiter.rate());
        for _ in 0..10_000 {
            limiter.succeeded();
        }
        assert_eq!(limiter.rate(), 50.0);
    }

    #[test]
    fn a_burst_of_throttles_counts_once_and_a_second_one_waits_for_the_minute() {
        let mut limiter = limiter();
        for _ in 0..16 {
            limiter.throttled(at(100), at(120), None, 0.0);
        }
        assert_eq!(limiter.rate(), 3.5);
        assert_eq!(limiter.reserve(at(120)), Duration::from_secs(1));
        limiter.throttled(at(1_120), at(1_140), None, 0.0);
        assert_eq!(limiter.held_for(at(1_140)).as_millis(), 60_000 - 1_140);
        limiter.succeeded();
        limiter.throttled(at(61_000), at(61_000), None, 0.0);
        assert_eq!(limiter.held_for(at(61_000)), Duration::from_secs(1));
    }

    #[test]
    fn callers_that_wait_for_the_same_minute_do_not_come_back_all_at_once() {
        let held = |jitter| {
            let mut limiter = limiter();
            limiter.throttled(at(0), at(0), None, jitter);
            limiter.throttled(at(1_000), at(1_000), None, jitter);
            limiter.held_for(at(1_000)).as_millis()
        };
        assert_eq!([0.0, 0.5, 1.0, 9.0].map(held), [59_000, 61_500, 64_000, 64_000]);
    }

    #[test]
    fn after_a_throttle_the_rate_returns_fast_and_then_feels_its_way() {
        let mut limiter = Limiter::new(Rates { start: 50.0, max: 100.0 });
        limiter.throttled(at(0), at(0), None, 0.0);
        let second = |limiter: &mut Limiter| {
            let before = limiter.rate();
            (0..before as usize).for_each(|_| limiter.succeeded());
            limiter.rate() - before
        };
        assert_eq!(limiter.rate(), 35.0);
        assert!((3.5..4.0).contains(&second(&mut limiter)), "{}", limiter.rate());
        while limiter.rate() < 45.0 {
            second(&mut limiter);
        }
        assert!((0.9..1.0).contains(&second(&mut limiter)), "{}", limiter.rate());
        // A quota that shrank is followed down all the same.
        for n in 1..40u64 {
            limiter.throttled(at(n * 200_000), at(n * 200_000), None, 0.0);
        }
        assert_eq!(limiter.rate(), 1.0);
    }

    #[test]
    fn a_hint_is_followed() {
        let mut limiter = limiter();
        limiter.throttled(at(0), at(0), Some(Duration::from_secs(7)), 0.9);
        assert_eq!(limiter.held_for(at(0)), Duration::from_secs(7));
    }

    #[test]
    fn short_hints_one_after_the_other_lower_the_rate_once() {
        let mut limiter = Limiter::new(Rates { start: 50.0, max: 100.0 });
        let hint = Some(Duration::from_millis(20));
        for millis in (0..900).step_by(60) {
            limiter.throttled(at(millis), at(millis + 5), hint, 0.0);
            assert_eq!(limiter.held_for(at(millis + 5)), Duration::from_millis(20), "is followed");
        }
        assert_eq!(limiter.rate(), 35.0);
        limiter.throttled(at(1_100), at(1_105), hint, 0.0);
        assert_eq!(limiter.rate(), 24.5);
    }

    #[test]
    fn it_never_stands_still() {
        let mut limiter = limiter();
        for n in 0..100u64 {
            limiter.throttled(at(n * 200_000), at(n * 200_000), None, 0.0);
        }
        assert_eq!(limiter.rate(), 1.0);
    }
}
