//! Where the process has its keys from: the real holder of keys, the real rule for which of them signs what,
//! and an imagined service that gives them.

use super::{DEADLINE, Ground, Mortality, Seam};
use crate::aliyun::client::keyring::{Keyring, not_carried_out};
use crate::aliyun::credentials::provide::{Fetching, Provide};
use crate::aliyun::credentials::{CredentialError, Credentials, InUse, Key};
use crate::cloud::{CloudError, Identify, Page, Query, ReadLinks as _};
use crate::model::AccountId;
use crate::sim::Sim;
use crate::sim::seed::{ACCESS_KEY_ID, ACCESS_KEY_SECRET};
use crate::simulation::clock::HostClock;
use crate::simulation::estate::Names;
use crate::simulation::referee::Referee;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Code of the cloud for a key that has ended.
const ENDED: &str = "InvalidSecurityToken.Expired";

/// Keys that end, and what goes wrong when they are renewed.
#[derive(Debug, Clone)]
pub(in crate::simulation) struct Temporary {
    /// How long the first one lives.
    pub first: Duration,
    /// How long those after it live.
    pub life: Duration,
    /// Until when there is none after the first one, and what comes instead.
    pub away: Option<(Duration, Away)>,
    /// Until when those after the first one are another account's.
    pub foreign: Duration,
}

/// What comes instead of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulation) enum Away {
    /// The service does not answer.
    Silent,
    /// It refuses.
    Refused,
    /// The key that it gave last, which may have ended.
    Same,
}

/// Whoever gives keys to the process; shared by all its lives.
#[derive(Clone)]
pub(in crate::simulation) struct Service(Arc<Mutex<Inner>>);

struct Inner {
    sim: Sim,
    ours: AccountId,
    stranger: AccountId,
    /// A key without an end, where nothing is said.
    temporary: Option<Temporary>,
    last: Option<Key>,
    /// The how many-th arrangement it is, and which of them was seen last.
    now: u64,
    seen: u64,
    random: fastrand::Rng,
}

impl Service {
    /// Gives the key that never ends, until something else is said.
    pub fn new(sim: Sim, names: &Names, seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            sim,
            ours: names.number.clone(),
            stranger: names.stranger.clone(),
            temporary: None,
            last: None,
            now: 0,
            seen: 0,
            random: fastrand::Rng::with_seed(seed),
        })))
    }

    /// From now on it gives such keys. `at_once` says whether the process can see that there is another one,
    /// as in a file; else it learns of it when it asks.
    pub fn give(&self, temporary: Option<Temporary>, at_once: bool) {
        let mut inner = self.lock();
        inner.now += u64::from(at_once);
        inner.temporary = temporary;
        inner.last = None;
    }

    /// Whether it gives keys that end.
    pub fn is_temporary(&self) -> bool {
        self.lock().temporary.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// How long an answer takes.
    fn latency(&mut self) -> Duration {
        let most = if self.temporary.is_some() { 2_000 } else { 0 };
        Duration::from_millis(self.random.u64(0..=most))
    }

    fn give(&mut self, now: Duration) -> Result<Key, CredentialError> {
        self.seen = self.now;
        let Some(Temporary { first, life, away, foreign }) = self.temporary.clone() else {
            return Key::new(ACCESS_KEY_ID, ACCESS_KEY_SECRET, None);
        };
        let failed = |temporary| CredentialError::Service {
            who: "the service".to_owned(),
            why: "it gives no key".to_owned(),
            temporary,
        };
        let away = away.filter(|(until, _)| now < *until).map(|(_, how)| how);
        let key = match (self.last.clone(), away) {
            (None, _) => self.issue(first, &self.ours.clone())?,
            (Some(last), Some(Away::Same)) => last,
            (Some(_), Some(how)) => return Err(failed(how == Away::Silent)),
            (Some(_), None) if now < foreign => self.issue(life, &self.stranger.clone())?,
            (Some(_), None) => self.issue(life, &self.ours.clone())?,
        };
        self.last = Some(key.clone());
        Ok(key)
    }

    fn issue(&self, life: Duration, account: &AccountId) -> Result<Key, CredentialError> {
        let issued = self.sim.with(|state, now| {
            state.switches.sts_lifetime = life;
            state.issue(now, account.clone())
        });
        let (secret, token) = (issued.secret.expose_secret(), issued.token.expose_secret());
        Ok(Key::new(&issued.id, secret, Some(token))?.ending(Some(issued.end)))
    }
}

