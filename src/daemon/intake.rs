//! From what the source reads to the revision in force: accepted, journaled, published. One invalid
//! file makes the whole revision unacceptable; the last accepted one stays in force.

use crate::apply::Current;
use crate::clock::Clock;
use crate::desired::{Ceilings, Tree};
use crate::journal::{Accepted, Journal, JournalError};
use crate::manifest::{self, Diagnostic, File};
use crate::model::{Digest, Revision, Scope};
use crate::serve::Board;
use crate::source::{Reading, State};
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
    /// The folder of the manifests, absolute.
    root: String,
    ceilings: Ceilings,
    board: Board,
    clock: Arc<dyn Clock>,
    current: watch::Sender<Current>,
    refused: Option<Digest>,
    last: Outcome,
    /// A refusal is reported by the caller and not logged.
    quiet: bool,
    /// The files of the revision in force.
    files: Vec<File>,
}

impl Intake {
    /// An intake whose revision in force is the `recovered` one, if it still can be accepted and is
    /// of this folder: a mistyped path must not act by another tree.
    pub fn new(
        journal: Option<Journal>,
        root: String,
        ceilings: Ceilings,
        board: Board,
        clock: Arc<dyn Clock>,
        recovered: Option<Accepted>,
    ) -> Self {
        let accepted = recovered.and_then(|accepted| {
            if accepted.root != root {
                tracing::warn!(
                    then = accepted.root,
                    now = root,
                    "the last accepted revision is of another folder; nothing is cut before one of \
                     this folder is accepted"
                );
                return None;
            }
            let Accepted { revision, files, .. } = accepted;
            let tree = manifest::accept(&files, revision, Some(&ceilings));
            if tree.is_err() {
                tracing::warn!(
                    "the last accepted revision is not valid for this version and configuration; \
                     nothing is cut before a new one is accepted"
                );
            }
            Some((tree.ok()?, files))
        });
        let (tree, files) = accepted.unwrap_or_else(|| (nothing(), Vec::new()));
        // Nothing may be done before the files were looked at.
        let current = Current { tree: Arc::new(tree), unsettled: true };
        Self {
            journal,
            root,
            ceilings,
            board,
            clock,
            current: watch::Sender::new(current),
            refused: None,
            last: Outcome::Nothing,
            quiet: false,
            files,
        }
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
            State::Settled(snapshot) => self.consider(&snapshot.digest, &snapshot.files).await,
        };
        // A valid revision that the journal could not take is newer than what is in force.
        let unsettled = reading.unsettled || self.last == Outcome::Nothing || self.wants_retry();
        self.current.send_if_modified(|current| {
            let differs = current.unsettled != unsettled;
            current.unsettled = unsettled;
            differs
        });
        changed
    }

    async fn consider(&mut self, digest: &Digest, files: &[File]) -> Option<BTreeSet<Scope>> {
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
        let revision = Revision::of_content(digest.clone());
        let tree = match self.acceptable(files, revision, &before) {
            Ok(tree) => tree,
            Err(diagnostics) => {
                let text = manifest::render(&diagnostics, files, false);
                self.refuse(Some(digest.clone()), text);
                return None;
            }
        };
        let released: Vec<Scope> = before.released_by(&tree).into_iter().collect();
        if let Err(error) = self.record(&tree, files, &released).await {
            tracing::error!(%error, "a revision is not accepted");
            self.board.trouble(Some(error.to_string()));
            self.last = Outcome::Unjournaled(error.to_string());
            return None;
        }
        for scope in &released {
            tracing::warn!(%scope, "released: no manifest declares this VPC any more; its links are left alone");
        }
        if let Some(place) = tree.first_protected() {
            tracing::warn!(%place, "`protected` has no effect in this version: removing the line removes the link");
        }
        let changed = before.changed_in(&tree);
        let links = tree.links_at(self.clock.now().wall);
        let (revision, scopes) = (&tree.revision, tree.scopes.len());
        tracing::info!(%revision, scopes, links, changed = changed.len(), "a revision is accepted");
        self.current.send_modify(|current| current.tree = Arc::new(tree));
        self.files = files.to_vec();
        self.settle(Outcome::Accepted);
        Some(changed)
    }

    /// Valid, and not cut off against what is in force.
    fn acceptable(
        &self,
        files: &[File],
        revision: Revision,
        before: &Tree,
    ) -> Result<Tree, Vec<Diagnostic>> {
        let tree = manifest::accept(files, revision, Some(&self.ceilings))?;
        let mut cut = manifest::cut_off(&self.files, files);
        cut.extend(before.cut_short_in(&tree).into_iter().map(Diagnostic::from));
        if cut.is_empty() { Ok(tree) } else { Err(cut) }
    }

    async fn record(
        &self,
        tree: &Tree,
        files: &[File],
        released: &[Scope],
    ) -> Result<(), JournalError> {
        let Some(journal) = &self.journal else { return Ok(()) };
        let accepted = Accepted {
            root: self.root.clone(),
            revision: (*tree.revision).clone(),
            files: files.to_vec(),
            released: released.to_vec(),
        };
        journal.accepted(&accepted).await
    }

    fn settle(&mut self, outcome: Outcome) {
        self.refused = None;
        self.board.trouble(None);
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
        self.board.trouble(Some(why));
        self.refused = digest;
        self.last = outcome;
    }
}

