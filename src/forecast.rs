//! What carrying out plans will cost, and when it will be done: calls, share of the budget, time.
//!
//! Nothing is promised. What is assumed: each call takes [`LATENCY`], none is throttled or repeated,
//! what is called shows at the next read, nobody else spends the budget, and whatever holds a plan
//! apart from time is released at once. The rate begins anew, as it does in a new process. No call waits
//! in line for longer than its confirmation lasts, which it does where many plans of one account and
//! region are large, or the rate is below two a second: then it takes longer than foretold.

use crate::ledger::{Budget, Spent};
use crate::retry::limiter::Rates;
use crate::window::Windows;
use jiff::Timestamp;
use std::time::Duration;

mod course;
mod pace;
mod reads;
mod sends;
mod whole;

pub use reads::{FIRST_LOOK, confirm_ahead};
pub use whole::{Whole, together};

/// What one call is assumed to take: ECS answers these calls within some 100 to 300 ms over the
/// Internet, and the rate, not the latency, decides unless a call takes over 300 ms.
pub const LATENCY: Duration = Duration::from_millis(200);

/// What one account and region offers to its plans.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// Now; parts of a second are left out.
    pub now: Timestamp,
    /// Calls a second of each verb.
    pub writes: Rates,
    /// Reads a second.
    pub reads: Rates,
    /// Calls in flight.
    pub concurrency: usize,
    /// What one call takes.
    pub latency: Duration,
    /// Most detaches.
    pub budget: Budget,
    /// Detaches sent.
    pub spent: Spent,
    /// When the detaches of the last day were sent, as far as that is known; in any order.
    pub sent: Vec<Timestamp>,
}

/// What one plan wants.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// Detaches that may go.
    pub detach: usize,
    /// Attaches that may go, after the detaches.
    pub attach: usize,
    /// Of configuration and manifests: all have to be open.
    pub windows: Vec<Windows>,
    /// Whether something holds the plan that time alone does not end.
    pub held: bool,
}

/// What carrying out will cost, and when it will be done. Times are whole seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// How many.
    pub calls: Calls,
    /// Detaches, against what may be sent.
    pub share: Share,
    /// The first call's pass; `None` where it never begins, for the reason in `waits_for`.
    pub begins: Option<Timestamp>,
    /// What it waits for, if it does not begin now.
    pub waits_for: Option<Wait>,
    /// What interrupts it, or keeps it from ever being done.
    pub interrupted_by: Option<Wait>,
    /// When the last result was read; `None` where that is never, or not within a year.
    pub done: Option<Timestamp>,
    /// Whether it is true only once somebody has released what holds a plan.
    pub once_released: bool,
}

impl Forecast {
    /// From begin to end in seconds, interruptions included.
    pub fn lasts(&self) -> Option<u64> {
        let seconds = self.done?.duration_since(self.begins?).as_secs();
        u64::try_from(seconds).ok()
    }
}

/// Calls by what they are for. Reads are shared between links: how many there are depends on when calls
/// end, so they are estimates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Calls {
    /// `DetachClassicLinkVpc`
    pub detach: u64,
    /// `AttachClassicLinkVpc`
    pub attach: u64,
    /// Reads right before calls: each of at most 100 links, and of as many as can be called within 5 s.
    pub confirm: u64,
    /// Reads after calls: one at a time for each plan, of all links whose calls have ended.
    pub verify: u64,
}

impl Calls {
    /// All of them.
    pub fn total(self) -> u64 {
        self.detach + self.attach + self.confirm + self.verify
    }

    fn and(self, other: Self) -> Self {
        Self {
            detach: self.detach + other.detach,
            attach: self.attach + other.attach,
            confirm: self.confirm + other.confirm,
            verify: self.verify + other.verify,
        }
    }
}

/// Detaches of one account and region against its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Sent before.
    pub used: Spent,
    /// What may be sent.
    pub limit: Budget,
    /// What is wanted now.
    pub wanted: u64,
}

impl Share {
    /// Percent of an hour's budget that are spent afterwards, if all goes within an hour; `None` of a
    /// budget of nothing.
    pub fn of_hour(&self) -> Option<u64> {
        percent(self.used.hour + self.wanted, self.limit.hour)
    }

    /// Percent of a day's budget, likewise.
    pub fn of_day(&self) -> Option<u64> {
        percent(self.used.day + self.wanted, self.limit.day)
    }
}

fn percent(part: u64, whole: u64) -> Option<u64> {
    part.saturating_mul(100).checked_div(whole)
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Times at which changes may be made.
    Windows,
    /// Room for detaches.
    Budget,
}

impl Wait {
    /// The word in a plan's JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Windows => "windows",
            Self::Budget => "budget",
        }
    }
}

/// Forecasts plans of one account and region that are carried out side by side; `None` where they want
/// nothing. A plan begins when all of it fits into the budget; what side by side does not fit waits call
/// by call, for as long as the budget has no room (the pause that this sets off is taken for resumed).
pub fn of(terms: &Terms, asks: &[Ask]) -> Option<Forecast> {
    let asks: Vec<&Ask> = asks.iter().filter(|ask| ask.detach + ask.attach > 0).collect();
    if asks.is_empty() {
        return None;
    }
    let courses = course::Course::of(terms, &asks);
    let count = |one: fn(&Ask) -> usize| asks.iter().map(|ask| one(ask) as u64).sum::<u64>();
    let calls = Calls {
        detach: count(|ask| ask.detach),
        attach: count(|ask| ask.attach),
        confirm: courses.iter().map(|course| course.confirm).sum(),
        verify: courses.iter().map(|course| course.verify).sum(),
    };
    let first = courses.iter().min_by_key(|of| (of.begins.is_none(), of.begins))?;
    // One that never begins keeps the others from being all.
    let stuck = courses.iter().find(|of| of.begins.is_none() && first.begins.is_some());
    let interrupted = courses.iter().find_map(|of| of.interrupted_by);
    let dones: Option<Vec<Timestamp>> = courses.iter().map(|of| of.done).collect();
    Some(Forecast {
        calls,
        share: Share { used: terms.spent, limit: terms.budget, wanted: calls.detach },
        begins: first.begins,
        waits_for: first.waits_for,
        interrupted_by: stuck.map_or(interrupted, |of| of.waits_for),
        done: dones.and_then(|dones| dones.into_iter().max()),
        once_released: asks.iter().any(|ask| ask.held),
    })
}

#[cfg(test)]
mod tests;
