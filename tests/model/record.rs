//! What a journal's entries mean for one link: as `ledger::calls` folds them.

use super::state::Record;

/// What an answer in the journal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    Accepted,
    /// No answer came, or nobody lived to see it.
    Unknown,
    /// Certainly without effect; `not-sent`, too.
    Without,
}

impl Record {
    pub fn intended(&mut self) {
        // More than two unresolved ones are no worse, and would be more states.
        self.open = (self.open + 1).min(2);
    }

    pub fn answered(&mut self, answer: Answered) {
        if self.open == 0 {
            return;
        }
        self.open -= 1;
        self.doubtful |= answer != Answered::Without;
        self.taken |= answer == Answered::Accepted;
    }

    pub fn settled(&mut self) {
        (self.doubtful, self.taken) = (false, false);
    }
}
