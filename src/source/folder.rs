//! A folder as a value that is kept up to date.

use super::disk::Disk;
use super::events::Inbox;
use super::known::{Care, Reader};
use super::walk::survey;
use super::{Problem, Reading, Settings, Snapshot, State, Unreadable};
use crate::clock::Clock;
use futures_util::FutureExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// Which part of the settling time events of one burst may lie apart.
const BURST: u32 = 25;

/// What one look at a tree found.
pub(super) type Outcome = Result<Arc<Snapshot>, Arc<Unreadable>>;

/// A tree of files that can be read and that tells of changes: on a disk, or an imagined one.
pub(super) trait Look: Send + 'static {
    /// The folder, for messages.
    fn root(&self) -> &Path;

    /// Watches, then reads, so that a change after the reading is never missed. Changes are told to
    /// the inbox.
    fn look(&mut self, inbox: &Arc<Inbox>, care: Care) -> impl Future<Output = Outcome> + Send;

    /// Whether there is something at a path of an event.
    fn has(&self, path: &Path) -> bool;
}

/// Keeps reading `root`, until `cancel` or until nobody listens any more.
///
/// Must be called within a runtime; reads on its blocking threads.
pub fn watch(
    root: PathBuf,
    settings: Settings,
    clock: Arc<dyn Clock>,
    cancel: CancellationToken,
) -> watch::Receiver<Reading> {
    keep_reading(|_| Disk::new(root, clock), settings, cancel)
}

/// As [`watch()`], whatever the tree is kept in; `open` is told where its changes are to be heard.
pub(super) fn keep_reading<L: Look>(
    open: impl FnOnce(&Arc<Inbox>) -> L,
    settings: Settings,
    cancel: CancellationToken,
) -> watch::Receiver<Reading> {
    let first = Reading { state: State::Reading, unsettled: true, sequence: 0 };
    let (sender, receiver) = watch::channel(first);
    let inbox = Arc::new(Inbox::new(sender));
    let folder =
        Folder { tree: open(&inbox), whole: sleep(Duration::ZERO).deadline(), settings, inbox };
    tokio::spawn(async move {
        let inbox = Arc::clone(&folder.inbox);
        tokio::select! {
            biased;
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
    let read = spawn_blocking(move || survey(&path, Reader::default()).0).await;
    shared(read.unwrap_or_else(|_| Err(stopped(root).into())))
}

pub(super) fn shared(read: Result<Snapshot, Unreadable>) -> Outcome {
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

pub(super) fn stopped(root: &Path) -> Problem {
    Problem::passing(root, "reading it was stopped", "see the log")
}

/// The task that reads.
struct Folder<L> {
    tree: L,
    /// When the last reading of everything began.
    whole: Instant,
    settings: Settings,
    inbox: Arc<Inbox>,
}

impl<L: Look> Folder<L> {
    async fn run(mut self) {
        self.settle().await;
        while !self.inbox.is_closed() {
            // However many events come: they do not put off the look at everything.
            let poll = self.whole + self.settings.poll;
            tokio::select! {
                biased;
                () = sleep_until(poll) => self.poll().await,
                () = self.inbox.woken() => {
                    // Whoever writes a file makes several events: one reading is enough for them.
                    sleep(self.settings.settle / BURST).await;
                    self.settle().await;
                }
            }
        }
    }

    /// Decides whatever events and the times of files said: events get lost on network file systems and
    /// in overflows.
    async fn poll(&mut self) {
        let known = self.inbox.current();
        self.whole = self.now();
        let outcome = self.tree.look(&self.inbox, Care::Everything).await;
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

    /// The clock of the timers, which stands still in a simulation.
    fn now(&self) -> Instant {
        sleep(Duration::ZERO).deadline()
    }

    /// What may have changed; everything, once that is due.
    async fn look(&mut self) -> Outcome {
        let now = self.now();
        let due = now >= self.whole + self.settings.poll;
        if due {
            self.whole = now;
        }
        let care = if due { Care::Everything } else { Care::Changed };
        self.tree.look(&self.inbox, care).await
    }

    /// Waits for the tree to come to rest and publishes what it holds then. Of one that does not it says
    /// so each time patience is over.
    async fn settle(&mut self) {
        let Settings { settle, settle_max, .. } = self.settings;
        let patience = || sleep(settle_max.saturating_sub(settle));
        let left = patience();
        tokio::pin!(left);
        loop {
            let last = has_come(left.as_mut());
            self.inbox.seen().changed = false;
            let earlier = self.look().await;
            let quiet = tokio::select! {
                biased;
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
            let rests = outcome == earlier;
            if self.finish(rests, last, &outcome) {
                if rests {
                    return;
                }
                left.set(patience());
            }
        }
    }

    /// Publishes what two readings agree on; at the end of patience, also through noise.
    fn finish(&self, rests: bool, last: bool, outcome: &Outcome) -> bool {
        let agree = rests && !is_passing(outcome);
        // Locked until published, so that no event falls between looking and publishing.
        let mut seen = self.inbox.seen();
        let quiet = !seen.changed && seen.writing.is_empty();
        seen.changed = false;
        if !(last || agree && quiet) {
            return false;
        }
        // However long it is silent: a stalled copy has written a valid beginning, too. It is over
        // when the file is closed, moved or removed.
        seen.writing.retain(|path| self.tree.has(path));
        let state = match (seen.writing.first().cloned(), agree, outcome.clone()) {
            (Some(path), ..) => {
                let why = "somebody has it open and has been writing it";
                let help = "wait for the writer, or stop it; then save the file again";
                State::Unreadable(Arc::new(Problem::passing(&path, why, help).into()))
            }
            (None, true, Ok(snapshot)) => State::Settled(snapshot),
            (None, true, Err(unreadable)) => State::Unreadable(unreadable),
            (None, false, outcome) => State::Unreadable(without_rest(self.tree.root(), outcome)),
        };
        self.inbox.publish(|reading| {
            // What was different half a second ago is not what anybody means: nothing is done meanwhile.
            let next = Reading { state, unsettled: !rests, sequence: reading.sequence };
            let changed = *reading != next;
            *reading = next;
            changed
        });
        true
    }
}
