//! A simulated cloud, a folder of manifests, and a process that looks after them, on paused time.

use super::format::{Action, Approve, Disk, Meanwhile, Restart, Scenario, Step};
use super::parts::{
    configuration, duration, file, instances, place, plain, region, seed, set_faults, target,
};
use super::process::{self, Process};
use classiclinkd::clock::{Clock, Moment, TokioClock};
use classiclinkd::config::Config;
use classiclinkd::daemon::IntakeOutcome;
use classiclinkd::journal::Memory;
use classiclinkd::ledger::Event;
use classiclinkd::ledger::event::{Approval, Cause, Pause, Restored, Resume};
use classiclinkd::manifest::File;
use classiclinkd::model::{InstanceId, Link, RunId, Scope};
use classiclinkd::reconcile;
use classiclinkd::report::{Report, Verdict};
use classiclinkd::sim::Sim;
use classiclinkd::source::{Reading, Snapshot, State};
use futures_util::future::join_all;
use jiff::SignedDuration;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// The host's clock, which can be set; the cloud has the true one.
#[derive(Clone)]
struct HostClock {
    truth: TokioClock,
    ahead: Arc<Mutex<SignedDuration>>,
}

impl Clock for HostClock {
    fn now(&self) -> Moment {
        let Moment { wall, monotonic } = self.truth.now();
        Moment { wall: wall + *self.ahead.lock().unwrap(), monotonic }
    }
}

pub(super) struct World {
    pub sim: Sim,
    pub memory: Memory,
    clock: HostClock,
    folder: tempfile::TempDir,
    config: Config,
    files: Vec<File>,
    process: Process,
    /// Of the last pass.
    pub report: Option<Report>,
    /// Entries of the journal before the last step.
    pub entries_before: usize,
}

impl World {
    pub async fn new(scenario: &Scenario) -> Self {
        let truth = TokioClock::starting_at("2026-11-23T12:00:00Z".parse().unwrap());
        let clock = HostClock { truth: truth.clone(), ahead: Arc::default() };
        let sim = Sim::new(&seed(&scenario.cloud), Arc::new(truth), 7);
        set_faults(&sim, &scenario.cloud.faults);
        let (memory, folder) = (Memory::default(), tempfile::tempdir().unwrap());
        let config = configuration(&scenario.config);
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let process = process::start(&sim, &memory, &config, folder.path(), shared).await;
        let (files, report, entries_before) = (Vec::new(), None, 0);
        Self { sim, memory, clock, folder, config, files, process, report, entries_before }
    }

