//! A process: it starts from its journal, takes revisions in, plans, and dies at any step.

use super::mistakes::Mistake;
use super::record::Answered;
use super::setup::System;
use super::state::{Before, Daemon, Memory, Said, Stage, State, Tree};

impl System {
    /// Reads the journal, writes down that calls of before had no answer, and carries what no read has
    /// settled (`Journal::answer_open`, `Unsettled::recovered`). One step: a death within it leaves
    /// nothing that one before it does not.
    pub fn start(&self, state: &mut State, daemon: usize) {
        let journal = self.journal(daemon);
        let paused = state.journals[journal].paused;
        let unread = self.makes(Mistake::StartUnread);
        let tree = if unread { Tree::Neglected } else { Tree::Changing };
        state.daemons[daemon] = Daemon { up: true, tree, paused, ..Daemon::default() };
        if self.makes(Mistake::ForgetOpenIntents) {
            return;
        }
        for link in self.links() {
            let record = &mut state.links[link].record[journal];
            while record.open > 0 {
                record.answered(Answered::Unknown);
            }
            let said = if record.taken { Said::Done } else { Said::Nothing };
            if record.doubtful {
                state.set(daemon, link, Stage::Verifying(said));
            }
        }
    }

    /// Memory is lost and the journal stays. What was sent may be carried out yet: as `vanish`.
    pub fn crash(&self, state: &mut State, daemon: usize) {
        for link in self.links() {
            state.links[link].memory[daemon] = Memory::default();
        }
        state.daemons[daemon] = Daemon::default();
        if self.makes(Mistake::KeepTheLockOfTheDead) {
            state.daemons[daemon].locks = true;
        }
    }

    /// Takes what others wrote to the journal: before every entry of its own, and every 250 ms.
    pub fn fold(&self, state: &mut State, daemon: usize) {
        let paused = state.journals[self.journal(daemon)].paused;
        state.daemons[daemon].paused = paused;
    }

    /// An entry of its own: whoever writes has read what was written before.
    pub fn append(&self, state: &mut State, daemon: usize) {
        if !self.makes(Mistake::AppendWithoutReading) {
            self.fold(state, daemon);
        }
    }

    /// Journaled and published. One step: until it is published, nothing is permitted, and a death in
    /// between is one after it. An edit meanwhile is one after it, for nobody has noticed it.
    pub fn accept(&self, state: &mut State, daemon: usize) {
        let journal = self.journal(daemon);
        for link in self.links() {
            let of = &mut state.links[link];
            of.record[journal].accepted = of.kept;
        }
        self.append(state, daemon);
        state.daemons[daemon].tree = Tree::Settled;
    }

    /// A pass: observed, planned, reviewed. One step: its revision is older than its observation in
    /// truth, but a plan by an older revision is what every plan is once the next one is accepted. What
    /// changes after the observation is what confirmations are for.
    pub fn plan(&self, state: &mut State, daemon: usize) {
        let journal = self.journal(daemon);
        let wants = |state: &State, link: usize| {
            state.links[link].linked && !state.links[link].record[journal].accepted
        };
        let wanted = self.links().filter(|link| wants(state, *link)).count();
        let held = self.review(state, daemon, wanted);
        for link in self.links() {
            match (wants(state, link), state.stage(daemon, link)) {
                (true, _) if held => (),
                (true, Stage::Idle) => state.set(daemon, link, Stage::Waiting(Before::Nothing)),
                (true, Stage::Carried) => {
                    state.set(daemon, link, Stage::Verifying(Said::Nothing));
                }
                (true, _) | (false, Stage::Idle) => (),
                (false, _) => self.settle_other(state, daemon, link),
            }
        }
    }

    /// A call of before that the plan has no action for, as `Writes::settle_others`. That it is given up
    /// only after 60 s is time, and left open.
    fn settle_other(&self, state: &mut State, daemon: usize, link: usize) {
        if !state.links[link].linked {
            return self.converged(state, daemon, link, Some(false));
        }
        state.links[link].record[self.journal(daemon)].settled();
        state.set(daemon, link, Stage::Idle);
    }

    /// The rules of the gate that bear on the invariants: the pause and the budget. A budget that is
    /// spent pauses. The code does not pause again after a resume if nothing was sent since; here it
    /// does, which stops more.
    fn review(&self, state: &mut State, daemon: usize, wanted: usize) -> bool {
        let left = self.setup.budget.saturating_sub(self.spent(state, daemon));
        if wanted == 0 || state.daemons[daemon].paused {
            return state.daemons[daemon].paused;
        }
        let held = wanted > usize::from(left);
        if held && wanted <= usize::from(self.setup.budget) {
            self.latch(state, daemon);
        }
        held
    }

    /// Pauses, until a person resumes.
    pub fn latch(&self, state: &mut State, daemon: usize) {
        state.journals[self.journal(daemon)].paused = true;
        self.append(state, daemon);
    }

    /// A person lets calls go on. An intent that was younger than the pause is not so for the next one.
    pub fn resume(&self, state: &mut State, journal: usize) {
        state.journals[journal].paused = false;
        for daemon in self.daemons().filter(|daemon| self.journal(*daemon) == journal) {
            for link in self.links() {
                if let Stage::Intended { paused, .. } = &mut state.links[link].memory[daemon].stage
                {
                    *paused = false;
                }
            }
        }
    }

    /// What counts against the budget, leaves that are not intents yet included.
    pub fn spent(&self, state: &State, daemon: usize) -> u8 {
        let process = &state.daemons[daemon];
        let sent = match self.makes(Mistake::BudgetInMemory) {
            true => process.spent,
            false => state.journals[self.journal(daemon)].spent,
        };
        sent + process.reserved
    }
}
