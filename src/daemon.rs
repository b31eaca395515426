//! The loop: triggers -> due -> pass -> report; intake of revisions, signals, drain.

use crate::apply::{Applied, Circumstances, Writes};
use crate::board::{Board, Vitals};
use crate::clock::Clock;
use crate::cloud::{Identify, ReadLinks, WriteLinks};
use crate::control::Order;
use crate::desired::{Desired, Expiring, Tree};
use crate::gate::{Refusal, Rule};
use crate::ledger::event::Cause;
use crate::metrics::Counts;
use crate::model::{AccountName, Scope};
use crate::observe::Reads;
use crate::outcome::Outcome;
use crate::plan::Missing;
use crate::reconcile;
use crate::report::{ScopeReport, Standing, Verdict};
use crate::schedule::{Ended, Schedule};
use crate::source::Wake;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

mod intake;
mod signals;
mod supervisor;
#[cfg(test)]
mod tests;
mod warned;

pub use intake::{
    First, Intake, Outcome as IntakeOutcome, acceptance, between, first_revision, older,
};
pub use signals::{Signals, stop_on_signals};
pub use supervisor::Supervisor;
pub use warned::Warned;

/// How long passes may take to end after the process was asked to.
pub const DRAIN: Duration = Duration::from_secs(10);
/// How soon a revision that the journal could not take is given to it again.
const RETRY: Duration = Duration::from_secs(1);
/// The loop's heartbeat, where nothing else turns it.
pub const BEAT: Duration = Duration::from_secs(5);

/// The accounts, each with its way to the cloud.
#[derive(Clone)]
pub struct Estate<R, W> {
    /// Reads and writes by account.
    pub accounts: BTreeMap<AccountName, (Reads<R>, Writes<W>)>,
}

/// What the loop needs.
pub struct Daemon<R, W> {
    /// The ways to the cloud.
    pub estate: Estate<R, W>,
    /// Takes in what the source reads.
    pub intake: Intake,
    /// What the source reads.
    pub readings: watch::Receiver<crate::source::Reading>,
    /// Has the source looked at now.
    pub wake: Wake,
    /// Full pass per scope.
    pub interval: Duration,
    /// The loop turns at least that often.
    pub beat: Duration,
    /// Scopes of one account and region looked at at the same time.
    pub workers: usize,
    /// Where to tell.
    pub board: Board,
    /// Where to count.
    pub counts: Counts,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws the jitter.
    pub random: fastrand::Rng,
    /// Set when the process is to end.
    pub stop: CancellationToken,
    /// What was last said of each scope that is held.
    pub said: Said,
    /// What the past means, and what operators say beside the daemon.
    pub circumstances: Circumstances,
    /// What operators wrote into the journal.
    pub heard: watch::Receiver<u64>,
    /// What operators want looked at now.
    pub orders: mpsc::Receiver<Order>,
    /// Which notices about links that end soon were given.
    pub warned: Warned,
}

/// What was last said of each scope that is held, so that it is said once and not at every pass.
pub type Said = BTreeMap<Scope, Vec<String>>;

/// What made the loop turn.
enum Turn {
    Stop,
    Reading,
    Passed(Arc<ScopeReport>),
    Panicked(String),
    Heard,
    Asked(Order),
    Due,
}

