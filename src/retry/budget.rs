//! A retry budget: when most calls fail, retries stop before they become a storm.

use crate::cloud::Class;

const FULL: u32 = 500;
const COST: u32 = 14;
const COST_THROTTLED: u32 = 5;

/// Tokens that retries of one account and region share (`reliability.md` 1, anchor 14). First
/// attempts are free; a retry costs, and its success gives the cost back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    tokens: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self { tokens: FULL }
    }
}

impl Budget {
    /// Takes the cost of one retry after an answer of `class`; `false` when there is not enough.
    pub fn take(&mut self, class: Class) -> bool {
        match self.tokens.checked_sub(cost(class)) {
            Some(left) => {
                self.tokens = left;
                true
            }
            None => false,
        }
    }

    /// A call succeeded: gives back what its last retry cost, or one token for a first attempt.
    pub fn give_back(&mut self, retried_after: Option<Class>) {
        let earned = retried_after.map_or(1, cost);
        self.tokens = self.tokens.saturating_add(earned).min(FULL);
    }

    /// What is left, of 500.
    pub fn left(&self) -> u32 {
        self.tokens
    }
}

fn cost(class: Class) -> u32 {
    if class == Class::Throttled { COST_THROTTLED } else { COST }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_spends_the_budget_and_successes_refill_it() {
        let mut budget = Budget::default();
        let spent = (0..1000).take_while(|_| budget.take(Class::Ambiguous)).count();
        assert_eq!(spent, 35);
        assert!(!budget.take(Class::Ambiguous) && budget.take(Class::Throttled));
        for _ in 0..9 {
            budget.give_back(None);
        }
        assert!(budget.take(Class::Ambiguous));
        budget.give_back(Some(Class::Ambiguous));
        for _ in 0..1000 {
            budget.give_back(None);
        }
        assert_eq!(budget.left(), 500);
    }
}
