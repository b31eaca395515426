//! One link on its way: as `apply::item` and `apply::call`, one step for each place where a process
//! waits for somebody else, and may die.

use super::mistakes::Mistake;
use super::record::Answered;
use super::setup::{System, UNLIMITED};
use super::state::{Before, Flight, Rule, Said, Stage, State, Tree};

/// Why there is no leave: as `gate::Denial`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Denial {
    Paused,
    Unsettled,
    Kept,
    Budget,
}

impl System {
    /// A read by id. Its moment is the sample; how long it may be used is left open, so every property
    /// holds for any age, and `skip` is what an age of more than 10 s leads to.
    pub fn confirm(&self, state: &mut State, daemon: usize, link: usize) {
        let Stage::Waiting(before) = state.stage(daemon, link) else { return };
        if !state.links[link].linked {
            return self.converged(state, daemon, link, Some(false));
        }
        state.set(daemon, link, Stage::Ready(before));
        state.links[link].memory[daemon].listed = true;
    }

    /// Left alone in this pass: a read failed, a slot is far off, a confirmation is too old.
    pub fn skip(&self, state: &mut State, daemon: usize, link: usize) {
        match state.stage(daemon, link) {
            Stage::Waiting(before) => self.unattempted(state, daemon, link, before),
            Stage::Ready(before) => state.set(daemon, link, Stage::Waiting(before)),
            _ => (),
        }
    }

    /// The leave is given and counted in one step, before anybody else decides.
    pub fn permit(&self, state: &mut State, daemon: usize, link: usize) {
        let Stage::Ready(before) = state.stage(daemon, link) else { return };
        match self.leave(state, daemon, link, false) {
            Err(denial) => self.denied(state, daemon, link, before, denial),
            Ok(()) => {
                let counted = !self.makes(Mistake::LeaveUncounted);
                state.daemons[daemon].reserved += u8::from(counted);
                state.set(daemon, link, Stage::Permitted(before));
            }
        }
    }

    /// The intent becomes durable.
    pub fn intend(&self, state: &mut State, daemon: usize, link: usize) {
        let Stage::Permitted(before) = state.stage(daemon, link) else { return };
        let journal = self.journal(daemon);
        let paused = state.journals[journal].paused;
        if !self.makes(Mistake::IntentAfterTheCall) {
            let record = &mut state.links[link].record[journal];
            state.broken.demand(Rule::S13, record.open == 0);
            record.intended();
        }
        self.append(state, daemon);
        self.free(state, daemon);
        if !self.makes(Mistake::CountAtTheAnswer) {
            self.count(state, daemon);
        }
        state.set(daemon, link, Stage::Intended { before, paused });
    }

    /// The journal cannot be written: no intent, no call, and the leave is taken back.
    pub fn intend_in_vain(&self, state: &mut State, daemon: usize, link: usize) {
        self.free(state, daemon);
        state.set(daemon, link, Stage::Idle);
    }

    /// Leave is asked for once more, and the request leaves. One step: nothing is waited for in between
    /// but the connection, which reqwest may have to make first.
    pub fn send(&self, state: &mut State, daemon: usize, link: usize) {
        let Stage::Intended { before, paused } = state.stage(daemon, link) else { return };
        let journal = self.journal(daemon);
        if !self.makes(Mistake::SkipTheSecondPermit)
            && let Err(denial) = self.leave(state, daemon, link, true)
        {
            state.links[link].record[journal].answered(Answered::Without);
            self.append(state, daemon);
            self.discount(state, daemon);
            return self.denied(state, daemon, link, before, denial);
        }
        let process = state.daemons[daemon];
        let of = state.links[link];
        let record = of.record[journal];
        let books = &mut state.journals[journal];
        self.one_more(&mut books.sent);
        // Of a pause that is no older than the intent it may not know yet: it looks every 250 ms.
        let in_force = books.paused && (paused || process.paused);
        state.broken.demand(Rule::S1, !record.accepted && process.tree == Tree::Settled);
        state.broken.demand(Rule::S3, of.memory[daemon].listed);
        state.broken.demand(Rule::S5, record.open > 0);
        state.broken.demand(Rule::S12, !in_force);
        state.set(daemon, link, Stage::Calling(Flight::Out));
    }

    /// The request reaches the cloud.
    pub fn land(&self, state: &mut State, daemon: usize, link: usize) {
        let open = state.links[link].record[self.journal(daemon)].open;
        let linked = std::mem::replace(&mut state.links[link].linked, false);
        state.broken.demand(Rule::S13, !linked || open > 0);
        let flight = if linked { Flight::Applied } else { Flight::Missed };
        state.set(daemon, link, Stage::Calling(flight));
    }

    /// The answer comes, and is journaled. One step: a death in between leaves what one before does.
    pub fn answer(&self, state: &mut State, daemon: usize, link: usize) {
        let applied = state.stage(daemon, link) == Stage::Calling(Flight::Applied);
        let answer = if applied { Answered::Accepted } else { Answered::Without };
        self.answered(state, daemon, link, answer);
        let believed =
            if applied { Mistake::TrustTheAnswer } else { Mistake::TakeNotFoundForConverged };
        if self.makes(believed) {
            return self.converged(state, daemon, link, None);
        }
        state.set(daemon, link, Stage::Verifying(Said::Done));
    }