impl<R, W> Daemon<R, W>
where
    R: ReadLinks + Identify + Clone + 'static,
    W: WriteLinks + Clone + 'static,
{
    /// Runs until stopped, then waits for the passes under way, at most [`DRAIN`].
    ///
    /// # Errors
    /// When a pass panicked: a half-alive daemon is worse than a dead one.
    pub async fn run(mut self) -> Result<(), String> {
        let mut schedule = Schedule::new(self.interval, self.workers);
        let _asking = self.ask_identities();
        let grace = self.grace();
        let mut passes = JoinSet::new();
        let mut tree = self.intake.tree();
        self.enqueue(&mut schedule, &tree, &tree.scopes.keys().cloned().collect());
        // When a revision that the journal could not take is given to it again.
        let mut retry: Option<Duration> = None;
        let mut has_pause_file = false;
        let ended = loop {
            let now = self.clock.now();
            let had_pause_file = has_pause_file;
            has_pause_file = self.show_what_stops();
            if had_pause_file && !has_pause_file {
                self.enqueue(&mut schedule, &tree, &tree.scopes.keys().cloned().collect());
            }
            self.start_passes(&mut schedule, &tree, &mut passes);
            self.board.beat(now, self.vitals(schedule.waiting(now.monotonic), passes.len()));
            if retry.take_if(|at| *at <= now.monotonic).is_some() {
                self.readings.mark_changed();
            }
            match self.turn(&schedule, &mut passes, retry).await {
                Turn::Stop => break Ok(()),
                Turn::Panicked(what) => break Err(format!("a pass panicked: {what}")),
                Turn::Due => (),
                // A plan may be approved now, or calls may go on: look at everything.
                Turn::Heard => {
                    let everything = tree.scopes.keys().cloned().collect();
                    self.enqueue(&mut schedule, &tree, &everything);
                }
                Turn::Asked(Order { target, looking }) => {
                    self.wake.now();
                    let all = tree.scopes.keys();
                    let scopes = all.filter(|scope| target.covers(scope)).cloned().collect();
                    self.enqueue(&mut schedule, &tree, &scopes);
                    // Who does not wait for the answer does not get it.
                    let _gone = looking.send(scopes.len());
                }
                Turn::Reading => {
                    let reading = self.readings.borrow_and_update().clone();
                    if let Some(changed) = self.intake.take(&reading).await {
                        tree = self.intake.tree();
                        self.enqueue(&mut schedule, &tree, &changed);
                    } else if self.intake.wants_retry() {
                        retry = Some(self.clock.now().monotonic + RETRY);
                    }
                }
                Turn::Passed(report) => self.passed(&mut schedule, &tree, &report),
            }
        };
        self.stop.cancel();
        self.drain(passes, grace).await;
        ended
    }

    /// Asks at once whose every credential is, so that a wrong one is known before its account has anything
    /// to do. Nothing waits for the answers: the gate asks for itself before a plan and before each call.
    fn ask_identities(&self) -> JoinSet<()> {
        let mut asking = JoinSet::new();
        for (reads, _) in self.estate.accounts.values() {
            let reads = reads.clone();
            // What is found is remembered, and said in the log.
            asking.spawn(async move { drop(reads.identity().await) });
        }
        asking
    }

    async fn turn(
        &mut self,
        schedule: &Schedule,
        passes: &mut JoinSet<ScopeReport>,
        retry: Option<Duration>,
    ) -> Turn {
        let now = self.clock.now().monotonic;
        let next = schedule.next_due().into_iter().chain(retry).min();
        let wait = next.map_or(self.beat, |next| next.saturating_sub(now)).min(self.beat);
        tokio::select! {
            // First, because the reader of the manifests ends by the same token: an orderly end is
            // not a reader that has stopped.
            biased;
            () = self.stop.cancelled() => Turn::Stop,
            changed = self.readings.changed() => match changed {
                Ok(()) => Turn::Reading,
                Err(_) => Turn::Panicked("the reader of the manifests has stopped".to_owned()),
            },
            Ok(()) = self.heard.changed() => Turn::Heard,
            Some(order) = self.orders.recv() => Turn::Asked(order),
            Some(joined) = passes.join_next() => match joined {
                Ok(report) => Turn::Passed(Arc::new(report)),
                Err(error) => Turn::Panicked(error.to_string()),
            },
            () = tokio::time::sleep(wait) => Turn::Due,
        }
    }

    fn enqueue(&self, schedule: &mut Schedule, tree: &Arc<Tree>, changed: &BTreeSet<Scope>) {
        let now = self.clock.now();
        schedule.replace(&tree.scopes, changed, now.monotonic);
        if !tree.scopes.is_empty() {
            self.counts.keep_only(&tree.scopes);
            self.board.accepted(tree, now);
        }
    }

    fn start_passes(
        &self,
        schedule: &mut Schedule,
        tree: &Tree,
        passes: &mut JoinSet<ScopeReport>,
    ) {
        while let Some(scope) = schedule.take(self.clock.now().monotonic) {
            let desired = tree.scopes.get(&scope);
            let account = self.estate.accounts.get(&scope.account);
            match (desired, account) {
                (Some(desired), Some((reads, writes))) => {
                    let pass = one_pass(reads.clone(), writes.clone(), Arc::clone(desired));
                    // It is large, and would be copied from hand to hand.
                    passes.spawn(Box::pin(pass));
                }
                _ => schedule.forget(&scope),
            }
        }
    }

    fn passed(&mut self, schedule: &mut Schedule, tree: &Tree, report: &Arc<ScopeReport>) {
        let now = self.clock.now();
        self.counts.applied(&report.scope, &report.applied);
        // One that no manifest declares any more may have begun before.
        if report.has_let_go() {
            schedule.released(&report.scope, now.monotonic);
        }
        if tree.scopes.contains_key(&report.scope) {
            self.counts.passed(report);
            self.board.passed(report, now);
            schedule.ended(&report.scope, ended(report), now.monotonic, self.random.f64());
            schedule.waits_for(&report.scope, report.waits_for());
            for news in self.warned.news(report) {
                warn(&report.scope, news);
                self.board.expiring(&report.scope, news, now);
            }
        } else {
            schedule.forget(&report.scope);
            self.warned.forget(&report.scope);
        }
        say(report, &mut self.said);
    }

    /// Whether the pause file does: nobody tells when that is gone.
    fn show_what_stops(&self) -> bool {
        let Circumstances { books, pause_file, .. } = &self.circumstances;
        let mut paused = Vec::new();
        let said = pause_file.said();
        let has_pause_file = said.is_some();
        if let Some(said) = said {
            paused.push(format!("everything, by the pause file: {said}"));
        }
        let mut latched = Vec::new();
        books.read(|ledger| {
            for (since, pause) in ledger.pauses() {
                let reason = pause.reason.as_deref().unwrap_or("no reason given");
                let said = format!("{} since {since} by {}: {reason}", pause.target, pause.by);
                if pause.cause != Cause::Operator {
                    latched.push(said.clone());
                }
                paused.push(said);
            }
        });
        self.board.stopped_by(paused, latched, books.trouble(), self.clock.now());
        has_pause_file
    }

    fn vitals(&self, waiting: usize, under_way: usize) -> Vitals {
        let mut vitals =
            Vitals { waiting, under_way, refused: self.counts.refusing(), ..Vitals::default() };
        for (account, (reads, writes)) in &self.estate.accounts {
            vitals.broken_pins.extend(reads.pins.broken());
            vitals.quarantined.extend(writes.quarantine.by_lane());
            vitals.clock_off.insert(account.clone(), writes.writer.clock_off());
            let expires = reads.reader.expires().map(|until| (account.clone(), until));
            vitals.expires.extend(expires);
        }
        vitals
    }

    /// Ends [`DRAIN`] after the process was asked to end: the loop may be waiting for a slow disk just then.
    fn grace(&self) -> JoinSet<()> {
        let (stop, mut grace) = (self.stop.clone(), JoinSet::new());
        grace.spawn(async move {
            stop.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        });
        grace
    }

    async fn drain(&self, mut passes: JoinSet<ScopeReport>, mut grace: JoinSet<()>) {
        let under_way = passes.len();
        if under_way > 0 {
            tracing::info!(under_way, "ending: passes under way finish their calls");
        }
        let all = async { while passes.join_next().await.is_some() {} };
        tokio::select! {
            biased;
            () = all => (),
            _ = grace.join_next() => {
                tracing::warn!("some calls did not end in time; their intents are open in the journal");
            }
        }
    }
}

