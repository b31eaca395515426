//! How far carrying out is, for somebody who watches.

use super::call::Call;
use crate::cloud::Class;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SoFar {
    /// Calls made.
    pub calls: usize,
    /// Links that are over.
    pub settled: usize,
    /// Links that were called, and that no read has shown yet.
    pub settling: usize,
    /// Calls that the cloud turned away because they were too many.
    pub throttled: usize,
}

/// Counts since the process began. Cheap to clone; clones share.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    calls: AtomicUsize,
    settled: AtomicUsize,
    settling: AtomicUsize,
    throttled: AtomicUsize,
}

impl Progress {
    /// As it is now.
    pub fn so_far(&self) -> SoFar {
        SoFar {
            calls: self.0.calls.load(Ordering::Relaxed),
            settled: self.0.settled.load(Ordering::Relaxed),
            settling: self.0.settling.load(Ordering::Relaxed),
            throttled: self.0.throttled.load(Ordering::Relaxed),
        }
    }

    pub(super) fn called(&self, call: &Call) {
        let Call::Answered { answer, .. } = call else { return };
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        if answer.as_ref().is_err_and(|error| error.class == Class::Throttled) {
            self.0.throttled.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// That of one plan `before` links were settling, and `now` are.
    pub(super) fn settling(&self, before: usize, now: usize) {
        self.0.settling.fetch_add(now, Ordering::Relaxed);
        self.0.settling.fetch_sub(before, Ordering::Relaxed);
    }

    pub(super) fn settled(&self, links: usize) {
        self.0.settled.fetch_add(links, Ordering::Relaxed);
    }
}
