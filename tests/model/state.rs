//! What there is: the cloud, the files, the journals, and what each daemon has in memory.

/// Most links of a configuration.
pub const LINKS: usize = 3;
/// Most daemons of a configuration.
pub const DAEMONS: usize = 2;

/// Everything, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    pub links: [Link; LINKS],
    pub daemons: [Daemon; DAEMONS],
    pub journals: [Journal; DAEMONS],
    pub broken: Broken,
}

/// One link, and everything that anybody knows of it: kept together, so that links can change places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Link {
    /// Whether it exists at the cloud.
    pub linked: bool,
    /// Whether the files keep it.
    pub kept: bool,
    /// By daemon.
    pub memory: [Memory; DAEMONS],
    /// By journal.
    pub record: [Record; DAEMONS],
}

/// What a daemon has in memory about one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Memory {
    pub stage: Stage,
    /// Whether a read by id, begun after our last write ended, listed it. No daemon asks this: S3 does.
    pub listed: bool,
}

/// As `apply::item::Stage`; a final outcome is `Idle`, for only the next pass goes on from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Stage {
    #[default]
    Idle,
    /// To be confirmed by id.
    Waiting(Before),
    /// Confirmed.
    Ready(Before),
    /// A leave is given and counted.
    Permitted(Before),
    /// The intent is durable; whether a pause that stands was in the journal before it.
    Intended { before: Before, paused: bool },
    /// Sent.
    Calling(Flight),
    /// Called: to be read by id.
    Verifying(Said),
    /// Called, and left to the next pass without a final word.
    Carried,
}

/// What is known of the calls before this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Before {
    /// There was none, or none that had an effect.
    #[default]
    Nothing,
    /// Nobody knows; reads have shown the link long enough since.
    Doubtful,
}

/// Where a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flight {
    Out,
    /// The cloud carried it out.
    Applied,
    /// The cloud found no such link.
    Missed,
}

/// What the answer said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Said {
    /// Accepted, or that there is nothing to do: waited for, never repeated.
    Done,
    /// There was no answer.
    Nothing,
}

/// What a journal says about one link: as `ledger::calls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Record {
    /// Whether the last accepted revision keeps it.
    pub accepted: bool,
    /// Intents without an answer.
    pub open: u8,
    /// An answer left open whether the call had an effect, and no read has settled that: answers of
    /// later calls do not.
    pub doubtful: bool,
    /// The cloud said that it took the call.
    pub taken: bool,
}

/// A process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Daemon {
    pub up: bool,
    pub tree: Tree,
    /// It died, and its lock did not: only by mistake.
    pub locks: bool,
    /// Leaves that are not intents yet.
    pub reserved: u8,
    /// Whether the journal is paused, as far as it was read.
    pub paused: bool,
    /// Sends, for a daemon that does not ask the journal.
    pub spent: u8,
}

/// How far the manifests are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Tree {
    /// They changed, or the daemon started, and they are not read yet.
    #[default]
    Changing,
    /// As accepted, as far as anybody noticed.
    Settled,
    /// They are not as accepted, and yet calls go on: only by mistake.
    Neglected,
}

/// What a journal says about its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Journal {
    pub paused: bool,
    /// Detaches within the window, as the ledger counts them.
    pub spent: u8,
    /// Detaches within the window that really left. No daemon asks this: S4 does.
    pub sent: u8,
}

/// The invariants that a step broke: what a state alone does not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Broken(u8);

/// What only a step can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Rule {
    S1 = 1,
    S3 = 2,
    S5 = 4,
    S8 = 8,
    S12 = 16,
    S13 = 32,
}

impl Broken {
    /// Nothing is asked of what follows a broken rule: counterexamples stay short.
    pub fn any(self) -> bool {
        self.0 != 0
    }

    pub fn holds(self, rule: Rule) -> bool {
        self.0 & rule as u8 == 0
    }

    /// `kept` says whether the step obeyed the rule.
    pub fn demand(&mut self, rule: Rule, kept: bool) {
        if !kept {
            self.0 |= rule as u8;
        }
    }
}

impl Stage {
    /// Between its confirmation and its answer.
    pub fn is_busy(self) -> bool {
        self.is_held() || matches!(self, Self::Calling(_))
    }

    /// Confirmed, and not called.
    pub fn is_held(self) -> bool {
        matches!(self, Self::Ready(_)) || self.has_leave()
    }

    /// Counted, and not called.
    pub fn has_leave(self) -> bool {
        matches!(self, Self::Permitted(_) | Self::Intended { .. })
    }
}

impl State {
    pub fn stage(&self, daemon: usize, link: usize) -> Stage {
        self.links[link].memory[daemon].stage
    }

    /// A stage that has to read again before a call forgets what was read.
    pub fn set(&mut self, daemon: usize, link: usize, stage: Stage) {
        let memory = &mut self.links[link].memory[daemon];
        memory.stage = stage;
        memory.listed &= stage.is_held();
    }
}
