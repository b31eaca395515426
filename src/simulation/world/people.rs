//! What people do: changes at the console, and commands of an operator.

use super::World;
use crate::ledger::event::{
    Approval, Began, Cause, Event, Passed, Pause, Restored, Resume, Target,
};
use crate::model::{InstanceId, Lane, RunId};
use crate::simulation::deed::Deed;
use crate::simulation::referee::Content;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How soon a running daemon hears what another process wrote.
const HEARD: Duration = Duration::from_millis(250);
/// How long an approval holds.
const LONG: Duration = Duration::from_secs(24 * 3600);
/// Some end while their plan is carried out.
const APPROVED: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(30),
    Duration::from_secs(600),
    LONG,
    Duration::from_secs(7 * 24 * 3600),
];

impl World {
    /// Whether it was a deed of this kind.
    pub(super) async fn act(&mut self, deed: Deed) -> bool {
        match deed {
            Deed::HandAttach => self.attach_by_hand(),
            Deed::HandDetach => self.detach_by_hand(),
            Deed::Release => self.release(),
            Deed::HalfWritten => self.half_write(),
            Deed::CutShort => self.cut_short(),
            Deed::Invalid => self.write_nonsense(),
            Deed::Unreadable => {
                self.ground.folder.break_it(Some("permission denied"));
                self.folder_is(Content::Broken);
            }
            Deed::Emptied => {
                self.ground.folder.publish([]);
                self.folder_is(Content::Broken);
            }
            Deed::EditOne => self.edit_one(),
            Deed::EditMany => self.drop_some(6),
            Deed::EditMass => self.drop_some(usize::MAX),
            Deed::Salami => self.drop_some(2),
            Deed::EditMove => self.edit_move(),
            Deed::EditReplace => self.edit_replace(),
            Deed::EditSpread => self.edit_spread(),
            Deed::EditLimits => self.edit_limits(),
            Deed::Rollback => self.roll_back(),
            Deed::EditMode => self.edit_mode(),
            Deed::EditProtection => self.edit_protection(),
            Deed::ScopeReleased => self.release_scope(),
            Deed::Pause => {
                let target = self.a_target();
                self.pause(target).await;
            }
            Deed::PauseFile => self.put_pause_file(true),
            Deed::Resume => {
                self.put_pause_file(false);
                let target = self.a_target();
                self.resume(target).await;
            }
            Deed::Approve => {
                let holds = self.random.choice(APPROVED).unwrap_or(LONG);
                self.approve(holds).await;
            }
            Deed::Undo => self.undo().await,
            _ => return false,
        }
        true
    }

    fn changed_by_hand(&self) {
        for vpc in &self.ground.names.vpcs {
            self.ground.count(vpc, true);
        }
    }

    fn attach_by_hand(&mut self) {
        let names = self.ground.names.clone();
        let random = &mut self.random;
        let mut pair =
            random.choice(names.vpcs.clone()).zip(random.choice(names.instances.clone()));
        // Half of the time it is what was detached before, if there is such a link.
        if random.bool() {
            pair = random.choice(self.ground.referee.taken()).or(pair);
        }
        let Some((vpc, instance)) = pair else { return };
        self.ground.sim.attach_by_hand(&names.region, &names.link(&vpc, &instance));
        self.changed_by_hand();
    }

    /// What happens while no process runs for long.
    pub(super) fn meanwhile(&mut self) {
        match self.random.u32(0..4) {
            0 => self.edit_somehow(),
            1 => self.attach_by_hand(),
            2 => (0..self.random.u32(1..=4)).for_each(|_| self.detach_by_hand()),
            _ => (),
        }
    }

    fn detach_by_hand(&mut self) {
        let Some((_, instance)) = self.a_link() else { return };
        self.ground.sim.detach_by_hand(&self.ground.names.region, &instance);
        self.changed_by_hand();
    }

    fn release(&mut self) {
        let Some((_, instance)) = self.a_link() else { return };
        self.ground.sim.release(&self.ground.names.region, &instance);
        self.changed_by_hand();
    }

