//! When detaches have room in the budget, those counted that are only forecast.

use super::Terms;
use crate::ledger::{Budget, DAY, HOUR};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Sends, the oldest first.
pub(super) struct Sends {
    budget: Budget,
    times: Vec<Timestamp>,
}

impl Sends {
    /// Those of the past. Leaves that are not sends yet count as sent now.
    pub fn of(terms: &Terms) -> Self {
        let mut times = terms.sent.clone();
        times.sort_unstable();
        let counted = usize::try_from(terms.spent.day).unwrap_or(usize::MAX);
        // No more than the budget: nothing could be forecast of what lies beyond.
        let most = usize::try_from(terms.budget.day).unwrap_or(usize::MAX).saturating_add(1);
        let leaves = counted.saturating_sub(times.len()).min(most);
        times.extend(std::iter::repeat_n(terms.now, leaves));
        Self { budget: terms.budget, times }
    }

    /// From when on `wanted` more have room; `None` where they never have. The distant past, where
    /// there is room already.
    pub fn room(&self, wanted: usize) -> Option<Timestamp> {
        let by = |window: Duration, limit: u64| {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let over = (self.times.len() + wanted).saturating_sub(limit);
            let Some(last) = over.checked_sub(1) else { return Some(Timestamp::MIN) };
            let freed = SignedDuration::try_from(window).ok()?;
            // Where more is wanted than the limit, there is no send whose end would make room.
            self.times.get(last)?.checked_add(freed).ok()
        };
        Some(by(HOUR, self.budget.hour)?.max(by(DAY, self.budget.day)?))
    }

    /// Counts one more.
    pub fn sent(&mut self, at: Timestamp) {
        self.times.push(at);
    }
}
