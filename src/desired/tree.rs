//! The desired state of a whole tree at one revision.

use super::Desired;
use crate::model::{Link, Revision, Scope};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Every scope that a revision declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Which state of the manifests.
    pub revision: Arc<Revision>,
    /// Shared, because a pass holds its scope while newer trees arrive.
    pub scopes: BTreeMap<Scope, Arc<Desired>>,
}

impl Tree {
    /// Whether this tree wants `link` to exist in `scope` at `now`.
    pub fn keeps(&self, scope: &Scope, link: &Link, now: Timestamp) -> bool {
        scope.vpc == link.vpc
            && self.scopes.get(scope).is_some_and(|desired| desired.keeps(&link.instance, now))
    }

    /// Scopes that `self` declares and `newer` does not: released, never detached.
    pub fn released_by(&self, newer: &Self) -> BTreeSet<Scope> {
        self.scopes.keys().filter(|scope| !newer.scopes.contains_key(*scope)).cloned().collect()
    }

    /// Scopes of `newer` that are new or say something else than in `self`.
    pub fn changed_in(&self, newer: &Self) -> BTreeSet<Scope> {
        let differs = |scope: &Scope, desired: &Desired| match self.scopes.get(scope) {
            None => true,
            Some(old) => {
                let limits = (&old.max_detach, old.allow_empty);
                old.mode != desired.mode
                    || limits != (&desired.max_detach, desired.allow_empty)
                    || old.links != desired.links
            }
        };
        let changed = newer.scopes.iter().filter(|(scope, desired)| differs(scope, desired));
        changed.map(|(scope, _)| scope.clone()).collect()
    }

    /// Links desired at `now`, over all scopes.
    pub fn links_at(&self, now: Timestamp) -> usize {
        self.scopes.values().map(|desired| desired.instances_at(now).len()).sum()
    }
}
