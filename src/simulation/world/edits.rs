//! Edits of the manifests, by people who are quick, slow or wrong.

use super::World;
use crate::ledger::Ledger;
use crate::model::{InstanceId, Mode, VpcId};
use crate::simulation::estate::Wishes;
use crate::simulation::referee::Content;
use std::collections::BTreeSet;

impl World {
    /// Changes the wishes, remembers what they were, and saves them.
    fn edit(&mut self, change: impl FnOnce(&mut Self)) {
        let before = self.wishes.clone();
        change(self);
        self.keep_the_short_one();
        // A manifest that lists nothing says so.
        for wish in self.wishes.values_mut().filter(|wish| wish.keep.is_empty()) {
            wish.allow_empty = true;
        }
        self.older.push(before);
        self.ground.folder.break_it(None);
        if !self.arrives_slowly {
            self.publish();
        }
    }

    /// An id with which others begin stays where it is listed: next to one of those that goes at the same
    /// time it would look like the rest of it.
    pub(super) fn keep_the_short_one(&mut self) {
        let Some((home, short)) = &self.short else { return };
        for (vpc, wish) in &mut self.wishes {
            if vpc == home {
                wish.keep.insert(short.clone());
            } else {
                wish.keep.remove(short);
                wish.protected.remove(short);
            }
        }
    }

    /// Whether it stands where it always does.
    pub(super) fn keeps_the_short_one(&self, wishes: &Wishes) -> bool {
        self.short.as_ref().is_none_or(|(home, short)| {
            wishes.get(home).is_some_and(|wish| wish.keep.contains(short))
        })
    }

    pub(super) fn a_vpc(&mut self) -> Option<VpcId> {
        let vpcs: Vec<VpcId> = self.wishes.keys().cloned().collect();
        self.random.choice(vpcs)
    }

