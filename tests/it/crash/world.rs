//! An account, its manifests, and the processes that carry them out; what must hold of them at every
//! moment.

use crate::harness::{Cloud, Place, Ran, manifest};
use classiclinkd::clock::{Clock, SystemClock};
use classiclinkd::journal::{self, JournalError, Past};
use classiclinkd::ledger::Event;
use classiclinkd::ledger::event::Answered;
use classiclinkd::model::Verb;
use classiclinkd::sim::Call;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::process::Child;
use std::time::Duration;

/// Longest life of one process.
const DEADLINE: Duration = Duration::from_secs(90);
/// So that the limits of rates are not what is tested.
const FAST: [&str; 5] = [
    "limits.writesPerSecond.start=1000",
    "limits.writesPerSecond.max=1000",
    "limits.readsPerSecond.start=1000",
    "limits.readsPerSecond.max=1000",
    "limits.concurrency=32",
];

/// An account with `vpcs` VPCs, each with links that a manifest lists and links that none does.
pub(super) struct World {
    place: Place,
    cloud: Cloud,
    vpcs: Vec<String>,
    kept: BTreeSet<String>,
    pub stale: usize,
    settings: Vec<String>,
}

impl World {
    pub fn new(vpcs: usize, kept: usize, stale: usize, settings: &[&str]) -> Self {
        let names = |kind: &str, vpc: usize, count: usize| -> Vec<String> {
            (0..count).map(|n| format!("{kind}{vpc:02}x{n:04}")).collect()
        };
        let (place, mut links, mut all_kept) = (Place::new(), Vec::new(), BTreeSet::new());
        for vpc in 0..vpcs {
            let listed = names("kept", vpc, kept);
            let listed: Vec<&str> = listed.iter().map(String::as_str).collect();
            let limits = "  limits: {maxDetach: 100%}\n";
            let text = manifest(&format!("v{vpc}"), "detach", &listed, limits);
            place.write(&format!("v{vpc}.yaml"), &text);
            let present = names("kept", vpc, kept).into_iter().chain(names("stale", vpc, stale));
            links.extend(present.map(|instance| (format!("v{vpc}"), instance)));
            all_kept.extend(listed.into_iter().map(str::to_owned));
        }
        let borrowed: Vec<(&str, &str)> =
            links.iter().map(|(vpc, instance)| (vpc.as_str(), instance.as_str())).collect();
        Self {
            place,
            cloud: Cloud::with(&borrowed),
            vpcs: (0..vpcs).map(|vpc| format!("v{vpc}")).collect(),
            kept: all_kept,
            stale: vpcs * stale,
            settings: FAST.iter().chain(settings).map(|text| (*text).to_owned()).collect(),
        }
    }

    /// The cloud's pace, so that processes are killed with calls in flight and links not shown yet.
    pub fn paced(self, random: &mut fastrand::Rng) -> Self {
        self.cloud.set("latency", &format!("1ms..{}ms", random.u32(2..=40)));
        self.cloud.set("detach-delay", &format!("0s..{}ms", random.u32(0..=400)));
        self
    }

    pub fn begin(&self) -> Running<'_> {
        let mut command = self.place.command(
            &self.cloud,
            &["apply", "--manifests", "manifests", "--yes", "--output", "json"],
        );
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        let file = |name: &str| File::create(self.place.path().join(name)).unwrap();
        let child = command.stdout(file("out")).stderr(file("err")).spawn().unwrap();
        Running { world: self, child, clock: SystemClock::new() }
    }

    pub fn detaches(&self) -> Vec<Call> {
        let mut calls = self.cloud.sim.calls();
        calls.retain(|call| call.action == "DetachClassicLinkVpc");
        calls
    }

    /// Links that no manifest lists.
    pub fn stale_left(&self) -> usize {
        let here = self.vpcs.iter().flat_map(|vpc| self.cloud.links(vpc));
        here.filter(|instance| !self.kept.contains(instance)).count()
    }

    /// What the journal holds; nothing, if the process did not live long enough to make one.
    fn past(&self) -> Past {
        let state = self.place.state();
        match journal::verify(&state) {
            Err(JournalError::Missing { .. }) => return Past::default(),
            verified => verified.unwrap(),
        };
        journal::look(&state, SystemClock::new().now()).unwrap()
    }

    /// What holds at every moment. The calls are looked at first: the journal then holds at least
    /// their intents.
    pub fn holds(&self) -> Past {
        let calls = self.detaches();
        let past = self.past();
        let mut intents = intents(&past);
        let mut gone = BTreeSet::new();
        for call in &calls {
            let instance = call.params.get("InstanceId").unwrap();
            assert!(!self.kept.contains(&instance[2..]), "{instance} is kept, and was cut");
            assert!(!gone.contains(instance), "{instance} was gone, and was detached again");
            let intent = intents.get_mut(instance).and_then(|times| times.pop_front());
            let intent = intent.unwrap_or_else(|| panic!("no intent for {call:?}"));
            assert!(intent <= call.at, "the intent of {intent} came after {call:?}");
            if call.changed {
                gone.insert(instance.clone());
            }
        }
        let here = self.vpcs.iter().flat_map(|vpc| self.cloud.links(vpc));
        assert_eq!(here.filter(|id| self.kept.contains(id)).count(), self.kept.len());
        past
    }
}

/// When each intent to detach an instance was written, but for those that are known not to have led to
/// a call.
pub(super) fn intents(past: &Past) -> BTreeMap<String, VecDeque<Timestamp>> {
    let not_sent = past.items.iter().filter_map(|item| match &item.event {
        Event::Answered(said) if said.result == Answered::NOT_SENT => Some(said.intent),
        _ => None,
    });
    let not_sent: BTreeSet<u64> = not_sent.collect();
    let mut intents: BTreeMap<String, VecDeque<Timestamp>> = BTreeMap::new();
    for item in past.items.iter().filter(|item| !not_sent.contains(&item.seq)) {
        if let Event::Intent(intent) = &item.event {
            assert_eq!(intent.verb, Verb::Detach);
            intents.entry(intent.instance.to_string()).or_default().push_back(item.at);
        }
    }
    intents
}

/// A process, which does not outlive the test.
pub(super) struct Running<'w> {
    world: &'w World,
    child: Child,
    clock: SystemClock,
}

impl Running<'_> {
    /// How it ended, if it did before it was `life` old; else it was killed.
    pub fn live(mut self, life: Duration) -> Option<Ran> {
        let begun = self.clock.now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let read = |name| std::fs::read_to_string(self.world.place.path().join(name));
                let code = status.code().unwrap_or(-1);
                return Some(Ran { code, out: read("out").unwrap(), err: read("err").unwrap() });
            }
            if self.clock.now().since(begun) >= life {
                return None;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn end(self) -> Ran {
        let err = self.world.place.path().join("err");
        self.live(DEADLINE).unwrap_or_else(|| {
            panic!("not within {DEADLINE:?}:\n{}", std::fs::read_to_string(err).unwrap())
        })
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // SIGKILL; of a process that has ended, nothing.
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}
