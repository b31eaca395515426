//! What the daemon says of itself, for whoever asks, and what happens, for whoever follows.

use crate::clock::Moment;
use crate::desired::{Expiring, Tree, keep_declared};
use crate::model::{AccountName, Lane, Revision, Scope};
use crate::report::ScopeReport;
use jiff::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;

mod health;
mod trend;

pub use health::{CREDENTIAL_LEFT_MIN, Check, HEARTBEAT_MAX, Health};
pub(crate) use trend::{Sample, Trend};

/// Recent actions kept.
const RECENT_MAX: usize = 100;
/// Happenings that a slow follower may be behind before it loses the oldest.
const BEHIND_MAX: usize = 1024;

/// Something that happened, for whoever follows.
#[derive(Debug, Clone)]
pub enum Happening {
    /// Another revision is in force.
    Accepted(Arc<Revision>),
    /// Why the manifests are not the accepted revision; `None`: they are again.
    Trouble(Option<String>),
    /// A pass over a scope ended.
    Passed(Arc<ScopeReport>),
    /// A link will soon no longer be desired; said once for each notice.
    Expiring(Scope, Expiring),
    /// What stops all or some calls has changed; both empty: nothing any more.
    Stopped {
        /// Pauses, each as a sentence.
        paused: Vec<String>,
        /// Those of them that nobody asked for: a rule of the gate did.
        latched: Vec<String>,
        /// Why the journal cannot be written.
        journal: Option<String>,
    },
}

impl Happening {
    /// Every kind's word.
    pub const KINDS: [&'static str; 5] = ["accepted", "trouble", "passed", "expiring", "stopped"];

    /// The word for what kind of thing happened.
    pub fn kind(&self) -> &'static str {
        let [accepted, trouble, passed, expiring, stopped] = Self::KINDS;
        match self {
            Self::Accepted(_) => accepted,
            Self::Trouble(_) => trouble,
            Self::Passed(_) => passed,
            Self::Expiring(..) => expiring,
            Self::Stopped { .. } => stopped,
        }
    }
}

/// What the loop tells of itself whenever it turns.
#[derive(Debug, Clone, Default)]
pub struct Vitals {
    /// Links in quarantine.
    pub quarantined: BTreeMap<Lane, usize>,
    /// Scopes that are due and wait for a worker.
    pub waiting: usize,
    /// Passes under way.
    pub under_way: usize,
    /// When credentials end, of those that have a known end.
    pub expires: BTreeMap<AccountName, Timestamp>,
    /// Accounts whose credential the cloud refuses, with its code.
    pub refused: BTreeMap<AccountName, &'static str>,
    /// Accounts whose credential is not, or not evidently, of the account that is pinned; why.
    pub broken_pins: BTreeMap<AccountName, String>,
    /// How far our clock is off, as the cloud's answers to each account tell.
    pub clock_off: BTreeMap<AccountName, Duration>,
}

/// One action that ended, for the list of recent ones.
#[derive(Debug, Clone)]
pub(crate) struct Recent {
    pub at: Moment,
    pub scope: Scope,
    pub instance: String,
    pub verb: &'static str,
    pub outcome: &'static str,
    pub detail: String,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    pub started: Option<Moment>,
    pub heartbeat: Option<Moment>,
    pub revision: Option<Arc<Revision>>,
    pub accepted_at: Option<Moment>,
    /// What the revision in force declares.
    pub tree: Option<Arc<Tree>>,
    /// Why the manifests are not the accepted revision.
    pub trouble: Option<String>,
    pub scopes: BTreeMap<Scope, (Moment, Arc<ScopeReport>)>,
    pub recent: VecDeque<Recent>,
    /// When the last pass ended that read the scope completely.
    pub complete: BTreeMap<Scope, Moment>,
    pub passes: u64,
    pub quarantined: usize,
    pub vitals: Vitals,
    /// How often each kind of thing happened.
    pub happened: BTreeMap<&'static str, u64>,
    /// What stops calls.
    pub paused: Vec<String>,
    /// Why the journal cannot be written.
    pub journal_trouble: Option<String>,
}

