//! Whether every VPC of the revision in force is as it says, as far as the journal knows.

use crate::daemon::older;
use crate::journal::Past;
use crate::ledger::Event;
use crate::ledger::event::{Passed, Settled};
use crate::model::{InstanceId, Scope, Verb};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of every VPC of the revision in force.
#[derive(Debug, Default)]
pub(super) struct Standing<'a> {
    pub rows: BTreeMap<Scope, Row<'a>>,
    /// When the last entry of the journal was written: nothing later is known.
    pub known_at: Option<Timestamp>,
}

/// What is known of one VPC.
#[derive(Debug, Default)]
pub(super) struct Row<'a> {
    /// What the last pass by the revision found; none where there was no such pass.
    pub passed: Option<&'a Passed>,
    /// Since when that is known.
    pub since: Option<Timestamp>,
    /// Actions that were carried out after it, and seen to be.
    done: BTreeSet<(Verb, &'a InstanceId)>,
}

impl<'a> Standing<'a> {
    pub fn of(past: &'a Past) -> Self {
        let tree = past.accepted.as_ref().and_then(older);
        let declared = tree.iter().flat_map(|tree| tree.scopes.keys().cloned());
        let mut rows: BTreeMap<Scope, Row<'a>> =
            declared.map(|scope| (scope, Row::default())).collect();
        let in_force = past.ledger.accepted().map(|accepted| &accepted.revision.digest);
        for item in &past.items {
            match &item.event {
                Event::Passed(passed) if Some(&passed.revision.digest) == in_force => {
                    let since = Some(item.at);
                    let row = Row { passed: Some(passed), since, done: BTreeSet::new() };
                    rows.insert(passed.scope.clone(), row);
                }
                Event::Intent(intent) => {
                    if let Some(row) = rows.get_mut(&intent.scope) {
                        row.done.remove(&(intent.verb, &intent.instance));
                    }
                }
                Event::Settled(settled) if settled.outcome == Settled::CONVERGED => {
                    if let Some(row) = rows.get_mut(&settled.scope).filter(|row| row.has(settled)) {
                        row.done.insert((settled.verb, &settled.instance));
                        row.since = Some(item.at);
                    }
                }
                _ => (),
            }
        }
        Self { rows, known_at: past.items.last().map(|item| item.at) }
    }

    /// How many are as the revision says.
    pub fn in_sync(&self) -> usize {
        self.rows.values().filter(|row| row.is_in_sync()).count()
    }

    /// Whether all are; `None` where nothing is known to be in force.
    pub fn is_converged(&self) -> Option<bool> {
        (!self.rows.is_empty()).then(|| self.in_sync() == self.rows.len())
    }
}

impl Row<'_> {
    fn has(&self, settled: &Settled) -> bool {
        self.passed.is_some_and(|passed| passed.proposes(settled))
    }

    /// How many actions of a kind are left to do.
    pub fn left(&self, verb: Verb) -> usize {
        let actions = self.passed.into_iter().flat_map(|passed| &passed.actions);
        let left = actions.filter(|(of, id)| *of == verb && !self.done.contains(&(*of, id)));
        left.count()
    }

    /// How many actions were carried out since the pass.
    pub fn done(&self) -> usize {
        self.done.len()
    }

    /// The rules that hold it or a part of it, each once.
    pub fn rules(&self) -> BTreeSet<&str> {
        let refusals = self.passed.into_iter().flat_map(|passed| &passed.refusals);
        refusals.map(|(rule, _, _)| rule.as_str()).collect()
    }

    /// Whether the last pass could not read all of it.
    pub fn is_partial(&self) -> bool {
        self.passed.is_some_and(|passed| passed.verdict == Passed::PARTIAL)
    }

    /// Whether the plan of the last pass was approved, and what it proposed is not in the journal: older
    /// versions did not write it down.
    pub fn is_untold(&self) -> bool {
        self.passed
            .is_some_and(|passed| passed.verdict == Passed::APPROVED && passed.actions.is_empty())
    }

    /// Whether it is as the revision says: the last pass found it so, or everything that it proposed was
    /// seen to be done since.
    pub fn is_in_sync(&self) -> bool {
        let carried_out = !self.is_untold()
            && self.rules().is_empty()
            && self.left(Verb::Detach) + self.left(Verb::Attach) == 0;
        self.passed.is_some_and(|passed| match passed.verdict.as_str() {
            Passed::IN_SYNC => self.rules().is_empty(),
            Passed::APPROVED => carried_out,
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Item;
    use crate::ledger::event::Accepted;
    use crate::ledger::tests::{intent, passed, settled};

    /// What is known of the scope of `events`, by a revision that is in force.
    fn known(events: Vec<Event>) -> Past {
        let accepted = Event::Accepted(Accepted {
            root: "/manifests".to_owned(),
            revision: passed(5).revision,
            files: Vec::new(),
            released: Vec::new(),
            protected: BTreeSet::new(),
            shrunk: Vec::new(),
            taken_out: Vec::new(),
        });
        let at = Timestamp::UNIX_EPOCH;
        let now = crate::plan::tests::moment(0);
        let mut past = Past::default();
        for (seq, event) in (1..).zip([vec![accepted], events].concat()) {
            past.ledger.take(seq, crate::ledger::Past::now(now), &event, now);
            past.items.push(Item { seq, at, event });
        }
        past
    }

    #[test]
    fn what_was_carried_out_since_the_pass_is_no_longer_left() {
        let of = Settled { outcome: Settled::CONVERGED.to_owned(), ..settled(1) };
        let actions = BTreeSet::from([(of.verb, of.instance.clone())]);
        let plan = |verdict: &str| {
            let verdict = verdict.to_owned();
            Event::Passed(Passed { actions: actions.clone(), verdict, ..passed(5) })
        };
        let failed = Settled { outcome: "failed".to_owned(), ..of.clone() };
        let (again, done) = (Event::Intent(intent(1)), Event::Settled(of));
        let converged = |events: &[&Event]| {
            let past = known(events.iter().map(|event| (*event).clone()).collect());
            Standing::of(&past).is_converged()
        };
        let approved = plan("approved");
        assert_eq!(converged(&[]), None);
        assert_eq!(converged(&[&approved]), Some(false), "no call was made");
        assert_eq!(converged(&[&approved, &again]), Some(false), "a call is open");
        assert_eq!(converged(&[&approved, &Event::Settled(failed)]), Some(false));
        assert_eq!(converged(&[&approved, &done]), Some(true));
        assert_eq!(converged(&[&approved, &done, &again]), Some(false), "it came back");
        assert_eq!(converged(&[&approved, &done, &approved]), Some(false), "a newer pass");
        let in_sync = Event::Passed(passed(5));
        assert_eq!(converged(&[&approved, &in_sync]), Some(true), "a newer pass saw it");
        let untold = Passed { verdict: Passed::APPROVED.to_owned(), ..passed(5) };
        assert_eq!(converged(&[&Event::Passed(untold)]), Some(false), "of an older version");
        for verdict in [Passed::HELD, Passed::PARTIAL, "of-another-version"] {
            assert_eq!(converged(&[&plan(verdict), &done]), Some(false), "{verdict}");
        }
    }
}
