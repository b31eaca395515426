use super::*;
use crate::model::{AccountName, Commit, Region, Revision};
use crate::observed::{Standing, Sweep};
use proptest::prelude::*;
use std::time::Duration;

pub(crate) fn id(n: usize) -> InstanceId {
    InstanceId::parse(&format!("i-{n:04}")).unwrap()
}

pub(crate) fn scope() -> Scope {
    Scope {
        account: AccountName::parse("default").unwrap(),
        region: Region::parse("cn-hangzhou").unwrap(),
        vpc: VpcId::parse("vpc-a").unwrap(),
    }
}

pub(crate) fn place() -> Place {
    Place { file: "shop.yaml".into(), line: 7, column: 5 }
}

pub(crate) fn desired(mode: Mode, ids: &[usize]) -> Desired {
    let said =
        crate::desired::Declared { until: None, reason: None, protected: false, place: place() };
    Desired {
        scope: scope(),
        mode,
        links: ids.iter().map(|n| (id(*n), said.clone())).collect(),
        max_detach: vec![],
        allow_empty: false,
        windows: vec![],
        origins: vec![crate::desired::Origin { name: "shop".into(), owner: None, place: place() }],
        revision: Arc::new(Revision::of_content(Digest::of([b"x".as_slice()]))),
    }
}

pub(crate) fn moment(seconds: u64) -> Moment {
    Moment { wall: Timestamp::UNIX_EPOCH, monotonic: Duration::ZERO }
        .after(Duration::from_secs(seconds))
}

/// An observation of `linked`, where `standings` overrides what the reads by id say.
pub(crate) fn observed(
    desired: &Desired,
    linked: &[usize],
    standings: &[(usize, Standing)],
    at: Moment,
) -> Complete {
    let mut sweep = Sweep::new(scope());
    let mut next = 0;
    while let Some(ask) = sweep.ask() {
        let begin = ((ask.page - 1) * ask.page_size) as usize;
        let page = crate::cloud::Page {
            links: linked
                .iter()
                .skip(begin)
                .take(ask.page_size as usize)
                .map(|n| scope().link(id(*n)))
                .collect(),
            total: linked.len() as u32,
            request_id: None,
        };
        sweep.take(&page).unwrap();
        next += 1;
        assert!(next < 50);
    }
    let listed = sweep.finish().unwrap();
    let kept = desired.instances_at(at.wall);
    let mut by_id: BTreeMap<InstanceId, Standing> = BTreeMap::new();
    for instance in listed.differing(&kept) {
        let here = listed.contains(&instance);
        by_id.insert(
            instance,
            if here { Standing::Linked(scope().vpc) } else { Standing::Unlinked },
        );
    }
    by_id.extend(standings.iter().map(|(n, standing)| (id(*n), standing.clone())));
    Complete::award(scope(), listed, &kept, by_id, at).unwrap()
}

pub(crate) fn plan_of(desired: Desired, linked: &[usize]) -> Plan {
    let seen = observed(&desired, linked, &[], moment(0));
    compute(&Arc::new(desired), &seen, moment(0).wall)
}

fn verbs(plan: &Plan) -> Vec<(Verb, &str)> {
    plan.actions().iter().map(|a| (a.verb, a.link.instance.as_str())).collect()
}

#[test]
fn what_is_not_listed_goes_and_what_is_missing_is_reported() {
    let plan = plan_of(desired(Mode::Detach, &[1, 2, 9]), &[1, 2, 3]);
    assert_eq!(verbs(&plan), [(Verb::Detach, "i-0003")]);
    assert_eq!(plan.missing().keys().collect::<Vec<_>>(), [&id(9)]);
}

#[test]
fn sync_also_attaches_after_detaching() {
    let plan = plan_of(desired(Mode::Sync, &[1, 2]), &[1, 3]);
    assert_eq!(verbs(&plan), [(Verb::Detach, "i-0003"), (Verb::Attach, "i-0002")]);
}