    /// What a command writes: nothing where the disk is full.
    async fn says(&mut self, event: Event) -> Option<u64> {
        let seq = self.writes(event).await?;
        self.is_heard().await;
        Some(seq)
    }

    async fn writes(&mut self, event: Event) -> Option<u64> {
        let seq = self.operator.append(event.clone()).await.ok()?;
        self.ground.referee.wrote(self.ground.clock.when(), seq, &event);
        self.ground.referee.durable(seq);
        Some(seq)
    }

    async fn is_heard(&mut self) {
        // The daemon looks four times a second.
        let ahead = Duration::from_millis(self.random.u64(0..250)).min(HEARD);
        tokio::time::sleep(ahead).await;
        if let Some(process) = &self.process {
            let now = crate::clock::Clock::now(&self.ground.clock);
            if let Err(error) = self.ground.memory.look(process.journal.books(), now) {
                self.accuse(format!("S10: the journal cannot be read: {error}"));
            }
        }
    }

    /// Everything, the account, the region, or a VPC.
    fn a_target(&mut self) -> Target {
        let names = &self.ground.names;
        let lane = Lane { account: names.account.clone(), region: names.region.clone() };
        let mut targets =
            vec![Target::All, Target::Account(names.account.clone()), Target::Lane(lane)];
        targets.extend(names.vpcs.iter().map(|vpc| Target::Scope(names.scope(vpc))));
        self.random.choice(targets).unwrap_or(Target::All)
    }

    /// Pauses, as the command does.
    pub async fn pause(&mut self, target: Target) {
        let (cause, by) = (Cause::Operator, "somebody".to_owned());
        self.says(Event::Paused(Pause { target, cause, by, reason: None })).await;
    }

    /// The pause file is there from now on, or is not.
    pub fn put_pause_file(&self, there: bool) {
        self.ground.pause_file.store(there, Ordering::Relaxed);
        self.ground.referee.pause_file(self.ground.clock.when(), there);
    }

    /// Resumes, as the command does.
    pub async fn resume(&mut self, target: Target) {
        self.says(Event::Resumed(Self::a_resume(target))).await;
    }

    fn a_resume(target: Target) -> Resume {
        Resume { target, by: "somebody".to_owned(), reason: None }
    }

    /// Looks after everything that waits for people, as far as the journal knows it.
    pub async fn look_after_it(&mut self) {
        let paused = self.operator_knows(|ledger| ledger.pauses().next().is_some());
        let given_back: BTreeSet<_> =
            self.operator_knows(|ledger| ledger.holds().map(|(scope, ..)| scope.clone()).collect());
        let approvals = self.approvals(LONG);
        // Where nothing waits, a word makes the daemon look again.
        let nothing = given_back.is_empty() && approvals.is_empty();
        let all = (paused || nothing).then_some(Target::All);
        let resumed = all.into_iter().chain(given_back.into_iter().map(Target::Scope));
        let resumes = resumed.map(|target| Event::Resumed(Self::a_resume(target)));
        for event in resumes.chain(approvals).collect::<Vec<_>>() {
            self.writes(event).await;
        }
        self.is_heard().await;
    }

    /// Approves every plan that is held, as far as the journal knows them.
    async fn approve(&mut self, holds: Duration) {
        for approval in self.approvals(holds) {
            self.says(approval).await;
        }
    }

    fn approvals(&mut self, holds: Duration) -> Vec<Event> {
        let held: Vec<Passed> = self.operator_knows(|ledger| {
            let passes = ledger.passes().filter(|(_, passed)| !passed.refusals.is_empty());
            passes.map(|(_, passed)| passed.clone()).collect()
        });
        let until = jiff::SignedDuration::try_from(holds).unwrap_or_default();
        let until = self.wall().checked_add(until).unwrap_or(jiff::Timestamp::MAX);
        let approvals = held.into_iter().filter_map(|passed| {
            let (plan, by) = (passed.plan.clone()?, "somebody".to_owned());
            Some(Approval { plan, of: Some(passed), by, reason: None, until })
        });
        approvals.map(Event::Approved).collect()
    }

