//! A ref of a repository as a value that is kept up to date.

use super::committed::{Committed, Refused, faulty};
use super::events::Inbox;
use super::{Reading, Snapshot, State, Unreadable};
use crate::git::{Fault, Repository, Tip};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How many fetches in a row may fail, while the remote answers, before our own copy is suspected.
const SUSPECT_AFTER: u32 = 3;
/// What becomes of a repository that gives nothing.
const AGAIN: &str = "it is asked again soon, and what was accepted last stays in force";

/// Asks for a look at once. Clones share.
#[derive(Debug, Clone, Default)]
pub struct Wake(Option<Arc<Inbox>>);

impl Wake {
    /// Looks now, if there is anything to look at that would not be noticed by itself.
    pub fn now(&self) {
        if let Some(inbox) = &self.0 {
            inbox.wake();
        }
    }
}

/// Keeps asking `repository`, until `cancel` or until nobody listens any more.
pub(super) fn follow(
    repository: Arc<Repository>,
    random: fastrand::Rng,
    cancel: CancellationToken,
) -> (watch::Receiver<Reading>, Wake) {
    let first = Reading { state: State::Reading, unsettled: true, sequence: 0 };
    let (sender, receiver) = watch::channel(first);
    let inbox = Arc::new(Inbox::new(sender));
    let wake = Wake(Some(Arc::clone(&inbox)));
    let follower = Follower {
        repository,
        inbox: Arc::clone(&inbox),
        committed: Committed::default(),
        last: None,
        newer: false,
        failed: 0,
        told: None,
        random,
    };
    tokio::spawn(async move {
        tokio::select! {
            biased;
            () = cancel.cancelled() => {}
            () = inbox.closed() => {}
            () = follower.run() => {}
        }
    });
    (receiver, wake)
}

/// An interval, give or take a tenth, by a draw from 0 to 1.
fn spread(interval: Duration, draw: f64) -> Duration {
    interval.mul_f64(0.9 + 0.2 * draw).max(Duration::from_millis(100))
}

struct Follower {
    repository: Arc<Repository>,
    inbox: Arc<Inbox>,
    committed: Committed,
    /// What was read last, and what the ref pointed to then.
    last: Option<(Tip, Arc<Snapshot>)>,
    /// The ref points to something that could not be had yet: nobody may act on what is older.
    newer: bool,
    /// Fetches that failed in a row.
    failed: u32,
    /// What was told of a failure that passes, and of which tip; none where the tip is not known.
    told: Option<(Option<Tip>, Arc<Unreadable>)>,
    random: fastrand::Rng,
}

impl Follower {
    async fn run(mut self) {
        loop {
            self.look().await;
            // Many daemons, started by one roll-out, must not ask one host at the same moment for ever.
            let wait = spread(self.repository.settings().interval, self.random.f64());
            tokio::select! {
                biased;
                () = self.inbox.woken() => {}
                () = sleep(wait) => {}
            }
        }
    }

    async fn look(&mut self) {
        let tip = match self.repository.tip().await {
            Ok(tip) => tip,
            Err(fault) => {
                let why = faulty(&self.repository, &fault, AGAIN);
                return self.unreadable(matches!(fault, Fault::Passing(_)).then_some(None), why);
            }
        };
        if let Some((_, snapshot)) = self.last.as_ref().filter(|(last, _)| *last == tip) {
            let snapshot = Arc::clone(snapshot);
            (self.newer, self.told) = (false, None);
            return self.publish(State::Settled(snapshot));
        }
        self.inbox.unsettle();
        match self.committed.read(&self.repository, &tip).await {
            Ok(snapshot) => {
                let snapshot = Arc::new(snapshot);
                (self.newer, self.failed, self.told) = (false, 0, None);
                self.last = Some((tip, Arc::clone(&snapshot)));
                self.publish(State::Settled(snapshot));
            }
            Err(refused) => {
                self.newer = refused.is_passing();
                self.suspect(&refused).await;
                let same = self.newer.then_some(Some(tip));
                self.unreadable(same, refused.unreadable(&self.repository, AGAIN));
            }
        }
    }

    /// A fetch fails for reasons of the remote, as a rule; one that goes on failing while the remote
    /// answers may fail for one of ours.
    async fn suspect(&mut self, refused: &Refused) {
        self.failed = if refused.is_passing() { self.failed.saturating_add(1) } else { 0 };
        // Once: a remote that goes on failing is not asked for everything again and again.
        if self.failed == SUSPECT_AFTER {
            tracing::warn!("fetching goes on failing; the copy of the repository is made anew");
            if let Err(fault) = self.repository.forget().await {
                tracing::warn!(error = %fault, "the copy of the repository cannot be made anew");
            }
        }
    }

    /// What passes is told in the words of its first time, as long as it is about the same: the remote's own
    /// words differ from try to try, and would be news each time.
    fn unreadable(&mut self, about: Option<Option<Tip>>, why: Unreadable) {
        let told = self.told.take().filter(|(of, _)| about.as_ref() == Some(of));
        let why = told.map_or_else(|| Arc::new(why), |(_, first)| first);
        self.told = about.map(|about| (about, Arc::clone(&why)));
        self.publish(State::Unreadable(why));
    }

    fn publish(&self, state: State) {
        let unsettled = self.newer;
        self.inbox.publish(|reading| {
            let same = reading.state == state && reading.unsettled == unsettled;
            (reading.state, reading.unsettled) = (state, unsettled);
            !same
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_spread_and_never_nothing() {
        let minute = Duration::from_secs(60);
        assert_eq!(spread(minute, 0.0), Duration::from_secs(54));
        assert_eq!(spread(minute, 0.5), minute);
        assert!(spread(minute, 1.0) <= Duration::from_secs(66));
        assert_eq!(spread(Duration::ZERO, 0.5), Duration::from_millis(100));
    }
}
