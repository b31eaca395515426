//! Over which files the manifest of a VPC is spread.

use super::{Wish, Wishes, file, text};
use crate::model::{Amount, InstanceId, VpcId};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// How the links of VPCs are spread over files. What those of one say together is the same however they are.
#[derive(Debug, Clone, Default)]
pub struct Spread(BTreeMap<VpcId, Pile>);

/// So many files, and what decides in which of them a link stands.
#[derive(Debug, Clone, Copy)]
struct Pile {
    files: u64,
    salt: u64,
}

impl Spread {
    /// Most worlds have one file for each VPC, as if nothing were said.
    pub fn draw(vpcs: &[VpcId], random: &mut fastrand::Rng) -> Self {
        let mut spread = Self::default();
        if random.u32(0..4) == 0 {
            vpcs.iter().for_each(|vpc| spread.again(vpc, random));
        }
        spread
    }

    /// Links of a VPC move from file to file, and files come and go.
    pub fn again(&mut self, vpc: &VpcId, random: &mut fastrand::Rng) {
        let pile = Pile { files: random.u64(1..=3), salt: random.u64(..) };
        self.0.insert(vpc.clone(), pile);
    }

    /// The files of a VPC, and their texts.
    pub fn of(&self, vpc: &VpcId, wish: &Wish) -> Vec<(String, String)> {
        let parts = self.parts(vpc, wish).into_iter();
        parts.map(|(name, part)| (file(&name), text(&name, vpc, &part))).collect()
    }

    /// The manifests of a VPC, by name.
    pub fn parts<'a>(&self, vpc: &VpcId, wish: &'a Wish) -> Vec<(String, Cow<'a, Wish>)> {
        let whole = || vec![(vpc.to_string(), Cow::Borrowed(wish))];
        let Some(Pile { files, salt }) = self.0.get(vpc).copied().filter(|pile| pile.files > 1)
        else {
            return whole();
        };
        let mut parts: BTreeMap<u64, Wish> = BTreeMap::new();
        for instance in &wish.keep {
            let drawn = drawn(instance, salt);
            // Some links stand in two files; one that says that they are protected is enough.
            let twice = (drawn / 64).is_multiple_of(8);
            for number in [Some(drawn % files), twice.then_some((drawn + 1) % files)] {
                let Some(number) = number else { continue };
                let part = parts.entry(number).or_insert_with(|| part(wish));
                part.keep.insert(instance.clone());
            }
            if wish.protected.contains(instance)
                && let Some(part) = parts.get_mut(&(drawn % files))
            {
                part.protected.insert(instance.clone());
            }
        }
        let Some(mut first) = parts.first_entry() else { return whole() };
        // The smallest limit counts, and all have to allow that nothing is left.
        first.get_mut().max_detach = wish.max_detach;
        first.get_mut().allow_empty = wish.allow_empty;
        let named = |(number, part)| (format!("{vpc}-{number}"), Cow::Owned(part));
        parts.into_iter().map(named).collect()
    }

    /// Every file of the wishes.
    pub fn files(&self, wishes: &Wishes) -> Vec<(String, String)> {
        wishes.iter().flat_map(|(vpc, wish)| self.of(vpc, wish)).collect()
    }
}

/// A part that lists nothing yet, and asks for more than the whole is allowed.
fn part(whole: &Wish) -> Wish {
    Wish {
        keep: BTreeSet::new(),
        protected: BTreeSet::new(),
        max_detach: whole.max_detach.map(|most| match most {
            Amount::Count(count) => Amount::Count(count.saturating_add(5)),
            Amount::Percent(percent) => Amount::Percent(percent.saturating_add(5).min(100)),
        }),
        allow_empty: true,
        mode: whole.mode,
    }
}

/// A number that follows from both, by FNV-1a.
fn drawn(instance: &InstanceId, salt: u64) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = instance.as_str().bytes().fold(0xcbf2_9ce4_8422_2325 ^ salt, mix);
    hash >> 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{self, File};
    use crate::model::{Digest, Mode, Revision};
    use crate::simulation::estate::Names;

    #[test]
    fn however_a_manifest_is_spread_its_files_say_the_same_together() {
        let names = Names::new(1, 20).unwrap();
        let vpc = &names.vpcs[0];
        let keep: BTreeSet<InstanceId> = names.instances.iter().take(12).cloned().collect();
        let protected: BTreeSet<InstanceId> = keep.iter().take(4).cloned().collect();
        let wish = Wish {
            mode: Mode::Sync,
            keep,
            protected,
            max_detach: Some(Amount::Count(7)),
            allow_empty: false,
        };
        let mut random = fastrand::Rng::with_seed(1);
        let (mut spread, mut seen) = (Spread::default(), BTreeSet::new());
        for _ in 0..50 {
            let files = spread.of(vpc, &wish);
            seen.insert(files.len());
            let read: Vec<File> =
                files.into_iter().map(|(path, text)| File::new(path, text)).collect();
            let revision = Revision::of_content(Digest::of([]));
            let tree = manifest::accept(&read, revision, None).unwrap();
            let desired = &tree.scopes[&names.scope(vpc)];
            let keep: BTreeSet<InstanceId> = desired.links.keys().cloned().collect();
            let protected = desired.links.iter().filter(|(_, said)| said.protected);
            let protected: BTreeSet<InstanceId> = protected.map(|(id, _)| id.clone()).collect();
            assert_eq!((&keep, &protected), (&wish.keep, &wish.protected));
            assert!(desired.max_detach.contains(&Amount::Count(7)) && !desired.allow_empty);
            spread.again(vpc, &mut random);
        }
        assert_eq!(seen, [1, 2, 3].into());
    }
}
