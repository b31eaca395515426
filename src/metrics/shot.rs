//! Everything that is measured, at one moment: looked up under short locks, then encoded without any.

use super::Counts;
use super::counts::{Counted, verdict};
use crate::attempt::{LaneStats, Lanes};
use crate::board::{Board, Health, Vitals};
use crate::clock::{Clock, Moment};
use crate::desired::Tree;
use crate::journal::{Journal, Measured, PauseFile};
use crate::ledger::event::Cause;
use crate::ledger::{Budget, Spent};
use crate::model::{AccountName, Lane, Mode, PerAccount, Scope, Verb};
use crate::notification::{Counters, Stats};
use crate::report::ScopeReport;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Where numbers come from.
pub struct Sources {
    /// What was counted.
    pub counts: Counts,
    /// What the daemon says.
    pub board: Board,
    /// The limits of calls.
    pub lanes: Arc<Lanes>,
    /// The accounts of the configuration.
    pub accounts: BTreeSet<AccountName>,
    /// The journal, and what it means.
    pub journal: Journal,
    /// The file that stops everything.
    pub pause_file: PauseFile,
    /// Most detaches of each region, by account.
    pub budget: PerAccount<Budget>,
    /// What became of notifications.
    pub notifications: Counters,
    /// Full pass per scope.
    pub interval: Duration,
    /// When the process began.
    pub started: Timestamp,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// What is known of one VPC.
pub(super) struct Seen {
    pub scope: Scope,
    pub report: Arc<ScopeReport>,
    /// When a pass last read it completely.
    pub complete: Option<Moment>,
}

impl Seen {
    pub fn verdict(&self) -> &'static str {
        verdict(&self.report.verdict)
    }
}

/// One moment.
pub(super) struct Shot {
    pub now: Moment,
    pub started: Timestamp,
    pub interval: Duration,
    pub notifications: Vec<Stats>,
    pub counted: Counted,
    /// What may be done where, as the manifests in force say.
    pub kinds: BTreeSet<(Lane, Verb)>,
    pub scopes: Vec<Seen>,
    /// Of the scopes, and of what was counted.
    pub lanes: BTreeSet<Lane>,
    pub limits: BTreeMap<Lane, LaneStats>,
    pub halted: BTreeMap<AccountName, bool>,
    pub spent: BTreeMap<Lane, Spent>,
    pub budget: PerAccount<Budget>,
    pub pauses: BTreeMap<&'static str, u64>,
    pub vitals: Vitals,
    pub happened: BTreeMap<&'static str, u64>,
    pub heartbeat: Option<Timestamp>,
    pub accepted_at: Option<Timestamp>,
    pub source_problem: bool,
    pub journal_writable: bool,
    pub journal: Measured,
    pub health: Health,
}

impl Shot {
    /// The VPCs whose last pass read them completely.
    pub fn planned(&self) -> impl Iterator<Item = &Seen> {
        self.scopes.iter().filter(|seen| seen.report.digest.is_some())
    }
}

impl Sources {
    pub(super) fn shot(&self) -> Shot {
        let now = self.clock.now();
        let counted = self.counts.so_far();
        let health = self.board.ready(now);
        let said = self.board.said();
        let scopes: Vec<Seen> = said
            .scopes
            .iter()
            .map(|(scope, (_, report))| Seen {
                scope: scope.clone(),
                report: Arc::clone(report),
                complete: said.complete.get(scope).copied(),
            })
            .collect();
        let (vitals, happened) = (said.vitals.clone(), said.happened.clone());
        let (heartbeat, accepted_at) = (said.heartbeat, said.accepted_at);
        let source_problem = said.trouble.is_some();
        let tree = said.tree.clone();
        drop(said);
        let kinds = kinds(tree.as_deref(), &scopes);
        let lanes: BTreeSet<Lane> =
            scopes.iter().map(|seen| seen.scope.lane()).chain(counted.lanes().cloned()).collect();
        let halted = self.accounts.iter();
        let books = self.journal.books();
        let spent = books.read(|ledger| {
            let of = lanes.iter().map(|lane| (lane.clone(), ledger.spent(lane, now)));
            of.collect()
        });
        Shot {
            now,
            started: self.started,
            interval: self.interval,
            notifications: self.notifications.stats(),
            kinds,
            scopes,
            limits: self.lanes.stats(),
            halted: halted.map(|name| (name.clone(), self.lanes.is_halted(name))).collect(),
            spent,
            budget: self.budget.clone(),
            pauses: self.pauses(),
            vitals,
            happened,
            heartbeat: heartbeat.map(|at| at.wall),
            accepted_at: accepted_at.map(|at| at.wall),
            source_problem,
            journal_writable: books.trouble().is_none(),
            journal: self.journal.measured(),
            health,
            lanes,
            counted,
        }
    }

    fn pauses(&self) -> BTreeMap<&'static str, u64> {
        let mut pauses: BTreeMap<_, _> = Cause::ALL.map(|cause| (cause.as_str(), 0)).into();
        pauses.insert("file", u64::from(self.pause_file.said().is_some()));
        self.journal.books().read(|ledger| {
            for (_, pause) in ledger.pauses() {
                *pauses.entry(pause.cause.as_str()).or_default() += 1;
            }
        });
        pauses
    }
}

/// What may be done where: of the manifests as soon as they are accepted, which is before the first pass.
fn kinds(tree: Option<&Tree>, scopes: &[Seen]) -> BTreeSet<(Lane, Verb)> {
    let declared = tree.into_iter().flat_map(|tree| &tree.scopes);
    let declared = declared.map(|(scope, desired)| (scope.lane(), desired.mode));
    let seen = scopes.iter().map(|seen| (seen.scope.lane(), seen.report.mode));
    let of = |(lane, mode): (Lane, Mode)| {
        let attach = (mode == Mode::Sync).then(|| (lane.clone(), Verb::Attach));
        [(lane, Verb::Detach)].into_iter().chain(attach)
    };
    declared.chain(seen).flat_map(of).collect()
}

/// Since 1970.
pub(super) fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}
