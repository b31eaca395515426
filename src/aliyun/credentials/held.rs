//! The key in use, and that there is a fresh one in time.
//!
//! When, is decided in [`refresh`](super::refresh). Here is asked: by one at a time, whoever waits for it, and
//! by a timer of its own, so that a call hardly ever waits.

use super::file;
use super::make::Fixed;
use super::provide::{Fetching, Provide};
use super::refresh::{Life, Standing, pause};
use super::{CredentialError, Key};
use crate::clock::{Clock, Moment, SystemClock};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;

mod otherwise;

/// Longest time that one asking may take; no provider takes longer by itself.
const FETCH_MAX: Duration = Duration::from_secs(70);
/// Longest wait for a key that is good enough.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a key is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A call that changes nothing: the key has not ended.
    Read,
    /// A call that changes something: it does not end within [`WRITE_MIN`](super::refresh::WRITE_MIN), either.
    Write,
}

/// The key to sign with now.
#[derive(Debug, Clone)]
pub struct InUse {
    /// The key; all calls that sign with it share it.
    pub key: Arc<Key>,
    /// The how many-th it is.
    pub generation: u64,
}

/// What can be said of a key without showing any of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Who gives it, as the official libraries name it.
    pub provider: &'static str,
    /// The file that it is read from, where it is.
    pub file: Option<PathBuf>,
    /// The permission bits of that file, where they can be told.
    pub mode: Option<u32>,
    /// Whether it comes with a token, and so ends some time.
    pub temporary: bool,
    /// When it ends, where that is said.
    pub ends: Option<Timestamp>,
}

/// Where keys come from, and the one in use. Clones share it.
#[derive(Clone)]
pub struct Credentials(Arc<Inner>);

struct Inner {
    provider: Arc<dyn Provide>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    flight: Mutex<Option<(AbortHandle, Flight)>>,
}

/// An asking under way.
type Flight = Shared<BoxFuture<'static, ()>>;

struct State {
    held: Option<Held>,
    generation: u64,
    /// How often it was asked without getting anything new, since it last got something.
    tries: u32,
    /// On the monotonic clock.
    not_before: Duration,
    error: Option<CredentialError>,
    timer: Option<AbortHandle>,
    random: fastrand::Rng,
}

struct Held {
    key: Arc<Key>,
    life: Life,
    jitter: f64,
}

enum Look {
    Use(InUse, Next),
    Wait(Duration),
    Fail(CredentialError),
}

#[derive(PartialEq, Eq)]
enum Next {
    Nothing,
    Renew,
}

impl Credentials {
    /// Keys of a provider. Nobody is asked yet. `seed` is for the jitter.
    pub fn new(provider: Arc<dyn Provide>, clock: Arc<dyn Clock>, seed: u64) -> Self {
        let state = State {
            held: None,
            generation: 0,
            tries: 0,
            not_before: Duration::ZERO,
            error: None,
            timer: None,
            random: fastrand::Rng::with_seed(seed),
        };
        Self(Arc::new(Inner {
            provider,
            clock,
            state: Mutex::new(state),
            flight: Mutex::default(),
        }))
    }

    /// A key that stays the same.
    pub fn fixed(key: Key) -> Self {
        Self::new(Arc::new(Fixed::new("static", key)), Arc::new(SystemClock::new()), 0)
    }

