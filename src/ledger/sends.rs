//! The detaches that were sent, as the budget counts them: sends, not successes.

use super::Past;
use crate::clock::Moment;
use crate::model::{Lane, Scope};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// An hour.
pub const HOUR: Duration = Duration::from_secs(3600);
/// A day.
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long sends are remembered: a clock that was days ahead for a while must not renew a budget, not even
/// for a process that knows them from the journal only.
pub(super) const KEPT: Duration = Duration::from_secs(8 * 24 * 3600);

/// So many of the last ones are remembered however old the clock says they are: one that is weeks ahead must not
/// make a process forget for good what it knows from the journal only.
pub(super) const KEPT_ANYHOW: usize = 2_000;

/// How many detaches were sent, or are about to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Within the last hour.
    pub hour: u64,
    /// Within the last day.
    pub day: u64,
}

/// Most detaches of one account and region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// An hour.
    pub hour: u64,
    /// A day.
    pub day: u64,
}

impl Budget {
    /// How many more may be sent.
    pub fn left(self, spent: Spent) -> u64 {
        self.hour.saturating_sub(spent.hour).min(self.day.saturating_sub(spent.day))
    }
}

#[derive(Debug, Clone)]
struct Send {
    intent: u64,
    at: Past,
    scope: Scope,
}

/// The sends of the last days, and the leaves that are not sends yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Sends {
    sent: VecDeque<Send>,
    reserved: BTreeMap<Lane, u64>,
}

impl Sends {
    /// A call is about to be made: its leave, if it was counted, becomes a send.
    pub fn sent(&mut self, intent: u64, at: Past, scope: &Scope, now: Moment) {
        self.free(&scope.lane());
        self.sent.push_back(Send { intent, at, scope: scope.clone() });
        let is_over = |send: &Send| !send.at.within(KEPT, now);
        while self.sent.len() > KEPT_ANYHOW && self.sent.front().is_some_and(is_over) {
            self.sent.pop_front();
        }
    }

    /// The call of an intent was not made after all.
    pub fn not_sent(&mut self, intent: u64) {
        self.sent.retain(|send| send.intent != intent);
    }

    /// Counts a leave, so that calls side by side do not each take the last one.
    pub fn reserve(&mut self, lane: &Lane) {
        *self.reserved.entry(lane.clone()).or_default() += 1;
    }

    /// A leave became nothing, or a send.
    pub fn free(&mut self, lane: &Lane) {
        if let Some(count) = self.reserved.get_mut(lane) {
            *count = count.saturating_sub(1);
        }
    }

    pub fn spent(&self, lane: &Lane, now: Moment) -> Spent {
        let reserved = self.reserved.get(lane).copied().unwrap_or_default();
        let count = |window| self.times(lane, window, now).count() as u64 + reserved;
        Spent { hour: count(HOUR), day: count(DAY) }
    }

    /// Sends of one scope within the last hour, after the entry `since`.
    pub fn of_scope(&self, scope: &Scope, since: u64, now: Moment) -> u64 {
        let of = |send: &&Send| send.scope == *scope && send.intent > since;
        self.sent.iter().filter(of).filter(|send| send.at.within(HOUR, now)).count() as u64
    }

    /// The number of the last send of an account and region.
    pub fn last(&self, lane: &Lane) -> Option<u64> {
        let of = self.sent.iter().filter(|send| send.scope.lane() == *lane);
        of.map(|send| send.intent).max()
    }

    /// When `wanted` more detaches will fit, if no others are sent; `None` where they never will.
    pub fn fits_at(
        &self,
        lane: &Lane,
        wanted: u64,
        budget: Budget,
        now: Moment,
    ) -> Option<Timestamp> {
        let by = |window: Duration, limit: u64| {
            let mut times: Vec<Timestamp> = self.times(lane, window, now).collect();
            times.sort_unstable();
            let over = (times.len() as u64 + wanted).saturating_sub(limit);
            if wanted > limit {
                return None;
            }
            let Some(last) = usize::try_from(over).ok()?.checked_sub(1) else {
                return Some(now.wall);
            };
            let freed = SignedDuration::try_from(window).ok()?;
            times.get(last)?.checked_add(freed).ok()
        };
        Some(by(HOUR, budget.hour)?.max(by(DAY, budget.day)?).max(now.wall))
    }

