//! What people say, and what stops or frees calls.

use super::Passed;
use crate::model::{AccountName, Digest, Lane, Scope};
use jiff::Timestamp;
use std::fmt;

/// A person's leave to carry out a plan that the gate holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Digest of the plan: it binds account, region, VPC, mode, revision and actions.
    pub plan: Digest,
    /// The plan as the journal knew it; without it, the digest has to match to the letter.
    pub of: Option<Passed>,
    /// The operating system's user.
    pub by: String,
    /// Why, in that person's words.
    pub reason: Option<String>,
    /// From then on it is void.
    pub until: Timestamp,
}

/// What a pause or a resume is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Everything.
    All,
    /// One account.
    Account(AccountName),
    /// One region of an account.
    Lane(Lane),
    /// One VPC.
    Scope(Scope),
}

impl Target {
    /// Whether it is about `scope` too.
    pub fn covers(&self, scope: &Scope) -> bool {
        match self {
            Self::All => true,
            Self::Account(account) => *account == scope.account,
            Self::Lane(lane) => *lane == scope.lane(),
            Self::Scope(of) => of == scope,
        }
    }

    /// Whether everything that `other` is about, it is about too.
    pub fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Account(account), Self::Account(of)) => account == of,
            (Self::Account(account), Self::Lane(lane)) => *account == lane.account,
            (Self::Lane(lane), Self::Lane(of)) => lane == of,
            (_, Self::Scope(scope)) => self.covers(scope),
            _ => false,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.pad("everything"),
            Self::Account(account) => f.pad(account.as_str()),
            Self::Lane(lane) => f.pad(&lane.to_string()),
            Self::Scope(scope) => f.pad(&scope.to_string()),
        }
    }
}

/// Who or what stopped the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A person.
    Operator,
    /// The budget was spent.
    Budget,
    /// Too many calls missed their instance.
    WrongPlace,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 3] = [Self::Operator, Self::Budget, Self::WrongPlace];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Budget => "budget",
            Self::WrongPlace => "wrongPlace",
        }
    }

    /// The cause of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == word)
    }
}

/// Calls stop until somebody resumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Which calls.
    pub target: Target,
    /// What stopped them.
    pub cause: Cause,
    /// The operating system's user, or the daemon.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
}

/// Calls go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// Which calls.
    pub target: Target,
    /// The operating system's user.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
}

impl Resume {
    /// Whether it ends a pause: everything ends everything; a part ends what was paused as that very
    /// part, and what paused itself inside it. What a person paused more narrowly had a reason of its
    /// own.
    pub fn ends(&self, target: &Target, pause: &Pause) -> bool {
        let latched = pause.cause != Cause::Operator;
        self.target == Target::All
            || self.target == *target
            || (latched && self.target.contains(target))
    }

    /// Whether it ends what undos keep in a scope: only where that very scope is named. Who lets calls
    /// go on after an incident does not mean to lose again what was given back in it.
    pub fn ends_hold_of(&self, scope: &Scope) -> bool {
        self.target == Target::Scope(scope.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Region, VpcId};
    use crate::plan::tests::scope;

    /// A target of every width about `scope`, the widest first.
    fn around(scope: &Scope) -> [Target; 4] {
        let account = Target::Account(scope.account.clone());
        [Target::All, account, Target::Lane(scope.lane()), Target::Scope(scope.clone())]
    }

    #[test]
    fn a_target_covers_and_contains_what_lies_inside_it_and_nothing_beside_it() {
        let account = Scope { account: AccountName::parse("other").unwrap(), ..scope() };
        let region = Scope { region: Region::parse("cn-beijing").unwrap(), ..scope() };
        let vpc = Scope { vpc: VpcId::parse("vpc-b").unwrap(), ..scope() };
        // How many of the targets around `scope()` the neighbour has in common with it.
        for (neighbour, common) in [(account, 1), (region, 2), (vpc, 3), (scope(), 4)] {
            for (n, target) in around(&scope()).iter().enumerate() {
                assert_eq!(target.covers(&neighbour), n < common, "{target} {neighbour}");
                for (m, inner) in around(&neighbour).iter().enumerate() {
                    let inside = m >= n && n < common;
                    assert_eq!(target.contains(inner), inside, "{target} {inner}");
                }
            }
        }
    }

    #[test]
    fn a_cause_is_read_as_it_is_written() {
        for cause in Cause::ALL {
            assert_eq!(Cause::parse(cause.as_str()), Some(cause));
        }
        assert_eq!(Cause::parse("Operator"), None);
    }
}
