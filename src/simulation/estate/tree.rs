//! What the files of a folder say together, whoever meant each of them.

use super::{Spread, Wish, Wishes, file, text};
use crate::model::{Amount, VpcId};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Manifests by name; of a file that is none of those that somebody meant, nobody knows what it says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree(BTreeMap<String, Option<(VpcId, Wish)>>);

impl Tree {
    /// All manifests of the wishes.
    pub fn of(wishes: &Wishes, spread: &Spread) -> Self {
        let parts = wishes.iter().flat_map(|(vpc, wish)| {
            let own = spread.parts(vpc, wish).into_iter();
            own.map(move |(name, part)| (name, Some((vpc.clone(), part.into_owned()))))
        });
        Self(parts.collect())
    }

    /// What is known of such files, by path and text: those that are as they are here.
    pub fn known(&self, files: impl IntoIterator<Item = (String, String)>) -> Self {
        let known = files.into_iter().map(|(path, found)| {
            let name = path.trim_end_matches(".yaml").to_owned();
            let said = self.0.get(&name).cloned().flatten();
            let said = said.filter(|(vpc, wish)| text(&name, vpc, wish) == found);
            (name, said)
        });
        Self(known.collect())
    }

    /// Their names.
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// The names of those that are not the same in both.
    pub fn differing(&self, other: &Self) -> Vec<String> {
        let differs = |name: &&String| self.0.get(*name) != other.0.get(*name);
        let added = other.0.keys().filter(|name| !self.0.contains_key(*name));
        self.0.keys().filter(differs).chain(added).cloned().collect()
    }

    /// Puts a manifest as it is in another tree, or takes it out if it is not there. What its file is then.
    pub fn follow(&mut self, name: &str, other: &Self) -> (String, Option<String>) {
        let Some((vpc, wish)) = other.0.get(name).cloned().flatten() else {
            self.0.remove(name);
            return (file(name), None);
        };
        self.put(name, vpc, wish)
    }

    /// Puts a manifest. What its file is then.
    pub fn put(&mut self, name: &str, vpc: VpcId, wish: Wish) -> (String, Option<String>) {
        let text = text(name, &vpc, &wish);
        self.0.insert(name.to_owned(), Some((vpc, wish)));
        (file(name), Some(text))
    }

    /// What they say together; nothing where they contradict each other, or nobody knows what one says.
    pub fn together(&self) -> Option<Wishes> {
        let mut wishes = Wishes::new();
        for said in self.0.values() {
            let (vpc, part) = said.as_ref()?;
            match wishes.entry(vpc.clone()) {
                Entry::Vacant(none) => drop(none.insert(part.clone())),
                Entry::Occupied(mut earlier) => join(earlier.get_mut(), part)?,
            }
        }
        let all = || wishes.values().flat_map(|wish| &wish.keep);
        let twice = all().count() > all().collect::<std::collections::BTreeSet<_>>().len();
        (!wishes.is_empty() && !twice).then_some(wishes)
    }
}

/// Nothing where they contradict each other.
fn join(earlier: &mut Wish, part: &Wish) -> Option<()> {
    if earlier.mode != part.mode {
        return None;
    }
    earlier.keep.extend(part.keep.iter().cloned());
    earlier.protected.extend(part.protected.iter().cloned());
    earlier.allow_empty &= part.allow_empty;
    earlier.max_detach = match (earlier.max_detach, part.max_detach) {
        (Some(Amount::Count(one)), Some(Amount::Count(other))) => {
            Some(Amount::Count(one.min(other)))
        }
        (Some(Amount::Percent(one)), Some(Amount::Percent(other))) => {
            Some(Amount::Percent(one.min(other)))
        }
        // Which of them is less, one number cannot say.
        (Some(_), Some(_)) => return None,
        (one, other) => one.or(other),
    };
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mode;
    use crate::simulation::estate::Names;

    #[test]
    fn the_parts_of_wishes_say_together_what_they_were_made_of() {
        let names = Names::new(2, 20).unwrap();
        let mut random = fastrand::Rng::with_seed(1);
        let wish = |from: usize, allow_empty| Wish {
            mode: Mode::Detach,
            keep: names.instances.iter().skip(from).take(10).cloned().collect(),
            protected: names.instances.iter().skip(from).take(2).cloned().collect(),
            max_detach: Some(Amount::Count(3)),
            allow_empty,
        };
        let vpcs = [0, 1].map(|n| names.vpcs[n].clone());
        let wishes: Wishes =
            [(vpcs[0].clone(), wish(0, true)), (vpcs[1].clone(), wish(10, false))].into();
        let mut spread = Spread::default();
        for _ in 0..20 {
            let tree = Tree::of(&wishes, &spread);
            assert_eq!(tree.together(), Some(wishes.clone()));
            assert_eq!(tree.known(spread.files(&wishes)), tree);
            vpcs.iter().for_each(|vpc| spread.again(vpc, &mut random));
        }
    }

    #[test]
    fn files_that_contradict_each_other_say_nothing() {
        let names = Names::new(2, 4).unwrap();
        let vpcs = [0, 1].map(|n| names.vpcs[n].clone());
        let wish = Wish {
            mode: Mode::Detach,
            keep: names.instances.iter().cloned().collect(),
            protected: [].into(),
            max_detach: None,
            allow_empty: true,
        };
        let mut tree = Tree::default();
        assert_eq!(tree.together(), None);
        tree.put("one", vpcs[0].clone(), wish.clone());
        let alone = tree.clone();
        assert!(alone.together().is_some());
        tree.put("two", vpcs[0].clone(), Wish { mode: Mode::Sync, ..wish.clone() });
        assert_eq!(tree.together(), None, "modes differ");
        tree.put("two", vpcs[1].clone(), wish);
        assert_eq!(tree.together(), None, "an instance in two VPCs");
        assert_eq!(alone.differing(&tree), ["two"]);
        assert_eq!(tree.follow("two", &alone), ("two.yaml".to_owned(), None));
        assert_eq!(tree, alone);
        let unknown = alone.known([("one.yaml".to_owned(), "{}".to_owned())]);
        assert_eq!(unknown.together(), None);
    }
}
