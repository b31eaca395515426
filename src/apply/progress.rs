//! How far carrying out is, for somebody who watches.

use super::call::Call;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts since the process began. Cheap to clone; clones share.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    calls: AtomicUsize,
    settled: AtomicUsize,
}

impl Progress {
    /// Calls made, links settled.
    pub fn so_far(&self) -> (usize, usize) {
        (self.0.calls.load(Ordering::Relaxed), self.0.settled.load(Ordering::Relaxed))
    }

    pub(super) fn called(&self, call: &Call) {
        if matches!(call, Call::Answered { .. }) {
            self.0.calls.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn settled(&self, links: usize) {
        self.0.settled.fetch_add(links, Ordering::Relaxed);
    }
}