    pub(super) fn edit_one(&mut self) {
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
    pub(super) fn drop_some(&mut self, most: usize) {
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
    pub(super) fn edit_move(&mut self) {
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
    pub(super) fn edit_replace(&mut self) {
        let Some(vpc) = self.a_vpc() else { return };
        let linked = self.ground.linked(&vpc);
        let taken: BTreeSet<InstanceId> =
            self.wishes.values().flat_map(|wish| wish.keep.iter().cloned()).collect();
        let names = self.ground.names.instances.iter();
        let others = names.filter(|id| !linked.contains(*id) && !taken.contains(*id));
        let mut others: BTreeSet<InstanceId> = others.cloned().collect();
        // Those of another account or region do not even exist here.
        if self.random.u32(0..3) == 0 {
            let strangers = (0..self.random.u32(1..=3)).map(|n| format!("i-x{n}-{vpc}"));
            others = strangers.filter_map(|id| InstanceId::parse(&id).ok()).collect();
        }
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

    pub(super) fn roll_back(&mut self) {
        if let Some(older) = self.random.choice(self.older.clone()) {
            self.edit(|world| world.wishes = older);
        }
    }

    pub(super) fn edit_mode(&mut self) {
        let Some(vpc) = self.a_vpc() else { return };
        self.edit(|world| {
            let mode = world.random.choice([Mode::Observe, Mode::Detach, Mode::Sync]);
            if let Some((wish, mode)) = world.wishes.get_mut(&vpc).zip(mode) {
                wish.mode = mode;
            }
        });
    }

    pub(super) fn edit_protection(&mut self) {
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

    /// How much may go at once changes, or whether all may.
    pub(super) fn edit_limits(&mut self) {
        let Some(vpc) = self.a_vpc() else { return };
        self.edit(|world| {
            let Some(wish) = world.wishes.get_mut(&vpc) else { return };
            match world.random.u32(0..3) {
                0 => wish.allow_empty = !wish.allow_empty,
                1 => wish.max_detach = None,
                _ => wish.max_detach = Some(super::begin::limit(&mut world.random)),
            }
        });
    }

    pub(super) fn release_scope(&mut self) {
        let Some(vpc) = self.a_vpc().filter(|_| self.wishes.len() > 1) else { return };
        self.edit(|world| drop(world.wishes.remove(&vpc)));
    }

    /// Links of a VPC move from file to file, and files come and go: together they say the same.
    pub(super) fn edit_spread(&mut self) {
        let Some(vpc) = self.a_vpc() else { return };
        self.edit(|world| world.spread.again(&vpc, &mut world.random));
    }

    /// One of the files that declare a VPC, and its text.
    fn a_file(&mut self, vpc: &VpcId) -> Option<(String, String)> {
        let wish = self.wishes.get(vpc)?;
        self.random.choice(self.spread.of(vpc, wish))
    }

    /// Somebody saves a file, and is slow.
    pub(super) fn half_write(&mut self) {
        let Some(vpc) = self.a_vpc() else { return };
        self.drop_nothing_but(&vpc);
        let Some((file, text)) = self.a_file(&vpc) else { return };
        let cut = self.random.usize(0..text.len());
        let text = text.get(..cut).unwrap_or_default();
        if self.events_lost && !self.is_cut_off(&file, text) {
            // Nobody can know of this one that it has an end: it is saved whole.
            return self.publish();
        }
        self.ground.folder.begin(&file, text);
        self.half = Some(file);
        self.folder_is(Content::Broken);
    }

    /// Whether anybody who reads a file sees that its end is missing: it was accepted with one.
    fn is_cut_off(&self, file: &str, text: &str) -> bool {
        let was_there = |ledger: &Ledger| {
            ledger.accepted().is_some_and(|last| last.files.iter().any(|(path, _)| path == file))
        };
        !text.ends_with('\n') && self.operator_knows(was_there)
    }

    /// A writer that was in the middle of a file comes to its end, unless whoever starts now sees that there
    /// is one to come.
    pub(super) fn finish_what_looks_whole(&mut self) {
        let Some(half) = &self.half else { return };
        let files = self.ground.folder.files();
        if !files.iter().any(|(path, text)| path == half && self.is_cut_off(path, text)) {
            self.finish_writing();
        }
    }

    /// A file is closed that ends in the middle of an id, which the revision in force lists in that place:
    /// what the file says then was never there before. Somebody sees that, sooner or later.
    pub(super) fn cut_short(&mut self) {
        let Some(vpc) = self.a_vpc().filter(|_| !self.events_lost) else { return };
        let Some(wish) = self.wishes.get(&vpc) else { return };
        let referee = &self.ground.referee;
        let listed = wish
            .keep
            .iter()
            .filter(|id| !wish.protected.contains(*id) && referee.is_in_force(&vpc, id));
        let listed: Vec<InstanceId> = listed.cloned().collect();
        let Some(instance) = self.random.choice(listed) else { return };
        let files = self.spread.of(&vpc, wish);
        let [(file, text)] = files.as_slice() else { return };
        let Some((before, _)) = text.split_once(&format!("- {instance}\n")) else { return };
        let id = instance.as_str();
        let cut = self.random.usize(3..id.len().max(4));
        let begun = id.get(..cut).unwrap_or_default();
        if wish.keep.iter().any(|id| id.as_str() == begun) {
            return;
        }
        // Some editors end the last line of whatever they are given.
        let end = if self.random.bool() { "\n" } else { "" };
        self.ground.folder.write(file, &format!("{before}- {begun}{end}"));
        self.half = Some(file.clone());
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
        self.keep_the_short_one();
    }

    pub(super) fn write_nonsense(&mut self) {
        let nonsense = self.random.choice(["kind: [", "{}", "", "instances: null", "a: &a [*a]"]);
        let Some(vpc) = self.a_vpc() else { return };
        self.finish_writing();
        let Some((file, _)) = self.a_file(&vpc) else { return };
        self.ground.folder.write(&file, nonsense.unwrap_or_default());
        self.folder_is(Content::Broken);
    }
}
