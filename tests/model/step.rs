//! What can happen next.

use super::mistakes::Mistake;
use super::setup::System;
use super::state::{Before, Flight, Said, Stage, State, Tree};

/// One step. Links and daemons are numbered as in the state before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    // People.
    Edit(usize),
    Attach(usize),
    Pause(usize),
    Resume(usize),
    // Time, and the way to the cloud.
    Roll(usize),
    Vanish(usize),
    // A process.
    Start(usize),
    Crash(usize),
    Look(usize),
    Notice(usize),
    Neglect(usize),
    Accept(usize),
    // A pass.
    Plan(usize),
    // One link: daemon, link.
    Confirm(usize, usize),
    Skip(usize, usize),
    Permit(usize, usize),
    Intend(usize, usize),
    IntendInVain(usize, usize),
    Send(usize, usize),
    Land(usize, usize),
    Answer(usize, usize),
    AnswerUnwritten(usize, usize),
    Fail(usize, usize),
    Lose(usize, usize),
    Verify(usize, usize),
}

impl System {
    /// Everything that can happen.
    pub fn possible(&self, state: &State, steps: &mut Vec<Step>) {
        self.of_people(state, steps);
        for daemon in self.daemons() {
            self.of_process(state, daemon, steps);
            if state.daemons[daemon].up {
                self.links().for_each(|link| self.of_link(state, daemon, link, steps));
            }
        }
    }

    fn of_people(&self, state: &State, steps: &mut Vec<Step>) {
        let faults = self.setup.faults;
        let loose = state.links[..self.setup.links].iter().filter(|link| !link.kept).count();
        for (index, link) in state.links[..self.setup.links].iter().enumerate() {
            // A plan beyond the budget never fits, and waits for a person: nothing converges then.
            if faults.edits && (!link.kept || loose < usize::from(self.setup.budget)) {
                steps.push(Step::Edit(index));
            }
            if faults.attaches && !link.linked {
                steps.push(Step::Attach(index));
            }
            if faults.losses && link.linked {
                steps.push(Step::Vanish(index));
            }
        }
        for journal in self.journals() {
            let paused = state.journals[journal].paused;
            if paused {
                steps.push(Step::Resume(journal));
            } else if faults.pauses {
                steps.push(Step::Pause(journal));
            }
            if self.can_roll(state, journal) {
                steps.push(Step::Roll(journal));
            }
        }
    }

    fn of_process(&self, state: &State, daemon: usize, steps: &mut Vec<Step>) {
        let process = &state.daemons[daemon];
        if !process.up {
            if self.can_start(state, daemon) {
                steps.push(Step::Start(daemon));
            }
            return;
        }
        if self.setup.faults.crashes {
            steps.push(Step::Crash(daemon));
        }
        if process.paused != state.journals[self.journal(daemon)].paused {
            steps.push(Step::Look(daemon));
        }
        match process.tree {
            Tree::Settled if self.is_unseen(state, daemon) => steps.push(Step::Notice(daemon)),
            Tree::Settled => (),
            Tree::Changing | Tree::Neglected => steps.push(Step::Accept(daemon)),
        }
        if process.tree == Tree::Changing && self.makes(Mistake::PermitWhileRecording) {
            steps.push(Step::Neglect(daemon));
        }
        if self.can_plan(state, daemon) {
            steps.push(Step::Plan(daemon));
        }
    }

    fn of_link(&self, state: &State, daemon: usize, link: usize, steps: &mut Vec<Step>) {
        let faults = self.setup.faults;
        match state.stage(daemon, link) {
            Stage::Idle | Stage::Carried => (),
            Stage::Waiting(_) => {
                let held = self.links().filter(|l| state.stage(daemon, *l).is_busy()).count();
                if held < self.setup.concurrency {
                    steps.push(Step::Confirm(daemon, link));
                }
                if faults.skips {
                    steps.push(Step::Skip(daemon, link));
                }
            }
            Stage::Ready(_) => {
                steps.push(Step::Permit(daemon, link));
                if faults.skips {
                    steps.push(Step::Skip(daemon, link));
                }
            }
            Stage::Permitted(_) => {
                steps.push(Step::Intend(daemon, link));
                if faults.failures {
                    steps.push(Step::IntendInVain(daemon, link));
                }
            }
            Stage::Intended { .. } => steps.push(Step::Send(daemon, link)),
            Stage::Calling(flight) => {
                if flight == Flight::Out {
                    steps.push(Step::Land(daemon, link));
                    if faults.failures {
                        steps.push(Step::Fail(daemon, link));
                    }
                } else {
                    steps.push(Step::Answer(daemon, link));
                }
                if faults.losses {
                    steps.push(Step::Lose(daemon, link));
                    if self.makes(Mistake::GoOnAfterAnUnwrittenAnswer) {
                        steps.push(Step::AnswerUnwritten(daemon, link));
                    }
                }
            }
            Stage::Verifying(_) => steps.push(Step::Verify(daemon, link)),
        }
    }

