//! One life of the daemon: the real loop, from the start of the process to its end or to the moment at
//! which it is killed.
//!
//! A kill happens at an effect - right before a call leaves, before its answer is heard, before an
//! entry of the journal is written, before its writer hears that it is durable. Between two effects
//! nothing can be seen from outside, so that these moments stand for all others. Whoever is dead waits
//! forever at his next effect.

use super::clock::HostClock;
use super::estate::Names;
use super::referee::Referee;
use crate::aliyun::client::keyring::Keyring;
use crate::apply::{Circumstances, Newest, Progress, Quarantine, Serial, Unsettled, Writes};
use crate::attempt::{Lanes, Limits};
use crate::board::Board;
use crate::clock::Clock;
use crate::cloud::{Accepted, Class, CloudError, Page, Query, ReadLinks, Ticket, WriteLinks};
use crate::daemon::{Daemon, Estate, Intake, Said, Warned};
use crate::desired::Ceiling;
use crate::gate::Bounds;
use crate::journal::{Disk, Journal, Memory, PauseFile};
use crate::ledger::Event;
use crate::manifest::Shelf;
use crate::model::{InstanceId, VpcId};
use crate::observe::{Pins, Reads};
use crate::sim::{Sim, SimAccount};
use crate::source::{Imagined, Settings};
use futures_util::future::BoxFuture;
use secrecy::ExposeSecret as _;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(super) mod keys;
mod pace;
pub(super) mod short;

pub(super) use pace::Pace;

/// How long a call may take altogether, as the real client has it.
const DEADLINE: Duration = Duration::from_secs(30);

/// What a life shares with the world.
#[derive(Clone)]
pub(super) struct Ground {
    pub names: Names,
    pub sim: Sim,
    pub folder: Imagined,
    pub memory: Memory,
    pub clock: HostClock,
    pub referee: Referee,
    pub bounds: Arc<Bounds>,
    /// How long a write to the disk takes.
    pub sync: Arc<Mutex<Duration>>,
    /// Says which writes fail, where some do and others do not.
    pub flaky: Arc<Mutex<Option<fastrand::Rng>>>,
    /// Leaves links out of answers.
    pub short: short::Short,
    /// Whether the credential belongs to somebody else.
    pub foreign: Arc<AtomicBool>,
    /// Whether there is a pause file.
    pub pause_file: Arc<AtomicBool>,
    /// Who gives the process its keys.
    pub service: keys::Service,
    /// What files say that an earlier life has read: to parse them again takes time and shows nothing.
    pub shelf: Shelf,
}

/// How long it may live.
struct Mortality {
    /// Effects left.
    left: AtomicU64,
    dead: AtomicBool,
    died: Notify,
}

impl Mortality {
    fn kill(&self) {
        self.dead.store(true, Ordering::Relaxed);
        self.died.notify_one();
    }

