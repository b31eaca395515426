//! Joins documents into scopes and finds what contradicts.

use super::{Ceilings, Conflict, Desired, Document, Origin, Place, Tree, claims};
use crate::model::{AccountName, InstanceId, Region, Revision, Scope, VpcId};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// One [`Desired`] per scope. The union of all documents of a scope counts; an instance said twice
/// for one scope keeps the later `until` and any protection. What `before`, an earlier tree, already
/// holds is not compared again.
///
/// # Errors
/// Every conflict at once: modes of one scope that differ, a VPC of two accounts, an instance claimed
/// by two VPCs of one account and region (an instance links to one VPC, `api-contract.md` 8.1).
pub fn assemble(
    documents: &[Document],
    revision: Revision,
    before: Option<&Tree>,
) -> Result<Tree, Vec<Conflict>> {
    let revision = Arc::new(revision);
    let mut scopes: BTreeMap<Scope, Desired> = BTreeMap::new();
    for document in documents {
        match scopes.entry(document.scope.clone()) {
            Entry::Occupied(mut desired) => join(desired.get_mut(), document),
            Entry::Vacant(place) => {
                place.insert(begin(document, &revision));
            }
        }
    }
    let mut conflicts = Vec::new();
    // Mostly each scope has one document, and all are of one account: then neither can be.
    if scopes.len() < documents.len() {
        conflicts.extend(modes_that_differ(documents));
    }
    if are_of_several_accounts(documents) {
        conflicts.extend(vpcs_of_two_accounts(documents));
    }
    if claims::may_overlap(&scopes, before) {
        conflicts.extend(instances_claimed_twice(documents));
    }
    if !conflicts.is_empty() {
        conflicts.sort();
        return Err(conflicts);
    }
    let scopes = scopes.into_iter().map(|(scope, desired)| (scope, Arc::new(desired))).collect();
    Ok(Tree { revision, scopes })
}

/// What the configuration does not allow: accounts it does not name, regions and VPCs beyond an
/// account's ceiling.
pub fn outside_ceilings(documents: &[Document], ceilings: &Ceilings) -> Vec<Conflict> {
    documents.iter().filter_map(|document| outside(document, ceilings)).collect()
}

fn outside(document: &Document, ceilings: &Ceilings) -> Option<Conflict> {
    let Scope { account, region, vpc } = &document.scope;
    let conflict = |place: &Place, message, help| Conflict {
        place: place.clone(),
        message,
        other: None,
        help,
    };
    let places = &document.scope_places;
    let Some(ceiling) = ceilings.get(account) else {
        let known: Vec<&str> = ceilings.keys().map(|name| name.as_str()).collect();
        return Some(conflict(
            &places.account,
            format!("account `{account}` is not in the configuration"),
            format!("name one of: {}; or add it under `accounts:`", known.join(", ")),
        ));
    };
    if !ceiling.regions.is_empty() && !ceiling.regions.contains(region) {
        return Some(conflict(
            &places.region,
            format!("region `{region}` is outside what account `{account}` may manage"),
            format!(
                "add it to `accounts.{account}.regions` in the configuration, if that is meant"
            ),
        ));
    }
    if !ceiling.vpcs.is_empty() && !ceiling.vpcs.contains(vpc) {
        return Some(conflict(
            &places.vpc,
            format!("VPC `{vpc}` is outside what account `{account}` may manage"),
            format!("add it to `accounts.{account}.vpcs` in the configuration, if that is meant"),
        ));
    }
    None
}

fn modes_that_differ(documents: &[Document]) -> Vec<Conflict> {
    let mut first: BTreeMap<&Scope, &Document> = BTreeMap::new();
    let mut conflicts = Vec::new();
    for document in documents {
        let earlier = *first.entry(&document.scope).or_insert(document);
        if earlier.mode != document.mode {
            conflicts.push(Conflict {
                place: document.mode_place.clone(),
                message: format!(
                    "mode `{}` disagrees with another manifest of scope {}",
                    document.mode, document.scope
                ),
                other: Some((earlier.mode_place.clone(), format!("says `{}`", earlier.mode))),
                help: "write the same mode in every manifest of one scope".to_owned(),
            });
        }
    }
    conflicts
}

