//! Which records somebody asks for.

use super::{Deed, Happening, Record, What};
use crate::ledger::event::Target;
use crate::model::{AccountName, InstanceId, Region, RunId, Scope, VpcId};
use jiff::Timestamp;

/// What a record must be about; what is absent narrows nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Over at that time or later.
    pub since: Option<Timestamp>,
    /// Begun at that time or earlier.
    pub until: Option<Timestamp>,
    /// About the link of this instance.
    pub instance: Option<InstanceId>,
    /// About links to this VPC.
    pub vpc: Option<VpcId>,
    /// Of this account.
    pub account: Option<AccountName>,
    /// In this region.
    pub region: Option<Region>,
    /// Done by this run.
    pub run: Option<RunId>,
    /// Deeds that ended so.
    pub outcome: Option<String>,
    /// Begun runs, held plans and forgotten entries, too.
    pub all: bool,
}

impl Filter {
    /// Everything about one instance.
    pub fn of_instance(instance: &InstanceId) -> Self {
        Self { instance: Some(instance.clone()), all: true, ..Self::default() }
    }

    /// Whether the record is asked for.
    pub fn takes(&self, record: &Record) -> bool {
        let late_enough = self.since.is_none_or(|since| record.ended() >= since);
        let early_enough = self.until.is_none_or(|until| record.at() <= until);
        late_enough
            && early_enough
            && match record {
                Record::Deed(deed) => self.takes_deed(deed),
                Record::Happening(happening) => self.takes_happening(happening),
            }
    }

    fn takes_deed(&self, deed: &Deed) -> bool {
        self.takes_scope(&deed.scope)
            && self.instance.as_ref().is_none_or(|instance| deed.instance == *instance)
            && self.run.is_none_or(|run| deed.is_of(run))
            && self.outcome.as_ref().is_none_or(|outcome| deed.outcome == *outcome)
    }

    fn takes_happening(&self, happening: &Happening) -> bool {
        let what = &happening.what;
        let usual = !matches!(what, What::Began(..) | What::Held(_) | What::Pruned(_));
        self.outcome.is_none()
            && (usual || self.all)
            && self.run.is_none_or(|run| run_of(what) == Some(run))
            && (self.names_no_link() || self.is_named_by(what))
    }

    fn names_no_link(&self) -> bool {
        let Self { instance, vpc, account, region, .. } = self;
        instance.is_none() && vpc.is_none() && account.is_none() && region.is_none()
    }

    /// Whether a happening names a link, or at least a VPC, that is asked for.
    fn is_named_by(&self, what: &What) -> bool {
        let link = |scope: &Scope, instance: &InstanceId| {
            self.takes_scope(scope) && self.instance.as_ref().is_none_or(|of| of == instance)
        };
        let whole = |scope: &Scope| self.instance.is_none() && self.takes_scope(scope);
        match what {
            What::Accepted(accepted, before) => {
                let lost = |scope: &Scope, ids: &std::collections::BTreeSet<InstanceId>| {
                    let own = |id: &&InstanceId| !before.contains(&(scope.clone(), (*id).clone()));
                    ids.iter().any(|id| link(scope, id) && own(&id))
                };
                accepted.released.iter().any(whole)
                    || accepted.protected.iter().any(|(scope, id)| link(scope, id))
                    || accepted.shrunk.iter().any(|shrunk| lost(&shrunk.scope, &shrunk.lost))
            }
            What::Approved(approval) => approval
                .of
                .as_ref()
                .is_some_and(|passed| passed.actions.iter().any(|(_, id)| link(&passed.scope, id))),
            What::Held(passed) => {
                passed.actions.iter().any(|(_, id)| link(&passed.scope, id)) || whole(&passed.scope)
            }
            What::Restored(restored) => restored.links.iter().any(|(scope, id)| link(scope, id)),
            What::Paused(pause) => self.instance.is_none() && self.meets(&pause.target),
            What::Resumed(resume) => self.instance.is_none() && self.meets(&resume.target),
            What::Pruned(_) | What::Began(..) => false,
        }
    }

    fn takes_scope(&self, scope: &Scope) -> bool {
        self.vpc.as_ref().is_none_or(|vpc| scope.vpc == *vpc)
            && self.account.as_ref().is_none_or(|account| scope.account == *account)
            && self.region.as_ref().is_none_or(|region| scope.region == *region)
    }

    /// Whether a target and what is asked for have anything in common.
    fn meets(&self, target: &Target) -> bool {
        let account = |of: &AccountName| self.account.as_ref().is_none_or(|account| account == of);
        let region = |of: &Region| self.region.as_ref().is_none_or(|region| region == of);
        match target {
            Target::All => true,
            Target::Account(of) => account(of),
            Target::Lane(lane) => account(&lane.account) && region(&lane.region),
            Target::Scope(scope) => self.takes_scope(scope),
        }
    }
}

fn run_of(what: &What) -> Option<RunId> {
    match what {
        What::Began(run, _) => Some(*run),
        What::Restored(restored) => Some(restored.run),
        _ => None,
    }
}
