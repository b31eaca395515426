//! What the daemon says of itself, for whoever asks, and what happens, for whoever follows.

use crate::clock::Moment;
use crate::desired::Expiring;
use crate::model::{Revision, Scope};
use crate::report::{ScopeReport, Standing};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;

/// Recent actions kept.
const RECENT_MAX: usize = 100;
/// Silence of the loop that counts as dead.
const HEARTBEAT_MAX: Duration = Duration::from_secs(60);
/// Happenings that a slow follower may be behind before it loses the oldest.
const BEHIND_MAX: usize = 1024;

/// Something that happened, for whoever follows.
#[derive(Debug, Clone)]
pub enum Happening {
    /// Another revision is in force.
    Accepted(Arc<Revision>),
    /// Why the files on disk are not the accepted revision; `None`: they are again.
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

#[derive(Debug, Default)]
pub(crate) struct Said {
    pub started: Option<Moment>,
    pub heartbeat: Option<Moment>,
    pub revision: Option<Arc<Revision>>,
    pub accepted_at: Option<Moment>,
    /// Why the files on disk are not the accepted revision.
    pub trouble: Option<String>,
    pub scopes: BTreeMap<Scope, (Moment, Arc<ScopeReport>)>,
    pub recent: VecDeque<Recent>,
    pub passes: u64,
    pub quarantined: usize,
    /// What stops calls.
    pub paused: Vec<String>,
    /// Why the journal cannot be written.
    pub journal_trouble: Option<String>,
}

/// The daemon's notice board. Cheap to clone; clones share.
#[derive(Debug, Clone)]
pub struct Board {
    said: Arc<Mutex<Said>>,
    followers: broadcast::Sender<(Moment, Happening)>,
    /// A scope that was not read completely for this long makes the daemon unready.
    stale_after: Duration,
}

impl Board {
    /// An empty board of a daemon with this interval.
    pub fn new(interval: Duration) -> Self {
        Self {
            said: Arc::default(),
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
        // Without followers there is nobody to tell.
        let _nobody = self.followers.send((now, what));
    }

    /// The loop is alive.
    pub fn beat(&self, now: Moment, quarantined: usize) {
        let mut said = self.said();
        said.started.get_or_insert(now);
        said.heartbeat = Some(now);
        said.quarantined = quarantined;
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

    /// A revision was accepted, with these scopes.
    pub fn accepted<'a>(
        &self,
        revision: &Arc<Revision>,
        scopes: impl Iterator<Item = &'a Scope>,
        now: Moment,
    ) {
        let mut said = self.said();
        let kept: std::collections::BTreeSet<&Scope> = scopes.collect();
        said.scopes.retain(|scope, _| kept.contains(scope));
        if said.revision.as_ref() == Some(revision) {
            return;
        }
        said.revision = Some(Arc::clone(revision));
        said.accepted_at = Some(now);
        drop(said);
        self.tell(now, Happening::Accepted(Arc::clone(revision)));
    }

    /// The files on disk cannot be accepted, or can again.
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
        said.scopes.insert(report.scope.clone(), (now, Arc::clone(report)));
        drop(said);
        self.tell(now, Happening::Passed(Arc::clone(report)));
    }

    /// Whether the loop is alive.
    ///
    /// # Errors
    /// Why not.
    pub fn alive(&self, now: Moment) -> Result<(), String> {
        match self.said().heartbeat {
            Some(beat) if now.since(beat) <= HEARTBEAT_MAX => Ok(()),
            Some(beat) => {
                Err(format!("the loop has been silent for {} s", now.since(beat).as_secs()))
            }
            None => Err("the loop has not started".to_owned()),
        }
    }

    /// Whether every scope was read completely not long ago, and calls could be made.
    ///
    /// # Errors
    /// Why not.
    pub fn ready(&self, now: Moment) -> Result<(), String> {
        self.alive(now)?;
        let said = self.said();
        if let Some(trouble) = &said.journal_trouble {
            return Err(format!("the journal cannot be written: {trouble}"));
        }
        if said.revision.is_none() {
            return Err("no revision of the manifests was accepted yet".to_owned());
        }
        for (scope, (at, report)) in &said.scopes {
            if report.standing() >= Standing::Partial {
                return Err(format!("{scope} could not be read completely"));
            }
            if now.since(*at) > self.stale_after {
                return Err(format!("{scope} was read {} s ago", now.since(*at).as_secs()));
            }
        }
        if said.scopes.is_empty() { Err("no scope was read yet".to_owned()) } else { Ok(()) }
    }

    pub(crate) fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
