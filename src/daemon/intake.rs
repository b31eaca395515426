//! From what the source reads to the revision in force: accepted, journaled, published. One invalid
//! file makes the whole revision unacceptable; the last accepted one stays in force.

use crate::apply::{Circumstances, Current};
use crate::board::Board;
use crate::desired::{Ceilings, Tree};
use crate::gate::Bounds;
use crate::git::Between;
use crate::journal::{Accepted, Journal, JournalError};
use crate::ledger::By;
use crate::manifest::{self, Diagnostic, File, Shelf};
use crate::model::{Digest, InstanceId, Lineage, Revision, Scope, TakenOut};
use crate::source::{History, Reading, Snapshot, State};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What became of a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A new revision is in force.
    Accepted,
    /// The revision in force is what was read.
    Unchanged,
    /// It cannot be accepted, and why, for people.
    Refused(String),
    /// The journal could not take it, and why.
    Unjournaled(String),
    /// Nothing was read yet.
    Nothing,
}

/// Takes in revisions.
pub struct Intake {
    /// `None` where somebody has to consent first.
    journal: Option<Journal>,
    /// What the past means for what a revision lifts and loses.
    circumstances: Circumstances,
    /// The folder of the manifests, absolute.
    root: String,
    ceilings: Ceilings,
    board: Board,
    current: watch::Sender<Current>,
    refused: Option<Digest>,
    last: Outcome,
    /// A refusal is reported by the caller and not logged.
    quiet: bool,
    /// The revision in force.
    accepted: Option<Accepted>,
    /// What was accepted last, of whatever folder: what a new revision loses, it loses against this.
    older: Option<Arc<Tree>>,
    /// What the files held that were read last.
    shelf: Shelf,
    /// Tells how commits stand to each other.
    history: History,
}

impl Intake {
    /// An intake whose revision in force is the `recovered` one, if it still can be accepted and is
    /// of this folder: a mistyped path must not act by another tree. What files hold is looked up on
    /// `shelf`, and kept there.
    pub fn new(
        journal: Option<Journal>,
        circumstances: Circumstances,
        root: String,
        ceilings: Ceilings,
        board: Board,
        recovered: Option<Accepted>,
        shelf: Shelf,
    ) -> Self {
        let older = recovered.as_ref().and_then(|accepted| older_on(&shelf, accepted));
        let accepted = recovered.filter(|accepted| {
            if accepted.root != root {
                tracing::warn!(
                    folder = root,
                    folder_before = accepted.root,
                    "the last accepted revision is of another folder; nothing is cut before one of \
                     this folder is accepted"
                );
            }
            accepted.root == root
        });
        let tree = accepted.as_ref().and_then(|accepted| {
            let revision = accepted.revision.clone();
            let tree = shelf.accept(&accepted.files, revision, Some(&ceilings), older.as_deref());
            if tree.is_err() {
                tracing::warn!(
                    "the last accepted revision is not valid for this version and configuration; \
                     nothing is cut before a new one is accepted"
                );
            }
            tree.ok()
        });
        let accepted = accepted.filter(|_| tree.is_some());
        let tree = Arc::new(tree.unwrap_or_else(nothing));
        // Nothing may be done before the files were looked at.
        let current = Current { tree, unsettled: true, reading: 0 };
        Self {
            journal,
            circumstances,
            root,
            ceilings,
            board,
            current: watch::Sender::new(current),
            refused: None,
            last: Outcome::Nothing,
            quiet: false,
            accepted,
            older,
            shelf,
            history: History::default(),
        }
    }

    /// Asks there how the commits of revisions stand to each other.
    #[must_use]
    pub fn with(self, history: History) -> Self {
        Self { history, ..self }
    }

    /// Follows the revision in force.
    pub fn newest(&self) -> watch::Receiver<Current> {
        self.current.subscribe()
    }

    /// The revision in force; without scopes if there is none.
    pub fn tree(&self) -> Arc<Tree> {
        Arc::clone(&self.current.borrow().tree)
    }

    /// What became of the last reading.
    pub fn last(&self) -> &Outcome {
        &self.last
    }

    /// Whether the last reading should be given again.
    pub fn wants_retry(&self) -> bool {
        matches!(self.last, Outcome::Unjournaled(_))
    }