fn are_of_several_accounts(documents: &[Document]) -> bool {
    let mut accounts = documents.iter().map(|document| &document.scope.account);
    let first = accounts.next();
    accounts.any(|account| Some(account) != first)
}

/// A VPC belongs to one account: under two names of it, each would cut what only the other lists.
fn vpcs_of_two_accounts(documents: &[Document]) -> Vec<Conflict> {
    let mut first: BTreeMap<(&Region, &VpcId), &Document> = BTreeMap::new();
    let mut conflicts = Vec::new();
    for document in documents {
        let Scope { account, region, vpc } = &document.scope;
        let earlier = *first.entry((region, vpc)).or_insert(document);
        if earlier.scope.account != *account {
            let place = earlier.scope_places.account.clone();
            conflicts.push(Conflict {
                place: document.scope_places.account.clone(),
                message: format!("VPC `{vpc}` is declared for two accounts: `{account}` here"),
                other: Some((place, format!("declares it for `{}`", earlier.scope.account))),
                help:
                    "a VPC belongs to one account: write the same account in every manifest of it"
                        .to_owned(),
            });
        }
    }
    conflicts
}

fn instances_claimed_twice(documents: &[Document]) -> Vec<Conflict> {
    // Borrowed keys: a tree may hold a million instances.
    let mut first: HashMap<(&AccountName, &Region, &InstanceId), (&VpcId, &Place)> = HashMap::new();
    let mut conflicts = Vec::new();
    for document in documents {
        let Scope { account, region, vpc } = &document.scope;
        for (instance, said) in &document.instances {
            let key = (account, region, instance);
            let (earlier_vpc, earlier_place) = *first.entry(key).or_insert((vpc, &said.place));
            if earlier_vpc != vpc {
                conflicts.push(Conflict {
                    place: said.place.clone(),
                    message: format!("instance `{instance}` is claimed by two VPCs: {vpc} here"),
                    other: Some((earlier_place.clone(), format!("claims it for {earlier_vpc}"))),
                    help: "an instance links to one VPC: keep it in one of the two manifests"
                        .to_owned(),
                });
            }
        }
    }
    conflicts
}

fn begin(document: &Document, revision: &Arc<Revision>) -> Desired {
    let mut desired = Desired {
        scope: document.scope.clone(),
        mode: document.mode,
        // Most scopes have one manifest, and share its links.
        links: document.instances.clone(),
        max_detach: Vec::new(),
        allow_empty: true,
        windows: Vec::new(),
        origins: Vec::new(),
        revision: Arc::clone(revision),
    };
    join_terms(&mut desired, document);
    desired
}

fn join(desired: &mut Desired, document: &Document) {
    join_terms(desired, document);
    for (instance, said) in &document.instances {
        match desired.links.get_mut(instance) {
            None => {
                desired.links.insert(instance.clone(), said.clone());
            }
            Some(earlier) => {
                earlier.protected |= said.protected;
                earlier.until = match (earlier.until, said.until) {
                    (Some(one), Some(other)) => Some(one.max(other)),
                    _ => None,
                };
            }
        }
    }
}

fn join_terms(desired: &mut Desired, document: &Document) {
    desired.max_detach.extend(document.limits.max_detach);
    desired.allow_empty &= document.limits.allow_empty;
    if !document.windows.is_empty() {
        desired.windows.push(document.windows.clone());
    }
    desired.origins.push(Origin {
        name: document.name.clone(),
        owner: document.owner.clone(),
        place: document.place.clone(),
    });
}

#[cfg(test)]
mod tests;
