//! How large the world is, and what can happen in it.

use super::mistakes::Mistake;
use super::quiet::Quiet;
use super::state::{Broken, DAEMONS, Daemon, Journal, LINKS, Link, Record, State};
use std::sync::atomic::AtomicBool;

/// A budget that nothing reaches.
pub const UNLIMITED: u8 = u8::MAX;

/// A configuration.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    pub name: &'static str,
    pub links: usize,
    pub daemons: usize,
    /// Whether the daemons share a state folder.
    pub shared: bool,
    /// Most sends within the window, per journal; [`UNLIMITED`] counts none.
    pub budget: u8,
    /// Calls under way at a time, as `limits.concurrency`.
    pub concurrency: usize,
    pub faults: Faults,
}

/// What can happen besides what daemons do.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    /// People change the manifests.
    pub edits: bool,
    /// People attach links by hand.
    pub attaches: bool,
    /// People pause and resume.
    pub pauses: bool,
    /// Calls fail without effect.
    pub failures: bool,
    /// Answers are lost, and requests arrive late.
    pub losses: bool,
    /// Daemons die.
    pub crashes: bool,
    /// Links are given up until the next pass, confirmations get old.
    pub skips: bool,
}

impl Faults {
    pub const ALL: Self = Self {
        edits: true,
        attaches: true,
        pauses: true,
        failures: true,
        losses: true,
        crashes: true,
        skips: true,
    };
}

/// The model: a configuration, and perhaps one thing done wrong.
pub struct System {
    pub setup: Setup,
    pub mistake: Option<Mistake>,
    /// `None` where no quiet run is asked for.
    pub quiet: Option<Quiet>,
    /// The one property that is asked for; else all are.
    pub only: Option<&'static str>,
    /// Whether that was broken before: the first counterexample is the shortest, and later ones would
    /// take its place.
    pub found: AtomicBool,
}

impl System {
    pub fn new(setup: Setup) -> Self {
        let quiet = Some(Quiet::default());
        Self { setup, mistake: None, quiet, only: None, found: AtomicBool::new(false) }
    }

    pub fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    /// The journal of a daemon.
    pub fn journal(&self, daemon: usize) -> usize {
        if self.setup.shared { 0 } else { daemon }
    }

    pub fn links(&self) -> std::ops::Range<usize> {
        0..self.setup.links
    }

    pub fn daemons(&self) -> std::ops::Range<usize> {
        0..self.setup.daemons
    }

    pub fn journals(&self) -> std::ops::Range<usize> {
        0..if self.setup.shared { 1 } else { self.setup.daemons }
    }

    /// Every link exists, and one of them more than the files keep.
    pub fn beginning(&self) -> State {
        let mut state = State {
            links: [Link::default(); LINKS],
            daemons: [Daemon::default(); DAEMONS],
            journals: [Journal::default(); DAEMONS],
            broken: Broken::default(),
        };
        for link in self.links() {
            let kept = link > 0;
            let record = Record { accepted: kept, ..Default::default() };
            let link = &mut state.links[link];
            (link.linked, link.kept) = (true, kept);
            for journal in self.journals() {
                link.record[journal] = record;
            }
        }
        self.representative(state)
    }

    /// Links are alike, and so are daemons: of states that differ only in their order, one is enough.
    pub fn representative(&self, mut state: State) -> State {
        state.links[..self.setup.links].sort_unstable();
        if self.setup.daemons < 2 {
            return state;
        }
        let mut other = state;
        other.daemons.swap(0, 1);
        for link in &mut other.links {
            link.memory.swap(0, 1);
        }
        if !self.setup.shared {
            other.journals.swap(0, 1);
            for link in &mut other.links {
                link.record.swap(0, 1);
            }
        }
        other.links[..self.setup.links].sort_unstable();
        state.min(other)
    }
}
