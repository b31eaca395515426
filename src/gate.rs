//! The safety decision: every rule looks at the whole plan, every refusal is reported at once.
//!
//! One rule a file. A rule about the plan holds all of it; a rule about a link withholds that link's
//! action and lets the others go. [`Approved`] is made only here; [`permit()`] is asked again right
//! before each call, because what was true when the plan was made may have changed since.

use crate::desired::Desired;
use crate::model::{InstanceId, Scope};
use crate::observed::Partial;
use crate::plan::{Action, Plan};
use std::collections::{BTreeMap, BTreeSet};

mod account_pin;
mod bounds;
mod budget;
mod ceiling;
mod coverage;
mod cut_short;
mod emptying;
mod flapping;
mod freshness;
mod journal;
mod newest_revision;
mod observe_mode;
mod pause;
mod per_plan;
mod permit;
mod protected;
mod restore;
mod review;
mod rule;
mod shrink;
mod undone;
mod windows;
mod wrong_place;

pub use account_pin::Pin;
pub use bounds::{Bounds, Situation};
pub use pause::resume;
pub use permit::{Denial, Facts, Permit, permit};
pub use restore::restore;
pub use review::review;
pub use rule::{Refusal, Release, Rule};

/// What an approved plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To make observed equal desired.
    Reconcile,
    /// To give back what an earlier run took.
    Undo,
}

/// A plan that passed every rule. The private fields are the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    plan: Plan,
    purpose: Purpose,
    withheld: BTreeMap<InstanceId, Refusal>,
    approver: Option<String>,
}

impl Approved {
    /// What was proposed.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What may be carried out: everything proposed but what is withheld.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        let withheld = |action: &&Action| self.withheld.contains_key(&action.link.instance);
        self.plan.actions().iter().filter(move |action| !withheld(action))
    }

    /// The actions that a rule about their link holds back, and why.
    pub fn withheld(&self) -> &BTreeMap<InstanceId, Refusal> {
        &self.withheld
    }

    /// Who released the plan, where a rule held it.
    pub fn approver(&self) -> Option<&str> {
        self.approver.as_deref()
    }
}

/// A plan that did not pass, with every reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What was proposed.
    pub plan: Plan,
    /// At least one.
    pub refusals: Vec<Refusal>,
    /// Instances whose actions stay withheld, whoever approves the plan.
    pub barred: BTreeSet<InstanceId>,
    /// The pause that it calls for: what spent a budget should be looked at by a person.
    pub latch: Option<crate::ledger::event::Pause>,
}

impl Held {
    /// What goes once the plan is released.
    pub fn going(&self) -> impl Iterator<Item = &Action> {
        let actions = self.plan.actions().iter();
        actions.filter(|action| !self.barred.contains(&action.link.instance))
    }

    /// What it takes to release it: the most that any rule asks for. A pause that the plan sets off
    /// is for a person to end.
    pub fn release(&self) -> Release {
        let of = |wanted| self.refusals.iter().any(|refusal| refusal.rule.release() == wanted);
        if of(Release::Nothing) {
            Release::Nothing
        } else if of(Release::Person) || self.latch.is_some() {
            Release::Person
        } else {
            Release::Time
        }
    }
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
pub(crate) mod tests;
