//! The keys that calls are signed with: how long each lives, and whose somebody said it is.

use super::{Referee, When};
use crate::cloud::Ticket;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Least life of a key that a change is signed with.
const CHANGE: SignedDuration = SignedDuration::from_secs(60);

/// What is known of keys, by their ids.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// When this process asked for each that ends, and when it ends.
    ends: BTreeMap<String, (When, Timestamp)>,
    /// Those of which the cloud said that they are of the pinned account.
    ours: BTreeSet<String>,
}

impl Keys {
    /// A process has another memory than the one before.
    pub(super) fn forget(&mut self) {
        self.ends.clear();
    }

    /// The cloud said whether a key is of the pinned account.
    pub(super) fn are_of(&mut self, id: &str, ours: bool) {
        if !ours {
            self.ours.remove(id);
        } else if !self.ours.contains(id) {
            self.ours.insert(id.to_owned());
        }
    }

    /// How much is left of a key by the host's clock. What has passed has passed: a clock that is set back
    /// makes no key younger.
    fn left(&self, id: &str, now: When) -> Option<SignedDuration> {
        let (asked, end) = self.ends.get(id)?;
        let passed = SignedDuration::try_from(now.mono.saturating_sub(asked.mono)).ok()?;
        let since = asked.wall.checked_add(passed).unwrap_or(Timestamp::MAX);
        Some(end.duration_since(since.max(now.wall)))
    }
}

impl Referee {
    /// The process, which had asked at `asked`, was given a key.
    pub(in crate::simulation) fn has_key(&self, asked: When, id: &str, end: Option<Timestamp>) {
        let mut book = self.lock();
        let Some(end) = end else { return };
        book.note(asked, &|| format!("key {id} until {end}"));
        book.keys.ends.entry(id.to_owned()).or_insert((asked, end));
    }

    /// A call that changes nothing is signed with a key.
    pub(in crate::simulation) fn reads_with(&self, now: When, id: &str) {
        let mut book = self.lock();
        if book.keys.left(id, now).is_some_and(|left| left <= SignedDuration::ZERO) {
            book.accuse(now, "A24: a call is signed with a key that has ended".to_owned());
        }
    }

    /// A call that changes something is signed with a key.
    pub(in crate::simulation) fn changes_with(&self, now: When, id: &str, ticket: &Ticket) {
        let mut book = self.lock();
        let mut broken = Vec::new();
        if book.keys.left(id, now).is_some_and(|left| left < CHANGE) {
            broken.push("A24: a change is signed with a key that ends within a minute");
        }
        if !book.keys.ours.contains(id) {
            broken.push("S2: nobody said that the key is of the pinned account");
        }
        for what in broken {
            let (verb, link) = (ticket.verb(), ticket.link());
            book.accuse(now, format!("{what} ({verb} {} at {})", link.instance, ticket.scope()));
        }
    }
}