async fn one_pass<R: ReadLinks + Identify, W: WriteLinks>(
    reads: Reads<R>,
    writes: Writes<W>,
    desired: Arc<Desired>,
) -> ScopeReport {
    reconcile::pass(&reads, &writes, &desired).await
}

/// What the end of a pass means for the next one.
fn ended(report: &ScopeReport) -> Ended {
    let settling = |outcome: &Outcome| matches!(outcome, Outcome::Settling(_));
    let done = |applied: &Applied| applied.outcome.is_converged();
    let linked = |missing: &Missing| matches!(missing, Missing::Elsewhere(_));
    match report.standing() {
        Standing::Error | Standing::Partial => Ended::Failed,
        // The journal is tried by every pass, and by nothing else.
        Standing::Held if report.refusals.iter().any(|it| it.rule == Rule::Journal) => {
            Ended::Waiting
        }
        _ if report.applied.iter().any(|applied| settling(&applied.outcome)) => Ended::Pending,
        // A link that is to be moved here is free soon, or never: nobody may want it to be.
        Standing::Pending if report.applied.is_empty() && report.missing.values().any(linked) => {
            Ended::Waiting
        }
        // Parked links wait for their probe, and an instance that does not exist for somebody to make
        // it; looking again sooner only costs reads.
        Standing::Pending if !report.applied.is_empty() && report.applied.iter().all(done) => {
            Ended::Pending
        }
        _ => Ended::Quiet,
    }
}

fn say(report: &ScopeReport, said: &mut Said) {
    let (scope, mode) = (&report.scope, report.mode);
    let (observed, desired, missing) = (report.observed, report.desired, report.missing.len());
    let actions = report.actions.len();
    let gist: Vec<String> = report.refusals.iter().map(Refusal::gist).collect();
    let before =
        if gist.is_empty() { said.remove(scope) } else { said.insert(scope.clone(), gist.clone()) };
    match &report.verdict {
        Verdict::InSync => {
            tracing::debug!(%scope, %mode, observed, desired, missing, "in sync");
        }
        Verdict::Approved => {
            let converged = report.applied.iter().filter(|a| a.outcome.is_converged()).count();
            tracing::info!(%scope, %mode, observed, desired, missing, actions, converged, "pass ended");
        }
        Verdict::Held | Verdict::Partial | Verdict::Failed(_) if before.as_ref() == Some(&gist) => {
            tracing::debug!(%scope, %mode, observed, desired, actions, "still held");
        }
        Verdict::Held | Verdict::Partial | Verdict::Failed(_) => {
            for refusal in &report.refusals {
                let (rule, way_out) = (refusal.rule, &refusal.way_out);
                let reason = &refusal.message;
                tracing::warn!(%scope, %mode, observed, desired, actions, %rule, reason, way_out, "held");
            }
        }
    }
}

fn warn(scope: &Scope, expiring: &Expiring) {
    let Expiring { instance, until, days_left, place, notice: _ } = expiring;
    tracing::warn!(
        %scope, %instance, %until, days_left, %place,
        "a link ends soon: from `until` on it is no longer desired; prolong it there, if it should stay"
    );
}
