//! What the journal knows of plans: what was last found of each scope, and what waits for a person.

use crate::gate::Rule;
use crate::journal::Past;
use crate::ledger::Event;
use crate::ledger::event::{Approval, Passed};
use crate::model::{Digest, Scope, Verb};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// A finding, and when it was first made.
pub(super) type Found<'a> = (Timestamp, &'a Passed);

/// A plan with a refusal that is the newest word on its scope.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting<'a> {
    pub since: Timestamp,
    pub passed: &'a Passed,
    pub plan: &'a Digest,
}

impl Waiting<'_> {
    /// How many of its actions are of one kind.
    pub fn count(&self, verb: Verb) -> usize {
        count(self.passed, verb)
    }

    /// Whether all of it is held, and not only links of it.
    pub fn is_whole(&self) -> bool {
        self.passed.verdict == Passed::HELD
    }

    /// Whether an approval releases anything of it.
    pub fn can_be_approved(&self) -> bool {
        self.passed.refusals.iter().any(|(rule, _, _)| can_be_approved(rule))
    }

    /// The names of the rules, each once.
    pub fn rules(&self) -> String {
        let mut rules: Vec<&str> = Vec::new();
        for (rule, _, _) in &self.passed.refusals {
            if !rules.contains(&rule.as_str()) {
                rules.push(rule);
            }
        }
        rules.join(", ")
    }
}

/// What becomes of a digest that somebody typed.
#[derive(Debug)]
pub(super) enum Known<'a> {
    /// A plan that waits.
    Waiting(Waiting<'a>),
    /// The newest plan of its scope, which nothing holds.
    Free(Found<'a>),
    /// A plan of earlier, and what is known of its scope now.
    Stale(Found<'a>, Option<Found<'a>>),
    /// Several plans begin with it.
    Several(BTreeSet<&'a Digest>),
    /// No plan does.
    Nothing,
}

/// The findings of a journal.
pub(super) struct Findings<'a> {
    all: Vec<Found<'a>>,
    /// By the revision in force, apart from reads that failed: those say nothing of the plan.
    newest: BTreeMap<&'a Scope, Found<'a>>,
}

impl<'a> Findings<'a> {
    pub fn of(past: &'a Past) -> Self {
        let in_force = past.ledger.accepted().map(|accepted| &accepted.revision.digest);
        let found = past.items.iter().filter_map(|item| match &item.event {
            Event::Passed(passed) if passed.verdict != Passed::PARTIAL => Some((item.at, passed)),
            _ => None,
        });
        let all: Vec<Found<'_>> = found.collect();
        let by_it = all.iter().filter(|(_, passed)| Some(&passed.revision.digest) == in_force);
        let newest = by_it.map(|found| (&found.1.scope, *found)).collect();
        Self { all, newest }
    }

    /// The plans that wait, by scope.
    pub fn waiting(&self) -> impl Iterator<Item = Waiting<'a>> {
        self.newest.values().filter_map(|found| waiting(*found))
    }

    /// What is known of the plans whose digest begins with `prefix`.
    pub fn find(&self, prefix: &str) -> Known<'a> {
        let plans = self.all.iter().filter_map(|found| Some((found.1.plan.as_ref()?, *found)));
        let mut last = None;
        let mut digests = BTreeSet::new();
        for (plan, found) in plans.filter(|(plan, _)| plan.as_str().starts_with(prefix)) {
            digests.insert(plan);
            last = Some(found);
        }
        let Some(last) = last else { return Known::Nothing };
        if digests.len() > 1 {
            return Known::Several(digests);
        }
        match self.newest.get(&last.1.scope) {
            Some(newest) if newest.1.plan == last.1.plan => {
                waiting(*newest).map_or(Known::Free(*newest), Known::Waiting)
            }
            newest => Known::Stale(last, newest.copied()),
        }
    }
}

fn waiting((since, passed): Found<'_>) -> Option<Waiting<'_>> {
    let plan = passed.plan.as_ref()?;
    let refused = passed.verdict == Passed::HELD || !passed.refusals.is_empty();
    refused.then_some(Waiting { since, passed, plan })
}

/// Whether an approval releases nothing any more, because each link that it lets go went since.
pub(super) fn is_used(approval: &Approval, past: &Past) -> bool {
    let last = past.items.iter().rev();
    let mut said = last.filter(|item| matches!(&item.event, Event::Approved(of) if of == approval));
    // A plan that the approver's journal did not know may be known by now.
    let known = approval.of.as_ref().or_else(|| {
        past.items.iter().find_map(|item| match &item.event {
            Event::Passed(passed) if passed.plan.as_ref() == Some(&approval.plan) => Some(passed),
            _ => None,
        })
    });
    let (Some(said), Some(known)) = (said.next().map(|item| item.seq), known) else {
        return false;
    };
    let went = |id| past.ledger.last_detach(&known.scope, id).is_some_and(|at| at > said);
    count(known, Verb::Detach) > 0
        && known.actions.iter().all(|(verb, id)| *verb != Verb::Detach || went(id))
}

/// How many actions of a finding are of one kind.
pub(super) fn count(passed: &Passed, verb: Verb) -> usize {
    passed.actions.iter().filter(|(of, _)| *of == verb).count()
}

/// Whether an approval releases what a rule of that name holds. A rule of another version is not ours
/// to release.
pub(super) fn can_be_approved(rule: &str) -> bool {
    Rule::parse(rule).is_some_and(Rule::can_be_approved)
}

#[cfg(test)]
mod tests;
