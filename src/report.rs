//! Everything that is said about a pass: one value, and its forms.

use crate::apply::Applied;
use crate::cloud::{Class, CloudError, NO_KEY};
use crate::desired::{Desired, Expiring};
use crate::forecast::{Forecast, Whole};
use crate::gate::{Approved, Held, Refusal, Rule};
use crate::ledger::event::Passed;
use crate::model::{Digest, InstanceId, Mode, Revision, Scope, Verb, VpcId};
use crate::observed::Partial;
use crate::outcome::Outcome;
use crate::plan::{Action, Missing, Plan};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub mod explanation;
mod foreseen;
pub mod history;
pub mod json;
pub mod markdown;
pub mod text;

/// What was found, decided and done, over all scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The revision it is about.
    pub revision: Arc<Revision>,
    /// By scope.
    pub scopes: Vec<ScopeReport>,
    /// What carrying out all plans will cost, until they are.
    pub forecast: Option<Whole>,
}

/// What was found, decided and done in one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeReport {
    /// Account, region and VPC.
    pub scope: Scope,
    /// What the manifests allow.
    pub mode: Mode,
    /// Links observed; of a partial observation, those seen.
    pub observed: usize,
    /// Links observed although an earlier detach may have ended them.
    pub leaving: usize,
    /// Links desired.
    pub desired: usize,
    /// Digest of the plan, if there is one.
    pub digest: Option<Digest>,
    /// The decision.
    pub verdict: Verdict,
    /// What was proposed.
    pub actions: Vec<Action>,
    /// Desired and not observed.
    pub missing: BTreeMap<InstanceId, Missing>,
    /// Listed, not desired, and unknown by id.
    pub unconfirmed: BTreeSet<InstanceId>,
    /// Desired, and soon no longer: the next one first. Empty where there is no plan.
    pub expiring: Vec<Expiring>,
    /// Why the plan is held, what of it is withheld, or why there is none.
    pub refusals: Vec<Refusal>,
    /// Who released the plan, where a rule held it.
    pub approver: Option<String>,
    /// What carrying it out will cost, where there is something to carry out, and until it is.
    pub forecast: Option<Forecast>,
    /// How the actions ended, once they were carried out.
    pub applied: Vec<Applied>,
}

/// The decision about one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The plan may be carried out.
    Approved,
    /// The gate holds the plan.
    Held,
    /// Nothing to do.
    InSync,
    /// The observation is not complete: no plan.
    Partial,
    /// The observation failed in a way that time will not mend.
    Failed(CloudError),
}

/// The worst that is said of all scopes, which is the exit code of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing (left) to do.
    Clean,
    /// Changes are pending.
    Pending,
    /// The gate holds a plan.
    Held,
    /// An observation is incomplete.
    Partial,
    /// Something failed.
    Error,
}

/// Counts over all scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Detaches proposed.
    pub detach: usize,
    /// Attaches proposed.
    pub attach: usize,
    /// Links missing.
    pub missing: usize,
    /// Scopes in sync.
    pub in_sync: usize,
    /// Scopes held.
    pub held: usize,
    /// Scopes without a complete observation.
    pub partial: usize,
    /// Actions converged, once carried out.
    pub converged: usize,
    /// Actions that did not converge.
    pub left: usize,
}

impl ScopeReport {
    /// A plan that the gate lets through, as a whole or in part.
    pub fn of_approved(approved: &Approved) -> Self {
        let plan = approved.plan();
        let verdict = if plan.actions().is_empty() { Verdict::InSync } else { Verdict::Approved };
        let withheld = approved.withheld().values().cloned().collect();
        let approver = approved.approver().map(str::to_owned);
        Self { approver, ..Self::of_plan(plan, verdict, withheld) }
    }

    /// What the journal is told of it.
    pub fn passed(&self, revision: &Revision) -> Passed {
        let action = |action: &Action| (action.verb, action.link.instance.clone());
        let refusals = self.refusals.iter();
        Passed {
            scope: self.scope.clone(),
            revision: revision.clone(),
            mode: self.mode,
            observed: self.observed as u64,
            leaving: self.leaving as u64,
            desired: self.desired as u64,
            verdict: self.verdict.as_str().to_owned(),
            plan: self.digest.clone(),
            // Those of an approved plan, too: entries about calls do not tell what no call was made for.
            actions: self.actions.iter().map(action).collect(),
            refusals: refusals
                .map(|said| (said.rule.to_string(), said.message.clone(), said.way_out.clone()))
                .collect(),
        }
    }

    /// A plan with the gate's answer.
    fn of_plan(plan: &Plan, verdict: Verdict, refusals: Vec<Refusal>) -> Self {
        Self {
            scope: plan.scope().clone(),
            mode: plan.mode(),
            observed: plan.observed_count(),
            leaving: 0,
            desired: plan.desired_count(),
            digest: Some(plan.digest().clone()),
            verdict,
            actions: plan.actions().to_vec(),
            missing: plan.missing().clone(),
            unconfirmed: plan.unconfirmed().clone(),
            expiring: plan.desired().expiring_at(plan.observed_at().wall),
            refusals,
            approver: None,
            forecast: None,
            applied: Vec::new(),
        }
    }

    /// A plan that the gate holds.
    pub fn of_held(held: Held) -> Self {
        Self::of_plan(&held.plan, Verdict::Held, held.refusals)
    }

    /// An observation that is not complete.
    pub fn of_partial(desired: &Desired, partial: &Partial, refusal: Refusal) -> Self {
        Self { observed: partial.seen, ..Self::without_plan(desired, Verdict::Partial, refusal) }
    }

