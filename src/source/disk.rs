//! A tree of files on a disk, watched and read on blocking threads.

use super::chain::Ground;
use super::events::{Armed, Inbox, arm};
use super::folder::{Look, Outcome, shared, stopped};
use super::known::{Care, Known, Reader};
use super::walk::survey;
use crate::clock::Clock;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// How often a tree is looked at again at once because its folders moved.
const REARM_MAX: usize = 4;

pub(super) struct Disk {
    root: PathBuf,
    /// What was watched at the last look.
    ground: Ground,
    /// The last watches and those before, whose events may still be on their way.
    armed: Vec<Armed>,
    /// What was read at the last look.
    known: Known,
    clock: Arc<dyn Clock>,
}

impl Disk {
    pub fn new(root: PathBuf, clock: Arc<dyn Clock>) -> Self {
        let (ground, known) = (Ground::default(), Known::default());
        Self { root, ground, armed: Vec::new(), known, clock }
    }
}

impl Look for Disk {
    fn root(&self) -> &Path {
        &self.root
    }

    /// Again while the reading finds other folders than were watched.
    async fn look(&mut self, inbox: &Arc<Inbox>, care: Care) -> Outcome {
        let mut outcome = Err(Arc::new(stopped(&self.root).into()));
        for _ in 0..REARM_MAX {
            let (root, ground, inbox) = (self.root.clone(), self.ground.clone(), Arc::clone(inbox));
            let known = std::mem::take(&mut self.known);
            let began = self.clock.now().monotonic;
            let reader = Reader::new(known, care, began);
            let work = spawn_blocking(move || (arm(&ground, &inbox), survey(&root, reader)));
            let Ok((armed, (read, ground, known))) = work.await else {
                continue;
            };
            self.known = known.seen_between(began, self.clock.now().monotonic);
            self.armed.insert(0, armed);
            self.armed.truncate(2);
            outcome = shared(read);
            if ground == self.ground {
                break;
            }
            self.ground = ground;
        }
        outcome
    }

    fn has(&self, path: &Path) -> bool {
        path.symlink_metadata().is_ok()
    }
}
