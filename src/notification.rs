//! Tells people: what the daemon's board says becomes news, and news go to webhooks.
//!
//! ```text
//! Board --follow--> Watcher (a pure fold) --News--> one bounded queue a sink --Courier--> receiver
//! ```
//!
//! Nobody waits for any of it: the board never waits for a follower, the follower never for a sink, and
//! a sink whose receiver is dead loses its oldest news and says so. Together with `aliyun` the only module
//! that names `reqwest`.

use crate::board::{Board, Happening};
use crate::clock::{Clock, Moment};
use courier::{Courier, Outlet, Tally};
use form::Verdict;
use futures_util::FutureExt as _;
use pace::Pace;
use queue::Queue;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

mod address;
mod courier;
mod form;
mod news;
mod pace;
mod queue;
mod sink;
mod template;
#[cfg(test)]
mod tests;
mod watcher;
mod wire;

pub use address::{Address, AddressError};
pub use courier::OutletError;
pub use form::Sender;
pub use news::{Event, News, Severity};
pub use sink::{Kind, Place, Sink, SinkError};
pub use template::Template;
pub use watcher::Watcher;

/// How long what is left may take at the end.
const FLUSH: Duration = Duration::from_secs(2);

/// What happened to the news of one sink, for metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// The sink.
    pub sink: String,
    /// Messages that its receiver took.
    pub messages: u64,
    /// News in them.
    pub sent: u64,
    /// News that were given up.
    pub failed: u64,
    /// News that a full queue lost.
    pub dropped: u64,
    /// Attempts beyond the first.
    pub retries: u64,
    /// News that wait.
    pub queued: u64,
}

/// Where one sink stands, as the follower sees it.
#[derive(Debug)]
struct Line {
    sink: Sink,
    queue: Arc<Queue>,
    tally: Arc<Tally>,
}

/// The counts of all sinks. Cheap to clone; clones share.
#[derive(Debug, Clone, Default)]
pub struct Counters(Arc<Vec<Line>>);

impl Counters {
    /// By sink, in the order of the configuration.
    pub fn stats(&self) -> Vec<Stats> {
        let read = |of: &AtomicU64| of.load(Ordering::Relaxed);
        let stats = self.0.iter().map(|Line { sink, queue, tally }| Stats {
            sink: sink.name.clone(),
            messages: read(&tally.messages),
            sent: read(&tally.sent),
            failed: read(&tally.failed),
            dropped: read(&tally.dropped),
            retries: read(&tally.retries),
            queued: queue.len() as u64,
        });
        stats.collect()
    }
}

/// The tasks that tell. Dropped, they end at once.
#[derive(Debug)]
pub struct Notifier {
    tasks: JoinSet<()>,
    counters: Counters,
    closing: CancellationToken,
}

impl Notifier {
    /// Follows a board from now on. `seed` draws the jitter.
    ///
    /// # Errors
    /// The first sink that cannot be used, and why.
    pub fn start(
        sinks: &[Sink],
        board: &Board,
        sender: &Sender,
        clock: &Arc<dyn Clock>,
        seed: u64,
    ) -> Result<Self, OutletError> {
        let (mut tasks, mut lines) = (JoinSet::new(), Vec::new());
        let (closing, told_all) = (CancellationToken::new(), CancellationToken::new());
        let mut random = fastrand::Rng::with_seed(seed);
        for sink in sinks {
            let (queue, tally): (Arc<Queue>, Arc<Tally>) = Default::default();
            let courier = Courier {
                outlet: Outlet::open(sink, sender, clock)?,
                queue: Arc::clone(&queue),
                tally: Arc::clone(&tally),
                pace: Pace::new(sink.per_minute),
                batch: sink.batch,
                random: random.fork(),
                under_way: (0, 0),
                closing: told_all.clone(),
            };
            tasks.spawn(courier.run());
            lines.push(Line { sink: sink.clone(), queue, tally });
        }
        let counters = Counters(Arc::new(lines));
        if !sinks.is_empty() {
            let follower = Follower {
                watcher: Watcher::default(),
                lines: counters.clone(),
                clock: Arc::clone(clock),
            };
            tasks.spawn(follower.run(board.follow(), closing.clone(), told_all));
        }
        Ok(Self { tasks, counters, closing })
    }

