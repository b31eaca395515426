//! What the cloud was asked, for tests to assert on and people to read.

use jiff::Timestamp;
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Parameters of an operation, without the common ones.
pub type Params = BTreeMap<Cow<'static, str>, String>;

/// So many calls are remembered: enough for a day of a busy test, bounded for a demo left running.
const REMEMBERED: usize = 100_000;

/// One call the cloud saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// From 1, in the order of arrival.
    pub number: u64,
    /// When, on the true clock.
    pub at: Timestamp,
    /// When, on the monotonic clock.
    pub monotonic: Duration,
    /// The account's number, or empty when the caller did not prove to be anybody.
    pub account: String,
    /// The operation.
    pub action: String,
    /// Its parameters.
    pub params: Params,
    /// `OK`, or the code of the error.
    pub code: String,
    /// Whether the caller was told; else the answer was lost on the way.
    pub answered: bool,
    /// Whether a link was made or removed.
    pub changed: bool,
    /// Which the caller may quote.
    pub request_id: String,
}

/// The calls.
#[derive(Debug, Default)]
pub struct CallLog {
    calls: VecDeque<Call>,
    last: u64,
    stopped: bool,
}

impl CallLog {
    /// Writes no call down from now on: a million schedules are not read by anybody.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// Writes one call down and numbers it.
    pub fn push(&mut self, call: impl FnOnce() -> Call) {
        if self.stopped {
            return;
        }
        let mut call = call();
        self.last = self.last.saturating_add(1);
        call.number = self.last;
        if self.calls.len() >= REMEMBERED {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }

    /// The calls with a number greater than that.
    pub fn since(&self, number: u64) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(move |call| call.number > number)
    }
}
