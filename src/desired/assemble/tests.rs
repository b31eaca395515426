use super::*;
use crate::desired::{Ceiling, Declared, Limits, ScopePlaces};
use crate::model::{Amount, Digest, Mode};
use crate::plan::tests::{id, moment, scope};
use crate::window::{Kind, Window, Windows};
use std::slice;

fn at(line: u32) -> Place {
    Place { file: "shop.yaml".into(), line, column: 1 }
}

/// A document that begins at `line`, says its account, region, VPC and mode on the lines after
/// that, and its instances behind them.
fn document(line: u32, scope: Scope, ids: &[usize]) -> Document {
    let declared = |line| Declared { until: None, reason: None, protected: false, place: at(line) };
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
    assemble(documents, Revision::of_content(Digest::of([])), None)
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
            let said = document.instances.get_mut(&id(1)).unwrap();
            said.until = until;
            said.protected = protected;
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
        (slice::from_ref(&region), &[], Some(12)),
        (&[], slice::from_ref(&vpc), Some(13)),
        (&[scope()], slice::from_ref(&vpc), Some(13)),
        (slice::from_ref(&region), &[scope()], Some(12)),
    ] {
        let ceiling = ceiling(regions, vpcs);
        assert_eq!(lines(ceiling.clone()), expected.into_iter().collect::<Vec<_>>());
        assert_eq!(ceiling.unwrap().allows(&scope()), expected.is_none());
    }
}