    /// The key to sign with now. Waits for one if that in use is not good enough, 10 seconds at most. While
    /// no other comes, the last good key stays in use as long as it lives: a file that is being rewritten, or
    /// a service that is away, is no reason to stop.
    ///
    /// # Errors
    /// [`CredentialError`]: nothing that is good enough came.
    pub async fn key(&self, need: Need) -> Result<InUse, CredentialError> {
        let sought = async {
            if self.0.provider.changed() {
                self.0.renew().await;
            }
            loop {
                match self.0.look(need) {
                    Look::Use(in_use, next) => {
                        if next == Next::Renew {
                            drop(self.0.renew());
                        }
                        return Ok(in_use);
                    }
                    Look::Wait(pause) if pause.is_zero() => self.0.renew().await,
                    Look::Wait(pause) => tokio::time::sleep(pause).await,
                    Look::Fail(error) => return Err(error),
                }
            }
        };
        match tokio::time::timeout(PATIENCE, sought).await {
            Ok(found) => found,
            // What is good enough for now is better than nothing, however late its file is.
            Err(_) => match self.0.look(need) {
                Look::Use(in_use, _) => Ok(in_use),
                Look::Wait(_) | Look::Fail(_) => Err(self.0.late()),
            },
        }
    }

    /// Changes when the key changes; 0 before there is one.
    pub fn generation(&self) -> u64 {
        self.0.state().generation
    }

    /// When the key in use ends, where that is known.
    pub fn expires(&self) -> Option<Timestamp> {
        self.0.state().held.as_ref()?.key.expires
    }

    /// What can be said of the key in use without showing it; asks for one if there is none.
    ///
    /// # Errors
    /// [`CredentialError`]: there is none.
    pub async fn provenance(&self) -> Result<Provenance, CredentialError> {
        let in_use = self.key(Need::Read).await?;
        let file = self.0.provider.file();
        Ok(Provenance {
            provider: self.0.provider.name(),
            mode: file.as_deref().and_then(file::mode),
            file,
            temporary: in_use.key.token.is_some(),
            ends: in_use.key.expires,
        })
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, need: Need) -> Look {
        let now = self.clock.now();
        let state = self.state();
        let pause = state.not_before.saturating_sub(now.monotonic);
        let standing = state.held.as_ref().map(|held| held.life.standing(now, held.jitter));
        let worst = match need {
            Need::Read => Standing::Short,
            Need::Write => Standing::Due,
        };
        match (&state.held, standing) {
            (Some(held), Some(standing)) if standing <= worst => {
                let in_use = InUse { key: Arc::clone(&held.key), generation: state.generation };
                let renew = standing > Standing::Fresh && pause.is_zero();
                Look::Use(in_use, if renew { Next::Renew } else { Next::Nothing })
            }
            _ => match &state.error {
                Some(error) if !pause.is_zero() && !error.is_temporary() => {
                    Look::Fail(self.failure(&state))
                }
                _ => Look::Wait(pause),
            },
        }
    }

    /// Why there is no key that is good enough.
    fn failure(&self, state: &State) -> CredentialError {
        let who = self.provider.name();
        let ended = state.held.as_ref().and_then(|held| held.key.expires);
        match (&state.error, ended) {
            (Some(error), Some(end)) => CredentialError::Late {
                who,
                end,
                why: error.to_string(),
                temporary: error.is_temporary(),
            },
            (Some(error), None) => error.clone(),
            (None, Some(end)) => {
                let why = "it is the same again".to_owned();
                CredentialError::Late { who, end, why, temporary: true }
            }
            (None, None) => silent(who, PATIENCE),
        }
    }

    fn late(&self) -> CredentialError {
        self.failure(&self.state())
    }

    fn may_ask(&self) -> bool {
        self.state().not_before <= self.clock.now().monotonic
    }

    /// Asks, or joins who asks already. It goes on when nobody waits for it any more.
    fn renew(self: &Arc<Self>) -> Flight {
        let mut flight = self.flight.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((task, flight)) = &*flight
            && !task.is_finished()
        {
            return flight.clone();
        }
        let inner = Arc::clone(self);
        let task = tokio::spawn(async move { inner.ask().await });
        let handle = task.abort_handle();
        let joined = task.map(|_| ()).boxed().shared();
        *flight = Some((handle, joined.clone()));
        joined
    }

