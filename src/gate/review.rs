//! Asks every rule about a plan.

use super::{Approved, Held, Purpose, Refusal, Rule, Situation, links};
use super::{
    account_pin, budget, ceiling, cut_short, emptying, flapping, freshness, journal, observe_mode,
};
use super::{pause, per_plan, protected, shrink, undone, windows, wrong_place};
use crate::model::{InstanceId, Verb};
use crate::plan::{Action, Plan};
use std::collections::{BTreeMap, BTreeSet};

/// A plan under review: what is proposed, and what of it is withheld.
pub(super) struct Case<'a> {
    pub plan: &'a Plan,
    pub withheld: &'a BTreeMap<InstanceId, Refusal>,
}

impl Case<'_> {
    /// The instances whose links would go.
    pub fn going(&self) -> impl Iterator<Item = &InstanceId> {
        let going = self.plan.actions().iter().filter(|action| action.verb == Verb::Detach);
        going.map(|action| &action.link.instance).filter(|id| !self.withheld.contains_key(*id))
    }

    /// Whether anything would be done.
    pub fn is_idle(&self) -> bool {
        self.plan.actions().iter().all(|action| self.withheld.contains_key(&action.link.instance))
    }
}

/// What reads show although a detach of it was made.
pub(super) fn still_shown(leaving: usize) -> String {
    match leaving {
        0 => String::new(),
        _ => format!(
            " ({} still shown, of which a detach was made already; a pass after it has settled tells)",
            links(leaving)
        ),
    }
}

/// Why the rules about links withhold an action, if one does. An approval releases what a person can
/// judge.
pub(super) fn withhold(
    plan: &Plan,
    action: &Action,
    is_approved: bool,
    situation: &Situation<'_>,
) -> Option<Refusal> {
    let refusals = [
        undone::check(plan, action, situation),
        protected::check(plan, action, situation),
        flapping::check(plan, action, situation),
    ];
    refusals.into_iter().flatten().find(|refusal| !is_approved || !refusal.rule.can_be_approved())
}

/// Asks every rule.
///
/// # Errors
/// [`Held`], with every refusal at once.
pub fn review(plan: Plan, situation: &Situation<'_>) -> Result<Approved, Box<Held>> {
    let approval = situation.ledger.approval(&plan, situation.now);
    let is_approved = approval.is_some();
    let withheld: BTreeMap<InstanceId, Refusal> = plan
        .actions()
        .iter()
        .filter_map(|action| {
            let refusal = withhold(&plan, action, is_approved, situation)?;
            Some((action.link.instance.clone(), refusal))
        })
        .collect();
    let case = Case { plan: &plan, withheld: &withheld };
    let over = budget::check(&case, situation);
    let misplaced = wrong_place::check(&case, situation);
    let found = [
        observe_mode::check(&case),
        per_plan::check(&case, situation),
        emptying::check(&case, situation),
        shrink::check(&case, situation),
        over.as_ref().map(|(refusal, _)| refusal.clone()),
        freshness::check(&plan, situation),
        cut_short::check(&case),
        misplaced.as_ref().map(|(refusal, _)| refusal.clone()),
        account_pin::check(situation),
        ceiling::check(plan.scope(), situation),
        windows::check(&case, situation),
        pause::check(&case, situation),
        journal::check(&case, situation),
    ];
    let mut refusals: Vec<Refusal> = found.into_iter().flatten().collect();
    let released = |refusal: &Refusal| is_approved && refusal.rule.can_be_approved();
    let needed = is_approved
        && (refusals.iter().any(|refusal| refusal.rule.can_be_approved())
            || plan.actions().iter().any(|action| {
                let refusal = withhold(&plan, action, false, situation);
                refusal.is_some_and(|refusal| refusal.rule.can_be_approved())
            }));
    refusals.retain(|refusal| !released(refusal));
    let all_withheld = !withheld.is_empty() && case.is_idle();
    if refusals.is_empty() && !all_withheld {
        let approver = approval.filter(|_| needed).map(|approval| approval.by.clone());
        return Ok(Approved { plan, purpose: Purpose::Reconcile, withheld, approver });
    }
    let latch = over.and_then(|(_, latch)| latch).or(misplaced.and_then(|(_, latch)| latch));
    let barred = withheld.iter().filter(|(_, refusal)| !refusal.rule.can_be_approved());
    let barred: BTreeSet<InstanceId> = barred.map(|(instance, _)| instance.clone()).collect();
    refusals.extend(withheld.into_values());
    for refusal in refusals.iter_mut().filter(|refusal| refusal.rule.can_be_approved()) {
        let digest = plan.digest().short();
        refusal.way_out += &format!("; or approve this very plan: classiclinkd approve {digest}");
    }
    refusals.sort_by_key(|refusal| Rule::ALL.iter().position(|rule| *rule == refusal.rule));
    Err(Box::new(Held { plan, refusals, barred, latch }))
}