    /// The process does something that can be seen, if it is alive.
    async fn effect(&self) {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            self.kill();
        }
        self.left.store(left.saturating_sub(1), Ordering::Relaxed);
        self.alive().await;
    }

    /// Waits forever if the process is dead.
    async fn alive(&self) {
        if self.dead.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

/// The seams of one life.
struct Seam {
    cloud: SimAccount,
    keyring: Keyring,
    ground: Ground,
    mortality: Arc<Mortality>,
}

impl Seam {
    fn late() -> CloudError {
        CloudError::new(Class::Ambiguous, "timeout", "no answer came within 30 s")
    }
}

impl ReadLinks for Seam {
    async fn describe(&self, query: &Query) -> Result<Page, CloudError> {
        self.mortality.effect().await;
        let begun = self.ground.clock.now().monotonic;
        let mut answer = self.reading(query).await;
        if let Ok(page) = &mut answer {
            self.ground.short.answer(query, page);
        }
        self.mortality.effect().await;
        self.ground.referee.read(self.ground.clock.when(), begun, query, &answer);
        answer
    }
}

impl WriteLinks for Seam {
    async fn carry_out(&self, ticket: &Ticket) -> Result<Accepted, CloudError> {
        let key = self.keyring.for_change().await?;
        let id = key.key.id.expose_secret();
        self.mortality.effect().await;
        let Ground { referee, clock, .. } = &self.ground;
        let vpc = &ticket.scope().vpc;
        // Links that came back by themselves count for what a plan may detach.
        self.ground.count(vpc, false);
        referee.changes_with(clock.when(), id, ticket);
        referee.sends(clock.when(), ticket, &self.ground.linked(vpc));
        let sent = self.cloud.with_key(id);
        let answer = tokio::time::timeout(DEADLINE, sent.carry_out(ticket)).await;
        let answer = answer.unwrap_or_else(|_| Err(Self::late()));
        self.ground.count(vpc, false);
        self.mortality.effect().await;
        let code = answer.as_ref().map_or_else(|error| error.code.as_str(), |_| "OK");
        referee.answered(clock.when(), ticket.scope(), &ticket.link().instance, code);
        match answer {
            Err(error) => Err(self.turned_away(error, &key).await),
            accepted => accepted,
        }
    }

    async fn ready(&self) -> Result<(), CloudError> {
        self.keyring.ready(|key| self.whose(key)).await
    }

    fn clock_off(&self) -> Duration {
        self.ground.clock.off().unsigned_abs()
    }
}

impl Disk for Seam {
    fn writes(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.mortality.effect().await;
            self.ground.waver();
        })
    }

    fn wrote(&self, seq: u64, event: &Event) -> BoxFuture<'_, ()> {
        if let Event::Passed(passed) = event {
            let vpc = &passed.scope.vpc;
            self.ground.count(vpc, false);
            self.ground.referee.there(vpc, self.ground.linked(vpc));
        }
        self.ground.referee.wrote(self.ground.clock.when(), seq, event);
        let sync = *self.ground.sync.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(async move {
            if !sync.is_zero() {
                tokio::time::sleep(sync).await;
                self.mortality.alive().await;
            }
            self.ground.referee.durable(seq);
            self.mortality.effect().await;
        })
    }
}

impl Ground {
    /// The instances that are truly linked to a VPC.
    pub fn linked(&self, vpc: &VpcId) -> BTreeSet<InstanceId> {
        let key = (self.names.region.clone(), vpc.clone());
        self.sim.with(|state, _| state.links.members(&key).cloned().unwrap_or_default())
    }

    fn disk_may_fail(&self) -> bool {
        let flaky = self.flaky.lock().unwrap_or_else(PoisonError::into_inner);
        flaky.is_some() || self.memory.is_failing()
    }

    /// A disk that fails now and then does so, or does not.
    fn waver(&self) {
        let mut flaky = self.flaky.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(random) = flaky.as_mut() {
            self.memory.fail(random.u32(0..3) == 0);
        }
    }

    /// Tells the referee how many links there are.
    pub fn count(&self, vpc: &VpcId, by_hand: bool) {
        let key = (self.names.region.clone(), vpc.clone());
        let links = self.sim.with(|state, _| state.links.count(&key) as u64);
        self.referee.truly(self.clock.when(), vpc, links, by_hand);
    }
}

/// A process that runs.
pub(super) struct Process {
    task: JoinHandle<Result<(), String>>,
    stop: CancellationToken,
    mortality: Arc<Mortality>,
    /// The journal as this process knows it.
    pub journal: Journal,
}

impl Process {
    /// Starts the daemon; it is killed after so many effects.
    ///
    /// # Errors
    /// What the journal says that an earlier life left: it must always be readable.
    pub fn start(ground: &Ground, pace: Pace, effects: u64, seed: u64) -> Result<Self, String> {
        let (stop, dead) = (CancellationToken::new(), AtomicBool::new(false));
        let left = AtomicU64::new(effects);
        let mortality = Arc::new(Mortality { left, dead, died: Notify::new() });
        let cloud = ground.sim.account(&ground.names.number).classified_by(|code, message| {
            crate::aliyun::classify(crate::aliyun::Operation::Detach, code, message)
        });
        let keyring = keys::keyring(ground, &mortality, seed);
        let (own, mortal) = (ground.clone(), Arc::clone(&mortality));
        let seam = Arc::new(Seam { cloud, keyring, ground: own, mortality: mortal });
        let clock: Arc<dyn Clock> = Arc::new(ground.clock.clone());
        let memory = ground.memory.on(Arc::<Seam>::clone(&seam));
        let (journal, accepted) =
            Journal::recovered(memory, Arc::clone(&clock)).map_err(|error| error.to_string())?;
        ground.referee.restarted(ground.clock.when());
        if ground.disk_may_fail() {
            ground.referee.disk_fails();
        }
        let life = Life { seam, journal: journal.clone(), clock, pace, seed, stop: stop.clone() };
        let task = tokio::spawn(life.run(accepted));
        Ok(Self { task, stop, mortality, journal })
    }