/// The state before any revision: no scope, so nothing is observed and nothing is cut.
fn nothing() -> Tree {
    let revision = Arc::new(Revision::of_content(Digest::of([])));
    Tree { revision, scopes: BTreeMap::new() }
}

/// The revision that a one-shot command works by.
pub struct First {
    /// What it declares.
    pub tree: Arc<Tree>,
    /// The text of its manifests.
    pub files: Vec<File>,
    /// Scopes of the last accepted revision that it does not declare.
    pub released: Vec<Scope>,
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
    let before = intake.tree();
    loop {
        let reading = readings.borrow_and_update().clone();
        intake.take(&reading).await;
        match intake.last() {
            Outcome::Accepted | Outcome::Unchanged if !reading.unsettled => break,
            Outcome::Refused(why) | Outcome::Unjournaled(why) if !reading.unsettled => {
                return Err(why.clone());
            }
            _ => (),
        }
        tokio::select! {
            () = stop.cancelled() => return Err("the process was asked to end".to_owned()),
            changed = readings.changed() => {
                changed.map_err(|_| "the reader of the manifests has stopped".to_owned())?;
            }
        }
    }
    let (tree, files) = (intake.tree(), intake.files.clone());
    intake.quiet = false;
    tokio::spawn(async move {
        while readings.changed().await.is_ok() {
            let reading = readings.borrow_and_update().clone();
            intake.take(&reading).await;
        }
    });
    let released = before.released_by(&tree).into_iter().collect();
    Ok(First { tree, files, released })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Memory;
    use crate::model::AccountName;
    use crate::source::Snapshot;
    use std::time::Duration;

    fn reading(instances: &str) -> Reading {
        let text = format!(
            "apiVersion: classiclinkd/v1\nkind: ClassicLinkSet\nmetadata: {{name: a}}\nspec:\n  \
             regionId: cn-hangzhou\n  vpcId: vpc-a\n  mode: detach\n  instances: {instances}\n"
        );
        let digest = Digest::of([text.as_bytes()]);
        let files = vec![File { path: "a.yaml".into(), text: text.into() }];
        let state = State::Settled(Arc::new(Snapshot { files, digest }));
        Reading { state, unsettled: false, sequence: 1 }
    }

    fn intake(memory: &Memory, recovered: Option<Accepted>) -> Intake {
        let clock: Arc<dyn Clock> = Arc::new(crate::clock::SystemClock::new());
        let journal = Journal::in_memory(memory.clone(), Arc::clone(&clock));
        let account = AccountName::parse("default").unwrap();
        let ceilings = [(account, crate::desired::Ceiling::default())].into();
        let board = Board::new(Duration::from_secs(60));
        Intake::new(Some(journal), "/m".to_owned(), ceilings, board, clock, recovered)
    }

    #[tokio::test]
    async fn a_newer_revision_that_is_not_journaled_stops_calls_by_the_old_one() {
        let memory = Memory::default();
        let mut intake = intake(&memory, None);
        let newest = intake.newest();
        assert!(newest.borrow().unsettled, "nothing was read yet");
        intake.take(&reading("[i-one]")).await.unwrap();
        assert!(!newest.borrow().unsettled);
        memory.fail(true);
        assert_eq!(intake.take(&reading("[i-one, i-two]")).await, None);
        assert!(newest.borrow().unsettled && intake.wants_retry());
        memory.fail(false);
        intake.take(&reading("[i-one, i-two]")).await.unwrap();
        assert!(!newest.borrow().unsettled);
        assert_eq!(intake.tree().links_at(jiff::Timestamp::UNIX_EPOCH), 2);
    }

    #[tokio::test]
    async fn a_recovered_revision_counts_for_its_own_folder_only() {
        let memory = Memory::default();
        intake(&memory, None).take(&reading("[i-one]")).await.unwrap();
        let accepted = memory.recover().unwrap().accepted.unwrap();
        assert_eq!(intake(&memory, Some(accepted.clone())).tree().scopes.len(), 1);
        let elsewhere = Accepted { root: "/other".to_owned(), ..accepted };
        assert_eq!(intake(&memory, Some(elsewhere)).tree().scopes.len(), 0);
    }
}
