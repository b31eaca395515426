//! How things stand, gathered for the gate right before it decides.

use crate::clock::Clock;
use crate::gate::{Bounds, Pin, Situation};
use crate::journal::{Books, PauseFile};
use crate::ledger::Ledger;
use std::sync::Arc;

/// What the gate is told apart from the plan. Cheap to clone; clones share.
#[derive(Clone)]
pub struct Circumstances {
    /// What the configuration bounds.
    pub bounds: Arc<Bounds>,
    /// What the past means.
    pub books: Books,
    /// What a person can make whatever else is broken.
    pub pause_file: PauseFile,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

impl Circumstances {
    /// Lets `judge` decide by how things stand now.
    pub fn judge<T>(&self, pin: &Pin, judge: impl FnOnce(&Situation<'_>) -> T) -> T {
        self.judge_and(pin, judge, |_, _| ())
    }

    /// As [`Circumstances::judge`]; then lets `count` write down what was decided, before anybody else
    /// decides.
    pub fn judge_and<T>(
        &self,
        pin: &Pin,
        judge: impl FnOnce(&Situation<'_>) -> T,
        count: impl FnOnce(&mut Ledger, &T),
    ) -> T {
        let (said, trouble) = (self.pause_file.said(), self.books.trouble());
        let now = self.clock.now();
        self.books.decide(|ledger| {
            let decided = judge(&Situation {
                now,
                bounds: &self.bounds,
                ledger,
                pin,
                pause_file: said.as_deref(),
                journal: trouble.as_deref(),
            });
            count(ledger, &decided);
            decided
        })
    }
}
