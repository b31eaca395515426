//! How far our clock is off, as far as the cloud's answers tell (`api-contract.md` 4).

use jiff::{SignedDuration, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A smaller difference, in seconds, than this cannot be why the cloud called a request expired.
pub const TOLERANCE: u64 = 60;

/// How far our clock is ahead of the server's `date`, which was written at some time between `began` and
/// `ended` and has whole seconds; negative where it is behind. Zero where the two do not contradict each
/// other.
pub fn off(date: Timestamp, began: Timestamp, ended: Timestamp) -> SignedDuration {
    let second = SignedDuration::from_secs(1);
    let ahead = began.duration_since(date).saturating_sub(second);
    let behind = date.duration_since(ended);
    if ahead.is_positive() {
        ahead
    } else if behind.is_positive() {
        SignedDuration::ZERO.saturating_sub(behind)
    } else {
        SignedDuration::ZERO
    }
}

/// Seconds to add to our clock when signing. Our clock itself is never touched.
#[derive(Debug, Default)]
pub(in crate::aliyun) struct Skew(AtomicI64);

impl Skew {
    /// The time to sign with.
    pub(in crate::aliyun) fn apply(&self, wall: Timestamp) -> Timestamp {
        let offset = SignedDuration::from_secs(self.0.load(Ordering::Relaxed));
        wall.checked_add(offset).unwrap_or(wall)
    }

    /// How far our clock is off, in either direction.
    pub(super) fn off(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed).unsigned_abs())
    }

    /// Takes the server's `date` for right after it has called `stamp` expired. `false` if that
    /// cannot help: there is no date, or it agrees with the stamp.
    pub(in crate::aliyun) fn correct(
        &self,
        wall: Timestamp,
        stamp: Timestamp,
        date: Option<Timestamp>,
    ) -> bool {
        let Some(date) = date else {
            tracing::warn!("the cloud calls our clock wrong but does not say its own time");
            return false;
        };
        if date.as_second().abs_diff(stamp.as_second()) < TOLERANCE {
            tracing::warn!("the cloud calls our clock wrong, yet its own time agrees with ours");
            return false;
        }
        let offset = date.as_second().saturating_sub(wall.as_second());
        let before = self.0.swap(offset, Ordering::Relaxed);
        // Of many calls in flight only the first says it.
        if before.abs_diff(offset) >= TOLERANCE {
            tracing::warn!(
                skew_seconds = offset.saturating_neg(),
                "our clock is off; requests are signed with the cloud's time: set this host's clock"
            );
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_difference_to_the_servers_date_is_added_from_then_on() {
        let skew = Skew::default();
        assert_eq!(skew.apply(at(1000)), at(1000));
        assert!(skew.correct(at(10_000), at(10_000), Some(at(13_600))));
        assert_eq!(skew.apply(at(10_005)), at(13_605));
        assert!(skew.correct(at(10_010), at(13_610), Some(at(10_010))));
        assert_eq!(skew.apply(at(10_020)), at(10_020));
    }

    #[test]
    fn a_clock_is_off_only_by_what_the_time_of_the_answer_cannot_explain() {
        let seconds = |date, began, ended| off(at(date), at(began), at(ended)).as_secs();
        assert_eq!(seconds(1000, 1000, 1003), 0);
        assert_eq!(seconds(1003, 1000, 1003), 0);
        assert_eq!(seconds(999, 1000, 1003), 0, "the date has whole seconds");
        assert_eq!(seconds(990, 1000, 1003), 9);
        assert_eq!(seconds(1013, 1000, 1003), -10);
    }

    #[test]
    fn a_date_that_agrees_or_is_missing_changes_nothing() {
        let skew = Skew::default();
        assert!(!skew.correct(at(10_000), at(10_000), None));
        assert!(!skew.correct(at(10_000), at(10_000), Some(at(10_030))));
        assert_eq!(skew.apply(at(10_000)), at(10_000));
    }
}
