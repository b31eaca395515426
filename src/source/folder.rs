//! A folder as a value that is kept up to date.

use super::chain::Ground;
use super::events::{Armed, Inbox, arm};
use super::walk::survey;
use super::{Problem, Reading, Settings, Snapshot, State, Unreadable};
use futures_util::FutureExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

/// How often a tree is looked at again at once because its folders moved.
const REARM_MAX: usize = 4;
/// Which part of the settling time events of one burst may lie apart.
const BURST: u32 = 25;

type Outcome = Result<Arc<Snapshot>, Arc<Unreadable>>;

/// Keeps reading `root`, until `cancel` or until nobody listens any more.
///
/// Must be called within a runtime; reads on its blocking threads.
pub fn watch(
    root: PathBuf,
    settings: Settings,
    cancel: CancellationToken,
) -> watch::Receiver<Reading> {
    let first = Reading { state: State::Reading, unsettled: true, sequence: 0 };
    let (sender, receiver) = watch::channel(first);
    let inbox = Arc::new(Inbox::new(sender));
    let folder = Folder { root, settings, inbox, ground: Ground::default(), armed: Vec::new() };
    tokio::spawn(async move {
        let inbox = Arc::clone(&folder.inbox);
        tokio::select! {
            () = cancel.cancelled() => {}
            () = inbox.closed() => {}
            () = folder.run() => {}
        }
    });
    receiver
}

/// Reads `root` once it rests: two readings `settle` apart have to agree.
///
/// # Errors
/// What cannot be read, also when it does not come to rest within `settle_max`.
pub async fn settled(root: PathBuf, settings: Settings) -> Result<Snapshot, Unreadable> {
    let deadline = sleep(settings.settle_max);
    tokio::pin!(deadline);
    let mut earlier = look(&root).await;
    loop {
        let last = has_come(deadline.as_mut());
        sleep(settings.settle).await;
        let outcome = look(&root).await;
        if outcome == earlier && !is_passing(&outcome) {
            return outcome.map(unshared).map_err(unshared);
        }
        if last {
            return Err(unshared(without_rest(&root, outcome)));
        }
        earlier = outcome;
    }
}

/// A timer only runs once it was polled.
fn has_come(timer: Pin<&mut Sleep>) -> bool {
    timer.now_or_never().is_some()
}

async fn look(root: &Path) -> Outcome {
    let path = root.to_owned();
    let read = spawn_blocking(move || survey(&path).0).await;
    shared(read.unwrap_or_else(|_| Err(stopped(root).into())))
}

fn shared(read: Result<Snapshot, Unreadable>) -> Outcome {
    read.map(Arc::new).map_err(Arc::new)
}

fn unshared<T: Clone>(value: Arc<T>) -> T {
    Arc::unwrap_or_clone(value)
}

fn is_passing(outcome: &Outcome) -> bool {
    outcome.as_ref().is_err_and(|unreadable| unreadable.is_passing())
}

/// A tree that did not come to rest: what is in its way, if that is known.
fn without_rest(root: &Path, last: Outcome) -> Arc<Unreadable> {
    match last {
        Err(unreadable) => unreadable,
        Ok(_) => {
            let why = "it does not come to rest: it changes all the time";
            Arc::new(Problem::new(root, why, "stop what writes to it").into())
        }
    }
}

fn stopped(root: &Path) -> Problem {
    Problem::passing(root, "reading it was stopped", "see the log")
}

/// The task that reads.
struct Folder {
    root: PathBuf,
    settings: Settings,
    inbox: Arc<Inbox>,
    /// What was watched at the last look.
    ground: Ground,
    /// The last watches and those before, whose events may still be on their way.
    armed: Vec<Armed>,
}

impl Folder {
    async fn run(mut self) {
        self.settle().await;
        while !self.inbox.is_closed() {
            tokio::select! {
                () = self.inbox.woken() => self.settle().await,
                () = sleep(self.settings.poll) => self.poll().await,
            }
        }
    }

    /// Decides whatever events said: they get lost on network file systems and in overflows.
    async fn poll(&mut self) {
        let known = self.inbox.current();
        let outcome = self.look().await;
        if matches!(known.state, State::Unreadable(_)) && self.inbox.is_being_written() {
            return;
        }
        let same = match (&outcome, &known.state) {
            (Ok(snapshot), State::Settled(known)) => snapshot.digest == known.digest,
            (Err(unreadable), State::Unreadable(known)) => unreadable == known,
            _ => false,
        };
        if !same || self.inbox.seen().changed {
            self.inbox.unsettle();
            self.settle().await;
        }
    }

    /// Waits for the tree to come to rest and publishes what it holds then.
    async fn settle(&mut self) {
        let Settings { settle, settle_max, .. } = self.settings;
        let patience = sleep(settle_max.saturating_sub(settle));
        tokio::pin!(patience);
        loop {
            let last = has_come(patience.as_mut());
            self.inbox.seen().changed = false;
            let earlier = self.look().await;
            let quiet = tokio::select! {
                // In the end noise is waited out: then the two readings alone decide.
                () = self.inbox.woken(), if !last => false,
                () = sleep(settle) => true,
            };
            if !quiet {
                // Events come in bursts; each reading costs the whole tree.
                sleep(settle / BURST).await;
                continue;
            }
            let outcome = self.look().await;
            let agree = outcome == earlier && !is_passing(&outcome);
            if self.finish(agree, last, &outcome) {
                return;
            }
        }
    }

    /// Publishes what two readings agree on; at the end of patience, also through noise.
    fn finish(&self, agree: bool, last: bool, outcome: &Outcome) -> bool {
        // Locked until published, so that no event falls between looking and publishing.
        let mut seen = self.inbox.seen();
        let quiet = !seen.changed && seen.writing.is_empty();
        seen.changed = false;
        let rests = agree && quiet;
        if !rests && !last {
            return false;
        }
        // However long it is silent: a stalled copy has written a valid beginning, too. It is over
        // when the file is closed, moved or removed.
        seen.writing.retain(|path| path.symlink_metadata().is_ok());
        let state = match (seen.writing.first().cloned(), agree, outcome.clone()) {
            (Some(path), ..) => {
                let why = "somebody has it open and has been writing it";
                let help = "wait for the writer, or stop it; then save the file again";
                State::Unreadable(Arc::new(Problem::passing(&path, why, help).into()))
            }
            (None, true, Ok(snapshot)) => State::Settled(snapshot),
            (None, true, Err(unreadable)) => State::Unreadable(unreadable),
            (None, false, outcome) => State::Unreadable(without_rest(&self.root, outcome)),
        };
        self.inbox.publish(|reading| {
            let next = Reading { state, unsettled: false, sequence: reading.sequence };
            let changed = *reading != next;
            *reading = next;
            changed
        });
        true
    }

    /// Watches, then reads, so that a change after the reading is never missed; again while the
    /// reading finds other folders than were watched.
    async fn look(&mut self) -> Outcome {
        let mut outcome = Err(Arc::new(stopped(&self.root).into()));
        for _ in 0..REARM_MAX {
            let (root, ground, inbox) =
                (self.root.clone(), self.ground.clone(), Arc::clone(&self.inbox));
            let work = spawn_blocking(move || (arm(&ground, &inbox), survey(&root)));
            let Ok((armed, (read, ground))) = work.await else {
                continue;
            };
            self.armed.insert(0, armed);
            self.armed.truncate(2);
            outcome = shared(read);
            if ground == self.ground {
                break;
            }
            self.ground = ground;
        }
        outcome
    }
}
