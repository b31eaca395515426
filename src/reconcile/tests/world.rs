//! A simulated cloud, and everything a pass over it needs.

use super::super::*;
use crate::apply::{Circumstances, Current, Newest, Progress, Quarantine, Serial, Unsettled};
use crate::attempt::{Lanes, Limits};
use crate::clock::{Clock, TokioClock};
use crate::desired::Tree;
use crate::gate::Bounds;
use crate::journal::{Journal, Memory, PauseFile};
use crate::ledger::Budget;
use crate::model::{Amount, InstanceId, Link, Mode, PerAccount, Scope, VpcId};
use crate::observe::Pins;
use crate::plan::tests::{desired, scope};
use crate::retry::limiter::Rates;
use crate::sim::seed::default_account;
use crate::sim::{Seed, Sim, SimAccount};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(super) struct World {
    pub sim: Sim,
    pub reads: Reads<SimAccount>,
    pub writes: Writes<SimAccount>,
    pub memory: Memory,
    pub newest: watch::Sender<Current>,
    pub desired: Arc<Desired>,
    pub clock: TokioClock,
    pub stop: CancellationToken,
}

pub(super) fn id(n: usize) -> InstanceId {
    InstanceId::parse(&format!("i-{n:04}")).unwrap()
}

pub(super) fn tree(desired: &Arc<Desired>) -> Arc<Tree> {
    let scopes = [(desired.scope.clone(), Arc::clone(desired))].into();
    Arc::new(Tree { revision: Arc::clone(&desired.revision), scopes })
}

/// Links of each neighbour.
pub(super) const NEIGHBOURS: usize = 150;

/// Another VPC of the same account and region.
pub(super) struct Neighbour {
    pub vpc: VpcId,
    pub ids: Vec<InstanceId>,
}

pub(super) fn neighbour(n: usize) -> Neighbour {
    let vpc = VpcId::parse(&format!("vpc-neighbour{n}")).unwrap();
    Neighbour { vpc, ids: (0..NEIGHBOURS).map(|of| id(10_000 * n + of)).collect() }
}

/// A cloud in which `linked` exist, and manifests that list `wanted`.
pub(super) fn world(
    mode: Mode,
    wanted: impl Iterator<Item = usize>,
    linked: impl Iterator<Item = usize>,
) -> World {
    let limits = Limits { writes: Rates { start: 20.0, max: 50.0 }, ..Limits::default() };
    world_within(limits, 0, mode, wanted, linked)
}

/// As [`world`], with other limits, and with so many other VPCs of [`NEIGHBOURS`] links each.
pub(super) fn world_within(
    limits: Limits,
    others: usize,
    mode: Mode,
    wanted: impl Iterator<Item = usize>,
    linked: impl Iterator<Item = usize>,
) -> World {
    let clock = TokioClock::starting_at("2026-11-23T12:00:00Z".parse().unwrap());
    let account = default_account().unwrap();
    let wanted: Vec<usize> = wanted.collect();
    let Scope { region, vpc, .. } = scope();
    let mut seed = Seed::new().vpc(&account, &region, &vpc);
    for n in &wanted {
        seed = seed.instance(&account, &region, &id(*n));
    }
    for n in linked {
        seed = seed.link(&account, &region, &scope().link(id(n)));
    }
    for n in 1..=others {
        let Neighbour { vpc, ids } = neighbour(n);
        seed = seed.vpc(&account, &region, &vpc);
        for instance in ids {
            seed = seed.link(&account, &region, &Link { instance, vpc: vpc.clone() });
        }
    }
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let sim = Sim::new(&seed, Arc::clone(&shared), 7);
    let cloud = sim.account(&account).classified_by(|code, message| {
        crate::aliyun::classify(crate::aliyun::Operation::Detach, code, message)
    });
    let lanes = Arc::new(Lanes::new(limits, Arc::clone(&shared), 7));
    let mut wanted = desired(mode, &wanted);
    wanted.max_detach = vec![Amount::Count(1000)];
    let wanted = Arc::new(wanted);
    let newest = watch::Sender::new(Current { tree: tree(&wanted), unsettled: false, reading: 0 });
    let memory = Memory::default();
    let stop = CancellationToken::new();
    let journal = Journal::in_memory(memory.clone(), Arc::clone(&shared));
    let writes = Writes {
        writer: cloud.clone(),
        journal: journal.clone(),
        lanes: Arc::clone(&lanes),
        serial: Serial::default(),
        quarantine: Quarantine::default(),
        unsettled: Unsettled::default(),
        patience: None,
        newest: Newest::following(newest.subscribe()),
        circumstances: Circumstances {
            bounds: Arc::new(PerAccount::from(Bounds {
                budget: Budget { hour: 100_000, day: 100_000 },
                ..Bounds::default()
            })),
            books: journal.books().clone(),
            pause_file: PauseFile::default(),
            clock: Arc::clone(&shared),
        },
        latching: Arc::default(),
        progress: Progress::default(),
        clock: Arc::clone(&shared),
        stop: stop.clone(),
    };
    let pins = Pins::new([].into(), Arc::clone(&shared));
    let reads = Reads { reader: cloud, lanes, account: scope().account, pins, clock: shared };
    World { sim, reads, writes, memory, newest, desired: wanted, clock, stop }
}

impl World {
    pub async fn pass(&self) -> ScopeReport {
        let report = pass(&self.reads, &self.writes, &self.desired).await;
        self.holds_the_safety_rules();
        report
    }

    pub fn set(&self, name: &str, value: &str) {
        self.sim.set(name, value).unwrap();
    }

    pub fn links(&self) -> Vec<String> {
        let links = self.sim.links(&scope().region, &scope().vpc);
        links.iter().map(|link| link.instance.to_string()).collect()
    }

    pub fn calls(&self, action: &str) -> usize {
        self.sim.calls().iter().filter(|call| call.action == action).count()
    }

    pub fn detaches(&self) -> usize {
        self.calls("DetachClassicLinkVpc")
    }

    pub fn publish(&self, desired: &Arc<Desired>, unsettled: bool) {
        self.newest.send_replace(Current { tree: tree(desired), unsettled, reading: 0 });
    }

    /// What must hold after every pass, whatever the cloud did: as many intents as calls seen, each
    /// with its answer, and no call for a link that the manifests keep.
    pub fn holds_the_safety_rules(&self) {
        let entries = self.memory.entries();
        let kinds = |kind: &str| entries.iter().filter(|entry| entry.kind == kind).count();
        assert_eq!(kinds("intent"), kinds("answered"), "every intent has its answer");
        let seen = self.detaches() + self.calls("AttachClassicLinkVpc");
        assert!(kinds("intent") >= seen, "{} intents, {seen} calls", kinds("intent"));
        let now = self.clock.now().wall;
        for call in self.sim.calls().iter().filter(|call| call.action == "DetachClassicLinkVpc") {
            let instance = InstanceId::parse(&call.params["InstanceId"]).unwrap();
            assert!(!self.desired.keeps(&instance, now), "{instance} is kept and was cut");
        }
    }
}
