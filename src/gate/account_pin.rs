//! The credential has to be of the account that the configuration names.

use super::{Refusal, Rule, Situation};
use crate::model::AccountId;

/// How the caller's identity compares with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin {
    /// The configuration names no account.
    Absent,
    /// The credential is of the account that it names.
    Kept,
    /// It is of another.
    Broken {
        /// In the configuration.
        pinned: AccountId,
        /// Whose credential it is.
        found: AccountId,
    },
    /// The cloud did not say.
    Unknown {
        /// In the configuration.
        pinned: AccountId,
        /// Why.
        why: String,
    },
}

impl Pin {
    /// Why nothing may be done in the account, if nothing may.
    pub fn trouble(&self) -> Option<String> {
        match self {
            Self::Absent | Self::Kept => None,
            Self::Broken { pinned, found } => Some(format!(
                "the credential is of account {found}, and the configuration names {pinned}"
            )),
            Self::Unknown { pinned, why } => Some(format!(
                "whether the credential is of account {pinned} could not be asked: {why}"
            )),
        }
    }

    fn way_out(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => {
                "the next pass asks again; if the network keeps STS away, take `accountId` out of the \
                 configuration"
            }
            _ => {
                "give the credential of the account that is meant, or correct `accountId` in the \
                 configuration"
            }
        }
    }
}

pub(super) fn check(situation: &Situation<'_>) -> Option<Refusal> {
    let message = situation.pin.trouble()?;
    let way_out = situation.pin.way_out().to_owned();
    Some(Refusal { rule: Rule::AccountPin, message, way_out })
}
