//! Links whose `until` comes near: said early enough that somebody can still prolong it.

use super::{Desired, Place};
use crate::model::InstanceId;
use jiff::{SignedDuration, Timestamp};
use std::fmt;

/// A link that will soon no longer be desired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiring {
    /// Whose link.
    pub instance: InstanceId,
    /// From then on no longer desired.
    pub until: Timestamp,
    /// Whole days until then.
    pub days_left: i64,
    /// Where it is said.
    pub place: Place,
    /// Which notice is due.
    pub notice: Notice,
}

/// The notices that are given ahead, each once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    /// 14 days ahead.
    Fourteen,
    /// 7 days ahead.
    Seven,
    /// A day ahead.
    One,
}

impl Notice {
    /// The last one that was due when so much time is left; `None` while it is long.
    fn due(left: SignedDuration) -> Option<Self> {
        let within = |days: i64| left <= SignedDuration::from_hours(24 * days);
        match () {
            () if within(1) => Some(Self::One),
            () if within(7) => Some(Self::Seven),
            () if within(14) => Some(Self::Fourteen),
            () => None,
        }
    }
}

impl fmt::Display for Expiring {
    /// `in 6 days, at 2026-12-01T00:00:00Z (shop.yaml:14)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.days_left {
            0 => f.write_str("in less than a day")?,
            1 => f.write_str("in 1 day")?,
            days => write!(f, "in {days} days")?,
        }
        write!(f, ", at {} ({})", self.until, self.place)
    }
}

impl Desired {
    /// The links whose `until` lies ahead of `now` by 14 days at most, the next one first.
    pub fn expiring_at(&self, now: Timestamp) -> Vec<Expiring> {
        let ahead = self.links.iter().filter(|(_, said)| said.holds_at(now));
        let mut expiring: Vec<Expiring> = ahead
            .filter_map(|(instance, said)| {
                let until = said.until?;
                let left = until.duration_since(now);
                Some(Expiring {
                    instance: instance.clone(),
                    until,
                    days_left: left.as_hours() / 24,
                    place: said.place.clone(),
                    notice: Notice::due(left)?,
                })
            })
            .collect();
        // Stable: those of one moment stay in the order of their ids.
        expiring.sort_by_key(|expiring| expiring.until);
        expiring
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mode;
    use crate::plan::tests::{desired, id};

    #[test]
    fn a_link_gets_notice_14_7_and_1_days_ahead_and_none_once_it_is_over() {
        let mut wanted = desired(Mode::Detach, &[1, 2]);
        let until: Timestamp = "2026-12-15T00:00:00Z".parse().unwrap();
        wanted.links.get_mut(&id(1)).unwrap().until = Some(until);
        let minute = SignedDuration::from_mins(1);
        let days = |days: i64| SignedDuration::from_hours(24 * days);
        for (left, expected) in [
            (days(14) + minute, None),
            (days(14), Some((Notice::Fourteen, 14))),
            (days(7) + minute, Some((Notice::Fourteen, 7))),
            (days(7), Some((Notice::Seven, 7))),
            (days(7) - minute, Some((Notice::Seven, 6))),
            (days(1) + minute, Some((Notice::Seven, 1))),
            (days(1), Some((Notice::One, 1))),
            (minute, Some((Notice::One, 0))),
            (SignedDuration::ZERO, None),
            (-minute, None),
        ] {
            let found = wanted.expiring_at(until - left);
            let gist = found.iter().map(|found| (found.notice, found.days_left)).next();
            assert_eq!(gist, expected, "{left:?}");
            assert!(found.iter().all(|found| found.instance == id(1) && found.until == until));
        }
    }

    #[test]
    fn what_ends_next_comes_first() {
        let mut wanted = desired(Mode::Detach, &[1, 2, 3]);
        for (n, day) in [(1, 9), (2, 3), (3, 9)] {
            let until = format!("2026-12-{day:02}T00:00:00Z").parse().unwrap();
            wanted.links.get_mut(&id(n)).unwrap().until = Some(until);
        }
        let found = wanted.expiring_at("2026-12-02T00:00:00Z".parse().unwrap());
        let ids: Vec<_> = found.iter().map(|found| found.instance.clone()).collect();
        assert_eq!(ids, [id(2), id(1), id(3)]);
        assert_eq!(found[0].to_string(), "in 1 day, at 2026-12-03T00:00:00Z (shop.yaml:7)");
        assert_eq!(found[1].to_string(), "in 7 days, at 2026-12-09T00:00:00Z (shop.yaml:7)");
    }
}