    /// Takes a reading. `Some` when a new revision is in force, with the scopes to look at at once.
    pub async fn take(&mut self, reading: &Reading) -> Option<BTreeSet<Scope>> {
        let changed = match &reading.state {
            State::Reading => None,
            State::Unreadable(why) => {
                self.refuse(None, why.to_string());
                None
            }
            State::Settled(snapshot) => self.consider(snapshot).await,
        };
        // A valid revision that the journal could not take is newer than what is in force.
        let unsettled = reading.unsettled || self.last == Outcome::Nothing || self.wants_retry();
        self.current.send_if_modified(|current| {
            let now = (unsettled, reading.sequence);
            let differs = (current.unsettled, current.reading) != now;
            (current.unsettled, current.reading) = now;
            differs
        });
        changed
    }

    async fn consider(&mut self, snapshot: &Snapshot) -> Option<BTreeSet<Scope>> {
        let Snapshot { digest, files, .. } = snapshot;
        let before = self.tree();
        if before.revision.digest == *digest && !before.scopes.is_empty() {
            match &self.last {
                Outcome::Nothing => {
                    tracing::info!(revision = %before.revision, "the last accepted revision is in force");
                }
                Outcome::Refused(_) => {
                    tracing::info!(revision = %before.revision, "the manifests are as accepted again");
                }
                _ => (),
            }
            self.settle(Outcome::Unchanged);
            return None;
        }
        if self.refused.as_ref() == Some(digest) {
            return None;
        }
        let tree = match self.acceptable(files, snapshot.revision(), &before) {
            Ok(tree) => tree,
            Err(diagnostics) => {
                let mut text = manifest::render(&diagnostics, files, false);
                if let Some(commit) = &snapshot.commit {
                    text = format!("commit {}{}\n{text}", commit.short(), commit.made());
                }
                self.refuse(Some(digest.clone()), text);
                return None;
            }
        };
        let tree = Arc::new(tree);
        let older = self.older.as_deref();
        let between = between(&self.history, older, &tree).await;
        let accepted = acceptance(&self.circumstances, older, &tree, &between, &self.root, files);
        if let Err(error) = self.record(&accepted).await {
            tracing::error!(%error, "a revision is not accepted");
            self.board.trouble(Some(error.to_string()), self.circumstances.clock.now());
            self.last = Outcome::Unjournaled(error.to_string());
            return None;
        }
        for scope in &before.released_by(&tree) {
            tracing::warn!(%scope, "released: no manifest declares this VPC any more; its links are left alone");
        }
        let changed = before.changed_in(&tree);
        let links = tree.links_at(self.circumstances.clock.now().wall);
        let (revision, scopes) = (&tree.revision, tree.scopes.len());
        tracing::info!(%revision, scopes, links, changed = changed.len(), "a revision is accepted");
        self.current.send_modify(|current| current.tree = Arc::clone(&tree));
        self.older = Some(tree);
        self.accepted = Some(accepted);
        self.settle(Outcome::Accepted);
        Some(changed)
    }

    /// Valid, and not cut off against what is in force.
    fn acceptable(
        &mut self,
        files: &[File],
        revision: Revision,
        before: &Tree,
    ) -> Result<Tree, Vec<Diagnostic>> {
        let tree = self.shelf.accept(files, revision, Some(&self.ceilings), Some(before))?;
        let in_force = self.accepted.as_ref().map(|accepted| accepted.files.as_slice());
        let mut cut = manifest::cut_off(in_force.unwrap_or_default(), files);
        cut.extend(before.cut_short_in(&tree).into_iter().map(Diagnostic::from));
        if cut.is_empty() { Ok(tree) } else { Err(cut) }
    }

    async fn record(&self, accepted: &Accepted) -> Result<(), JournalError> {
        match &self.journal {
            Some(journal) => journal.accepted(accepted).await,
            None => Ok(()),
        }
    }

    fn settle(&mut self, outcome: Outcome) {
        self.refused = None;
        self.board.trouble(None, self.circumstances.clock.now());
        self.last = outcome;
    }

    fn refuse(&mut self, digest: Option<Digest>, why: String) {
        let outcome = Outcome::Refused(why.clone());
        if self.last != outcome && !self.quiet {
            let in_force = self.tree();
            let keeps = if in_force.scopes.is_empty() {
                "no revision is in force, nothing is cut".to_owned()
            } else {
                format!("revision {} stays in force", in_force.revision)
            };
            tracing::error!("the manifests cannot be accepted; {keeps}:\n{why}");
        }
        self.board.trouble(Some(why), self.circumstances.clock.now());
        self.refused = digest;
        self.last = outcome;
    }
}