    /// What became of the last manifests: a word.
    pub fn accepted(&self) -> &'static str {
        match self.process.intake.last() {
            IntakeOutcome::Accepted => "yes",
            IntakeOutcome::Unchanged => "unchanged",
            IntakeOutcome::Refused(_) => "refused",
            IntakeOutcome::Unjournaled(_) => "unjournaled",
            IntakeOutcome::Nothing => "nothing",
        }
    }

    /// What the past means to the process.
    pub fn ledger<T>(&self, ask: impl FnOnce(&classiclinkd::ledger::Ledger) -> T) -> T {
        self.process.writes.journal.books().read(ask)
    }

    pub async fn step(&mut self, step: &Step) {
        self.entries_before = self.memory.entries().len();
        match step.action {
            Action::Pass => self.pass(step.meanwhile.as_ref()).await,
            _ => self.act(&step.action).await,
        }
        self.every_call_has_its_intent();
    }

    async fn act(&mut self, action: &Action) {
        match action {
            Action::Accept(files) => {
                self.files = files.iter().map(|(path, said)| file(path, said)).collect();
                self.read_manifests().await;
            }
            Action::Attach(links) => links.iter().for_each(|(vpc, ids)| self.attach(vpc, ids)),
            Action::Detach(ids) => {
                let gone = |id: &InstanceId| self.sim.detach_by_hand(&region(), id);
                assert!(instances(ids).iter().all(gone));
            }
            Action::Release(ids) => {
                let gone = |id: &InstanceId| self.sim.release(&region(), id);
                assert!(instances(ids).iter().all(gone));
            }
            Action::Faults(faults) => set_faults(&self.sim, faults),
            Action::Advance(time) => tokio::time::advance(duration(time)).await,
            Action::Clock(ahead) => *self.clock.ahead.lock().unwrap() = ahead.parse().unwrap(),
            Action::Journal(disk) => self.memory.fail(matches!(disk, Disk::Fails)),
            Action::Restart(anew) => self.restart(anew.as_ref()).await,
            Action::Pass => panic!("a pass is no part of a pass"),
            said => self.say(said).await,
        }
    }

    /// What operators say, as their commands write it.
    async fn say(&self, said: &Action) {
        let (by, reason) = ("ops".to_owned(), None);
        match said {
            Action::Approve(Approve::Last) => {
                for event in self.approvals(&by) {
                    self.append(event).await;
                }
            }
            Action::Pause(whom) => {
                let (target, cause) = (target(whom.as_ref()), Cause::Operator);
                self.append(Event::Paused(Pause { target, cause, by, reason })).await;
            }
            Action::Resume(whom) => {
                let target = target(whom.as_ref());
                self.append(Event::Resumed(Resume { target, by, reason })).await;
            }
            Action::PauseFile(said) => {
                let path = self.folder.path().join("pause");
                match said {
                    Value::Bool(false) => std::fs::remove_file(path).unwrap(),
                    text => std::fs::write(path, plain(text)).unwrap(),
                }
            }
            Action::Undo(ids) => self.undo(&instances(ids), by).await,
            other => panic!("no operator says {other:?}"),
        }
    }

    async fn restart(&mut self, anew: Option<&Restart>) {
        if let Some(config) = anew.and_then(|anew| anew.config.as_ref()) {
            self.config = configuration(config);
        }
        let clock = Arc::new(self.clock.clone());
        let (memory, folder) = (&self.memory, self.folder.path());
        self.process = process::start(&self.sim, memory, &self.config, folder, clock).await;
        if !self.files.is_empty() {
            self.read_manifests().await;
        }
    }

    fn attach(&self, vpc: &str, ids: &[String]) {
        let (region, vpc) = place(vpc);
        for instance in instances(ids) {
            assert!(self.sim.attach_by_hand(&region, &Link { instance, vpc: vpc.clone() }));
        }
    }

    fn approvals(&self, by: &str) -> Vec<Event> {
        let ttl = SignedDuration::try_from(self.config.approval_ttl).unwrap();
        let until = self.clock.now().wall + ttl;
        let scopes = self.report.iter().flat_map(|report| &report.scopes);
        let held = scopes.filter(|scope| scope.verdict == Verdict::Held);
        let approved = held.map(|scope| {
            let of = self.ledger(|ledger| Some(ledger.last_pass(&scope.scope)?.1.clone()));
            let plan = scope.digest.clone().unwrap();
            Event::Approved(Approval { plan, of, by: by.to_owned(), reason: None, until })
        });
        approved.collect()
    }

    /// What an undo writes; the links come back by hand.
    async fn undo(&self, ids: &[InstanceId], by: String) {
        let items = self.memory.items().unwrap();
        let detached = ids.iter().map(|id| {
            let of = items.iter().rev().find_map(|item| match &item.event {
                Event::Settled(settled) if settled.instance == *id => Some(settled.scope.clone()),
                _ => None,
            });
            (of.unwrap(), id.clone())
        });
        let links: BTreeSet<(Scope, InstanceId)> = detached.collect();
        let revision = self.process.intake.tree().revision.digest.clone();
        let (run, of) = (RunId(items.len() as u64 + 1), "the last run".to_owned());
        let restored = Restored { run, of, by, links: links.clone(), revision };
        self.append(Event::Restored(restored)).await;
        for (scope, instance) in links {
            assert!(self.sim.attach_by_hand(&scope.region, &scope.link(instance)));
        }
    }

    async fn append(&self, event: Event) {
        self.process.writes.journal.append(event).await.unwrap();
    }

    async fn read_manifests(&mut self) {
        let snapshot = Snapshot::of(self.files.clone());
        let state = State::Settled(Arc::new(snapshot));
        self.process.intake.take(&Reading { state, unsettled: false, sequence: 1 }).await;
    }

    /// All VPCs at the same time, as the daemon does.
    async fn pass(&mut self, meanwhile: Option<&Meanwhile>) {
        let tree = self.process.intake.tree();
        let (reads, writes) = (self.process.reads.clone(), self.process.writes.clone());
        let passes = tree.scopes.values().map(|desired| reconcile::pass(&reads, &writes, desired));
        let passes = join_all(passes);
        let reports = match meanwhile {
            None => passes.await,
            Some(Meanwhile { after, step: Action::Restart(anew) }) => {
                let ended = tokio::time::timeout(duration(after), passes).await;
                assert!(ended.is_err(), "the pass ended before the process did");
                self.report = None;
                return self.restart(anew.as_ref()).await;
            }
            Some(Meanwhile { after, step }) => {
                let other = async {
                    tokio::time::sleep(duration(after)).await;
                    self.act(step).await;
                };
                tokio::join!(passes, other).0
            }
        };
        self.report = Some(Report::new(Arc::clone(&tree.revision), reports));
    }

    /// Whatever a scenario is about.
    fn every_call_has_its_intent(&self) {
        let mut intents: BTreeMap<String, usize> = BTreeMap::new();
        for item in self.memory.items().unwrap() {
            if let Event::Intent(intent) = &item.event {
                *intents.entry(format!("{} {}", intent.verb, intent.instance)).or_default() += 1;
            }
        }
        for call in self.sim.calls() {
            let verb = match call.action.as_str() {
                "DetachClassicLinkVpc" => "detach",
                "AttachClassicLinkVpc" => "attach",
                _ => continue,
            };
            let key = format!("{verb} {}", call.params.get("InstanceId").unwrap());
            let left = intents.get_mut(&key).filter(|left| **left > 0);
            *left.unwrap_or_else(|| panic!("no intent for {call:?}")) -= 1;
        }
    }
}
