//! One schedule: a world, what happens to it, and what has to hold in the end.
//!
//! First anything may happen, and the rules about safety must hold at every call. Then every fault
//! ends, people look after what waits for them, and the world has to come to rest: as the manifests
//! want it, and without another call that changes something for a day (`reliability.md` L1).

use super::deed::Deed;
use super::plot;
use super::referee::Findings;
use super::world::{Size, World};
use crate::clock::Clock as _;
use std::time::Duration;

/// How often people look after what waits for them, and how long that may take altogether.
const LOOK: Duration = Duration::from_secs(30 * 60);
const LOOKS: u32 = 120;
/// After so many looks somebody raises what the budget allows.
const PATIENCE: u32 = 6;
/// How long nothing may be done in the end.
const QUIET: Duration = Duration::from_secs(24 * 3600);
/// Passes come that far apart once faults have ended, so that a day costs little: what people do wakes
/// it, and what failed is tried again. In one world of four they come more often.
const RARELY: Duration = Duration::from_secs(20 * 3600);
const NOT_SO_RARELY: Duration = Duration::from_secs(5 * 3600);

/// How long a revision may take to be in force: the poll, the longest settling, and slow answers.
const NOTICED: Duration = Duration::from_secs(60);

/// How long a process may take to get over what was wrong: links that are left alone for a while, and passes.
const RECOVERY: Duration = Duration::from_secs(20 * 60);
/// How often it is asked whether it has.
const GLANCE: Duration = Duration::from_secs(5 * 60);

/// Something that happens, and how long after the last thing.
pub type Step = (Duration, Deed);

/// One schedule, as one line can name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// Everything that is random follows from it.
    pub seed: u64,
    /// What happens; drawn from the seed where nothing is said.
    pub deeds: Option<Vec<Deed>>,
}

/// How a schedule went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// What the referee saw.
    pub findings: Findings,
    /// Time that passed in the world.
    pub simulated: Duration,
}

impl Trial {
    /// The schedule of a seed.
    pub fn of(seed: u64) -> Self {
        Self { seed, deeds: None }
    }

    /// Runs it; `lines` says whether to remember everything that happens.
    ///
    /// # Errors
    /// A mistake of the simulation itself.
    pub fn run(&self, size: Size, lines: bool) -> Result<Verdict, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .map_err(|error| error.to_string())?;
        runtime.block_on(self.go(size, lines))
    }

    async fn go(&self, size: Size, lines: bool) -> Result<Verdict, String> {
        let size = size.drawn(&mut fastrand::Rng::with_seed(!self.seed));
        let mut world = World::new(self.seed, size, lines)?;
        let steps = self.steps(&mut world.random);
        world.start(u64::MAX);
        for (wait, deed) in &steps {
            world.wait(*wait).await;
            world.happen(*deed).await;
        }
        let after = Duration::from_millis(world.random.u64(0..240_000));
        world.wait(after).await;
        come_to_rest(&mut world).await;
        world.end().await;
        let findings = world.ground.referee.findings();
        let simulated = world.ground.clock.now().monotonic;
        Ok(Verdict { steps, findings, simulated })
    }

    fn steps(&self, random: &mut fastrand::Rng) -> Vec<Step> {
        if let Some(deeds) = &self.deeds {
            return deeds.iter().map(|deed| (wait(random), *deed)).collect();
        }
        let mut steps = Vec::new();
        for _ in 0..random.usize(1..=6) {
            // Much comes only after something else has ended, and most where there is work.
            let deed = match random.u32(0..8) {
                0 => Some(Deed::Calm),
                1 | 2 => random.choice(Deed::WORK),
                3 | 4 => {
                    steps.extend(plot::draw(random));
                    continue;
                }
                _ => random.choice(Deed::ALL),
            };
            steps.extend(deed.map(|deed| (wait(random), deed)));
        }
        steps
    }
}

/// Some things happen in the middle of a pass, most some passes later.
fn wait(random: &mut fastrand::Rng) -> Duration {
    Duration::from_millis(match random.u32(0..4) {
        0 => random.u64(0..2_000),
        1 | 2 => random.u64(0..90_000),
        _ => random.u64(0..900_000),
    })
}

/// The process that saw the faults gets over them, without a restart and without a word of anybody.
async fn recovers(world: &mut World) {
    let lives = world.lives();
    // A journal that works again is found by one pass, what it did not hear by the next, and what is left by a third.
    let mut time = RECOVERY + 4 * world.interval();
    let mut had_more = false;
    while let (Some(left), false, true) =
        (world.left(), world.waits_for_people(), lives == world.lives())
    {
        // What is tried once an hour or a budget allows it, and refused, is left alone for a while again.
        if time.is_zero() && !had_more && world.has_news_of(RECOVERY) {
            (time, had_more) = (RECOVERY, true);
        }
        if time.is_zero() {
            return world.accuse(format!("L1: it does not get over what was: {left}"));
        }
        let some = time.min(GLANCE);
        world.wait(some).await;
        time = time.saturating_sub(some);
    }
}

async fn come_to_rest(world: &mut World) {
    world.heal();
    world.make_plausible();
    world.publish();
    world.wait(NOTICED).await;
    // A tree without a manifest is none.
    let meant = !world.wishes.is_empty();
    if meant && world.can_accept() && !world.ground.referee.is_up_to_date() {
        world.accuse("L5: what the manifests say is not in force".to_owned());
    }
    if world.random.bool() {
        recovers(world).await;
    }
    world.end().await;
    let is_rare = world.random.u32(0..4) > 0;
    world.every(if is_rare { RARELY } else { NOT_SO_RARELY });
    world.start(u64::MAX);
    let mut looks = 0;
    loop {
        world.wait(LOOK).await;
        if world.left().is_none() && !world.is_stopped() {
            break;
        }
        looks += 1;
        if looks > LOOKS {
            let left = world.left().unwrap_or_else(|| "calls are paused".to_owned());
            return world.accuse(format!("L1: it does not converge: {left}"));
        }
        if looks == PATIENCE {
            // A plan that is larger than the budget of an hour never fits.
            world.raise_budget();
            world.end().await;
            world.start(u64::MAX);
        }
        world.look_after_it().await;
    }
    let writes = world.ground.referee.writes();
    world.wait(QUIET).await;
    if world.ground.referee.writes() != writes {
        world.accuse("L1: it does not rest".to_owned());
    }
    if let Some(left) = world.left() {
        world.accuse(format!("L1: it does not stay converged: {left}"));
    }
    if let Some(open) = world.ground.referee.left_open(&world.wishes) {
        world.accuse(format!("S8: nobody says how a call ended: {open}"));
    }
}
