//! How many messages a minute: pure functions of the moments of the last ones.

use crate::clock::Moment;
use std::collections::VecDeque;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// A sliding minute.
#[derive(Debug)]
pub(super) struct Pace {
    per_minute: usize,
    /// On the monotonic clock, the oldest first.
    sent: VecDeque<Duration>,
}

impl Pace {
    pub(super) fn new(per_minute: usize) -> Self {
        Self { per_minute: per_minute.max(1), sent: VecDeque::new() }
    }

    /// How long to wait before the next message.
    pub(super) fn wait(&self, now: Moment) -> Duration {
        match self.sent.front() {
            Some(first) if self.sent.len() >= self.per_minute => {
                first.saturating_add(MINUTE).saturating_sub(now.monotonic)
            }
            _ => Duration::ZERO,
        }
    }

    /// A message is sent.
    pub(super) fn sent(&mut self, now: Moment) {
        self.sent.push_back(now.monotonic);
        while self.sent.len() > self.per_minute {
            self.sent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::moment;
    use proptest::prelude::*;

    #[test]
    fn the_next_one_waits_until_the_oldest_is_a_minute_ago() {
        let mut pace = Pace::new(2);
        pace.sent(moment(10));
        assert_eq!(pace.wait(moment(10)), Duration::ZERO);
        pace.sent(moment(40));
        assert_eq!(pace.wait(moment(41)), Duration::from_secs(29));
        assert_eq!(pace.wait(moment(70)), Duration::ZERO);
        pace.sent(moment(70));
        assert_eq!(pace.wait(moment(71)), Duration::from_secs(29));
    }

    proptest! {
        #[test]
        fn no_minute_has_more(limit in 1usize..6, gaps in prop::collection::vec(0u64..40, 1..60)) {
            let (mut pace, mut now, mut sent) = (Pace::new(limit), moment(0), Vec::new());
            for gap in gaps {
                now = now.after(Duration::from_secs(gap)).after(Duration::ZERO);
                now = now.after(pace.wait(now));
                pace.sent(now);
                sent.push(now.monotonic);
            }
            for first in &sent {
                let within = sent.iter().filter(|at| *at >= first && **at < *first + MINUTE);
                prop_assert!(within.count() <= limit);
            }
        }
    }
}
