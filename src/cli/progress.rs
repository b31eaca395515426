//! How far it is, for somebody who watches: one line that is painted over on a terminal, a line now and
//! then elsewhere, and nothing for what is done within a second.

use super::terminal;
use crate::apply::SoFar;
use crate::clock::Clock;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

mod line;

/// What takes less is not worth a line.
const BEGINS_AFTER: Duration = Duration::from_secs(1);
/// Between two paintings on a terminal.
const REPAINT: Duration = Duration::from_millis(100);
/// Between two looks where lines stay.
const LOOK: Duration = Duration::from_secs(1);
/// Longest time between two lines that stay.
const LINE_AFTER: Duration = Duration::from_secs(10);
/// What has to be done in between for one to come earlier, in percent.
const LINE_AFTER_PERCENT: usize = 10;
/// How long a throttled call is worth mentioning.
const THROTTLED_FOR: Duration = Duration::from_secs(3);

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// VPCs are read.
    Reading {
        /// So many were.
        done: usize,
        /// Of these.
        of: usize,
    },
    /// Plans are carried out.
    Calling(Calling),
    /// Nothing can be counted.
    Waiting(&'static str),
}

/// Plans being carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Calling {
    /// How far it is.
    pub so_far: SoFar,
    /// Links in all.
    pub of: usize,
    /// Since it began.
    pub elapsed: Duration,
    /// How long it was forecast to take.
    pub lasts: Option<Duration>,
}

/// Shows until it is dropped.
pub(super) struct Live(JoinHandle<()>);

impl Live {
    /// Shows what `shown` says, which is told the time since now.
    pub(super) fn start(
        clock: Arc<dyn Clock>,
        shown: impl Fn(Duration) -> Shown + Send + 'static,
    ) -> Self {
        let repaints = terminal::repaints();
        terminal::open_line(repaints);
        let began = clock.now();
        Self(tokio::spawn(async move {
            tokio::time::sleep(BEGINS_AFTER).await;
            let (mut throttled, mut told) = (Throttled::default(), None);
            loop {
                let elapsed = clock.now().since(began);
                let shown = shown(elapsed);
                let slowed = throttled.is_recent(&shown, elapsed);
                if repaints {
                    // The last column stays free: some terminals begin a new line behind it.
                    let width = terminal::width().saturating_sub(1);
                    terminal::paint(&line::render(&shown, slowed, width));
                    tokio::time::sleep(REPAINT).await;
                } else {
                    let percent = line::percent(&shown).unwrap_or_default();
                    if is_due(told, elapsed, percent) {
                        told = Some((elapsed, percent));
                        terminal::remark(&line::render(&shown, slowed, usize::MAX));
                    }
                    tokio::time::sleep(LOOK).await;
                }
            }
        }))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.abort();
        // It may be painting in another thread just now: what it paints after this does not show.
        terminal::open_line(false);
    }
}

/// Whether a line that stays is due, `told` being when the last one was and what it said.
fn is_due(told: Option<(Duration, usize)>, now: Duration, percent: usize) -> bool {
    told.is_none_or(|(then, before)| {
        now.saturating_sub(then) >= LINE_AFTER || percent >= before + LINE_AFTER_PERCENT
    })
}

/// When a call was last throttled.
#[derive(Default)]
struct Throttled {
    count: usize,
    at: Option<Duration>,
}

impl Throttled {
    fn is_recent(&mut self, shown: &Shown, now: Duration) -> bool {
        if let Shown::Calling(calling) = shown
            && calling.so_far.throttled > self.count
        {
            (self.count, self.at) = (calling.so_far.throttled, Some(now));
        }
        self.at.is_some_and(|at| now.saturating_sub(at) < THROTTLED_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(of: u64) -> Duration {
        Duration::from_secs(of)
    }

    #[test]
    fn a_line_that_stays_comes_every_ten_seconds_or_ten_percent() {
        assert!(is_due(None, second(1), 0));
        assert!(!is_due(Some((second(1), 5)), second(10), 14));
        assert!(is_due(Some((second(1), 5)), second(11), 5));
        assert!(is_due(Some((second(1), 5)), second(2), 15));
    }

    #[test]
    fn a_throttled_call_is_mentioned_for_a_while() {
        let mut throttled = Throttled::default();
        let mut is = |count, now| {
            let so_far = SoFar { throttled: count, ..SoFar::default() };
            let (of, lasts) = (9, None);
            let shown = Shown::Calling(Calling { so_far, of, elapsed: second(now), lasts });
            throttled.is_recent(&shown, second(now))
        };
        assert!(!is(0, 1) && is(1, 2) && is(1, 4) && !is(1, 5) && is(2, 6));
    }
}