    pub(super) fn operator_knows<T>(&self, ask: impl FnOnce(&crate::ledger::Ledger) -> T) -> T {
        let now = crate::clock::Clock::now(&self.ground.clock);
        let books = self.operator.books();
        if let Err(error) = self.ground.memory.look(books, now) {
            self.accuse(format!("S10: the journal cannot be read: {error}"));
        }
        books.read(ask)
    }

    /// Whether calls are paused, or an undo holds links.
    pub fn is_stopped(&self) -> bool {
        self.operator_knows(|ledger| {
            ledger.pauses().next().is_some() || ledger.holds().next().is_some()
        })
    }

    /// Whether there is something that only people can go on with.
    pub fn waits_for_people(&self) -> bool {
        let refused =
            self.operator_knows(|ledger| ledger.passes().any(|(_, it)| !it.refusals.is_empty()));
        refused || self.is_stopped() || !self.can_accept()
    }

    /// Whether a pass has found something new lately.
    pub fn has_news_of(&self, span: Duration) -> bool {
        let now = self.wall();
        let lately = |at: jiff::Timestamp| {
            Duration::try_from(now.duration_since(at)).unwrap_or_default() < span
        };
        self.operator_knows(|ledger| ledger.passes().any(|(at, _)| lately(at)))
    }

    /// Gives back up to three links that the manifests do not list; some are there, or there again.
    async fn undo(&mut self) {
        let revision = self.operator_knows(|ledger| {
            ledger.accepted().map(|accepted| accepted.revision.digest.clone())
        });
        let Some((revision, vpc)) = revision.zip(self.a_vpc()) else { return };
        let candidates: Vec<InstanceId> = self
            .ground
            .names
            .instances
            .iter()
            .filter(|id| self.can_link(id) || self.ground.linked(&vpc).contains(*id))
            .filter(|id| !self.wishes.values().any(|it| it.keep.contains(*id)))
            .cloned()
            .collect();
        let scope = self.ground.names.scope(&vpc);
        let chosen: BTreeSet<InstanceId> =
            self.random.choose_multiple(candidates, 3).into_iter().collect();
        let by = "somebody".to_owned();
        let began = Event::Began(Began { command: "undo".to_owned(), by: by.clone() });
        let Some(run) = self.says(began).await else { return };
        let links = chosen.iter().map(|id| (scope.clone(), id.clone())).collect();
        let of = "what was taken".to_owned();
        let restored = Restored { run: RunId(run), of, by, links, revision };
        if self.says(Event::Restored(restored)).await.is_none() {
            return;
        }
        let names = self.ground.names.clone();
        for instance in &chosen {
            self.ground.sim.attach_by_hand(&names.region, &names.link(&vpc, instance));
        }
        self.changed_by_hand();
    }

    /// A scope of whose links none is left looks like the wrong place, which no approval releases:
    /// somebody puts one back, or takes the manifest out. The last one stays, because a folder without any
    /// is no revision: it lists what there is.
    pub fn make_plausible(&mut self) {
        for vpc in self.ground.names.vpcs.clone() {
            let Some(wish) = self.wishes.get(&vpc) else { continue };
            let linked = self.ground.linked(&vpc);
            if wish.keep.is_empty() || wish.keep.iter().any(|id| linked.contains(id)) {
                continue;
            }
            let one = wish.keep.iter().find(|id| self.can_link(id)).cloned();
            match one {
                Some(instance) => {
                    let link = self.ground.names.link(&vpc, &instance);
                    self.ground.sim.attach_by_hand(&self.ground.names.region, &link);
                }
                None if self.wishes.len() == 1 => {
                    if let Some(wish) = self.wishes.get_mut(&vpc) {
                        (wish.allow_empty, wish.keep) = (linked.is_empty(), linked);
                        wish.protected.clear();
                    }
                }
                None => drop(self.wishes.remove(&vpc)),
            }
        }
        self.keep_the_short_one();
        self.changed_by_hand();
    }
}
