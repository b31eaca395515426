//! A simulated world: a cloud, a folder of manifests, a journal, a process, and people.

use super::clock::HostClock;
use super::deed::Deed;
use super::estate::{Names, Spread, Wish, Wishes};
use super::process::keys::Service;
use super::process::short::Short;
use super::process::{Ground, Pace, Process};
use super::referee::{Content, Referee};
use crate::clock::{Clock as _, TokioClock};
use crate::cloud::PAGE_SIZE_MAX;
use crate::gate::Bounds;
use crate::journal::{Journal, Memory};
use crate::ledger::Budget;
use crate::manifest::Shelf;
use crate::model::{InstanceId, VpcId};
use crate::sim::{Sim, Switches};
use crate::source::Imagined;
use jiff::{SignedDuration, Timestamp};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

mod begin;
mod checkout;
mod cloud;
mod edits;
mod host;
mod keys;
mod left;
mod people;
mod power;

/// Where the clock of every world begins, plus up to a day.
const BEGIN: &str = "2026-11-23T00:00:00Z";
/// How long an end in order may take, and a moment.
const ENDS: Duration = Duration::from_secs(11);
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

impl Size {
    /// The size of one world: most are of this size, some small, and one in twenty is large or very large.
    pub(super) fn drawn(self, random: &mut fastrand::Rng) -> Self {
        let instances = match random.u32(0..80) {
            // Now and then a list has several pages.
            0 => self.instances.saturating_mul(8),
            1..=3 => self.instances.saturating_mul(random.usize(3..=5)),
            4..=23 => random.usize(3..=8).min(self.instances),
            _ => self.instances,
        };
        Self { instances, ..self }
    }
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
    /// An instance with whose id others begin, and the VPC whose manifest lists it.
    short: Option<(VpcId, InstanceId)>,
    /// In which files they stand.
    spread: Spread,
    pub older: Vec<Wishes>,
    pub process: Option<Process>,
    /// How a person's commands write the journal.
    operator: Journal,
    pace: Pace,
    /// A file that somebody is writing.
    half: Option<String>,
    /// The last manifest that was put beside those of the wishes, by name.
    again: Option<(String, VpcId, Wish)>,
    /// Whether an edit is put into the folder file by file.
    arrives_slowly: bool,
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
        let mut names = Names::new(random.usize(1..=size.vpcs), size.instances)?;
        let begin: Timestamp = BEGIN.parse().map_err(|error: jiff::Error| error.to_string())?;
        let begin = begin
            .checked_add(SignedDuration::from_secs(random.i64(0..86_400)))
            .map_err(|error| error.to_string())?;
        let truth = TokioClock::starting_at(begin);
        let law = begin::law(&mut random);
        let bounds = begin::bounds(&law)?;
        let (mut wishes, cloud) = begin::begin_with(&names, &mut random);
        let (short, cloud) = begin::with_a_short_one(&mut names, &mut wishes, cloud, &mut random)?;
        let spread = Spread::draw(&names.vpcs, &mut random);
        let sim = Sim::new(&cloud, Arc::new(truth.clone()), seed);
        sim.with(|state, _| state.log.stop());
        let referee = Referee::new(names.clone(), law, lines);
        let is_written = random.u32(0..4) == 0;
        let memory = if is_written { Memory::default() } else { Memory::unwritten() };
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
            flaky: Arc::default(),
            short: Short::default(),
            foreign: Arc::default(),
            pause_file: Arc::default(),
            service,
            shelf: Shelf::default(),
        };
        let pace = Pace::drawn(&mut random);
        let mut world = Self {
            ground,
            random,
            wishes,
            short,
            spread,
            older: Vec::new(),
            process: None,
            operator,
            pace,
            half: None,
            again: None,
            arrives_slowly: false,
            lives: 0,
            events_lost: false,
        };
        for vpc in world.ground.names.vpcs.clone() {
            world.ground.count(&vpc, false);
        }
        world.quietly();
        // A list of several pages is rare, and some faults are about nothing else.
        let pages = world.ground.names.instances.len() > PAGE_SIZE_MAX as usize;
        if pages && world.random.bool() {
            world.answers_are_short(true);
        }
        if pages && world.random.bool() {
            let deeds = [Deed::PageShift, Deed::TotalSkew, Deed::Shuffled];
            let deed = world.random.choice(deeds).unwrap_or(Deed::Shuffled);
            world.disturb_cloud(deed);
        }
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
        self.finish_what_looks_whole();
        self.lives += 1;
        let seed = self.random.u64(..);
        match Process::start(&self.ground, self.pace, effects, seed) {
            Ok(process) => self.process = Some(process),
            Err(error) => self.accuse(format!("S10: the journal cannot be read: {error}")),
        }
    }

    /// How often the process looks at everything.
    pub fn interval(&self) -> Duration {
        self.pace.interval
    }

    /// How many processes there were.
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
        if took > ENDS {
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
        self.ground.folder.publish(self.spread.files(&self.wishes));
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
        if !self.disturb_files(deed).await {
            self.disturb_host(deed).await;
        }
    }

    /// What is wrong with the cloud and the host ends.
    fn calm(&mut self) {
        self.quietly();
        self.flaky(false);
        self.answers_are_short(false);
        self.unstick();
        self.ground.foreign.store(false, Ordering::Relaxed);
        self.keys_last();
        self.ground.clock.set(SignedDuration::ZERO);
        self.ground.memory.fail(false);
        self.sync_takes(Duration::ZERO);
    }

    /// Every fault ends; what people did stays. Who comes now to publish finds nothing in the way.
    pub fn heal(&mut self) {
        self.calm();
        self.put_pause_file(false);
        self.events_lost = false;
        self.ground.folder.lose_events(false);
        self.ground.folder.break_it(None);
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
