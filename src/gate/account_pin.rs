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

pub(super) fn check(situation: &Situation<'_>) -> Option<Refusal> {
    let refusal = |message, way_out: &str| {
        Some(Refusal { rule: Rule::AccountPin, message, way_out: way_out.to_owned() })
    };
    match situation.pin {
        Pin::Absent | Pin::Kept => None,
        Pin::Broken { pinned, found } => refusal(
            format!("the credential is of account {found}, and the configuration names {pinned}"),
            "give the credential of the account that is meant, or correct `accountId` in the \
             configuration",
        ),
        Pin::Unknown { pinned, why } => refusal(
            format!("whether the credential is of account {pinned} could not be asked: {why}"),
            "the next pass asks again; if the network keeps STS away, take `accountId` out of the \
             configuration",
        ),
    }
}
