//! What accepting a revision means: which links stay protected, and what each scope loses.

use super::event::Shrunk;
use super::{Ledger, LinkKey};
use crate::desired::{Desired, Tree};
use crate::model::{Amount, InstanceId, Lineage, Revision, Scope, printable};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// By which commits a revision follows the one before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct By {
    /// In words; none where the manifests do not come from commits.
    pub words: Option<String>,
    /// They do not continue what was accepted before, or nobody knows.
    pub doubtful: bool,
}

impl By {
    /// What the lineage of two revisions means for what is lost between them.
    pub fn of(older: Option<&Revision>, newer: &Revision, lineage: &Lineage) -> Self {
        let commit = |revision: &Revision| revision.commit.as_ref().map(|of| of.short().to_owned());
        let before = older.and_then(commit).unwrap_or_default();
        let Some(now) = commit(newer) else { return Self::default() };
        let words = match lineage {
            Lineage::None => None,
            Lineage::Follows(1) => Some(format!("by commit {now}")),
            Lineage::Follows(commits) => Some(format!("by {commits} commits, {before}..{now}")),
            Lineage::Leaves => Some(format!(
                "by commit {now}, which does not continue {before}, the commit accepted before: the branch was \
                 rewritten or set back"
            )),
            Lineage::Unknown(why) => Some(format!(
                "by commit {now}; whether it continues {before}, the commit accepted before, could not be \
                 found out ({})",
                printable(why)
            )),
        };
        Self { words, doubtful: lineage.is_doubtful() }
    }
}

impl Shrunk {
    /// Whether that is more than a revision may lose without a second look: more than a share, and
    /// more than `least` links; anything at all, where the revision does not continue the one before.
    pub fn exceeds(&self, most: Amount, least: u64) -> bool {
        let lost = self.lost.len() as u64;
        self.doubtful && lost > 0 || lost > most.of(self.from) && lost > least
    }
}

impl Ledger {
    /// The links that stay protected once `newer` is accepted. A protection is lifted by a revision that
    /// lists the link without it, and for good: one that does not list the link, or ends it by `until`,
    /// lifts nothing, so that lifting and removing take two. What `older` protects counts even where the
    /// journal's entry about it is of the first format, which did not say so.
    pub fn protected_under(&self, older: Option<&Tree>, newer: &Tree) -> BTreeSet<LinkKey> {
        let said_before = older.into_iter().flat_map(|older| {
            // What is said there still is said by the newer tree, too.
            differing(older, newer).flat_map(|(scope, said)| said_protected_in(scope, said))
        });
        let before = self.protected().into_iter().chain(said_before);
        let before = before.map(|(scope, instance)| (called_now(&scope, newer), instance));
        let lifted = |(scope, instance): &LinkKey| {
            let desired = newer.scopes.get(scope);
            let said = desired.and_then(|desired| desired.links.get(instance));
            said.is_some_and(|said| !said.protected && said.until.is_none())
        };
        let said_by_newer =
            newer.scopes.iter().flat_map(|(scope, said)| said_protected_in(scope, said));
        before.filter(|link| !lifted(link)).chain(said_by_newer).collect()
    }

    /// What each scope loses once `newer` follows `older`, both as they stand at `now`: a link whose time
    /// is over is lost like one that is not listed. What was lost before and exceeded the limit stays
    /// lost until it is listed again or detached with leave: accepting a revision twice, or releasing a
    /// scope in between, does not launder it. `limits` says how much, and how many links, a scope may lose.
    pub fn shrunk_under(
        &self,
        older: Option<&Tree>,
        newer: &Tree,
        limits: impl Fn(&Scope) -> (Amount, u64),
        now: Timestamp,
        by: &By,
    ) -> Vec<Shrunk> {
        let earlier =
            self.accepted().map(|accepted| accepted.shrunk.as_slice()).unwrap_or_default();
        let mut scopes: BTreeSet<&Scope> = earlier.iter().map(|shrunk| &shrunk.scope).collect();
        // Where nothing is pending from before, a scope that has the same links loses none.
        let differing = older.into_iter().flat_map(|older| differing(older, newer));
        scopes.extend(differing.map(|(scope, _)| scope));
        let lost = scopes.into_iter().filter_map(|scope| {
            let (most, least) = limits(&called_now(scope, newer));
            let pending = self.shrunk(scope).filter(|shrunk| shrunk.exceeds(most, least));
            let before = older.map(|tree| ids(tree, scope, now)).unwrap_or_default();
            let scope = called_now(scope, newer);
            let kept = ids(newer, &scope, now);
            let is_lost = |instance: &InstanceId| !kept.contains(instance);
            let (mut doubtful, mut said) = (false, None);
            if let Some(pending) =
                pending.as_ref().filter(|pending| pending.lost.iter().any(is_lost))
            {
                (doubtful, said) = (pending.doubtful, pending.by.clone());
            }
            if before.iter().any(is_lost) {
                doubtful |= by.doubtful;
                said =
                    Some(said.into_iter().chain(by.words.clone()).collect::<Vec<_>>().join("; "));
            }
            let said = said.filter(|said| !said.is_empty());
            let pending = pending.into_iter().flat_map(|shrunk| shrunk.lost).filter(is_lost);
            // Measured by what was there to lose, and not by what there was before the last large loss:
            // a small one after it would seem smaller still.
            let mut lost = before;
            lost.extend(pending);
            let from = lost.len() as u64;
            lost.retain(is_lost);
            (!lost.is_empty()).then_some(Shrunk { scope, from, lost, by: said, doubtful })
        });
        lost.collect()
    }
}

/// A scope as `tree` calls it: an account may have got another name, and a VPC belongs to one account.
fn called_now(scope: &Scope, tree: &Tree) -> Scope {
    let same = |of: &&Scope| (&of.region, &of.vpc) == (&scope.region, &scope.vpc);
    let renamed = || tree.scopes.keys().find(same).cloned();
    if tree.scopes.contains_key(scope) { None } else { renamed() }.unwrap_or_else(|| scope.clone())
}

fn said_protected_in<'a>(
    scope: &'a Scope,
    said: &'a Desired,
) -> impl Iterator<Item = LinkKey> + 'a {
    let protected = said.links.with_terms().filter(|(_, said)| said.protected);
    protected.map(|(instance, _)| (scope.clone(), instance.clone()))
}

/// The scopes of `older` that have not the very same links in `newer`: most have, and a tree may hold a
/// million.
fn differing<'a>(
    older: &'a Tree,
    newer: &'a Tree,
) -> impl Iterator<Item = (&'a Scope, &'a Arc<Desired>)> {
    let same = |older: &Desired, newer: &Desired| older.links.is(&newer.links);
    let differs = move |(scope, old, new): (_, Option<&'a Arc<Desired>>, Option<&Arc<Desired>>)| {
        let old = old.filter(|old| !new.is_some_and(|new| same(old, new)))?;
        Some((scope, old))
    };
    older.beside(newer).filter_map(differs)
}

fn ids(tree: &Tree, scope: &Scope, now: Timestamp) -> BTreeSet<InstanceId> {
    let desired = tree.scopes.get(scope);
    desired.into_iter().flat_map(|desired| desired.instances_at(now)).cloned().collect()
}
