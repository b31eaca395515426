//! What accepting a revision means: which links stay protected, and what each scope loses.

use super::event::Shrunk;
use super::{Ledger, LinkKey};
use crate::desired::Tree;
use crate::model::{Amount, InstanceId, Scope};
use std::collections::BTreeSet;

impl Shrunk {
    /// Whether that is more than a revision may lose without a second look: more than a share, and
    /// more than `least` links.
    pub fn exceeds(&self, most: Amount, least: u64) -> bool {
        let lost = self.lost.len() as u64;
        lost > most.of(self.from) && lost > least
    }
}

impl Ledger {
    /// The links that stay protected once `newer` is accepted. A protection is lifted by a revision
    /// that lists the link without it; a revision that does not list the link lifts nothing, so that
    /// lifting and removing take two. What `older` protects counts even where the journal's entry about
    /// it is of the first format, which did not say so.
    pub fn protected_under(&self, older: Option<&Tree>, newer: &Tree) -> BTreeSet<LinkKey> {
        let listed = |(scope, instance): &LinkKey| {
            newer.scopes.get(scope).is_some_and(|desired| desired.links.contains_key(instance))
        };
        let before = self.protected().into_iter().chain(older.into_iter().flat_map(said_protected));
        before.filter(|link| !listed(link)).chain(said_protected(newer)).collect()
    }

    /// What each scope loses once `newer` follows `older`. What was lost before and exceeded the
    /// limit stays lost until it is listed again or detached with leave: accepting a revision twice,
    /// or releasing a scope in between, does not launder it.
    pub fn shrunk_under(
        &self,
        older: Option<&Tree>,
        newer: &Tree,
        most: Amount,
        least: u64,
    ) -> Vec<Shrunk> {
        let earlier =
            self.accepted().map(|accepted| accepted.shrunk.as_slice()).unwrap_or_default();
        let mut scopes: BTreeSet<&Scope> = earlier.iter().map(|shrunk| &shrunk.scope).collect();
        scopes.extend(older.into_iter().flat_map(|tree| tree.scopes.keys()));
        let lost = scopes.into_iter().filter_map(|scope| {
            let pending = self.shrunk(scope).filter(|shrunk| shrunk.exceeds(most, least));
            let before = older.map(|tree| ids(tree, scope)).unwrap_or_default();
            let from = pending.as_ref().map_or(before.len() as u64, |shrunk| shrunk.from);
            let mut lost: BTreeSet<InstanceId> = before;
            lost.extend(pending.into_iter().flat_map(|shrunk| shrunk.lost));
            let now = ids(newer, scope);
            lost.retain(|instance| !now.contains(instance));
            (!lost.is_empty()).then(|| Shrunk { scope: scope.clone(), from, lost })
        });
        lost.collect()
    }
}

fn said_protected(tree: &Tree) -> impl Iterator<Item = LinkKey> {
    tree.scopes.iter().flat_map(|(scope, desired)| {
        let protected = desired.links.iter().filter(|(_, said)| said.protected);
        protected.map(|(instance, _)| (scope.clone(), instance.clone()))
    })
}

fn ids(tree: &Tree, scope: &Scope) -> BTreeSet<InstanceId> {
    let desired = tree.scopes.get(scope);
    desired.into_iter().flat_map(|desired| desired.links.keys().cloned()).collect()
}