/// The state before any revision: no scope, so nothing is observed and nothing is cut.
fn nothing() -> Tree {
    let revision = Arc::new(Revision::of_content(Digest::of([])));
    Tree { revision, scopes: BTreeMap::new() }
}

/// What an accepted revision of before declared; by its own lights, whatever may be named now.
pub fn older(accepted: &Accepted) -> Option<Arc<Tree>> {
    older_on(&Shelf::default(), accepted)
}

fn older_on(shelf: &Shelf, accepted: &Accepted) -> Option<Arc<Tree>> {
    shelf.accept(&accepted.files, accepted.revision.clone(), None, None).ok().map(Arc::new)
}

/// How the commit of `tree` stands to that of `older`, where that matters: where links are lost.
pub async fn between(history: &History, older: Option<&Tree>, tree: &Tree) -> Between {
    match older.filter(|older| older.lost_in(tree).next().is_some()) {
        Some(older) => history.between(&older.revision, &tree.revision).await,
        None => Between::of(Lineage::None),
    }
}

/// What it means to accept `tree`: what it releases, lifts and loses against `older`.
pub fn acceptance(
    circumstances: &Circumstances,
    older: Option<&Tree>,
    tree: &Tree,
    between: &Between,
    root: &str,
    files: &[File],
) -> Accepted {
    let limits = |scope: &Scope| {
        let Bounds { max_shrink, min_detach, .. } = circumstances.bounds.of(&scope.account);
        (*max_shrink, *min_detach)
    };
    let now = circumstances.clock.now().wall;
    let by = By::of(older.map(|older| &*older.revision), &tree.revision, &between.lineage);
    circumstances.books.read(|ledger| Accepted {
        root: root.to_owned(),
        revision: (*tree.revision).clone(),
        files: files.to_vec(),
        released: older.map(|older| older.released_by(tree)).into_iter().flatten().collect(),
        protected: ledger.protected_under(older, tree),
        shrunk: ledger.shrunk_under(older, tree, limits, now, &by),
        taken_out: older.map(|older| taken_out(older, tree, between)).unwrap_or_default(),
    })
}

/// Which commit took out each link that is lost.
fn taken_out(older: &Tree, tree: &Tree, between: &Between) -> Vec<((Scope, InstanceId), TakenOut)> {
    let Some(tip) = &tree.revision.commit else { return Vec::new() };
    let alone = between.lineage == Lineage::Follows(1);
    let by = |instance: &InstanceId| match between.took_out.get(instance) {
        Some(commit) => TakenOut { commit: commit.clone(), exactly: true },
        None => TakenOut { commit: tip.clone(), exactly: alone },
    };
    let lost = older.lost_in(tree);
    lost.map(|(scope, instance)| ((scope.clone(), instance.clone()), by(instance))).collect()
}

/// The revision that a one-shot command works by.
pub struct First {
    /// What it declares.
    pub tree: Arc<Tree>,
    /// What the journal is told of it.
    pub accepted: Accepted,
}

/// Takes readings until one is decided upon, then goes on in the background, so that the permit
/// sees every later change.
///
/// # Errors
/// Why the manifests cannot be accepted, for people.
pub async fn first_revision(
    mut intake: Intake,
    mut readings: watch::Receiver<Reading>,
    stop: CancellationToken,
) -> Result<First, String> {
    intake.quiet = true;
    loop {
        let reading = readings.borrow_and_update().clone();
        intake.take(&reading).await;
        match intake.last() {
            Outcome::Accepted | Outcome::Unchanged if !reading.unsettled => break,
            Outcome::Refused(why) | Outcome::Unjournaled(why)
                if !reading.unsettled || matches!(reading.state, State::Unreadable(_)) =>
            {
                return Err(why.clone());
            }
            _ => (),
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return Err("the process was asked to end".to_owned()),
            changed = readings.changed() => {
                changed.map_err(|_| "the reader of the manifests has stopped".to_owned())?;
            }
        }
    }
    let tree = intake.tree();
    let accepted = intake.accepted.clone().ok_or("no revision was accepted")?;
    intake.quiet = false;
    tokio::spawn(async move {
        while readings.changed().await.is_ok() {
            let reading = readings.borrow_and_update().clone();
            intake.take(&reading).await;
        }
    });
    Ok(First { tree, accepted })
}

#[cfg(test)]
pub(in crate::daemon) mod tests;