    /// When those within `window` were sent, in any order.
    pub fn times(
        &self,
        lane: &Lane,
        window: Duration,
        now: Moment,
    ) -> impl Iterator<Item = Timestamp> {
        let of = self.sent.iter().filter(move |send| send.scope.lane() == *lane);
        of.filter(move |send| send.at.within(window, now)).map(|send| send.at.wall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{moment, scope};
    use proptest::prelude::*;

    const BUDGET: Budget = Budget { hour: 3, day: 5 };

    fn after(times: &[u64]) -> Sends {
        let mut sends = Sends::default();
        for (intent, at) in times.iter().enumerate() {
            sends.sent(intent as u64 + 1, Past::now(moment(*at)), &scope(), moment(*at));
        }
        sends
    }

    #[test]
    fn sends_count_for_an_hour_and_a_day() {
        let sends = after(&[0, 10, 4000]);
        let spent = |at| sends.spent(&scope().lane(), moment(at));
        assert_eq!(spent(4000), Spent { hour: 1, day: 3 });
        assert_eq!(spent(3599), Spent { hour: 3, day: 3 }, "what lies ahead counts");
        assert_eq!(spent(24 * 3600 + 5), Spent { hour: 0, day: 2 });
        assert_eq!(BUDGET.left(spent(4000)), 2);
        assert_eq!(BUDGET.left(Spent { hour: 9, day: 9 }), 0);
    }

    /// A process that was started after them knows when they were by the wall clock only.
    #[test]
    fn a_clock_that_was_days_ahead_renews_no_budget() {
        let mut sends = Sends::default();
        let day = 24 * 3600;
        for (intent, at) in [(1, 0), (2, 1)] {
            let earlier = Past { monotonic: None, ..Past::now(moment(at)) };
            sends.sent(intent, earlier, &scope(), moment(at));
        }
        sends.sent(3, Past::now(moment(40 * day)), &scope(), moment(40 * day));
        assert_eq!(sends.spent(&scope().lane(), moment(60)).day, 3);
    }

    #[test]
    fn a_process_that_starts_while_the_clock_is_ahead_forgets_nothing() {
        let (mut sends, starts) = (Sends::default(), moment(30 * 24 * 3600));
        for (intent, at) in [(1, 0), (2, 1), (3, 2)] {
            let earlier = Past { monotonic: None, ..Past::now(moment(at)) };
            sends.sent(intent, earlier, &scope(), starts);
        }
        assert_eq!(sends.spent(&scope().lane(), moment(60)).day, 3);
    }

    #[test]
    fn old_sends_are_forgotten_where_there_are_many() {
        let mut sends = Sends::default();
        let hours = KEPT.as_secs() / 3600;
        for n in 0..10 * KEPT_ANYHOW as u64 {
            let now = moment(n * 3600 * hours / KEPT_ANYHOW as u64 / 4);
            sends.sent(n, Past::now(now), &scope(), now);
        }
        assert!((4 * KEPT_ANYHOW..4 * KEPT_ANYHOW + 99).contains(&sends.sent.len()));
    }

    #[test]
    fn a_leave_counts_until_it_is_a_send_or_nothing() {
        let mut sends = Sends::default();
        let lane = scope().lane();
        sends.reserve(&lane);
        sends.reserve(&lane);
        assert_eq!(sends.spent(&lane, moment(0)), Spent { hour: 2, day: 2 });
        sends.sent(7, Past::now(moment(0)), &scope(), moment(0));
        assert_eq!(sends.spent(&lane, moment(0)), Spent { hour: 2, day: 2 });
        sends.free(&lane);
        assert_eq!(sends.spent(&lane, moment(0)), Spent { hour: 1, day: 1 });
        sends.not_sent(7);
        assert_eq!(sends.spent(&lane, moment(0)), Spent::default());
    }

    #[test]
    fn each_region_and_each_vpc_counts_its_own() {
        let beijing =
            Scope { region: crate::model::Region::parse("cn-beijing").unwrap(), ..scope() };
        let neighbour = Scope { vpc: crate::model::VpcId::parse("vpc-b").unwrap(), ..scope() };
        let now = moment(10);
        let mut sends = Sends::default();
        for (intent, of) in
            [(1, scope()), (2, neighbour.clone()), (3, scope()), (4, beijing.clone())]
        {
            sends.sent(intent, Past::now(now), &of, now);
        }
        let of = |scope: &Scope, since| sends.of_scope(scope, since, now);
        assert_eq!((of(&scope(), 0), of(&neighbour, 0), of(&beijing, 0)), (2, 1, 1));
        assert_eq!((of(&scope(), 1), of(&scope(), 3), of(&neighbour, 2)), (1, 0, 0));
        let (here, there) = (scope().lane(), beijing.lane());
        assert_eq!((sends.last(&here), sends.last(&there)), (Some(3), Some(4)));
        assert_eq!((sends.spent(&here, now).hour, sends.spent(&there, now).hour), (3, 1));
        let nobody = Sends::default();
        assert_eq!((nobody.last(&here), nobody.spent(&here, now)), (None, Spent::default()));
    }

    #[test]
    fn it_says_when_more_will_fit() {
        let sends = after(&[0, 10, 20]);
        let fits = |wanted| sends.fits_at(&scope().lane(), wanted, BUDGET, moment(30));
        assert_eq!(fits(0), Some(moment(30).wall));
        assert_eq!(fits(1), Some(moment(3600).wall));
        assert_eq!(fits(2), Some(moment(3610).wall));
        assert_eq!(fits(3), Some(moment(24 * 3600).wall), "the day is the stricter one");
        assert_eq!(fits(4), None);
    }

    proptest! {
        /// At the moment it names, what is wanted fits; a second before, it does not.
        #[test]
        fn the_time_it_names_is_the_first(
            times in proptest::collection::vec(0u64..100_000, 0..12), wanted in 1u64..4,
        ) {
            let mut times = times;
            times.sort_unstable();
            let sends = after(&times);
            let now = 100_000;
            let lane = scope().lane();
            let left = |at: u64| BUDGET.left(sends.spent(&lane, moment(at)));
            let at = sends.fits_at(&lane, wanted, BUDGET, moment(now)).unwrap();
            let at = at.as_second() as u64;
            prop_assert!(left(at) >= wanted);
            prop_assert!(at == now || left(at - 1) < wanted);
        }
    }
}