/// The daemon's notice board. Cheap to clone; clones share.
#[derive(Debug, Clone)]
pub struct Board {
    said: Arc<Mutex<Said>>,
    trend: Arc<Mutex<Trend>>,
    followers: broadcast::Sender<(Moment, Happening)>,
    /// A scope that was not read completely for this long makes the daemon unready.
    stale_after: Duration,
}

impl Board {
    /// An empty board of a daemon with this interval.
    pub fn new(interval: Duration) -> Self {
        Self {
            said: Arc::default(),
            trend: Arc::default(),
            followers: broadcast::Sender::new(BEHIND_MAX),
            stale_after: interval.saturating_mul(3).max(HEARTBEAT_MAX),
        }
    }

    /// What happens from now on. Who does not keep up loses the oldest and is told how many; nobody
    /// ever waits for a follower.
    pub fn follow(&self) -> broadcast::Receiver<(Moment, Happening)> {
        self.followers.subscribe()
    }

    fn tell(&self, now: Moment, what: Happening) {
        *self.said().happened.entry(what.kind()).or_default() += 1;
        // Without followers there is nobody to tell.
        let _nobody = self.followers.send((now, what));
    }

    /// The loop is alive.
    pub fn beat(&self, now: Moment, vitals: Vitals) {
        let mut said = self.said();
        said.started.get_or_insert(now);
        said.heartbeat = Some(now);
        said.quarantined = vitals.quarantined.values().sum();
        said.vitals = vitals;
        drop(said);
        self.trend().turn(now);
    }

    /// What stops calls: pauses, which of them a rule of the gate latched, and a journal that cannot
    /// be written.
    pub fn stopped_by(
        &self,
        paused: Vec<String>,
        latched: Vec<String>,
        journal: Option<String>,
        now: Moment,
    ) {
        let mut said = self.said();
        if (&said.paused, &said.journal_trouble) == (&paused, &journal) {
            return;
        }
        said.paused.clone_from(&paused);
        said.journal_trouble.clone_from(&journal);
        drop(said);
        self.tell(now, Happening::Stopped { paused, latched, journal });
    }

    /// A revision was accepted.
    pub fn accepted(&self, tree: &Arc<Tree>, now: Moment) {
        let revision = &tree.revision;
        self.trend().keep_only(&tree.scopes);
        let mut said = self.said();
        keep_declared(&mut said.scopes, &tree.scopes);
        keep_declared(&mut said.complete, &tree.scopes);
        said.tree = Some(Arc::clone(tree));
        if said.revision.as_ref() == Some(revision) {
            return;
        }
        said.revision = Some(Arc::clone(revision));
        said.accepted_at = Some(now);
        drop(said);
        self.tell(now, Happening::Accepted(Arc::clone(revision)));
    }

    /// The manifests cannot be accepted, or can again.
    pub fn trouble(&self, trouble: Option<String>, now: Moment) {
        let mut said = self.said();
        if said.trouble != trouble {
            said.trouble.clone_from(&trouble);
            drop(said);
            self.tell(now, Happening::Trouble(trouble));
        }
    }

    /// A link will soon no longer be desired.
    pub fn expiring(&self, scope: &Scope, expiring: &Expiring, now: Moment) {
        self.tell(now, Happening::Expiring(scope.clone(), expiring.clone()));
    }

    /// A pass over a scope ended.
    pub fn passed(&self, report: &Arc<ScopeReport>, now: Moment) {
        self.trend().passed(report, now);
        let mut said = self.said();
        said.passes += 1;
        for applied in report.applied.iter().filter(|applied| applied.attempts > 0) {
            said.recent.push_front(Recent {
                at: now,
                scope: report.scope.clone(),
                instance: applied.action.link.instance.to_string(),
                verb: applied.action.verb.as_str(),
                outcome: applied.outcome.as_str(),
                detail: applied.outcome.to_string(),
            });
        }
        said.recent.truncate(RECENT_MAX);
        // There is a plan of a complete observation only.
        if report.digest.is_some() {
            said.complete.insert(report.scope.clone(), now);
        }
        said.scopes.insert(report.scope.clone(), (now, Arc::clone(report)));
        drop(said);
        self.tell(now, Happening::Passed(Arc::clone(report)));
    }

    /// What went on over the last day.
    pub(crate) fn trend(&self) -> MutexGuard<'_, Trend> {
        self.trend.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is said, for as long as it is held: copy it to work with it.
    pub(crate) fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
