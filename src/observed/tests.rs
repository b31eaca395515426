use super::*;
use crate::cloud::Page;
use crate::model::{AccountName, Link, Region};
use proptest::prelude::*;
use std::time::Duration;

fn scope() -> Scope {
    Scope {
        account: AccountName::parse("default").unwrap(),
        region: Region::parse("cn-hangzhou").unwrap(),
        vpc: VpcId::parse("vpc-a").unwrap(),
    }
}

fn id(n: usize) -> InstanceId {
    InstanceId::parse(&format!("i-{n:05}")).unwrap()
}

fn moment() -> Moment {
    Moment { wall: jiff::Timestamp::UNIX_EPOCH, monotonic: Duration::ZERO }
}

fn page_of(world: &[InstanceId], ask: Ask) -> Page {
    let begin = ((ask.page - 1) * ask.page_size) as usize;
    let end = world.len().min(begin + ask.page_size as usize);
    let links = world.get(begin..end).unwrap_or_default();
    let link = |id: &InstanceId| scope().link(id.clone());
    Page { links: links.iter().map(link).collect(), total: world.len() as u32, request_id: None }
}

/// Lists `world`, which `change` may change before each page.
fn sweep(
    mut world: Vec<InstanceId>,
    mut change: impl FnMut(usize, &mut Vec<InstanceId>),
) -> Result<Listed, Gap> {
    let mut sweep = Sweep::new(scope());
    let mut calls = 0;
    while let Some(ask) = sweep.ask() {
        change(calls, &mut world);
        calls += 1;
        assert!(calls < 60, "the sweep does not end");
        sweep.take(&page_of(&world, ask))?;
    }
    sweep.finish()
}

#[test]
fn twelve_calls_cover_a_thousand_links() {
    let world: Vec<_> = (0..1000).map(id).collect();
    let mut calls = 0;
    let listed = sweep(world, |_, _| calls += 1).unwrap();
    assert_eq!((listed.len(), calls), (1000, 12));
}

#[test]
fn pages_that_cover_the_count_to_the_link_are_enough() {
    for (links, expected) in [(0, 1), (99, 1), (100, 1), (101, 2), (198, 2), (199, 3)] {
        let mut calls = 0;
        let listed = sweep((0..links).map(id).collect(), |_, _| calls += 1).unwrap();
        assert_eq!((listed.len(), calls), (links, expected));
    }
}

#[test]
fn what_a_try_saw_before_it_failed_is_good_for_candidates() {
    let mut world: Vec<_> = (0..150).map(id).collect();
    let mut sweep = Sweep::new(scope());
    assert_eq!((sweep.seen().len(), sweep.total()), (0, None));
    sweep.take(&page_of(&world, sweep.ask().unwrap())).unwrap();
    assert_eq!((sweep.seen().len(), sweep.total()), (100, Some(150)));
    world.push(id(999));
    assert!(sweep.take(&page_of(&world, sweep.ask().unwrap())).is_err());
    assert_eq!((sweep.seen().len(), sweep.total()), (151, Some(151)));
}

#[test]
fn a_link_replaced_between_two_pages_breaks_a_seam() {
    // One in, one out: the count stays, and only the seam can tell.
    let world: Vec<_> = (0..250).map(id).collect();
    let gap = sweep(world, |call, world| {
        if call == 1 {
            world.remove(3);
            world.push(id(999));
        }
    })
    .unwrap_err();
    assert!(gap.to_string().contains("does not continue"), "{gap}");
}

#[test]
fn a_link_that_two_pages_list_hides_one_that_none_does() {
    // Two links change places between the pages: every seam matches, and the count stays.
    let world: Vec<_> = (0..250).map(id).collect();
    let gap = sweep(world, |call, world| {
        if call == 1 {
            world.swap(3, 249);
        }
    })
    .unwrap_err();
    assert!(gap.to_string().contains("249 links"), "{gap}");
}

#[test]
fn a_count_that_changes_proves_nothing() {
    let world: Vec<_> = (0..150).map(id).collect();
    let gap = sweep(world, |call, world| {
        if call == 1 {
            world.push(id(999));
        }
    })
    .unwrap_err();
    assert!(gap.to_string().contains("differently"), "{gap}");
}

#[test]
fn an_answer_about_another_vpc_proves_nothing() {
    let mut sweep = Sweep::new(scope());
    let links = vec![Link { instance: id(1), vpc: VpcId::parse("vpc-b").unwrap() }];
    let gap = sweep.take(&Page { links, total: 1, request_id: None }).unwrap_err();
    assert!(gap.to_string().contains("another region or account"), "{gap}");
}

#[test]
fn short_duplicated_and_overlong_pages_prove_nothing() {
    let world: Vec<_> = (0..3).map(id).collect();
    let whole = page_of(&world, Ask { page: 1, page_size: 100 });
    let short = Page { total: 4, ..whole.clone() };
    let long = Page { total: 2, ..whole.clone() };
    let mut twice = whole.clone();
    twice.links[2] = twice.links[1].clone();
    for page in [short, long, twice] {
        assert!(Sweep::new(scope()).take(&page).is_err(), "{page:?}");
    }
    let mut sweep = Sweep::new(scope());
    sweep.take(&whole).unwrap();
    assert_eq!(sweep.finish().unwrap().len(), 3);
}

