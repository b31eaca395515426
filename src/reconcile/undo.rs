//! Giving links back: observe, plan, gate of its own, attach. The links are held before the first call,
//! so that no pass of anybody takes them again meanwhile.

use crate::apply::{Applied, Circumstances, Run, Writes};
use crate::cloud::{Identify, ReadLinks, WriteLinks};
use crate::desired::{Declared, Desired, Place};
use crate::gate::{self, Approved, Refusal};
use crate::model::{InstanceId, Mode, Revision, Scope, Verb};
use crate::observe::Reads;
use crate::observed::Observed;
use crate::plan::{self, Missing};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What can be given back in one scope.
#[derive(Debug, Clone)]
pub struct GivingBack {
    /// Account, region and VPC.
    pub scope: Scope,
    /// Leave to attach, if there is something to attach and the gate let it through.
    pub approved: Option<Arc<Approved>>,
    /// Links that will be attached.
    pub back: BTreeSet<InstanceId>,
    /// Links that are there already.
    pub there: BTreeSet<InstanceId>,
    /// What cannot be given back, and why.
    pub cannot: BTreeMap<InstanceId, String>,
    /// Why the gate holds it.
    pub refusals: Vec<Refusal>,
    /// How each attach ended, once it was carried out.
    pub applied: Vec<Applied>,
}

impl GivingBack {
    fn impossible(scope: &Scope, taken: &BTreeSet<InstanceId>, why: &str) -> Self {
        Self {
            scope: scope.clone(),
            approved: None,
            back: BTreeSet::new(),
            there: BTreeSet::new(),
            cannot: taken.iter().map(|instance| (instance.clone(), why.to_owned())).collect(),
            refusals: Vec::new(),
            applied: Vec::new(),
        }
    }

    /// Links that are not to be taken again: those given back, and those that are there already.
    pub fn held(&self) -> impl Iterator<Item = (Scope, InstanceId)> {
        let both = self.back.iter().chain(&self.there);
        both.map(|instance| (self.scope.clone(), instance.clone()))
    }
}

/// Looks at what was taken in a scope, and asks the gate of an undo about giving it back. `of` says in
/// words what is undone.
pub async fn propose<R: ReadLinks + Identify>(
    reads: &Reads<R>,
    circumstances: &Circumstances,
    (scope, taken): (&Scope, &BTreeSet<InstanceId>),
    revision: &Arc<Revision>,
    of: &str,
) -> GivingBack {
    let identity = reads.identity().await;
    let desired = Arc::new(as_it_was(scope, taken, revision));
    let complete = match reads.observe(&desired).await {
        Ok(Observed::Complete(complete)) => complete,
        Ok(Observed::Partial(partial)) => {
            let refusal = gate::refuse_partial(&partial);
            return GivingBack::impossible(scope, taken, &refusal.message);
        }
        Err(error) => {
            let why = format!("the links of {} could not be read: {error}", scope.vpc);
            return GivingBack::impossible(scope, taken, &why);
        }
    };
    let plan = plan::restore(&desired, &complete, of);
    let attach = plan.actions().iter().map(|action| action.link.instance.clone());
    let mut giving = GivingBack {
        back: attach.collect(),
        ..GivingBack::impossible(scope, &BTreeSet::new(), "")
    };
    giving.there = taken.intersection(complete.links()).cloned().collect();
    for (instance, state) in plan.missing().iter().filter(|(_, state)| **state != Missing::Unlinked)
    {
        let why = match state {
            Missing::Elsewhere(vpc) => format!("it is linked to {vpc} now"),
            _ => "the cloud does not know it in this account and region any more".to_owned(),
        };
        giving.cannot.insert(instance.clone(), why);
    }
    match circumstances.judge((&scope.account, &identity.pin), |of| gate::restore(plan, of)) {
        Ok(approved) if !giving.back.is_empty() => giving.approved = Some(Arc::new(approved)),
        Ok(_) => (),
        Err(held) => giving.refusals = held.refusals,
    }
    giving
}

/// Attaches what was approved. What it gives back has to be held by the journal already.
pub async fn carry_out<R: ReadLinks + Identify, W: WriteLinks>(
    reads: &Reads<R>,
    writes: &Writes<W>,
    mut giving: GivingBack,
    run: Arc<Run>,
) -> GivingBack {
    if let Some(approved) = &giving.approved {
        giving.applied = writes.apply(reads, approved, Verb::Attach, &run).await;
    }
    giving
}

/// The links as they should be again, as if a manifest said so.
fn as_it_was(scope: &Scope, taken: &BTreeSet<InstanceId>, revision: &Arc<Revision>) -> Desired {
    let place = Place { file: "journal".into(), line: 0, column: 0 };
    let said = Declared { until: None, reason: None, protected: false, place };
    Desired {
        scope: scope.clone(),
        mode: Mode::Sync,
        links: taken.iter().map(|instance| (instance.clone(), said.clone())).collect(),
        max_detach: Vec::new(),
        allow_empty: false,
        windows: Vec::new(),
        origins: Vec::new(),
        revision: Arc::clone(revision),
    }
}