#[test]
fn an_instance_linked_elsewhere_is_not_attached_before_that_link_is_gone() {
    let desired = desired(Mode::Sync, &[1, 2, 3]);
    let other = VpcId::parse("vpc-b").unwrap();
    let unknown = Standing::Unknown { code: "InvalidInstanceId.NotFound".into() };
    let standings = [(2, Standing::Linked(other.clone())), (3, unknown)];
    let seen = observed(&desired, &[1], &standings, moment(0));
    let plan = compute(&Arc::new(desired), &seen, moment(0).wall);
    assert!(plan.actions().is_empty());
    assert_eq!(plan.missing()[&id(2)], Missing::Elsewhere(other));
    assert_eq!(plan.missing()[&id(3)], Missing::Unknown);
}

#[test]
fn a_link_that_no_read_by_id_confirms_is_not_cut() {
    let desired = desired(Mode::Detach, &[1]);
    let unknown = Standing::Unknown { code: "InvalidInstanceId.NotFound".into() };
    let seen = observed(&desired, &[1, 2], &[(2, unknown)], moment(0));
    let plan = compute(&Arc::new(desired), &seen, moment(0).wall);
    assert!(plan.actions().is_empty());
    assert_eq!(plan.unconfirmed(), &BTreeSet::from([id(2)]));
    assert!(!plan.is_in_sync());
}

#[test]
fn an_exception_holds_until_its_time_and_not_at_it() {
    let mut desired = desired(Mode::Detach, &[1, 2]);
    let until = moment(100).wall;
    desired.links.get_mut(&id(2)).unwrap().until = Some(until);
    for (at, goes) in [(99, 0), (100, 1), (101, 1)] {
        let seen = observed(&desired, &[1, 2], &[], moment(at));
        let plan = compute(&Arc::new(desired.clone()), &seen, moment(at).wall);
        assert_eq!(plan.count(Verb::Detach), goes, "at {at}");
        if let Some(action) = plan.actions().first() {
            assert_eq!(action.reason, Reason::Expired { until, place: place() });
        }
    }
}

#[test]
fn the_digest_binds_scope_mode_revision_and_actions() {
    let base = plan_of(desired(Mode::Detach, &[1]), &[1, 2]);
    let same = plan_of(desired(Mode::Detach, &[1, 8]), &[1, 2]);
    assert_eq!(base.digest(), same.digest(), "a missing link is no action");
    let mut other_revision = desired(Mode::Detach, &[1]);
    other_revision.revision = Arc::new(Revision::of_content(Digest::of([b"y".as_slice()])));
    let others = [
        plan_of(desired(Mode::Sync, &[1]), &[1, 2]),
        plan_of(desired(Mode::Detach, &[1]), &[1, 3]),
        plan_of(other_revision, &[1, 2]),
    ];
    for other in &others {
        assert_ne!(base.digest(), other.digest());
    }
}

proptest! {
    /// Applying a plan makes observed equal desired, names only links of the scope, and a second
    /// plan is empty.
    #[test]
    fn applying_a_sync_plan_converges(
        wanted in proptest::collection::btree_set(0usize..40, 0..30),
        linked in proptest::collection::btree_set(0usize..40, 0..30),
    ) {
        let wanted: Vec<_> = wanted.into_iter().collect();
        let linked: Vec<_> = linked.into_iter().collect();
        let plan = plan_of(desired(Mode::Sync, &wanted), &linked);
        let mut world: BTreeSet<InstanceId> = linked.iter().map(|n| id(*n)).collect();
        for action in plan.actions() {
            prop_assert_eq!(&action.link.vpc, &scope().vpc);
            match action.verb {
                Verb::Detach => prop_assert!(world.remove(&action.link.instance)),
                Verb::Attach => prop_assert!(world.insert(action.link.instance.clone())),
            }
        }
        prop_assert_eq!(world, wanted.iter().map(|n| id(*n)).collect());
        let after = plan_of(desired(Mode::Sync, &wanted), &wanted);
        prop_assert!(after.is_in_sync() && after.missing().is_empty());
    }

    /// The cloud's order does not matter.
    #[test]
    fn the_order_of_the_input_never_matters(linked in proptest::collection::vec(0usize..400, 0..90)) {
        let mut unique: Vec<_> = linked.clone();
        unique.sort_unstable();
        unique.dedup();
        let mut shuffled = Vec::new();
        for n in linked { if !shuffled.contains(&n) { shuffled.push(n); } }
        prop_assert_eq!(
            plan_of(desired(Mode::Detach, &[1, 5]), &unique),
            plan_of(desired(Mode::Detach, &[1, 5]), &shuffled)
        );
    }
}

