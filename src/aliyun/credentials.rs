//! Access keys, as the official libraries find them (`api-contract.md` 9), and renewed while we run.
//!
//! A [`Provide`](provide::Provide) is one way to come by a key, [`chain`] asks them in order, and
//! [`Credentials`] holds the key that is in use and sees that there is a fresh one in time.

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt;
use std::path::PathBuf;

mod ask;
pub mod chain;
mod cli;
pub mod environment;
pub mod external;
pub mod file;
mod held;
mod ini;
pub(super) mod issued;
pub mod make;
pub mod metadata;
pub mod provide;
pub mod recipe;
pub mod refresh;
pub mod services;
pub mod sts;
pub mod uri;

pub use held::{Credentials, InUse, Need, Provenance};

/// Variable with the id of the key.
pub const KEY_ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
/// Variable with the secret of the key.
pub const KEY_SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
/// Variable with the token of a temporary key.
pub const SECURITY_TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";
/// Variable with the path of a credentials file.
pub const CREDENTIALS_FILE: &str = "ALIBABA_CLOUD_CREDENTIALS_FILE";
/// Variable with the section of a credentials file in ini form.
pub const PROFILE: &str = "ALIBABA_CLOUD_PROFILE";

/// Why there is no key. Says what to set, and never shows a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Nobody set this way up: what is not there.
    #[error("{0}")]
    Absent(String),
    /// No provider of the chain has a key.
    #[error("find credentials: nothing has a key ({tried}); {advice}")]
    Nothing {
        /// Each provider, and why it has none: first those that were set up and failed.
        tried: String,
        /// What to do.
        advice: String,
        /// Whether one of them may have a key later.
        temporary: bool,
    },
    /// One half of a key is missing.
    #[error(
        "use the credentials of the environment: {present} is set but {missing} is not; set both"
    )]
    Half {
        /// The variable that is set.
        present: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// A value cannot be a key, an id or a token.
    #[error("use {place}: it holds {what}; write the value as Alibaba Cloud issued it")]
    Value {
        /// The variable or the member of the file.
        place: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The file cannot be used.
    #[error("use the credentials file {}: {why}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong and what to write.
        why: String,
    },
    /// Others can read or write the file.
    #[error("use the credentials file {}: {why}", path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Who can, and the command that mends it.
        why: String,
    },
    /// The key that came has ended.
    #[error("use the key of {who}: it ended at {end}; see that whoever renews it still runs")]
    Ended {
        /// Whose key it is: a provider's name.
        who: &'static str,
        /// When it ended.
        end: Timestamp,
    },
    /// The key in use ends too soon, and no other came.
    #[error("use the key of {who}: it ends at {end}, and no new one came: {why}")]
    Late {
        /// Whose key it is: a provider's name.
        who: &'static str,
        /// When it ends.
        end: Timestamp,
        /// What became of the last try.
        why: String,
        /// Whether trying again can help.
        temporary: bool,
    },
    /// Whoever hands out keys gave none, or none that can be used.
    #[error("get a key from {who}: {why}")]
    Service {
        /// Who was asked.
        who: String,
        /// What came instead, and what to do.
        why: String,
        /// Whether it may pass by itself: worth asking again.
        temporary: bool,
    },
}

impl CredentialError {
    /// What was found, and what to do about it where that is said.
    pub fn parts(&self) -> (String, Option<String>) {
        let text = self.to_string();
        let split = match self {
            // What was tried has advice of its own in it.
            Self::Nothing { advice, .. } => {
                text.strip_suffix(advice.as_str()).map(|found| (found, advice.as_str()))
            }
            _ => text.split_once("; "),
        };
        match split {
            Some((found, advice)) => {
                (found.trim_end_matches("; ").to_owned(), Some(advice.to_owned()))
            }
            None => (text, None),
        }
    }

    /// Whether asking again, with nothing changed by a person, can help.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Nothing { temporary, .. }
            | Self::Late { temporary, .. }
            | Self::Service { temporary, .. } => *temporary,
            _ => false,
        }
    }
}

/// One access key.
#[derive(Clone)]
pub struct Key {
    /// The id; it goes over the wire and still is not for logs.
    pub id: SecretString,
    /// What signs.
    pub secret: SecretString,
    /// The token of a temporary key.
    pub token: Option<SecretString>,
    /// When a temporary key ends, where whoever issued it said so.
    pub expires: Option<Timestamp>,
}

impl Key {
    /// Checks the three values; white space around them is dropped, for files and variables end in
    /// line breaks.
    ///
    /// # Errors
    /// [`CredentialError::Value`] if one is empty or could not stand in a header.
    pub fn new(id: &str, secret: &str, token: Option<&str>) -> Result<Self, CredentialError> {
        let token = token.map(str::trim).filter(|token| !token.is_empty());
        Ok(Self {
            id: value("the access key id", id)?,
            secret: value("the access key secret", secret)?,
            token: token.map(|token| value("the security token", token)).transpose()?,
            expires: None,
        })
    }

    /// The same key, known to end then.
    #[must_use]
    pub fn ending(self, expires: Option<Timestamp>) -> Self {
        Self { expires, ..self }
    }

    /// Whether all three values are the same.
    pub fn same_as(&self, other: &Self) -> bool {
        self.id.expose_secret() == other.id.expose_secret()
            && self.secret.expose_secret() == other.secret.expose_secret()
            && self.token.as_ref().map(|it| it.expose_secret())
                == other.token.as_ref().map(|it| it.expose_secret())
    }
}

fn value(place: &str, text: &str) -> Result<SecretString, CredentialError> {
    let fail = |what| Err(CredentialError::Value { place: place.to_owned(), what });
    let text = text.trim();
    if text.is_empty() {
        return fail("nothing");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return fail("a space, a line break or another character that no key has");
    }
    Ok(text.into())
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = if self.token.is_some() { "temporary" } else { "permanent" };
        write!(f, "Key({token})")
    }
}

#[cfg(test)]
mod tests;