    /// Certainly not carried out: throttled, or no connection.
    pub fn fail(&self, state: &mut State, daemon: usize, link: usize) {
        self.answered(state, daemon, link, Answered::Without);
        if self.makes(Mistake::RefundFailures) {
            self.discount(state, daemon);
        }
        let before = Before::Nothing;
        let next = match self.mistake {
            Some(Mistake::ConfirmOnce) => Stage::Ready(before),
            Some(Mistake::ReuseTheIntent) => Stage::Intended { before, paused: false },
            _ => Stage::Waiting(before),
        };
        state.set(daemon, link, next);
    }

    /// No answer comes. The request may be on its way still, and arrive however late: as `vanish`.
    pub fn lose(&self, state: &mut State, daemon: usize, link: usize) {
        self.answered(state, daemon, link, Answered::Unknown);
        let unread = self.makes(Mistake::RepeatUnread);
        let next =
            if unread { Stage::Ready(Before::Doubtful) } else { Stage::Verifying(Said::Nothing) };
        state.set(daemon, link, next);
    }

    fn answered(&self, state: &mut State, daemon: usize, link: usize, answer: Answered) {
        let record = &mut state.links[link].record[self.journal(daemon)];
        if self.makes(Mistake::IntentAfterTheCall) {
            record.intended();
        }
        record.answered(answer);
        self.append(state, daemon);
        if self.makes(Mistake::CountAtTheAnswer) {
            self.count(state, daemon);
        }
    }

    /// A read by id, begun after the answer or the loss of it. That a link which is listed still is
    /// called again only after 15 s, or given up only after 60 s, is time, and left open.
    pub fn verify(&self, state: &mut State, daemon: usize, link: usize) {
        if !state.links[link].linked {
            return self.converged(state, daemon, link, Some(false));
        }
        match state.stage(daemon, link) {
            Stage::Verifying(Said::Nothing) if self.makes(Mistake::WaitForever) => (),
            Stage::Verifying(Said::Nothing) => {
                state.set(daemon, link, Stage::Waiting(Before::Doubtful));
            }
            _ => {
                state.links[link].record[self.journal(daemon)].settled();
                state.set(daemon, link, Stage::Idle);
            }
        }
    }

    /// Reported as converged. `listed` is what the read said that shows it; none, where none was made
    /// since the last attempt.
    pub fn converged(&self, state: &mut State, daemon: usize, link: usize, listed: Option<bool>) {
        state.broken.demand(Rule::S8, listed == Some(false));
        state.links[link].record[self.journal(daemon)].settled();
        self.append(state, daemon);
        state.set(daemon, link, Stage::Idle);
    }

    /// As `Item::unattempted`: a call that nobody knows the end of is read again by the next pass.
    fn unattempted(&self, state: &mut State, daemon: usize, link: usize, before: Before) {
        if before == Before::Doubtful {
            return state.set(daemon, link, Stage::Carried);
        }
        // Its final word, if it had a call.
        state.links[link].record[self.journal(daemon)].settled();
        state.set(daemon, link, Stage::Idle);
    }

    fn denied(&self, s: &mut State, daemon: usize, link: usize, before: Before, denial: Denial) {
        match denial {
            // It passes: asked again, after a new confirmation.
            Denial::Unsettled => return s.set(daemon, link, Stage::Waiting(before)),
            Denial::Budget => self.latch(s, daemon),
            Denial::Paused | Denial::Kept => (),
        }
        self.unattempted(s, daemon, link, before);
    }

    /// As `gate::permit`. What it asks about the place, the pin, windows, approvals, flapping and
    /// protection is left out: it only denies more.
    fn leave(&self, s: &State, daemon: usize, link: usize, counted: bool) -> Result<(), Denial> {
        let process = &s.daemons[daemon];
        let unsettled = process.tree == Tree::Changing;
        if process.paused && !self.makes(Mistake::PauseHoldsPlansOnly) {
            return Err(Denial::Paused);
        }
        if unsettled && !self.makes(Mistake::ActOnAnUnsettledTree) {
            return Err(Denial::Unsettled);
        }
        let kept = s.links[link].record[self.journal(daemon)].accepted;
        if kept && !self.makes(Mistake::PlanSurvivesAnEdit) {
            return Err(Denial::Kept);
        }
        let spent = self.spent(s, daemon);
        let fits = if counted { spent <= self.setup.budget } else { spent < self.setup.budget };
        if fits { Ok(()) } else { Err(Denial::Budget) }
    }

    /// A leave became nothing, or an intent.
    fn free(&self, state: &mut State, daemon: usize) {
        let reserved = &mut state.daemons[daemon].reserved;
        *reserved = reserved.saturating_sub(1);
    }

    fn count(&self, state: &mut State, daemon: usize) {
        let count = match self.makes(Mistake::BudgetInMemory) {
            true => &mut state.daemons[daemon].spent,
            false => &mut state.journals[self.journal(daemon)].spent,
        };
        self.one_more(count);
    }

    /// One beyond the budget is as bad as many.
    fn one_more(&self, count: &mut u8) {
        if self.setup.budget != UNLIMITED {
            *count = (*count + 1).min(self.setup.budget + 1);
        }
    }

    fn discount(&self, state: &mut State, daemon: usize) {
        let spent = &mut state.journals[self.journal(daemon)].spent;
        *spent = spent.saturating_sub(1);
    }
}
