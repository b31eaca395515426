//! A simulated world: a cloud, a folder of manifests, a journal, a process, and people.

use super::deed::Deed;
use super::estate::{self, Names, Wish, Wishes};
use super::process::keys::Service;
use super::process::{Ground, HostClock, Pace, Process};
use super::referee::{Content, Law, Referee};
use crate::clock::{Clock as _, TokioClock};
use crate::gate::Bounds;
use crate::journal::{Journal, Memory};
use crate::ledger::Budget;
use crate::model::{Amount, Mode, VpcId};
use crate::sim::{Seed, Sim, Switches};
use crate::source::Imagined;
use crate::window::{Kind, Window, Windows};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

mod cloud;
mod keys;
mod left;
mod people;
pub(super) use people::LONG;

/// Where the clock of every world begins, plus up to a day.
const BEGIN: &str = "2026-11-23T00:00:00Z";
/// More calls than any schedule needs: a storm.
const STORM: u64 = 60_000;

/// How large a world is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// VPCs, at most.
    pub vpcs: usize,
    /// Links and instances that can be linked, altogether.
    pub instances: usize,
}

impl Default for Size {
    fn default() -> Self {
        Self { vpcs: 3, instances: 24 }
    }
}

pub(super) struct World {
    pub ground: Ground,
    pub random: fastrand::Rng,
    pub wishes: Wishes,
    pub older: Vec<Wishes>,
    pub process: Option<Process>,
    /// How a person's commands write the journal.
    operator: Journal,
    pace: Pace,
    /// A file that somebody is writing.
    half: Option<VpcId>,
    lives: u64,
    events_lost: bool,
}

impl World {
    /// Everything about it follows from the seed.
    ///
    /// # Errors
    /// A mistake of this module.
    pub fn new(seed: u64, size: Size, lines: bool) -> Result<Self, String> {
        let mut random = fastrand::Rng::with_seed(seed);
        let names = Names::new(random.usize(1..=size.vpcs), size.instances)?;
        let begin: Timestamp = BEGIN.parse().map_err(|error: jiff::Error| error.to_string())?;
        let begin = begin
            .checked_add(SignedDuration::from_secs(random.i64(0..86_400)))
            .map_err(|error| error.to_string())?;
        let truth = TokioClock::starting_at(begin);
        let law = law(&mut random);
        let bounds = bounds(&law)?;
        let (wishes, cloud) = begin_with(&names, &mut random);
        let sim = Sim::new(&cloud, Arc::new(truth.clone()), seed);
        sim.with(|state, _| state.log.stop());
        let referee = Referee::new(names.clone(), law, lines);
        let memory = Memory::default();
        let clock = HostClock::new(truth);
        let operator = Journal::in_memory(memory.clone(), Arc::new(clock.clone()));
        let service = Service::new(sim.clone(), &names, seed);
        let ground = Ground {
            names,
            sim,
            folder: Imagined::new(Path::new("/manifests")),
            memory,
            clock,
            referee,
            bounds: Arc::new(bounds),
            sync: Arc::default(),
            foreign: Arc::default(),
            service,
        };
        let interval = Duration::from_secs(random.choice([60, 300, 900]).unwrap_or(60));
        let mut world = Self {
            ground,
            random,
            wishes,
            older: Vec::new(),
            process: None,
            operator,
            pace: Pace::daily(interval),
            half: None,
            lives: 0,
            events_lost: false,
        };
        for vpc in world.ground.names.vpcs.clone() {
            world.ground.count(&vpc, false);
        }
        world.quietly();
        world.publish();
        Ok(world)
    }

    /// An everyday cloud: answers take a moment.
    fn quietly(&self) {
        self.ground.sim.configure(|switches| *switches = Switches::default());
        let _known = self.ground.sim.set("latency", "5ms..60ms");
    }

    /// Starts a process, which is killed after so many effects.
    pub fn start(&mut self, effects: u64) {
        self.finish_writing();
        self.lives += 1;
        let seed = self.random.u64(..);
        match Process::start(&self.ground, self.pace, effects, seed) {
            Ok(process) => self.process = Some(process),
            Err(error) => self.accuse(format!("S10: the journal cannot be read: {error}")),
        }
    }

    /// How many processes there were.
    #[cfg(test)]
    pub fn lives(&self) -> u64 {
        self.lives
    }

