//! The safety decision: every rule looks at the whole plan, every refusal is reported at once.
//!
//! One rule a file. [`Approved`] is made only here; [`permit()`] is asked again right before each
//! call, because what was true when the plan was made may have changed since.

use crate::clock::Moment;
use crate::desired::Desired;
use crate::model::{Amount, Scope};
use crate::observed::Partial;
use crate::plan::Plan;
use std::fmt;
use std::time::Duration;

mod coverage;
mod cut_short;
mod emptying;
mod freshness;
mod observe_mode;
mod per_plan;
mod permit;

pub use permit::{Denial, Facts, Permit, permit};

/// What the configuration bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// Most detaches of one plan, where no manifest says otherwise.
    pub max_detach: Amount,
    /// What a small scope may always lose.
    pub min_detach: u64,
    /// Oldest observation a plan may be approved on.
    pub observation_max_age: Duration,
    /// Oldest by-id confirmation a call may be made on.
    pub confirmation_max_age: Duration,
}

impl Default for Bounds {
    /// The defaults of the configuration file.
    fn default() -> Self {
        Self {
            max_detach: Amount::Percent(10),
            min_detach: 3,
            observation_max_age: Duration::from_secs(120),
            confirmation_max_age: Duration::from_secs(10),
        }
    }
}

/// The rules, by the names they have in a plan's JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The manifests only let us observe.
    ObserveMode,
    /// More detaches than one plan may hold.
    PerPlan,
    /// The VPC would be left without any link.
    Emptying,
    /// The observation is too old.
    Freshness,
    /// The observation is not complete.
    Coverage,
    /// The newest accepted revision says otherwise.
    NewestRevision,
    /// A listed id looks like one that goes, cut short.
    CutShort,
}

impl Rule {
    /// Every rule, in the order they are reported.
    pub const ALL: [Self; 7] = [
        Self::ObserveMode,
        Self::PerPlan,
        Self::Emptying,
        Self::Freshness,
        Self::Coverage,
        Self::NewestRevision,
        Self::CutShort,
    ];

    /// The name in JSON, metrics and the reference.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ObserveMode => "observeMode",
            Self::PerPlan => "perPlan",
            Self::Emptying => "emptying",
            Self::Freshness => "freshness",
            Self::Coverage => "coverage",
            Self::NewestRevision => "newestRevision",
            Self::CutShort => "cutShort",
        }
    }

    /// What it keeps from happening, for the reference.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::ObserveMode => "a manifest in mode `observe` reports drift and touches nothing",
            Self::PerPlan => "one plan removes only a small part of a VPC's links",
            Self::Emptying => {
                "no plan leaves a VPC without any link unless every manifest of it says `allowEmpty: true`"
            }
            Self::Freshness => "no plan is carried out on an old observation",
            Self::Coverage => "no plan is made of an observation that is not proven complete",
            Self::NewestRevision => {
                "a link that the newest accepted revision keeps is not cut, whatever the plan says"
            }
            Self::CutShort => {
                "a link is not cut because a half-written file ends in the middle of its id"
            }
        }
    }
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

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.way_out)
    }
}

/// A plan that passed every rule. The private field is the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    plan: Plan,
}

impl Approved {
    /// What was approved.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}

/// A plan that did not pass, with every reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What was proposed.
    pub plan: Plan,
    /// At least one.
    pub refusals: Vec<Refusal>,
}

/// Asks every rule.
///
/// # Errors
/// [`Held`], with every refusal at once.
pub fn review(plan: Plan, bounds: &Bounds, now: Moment) -> Result<Approved, Box<Held>> {
    let mut refusals = Vec::new();
    refusals.extend(observe_mode::check(&plan));
    refusals.extend(per_plan::check(&plan, bounds));
    refusals.extend(emptying::check(&plan));
    refusals.extend(freshness::check(&plan, bounds, now));
    refusals.extend(cut_short::check(&plan));
    if refusals.is_empty() { Ok(Approved { plan }) } else { Err(Box::new(Held { plan, refusals })) }
}

/// The refusal for a scope that could not be observed completely: there is no plan to review.
pub fn refuse_partial(partial: &Partial) -> Refusal {
    coverage::refusal(partial)
}

/// Where the manifests of a scope are, for a refusal's way out.
fn files(desired: &Desired) -> String {
    let mut files: Vec<&str> = desired.origins.iter().map(|origin| &*origin.place.file).collect();
    files.sort_unstable();
    files.dedup();
    match files.as_slice() {
        [] => "its manifest".to_owned(),
        [only] => (*only).to_owned(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}

/// "1 link", "2 links".
fn links(count: usize) -> String {
    if count == 1 { "1 link".to_owned() } else { format!("{count} links") }
}

/// The scope in a refusal: people look for the VPC.
fn named(scope: &Scope) -> String {
    format!("{} in {}", scope.vpc, scope.region)
}

#[cfg(test)]
mod tests;
