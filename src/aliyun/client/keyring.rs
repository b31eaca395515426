//! Which key a call is signed with, and that a change is signed with none but one of the pinned account.
//!
//! Names nothing of HTTP, so that whoever talks to another cloud than the real one keeps to the same rules.

use crate::aliyun::credentials::{CredentialError, Credentials, InUse, Need};
use crate::cloud::{Class, CloudError, NO_KEY};
use crate::model::AccountId;
use jiff::Timestamp;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keys that are exchanged while a change waits for one, in a row.
const EXCHANGES: u32 = 3;

/// The keys of one account.
pub struct Keyring {
    credentials: Credentials,
    pinned: Option<AccountId>,
    /// Whose the key is that was asked about last.
    owner: Mutex<Option<Owner>>,
    /// Who asks holds it, so that the others wait for that answer.
    asking: tokio::sync::Mutex<()>,
}

/// Whose a key is.
struct Owner {
    generation: u64,
    account: AccountId,
}

impl Keyring {
    /// Keys for calls; those that change something are held to be of the account that is pinned.
    pub fn new(credentials: Credentials, pinned: Option<AccountId>) -> Self {
        let (owner, asking) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { credentials, pinned, owner, asking }
    }

    /// A key for a call that changes nothing.
    ///
    /// # Errors
    /// [`CloudError`]: there is none, and nothing was sent.
    pub async fn for_read(&self) -> Result<InUse, CloudError> {
        self.key(Need::Read).await
    }

    /// A key for a call that changes something: it lives long enough, and is not another account's. Nothing
    /// is waited for but the first key of all: leave is given for now, and in the time that a key takes, or
    /// the question whose it is, people pause and manifests change. [`Keyring::ready`] is what waits.
    ///
    /// # Errors
    /// [`CloudError`]: there is none, and nothing was sent.
    pub async fn for_change(&self) -> Result<InUse, CloudError> {
        let key = match self.generation() {
            0 => self.key(Need::Write).await?,
            _ => self.credentials.at_once(Need::Write).map_err(|error| without_key(&error))?,
        };
        match self.owner_of(&key) {
            Some(account) => self.hold_to_pin(&account)?,
            None if self.pinned.is_none() => (),
            None => {
                let why = "the key was exchanged, and nobody said yet whose the new one is";
                return Err(CloudError::new(Class::Unreachable, NO_KEY, why));
            }
        }
        Ok(key)
    }

    /// Sees that there is a key for a change, as far as that is only a matter of time. `ask` asks the cloud
    /// whose a key is.
    ///
    /// # Errors
    /// [`CloudError`]: not now. What lasts is for the change itself to find out.
    pub async fn ready<F>(&self, ask: impl Fn(InUse) -> F + Send + Sync) -> Result<(), CloudError>
    where
        F: Future<Output = Result<AccountId, CloudError>> + Send,
    {
        match self.prepare(ask).await {
            Err(error) if error.class == Class::Unreachable => Err(error),
            _ => Ok(()),
        }
    }

    async fn prepare<F>(&self, ask: impl Fn(InUse) -> F + Send + Sync) -> Result<(), CloudError>
    where
        F: Future<Output = Result<AccountId, CloudError>> + Send,
    {
        let mut key = self.key(Need::Write).await?;
        for _ in 0..EXCHANGES {
            self.vouch(&key, &ask).await?;
            // That took a while if it had to be asked.
            let then = key.generation;
            key = self.key(Need::Write).await?;
            if key.generation == then {
                return Ok(());
            }
        }
        let why = "the key was exchanged each time it was asked whose it is";
        Err(CloudError::new(Class::Unreachable, NO_KEY, why))
    }

    /// Another key than the one that the cloud just called ended, if there is one.
    ///
    /// # Errors
    /// [`CloudError`]: there is none.
    pub async fn after(&self, ended: &InUse) -> Result<Option<InUse>, CloudError> {
        let other = self.credentials.other_than(ended, Need::Read).await;
        let other = other.map_err(|error| without_key(&error))?;
        Ok((!other.key.same_as(&ended.key)).then_some(other))
    }

    /// Remembers what the cloud answered when it was asked anyhow.
    pub fn told(&self, generation: u64, account: AccountId) {
        *self.owner() = Some(Owner { generation, account });
    }

    /// When the key in use ends, where that is known.
    pub fn expires(&self) -> Option<Timestamp> {
        self.credentials.expires()
    }

    /// Changes when the key does.
    pub fn generation(&self) -> u64 {
        self.credentials.generation()
    }

    async fn key(&self, need: Need) -> Result<InUse, CloudError> {
        self.credentials.key(need).await.map_err(|error| without_key(&error))
    }

    /// That a key belongs to the account that is pinned. A key that was renewed is asked about anew, for a
    /// renewal can bring another account's (`reliability.md` A24), and the answer about the last one proves
    /// nothing about this one.
    async fn vouch<F>(
        &self,
        key: &InUse,
        ask: &(impl Fn(InUse) -> F + Sync),
    ) -> Result<(), CloudError>
    where
        F: Future<Output = Result<AccountId, CloudError>> + Send,
    {
        if self.pinned.is_none() {
            return Ok(());
        }
        let _alone = self.asking.lock().await;
        let account = match self.owner_of(key) {
            Some(account) => account,
            None => {
                let account = ask(key.clone()).await.map_err(unproven)?;
                self.told(key.generation, account.clone());
                account
            }
        };
        self.hold_to_pin(&account)
    }

