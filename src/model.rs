//! The nouns: parsed identifiers, links, scopes, revisions.
//!
//! An identifier is parsed once, at the edge, and from then on cannot be empty or malformed: the
//! API treats an empty id as a filter that is not there (`api-contract.md` 2.4,
//! `InvalidParameter.InvalidInstanceIdAndVpcId` fires only when *both* are empty), so an empty id
//! that reached a request could widen it.

use std::fmt;
use std::str::FromStr;

mod beside;
pub mod digest;
mod id;
mod per_account;
pub mod revision;
mod run;

pub use beside::side_by_side;
pub use digest::Digest;
pub use id::{
    AccountId, AccountName, IdError, InstanceId, Region, VpcId, is_unprintable, printable,
};
pub use per_account::PerAccount;
pub use revision::{Commit, Lineage, Revision, TakenOut};
pub use run::RunId;

/// One classic instance attached to one VPC.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// The classic instance.
    pub instance: InstanceId,
    /// The VPC it is attached to.
    pub vpc: VpcId,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.instance, self.vpc)
    }
}

/// Unit of declaration, observation and planning: one VPC of one region of one account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// Which credentials and which configuration.
    pub account: AccountName,
    /// Where the VPC is.
    pub region: Region,
    /// The VPC.
    pub vpc: VpcId,
}

impl Scope {
    /// The link of `instance` to this scope's VPC.
    pub fn link(&self, instance: InstanceId) -> Link {
        Link { instance, vpc: self.vpc.clone() }
    }

    /// The account and region, by which quotas and budgets are counted (`api-contract.md` 6.1).
    pub fn lane(&self) -> Lane {
        Lane { account: self.account.clone(), region: self.region.clone() }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.account, self.region, self.vpc)
    }
}

/// An account and a region: what ECS throttles by, and what budgets are counted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// Which credentials.
    pub account: AccountName,
    /// Which region.
    pub region: Region,
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.region)
    }
}

/// What a manifest allows to be done. There is no default: the operator says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Report drift, touch nothing.
    Observe,
    /// Remove links that are not listed; report the missing ones.
    Detach,
    /// Also attach what is missing.
    Sync,
}

impl Mode {
    /// The mode of that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Observe, Self::Detach, Self::Sync].into_iter().find(|mode| mode.as_str() == word)
    }

    /// The word in the manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Detach => "detach",
            Self::Sync => "sync",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The two verbs, as in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// `DetachClassicLinkVpc`
    Detach,
    /// `AttachClassicLinkVpc`
    Attach,
}

impl Verb {
    /// What takes back what this one does.
    pub fn opposite(self) -> Self {
        match self {
            Self::Detach => Self::Attach,
            Self::Attach => Self::Detach,
        }
    }

    /// The verb of that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Detach, Self::Attach].into_iter().find(|verb| verb.as_str() == word)
    }

    /// The word in a plan.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Detach => "detach",
            Self::Attach => "attach",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A count, or a share of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Amount {
    /// That many.
    Count(u64),
    /// That many of a hundred, 0 to 100.
    Percent(u8),
}

/// Why a text is not an [`Amount`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is neither a count nor a share; write a number such as 10 or a share such as \"20%\""
)]
pub struct AmountError(String);

impl Amount {
    /// How many that is of `whole`, shares rounded down so that a limit never grows by rounding.
    pub fn of(self, whole: u64) -> u64 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => whole.saturating_mul(u64::from(percent)) / 100,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl FromStr for Amount {
    type Err = AmountError;
    fn from_str(text: &str) -> Result<Self, AmountError> {
        let fail = || AmountError(printable(text));
        let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        match text.strip_suffix('%') {
            Some(digits) if plain(digits) => match digits.parse() {
                Ok(percent) if percent <= 100 => Ok(Self::Percent(percent)),
                _ => Err(fail()),
            },
            None if plain(text) => text.parse().map(Self::Count).map_err(|_| fail()),
            _ => Err(fail()),
        }
    }
}

#[cfg(test)]
mod tests;