#[test]
fn a_count_that_no_vpc_can_have_is_not_followed() {
    assert!(plausible(&scope(), 2_440).is_ok());
    assert!(plausible(&scope(), 2_441).is_err());
    let page = Page { total: u32::MAX, ..page_of(&[], Ask { page: 1, page_size: 100 }) };
    let mut sweep = Sweep::new(scope());
    assert!(sweep.take(&page).is_err());
    assert_eq!(sweep.total(), None, "what is not believed is not asked for, either");
}

#[test]
fn an_unanswered_sweep_is_not_an_empty_vpc() {
    assert!(Sweep::new(scope()).finish().is_err());
    assert!(listed(&[]).is_empty() && !listed(&[1]).is_empty());
}

#[test]
fn a_read_by_id_must_answer_what_was_asked() {
    let asked = [id(1), id(2)];
    let link = |n| scope().link(id(n));
    let page = |links: Vec<Link>, total| Page { links, total, request_id: None };
    let good = judge(&asked, &page(vec![link(2)], 1)).unwrap();
    assert_eq!(good[&id(1)], Standing::Unlinked);
    assert_eq!(good[&id(2)], Standing::Linked(scope().vpc));
    for bad in [
        page(vec![link(3)], 1),
        page(vec![link(1), link(1)], 2),
        page(vec![link(1)], 2),
        page(vec![], 1),
    ] {
        assert!(judge(&asked, &bad).is_err(), "{bad:?}");
    }
}

fn linked() -> Standing {
    Standing::Linked(scope().vpc)
}

fn listed(ids: &[usize]) -> Listed {
    sweep(ids.iter().map(|n| id(*n)).collect(), |_, _| ()).unwrap()
}

#[test]
fn every_difference_has_to_be_decided_by_id() {
    let kept = id(1);
    let desired = BTreeSet::from([&kept]);
    let gap =
        Complete::award(scope(), listed(&[1, 2]), &desired, BTreeMap::new(), moment()).unwrap_err();
    assert!(gap.to_string().contains("i-00002 was not read by id"), "{gap}");
}

#[test]
fn the_read_by_id_wins_over_a_list_that_lagged() {
    let desired = BTreeSet::new();
    let other = VpcId::parse("vpc-b").unwrap();
    let standings = BTreeMap::from([
        (id(1), linked()),
        (id(2), Standing::Unlinked),
        (id(3), Standing::Linked(other.clone())),
        (id(4), Standing::Unknown { code: "InvalidInstanceId.NotFound".into() }),
    ]);
    let seen =
        Complete::award(scope(), listed(&[1, 2, 3, 4]), &desired, standings, moment()).unwrap();
    assert_eq!(seen.links(), &BTreeSet::from([id(1), id(4)]));
    assert!(seen.confirms(&id(1)) && !seen.confirms(&id(2)) && !seen.confirms(&id(4)));
    assert_eq!(seen.elsewhere(&id(3)), Some(&other));
    assert_eq!(seen.elsewhere(&id(1)), None, "linked here");
    assert!(seen.unknown(&id(4)));
}

#[test]
fn a_list_that_lacks_a_link_the_ids_show_is_not_complete() {
    let missing = id(7);
    let desired = BTreeSet::from([&missing]);
    let standings = BTreeMap::from([(id(7), linked())]);
    assert!(Complete::award(scope(), listed(&[]), &desired, standings, moment()).is_err());
}

#[test]
fn as_many_confirmed_candidates_as_the_cloud_counts_are_all_of_them() {
    let standings =
        BTreeMap::from([(id(1), linked()), (id(2), linked()), (id(3), Standing::Unlinked)]);
    assert_eq!(Listed::by_count_and_ids(&scope(), &standings, 2, 2).unwrap().len(), 2);
    for (before, after) in [(2, 3), (3, 2), (3, 3), (1, 1)] {
        assert!(Listed::by_count_and_ids(&scope(), &standings, before, after).is_err());
    }
}

proptest! {
    /// Whatever comes and goes between the pages: a list that is accepted lacks no link that was
    /// there throughout.
    #[test]
    fn an_accepted_list_lacks_nothing_that_stayed(
        size in 0usize..420,
        changes in proptest::collection::vec((0usize..6, 0usize..500, any::<bool>()), 0..4),
    ) {
        let world: Vec<_> = (0..size).map(id).collect();
        let mut stayed: BTreeSet<_> = world.iter().cloned().collect();
        let mut fresh = 10_000;
        let result = sweep(world, |call, world| {
            for (_, at, replace) in changes.iter().filter(|(when, _, _)| *when == call && call > 0) {
                if world.is_empty() { continue; }
                let gone = world.remove(at % world.len());
                stayed.remove(&gone);
                if *replace {
                    fresh += 1;
                    world.insert(at % (world.len() + 1), id(fresh));
                }
            }
        });
        if let Ok(listed) = result {
            for instance in &stayed {
                prop_assert!(listed.contains(instance), "{} is lost", instance);
            }
        }
    }
}
