//! Whether an instance is claimed by two scopes, told without looking at every pair.
//!
//! An answer of "perhaps" costs the search that names the places; "no" is certain.

use super::{Desired, Tree};
use crate::model::{InstanceId, Scope, side_by_side};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

/// Look-ups that cost about as much as hashing a million ids.
const LOOKUPS_MAX: usize = 200_000;

/// Whether two scopes may list the same instance. `before` is a tree in which none do, as in every
/// tree: what it lists already where it is listed now needs no second look.
pub(super) fn may_overlap(scopes: &BTreeMap<Scope, Desired>, before: Option<&Tree>) -> bool {
    let Some(before) = before else { return any_twice(scopes) };
    let both = side_by_side(scopes, &before.scopes);
    let of_new = both.filter_map(|(_, desired, old)| Some((desired?, old)));
    let fresh: Vec<(&Scope, &InstanceId)> =
        of_new.flat_map(|(desired, old)| listed_newly(desired, old)).collect();
    if fresh.len().saturating_mul(scopes.len()) > LOOKUPS_MAX {
        return any_twice(scopes);
    }
    fresh.iter().any(|(scope, instance)| {
        let others = scopes.values().filter(|other| other.scope != **scope);
        others.into_iter().any(|other| other.links.contains_key(*instance))
    })
}

fn listed_newly<'a>(
    desired: &'a Desired,
    old: Option<&'a Arc<Desired>>,
) -> impl Iterator<Item = (&'a Scope, &'a InstanceId)> {
    let same = old.is_some_and(|old| old.links.is(&desired.links));
    let ids = if same { None } else { Some(desired.links.keys()) };
    let is_new = move |id: &&InstanceId| old.is_none_or(|old| !old.links.contains_key(*id));
    ids.into_iter().flatten().filter(is_new).map(|id| (&desired.scope, id))
}

/// By hashes: sorting a million numbers is much faster than a map of a million ids.
fn any_twice(scopes: &BTreeMap<Scope, Desired>) -> bool {
    // Without a random key: an id made to collide with another costs the slow search, and no more.
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let ids = scopes.values().flat_map(|desired| desired.links.keys());
    let mut hashes: Vec<u64> = ids.map(|id| hasher.hash_one(id)).collect();
    hashes.sort_unstable();
    hashes.windows(2).any(|pair| pair.first() == pair.last())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mode;
    use crate::plan::tests::{desired, scope};
    use proptest::prelude::*;

    fn tree_of(lists: &[Vec<usize>]) -> BTreeMap<Scope, Desired> {
        let of = |(number, ids): (usize, &Vec<usize>)| {
            let vpc = crate::model::VpcId::parse(&format!("vpc-{number}")).unwrap();
            let mut one = desired(Mode::Detach, ids);
            one.scope = Scope { vpc, ..scope() };
            (one.scope.clone(), one)
        };
        lists.iter().enumerate().map(of).collect()
    }

    fn before(scopes: &BTreeMap<Scope, Desired>) -> Tree {
        let scopes = scopes.iter().map(|(scope, one)| (scope.clone(), Arc::new(one.clone())));
        let revision = crate::model::Revision::of_content(crate::model::Digest::of([]));
        Tree { revision: Arc::new(revision), scopes: scopes.collect() }
    }

    fn overlaps(scopes: &BTreeMap<Scope, Desired>) -> bool {
        let all: Vec<_> = scopes.values().flat_map(|one| one.links.keys()).collect();
        all.iter().collect::<std::collections::BTreeSet<_>>().len() < all.len()
    }

    proptest! {
        /// Whatever was before, and whichever way is taken: an overlap is never missed.
        #[test]
        fn an_instance_of_two_scopes_is_always_noticed(
            old in prop::collection::vec(prop::collection::vec(0_usize..12, 0..4), 1..5),
            new in prop::collection::vec(prop::collection::vec(0_usize..12, 0..4), 1..5),
        ) {
            let (old, mut new) = (tree_of(&old), tree_of(&new));
            prop_assert_eq!(may_overlap(&new, None), overlaps(&new));
            if !overlaps(&old) {
                prop_assert_eq!(may_overlap(&new, Some(&before(&old))), overlaps(&new));
                // One scope shares its links with the tree before.
                for (scope, one) in new.iter_mut().take(1) {
                    one.links = old.get(scope).map(|old| old.links.clone()).unwrap_or_default();
                }
                prop_assert_eq!(may_overlap(&new, Some(&before(&old))), overlaps(&new));
            }
        }
    }
}
