//! What a file or the configuration says of a key: the key itself, or whom to ask for one.

use super::Key;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::path::PathBuf;

/// How to come by a key. Nothing is asked by making one.
#[derive(Clone)]
pub enum Recipe {
    /// The key itself.
    Key(Key),
    /// A role, assumed with another key.
    AssumeRole {
        /// Where that key comes from.
        base: Box<Recipe>,
        /// Which role.
        role: Role,
    },
    /// A role, assumed with a token of an OIDC provider (RRSA).
    Oidc(Oidc),
    /// The RAM role of the ECS instance that we run on.
    EcsRamRole {
        /// Its name; `None` for the one that the metadata service names.
        name: Option<String>,
        /// Whether to ask without a session token where the service gives none.
        without_token: bool,
    },
    /// A URL that answers with a key. May hold a secret.
    Uri(SecretString),
    /// A program that prints a key. May hold a secret.
    External(SecretString),
}

/// A role, and how it is assumed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Role {
    /// `acs:ram::<account>:role/<name>`.
    pub arn: String,
    /// The name under which its calls appear in the audit trail; `None` for ours.
    pub session: Option<String>,
    /// Seconds that the key is to live; `None` for 3600.
    pub duration: Option<u32>,
    /// A policy that narrows what the role may do.
    pub policy: Option<String>,
    /// What the role's trust policy asks for.
    pub external_id: Option<String>,
    /// Where STS is asked; `None` for the central one, or what the environment says.
    pub place: Place,
}

/// Which STS is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// Of a region, or the central one.
    pub region: Option<String>,
    /// Inside the region's VPCs.
    pub vpc: bool,
}

/// What it takes to assume a role with a token of an OIDC provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oidc {
    /// Which role.
    pub role: Role,
    /// `acs:ram::<account>:oidc-provider/<name>`.
    pub provider: String,
    /// The file with the token, which is read each time anew.
    pub token_file: PathBuf,
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::AssumeRole { role, .. } => write!(f, "AssumeRole({})", role.arn),
            Self::Oidc(oidc) => write!(f, "Oidc({})", oidc.role.arn),
            Self::EcsRamRole { name, .. } => write!(f, "EcsRamRole({name:?})"),
            Self::Uri(_) => f.write_str("Uri"),
            Self::External(_) => f.write_str("External"),
        }
    }
}

/// A member that has to be there: its name, and what it holds.
pub(super) fn required(name: &str, value: Option<String>) -> Result<String, String> {
    let value = value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    value.ok_or_else(|| format!("`{name}` is missing"))
}

/// The key of three members.
pub(super) fn key(
    id: Option<&SecretString>,
    secret: Option<&SecretString>,
    token: Option<&SecretString>,
) -> Result<Key, String> {
    fn text(value: Option<&SecretString>) -> &str {
        value.map(ExposeSecret::expose_secret).unwrap_or_default()
    }
    let token = token.map(ExposeSecret::expose_secret);
    Key::new(text(id), text(secret), token).map_err(|error| error.to_string())
}