    async fn ask(self: &Arc<Self>) {
        let since = self.clock.now();
        let answer = tokio::time::timeout(FETCH_MAX, self.provider.fetch()).await;
        let who = self.provider.name();
        let answer = answer.unwrap_or_else(|_| Err(silent(who, FETCH_MAX)));
        let now = self.clock.now();
        let mut state = self.state();
        match answer.and_then(|key| alive(who, key, now)) {
            Ok(key) => state.take(who, key, since, now),
            Err(error) => state.note(who, error, now),
        }
        let wake = state.wake(now);
        if let Some(old) = state.timer.take() {
            old.abort();
        }
        state.timer = wake.map(|wake| self.timer(wake));
    }

    /// Renews after a while, unless everybody has let go of the credentials by then.
    fn timer(self: &Arc<Self>, wake: Duration) -> AbortHandle {
        let inner = Arc::downgrade(self);
        let task = tokio::spawn(async move {
            tokio::time::sleep(wake).await;
            if let Some(inner) = inner.upgrade() {
                drop(inner.renew());
            }
        });
        task.abort_handle()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(timer) = self.state().timer.take() {
            timer.abort();
        }
    }
}

fn silent(who: &str, limit: Duration) -> CredentialError {
    let why = format!("no answer within {} s; it is asked again", limit.as_secs());
    CredentialError::Service { who: who.to_owned(), why, temporary: true }
}

fn alive(who: &'static str, key: Key, now: Moment) -> Result<Key, CredentialError> {
    match key.expires {
        Some(end) if end <= now.wall => Err(CredentialError::Ended { who, end }),
        _ => Ok(key),
    }
}

impl State {
    fn take(&mut self, who: &'static str, key: Key, since: Moment, now: Moment) {
        self.error = None;
        let life = Life { since, end: key.expires };
        let better = match &self.held {
            None => true,
            Some(held) if held.key.same_as(&key) && held.key.expires == key.expires => false,
            // A key that hardly lives longer than its way here is no better than one that does.
            Some(held) => {
                life.standing(now, 0.0) <= Standing::Due
                    || held.life.left(now).is_some_and(|left| Some(left) <= life.left(now))
            }
        };
        if !better {
            return self.put_off(now);
        }
        let renewed = self.generation > 0;
        if self.held.as_ref().is_none_or(|held| !held.key.same_as(&key)) {
            self.generation += 1;
        }
        if renewed {
            tracing::info!(
                provider = who,
                ends = key.expires.map(tracing::field::display),
                "the credentials are renewed"
            );
        }
        self.held = Some(Held { key: Arc::new(key), life, jitter: self.random.f64() });
        self.tries = 0;
        self.not_before = now.monotonic;
    }

    fn note(&mut self, who: &'static str, error: CredentialError, now: Moment) {
        if self.held.is_some() && self.error.as_ref() != Some(&error) {
            tracing::warn!(provider = who, %error, "the credentials were not renewed; the last good key stays");
        }
        self.error = Some(error);
        self.put_off(now);
    }

    fn put_off(&mut self, now: Moment) {
        self.tries = self.tries.saturating_add(1);
        let left = self.held.as_ref().and_then(|held| held.life.left(now));
        let drawn = self.random.f64();
        self.not_before = now.monotonic + pause(self.tries, left, drawn);
    }

    /// When to ask next without being asked to; never for a key without an end.
    fn wake(&self, now: Moment) -> Option<Duration> {
        let held = self.held.as_ref()?;
        let due = held.life.due_in(now, held.jitter)?;
        Some(due.max(self.not_before.saturating_sub(now.monotonic)))
    }
}

impl Provide for Credentials {
    fn name(&self) -> &'static str {
        self.0.provider.name()
    }

    fn fetch(&self) -> Fetching<'_> {
        Box::pin(async { self.key(Need::Read).await.map(|in_use| (*in_use.key).clone()) })
    }

    fn file(&self) -> Option<PathBuf> {
        self.0.provider.file()
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Credentials").field(&self.0.provider).finish()
    }
}

#[cfg(test)]
mod tests;
