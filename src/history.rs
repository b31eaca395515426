//! What happened, as a person sees it: the journal's entries joined to deeds.
//!
//! An action on a link is several entries: an intent and an answer for each call, then a final word,
//! perhaps of a later run. [`of`] joins them. Pure: a fold over entries that were read before.

use crate::journal::Item;
use crate::ledger::event::{Accepted, Approval, Began, Passed, Pause, Pruned, Restored, Resume};
use crate::model::{Digest, InstanceId, Revision, RunId, Scope, Verb};
use jiff::Timestamp;
use std::collections::BTreeSet;

mod filter;
mod fold;
mod when;

pub use filter::Filter;
pub use when::When;

/// One action on one link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// Number of its first entry.
    pub seq: u64,
    /// When that was written: before the first call.
    pub at: Timestamp,
    /// When its final word was written.
    pub ended: Option<Timestamp>,
    /// Detach or attach.
    pub verb: Verb,
    /// Account, region and VPC.
    pub scope: Scope,
    /// Which instance.
    pub instance: InstanceId,
    /// One word: that of its final word, or [`Deed::OPEN`], [`Deed::NOT_SENT`], [`Deed::CONTINUED`].
    pub outcome: String,
    /// The same in words.
    pub detail: String,
    /// Its calls, in order.
    pub attempts: Vec<Attempt>,
    /// Calls that left, or may have.
    pub sent: u32,
    /// Why, and by what; none where the entries before its final word are forgotten.
    pub cause: Option<Cause>,
    /// Which run; none in entries of the first format.
    pub run: Option<RunId>,
    /// What began that run, and who.
    pub began: Option<Began>,
    /// The run that gave it its final word, where that was a later one.
    pub ended_by: Option<RunId>,
}

impl Deed {
    /// `outcome` of one without a final word.
    pub const OPEN: &'static str = "open";
    /// `outcome` of one whose leave was withdrawn before anything was sent.
    pub const NOT_SENT: &'static str = "not sent";
    /// `outcome` of one that a later run took up with calls of its own.
    pub const CONTINUED: &'static str = "continued";

    /// The ids under which the cloud knows its calls.
    pub fn request_ids(&self) -> impl Iterator<Item = &str> {
        self.attempts.iter().filter_map(|attempt| attempt.request_id.as_deref())
    }

    /// Whether it is of that run, or was ended by it.
    pub fn is_of(&self, run: RunId) -> bool {
        self.run == Some(run) || self.ended_by == Some(run)
    }
}

/// What an action was decided by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Why.
    pub reason: String,
    /// Digest of the plan.
    pub plan: Digest,
    /// The revision the plan was made from.
    pub revision: Revision,
    /// Who approved the plan, where that was needed.
    pub approver: Option<String>,
}

/// One call of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Number of its intent.
    pub intent: u64,
    /// When the intent was written.
    pub at: Timestamp,
    /// Counts from 1 over the whole action, runs that took it up included.
    pub number: u32,
    /// `accepted`, `not-sent`, or the class of the error; none where no answer is recorded.
    pub result: Option<String>,
    /// The cloud's code, for an error.
    pub code: Option<String>,
    /// For the cloud's audit trail.
    pub request_id: Option<String>,
    /// How long the call took; none where there was no answer.
    pub latency_ms: Option<u64>,
}

/// Anything else that is worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// Number of its entry.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What it was.
    pub what: What,
}

/// What happened beside deeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A revision was accepted. Of what it lost by its own account, the latter was lost by an earlier one, and
    /// was pending still.
    Accepted(Accepted, BTreeSet<(Scope, InstanceId)>),
    /// A held plan was approved.
    Approved(Approval),
    /// Calls were stopped.
    Paused(Pause),
    /// Calls were let go on.
    Resumed(Resume),
    /// An undo gave links back.
    Restored(Restored),
    /// Old entries were forgotten.
    Pruned(Pruned),
    /// A run began.
    Began(RunId, Began),
    /// The gate held a plan, or a part of it.
    Held(Passed),
}

impl What {
    /// One word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Accepted(..) => "accepted",
            Self::Approved(_) => "approved",
            Self::Paused(_) => "paused",
            Self::Resumed(_) => "resumed",
            Self::Restored(_) => "restored",
            Self::Pruned(_) => "pruned",
            Self::Began(..) => "began",
            Self::Held(_) => "held",
        }
    }
}

/// One line of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// An action on a link.
    Deed(Box<Deed>),
    /// Anything else.
    Happening(Box<Happening>),
}

impl Record {
    /// The action, if it is one.
    pub fn deed(&self) -> Option<&Deed> {
        match self {
            Self::Deed(deed) => Some(deed),
            Self::Happening(_) => None,
        }
    }

    /// When it began.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Deed(deed) => deed.at,
            Self::Happening(happening) => happening.at,
        }
    }

    /// When it was over, as far as it is.
    pub fn ended(&self) -> Timestamp {
        self.deed().and_then(|deed| deed.ended).unwrap_or_else(|| self.at())
    }
}

/// Everything that entries tell, in their order: an action stands where its first call does.
pub fn of(items: &[Item]) -> Vec<Record> {
    let mut fold = fold::Fold::default();
    for item in items {
        fold.take(item);
    }
    fold.finish()
}

#[cfg(test)]
mod tests;
