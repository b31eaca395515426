//! Access keys: from the environment or from a file that may be renewed while we run
//! (`api-contract.md` 9).
//!
//! Of the official chain the parts that need no call of their own: the environment's key, then the
//! file that `ALIBABA_CLOUD_CREDENTIALS_FILE` names.

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt;
use std::path::{Path, PathBuf};

mod ask;
pub mod external;
mod file;
pub(super) mod issued;
pub mod metadata;
pub mod provide;
pub mod sts;
pub mod uri;

use file::File;

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
    /// Neither a key nor a file is named.
    #[error(
        "find credentials: the environment names none; set {KEY_ID} and {KEY_SECRET} \
         (and {SECURITY_TOKEN} for a temporary key), or {CREDENTIALS_FILE}"
    )]
    NotSet,
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
        let token = |key: &Self| key.token.as_ref().map(|token| token.expose_secret().to_owned());
        self.id.expose_secret() == other.id.expose_secret()
            && self.secret.expose_secret() == other.secret.expose_secret()
            && token(self) == token(other)
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

/// What can be said of a key without showing any of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The file that it is read from; `None` for the environment.
    pub file: Option<PathBuf>,
    /// The permission bits of that file, where they can be told.
    pub mode: Option<u32>,
    /// Whether it comes with a token, and so ends some time.
    pub temporary: bool,
    /// When it ends, where that is said.
    pub ends: Option<Timestamp>,
}

impl Provenance {
    /// The permission bits of the file, where others than its owner can read it who should not.
    pub fn open_mode(&self) -> Option<u32> {
        self.mode.filter(|mode| file::is_open(*mode))
    }
}

/// Where keys come from.
#[derive(Debug)]
pub enum Credentials {
    /// A key that stays the same as long as the process lives.
    Environment(Key),
    /// A file that is read again when it has changed.
    File(Box<FileCredentials>),
}

/// Keys of a file. Built by [`Credentials::from_file`].
#[derive(Debug)]
pub struct FileCredentials(File);

impl Credentials {
    /// Finds credentials as the environment says; `lookup` gives a variable's value.
    ///
    /// # Errors
    /// [`CredentialError`] says what to set.
    pub fn from_environment(
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, CredentialError> {
        let set = |name| lookup(name).filter(|value| !value.trim().is_empty());
        match (set(KEY_ID), set(KEY_SECRET)) {
            (Some(id), Some(secret)) => {
                Key::new(&id, &secret, set(SECURITY_TOKEN).as_deref()).map(Self::Environment)
            }
            (Some(_), None) => Err(CredentialError::Half { present: KEY_ID, missing: KEY_SECRET }),
            (None, Some(_)) => Err(CredentialError::Half { present: KEY_SECRET, missing: KEY_ID }),
            (None, None) => match set(CREDENTIALS_FILE) {
                Some(path) => Self::from_file(Path::new(&path), set(PROFILE).as_deref()),
                None => Err(CredentialError::NotSet),
            },
        }
    }

    /// Reads a file: a JSON object with `AccessKeyId`, `AccessKeySecret` and perhaps
    /// `SecurityToken` and `Expiration`, or an ini file with a section of type `access_key` (`profile`, else
    /// `default`). Warns if others than its owner can read it.
    ///
    /// # Errors
    /// [`CredentialError`] says what is wrong with the file.
    pub fn from_file(path: &Path, profile: Option<&str>) -> Result<Self, CredentialError> {
        let file = File::open(path, profile.unwrap_or("default"))?;
        Ok(Self::File(Box::new(FileCredentials(file))))
    }

    /// What can be said of the key in use without showing it.
    pub fn provenance(&self) -> Provenance {
        match self {
            Self::Environment(key) => {
                Provenance { file: None, mode: None, temporary: key.token.is_some(), ends: None }
            }
            Self::File(file) => file.0.provenance(),
        }
    }

    /// The key to sign with now. A file is read again; while it cannot be read, the last good key
    /// stays in use, because a file that is being rewritten is no reason to stop.
    ///
    /// # Errors
    /// [`CredentialError`] if there never was a key.
    pub fn current(&self) -> Result<Key, CredentialError> {
        match self {
            Self::Environment(key) => Ok(key.clone()),
            Self::File(file) => file.0.current(),
        }
    }
}

#[cfg(test)]
mod tests;
