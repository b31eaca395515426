//! What a pass saw, beside what there is.

use super::rules::UNDISTURBED;
use super::{Book, Key, Referee, When};
use crate::cloud::{CloudError, Query};
use crate::ledger::event::Passed;
use crate::model::{InstanceId, Scope};
use crate::simulation::estate::Wishes;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long links have to rest until every read shows them as they are, and a pass is over that began before.
const RESTED: Duration = Duration::from_secs(15 * 60);

impl Book {
    /// What a pass that says it saw everything has overlooked, or made up.
    pub(super) fn overlooks(&self, now: When, passed: &Passed) -> Option<String> {
        passed.plan.as_ref()?;
        let history = self.most.get(&passed.scope.vpc)?;
        let (since, links) = history.last()?;
        let rested = history.len() == 1 || now.mono.saturating_sub(*since) > RESTED;
        let wrong = rested && !self.hidden && passed.observed != *links;
        wrong.then(|| format!("A8: a pass says that it saw {} links of {links}", passed.observed))
    }

    /// Whether a plan is let through that is made of an old list.
    pub(super) fn is_stale(&self, now: When, passed: &Passed) -> bool {
        let listed = self.pages.get(&passed.scope.vpc).map(|(since, ..)| *since);
        let old = |since: Duration| now.mono.saturating_sub(since) > self.law.fresh;
        passed.verdict == "approved" && !passed.actions.is_empty() && listed.is_some_and(old)
    }

    /// Whether nobody can say that a link is there: the last read by id of it alone was refused. That was a
    /// read for this VPC, where no manifest lists the instance for another one.
    pub(super) fn is_doubtful(
        &self,
        scope: &Scope,
        instance: &InstanceId,
        wishes: &Wishes,
    ) -> bool {
        let known = self.links.get(scope).and_then(|links| links.get(instance));
        wishes.values().all(|wish| !wish.keep.contains(instance))
            && known.is_some_and(|known| known.refused > known.listed)
    }

    /// Whether the revision in force lists an id that is not linked, and with which this one begins: somebody
    /// cut it short. Nobody changed that lately.
    pub(super) fn is_cut_short(
        &self,
        now: When,
        (scope, instance): &Key,
        linked: &BTreeSet<InstanceId>,
    ) -> bool {
        let wish = self.accepted.as_ref().and_then(|(_, wishes)| wishes.get(&scope.vpc));
        let lately = |at: &Duration| now.mono.saturating_sub(*at) <= UNDISTURBED;
        let settled = |id: &InstanceId| {
            let ended = self.known(&(scope.clone(), id.clone())).and_then(|known| known.ended);
            !ended.as_ref().is_some_and(lately)
        };
        let begins = |id: &&InstanceId| {
            *id != instance && instance.as_str().starts_with(id.as_str()) && !linked.contains(*id)
        };
        let short = wish.and_then(|wish| wish.keep.iter().find(begins));
        short.is_some_and(settled) && !self.touched.get(&scope.vpc).is_some_and(lately)
    }

    /// A read that began at `begun` was refused.
    pub(super) fn refused(&mut self, begun: Duration, query: &Query, error: &CloudError) {
        let Query::OfInstances { instances, .. } = query else { return };
        let ([instance], true) = (instances.as_slice(), error.code.contains("NotBelong")) else {
            return;
        };
        for vpc in self.names.vpcs.clone() {
            let known = self.link(&self.names.scope(&vpc), instance);
            known.refused = known.refused.max(Some(begun));
        }
    }
}

impl Referee {
    /// From now on reads leave out links, so that nobody can know them all.
    pub(in crate::simulation) fn hides(&self) {
        self.lock().hidden = true;
    }
}
