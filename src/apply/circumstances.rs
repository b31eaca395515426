//! How things stand, gathered for the gate right before it decides.

use crate::attempt::Limits;
use crate::clock::Clock;
use crate::desired::Desired;
use crate::forecast::{Ask, LATENCY, Terms};
use crate::gate::{Bounds, Pin, Situation};
use crate::journal::{Books, PauseFile};
use crate::ledger::Ledger;
use crate::model::{AccountName, PerAccount, Verb};
use crate::plan::Action;
use std::sync::Arc;

/// What the gate is told apart from the plan. Cheap to clone; clones share.
#[derive(Clone)]
pub struct Circumstances {
    /// What the configuration bounds.
    pub bounds: Arc<PerAccount<Bounds>>,
    /// What the past means.
    pub books: Books,
    /// What a person can make whatever else is broken.
    pub pause_file: PauseFile,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

impl Circumstances {
    /// What a plan of a scope wants, and what its account and region offers, for a forecast; `held`
    /// says whether something holds it that time alone does not end.
    pub fn ask<'a>(
        &self,
        desired: &Desired,
        limits: Limits,
        going: impl Iterator<Item = &'a Action>,
        held: bool,
    ) -> (Terms, Ask) {
        let (now, lane, bounds) =
            (self.clock.now(), desired.scope.lane(), self.bounds.of(&desired.scope.account));
        let (detaches, attaches): (Vec<_>, Vec<_>) =
            going.partition(|action| action.verb == Verb::Detach);
        let windows = std::iter::once(&bounds.windows).chain(&desired.windows);
        let windows = windows.filter(|of| !of.is_empty()).cloned().collect();
        let (spent, sent) =
            self.books.read(|ledger| (ledger.spent(&lane, now), ledger.sent_at(&lane, now)));
        let terms = Terms {
            now: now.wall,
            writes: limits.writes,
            reads: limits.reads,
            concurrency: limits.concurrency,
            latency: LATENCY,
            budget: bounds.budget,
            spent,
            sent,
        };
        (terms, Ask { detach: detaches.len(), attach: attaches.len(), windows, held })
    }

    /// Lets `judge` decide by how things stand in an account now.
    pub fn judge<T>(&self, of: (&AccountName, &Pin), judge: impl FnOnce(&Situation<'_>) -> T) -> T {
        self.judge_and(of, judge, |_, _| ())
    }

    /// As [`Circumstances::judge`]; then lets `count` write down what was decided, before anybody else
    /// decides.
    pub fn judge_and<T>(
        &self,
        (account, pin): (&AccountName, &Pin),
        judge: impl FnOnce(&Situation<'_>) -> T,
        count: impl FnOnce(&mut Ledger, &T),
    ) -> T {
        let (said, trouble) = (self.pause_file.said(), self.books.trouble());
        let now = self.clock.now();
        self.books.decide(|ledger| {
            let decided = judge(&Situation {
                now,
                bounds: self.bounds.of(account),
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