    /// Only an idle hour empties the window: a call is sent at most 10 s after its leave, and what
    /// that shifts within an hour is not what a budget is about.
    pub fn can_roll(&self, state: &State, journal: usize) -> bool {
        let leaves = |daemon: usize| {
            self.journal(daemon) == journal
                && self.links().any(|link| state.stage(daemon, link).has_leave())
        };
        let Some(of) = state.journals.get(journal) else { return false };
        (of.spent > 0 || of.sent > 0) && !self.daemons().any(leaves)
    }

    /// The lock of the state folder ends with the process that holds it.
    pub fn can_start(&self, state: &State, daemon: usize) -> bool {
        let journal = self.journal(daemon);
        let holds = |of: usize| state.daemons[of].up || state.daemons[of].locks;
        let held = self.daemons().any(|of| self.journal(of) == journal && holds(of));
        !held || self.makes(Mistake::UnlockOnTimeout)
    }

    /// Files that nobody noticed to have changed.
    pub fn is_unseen(&self, state: &State, daemon: usize) -> bool {
        let journal = self.journal(daemon);
        state.links[..self.setup.links].iter().any(|of| of.kept != of.record[journal].accepted)
    }

    /// Passes of a scope follow each other. One in which links only wait is ended, and its calls are
    /// carried.
    pub fn can_plan(&self, state: &State, daemon: usize) -> bool {
        self.links().all(|link| match state.stage(daemon, link) {
            Stage::Waiting(before) => before == Before::Doubtful,
            Stage::Verifying(_) | Stage::Carried | Stage::Idle => true,
            _ => false,
        })
    }

    /// What a step leads to.
    pub fn after(&self, before: &State, step: Step) -> State {
        let mut state = *before;
        let s = &mut state;
        match step {
            Step::Edit(l) => s.links[l].kept = !s.links[l].kept,
            Step::Attach(l) => s.links[l].linked = true,
            // Somebody else detached it; or a request arrived whose sender does not wait any more, or is
            // dead. Any number may arrive, at any time: counting them would only allow less.
            Step::Vanish(l) => s.links[l].linked = false,
            Step::Pause(j) => s.journals[j].paused = true,
            Step::Resume(j) => self.resume(s, j),
            Step::Roll(j) => (s.journals[j].spent, s.journals[j].sent) = (0, 0),
            Step::Start(d) => self.start(s, d),
            Step::Crash(d) => self.crash(s, d),
            Step::Look(d) => self.fold(s, d),
            Step::Notice(d) => s.daemons[d].tree = Tree::Changing,
            Step::Neglect(d) => s.daemons[d].tree = Tree::Neglected,
            Step::Accept(d) => self.accept(s, d),
            Step::Plan(d) => self.plan(s, d),
            Step::Confirm(d, l) => self.confirm(s, d, l),
            Step::Skip(d, l) => self.skip(s, d, l),
            Step::Permit(d, l) => self.permit(s, d, l),
            Step::Intend(d, l) => self.intend(s, d, l),
            Step::IntendInVain(d, l) => self.intend_in_vain(s, d, l),
            Step::Send(d, l) => self.send(s, d, l),
            Step::Land(d, l) => self.land(s, d, l),
            Step::Answer(d, l) => self.answer(s, d, l),
            Step::AnswerUnwritten(d, l) => s.set(d, l, Stage::Verifying(Said::Nothing)),
            Step::Fail(d, l) => self.fail(s, d, l),
            Step::Lose(d, l) => self.lose(s, d, l),
            Step::Verify(d, l) => self.verify(s, d, l),
        }
        self.representative(state)
    }
}