    /// Ends without a word.
    pub async fn kill(self) {
        self.mortality.kill();
        self.task.abort();
        let _aborted = self.task.await;
    }

    /// Waits until it was killed by its count of effects.
    pub async fn killed(&self) {
        self.mortality.died.notified().await;
    }

    /// Whether it ended by itself, which it must not.
    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Asks it to end, and waits.
    ///
    /// # Errors
    /// Why it did not end in order.
    pub async fn end(mut self) -> Result<(), String> {
        self.stop.cancel();
        let ended = tokio::select! {
            biased;
            ended = &mut self.task => ended.unwrap_or_else(|error| Err(error.to_string())),
            // Killed while it ends: it comes to no end of its own.
            () = self.mortality.died.notified() => {
                self.task.abort();
                let _aborted = (&mut self.task).await;
                Ok(())
            }
        };
        self.mortality.dead.store(true, Ordering::Relaxed);
        ended
    }
}

/// What one life is made of.
struct Life {
    seam: Arc<Seam>,
    journal: Journal,
    clock: Arc<dyn Clock>,
    pace: Pace,
    seed: u64,
    stop: CancellationToken,
}

impl Life {
    /// As the `run` of the command line puts it together.
    async fn run(self, accepted: Option<crate::journal::Accepted>) -> Result<(), String> {
        let Self { seam, journal, clock, pace, seed, stop } = self;
        let ground = seam.ground.clone();
        let (journal, accepted) = match journal.answer_open().await {
            Ok(()) => (journal, accepted),
            Err(error) => (Journal::down(&error, Arc::clone(&clock)), None),
        };
        let circumstances = Circumstances {
            bounds: Arc::new((*ground.bounds).clone().into()),
            books: journal.books().clone(),
            pause_file: PauseFile::imagined(Arc::clone(&ground.pause_file)),
            clock: Arc::clone(&clock),
        };
        let names = &ground.names;
        let board = Board::new(pace.interval);
        let usable = journal.books().trouble().is_none().then(|| journal.clone());
        let intake = Intake::new(
            usable,
            circumstances.clone(),
            "/manifests".to_owned(),
            [(names.account.clone(), Ceiling::default())].into(),
            board.clone(),
            accepted,
            ground.shelf.clone(),
        );
        let lanes = Arc::new(Lanes::new(Limits::default(), Arc::clone(&clock), seed));
        let pins = [(names.account.clone(), names.number.clone())].into();
        let reads = Reads {
            reader: Arc::clone(&seam),
            lanes: Arc::clone(&lanes),
            account: names.account.clone(),
            pins: Pins::new(pins, Arc::clone(&clock)),
            clock: Arc::clone(&clock),
        };
        let readings: watch::Receiver<_> = ground
            .folder
            .watch(Settings { poll: pace.poll, ..Settings::default() }, stop.child_token());
        let writes = Writes {
            writer: seam,
            journal: journal.clone(),
            lanes,
            serial: Serial::default(),
            quarantine: Quarantine::default(),
            unsettled: journal.books().read(|ledger| Unsettled::recovered(ledger, clock.now())),
            patience: Some(Duration::from_secs(5)),
            newest: Newest::following(intake.newest()).as_read(readings.clone()),
            circumstances: circumstances.clone(),
            latching: Arc::default(),
            progress: Progress::default(),
            clock: Arc::clone(&clock),
            stop: stop.clone(),
        };
        let daemon = Daemon {
            estate: Estate { accounts: BTreeMap::from([(names.account.clone(), (reads, writes))]) },
            intake,
            readings,
            wake: crate::source::Wake::default(),
            interval: pace.interval,
            beat: pace.beat,
            workers: 4,
            board,
            counts: crate::metrics::Counts::default(),
            clock,
            random: fastrand::Rng::with_seed(seed),
            stop,
            said: Said::new(),
            circumstances,
            heard: journal.books().follow(),
            orders: tokio::sync::mpsc::channel(1).1,
            warned: Warned::default(),
        };
        daemon.run().await
    }
}