/// The service, as one life asks it.
struct Asked {
    service: Service,
    clock: HostClock,
    referee: Referee,
    mortality: Arc<Mortality>,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asked")
    }
}

impl Asked {
    async fn answer(&self) -> Result<Key, CredentialError> {
        let asked = self.clock.when();
        let latency = self.service.lock().latency();
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        // Nobody hears what whoever is dead had asked for.
        self.mortality.alive().await;
        let key = self.service.lock().give(self.clock.when().mono)?;
        // One that has ended is refused and forgotten: by a clock that is set back it lives again, until the
        // cloud says otherwise.
        let ends = key.expires.filter(|end| *end > self.clock.when().wall);
        self.referee.has_key(asked, key.id.expose_secret(), ends);
        Ok(key)
    }
}

impl Provide for Asked {
    fn name(&self) -> &'static str {
        "imagined"
    }

    fn fetch(&self) -> Fetching<'_> {
        Box::pin(self.answer())
    }

    fn changed(&self) -> bool {
        let inner = self.service.lock();
        inner.now != inner.seen
    }
}

/// The keys of one life.
pub(super) fn keyring(ground: &Ground, mortality: &Arc<Mortality>, seed: u64) -> Keyring {
    let asked = Asked {
        service: ground.service.clone(),
        clock: ground.clock.clone(),
        referee: ground.referee.clone(),
        mortality: Arc::clone(mortality),
    };
    let clock = Arc::new(ground.clock.clone());
    let credentials = Credentials::new(Arc::new(asked), clock, seed);
    Keyring::new(credentials, Some(ground.names.number.clone()))
}

impl Identify for Seam {
    async fn caller(&self) -> Result<AccountId, CloudError> {
        let key = self.keyring.for_read().await?;
        let generation = key.generation;
        let account = self.whose(key).await?;
        self.keyring.told(generation, account.clone());
        Ok(account)
    }

    fn expires(&self) -> Option<Timestamp> {
        self.keyring.expires()
    }

    fn generation(&self) -> u64 {
        self.keyring.generation()
    }
}

impl Seam {
    /// Whose a key is, as the cloud says.
    pub(super) async fn whose(&self, key: InUse) -> Result<AccountId, CloudError> {
        self.mortality.effect().await;
        let id = key.key.id.expose_secret();
        let now = self.ground.clock.when();
        self.ground.referee.reads_with(now, id);
        let answer = tokio::time::timeout(DEADLINE, self.cloud.with_key(id).caller()).await;
        let account = answer.unwrap_or_else(|_| Err(Self::late()))?;
        self.mortality.effect().await;
        let names = &self.ground.names;
        let foreign = self.ground.foreign.load(Ordering::Relaxed);
        let account = if foreign { names.stranger.clone() } else { account };
        self.ground.referee.identified(self.ground.clock.when(), id, account == names.number);
        Ok(account)
    }

    /// A read with the key in use; again with another one where the cloud says that it has ended.
    pub(super) async fn reading(&self, query: &Query) -> Result<Page, CloudError> {
        let mut key = self.keyring.for_read().await?;
        let mut again = false;
        loop {
            let id = key.key.id.expose_secret();
            self.ground.referee.reads_with(self.ground.clock.when(), id);
            let cloud = self.cloud.with_key(id);
            let answer = tokio::time::timeout(DEADLINE, cloud.describe(query)).await;
            let answer = answer.unwrap_or_else(|_| Err(Self::late()));
            match answer {
                Err(error) if error.code == ENDED && !again => {
                    again = true;
                    match self.keyring.after(&key).await? {
                        Some(other) => key = other,
                        None => return Err(error),
                    }
                }
                answer => return answer,
            }
        }
    }

    /// What is said of a change that was turned away because its key had ended: with another one it can
    /// succeed.
    pub(super) async fn turned_away(&self, error: CloudError, key: &InUse) -> CloudError {
        if error.code != ENDED {
            return error;
        }
        match self.keyring.after(key).await {
            Ok(Some(_)) => not_carried_out(error),
            Ok(None) => error,
            Err(without) => without,
        }
    }
}
