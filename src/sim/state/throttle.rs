//! Throttling as ECS does it: by clock minute, for each account, region and action
//! (`api-contract.md` 6.1), and optionally by second.

use super::super::switches::{Limits, Switches};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Account, region, action: they are counted apart.
pub type Counted<'a> = (&'a str, &'a str, &'a str);

type Key = (String, String, String);

fn key((account, region, action): Counted<'_>) -> Key {
    (account.to_owned(), region.to_owned(), action.to_owned())
}

/// The counters.
#[derive(Debug, Default)]
pub struct Throttle {
    minutes: BTreeMap<Key, (i64, u32)>,
    buckets: BTreeMap<Key, Bucket>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled: Duration,
}

fn limit(limits: &Limits, action: &str) -> Option<u32> {
    limits.get(action).or_else(|| limits.get("*")).copied()
}

impl Throttle {
    /// Counts one call.
    ///
    /// # Errors
    /// How long the caller should wait when it is over a limit.
    pub fn count(
        &mut self,
        wall: Timestamp,
        monotonic: Duration,
        counted: Counted<'_>,
        switches: &Switches,
    ) -> Result<(), Duration> {
        if let Some(most) = limit(&switches.limit_per_minute, counted.2) {
            let seconds = wall.as_second();
            let minute = seconds.div_euclid(60);
            let window = self.minutes.entry(key(counted)).or_insert((minute, 0));
            if window.0 != minute {
                *window = (minute, 0);
            }
            window.1 = window.1.saturating_add(1);
            if window.1 > most {
                let milliseconds = wall.as_millisecond().rem_euclid(60_000);
                let left = 60_000_i64.saturating_sub(milliseconds);
                return Err(Duration::from_millis(u64::try_from(left).unwrap_or(60_000)));
            }
        }
        match limit(&switches.limit_per_second, counted.2) {
            Some(most) => self.take(monotonic, counted, f64::from(most)),
            None => Ok(()),
        }
    }

    fn take(&mut self, now: Duration, counted: Counted<'_>, rate: f64) -> Result<(), Duration> {
        let full = Bucket { tokens: rate, filled: now };
        let bucket = self.buckets.entry(key(counted)).or_insert(full);
        let since = now.saturating_sub(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + since * rate).min(rate);
        bucket.filled = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        let wait = ((1.0 - bucket.tokens) / rate).min(60.0);
        Err(Duration::try_from_secs_f64(wait).unwrap_or(Duration::from_secs(60)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(throttle: &mut Throttle, second: u64, switches: &Switches) -> Result<(), Duration> {
        let counted = ("1", "cn-hangzhou", "Detach");
        let wall = Timestamp::from_second(i64::try_from(second).unwrap()).unwrap();
        throttle.count(wall, Duration::from_secs(second), counted, switches)
    }

    #[test]
    fn the_minute_is_the_clock_s_and_the_hint_ends_with_it() {
        let mut switches = Switches::default();
        switches.set("limit-per-minute", "2").unwrap();
        let mut throttle = Throttle::default();
        assert!(at(&mut throttle, 50, &switches).is_ok());
        assert!(at(&mut throttle, 51, &switches).is_ok());
        assert_eq!(at(&mut throttle, 52, &switches), Err(Duration::from_secs(8)));
        assert!(at(&mut throttle, 60, &switches).is_ok());
        assert!(at(&mut throttle, 61, &switches).is_ok());
        assert_eq!(at(&mut throttle, 119, &switches), Err(Duration::from_secs(1)));
    }

    #[test]
    fn accounts_regions_and_actions_are_counted_apart() {
        let mut switches = Switches::default();
        switches.set("limit-per-minute", "Detach:1,Describe:2").unwrap();
        let mut throttle = Throttle::default();
        let mut count = |account: &str, region: &str, action: &str| {
            let counted = (account, region, action);
            throttle.count(Timestamp::UNIX_EPOCH, Duration::ZERO, counted, &switches).is_ok()
        };
        assert!(count("1", "a", "Detach"));
        assert!(!count("1", "a", "Detach"));
        assert!(count("1", "b", "Detach"));
        assert!(count("2", "a", "Detach"));
        assert!(count("1", "a", "Describe"));
        assert!((0..100).all(|_| count("1", "a", "Attach")));
    }

    #[test]
    fn the_bucket_fills_by_the_second() {
        let mut switches = Switches::default();
        switches.set("limit-per-second", "2").unwrap();
        let mut throttle = Throttle::default();
        assert!(at(&mut throttle, 1, &switches).is_ok());
        assert!(at(&mut throttle, 1, &switches).is_ok());
        assert_eq!(at(&mut throttle, 1, &switches), Err(Duration::from_millis(500)));
        assert!(at(&mut throttle, 2, &switches).is_ok());
        // Zero lets nothing through, and asks for a bounded wait.
        switches.set("limit-per-second", "0").unwrap();
        assert_eq!(at(&mut throttle, 9, &switches), Err(Duration::from_secs(60)));
    }
}
