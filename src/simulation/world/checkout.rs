//! What a folder of several files goes through: a checkout that takes its time, a file that is away, and files
//! that contradict each other.

use super::World;
use crate::model::Mode;
use crate::simulation::deed::Deed;
use crate::simulation::estate::{Tree, Wish};
use crate::simulation::referee::Content;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Between two files of a checkout, in milliseconds: less than what makes a folder look settled.
const BRIEF: Range<u64> = 50..400;
/// The same, of one that stalls: what is there then looks like what somebody means.
const LONG: Range<u64> = 1_000..15_000;

impl World {
    /// Whether it was a deed of this kind.
    pub(super) async fn disturb_files(&mut self, deed: Deed) -> bool {
        match deed {
            Deed::SlowCheckout => self.check_out_slowly().await,
            Deed::FileAway => self.move_a_file_away(),
            Deed::Contradiction => self.contradict(),
            _ => return false,
        }
        true
    }

    /// What the folder holds.
    fn tree(&self) -> Tree {
        let mut meant = Tree::of(&self.wishes, &self.spread);
        if let Some((name, vpc, wish)) = self.again.clone() {
            meant.put(&name, vpc, wish);
        }
        meant.known(self.ground.folder.files())
    }

    /// An edit of which one file after the other arrives, in any order. In between the files are of two
    /// revisions, which nobody means; where the next file is not there for seconds, nobody can know that.
    async fn check_out_slowly(&mut self) {
        self.finish_writing();
        let mut tree = self.tree();
        self.arrives_slowly = true;
        self.edit_several();
        self.arrives_slowly = false;
        let whole = Tree::of(&self.wishes, &self.spread);
        let mut names = tree.differing(&whole);
        if names.is_empty() {
            return self.publish();
        }
        self.random.shuffle(&mut names);
        while let Some(name) = names.pop() {
            let file = tree.follow(&name, &whole);
            self.put(file);
            if names.is_empty() {
                break;
            }
            let stalls = self.random.u32(0..6) == 0;
            let said = if stalls {
                tree.together().filter(|it| self.keeps_the_short_one(it))
            } else {
                None
            };
            let span = if said.is_some() { LONG } else { BRIEF };
            self.folder_says(said);
            let time = Duration::from_millis(self.random.u64(span));
            self.wait(time).await;
        }
        self.folder_is(Content::Whole(Arc::new(self.wishes.clone())));
    }

    /// An edit of a tree that touches more than one file, if there are more.
    fn edit_several(&mut self) {
        match self.random.u32(0..6) {
            0 | 1 => self.edit_move(),
            2 | 3 => self.edit_spread(),
            4 => self.drop_some(6),
            _ => self.edit_mode(),
        }
        if self.random.bool() {
            self.edit_one();
        }
    }

    /// What it listed counts as taken out.
    fn move_a_file_away(&mut self) {
        self.finish_writing();
        let mut tree = self.tree();
        let Some(name) = self.random.choice(tree.names()) else { return };
        let file = tree.follow(&name, &Tree::default());
        if tree.together().is_none_or(|wishes| self.keeps_the_short_one(&wishes)) {
            self.put(file);
            self.folder_says(tree.together());
        }
    }

    /// A manifest more, which claims what another VPC claims or has another mode than the others of its VPC.
    fn contradict(&mut self) {
        self.finish_writing();
        let Some(vpc) = self.a_vpc() else { return };
        let others = self.wishes.iter().filter(|(of, _)| **of != vpc);
        let others: Vec<_> = others.flat_map(|(_, wish)| wish.keep.iter().cloned()).collect();
        let Some(mode) = self.wishes.get(&vpc).map(|wish| wish.mode) else { return };
        let another = if mode == Mode::Detach { Mode::Sync } else { Mode::Detach };
        let claimed = self.random.choice(others).filter(|_| self.random.bool());
        let wish = Wish {
            mode: if claimed.is_some() { mode } else { another },
            keep: claimed.into_iter().collect(),
            protected: BTreeSet::new(),
            max_detach: None,
            allow_empty: true,
        };
        let mut tree = self.tree();
        let name = format!("{vpc}-again");
        let file = tree.put(&name, vpc.clone(), wish.clone());
        // Where nothing else is there, it contradicts nothing.
        if tree.together().is_none() {
            self.again = Some((name, vpc, wish));
            self.put(file);
            self.folder_is(Content::Broken);
        }
    }

    fn put(&self, (path, text): (String, Option<String>)) {
        match text {
            Some(text) => self.ground.folder.write(&path, &text),
            None => self.ground.folder.remove(&path),
        }
    }

    fn folder_says(&self, wishes: Option<crate::simulation::estate::Wishes>) {
        self.folder_is(wishes.map_or(Content::Broken, |wishes| Content::Whole(Arc::new(wishes))));
    }
}
