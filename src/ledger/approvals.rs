//! Which held plans a person approved.

use super::event::Approval;
use crate::clock::Moment;
use crate::model::{InstanceId, Verb};
use crate::plan::{Action, Plan};

/// The approvals that are not void yet, each with the number of its entry.
#[derive(Debug, Clone, Default)]
pub(super) struct Approvals(Vec<(u64, Approval)>);

impl Approvals {
    pub fn take(&mut self, seq: u64, approval: &Approval, now: Moment) {
        self.0.retain(|(_, approval)| approval.until > now.wall);
        self.0.push((seq, approval.clone()));
    }

    pub fn iter(&self) -> impl Iterator<Item = &Approval> {
        self.0.iter().map(|(_, approval)| approval)
    }

    /// The approval of `actions` of a plan: of its very digest, or of one with the same scope, mode and
    /// revision whose actions were all of these and more - what is left of an approved plan after a
    /// crash is approved. `last_detach` is the number of the entry by which a link was last seen to be
    /// detached: each link is approved for going once.
    pub fn of<'a>(
        &self,
        plan: &Plan,
        actions: impl Iterator<Item = &'a Action> + Clone,
        last_detach: impl Fn(&InstanceId) -> Option<u64>,
        now: Moment,
    ) -> Option<&Approval> {
        let covers = |(seq, approval): &&(u64, Approval)| {
            let unused = |instance: &InstanceId| last_detach(instance).is_none_or(|at| at < *seq);
            let mut actions = actions.clone();
            let once =
                actions.all(|action| action.verb != Verb::Detach || unused(&action.link.instance));
            approval.until > now.wall && once && binds(approval, plan)
        };
        self.0.iter().rev().find(covers).map(|(_, approval)| approval)
    }
}

fn binds(approval: &Approval, plan: &Plan) -> bool {
    if approval.plan == *plan.digest() {
        return true;
    }
    let Some(of) = &approval.of else { return false };
    let part = |action: &Action| of.actions.contains(&(action.verb, action.link.instance.clone()));
    of.scope == *plan.scope()
        && of.mode == plan.mode()
        && of.revision.digest == plan.desired().revision.digest
        && plan.actions().iter().all(part)
}
