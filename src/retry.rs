//! Whether and when to try again: pure functions of attempt, class, the cloud's hint, and jitter
//! that was drawn outside.

use crate::clock::Moment;
use crate::cloud::Class;
use std::time::Duration;

pub mod budget;
pub mod limiter;

/// How often and how slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Ceiling of the first wait; doubles with each attempt.
    pub base: Duration,
    /// Largest ceiling.
    pub cap: Duration,
    /// Attempts in all, the first included.
    pub attempts: u32,
}

impl Policy {
    /// For mutating calls: 1 s doubling, at most 60 s, 8 tries.
    pub const WRITES: Self =
        Self { base: Duration::from_secs(1), cap: Duration::from_secs(60), attempts: 8 };
    /// For reads: 200 ms doubling, at most 20 s, 5 tries (`api-contract.md` 6.4).
    pub const READS: Self =
        Self { base: Duration::from_millis(200), cap: Duration::from_secs(20), attempts: 5 };
    /// Tries for a code that nobody documented.
    const UNKNOWN_ATTEMPTS: u32 = 3;
    /// Longest hint of the cloud that is followed (`api-contract.md` 6.4).
    const HINT_MAX: Duration = Duration::from_secs(120);
}

/// The wait before the next attempt, or `None` when there is none. `attempt` is the number of
/// attempts made, at least 1; `jitter` lies in 0..1.
pub fn wait(
    policy: Policy,
    attempt: u32,
    class: Class,
    hint: Option<Duration>,
    now: Moment,
    jitter: f64,
) -> Option<Duration> {
    let attempts = match class {
        Class::Unknown => policy.attempts.min(Policy::UNKNOWN_ATTEMPTS),
        Class::Ambiguous | Class::Unreachable | Class::Throttled | Class::Waiting => {
            policy.attempts
        }
        _ => return None,
    };
    if attempt >= attempts {
        return None;
    }
    let jitter = jitter.clamp(0.0, 1.0);
    let drawn = backoff(policy, attempt).mul_f64(jitter);
    Some(match (class, hint) {
        (Class::Throttled, Some(hint)) => {
            hint.min(Policy::HINT_MAX).max(Duration::from_millis(500).mul_f64(jitter))
        }
        (Class::Throttled, None) if attempt == 1 => Duration::from_secs(1),
        (Class::Throttled, None) => until_next_minute(now) + Duration::from_secs(5).mul_f64(jitter),
        // An instance in transition takes minutes, not milliseconds.
        (Class::Waiting, _) => drawn.max(Duration::from_secs(2)),
        _ => drawn,
    })
}

/// The ceiling of the wait after `attempt` attempts.
pub fn backoff(policy: Policy, attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(20);
    policy.base.saturating_mul(1 << doublings).min(policy.cap)
}

/// Time until the wall clock's minute ends: a call throttled in minute T works again from T+1
/// (`api-contract.md` 6.1).
pub fn until_next_minute(now: Moment) -> Duration {
    let into_minute = now.wall.as_millisecond().rem_euclid(60_000);
    Duration::from_millis(60_000u64.saturating_sub(into_minute.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Moment {
        Moment { wall: jiff::Timestamp::from_second(second).unwrap(), monotonic: Duration::ZERO }
    }

    fn retried(class: Class) -> bool {
        wait(Policy::WRITES, 1, class, None, at(0), 0.5).is_some()
    }

    #[test]
    fn only_classes_that_time_can_heal_are_retried() {
        let healed: Vec<_> = Class::ALL.into_iter().filter(|class| retried(*class)).collect();
        let expected = [
            Class::Ambiguous,
            Class::Unreachable,
            Class::Throttled,
            Class::Waiting,
            Class::Unknown,
        ];
        assert_eq!(healed, expected);
    }

    #[test]
    fn tries_are_bounded_and_fewer_for_a_code_nobody_documented() {
        let tries = |class| {
            (1..100)
                .take_while(|n| wait(Policy::WRITES, *n, class, None, at(0), 1.0).is_some())
                .count()
        };
        assert_eq!(tries(Class::Unreachable), 7);
        assert_eq!(tries(Class::Unknown), 2);
    }

    #[test]
    fn a_second_throttle_waits_for_the_next_minute() {
        let throttled =
            |attempt, jitter| wait(Policy::WRITES, attempt, Class::Throttled, None, at(45), jitter);
        assert_eq!(throttled(1, 0.3), Some(Duration::from_secs(1)));
        assert_eq!(throttled(2, 0.0), Some(Duration::from_secs(15)));
        assert_eq!(throttled(2, 1.0), Some(Duration::from_secs(20)));
    }

    #[test]
    fn a_hint_is_followed_up_to_two_minutes() {
        let hinted = |seconds| {
            wait(
                Policy::WRITES,
                3,
                Class::Throttled,
                Some(Duration::from_secs(seconds)),
                at(0),
                1.0,
            )
        };
        assert_eq!(hinted(7), Some(Duration::from_secs(7)));
        assert_eq!(hinted(9999), Some(Duration::from_secs(120)));
        assert_eq!(hinted(0), Some(Duration::from_millis(500)));
    }

    #[test]
    fn an_instance_in_transition_is_given_two_seconds_at_least() {
        let waited =
            |attempt, jitter| wait(Policy::WRITES, attempt, Class::Waiting, None, at(0), jitter);
        assert_eq!(waited(1, 0.0), Some(Duration::from_secs(2)));
        assert_eq!(waited(4, 1.0), Some(Duration::from_secs(8)));
    }

    #[test]
    fn the_ceiling_doubles_up_to_the_cap_however_often_it_is_tried() {
        let seconds: Vec<_> =
            (0..9).map(|attempt| backoff(Policy::WRITES, attempt).as_secs()).collect();
        assert_eq!(seconds, [1, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff(Policy::WRITES, u32::MAX), Policy::WRITES.cap);
        assert_eq!(backoff(Policy::READS, 3), Duration::from_millis(800));
    }

    proptest! {
        #[test]
        fn full_jitter_stays_below_the_ceiling(attempt in 1u32..8, jitter in 0.0f64..=1.0) {
            let waited = wait(Policy::WRITES, attempt, Class::Unreachable, None, at(0), jitter);
            if let Some(waited) = waited {
                prop_assert!(waited <= backoff(Policy::WRITES, attempt));
                prop_assert!(waited <= Policy::WRITES.cap);
            }
        }

        #[test]
        fn the_next_minute_is_never_further_than_a_minute(millis in -1_000_000i64..10_000_000_000) {
            let now = Moment { wall: jiff::Timestamp::from_millisecond(millis).unwrap(), monotonic: Duration::ZERO };
            let wait = until_next_minute(now);
            prop_assert!(wait > Duration::ZERO && wait <= Duration::from_secs(60));
            prop_assert_eq!(now.after(wait).wall.as_millisecond().rem_euclid(60_000), 0);
        }
    }
}