    /// An observation that failed.
    pub fn of_failure(desired: &Desired, error: CloudError) -> Self {
        let refusal = Refusal {
            rule: Rule::Coverage,
            message: format!("the links of {} could not be read: {error}", desired.scope.vpc),
            way_out: way_out(&error),
        };
        Self::without_plan(desired, Verdict::Failed(error), refusal)
    }

    fn without_plan(desired: &Desired, verdict: Verdict, refusal: Refusal) -> Self {
        Self {
            scope: desired.scope.clone(),
            mode: desired.mode,
            observed: 0,
            leaving: 0,
            desired: desired.links.len(),
            digest: None,
            verdict,
            actions: Vec::new(),
            missing: BTreeMap::new(),
            unconfirmed: BTreeSet::new(),
            expiring: Vec::new(),
            refusals: vec![refusal],
            approver: None,
            forecast: None,
            applied: Vec::new(),
        }
    }

    /// The worst that is said of this scope.
    pub fn standing(&self) -> Standing {
        match &self.verdict {
            Verdict::Failed(_) => return Standing::Error,
            Verdict::Partial => return Standing::Partial,
            Verdict::Held => return Standing::Held,
            Verdict::Approved | Verdict::InSync => (),
        }
        let hopeless = |applied: &Applied| match &applied.outcome {
            Outcome::Unjournaled(_) => true,
            Outcome::Blocked(why) => {
                matches!(why.class, Class::Denied | Class::Unauthenticated | Class::Retired)
            }
            _ => false,
        };
        if self.applied.iter().any(hopeless) {
            return Standing::Error;
        }
        if !self.unconfirmed.is_empty() {
            return Standing::Partial;
        }
        if !self.refusals.is_empty() {
            return Standing::Held;
        }
        let over = |applied: &Applied| {
            applied.outcome.is_converged() || matches!(applied.outcome, Outcome::Withdrawn(_))
        };
        let untouched = self.applied.len() < self.actions.len();
        let open = untouched || !self.applied.iter().all(over);
        // Missing links are work only where the mode says so.
        let waiting = |state: &Missing| *state != Missing::Unlinked;
        let to_attach = self.mode == Mode::Sync && self.missing.values().any(waiting);
        if open || to_attach { Standing::Pending } else { Standing::Clean }
    }

    /// Whether a link was detached, so that another scope may have it.
    pub fn has_let_go(&self) -> bool {
        let gone = |it: &Applied| it.action.verb == Verb::Detach && it.outcome.is_converged();
        self.applied.iter().any(gone)
    }

    /// The VPCs that hold links which this one is to have.
    pub fn waits_for(&self) -> BTreeSet<VpcId> {
        let holder = |missing: &Missing| match missing {
            Missing::Elsewhere(vpc) => Some(vpc.clone()),
            _ => None,
        };
        let missing = self.missing.values().filter(|_| self.mode == Mode::Sync);
        missing.filter_map(holder).collect()
    }

    /// How many actions of one kind were proposed.
    pub fn count(&self, verb: Verb) -> usize {
        self.actions.iter().filter(|action| action.verb == verb).count()
    }
}

fn way_out(error: &CloudError) -> String {
    let text = match error.class {
        // Nothing was asked: the message says of whom, and what there is to mend.
        Class::Unauthenticated if error.code == NO_KEY => {
            "mend where the key of this account comes from; `classiclinkd doctor` shows it"
        }
        Class::Unauthenticated if error.code == "account-pin" => {
            "give the key of the account that the configuration names, or correct its `accountId`"
        }
        Class::Denied => {
            "grant ecs:DescribeClassicLinkInstances to this identity (README, RAM policy)"
        }
        Class::Unauthenticated => "check the access key, its secret and its token",
        Class::Misconfigured => "check the region, the VPC and whose account this is",
        Class::Retired => {
            "the cloud does not offer ClassicLink here any more; remove the manifests of this scope"
        }
        _ => "nothing is cut until it can be read; the next pass tries again",
    };
    text.to_owned()
}

impl Report {
    /// A report, scopes in order.
    pub fn new(revision: Arc<Revision>, mut scopes: Vec<ScopeReport>) -> Self {
        scopes.sort_by(|a, b| a.scope.cmp(&b.scope));
        Self { revision, scopes, forecast: None }
    }

    /// The worst that is said of any scope.
    pub fn standing(&self) -> Standing {
        Standing::of(&self.scopes)
    }

    /// Counts over all scopes.
    pub fn summary(&self) -> Summary {
        Summary::of(&self.scopes)
    }
}

impl Standing {
    /// The worst that is said of any of them.
    pub fn of<'a>(scopes: impl IntoIterator<Item = &'a ScopeReport>) -> Self {
        scopes.into_iter().map(ScopeReport::standing).max().unwrap_or(Self::Clean)
    }
}

impl Summary {
    /// Counts over all of them.
    pub fn of<'a>(scopes: impl IntoIterator<Item = &'a ScopeReport>) -> Self {
        let mut summary = Self::default();
        for scope in scopes {
            summary.detach += scope.count(Verb::Detach);
            summary.attach += scope.count(Verb::Attach);
            summary.missing += scope.missing.len();
            summary.in_sync += usize::from(scope.verdict == Verdict::InSync);
            summary.held += usize::from(scope.verdict == Verdict::Held);
            summary.partial +=
                usize::from(matches!(scope.verdict, Verdict::Partial | Verdict::Failed(_)));
            let converged = scope.applied.iter().filter(|a| a.outcome.is_converged()).count();
            summary.converged += converged;
            summary.left += scope.applied.len() - converged;
        }
        summary
    }
}

impl Verdict {
    /// The word in a plan's JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Approved => Passed::APPROVED,
            Self::Held => Passed::HELD,
            Self::InSync => Passed::IN_SYNC,
            Self::Partial | Self::Failed(_) => Passed::PARTIAL,
        }
    }
}