    /// Kills the process, if there is one.
    pub async fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill().await;
            let now = self.ground.clock.when();
            self.ground.referee.remark(now, &|| "killed".to_owned());
        }
    }

    /// Ends the process in order, if there is one.
    pub async fn end(&mut self) {
        let Some(process) = self.process.take() else { return };
        let asked = self.ground.clock.now();
        if let Err(error) = process.end().await {
            self.accuse(format!("S10: it did not end in order: {error}"));
        }
        let took = self.ground.clock.now().since(asked);
        if took > crate::daemon::DRAIN + Duration::from_secs(1) {
            self.accuse(format!("L6: it took {took:?} to end"));
        }
    }

    /// Lets time pass, and a process that dies meanwhile come back.
    pub async fn wait(&mut self, time: Duration) {
        let clock = self.ground.clock.clone();
        let until = clock.now().monotonic + time;
        loop {
            let left = until.saturating_sub(clock.now().monotonic);
            let died = async {
                match &self.process {
                    Some(process) => process.killed().await,
                    None => std::future::pending().await,
                }
            };
            match tokio::time::timeout(left, died).await {
                Err(_) => break,
                Ok(()) => {
                    self.kill().await;
                    let away = Duration::from_millis(self.random.u64(0..20_000));
                    tokio::time::sleep(away).await;
                    self.start(u64::MAX);
                }
            }
        }
        if self.process.as_ref().is_some_and(Process::has_ended) {
            self.accuse("S10: the daemon has ended by itself".to_owned());
            self.process = None;
        }
        if self.ground.referee.calls() > STORM {
            self.accuse("L3: a storm of calls".to_owned());
        }
    }

    pub fn accuse(&self, what: String) {
        self.ground.referee.accuse(self.ground.clock.when(), what);
    }

    /// Puts the wishes into the folder.
    pub fn publish(&mut self) {
        self.half = None;
        self.ground.folder.publish(estate::files(&self.wishes));
        self.folder_is(Content::Whole(Arc::new(self.wishes.clone())));
    }

    fn folder_is(&self, content: Content) {
        let digest = self.ground.folder.digest();
        let now = self.ground.clock.when();
        self.ground.referee.folder(now, content, digest, !self.events_lost);
    }

    /// A writer that was in the middle of a file comes to its end.
    fn finish_writing(&mut self) {
        if self.half.take().is_some() {
            self.publish();
        }
    }

    /// One thing happens.
    pub async fn happen(&mut self, deed: Deed) {
        let now = self.ground.clock.when();
        self.ground.referee.remark(now, &|| deed.to_string());
        if self.disturb_cloud(deed) || self.disturb_keys(deed) || self.act(deed).await {
            return;
        }
        self.disturb_host(deed).await;
    }

    async fn disturb_host(&mut self, deed: Deed) {
        match deed {
            Deed::ClockForward => {
                self.ground.clock.set(SignedDuration::from_secs(self.random.i64(60..7200)));
            }
            Deed::ClockBack => {
                self.ground.clock.set(SignedDuration::from_secs(-self.random.i64(60..7200)));
            }
            Deed::DiskFull => self.ground.memory.fail(true),
            Deed::DiskSlow => {
                let time = Duration::from_millis(self.random.u64(50..8000));
                self.sync_takes(time);
            }
            Deed::KillSoon => {
                self.kill().await;
                let effects = self.random.u64(0..80);
                self.start(effects);
            }
            Deed::KillNow => {
                self.kill().await;
                let away = Duration::from_millis(self.random.u64(0..30_000));
                tokio::time::sleep(away).await;
                self.start(u64::MAX);
            }
            Deed::Restart => {
                self.end().await;
                self.start(u64::MAX);
            }
            Deed::Calm => self.calm(),
            Deed::EventsLost => {
                self.finish_writing();
                self.events_lost = true;
                self.ground.folder.lose_events(true);
            }
            _ => (),
        }
    }

    fn sync_takes(&self, time: Duration) {
        *self.ground.sync.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = time;
    }

    /// What is wrong with the cloud and the host ends.
    fn calm(&self) {
        self.quietly();
        self.unstick();
        self.ground.foreign.store(false, Ordering::Relaxed);
        self.keys_last();
        self.ground.clock.set(SignedDuration::ZERO);
        self.ground.memory.fail(false);
        self.sync_takes(Duration::ZERO);
    }

    /// Every fault ends; what people did stays.
    pub fn heal(&mut self) {
        self.calm();
        self.events_lost = false;
        self.ground.folder.lose_events(false);
        self.ground.folder.break_it(None);
        self.publish();
    }

    /// The next process does nothing but passes, that far apart.
    pub fn every(&mut self, interval: Duration) {
        self.pace = Pace::slow(interval);
    }

    /// Whether there is a process whose journal can be written.
    pub fn can_accept(&self) -> bool {
        let journal = self.process.as_ref().map(|process| &process.journal);
        journal.is_some_and(|journal| journal.books().trouble().is_none())
    }

    /// The configuration of the next process has a budget that everything fits into.
    pub fn raise_budget(&mut self) {
        let budget = Budget { hour: 1_000, day: 1_000 };
        self.ground.referee.allow(budget);
        let bounds = Bounds { budget, ..(*self.ground.bounds).clone() };
        self.ground.bounds = Arc::new(bounds);
    }

    /// Now, on the host's clock.
    fn wall(&self) -> Timestamp {
        self.ground.clock.now().wall
    }
}

fn law(random: &mut fastrand::Rng) -> Law {
    let hour = random.u64(4..=20);
    Law {
        budget: Budget { hour, day: hour.saturating_mul(random.u64(2..=6)) },
        min_detach: random.choice([0, 1, 3]).unwrap_or(3),
        max_detach: random.choice([10, 25, 40]).unwrap_or(10),
        max_shrink: random.choice([10, 20, 40]).unwrap_or(20),
        closed: (random.u32(0..4) == 0).then(|| random.i8(0..24)),
    }
}

fn bounds(law: &Law) -> Result<Bounds, String> {
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
        ..Bounds::default()
    })
}

/// Manifests, and a cloud that differs from them a little.
fn begin_with(names: &Names, random: &mut fastrand::Rng) -> (Wishes, Seed) {
    let mut seed = Seed::new();
    let mut wishes = Wishes::new();
    for vpc in &names.vpcs {
        seed = seed.vpc(&names.number, &names.region, vpc);
        let mode = if random.u32(0..3) == 0 { Mode::Sync } else { Mode::Detach };
        let max_detach = (random.u32(0..5) == 0).then(|| random.u64(1..=8));
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
        if let Some(wish) = wishes.get_mut(&vpc).filter(|_| (1..9).contains(&fate)) {
            wish.keep.insert(instance.clone());
            if random.u32(0..12) == 0 {
                wish.protected.insert(instance.clone());
            }
        }
    }
    wishes.retain(|_, wish| !wish.keep.is_empty());
    (wishes, seed)
}
