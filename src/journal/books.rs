//! The ledger as the journal keeps it up to date, shared by everybody who asks.

use super::Item;
use crate::clock::Moment;
use crate::ledger::{Event, Ledger, Past};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// What the journal means so far. Cheap to clone; clones share.
#[derive(Debug, Clone)]
pub struct Books {
    inner: Arc<Mutex<Inner>>,
    /// Counts the entries that other processes wrote.
    foreign: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    ledger: Ledger,
    /// The number of the last entry that was taken.
    seen: u64,
    /// Why the last append failed, if it did.
    trouble: Option<String>,
}

impl Default for Books {
    fn default() -> Self {
        Self { inner: Arc::default(), foreign: watch::Sender::new(0) }
    }
}

impl Books {
    /// Books that no journal keeps: what a command saw, or supposes.
    pub fn of(ledger: Ledger) -> Self {
        let inner = Arc::new(Mutex::new(Inner { ledger, ..Inner::default() }));
        Self { inner, ..Self::default() }
    }

    /// A copy in which `event` happened just now.
    pub fn supposing(&self, event: &Event, now: Moment) -> Self {
        let mut ledger = self.read(Ledger::clone);
        ledger.take(u64::MAX, Past::now(now), event, now);
        Self::of(ledger)
    }

    /// Asks the ledger. Held only while `ask` runs, so it must not wait for anything.
    pub fn read<T>(&self, ask: impl FnOnce(&Ledger) -> T) -> T {
        ask(&self.lock().ledger)
    }

    /// Asks the ledger and counts what is decided, in one step.
    pub fn decide<T>(&self, decide: impl FnOnce(&mut Ledger) -> T) -> T {
        decide(&mut self.lock().ledger)
    }

    /// Why the journal cannot be written, if the last try failed.
    pub fn trouble(&self) -> Option<String> {
        self.lock().trouble.clone()
    }

    /// Follows what other processes write: approvals, pauses, resumes.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.foreign.subscribe()
    }

    /// The number of the last entry that was taken.
    pub(super) fn seen(&self) -> u64 {
        self.lock().seen
    }

    pub(super) fn set_trouble(&self, trouble: Option<String>) {
        self.lock().trouble = trouble;
    }

    /// Takes an event of this process.
    pub(super) fn take_own(&self, seq: u64, event: &Event, at: Moment, now: Moment) {
        let mut inner = self.lock();
        inner.ledger.take(seq, Past::now(at), event, now);
        inner.seen = seq;
    }

    /// Takes events of earlier processes.
    pub(super) fn take_earlier(&self, items: &[Item], now: Moment) {
        let mut inner = self.lock();
        for Item { seq, at, event } in items {
            let at = Past { wall: *at, monotonic: None };
            inner.ledger.take(*seq, at, event, now);
            inner.seen = *seq;
        }
    }

    /// Takes events that other processes wrote meanwhile.
    pub(super) fn take_foreign(&self, items: &[Item], now: Moment) {
        if !items.is_empty() {
            self.take_earlier(items, now);
            self.foreign.send_modify(|count| *count += items.len() as u64);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
