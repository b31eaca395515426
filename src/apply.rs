//! Carries out an approved plan: confirm by id, permit, intent, call, answer, verify by id.
//!
//! The only module that is handed a [`WriteLinks`]. All links of a plan move through the same
//! stages at their own pace, so one that waits, is locked or answers ambiguously holds up no other:
//!
//! ```text
//! Waiting --confirm by id--> Ready --permit, intent, call--> Verifying --read by id--> Done
//!    ^                         |                               |
//!    +----- certainly not carried out, or still as before -----+
//! ```

use crate::attempt::Lanes;
use crate::clock::Clock;
use crate::cloud::{ReadLinks, WriteLinks};
use crate::gate::{Approved, Bounds};
use crate::journal::Journal;
use crate::model::Verb;
use crate::observe::Reads;
use crate::outcome::Outcome;
use crate::plan::Action;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

mod call;
mod item;
mod newest;
mod progress;
mod quarantine;
mod run;
mod serial;

pub use newest::{Current, Newest};
pub use progress::Progress;
pub use quarantine::Quarantine;
pub use serial::Serial;

use run::Run;

/// Everything that carrying out plans of one account needs, and shares with other passes.
#[derive(Clone)]
pub struct Writes<W> {
    /// The way to the cloud.
    pub writer: W,
    /// Intents, answers and results.
    pub journal: Journal,
    /// Limits, shared with the reads.
    pub lanes: Arc<Lanes>,
    /// One call an instance at a time.
    pub serial: Serial,
    /// Links that used up their tries.
    pub quarantine: Quarantine,
    /// The newest accepted revision, asked at every permit.
    pub newest: Newest,
    /// What the configuration bounds.
    pub bounds: Bounds,
    /// How far it is.
    pub progress: Progress,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Set when the process is to end.
    pub stop: CancellationToken,
}

/// One action and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// What was to be done.
    pub action: Action,
    /// How it ended.
    pub outcome: Outcome,
    /// Calls made.
    pub attempts: u32,
}

impl<W: WriteLinks> Writes<W> {
    /// Carries out the actions of `verb` of an approved plan, and says how each ended, in the
    /// plan's order. Ends early, and in order, when the process is to end: calls in flight are
    /// waited for, everything else is skipped.
    pub async fn apply<R: ReadLinks>(
        &self,
        reads: &Reads<R>,
        approved: &Arc<Approved>,
        verb: Verb,
    ) -> Vec<Applied> {
        let mut run = Run::new(self, reads, approved, verb);
        run.skip_quarantined();
        while run.advance().await {}
        run.finish().await
    }
}
