//! Joins documents into scopes and finds what contradicts.

use super::{Ceilings, Conflict, Desired, Document, Origin, Place, Tree};
use crate::model::{AccountName, InstanceId, Region, Revision, Scope, VpcId};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// One [`Desired`] per scope. The union of all documents of a scope counts; an instance said twice for one scope keeps the later `until` and any protection.
///
/// # Errors
/// Every conflict at once: modes of one scope that differ, a VPC of two accounts, an instance claimed by two VPCs of one
/// account and region (an instance links to one VPC, `api-contract.md` 8.1).
pub fn assemble(documents: &[Document], revision: Revision) -> Result<Tree, Vec<Conflict>> {
    let revision = Arc::new(revision);
    let mut conflicts = modes_that_differ(documents);
    conflicts.extend(vpcs_of_two_accounts(documents));
    conflicts.extend(instances_claimed_twice(documents));
    if !conflicts.is_empty() {
        conflicts.sort();
        return Err(conflicts);
    }
    let mut scopes: BTreeMap<Scope, Desired> = BTreeMap::new();
    for document in documents {
        match scopes.get_mut(&document.scope) {
            Some(desired) => join(desired, document),
            None => {
                scopes.insert(document.scope.clone(), begin(document, &revision));
            }
        }
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
        links: BTreeMap::new(),
        max_detach: Vec::new(),
        allow_empty: true,
        windows: Vec::new(),
        origins: Vec::new(),
        revision: Arc::clone(revision),
    };
    join(&mut desired, document);
    desired
}

