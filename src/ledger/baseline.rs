//! How many links each scope had within the last day: what a share is a share of. The present
//! number shrinks with every plan, so a tenth of it, again and again, would be everything
//! (`reliability.md` H3).

use super::Past;
use super::sends::DAY;
use crate::clock::Moment;
use crate::model::Scope;
use jiff::Timestamp;
use std::collections::{BTreeMap, VecDeque};

/// Counts are written down when they change, so each holds until the next.
#[derive(Debug, Clone, Default)]
pub(super) struct Baseline(BTreeMap<Scope, VecDeque<(Past, u64)>>);

impl Baseline {
    pub fn take(&mut self, scope: &Scope, links: u64, at: Past, now: Moment) {
        let counts = self.0.entry(scope.clone()).or_default();
        counts.push_back((at, links));
        // The last one before the window held when the window began.
        while counts.get(1).is_some_and(|(next, _)| !next.within(DAY, now)) {
            counts.pop_front();
        }
    }

    /// The most links within the last day, `present` included.
    pub fn most(&self, scope: &Scope, present: u64, now: Moment) -> u64 {
        let Some(counts) = self.0.get(scope) else { return present };
        let mut most = present;
        let mut held_lately = true;
        let mut later = Timestamp::MAX;
        for (begin, links) in counts.iter().rev() {
            // A clock that was wrong must not loosen a limit. None of them was written after a later one, nor
            // after now: when one that says so was, nobody knows but the process itself, and so not until when
            // what there was before held. Where one lies ahead still, it does not count, either.
            let made_up = begin.wall > later.min(now.wall);
            let begin = Past { wall: begin.wall.min(later), ..*begin };
            later = begin.wall;
            let is_ahead = begin.wall > now.wall;
            let began_lately = begin.surely_within(DAY, now);
            if !is_ahead && (began_lately || held_lately) {
                most = most.max(*links);
            }
            held_lately &= began_lately && (!made_up || begin.monotonic.is_some());
        }
        most
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{moment, scope};

    #[test]
    fn a_count_holds_until_the_next_and_for_a_day_after_it() {
        let mut baseline = Baseline::default();
        assert_eq!(baseline.most(&scope(), 7, moment(0)), 7);
        for (at, links) in [(0, 100), (1000, 90), (2000, 80)] {
            baseline.take(&scope(), links, Past::now(moment(at)), moment(at));
        }
        let day = 24 * 3600;
        let most = |at| baseline.most(&scope(), 5, moment(at));
        assert_eq!(most(2000), 100);
        assert_eq!(most(day + 999), 100, "100 held until 1000");
        assert_eq!(most(day + 1000), 90);
        assert_eq!(most(day + 2000), 80, "80 holds still");
        assert_eq!(most(9 * day), 80);
    }

    /// Seed 220081105, as things were drawn then: for a day and a half a share was one of twenty links.
    #[test]
    fn a_count_does_not_hold_until_a_time_that_a_wrong_clock_made_up() {
        let earlier = |at: u64| Past { monotonic: None, ..Past::now(moment(at)) };
        let (hour, day) = (3600, 24 * 3600);
        let most = |counts: &[(u64, u64)], now: u64| {
            let mut baseline = Baseline::default();
            for (at, links) in counts {
                baseline.take(&scope(), *links, earlier(*at), moment(now));
            }
            baseline.most(&scope(), 5, moment(now))
        };
        // Twenty until a clock that was three days ahead said nine, and the right one six.
        let counts = [(0, 20), (3 * day, 9), (2 * hour, 6)];
        assert_eq!(most(&counts, 3 * hour), 20);
        assert_eq!(most(&counts, day + 3 * hour), 6);
        // The time that the clock made up has come.
        assert_eq!(most(&[(0, 20), (day + 2 * hour, 9), (2 * hour, 6)], day + 6 * hour), 6);
        // Nobody knows when there were nine.
        assert_eq!(most(&counts[..2], 23 * hour), 20);
        assert_eq!(most(&counts[..2], day + hour), 5);
    }

    #[test]
    fn nor_does_it_hold_longer_because_one_of_two_clocks_was_set() {
        // By the wall clock and, where the process remembers, by the monotonic one, in hours.
        let most = |counts: &[(u64, Option<u64>, u64)], wall: u64, monotonic: u64| {
            let now =
                Moment { monotonic: moment(monotonic * 3600).monotonic, ..moment(wall * 3600) };
            let mut baseline = Baseline::default();
            for (wall, monotonic, links) in counts {
                let monotonic = monotonic.map(|hours| moment(hours * 3600).monotonic);
                let at = Past { wall: moment(wall * 3600).wall, monotonic };
                baseline.take(&scope(), *links, at, now);
            }
            baseline.most(&scope(), 45, now)
        };
        // It was a month ahead for one pass.
        let ahead = [(0, Some(0), 100), (720, Some(2), 50)];
        assert_eq!(most(&ahead, 20, 20), 100);
        assert_eq!(most(&ahead, 120, 120), 45);
        let then_right = [(0, Some(0), 100), (720, Some(2), 50), (5, Some(5), 45)];
        assert_eq!(most(&then_right, 28, 28), 50);
        // It was set back.
        let set_back = [(0, Some(0), 100), (12, Some(12), 50)];
        assert_eq!(most(&set_back, 12, 48), 50);
        // All of that was another process.
        assert_eq!(most(&[(0, None, 100), (720, None, 50), (120, None, 45)], 122, 122), 50);
    }

    #[test]
    fn old_counts_are_forgotten() {
        let mut baseline = Baseline::default();
        for at in 0..1000 {
            let at = moment(at * 3600);
            baseline.take(&scope(), 5, Past::now(at), at);
        }
        assert!(baseline.0[&scope()].len() <= 26);
    }
}
