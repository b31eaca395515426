//! The names of the rules, and what a refusal says.

use std::fmt;

/// The rules, by the names they have in a plan's JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The manifests only let us observe.
    ObserveMode,
    /// More detaches than one plan may hold.
    PerPlan,
    /// The VPC would be left without any link.
    Emptying,
    /// The manifests lost a large part of a scope's links.
    Shrink,
    /// The account and region sent too many detaches within an hour or a day.
    Budget,
    /// The observation is too old.
    Freshness,
    /// The observation is not complete.
    Coverage,
    /// The newest accepted revision says otherwise.
    NewestRevision,
    /// A listed id looks like one that goes, cut short.
    CutShort,
    /// The same link was detached again and again.
    Flapping,
    /// It looks like another region or account than was meant.
    WrongPlace,
    /// The credential is not of the account that the configuration names.
    AccountPin,
    /// It is outside of what the configuration gives the account.
    Ceiling,
    /// The link is protected.
    Protected,
    /// An undo gave the link back.
    Undone,
    /// It is not the time for changes.
    Windows,
    /// Somebody, or a spent budget, stopped the calls.
    Pause,
    /// The journal cannot be written.
    Journal,
}

impl Rule {
    /// Every rule, in the order they are reported.
    pub const ALL: [Self; 18] = [
        Self::ObserveMode,
        Self::PerPlan,
        Self::Emptying,
        Self::Shrink,
        Self::Budget,
        Self::Freshness,
        Self::Coverage,
        Self::NewestRevision,
        Self::CutShort,
        Self::Flapping,
        Self::WrongPlace,
        Self::AccountPin,
        Self::Ceiling,
        Self::Protected,
        Self::Undone,
        Self::Windows,
        Self::Pause,
        Self::Journal,
    ];

    /// The name in JSON, metrics and the reference.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ObserveMode => "observeMode",
            Self::PerPlan => "perPlan",
            Self::Emptying => "emptying",
            Self::Shrink => "shrink",
            Self::Budget => "budget",
            Self::Freshness => "freshness",
            Self::Coverage => "coverage",
            Self::NewestRevision => "newestRevision",
            Self::CutShort => "cutShort",
            Self::Flapping => "flapping",
            Self::WrongPlace => "wrongPlace",
            Self::AccountPin => "accountPin",
            Self::Ceiling => "ceiling",
            Self::Protected => "protected",
            Self::Undone => "undone",
            Self::Windows => "windows",
            Self::Pause => "pause",
            Self::Journal => "journal",
        }
    }

    /// What it keeps from happening, for the reference.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::ObserveMode => "a manifest in mode `observe` reports drift and touches nothing",
            Self::PerPlan => {
                "one plan removes only a small part of the links that a VPC had within a day"
            }
            Self::Emptying => {
                "no plan leaves a VPC without any link unless every manifest of it says `allowEmpty: true`"
            }
            Self::Shrink => {
                "a revision that takes a large part of a VPC's links out of the manifests is looked at by a person first"
            }
            Self::Budget => {
                "many small plans do not add up to a large one: detaches sent are counted over an hour and a day, across restarts; when that stops a plan, calls pause until somebody resumes"
            }
            Self::Freshness => "no plan is carried out on an old observation",
            Self::Coverage => "no plan is made of an observation that is not proven complete",
            Self::NewestRevision => {
                "a link that the newest accepted revision keeps is not cut, whatever the plan says"
            }
            Self::CutShort => {
                "a link is not cut because a half-written file ends in the middle of its id"
            }
            Self::Flapping => {
                "a link that somebody attaches again and again is a dispute, not drift; the other links of its VPC go on"
            }
            Self::WrongPlace => {
                "nothing is done, and nothing is called in sync, where the cloud's answers look like another region or account; calls that miss their instances pause the VPC"
            }
            Self::AccountPin => {
                "nothing is done with a credential of another account than `accounts.<name>.accountId`"
            }
            Self::Ceiling => {
                "nothing is done outside of `accounts.<name>.regions` and `accounts.<name>.vpcs`, whatever asks for it"
            }
            Self::Protected => {
                "a link with `protected: true` goes only after one revision has listed it without that, and a later one has removed it; the other links of its VPC go on"
            }
            Self::Undone => {
                "a link that `undo` gave back is not taken again by the revision that took it; the other links of its VPC go on"
            }
            Self::Windows => {
                "changes are made at the times that configuration and manifests allow, and at no others"
            }
            Self::Pause => {
                "calls stop within a second when somebody says so, and stay stopped across restarts"
            }
            Self::Journal => "nothing is sent that cannot be recorded first",
        }
    }

    /// The rule of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == name)
    }

    /// Whether it withholds single links, which its refusals begin with, and lets the others go.
    pub fn withholds_links(self) -> bool {
        matches!(self, Self::Flapping | Self::Protected | Self::Undone)
    }

    /// Whether a person's approval of the very plan releases it. What is not a question of judgement
    /// - evidence, budgets, pauses - is not released by one.
    pub fn can_be_approved(self) -> bool {
        matches!(
            self,
            Self::PerPlan | Self::Emptying | Self::Shrink | Self::CutShort | Self::Flapping
        )
    }

    /// What lets a plan go that it holds.
    pub fn release(self) -> Release {
        match self {
            Self::Budget | Self::Freshness | Self::Windows => Release::Time,
            Self::PerPlan | Self::Emptying | Self::Shrink | Self::CutShort | Self::Flapping => {
                Release::Person
            }
            Self::Pause | Self::Journal => Release::Person,
            // About a link: the others of the plan go on.
            Self::Protected | Self::Undone => Release::Person,
            Self::ObserveMode
            | Self::Coverage
            | Self::NewestRevision
            | Self::WrongPlace
            | Self::AccountPin
            | Self::Ceiling => Release::Nothing,
        }
    }
}

/// What lets a plan go that a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Time alone.
    Time,
    /// Somebody who approves, resumes or mends something, and leaves the plan as it is.
    Person,
    /// Nothing: it takes another plan.
    Nothing,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a plan is held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// Which rule.
    pub rule: Rule,
    /// The number, the limit and where it is said, as a sentence without a full stop.
    pub message: String,
    /// The edit or command that releases it.
    pub way_out: String,
}

impl Refusal {
    /// What it says apart from what differs at every pass: the request ids.
    pub fn gist(&self) -> String {
        let parts = self.message.split("(request ");
        let kept = parts.enumerate().map(|(n, part)| match part.split_once(')') {
            Some((_, rest)) if n > 0 => rest,
            _ => part,
        });
        format!("{} {}", self.rule, kept.collect::<String>())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.way_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_person_can_judge_is_released_by_an_approval() {
        let approvable: Vec<_> =
            Rule::ALL.into_iter().filter(|rule| rule.can_be_approved()).collect();
        assert_eq!(
            approvable,
            [Rule::PerPlan, Rule::Emptying, Rule::Shrink, Rule::CutShort, Rule::Flapping]
        );
    }

    #[test]
    fn the_gist_of_a_refusal_has_no_request_id() {
        let refusal = |message: &str| Refusal {
            rule: Rule::Coverage,
            message: message.to_owned(),
            way_out: String::new(),
        };
        let one = refusal("no: InvalidVpc (request A-1); again (request B)").gist();
        assert_eq!(one, refusal("no: InvalidVpc (request C); again (request D)").gist());
        assert_ne!(one, refusal("no: Other (request C); again (request D)").gist());
        assert_eq!(one, "coverage no: InvalidVpc ; again ");
    }
}