    fn owner(&self) -> MutexGuard<'_, Option<Owner>> {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose a key is, if that was answered of this one.
    fn owner_of(&self, key: &InUse) -> Option<AccountId> {
        let owner = self.owner();
        let known = owner.as_ref().filter(|owner| owner.generation == key.generation);
        known.map(|owner| owner.account.clone())
    }

    fn hold_to_pin(&self, account: &AccountId) -> Result<(), CloudError> {
        let Some(pinned) = self.pinned.as_ref().filter(|pinned| *pinned != account) else {
            return Ok(());
        };
        let message = format!(
            "the key belongs to account {account}, and {pinned} is pinned; give a key of the account that \
             `accountId` names"
        );
        Err(CloudError::new(Class::Unauthenticated, "account-pin", message))
    }
}

/// The question got no answer: the change that waited for it was not sent.
fn unproven(error: CloudError) -> CloudError {
    let class = match error.class {
        Class::Ambiguous | Class::Throttled => Class::Unreachable,
        class => class,
    };
    CloudError { class, ..error }
}

/// Nothing was sent without a key. Where time alone brings none, a person has to look: as if it were not
/// accepted.
fn without_key(error: &CredentialError) -> CloudError {
    let class = if error.is_temporary() { Class::Unreachable } else { Class::Unauthenticated };
    CloudError::new(class, NO_KEY, error.to_string())
}

/// The error of a change that the cloud turned away before looking at it, and that can succeed now.
pub fn not_carried_out(error: CloudError) -> CloudError {
    CloudError { class: Class::Unreachable, ..error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aliyun::credentials::Key;
    use crate::aliyun::credentials::provide::{Fetching, Provide};
    use crate::clock::{Clock as _, TokioClock};
    use secrecy::ExposeSecret as _;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    /// Gives a key that hardly lives long enough, and better ones afterwards; each takes a second.
    struct Service(TokioClock, AtomicU64);

    impl std::fmt::Debug for Service {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Service")
        }
    }

    impl Provide for Service {
        fn name(&self) -> &'static str {
            "scripted"
        }

        fn fetch(&self) -> Fetching<'_> {
            let number = self.1.fetch_add(1, Ordering::Relaxed) + 1;
            let life = Duration::from_secs(if number == 1 { 65 } else { 600 });
            let key = Key::new(&number.to_string(), "s", Some("t"));
            let end = self.0.now().after(life).wall;
            Box::pin(async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                key.map(|key| key.ending(Some(end)))
            })
        }
    }

    fn account(text: &str) -> AccountId {
        AccountId::parse(text).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_ages_while_it_is_asked_whose_it_is_signs_no_change() {
        let clock = TokioClock::starting_at("2026-05-01T12:00:00Z".parse().unwrap());
        let service = Service(clock.clone(), AtomicU64::new(0));
        let credentials = Credentials::new(Arc::new(service), Arc::new(clock.clone()), 7);
        let keyring = Keyring::new(credentials, Some(account("1")));
        let asked = Mutex::new(Vec::new());
        let ask = |key: InUse| {
            asked.lock().unwrap().push(key.key.id.expose_secret().to_owned());
            async {
                tokio::time::sleep(Duration::from_secs(10)).await;
                Ok(account("1"))
            }
        };
        let unproven = keyring.for_change().await.unwrap_err();
        assert_eq!((unproven.class, asked.lock().unwrap().len()), (Class::Unreachable, 0));
        keyring.ready(ask).await.unwrap();
        let key = keyring.for_change().await.unwrap();
        assert_eq!(key.key.id.expose_secret(), "2", "the first one ends within a minute by now");
        assert_eq!(*asked.lock().unwrap(), ["1", "2"], "whose the second one is, is asked, too");
        keyring.ready(ask).await.unwrap();
        assert_eq!(asked.lock().unwrap().len(), 2, "once for each key");
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_waits_for_no_key_once_there_is_one() {
        let clock = TokioClock::starting_at("2026-05-01T12:00:00Z".parse().unwrap());
        let service = Service(clock.clone(), AtomicU64::new(0));
        let credentials = Credentials::new(Arc::new(service), Arc::new(clock.clone()), 7);
        let keyring = Keyring::new(credentials, Some(account("1")));
        let ask = |_| async { Ok(account("1")) };
        keyring.ready(ask).await.unwrap();
        assert_eq!(keyring.for_change().await.unwrap().generation, 1);
        tokio::time::sleep(Duration::from_secs(10)).await;
        let before = clock.now();
        let unsent = keyring.for_change().await.unwrap_err();
        assert_eq!((unsent.class, unsent.code.as_str()), (Class::Unreachable, NO_KEY));
        assert_eq!(clock.now().since(before), Duration::ZERO);
        keyring.ready(ask).await.unwrap();
        assert_eq!(keyring.for_change().await.unwrap().generation, 2);
    }
}
