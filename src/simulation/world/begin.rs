//! How a world begins: its law, its manifests, and a cloud that differs from them a little.

use crate::gate::Bounds;
use crate::ledger::Budget;
use crate::model::{Amount, InstanceId, Mode, VpcId};
use crate::sim::Seed;
use crate::simulation::estate::{Names, Wish, Wishes};
use crate::simulation::referee::Law;
use crate::window::{Kind, Window, Windows};
use std::collections::BTreeSet;
use std::time::Duration;

pub(super) fn law(random: &mut fastrand::Rng) -> Law {
    // Some budgets are so tight that a plan or two spend them.
    let tight = random.u32(0..3) == 0;
    let hour = if tight { random.u64(1..=5) } else { random.u64(4..=20) };
    let day = if tight { random.u64(1..=3) } else { random.u64(2..=6) };
    Law {
        budget: Budget { hour, day: hour.saturating_mul(day) },
        min_detach: random.choice([0, 1, 3]).unwrap_or(3),
        max_detach: random.choice([10, 25, 40, 90]).unwrap_or(10),
        max_shrink: random.choice([10, 20, 40, 90]).unwrap_or(20),
        closed: (random.u32(0..4) == 0).then(|| random.i8(0..24)),
        fresh: Duration::from_secs(random.choice([120, 120, 120, 15]).unwrap_or(120)),
    }
}

pub(super) fn bounds(law: &Law) -> Result<Bounds, String> {
    let windows = match law.closed {
        None => Vec::new(),
        Some(hour) => {
            let text = format!("{hour:02}:00-{:02}:00", (i32::from(hour) + 1) % 24);
            let window = Window::parse(Kind::Deny, &text, "UTC");
            vec![window.map_err(|error| error.to_string())?]
        }
    };
    let percent = |of: u64| Amount::Percent(u8::try_from(of).unwrap_or(u8::MAX));
    Ok(Bounds {
        max_detach: percent(law.max_detach),
        min_detach: law.min_detach,
        max_shrink: percent(law.max_shrink),
        budget: law.budget,
        windows: Windows::new(windows),
        observation_max_age: law.fresh,
        ..Bounds::default()
    })
}

/// What a manifest says that one plan may detach.
pub(super) fn limit(random: &mut fastrand::Rng) -> Amount {
    match random.u32(0..4) {
        0 => Amount::Percent(random.choice([0, 0, 10, 50]).unwrap_or_default()),
        _ => Amount::Count(random.u64(1..=8)),
    }
}

/// Manifests, and a cloud that differs from them a little.
pub(super) fn begin_with(names: &Names, random: &mut fastrand::Rng) -> (Wishes, Seed) {
    let mut seed = Seed::new();
    let mut wishes = Wishes::new();
    for vpc in &names.vpcs {
        seed = seed.vpc(&names.number, &names.region, vpc);
        let mode = if random.u32(0..3) == 0 { Mode::Sync } else { Mode::Detach };
        let max_detach = (random.u32(0..5) == 0).then(|| limit(random));
        let (keep, protected) = (BTreeSet::new(), BTreeSet::new());
        wishes.insert(vpc.clone(), Wish { mode, keep, protected, max_detach, allow_empty: false });
    }
    for instance in &names.instances {
        seed = seed.instance(&names.number, &names.region, instance);
        let vpc = random.choice(&names.vpcs).cloned();
        let (Some(vpc), fate) = (vpc, random.u32(0..10)) else { continue };
        // Most are linked and listed; some are only one of both, or neither.
        if fate < 8 {
            seed = seed.link(&names.number, &names.region, &names.link(&vpc, instance));
        }
        // Now and then one is listed for another VPC than it is linked to.
        let listed = if random.u32(0..40) == 0 { random.choice(&names.vpcs) } else { None };
        let listed = listed.cloned().unwrap_or(vpc);
        if let Some(wish) = wishes.get_mut(&listed).filter(|_| (1..9).contains(&fate)) {
            wish.keep.insert(instance.clone());
            if random.u32(0..12) == 0 {
                wish.protected.insert(instance.clone());
            }
        }
    }
    wishes.retain(|_, wish| !wish.keep.is_empty());
    (wishes, seed)
}

/// In some worlds the first manifest lists an instance that is not linked, and with whose id those of others
/// begin: it looks like one of them cut short.
///
/// # Errors
/// That it is no name: a mistake of this module.
pub(super) fn with_a_short_one(
    names: &mut Names,
    wishes: &mut Wishes,
    cloud: Seed,
    random: &mut fastrand::Rng,
) -> Result<(Option<(VpcId, InstanceId)>, Seed), String> {
    let short = InstanceId::parse("i-00").map_err(|error| error.to_string())?;
    let home = (random.u32(0..12) == 0).then(|| wishes.iter_mut().next()).flatten();
    let Some((vpc, wish)) = home else { return Ok((None, cloud)) };
    wish.keep.insert(short.clone());
    names.instances.push(short.clone());
    let cloud = cloud.instance(&names.number, &names.region, &short);
    Ok((Some((vpc.clone(), short)), cloud))
}
