//! What the journal told, and has lost: a power cut takes the entries that the disk does not have for good.

use super::course::Course;
use super::{Book, Key, Leave, Referee, When, held};
use crate::ledger::event::Pause;
use crate::model::{Digest, InstanceId, Scope, Verb, VpcId};
use crate::simulation::estate::Wishes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Entries that a power cut may take.
#[derive(Default)]
pub(super) struct Power {
    /// Whether one is to come: what was known before each entry is kept only then.
    may_go: bool,
    /// Entries that are not on the disk for good, and what the journal had told before each of them.
    underway: Vec<(u64, Told)>,
}

/// When a call was sent, and which.
type Sent = (When, Verb);

/// What a [`Book`] knows from the journal alone; its words are those of the book.
struct Told {
    accepted: Option<(Digest, Arc<Wishes>)>,
    protected: BTreeSet<(VpcId, InstanceId)>,
    shrunk: BTreeMap<VpcId, (u64, BTreeSet<InstanceId>)>,
    intended: BTreeMap<u64, (When, u64)>,
    observed: BTreeMap<VpcId, Vec<held::Seen>>,
    intents: BTreeMap<u64, (Key, Verb, Digest, Digest)>,
    answered: BTreeSet<u64>,
    approved: BTreeMap<(Scope, Digest), Vec<Leave>>,
    pauses: Vec<(Duration, Pause)>,
    misses: Vec<(When, Scope)>,
    sent_lately: bool,
    in_vain: u32,
    holds: BTreeMap<Key, Duration>,
    given_back: BTreeMap<Key, Digest>,
    course: Course,
    /// Of each link: its last call, unless its effect was seen, and how often it was taken.
    links: Vec<(Key, Option<Sent>, usize)>,
}

impl Referee {
    /// From now on the power may go.
    pub(in crate::simulation) fn power_may_go(&self) {
        self.lock().power.may_go = true;
    }

    /// Whether some entry is not on the disk for good.
    pub(in crate::simulation) fn is_writing(&self) -> bool {
        !self.lock().power.underway.is_empty()
    }

    /// The disk has an entry of the journal for good, and with it all that were written before.
    pub(in crate::simulation) fn durable(&self, seq: u64) {
        let mut book = self.lock();
        book.durable.insert(seq);
        book.power.underway.retain(|(of, _)| *of > seq);
    }

    /// The power goes: which is the first entry that is lost, if one is. Those before it happened to be on
    /// the disk. No call may have been made on one that is lost.
    pub(in crate::simulation) fn power_goes(
        &self,
        now: When,
        random: &mut fastrand::Rng,
    ) -> Option<u64> {
        let mut book = self.lock();
        let Power { mut underway, .. } = std::mem::take(&mut book.power);
        let kept = random.usize(0..underway.len().max(1));
        let (first, told) = underway.drain(kept..).next()?;
        book.note(now, &|| format!("lost from entry {first} on"));
        if let Some(used) = book.used.range(first..).next().copied() {
            book.accuse(
                now,
                format!("S5: the power took the intent {used}, and its call was made"),
            );
        }
        book.forget(told);
        Some(first)
    }
}

impl Book {
    /// An entry is about to be taken in.
    pub(super) fn may_lose(&mut self, seq: u64) {
        if self.power.may_go {
            let told = self.told();
            self.power.underway.push((seq, told));
        }
    }

    fn told(&self) -> Told {
        let links = self.links.iter().flat_map(|(scope, links)| {
            let of = move |instance: &InstanceId| (scope.clone(), instance.clone());
            links.iter().map(move |(id, known)| (of(id), known.sent, known.taken.len()))
        });
        Told {
            accepted: self.accepted.clone(),
            protected: self.protected.clone(),
            shrunk: self.shrunk.clone(),
            intended: self.intended.clone(),
            observed: self.observed.clone(),
            intents: self.intents.clone(),
            answered: self.answered.clone(),
            approved: self.approved.clone(),
            pauses: self.pauses.clone(),
            misses: self.misses.clone(),
            sent_lately: self.sent_lately,
            in_vain: self.in_vain,
            holds: self.holds.clone(),
            given_back: self.given_back.clone(),
            course: self.course.clone(),
            links: links.collect(),
        }
    }

    fn forget(&mut self, told: Told) {
        self.accepted = told.accepted;
        self.protected = told.protected;
        self.shrunk = told.shrunk;
        self.intended = told.intended;
        self.observed = told.observed;
        self.intents = told.intents;
        self.answered = told.answered;
        self.approved = told.approved;
        self.pauses = told.pauses;
        self.misses = told.misses;
        (self.sent_lately, self.in_vain) = (told.sent_lately, told.in_vain);
        self.holds = told.holds;
        self.given_back = told.given_back;
        self.course = told.course;
        for (key, sent, taken) in told.links {
            let known = self.link(&key.0, &key.1);
            // A call that was made since is no matter of the journal.
            known.sent = known.sent.or(sent);
            known.taken.truncate(taken);
        }
    }
}
