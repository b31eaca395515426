//! Access keys, security tokens, timestamps and nonces: who may call, and whether he just did.

use super::super::problem::{Problem, Refusal};
use super::super::switches::{NonceScope, Switches};
use super::State;
use crate::clock::Moment;
use crate::model::AccountId;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Whether a key is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It is.
    Active,
    /// `InvalidAccessKeyId.Inactive`
    Inactive,
    /// `Forbidden.AccessKeyDisabled`
    Disabled,
}

/// One access key. The secrets are kept from printing: a key may be somebody's real one, given by
/// mistake.
#[derive(Debug, Clone)]
pub struct Key {
    /// Whose it is.
    pub account: AccountId,
    /// What requests are signed with.
    pub secret: SecretString,
    /// Whether it is accepted.
    pub state: KeyState,
    /// The security token it goes with, and when that ends; `None` for a long-lived key.
    pub token: Option<(SecretString, Timestamp)>,
}

/// A temporary key, as it is handed out.
#[derive(Debug, Clone)]
pub struct Issued {
    /// Its id.
    pub id: String,
    /// What requests are signed with.
    pub secret: SecretString,
    /// The token that goes with it.
    pub token: SecretString,
    /// When it ends, by the cloud's clock.
    pub end: Timestamp,
    /// When it was made, likewise.
    pub begin: Timestamp,
}

impl PartialEq for Issued {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Issued {}

impl State {
    /// A new temporary key of the account, which every later request may be signed with until it ends.
    pub fn issue(&mut self, now: Moment, account: AccountId) -> Issued {
        let mut text = |prefix: &str| format!("{prefix}{:016x}", self.rng.u64(..));
        let (id, secret, token) = (text("STS.sim"), text("sim-sts-"), text("sim-token-"));
        let (secret, token) = (SecretString::from(secret), SecretString::from(token));
        let mut later = now;
        later.wall = self.server_time(now);
        let (begin, end) = (later.wall, later.after(self.switches.sts_lifetime).wall);
        let key = Key {
            account,
            secret: secret.clone(),
            state: KeyState::Active,
            token: Some((token.clone(), end)),
        };
        self.keys.insert(&id, key);
        Issued { id, secret, token, end, begin }
    }
}

/// All keys, and the nonces they used.
#[derive(Debug, Default)]
pub struct Keys {
    keys: BTreeMap<String, Key>,
    used: BTreeSet<(String, String)>,
    order: VecDeque<(Timestamp, String, String)>,
}

impl Keys {
    /// Adds or replaces the key of that id.
    pub fn insert(&mut self, id: &str, key: Key) {
        self.keys.insert(id.to_owned(), key);
    }

    /// The key of that id.
    pub fn get(&self, id: &str) -> Option<&Key> {
        self.keys.get(id)
    }

    /// Changes the state of the key. Answers whether it exists.
    pub fn set_state(&mut self, id: &str, state: KeyState) -> bool {
        let key = self.keys.get_mut(id);
        key.map(|key| key.state = state).is_some()
    }

    /// The ids, sorted.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// The ids of the keys of each account, sorted.
    pub fn by_account(&self) -> BTreeMap<&AccountId, Vec<&str>> {
        let mut accounts: BTreeMap<&AccountId, Vec<&str>> = BTreeMap::new();
        for (id, key) in &self.keys {
            accounts.entry(&key.account).or_default().push(id);
        }
        accounts
    }

    /// The first key of the account, by id.
    pub fn of(&self, account: &AccountId) -> Option<&str> {
        let own = self.keys.iter().find(|(_, key)| key.account == *account);
        own.map(|(id, _)| id.as_str())
    }

    /// The key, if it is accepted with that token.
    ///
    /// # Errors
    /// The cloud's refusal (`api-contract.md` 3.3).
    pub fn accept(
        &self,
        id: &str,
        token: Option<&str>,
        server_time: Timestamp,
    ) -> Result<&Key, Refusal> {
        let key = self.keys.get(id).ok_or_else(|| Refusal::of(Problem::KeyUnknown))?;
        match key.state {
            KeyState::Active => {}
            KeyState::Inactive => return Err(Refusal::of(Problem::KeyInactive)),
            KeyState::Disabled => return Err(Refusal::of(Problem::KeyDisabled)),
        }
        match (&key.token, token.filter(|token| !token.is_empty())) {
            (None, None) => Ok(key),
            (None, Some(_)) => Err(Refusal::of(Problem::TokenMismatch)),
            (Some(_), None) => Err(Refusal::of(Problem::TokenMissing)),
            (Some((own, _)), Some(given)) if own.expose_secret() != given => {
                Err(Refusal::of(Problem::TokenMalformed))
            }
            (Some((_, end)), Some(_)) if *end <= server_time => {
                Err(Refusal::of(Problem::TokenExpired))
            }
            (Some(_), Some(_)) => Ok(key),
        }
    }

    /// Remembers the nonce.
    ///
    /// # Errors
    /// `SignatureNonceUsed` when it was used within the window (`api-contract.md` 11).
    pub fn use_nonce(
        &mut self,
        id: &str,
        nonce: &str,
        server_time: Timestamp,
        switches: &Switches,
    ) -> Result<(), Refusal> {
        let scope = match switches.nonces {
            NonceScope::Key => id,
            NonceScope::Global => "",
            NonceScope::Off => return Ok(()),
        };
        // Twice the window: a timestamp may lie ahead by the window and then be valid for another.
        let window = SignedDuration::try_from(switches.timestamp_window)
            .unwrap_or(SignedDuration::ZERO)
            .saturating_mul(2);
        while let Some((at, _, _)) = self.order.front() {
            if server_time.duration_since(*at) <= window {
                break;
            }
            if let Some((_, scope, nonce)) = self.order.pop_front() {
                self.used.remove(&(scope, nonce));
            }
        }
        if !self.used.insert((scope.to_owned(), nonce.to_owned())) {
            return Err(Refusal::of(Problem::NonceUsed));
        }
        self.order.push_back((server_time, scope.to_owned(), nonce.to_owned()));
        Ok(())
    }
}

/// Reads a timestamp as requests carry them: `YYYY-MM-DDThh:mm:ssZ` and nothing else
/// (`api-contract.md` 3.1), and compares it with the cloud's clock.
///
/// # Errors
/// `InvalidTimeStamp.Format` or `InvalidTimeStamp.Expired`.
pub fn check_timestamp(
    text: &str,
    server_time: Timestamp,
    switches: &Switches,
) -> Result<(), Refusal> {
    let shape = text.bytes().zip(b"0000-00-00T00:00:00Z".iter());
    let shaped = text.len() == 20
        && shape.into_iter().all(|(byte, model)| match model {
            b'0' => byte.is_ascii_digit(),
            other => byte == *other,
        });
    let format = || Refusal::of(Problem::TimestampFormat);
    let stamp: Timestamp =
        if shaped { text.parse().map_err(|_| format())? } else { return Err(format()) };
    let window = SignedDuration::try_from(switches.timestamp_window).unwrap_or_default();
    if stamp.duration_since(server_time).abs() > window {
        return Err(Refusal::of(Problem::TimestampExpired));
    }
    Ok(())
}
