//! How the reads of one plan and verb are shared, and so how many there will be.

use crate::cloud::IDS_MAX;
use std::time::Duration;

/// Confirmations are asked for as many links as can be called within this time: they last 10 s.
const CONFIRM_AHEAD_SECONDS: f64 = 5.0;
/// The first verification after a call: short, so that the calls of a moment share a read.
pub const FIRST_LOOK: Duration = Duration::from_millis(200);

/// How many links are kept confirmed ahead of calls at a rate.
pub fn confirm_ahead(rate: f64) -> usize {
    // Rounded down, and small: a rate is at most thousands a second.
    (rate * CONFIRM_AHEAD_SECONDS).clamp(1.0, IDS_MAX as f64) as usize
}

/// Counts the reads along the calls that they belong to.
///
/// Confirmations: one read at a time, begun whenever fewer links are ready than calls may be in flight.
/// Verifications: one read at a time, begun as soon as a link is due, of all whose calls have ended.
pub(super) struct Reads {
    concurrency: usize,
    /// From the begin of a read to the begin of the next, at least.
    apart: Duration,
    unconfirmed: usize,
    ready: usize,
    /// Links of the confirmation under way, and when it ends.
    confirming: Option<(usize, Duration)>,
    /// When a call last took a ready link.
    last: Duration,
    /// When the last verification begins, and how many links it reads.
    verifying: Option<(Duration, usize)>,
    pub confirm: u64,
    pub verify: u64,
}

impl Reads {
    /// Before anything is read of `links`.
    pub fn of(links: usize, concurrency: usize, apart: Duration) -> Self {
        Self {
            concurrency: concurrency.max(1),
            apart,
            unconfirmed: links,
            ready: 0,
            confirming: None,
            last: Duration::ZERO,
            verifying: None,
            confirm: 0,
            verify: 0,
        }
    }

    /// A call took a ready link at `entered`, at a rate in calls a second, and ends at `ends`. Reads
    /// wait for a place `behind` so many calls of other plans.
    pub fn called(&mut self, entered: Duration, rate: f64, ends: Duration, behind: usize) {
        let apart = self.apart + Duration::from_secs_f64(behind as f64 / rate.max(1.0));
        if self.confirm == 0 {
            self.ask(Duration::ZERO, rate, apart);
            self.land(Duration::MAX);
        } else if entered > self.last {
            // Calls of one moment take their links before more are asked for.
            self.land(self.last);
            self.ask(self.last, rate, apart);
        }
        self.last = entered;
        self.land(entered);
        self.ready = self.ready.saturating_sub(1);
        self.verified_after(ends, apart);
    }

    fn ask(&mut self, at: Duration, rate: f64, apart: Duration) {
        let lacking = confirm_ahead(rate).saturating_sub(self.ready).min(self.unconfirmed);
        if self.confirming.is_none() && self.ready < self.concurrency && lacking > 0 {
            self.confirm += 1;
            self.unconfirmed -= lacking;
            self.confirming = Some((lacking, at + apart));
        }
    }

    fn land(&mut self, now: Duration) {
        if let Some((links, _)) = self.confirming.take_if(|(_, end)| *end <= now) {
            self.ready += links;
        }
    }

    fn verified_after(&mut self, ends: Duration, apart: Duration) {
        let due = ends + FIRST_LOOK;
        self.verifying = match self.verifying {
            Some((begins, links)) if ends <= begins && links < IDS_MAX => Some((begins, links + 1)),
            before => {
                self.verify += 1;
                Some((before.map_or(due, |(begins, _)| due.max(begins + apart)), 1))
            }
        };
    }
}