#[test]
fn giving_back_attaches_what_is_free_and_takes_nothing() {
    let wanted = desired(Mode::Sync, &[1, 2, 3, 4]);
    let other = VpcId::parse("vpc-b").unwrap();
    let standings =
        [(3, Standing::Linked(other.clone())), (4, Standing::Unknown { code: "x".into() })];
    let seen = observed(&wanted, &[2, 8, 9], &standings, moment(5));
    let plan = restore(&Arc::new(wanted), &seen, "r7");
    assert_eq!(verbs(&plan), [(Verb::Attach, "i-0001")]);
    assert!(plan.actions()[0].reason.to_string().contains("r7"));
    assert_eq!(plan.missing()[&id(3)], Missing::Elsewhere(other));
    assert_eq!(plan.missing()[&id(4)], Missing::Unknown);
    assert_eq!(plan.observed_count(), 3);
}

#[test]
fn what_is_given_back_is_bound_by_its_own_steps_alone() {
    let wanted = Arc::new(desired(Mode::Sync, &[1, 2]));
    let nobody_knows = [(9, Standing::Unknown { code: "x".into() })];
    let seen = observed(&wanted, &[2, 8, 9], &nobody_knows, moment(5));
    let (whole, back) = (compute(&wanted, &seen, moment(5).wall), restore(&wanted, &seen, "r7"));
    assert_eq!(whole.unconfirmed(), &BTreeSet::from([id(9)]));
    assert!(back.unconfirmed().is_empty(), "an undo takes nothing, confirmed or not");
    let alone = observed(&wanted, &[2], &[], moment(5));
    assert_eq!(back.digest(), compute(&wanted, &alone, moment(5).wall).digest());
    assert_ne!(back.digest(), whole.digest());
}

#[test]
fn a_detach_names_the_commit_that_took_the_link_out_and_keeps_its_digest() {
    let mut wanted = desired(Mode::Detach, &[1]);
    let blamed =
        |plan: &Plan| plan.actions().iter().map(|of| of.reason.to_string()).collect::<Vec<_>>();
    let author = Some("Ann \u{1b}[2J".to_owned());
    let commit =
        Commit { author, subject: Some("Drop web-2".into()), ..Commit::of_id("0123456789abcdef") };
    let who = |instance: &InstanceId| {
        (*instance == id(2)).then(|| TakenOut { commit: commit.clone(), exactly: true })
    };
    let plain = plan_of(wanted.clone(), &[1, 2, 3]);
    assert_eq!(plain.clone().told_by(who), plain, "a folder knows no commits");
    wanted.revision =
        Arc::new(Revision { commit: Some(commit.clone()), ..(*wanted.revision).clone() });
    let told = plan_of(wanted, &[1, 2, 3]).told_by(who);
    assert_eq!(told.digest(), plain.digest());
    let reasons = blamed(&told);
    let by = "linked, and commit 0123456789ab by Ann \\u{1b}[2J (Drop web-2) took it out of the manifests";
    assert_eq!(reasons[0], by);
    assert!(reasons[1].ends_with("as far as is known here"), "{}", reasons[1]);
    let vague = TakenOut { commit, exactly: false }.to_string();
    assert!(vague.starts_with("one of the commits up to 0123456789ab by"), "{vague}");
}
