use super::*;

#[test]
fn no_schedule_breaks_a_rule() {
    for seed in 0..40 {
        let verdict = Trial::of(seed).run(Size::default(), false).unwrap();
        assert!(
            verdict.findings.violations.is_empty(),
            "seed {seed}: {:?}\n{:#?}",
            verdict.steps,
            verdict.findings.violations
        );
    }
}

#[test]
fn a_seed_gives_the_same_trace_twice() {
    for seed in 0..10 {
        let run = || Trial::of(seed).run(Size::default(), true).unwrap();
        assert_eq!(run(), run(), "seed {seed}");
    }
}

/// A world in which nothing is wrong, with these wishes for its first VPC.
fn quiet_world(mode: crate::model::Mode, change: impl FnOnce(&mut estate::Wish)) -> world::World {
    let mut world = world::World::new(1, Size { vpcs: 1, instances: 10 }, false).unwrap();
    let vpc = world.ground.names.vpcs[0].clone();
    let keep = world.ground.linked(&vpc);
    let (protected, max_detach) = ([].into(), None);
    let mut wish = estate::Wish { mode, keep, protected, max_detach, allow_empty: false };
    change(&mut wish);
    world.wishes = [(vpc, wish)].into();
    world.publish();
    world
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_does_not_exist_costs_no_more_than_the_passes_of_its_scope() {
    let mut world = quiet_world(crate::model::Mode::Sync, |wish| {
        wish.keep.insert(crate::model::InstanceId::parse("i-ghost").unwrap());
    });
    world.every(std::time::Duration::from_secs(600));
    world.start(u64::MAX);
    world.wait(std::time::Duration::from_secs(6 * 3600)).await;
    let calls = world.ground.referee.calls();
    assert!((36..300).contains(&calls), "{calls} calls");
    world.end().await;
}