fn join(desired: &mut Desired, document: &Document) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::{Ceiling, Declared, Limits, ScopePlaces};
    use crate::model::{Amount, Digest, Mode};
    use crate::plan::tests::{id, moment, scope};
    use crate::window::{Kind, Window, Windows};

    fn at(line: u32) -> Place {
        Place { file: "shop.yaml".into(), line, column: 1 }
    }

    /// A document that begins at `line`, says its account, region, VPC and mode on the lines after
    /// that, and its instances behind them.
    fn document(line: u32, scope: Scope, ids: &[usize]) -> Document {
        let declared =
            |line| Declared { until: None, reason: None, protected: false, place: at(line) };
        Document {
            name: format!("set-{line}"),
            owner: None,
            scope,
            mode: Mode::Detach,
            instances: ids.iter().zip(line + 5..).map(|(n, at)| (id(*n), declared(at))).collect(),
            limits: Limits::default(),
            windows: Windows::default(),
            place: at(line),
            mode_place: at(line + 4),
            scope_places: ScopePlaces {
                account: at(line + 1),
                region: at(line + 2),
                vpc: at(line + 3),
            },
        }
    }

    fn joined(documents: &[Document]) -> Result<Tree, Vec<(u32, Option<u32>)>> {
        let lines =
            |conflict: Conflict| (conflict.place.line, conflict.other.map(|(place, _)| place.line));
        assemble(documents, Revision::of_content(Digest::of([])))
            .map_err(|conflicts| conflicts.into_iter().map(lines).collect())
    }

    fn of_account(name: &str) -> Scope {
        Scope { account: AccountName::parse(name).unwrap(), ..scope() }
    }

    fn of_region(name: &str) -> Scope {
        Scope { region: Region::parse(name).unwrap(), ..scope() }
    }

    fn of_vpc(name: &str) -> Scope {
        Scope { vpc: VpcId::parse(name).unwrap(), ..scope() }
    }

    #[test]
    fn a_link_said_twice_keeps_any_protection_and_the_later_end() {
        let (early, late) = (Some(moment(1).wall), Some(moment(2).wall));
        for (one, other, expected) in [
            ((early, false), (late, true), (late, true)),
            ((late, true), (early, false), (late, true)),
            ((early, false), (None, false), (None, false)),
            ((None, true), (early, true), (None, true)),
        ] {
            let mut documents = [document(10, scope(), &[1, 2]), document(30, scope(), &[1, 3])];
            for (document, (until, protected)) in documents.iter_mut().zip([one, other]) {
                document.instances[0].1.until = until;
                document.instances[0].1.protected = protected;
            }
            let tree = joined(&documents).unwrap();
            let links = &tree.scopes[&scope()].links;
            assert_eq!(links.keys().collect::<Vec<_>>(), [&id(1), &id(2), &id(3)]);
            let said = &links[&id(1)];
            assert_eq!((said.until, said.protected), expected, "{one:?} {other:?}");
            assert_eq!(said.place, at(15), "the first one's");
        }
    }

    #[test]
    fn of_several_documents_every_limit_and_window_counts() {
        let window = Window::parse(Kind::Deny, "Sat,Sun", "UTC").unwrap();
        for (one, other) in [(false, false), (true, false), (false, true), (true, true)] {
            let mut documents = [document(10, scope(), &[1]), document(30, scope(), &[2])];
            documents[0].limits = Limits { max_detach: Some(Amount::Count(5)), allow_empty: one };
            documents[1].limits = Limits { max_detach: None, allow_empty: other };
            documents[1].windows = Windows::new(vec![window.clone()]);
            let tree = joined(&documents).unwrap();
            let desired = &tree.scopes[&scope()];
            assert_eq!(desired.allow_empty, one && other, "all of them have to allow it");
            assert_eq!(desired.max_detach, [Amount::Count(5)]);
            assert_eq!(desired.windows, [Windows::new(vec![window.clone()])]);
            let origins: Vec<_> = desired.origins.iter().map(|of| of.name.as_str()).collect();
            assert_eq!(origins, ["set-10", "set-30"]);
        }
    }

    #[test]
    fn documents_of_one_scope_have_to_agree_on_the_mode() {
        let mut documents = [document(10, scope(), &[1]), document(30, scope(), &[2])];
        assert!(joined(&documents).is_ok());
        documents[1].mode = Mode::Sync;
        assert_eq!(joined(&documents), Err(vec![(34, Some(14))]));
        documents[1].scope = of_vpc("vpc-b");
        assert!(joined(&documents).is_ok(), "another scope may have another mode");
    }

    #[test]
    fn a_vpc_belongs_to_one_account_and_an_instance_to_one_vpc() {
        let first = document(10, scope(), &[1, 2]);
        let second = |scope, ids: &[usize]| [first.clone(), document(30, scope, ids)];
        assert_eq!(joined(&second(of_account("other"), &[3])), Err(vec![(31, Some(11))]));
        assert_eq!(joined(&second(of_vpc("vpc-b"), &[3, 2])), Err(vec![(36, Some(16))]));
        for elsewhere in [of_region("cn-beijing"), of_vpc("vpc-b")] {
            let tree = joined(&second(elsewhere.clone(), &[3])).unwrap();
            assert_eq!(tree.scopes.len(), 2, "{elsewhere}");
        }
        assert!(joined(&second(of_region("cn-beijing"), &[2])).is_ok(), "ids are of a region");
    }

    #[test]
    fn every_contradiction_is_found_in_the_order_of_the_files() {
        let mut documents = vec![
            document(10, scope(), &[1]),
            document(30, of_vpc("vpc-b"), &[1]),
            document(50, of_account("other"), &[2]),
            document(70, scope(), &[3]),
        ];
        documents[3].mode = Mode::Observe;
        let expected = vec![(35, Some(15)), (51, Some(11)), (74, Some(14))];
        assert_eq!(joined(&documents), Err(expected));
    }

    #[test]
    fn what_the_configuration_does_not_name_is_outside() {
        let lines = |ceiling: Option<Ceiling>| -> Vec<u32> {
            let ceilings = ceiling.map(|ceiling| (scope().account, ceiling)).into_iter().collect();
            let outside = outside_ceilings(&[document(10, scope(), &[1])], &ceilings);
            outside.into_iter().map(|conflict| conflict.place.line).collect()
        };
        let ceiling = |regions: &[Scope], vpcs: &[Scope]| {
            let regions = regions.iter().map(|of| of.region.clone()).collect();
            let vpcs = vpcs.iter().map(|of| of.vpc.clone()).collect();
            Some(Ceiling { regions, vpcs })
        };
        assert_eq!(lines(None), [11], "an account that is not configured");
        let (region, vpc) = (of_region("cn-beijing"), of_vpc("vpc-b"));
        for (regions, vpcs, expected) in [
            (&[][..], &[][..], None),
            (&[scope()], &[scope()], None),
            (&[region.clone(), scope()], &[vpc.clone(), scope()], None),
            (&[region.clone()], &[], Some(12)),
            (&[], &[vpc.clone()], Some(13)),
            (&[scope()], &[vpc.clone()], Some(13)),
            (&[region], &[scope()], Some(12)),
        ] {
            let ceiling = ceiling(regions, vpcs);
            assert_eq!(lines(ceiling.clone()), expected.into_iter().collect::<Vec<_>>());
            assert_eq!(ceiling.unwrap().allows(&scope()), expected.is_none());
        }
    }
}
