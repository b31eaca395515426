//! What people do: edits, changes at the console, and commands of an operator.

use super::World;
use crate::ledger::event::{
    Approval, Began, Cause, Event, Passed, Pause, Restored, Resume, Target,
};
use crate::model::{InstanceId, Lane, Mode, RunId, VpcId};
use crate::simulation::deed::Deed;
use crate::simulation::estate;
use crate::simulation::referee::Content;
use std::collections::BTreeSet;
use std::time::Duration;

/// How soon a running daemon hears what another process wrote.
const HEARD: Duration = Duration::from_millis(250);
/// How long an approval holds.
pub(in crate::simulation) const LONG: Duration = Duration::from_secs(24 * 3600);
/// Some end while their plan is carried out.
const APPROVED: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(30), Duration::from_secs(600), LONG];

impl World {
    /// Whether it was a deed of this kind.
    pub(super) async fn act(&mut self, deed: Deed) -> bool {
        match deed {
            Deed::HandAttach => self.attach_by_hand(),
            Deed::HandDetach => self.detach_by_hand(),
            Deed::Release => self.release(),
            Deed::HalfWritten => self.half_write(),
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
            Deed::Rollback => self.roll_back(),
            Deed::EditMode => self.edit_mode(),
            Deed::EditProtection => self.edit_protection(),
            Deed::ScopeReleased => self.release_scope(),
            Deed::Pause => self.pause().await,
            Deed::Resume => {
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
        let pair = self.random.choice(&names.vpcs).zip(self.random.choice(&names.instances));
        let Some((vpc, instance)) = pair else { return };
        self.ground.sim.attach_by_hand(&names.region, &names.link(vpc, instance));
        self.changed_by_hand();
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

    /// Changes the wishes, remembers what they were, and saves them.
    fn edit(&mut self, change: impl FnOnce(&mut Self)) {
        let before = self.wishes.clone();
        change(self);
        // A manifest that lists nothing says so.
        for wish in self.wishes.values_mut().filter(|wish| wish.keep.is_empty()) {
            wish.allow_empty = true;
        }
        self.older.push(before);
        self.ground.folder.break_it(None);
        self.publish();
    }

    fn a_vpc(&mut self) -> Option<VpcId> {
        let vpcs: Vec<VpcId> = self.wishes.keys().cloned().collect();
        self.random.choice(vpcs)
    }

    fn edit_one(&mut self) {
        let Some(vpc) = self.a_vpc() else { return };
        let Some(instance) = self.random.choice(self.ground.names.instances.clone()) else {
            return;
        };
        self.edit(|world| {
            let elsewhere =
                world.wishes.iter().any(|(of, it)| *of != vpc && it.keep.contains(&instance));
            let Some(wish) = world.wishes.get_mut(&vpc) else { return };
            if !wish.keep.remove(&instance) && !elsewhere {
                wish.keep.insert(instance.clone());
            }
            wish.protected.remove(&instance);
        });
    }

    /// Takes up to so many links out, up to half of a manifest where there is no other bound.
    fn drop_some(&mut self, most: usize) {
        let Some(vpc) = self.a_vpc() else { return };
        self.edit(|world| {
            let Some(wish) = world.wishes.get_mut(&vpc) else { return };
            let keep: Vec<InstanceId> = wish.keep.iter().cloned().collect();
            let most = most.min(if most == usize::MAX { keep.len() } else { keep.len() / 2 });
            let count = if most == 0 { 0 } else { world.random.usize(1..=most) };
            for instance in world.random.choose_multiple(keep, count) {
                wish.keep.remove(&instance);
                wish.protected.remove(&instance);
            }
        });
    }

    /// An instance of one manifest is listed in another one from now on.
    fn edit_move(&mut self) {
        // To where it is attached by the daemon, if there is such a place.
        let in_sync = self.wishes.iter().filter(|(_, wish)| wish.mode == Mode::Sync);
        let in_sync: Vec<VpcId> = in_sync.map(|(vpc, _)| vpc.clone()).collect();
        let Some(to) = self.random.choice(in_sync).or_else(|| self.a_vpc()) else { return };
        let others = self.wishes.keys().filter(|vpc| **vpc != to).cloned();
        let others: Vec<VpcId> = others.collect();
        let Some(from) = self.random.choice(others) else { return };
        self.edit(|world| {
            let Some(wish) = world.wishes.get_mut(&from) else { return };
            let keep: Vec<InstanceId> = wish.keep.iter().cloned().collect();
            let Some(instance) = world.random.choice(keep) else { return };
            wish.keep.remove(&instance);
            wish.protected.remove(&instance);
            if let Some(wish) = world.wishes.get_mut(&to) {
                wish.keep.insert(instance);
            }
        });
    }

    /// A manifest lists what is not linked, and nothing that is: the list is of another place.
    fn edit_replace(&mut self) {
        let Some(vpc) = self.a_vpc() else { return };
        let linked = self.ground.linked(&vpc);
        let taken: BTreeSet<InstanceId> =
            self.wishes.values().flat_map(|wish| wish.keep.iter().cloned()).collect();
        let names = self.ground.names.instances.iter();
        let others = names.filter(|id| !linked.contains(*id) && !taken.contains(*id));
        let others: BTreeSet<InstanceId> = others.cloned().collect();
        self.edit(|world| {
            if let Some(wish) = world.wishes.get_mut(&vpc).filter(|_| !others.is_empty()) {
                wish.keep = others;
                wish.protected.clear();
            }
        });
    }

    /// Any of the changes that people make to manifests.
    pub(super) fn edit_somehow(&mut self) {
        match self.random.u32(0..6) {
            0 => self.edit_one(),
            1 => self.drop_some(6),
            2 => self.drop_some(usize::MAX),
            3 => self.edit_move(),
            4 => self.edit_mode(),
            _ => self.roll_back(),
        }
    }

    fn roll_back(&mut self) {
        if let Some(older) = self.random.choice(self.older.clone()) {
            self.edit(|world| world.wishes = older);
        }
    }

    fn edit_mode(&mut self) {
        let Some(vpc) = self.a_vpc() else { return };
        self.edit(|world| {
            let mode = world.random.choice([Mode::Observe, Mode::Detach, Mode::Sync]);
            if let Some((wish, mode)) = world.wishes.get_mut(&vpc).zip(mode) {
                wish.mode = mode;
            }
        });
    }

    fn edit_protection(&mut self) {
        let Some(vpc) = self.a_vpc() else { return };
        self.edit(|world| {
            let Some(wish) = world.wishes.get_mut(&vpc) else { return };
            if let Some(instance) =
                world.random.choice(wish.keep.iter().cloned().collect::<Vec<_>>())
                && !wish.protected.remove(&instance)
            {
                wish.protected.insert(instance);
            }
        });
    }

    fn release_scope(&mut self) {
        let Some(vpc) = self.a_vpc().filter(|_| self.wishes.len() > 1) else { return };
        self.edit(|world| drop(world.wishes.remove(&vpc)));
    }

    /// Somebody saves a file, and is slow.
    fn half_write(&mut self) {
        let Some(vpc) = self.a_vpc().filter(|_| !self.events_lost) else { return };
        self.drop_nothing_but(&vpc);
        let Some(wish) = self.wishes.get(&vpc) else { return };
        let text = estate::text(&vpc, wish);
        let cut = self.random.usize(0..text.len());
        self.ground.folder.begin(&estate::file(&vpc), text.get(..cut).unwrap_or_default());
        self.half = Some(vpc);
        self.folder_is(Content::Broken);
    }

    /// The file that will be whole is of the wishes as they are.
    fn drop_nothing_but(&mut self, vpc: &VpcId) {
        if let (Some(wish), Some(instance)) =
            (self.wishes.get_mut(vpc), self.random.choice(self.ground.names.instances.clone()))
        {
            wish.keep.remove(&instance);
            wish.protected.remove(&instance);
            wish.allow_empty |= wish.keep.is_empty();
        }
    }

    fn write_nonsense(&mut self) {
        let nonsense = self.random.choice(["kind: [", "{}", "", "instances: null", "a: &a [*a]"]);
        let Some(vpc) = self.a_vpc() else { return };
        self.finish_writing();
        self.ground.folder.write(&estate::file(&vpc), nonsense.unwrap_or_default());
        self.folder_is(Content::Broken);
    }

    /// What a command writes: nothing where the disk is full.
    async fn says(&mut self, event: Event) -> Option<u64> {
        let seq = self.operator.append(event.clone()).await.ok()?;
        self.ground.referee.wrote(self.ground.clock.when(), seq, &event);
        // The daemon looks four times a second.
        let ahead = Duration::from_millis(self.random.u64(0..250)).min(HEARD);
        tokio::time::sleep(ahead).await;
        if let Some(process) = &self.process {
            let now = crate::clock::Clock::now(&self.ground.clock);
            if let Err(error) = self.ground.memory.look(process.journal.books(), now) {
                self.accuse(format!("S10: the journal cannot be read: {error}"));
            }
        }
        Some(seq)
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

    async fn pause(&mut self) {
        let (target, cause, by) = (self.a_target(), Cause::Operator, "somebody".to_owned());
        self.says(Event::Paused(Pause { target, cause, by, reason: None })).await;
    }

    /// Resumes, as the command does.
    pub async fn resume(&mut self, target: Target) {
        let resume = Resume { target, by: "somebody".to_owned(), reason: None };
        self.says(Event::Resumed(resume)).await;
    }

    /// Lets links be taken again that undos gave back.
    pub async fn release_what_was_given_back(&mut self) {
        let kept: BTreeSet<_> =
            self.operator_knows(|ledger| ledger.holds().map(|(scope, ..)| scope.clone()).collect());
        for scope in kept {
            self.resume(Target::Scope(scope)).await;
        }
    }

    /// Approves every plan that is held, as far as the journal knows them.
    pub async fn approve(&mut self, holds: Duration) {
        let held: Vec<Passed> = self.operator_knows(|ledger| {
            let passes = ledger.passes().filter(|(_, passed)| !passed.refusals.is_empty());
            passes.map(|(_, passed)| passed.clone()).collect()
        });
        for passed in held {
            let Some(plan) = passed.plan.clone() else { continue };
            let until = jiff::SignedDuration::try_from(holds).unwrap_or_default();
            let until = self.wall().checked_add(until).unwrap_or(jiff::Timestamp::MAX);
            let by = "somebody".to_owned();
            let approval = Approval { plan, of: Some(passed), by, reason: None, until };
            self.says(Event::Approved(approval)).await;
        }
    }

    fn operator_knows<T>(&self, ask: impl FnOnce(&crate::ledger::Ledger) -> T) -> T {
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
    /// somebody puts one back, or takes the manifest out.
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
                None => drop(self.wishes.remove(&vpc)),
            }
        }
        self.changed_by_hand();
    }
}
