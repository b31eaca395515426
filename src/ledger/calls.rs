//! Calls whose end the journal does not know.

use super::event::{Answered, Intent, Settled};
use crate::model::{InstanceId, Scope, Verb};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A call that may have had an effect, and that no read has settled: its link is read before
/// anything else is done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    /// Detach or attach.
    pub verb: Verb,
    /// Account, region and VPC.
    pub scope: Scope,
    /// Which instance.
    pub instance: InstanceId,
    /// Calls made.
    pub attempts: u32,
    /// Whether the cloud said that it took the call.
    pub accepted: bool,
    /// When the last entry about it was written.
    pub at: Timestamp,
}

type Key = (Verb, Scope, InstanceId);

#[derive(Debug, Clone, Default)]
pub(super) struct Calls {
    /// Intents without an answer.
    open: BTreeMap<u64, Key>,
    unsettled: BTreeMap<Key, Unsettled>,
    /// Links of which an answer left open whether the call took effect: a later answer about another call
    /// does not close that.
    doubtful: BTreeMap<Key, bool>,
}

impl Calls {
    pub fn intended(&mut self, seq: u64, intent: &Intent, at: Timestamp) {
        let Intent { verb, scope, instance, attempt, .. } = intent;
        let key = (*verb, scope.clone(), instance.clone());
        let unsettled = Unsettled {
            verb: *verb,
            scope: scope.clone(),
            instance: instance.clone(),
            attempts: *attempt,
            accepted: self.doubtful.get(&key).copied().unwrap_or_default(),
            at,
        };
        self.open.insert(seq, key.clone());
        self.unsettled.insert(key, unsettled);
    }

    /// The scope of the call that was answered, if it was open.
    pub fn answered(&mut self, answered: &Answered, at: Timestamp) -> Option<Scope> {
        let key = self.open.remove(&answered.intent)?;
        if answered.leaves_open() {
            let accepted = answered.result == Answered::ACCEPTED;
            *self.doubtful.entry(key.clone()).or_default() |= accepted;
            // On a slow disk the call began long after its intent. Where nobody heard the answer, the next
            // process says so: whoever made the call was dead by then.
            if let Some(unsettled) = self.unsettled.get_mut(&key) {
                unsettled.accepted |= accepted;
                unsettled.at = at;
            }
        } else if !self.doubtful.contains_key(&key) {
            self.unsettled.remove(&key);
        }
        Some(key.1)
    }

    pub fn settled(&mut self, settled: &Settled) {
        let Settled { verb, scope, instance, .. } = settled;
        let key = (*verb, scope.clone(), instance.clone());
        self.unsettled.remove(&key);
        self.doubtful.remove(&key);
        if settled.outcome == Settled::CONVERGED {
            // Of a link that a read shows attached, no detach of before is under way any more, and the other
            // way round.
            let other = (verb.opposite(), key.1, key.2);
            self.unsettled.remove(&other);
            self.doubtful.remove(&other);
        }
    }

    pub fn open(&self) -> impl Iterator<Item = (u64, Verb, &Scope, &InstanceId)> {
        self.open.iter().map(|(seq, (verb, scope, instance))| (*seq, *verb, scope, instance))
    }

    pub fn of(&self, verb: Verb, scope: &Scope, instance: &InstanceId) -> Option<&Unsettled> {
        self.unsettled.get(&(verb, scope.clone(), instance.clone()))
    }

    pub fn unsettled(&self) -> impl Iterator<Item = &Unsettled> {
        self.unsettled.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::event::Event;
    use crate::ledger::tests::{Book, answered, intent, settled};
    use crate::plan::tests::{id, scope};

    #[test]
    fn a_detach_that_the_cloud_took_is_over_once_the_link_is_attached_again() {
        let mut book = Book::default();
        let detach = book.at(0, Event::Intent(intent(2)));
        book.at(1, Event::Answered(answered(detach, Answered::ACCEPTED, None)));
        let attach = book.at(2, Event::Intent(Intent { verb: Verb::Attach, ..intent(2) }));
        book.at(3, Event::Answered(answered(attach, Answered::ACCEPTED, None)));
        assert!(book.ledger.took_detach(&scope(), &id(2)), "nobody has seen the link yet");
        book.at(4, Event::Settled(Settled { verb: Verb::Attach, ..settled(2) }));
        assert!(!book.ledger.took_detach(&scope(), &id(2)));
        assert_eq!(book.ledger.unsettled().count(), 0);
    }

    /// Seed 400332456: on a slow disk the call began long after its intent was made, and a process that was
    /// started then called again that much too soon.
    #[test]
    fn a_call_without_a_clear_answer_is_as_old_as_that() {
        for result in ["ambiguous", Answered::UNKNOWN] {
            let mut book = Book::default();
            let detach = book.at(0, Event::Intent(intent(2)));
            book.at(8, Event::Answered(answered(detach, result, None)));
            let at: Vec<_> = book.ledger.unsettled().map(|call| (call.accepted, call.at)).collect();
            assert_eq!(at, [(false, crate::plan::tests::moment(8).wall)], "{result}");
        }
    }
}
