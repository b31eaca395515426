//! Carries the news of one sink: collects, keeps the pace, tries again, gives up.

use super::form::{Message, Sender, Verdict, compose};
use super::news::News;
use super::pace::Pace;
use super::queue::Queue;
use super::sink::{Sink, SinkError};
use super::template::Template;
use super::wire::{GIVE_UP, Wire};
use crate::clock::Clock;
use crate::retry::{self, Policy};
use futures_util::FutureExt as _;
use secrecy::{ExposeSecret, SecretString};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How one message is tried again.
const TRIES: Policy =
    Policy { base: Duration::from_secs(2), cap: Duration::from_secs(600), attempts: 16 };
/// Rest of a courier that failed, so that one that fails always does not keep the machine busy.
const REST: Duration = Duration::from_secs(5);

/// What happened to the news of one sink.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub messages: AtomicU64,
    pub sent: AtomicU64,
    pub failed: AtomicU64,
    pub dropped: AtomicU64,
    pub retries: AtomicU64,
}

/// One sink that can be sent to.
pub(super) struct Outlet {
    pub name: String,
    wire: Wire,
    secret: Option<SecretString>,
    template: Option<Template>,
    sender: Sender,
    clock: Arc<dyn Clock>,
    kind: super::sink::Kind,
}

/// Why there is no outlet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutletError {
    /// A file is not as it should be.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// There is nothing to check certificates with.
    #[error("make a client for the sink `{sink}` of `notifications`: {why}")]
    Client {
        /// Its name.
        sink: String,
        /// Why not.
        why: String,
    },
}

impl Outlet {
    pub(super) fn open(
        sink: &Sink,
        sender: &Sender,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, OutletError> {
        let (address, secret) = (sink.address()?, sink.secret()?);
        let wire = Wire::new(sink.kind, address)
            .map_err(|why| OutletError::Client { sink: sink.name.clone(), why })?;
        Ok(Self {
            name: sink.name.clone(),
            wire,
            secret,
            template: sink.template.clone(),
            sender: sender.clone(),
            clock: Arc::clone(clock),
            kind: sink.kind,
        })
    }

    pub(super) fn host(&self) -> &str {
        self.wire.host()
    }

    /// One attempt; signed anew.
    pub(super) async fn send(&self, news: &[Arc<News>], lost: u64) -> Verdict {
        let message = Message {
            sender: &self.sender,
            news,
            lost,
            template: self.template.as_ref(),
            now: self.clock.now(),
            secret: self.secret.as_ref().map(ExposeSecret::expose_secret),
        };
        self.wire.send(&compose(self.kind, &message)).await
    }
}

/// What carries the news of one sink.
pub(super) struct Courier {
    pub outlet: Outlet,
    pub queue: Arc<Queue>,
    pub tally: Arc<Tally>,
    pub pace: Pace,
    pub batch: Duration,
    pub random: fastrand::Rng,
    /// News, and news lost before, that left the queue and are neither taken nor given up.
    pub under_way: (u64, u64),
    /// Set when nothing more will be told.
    pub closing: CancellationToken,
}

impl Courier {
    /// Carries until it closes. A mistake of ours that would end it costs the message, not the sink.
    pub(super) async fn run(mut self) {
        // Nothing of it is left half changed: what was under way is counted as lost below.
        while AssertUnwindSafe(self.carry()).catch_unwind().await.is_err() {
            let (events, lost) = std::mem::take(&mut self.under_way);
            self.failed(events, lost, "a mistake in classiclinkd; please report it");
            let _closing = self.closing.run_until_cancelled(tokio::time::sleep(REST)).await;
        }
    }

    /// What is left when it closes gets one attempt.
    async fn carry(&mut self) {
        while self.collected().await {
            self.deliver().await;
        }
        if self.queue.len() > 0 {
            self.deliver().await;
        }
    }

    /// Waits for news, for what comes with them, and for the pace; `false` if it closes.
    async fn collected(&self) -> bool {
        let ready = async {
            self.queue.some().await;
            tokio::time::sleep(self.batch).await;
            self.paced().await;
        };
        self.closing.run_until_cancelled(ready).await.is_some()
    }

    async fn paced(&self) {
        tokio::time::sleep(self.pace.wait(self.outlet.clock.now())).await;
    }

    async fn deliver(&mut self) {
        let (news, lost) = self.queue.take();
        self.under_way = (news.len() as u64, lost);
        self.try_to_send(&news, lost).await;
        self.under_way = (0, 0);
    }

    async fn try_to_send(&mut self, news: &[Arc<News>], lost: u64) {
        let events = news.len() as u64;
        let begun = self.outlet.clock.now();
        for attempt in 1.. {
            self.pace.sent(self.outlet.clock.now());
            let (why, after) = match self.outlet.send(news, lost).await {
                Verdict::Taken => return self.taken(news, attempt),
                Verdict::Never { why } => return self.failed(events, lost, &why),
                Verdict::Again { why, after } => (why, after),
            };
            let wait = retry::backoff(TRIES, attempt).mul_f64(self.random.f64());
            let wait = wait.max(after.unwrap_or_default());
            let spent = self.outlet.clock.now().since(begun).saturating_add(wait);
            if self.closing.is_cancelled() || attempt >= TRIES.attempts || spent > GIVE_UP {
                return self.failed(
                    events,
                    lost,
                    &format!("{why}; given up after {attempt} tries"),
                );
            }
            if attempt == 1 {
                let (sink, host) = (&self.outlet.name, self.outlet.host());
                tracing::warn!(
                    sink,
                    host,
                    reason = why,
                    "a notification is not taken yet; it is tried again"
                );
            }
            self.tally.retries.fetch_add(1, Ordering::Relaxed);
            let waited = async {
                tokio::time::sleep(wait).await;
                self.paced().await;
            };
            // One that closes tries once more, at once.
            let _closing = self.closing.run_until_cancelled(waited).await;
        }
    }

    fn taken(&self, news: &[Arc<News>], attempt: u32) {
        self.tally.messages.fetch_add(1, Ordering::Relaxed);
        self.tally.sent.fetch_add(news.len() as u64, Ordering::Relaxed);
        let (sink, events) = (&self.outlet.name, news.len());
        if attempt > 1 {
            tracing::info!(sink, events, attempt, "the notification is delivered");
        } else {
            tracing::debug!(sink, events, "notification delivered");
        }
    }

    fn failed(&self, events: u64, lost: u64, why: &str) {
        self.tally.failed.fetch_add(events, Ordering::Relaxed);
        self.queue.lose(lost.saturating_add(events));
        let (sink, host) = (&self.outlet.name, self.outlet.host());
        tracing::error!(sink, host, events, reason = why, "a notification is not delivered");
    }
}