    /// What happened to the news, for whoever asks later.
    pub fn counters(&self) -> Counters {
        self.counters.clone()
    }

    /// By sink, in the order of the configuration.
    pub fn stats(&self) -> Vec<Stats> {
        self.counters.stats()
    }

    /// Tells what happened until now, for 2 s at most, and ends.
    pub async fn end(mut self) {
        self.closing.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(FLUSH, all).await.is_err() {
            let queued: u64 = self.stats().iter().map(|stats| stats.queued).sum();
            tracing::warn!(queued, "the last notifications were not taken in time");
        }
    }
}

struct Follower {
    watcher: Watcher,
    lines: Counters,
    clock: Arc<dyn Clock>,
}

impl Follower {
    async fn run(
        mut self,
        mut board: Receiver<(Moment, Happening)>,
        closing: CancellationToken,
        told_all: CancellationToken,
    ) {
        // What made it fail is heard already, and not heard again.
        while AssertUnwindSafe(self.follow(&mut board, &closing)).catch_unwind().await.is_err() {
            tracing::error!(
                "a happening could not be told: a mistake in classiclinkd; please report it"
            );
        }
        told_all.cancel();
    }

    /// Follows until it closes, and then what is left.
    async fn follow(
        &mut self,
        board: &mut Receiver<(Moment, Happening)>,
        closing: &CancellationToken,
    ) {
        loop {
            tokio::select! {
                biased;
                () = closing.cancelled() => break,
                happening = board.recv() => match happening {
                    Ok((at, happening)) => self.hear(at, &happening),
                    Err(RecvError::Lagged(missed)) => self.lagged(missed),
                    Err(RecvError::Closed) => break,
                },
            }
        }
        loop {
            match board.try_recv() {
                Ok((at, happening)) => self.hear(at, &happening),
                Err(TryRecvError::Lagged(missed)) => self.lagged(missed),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
    }

    fn hear(&mut self, at: Moment, happening: &Happening) {
        for news in self.watcher.news(at, happening) {
            self.tell(news);
        }
    }

    fn lagged(&self, missed: u64) {
        tracing::warn!(missed, "more happened than notifications could follow");
        let title =
            format!("{missed} happenings were missed; the next passes tell what still stands");
        self.tell(News::new(Event::Missed, self.clock.now(), title));
    }

    fn tell(&self, news: News) {
        let news = Arc::new(news);
        for Line { sink, queue, tally } in self.lines.0.iter().filter(|line| line.sink.wants(&news))
        {
            let dropped = queue.tell(Arc::clone(&news));
            tally.dropped.fetch_add(dropped, Ordering::Relaxed);
            if dropped > 0 {
                tracing::debug!(
                    sink = sink.name,
                    "the queue of a sink is full; its oldest news go"
                );
            }
        }
    }
}

/// How a test message fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// The sink.
    pub sink: String,
    /// Its language.
    pub kind: Kind,
    /// Its host; empty where that is not known.
    pub host: String,
    /// Why it was not taken.
    pub outcome: Result<(), String>,
}

/// Sends one test message to each sink, once, all at the same time.
pub async fn test(sinks: &[Sink], sender: &Sender, clock: &Arc<dyn Clock>) -> Vec<Tested> {
    let title = "this is a test: whoever reads it will be told what happens";
    let news = [Arc::new(News::new(Event::Test, clock.now(), title))];
    let each = sinks.iter().map(|sink| async {
        let (host, outcome) = match Outlet::open(sink, sender, clock) {
            Err(error) => (String::new(), Err(error.to_string())),
            Ok(outlet) => {
                let outcome = match outlet.send(&news, 0).await {
                    Verdict::Taken => Ok(()),
                    Verdict::Again { why, .. } | Verdict::Never { why, .. } => Err(why),
                };
                (outlet.host().to_owned(), outcome)
            }
        };
        Tested { sink: sink.name.clone(), kind: sink.kind, host, outcome }
    });
    futures_util::future::join_all(each).await
}
