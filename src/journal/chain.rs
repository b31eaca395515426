//! Entries that each carry the hash of the one before.

use super::format::{self, Record};
use super::{Item, JournalError};
use crate::ledger::Event;
use crate::model::Digest;
use jiff::Timestamp;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From 1, without holes.
    pub seq: u64,
    /// Wall clock, RFC 3339.
    pub at: String,
    /// Such as `accepted`, `intent`, `answered` or `settled`.
    pub kind: String,
    /// JSON.
    pub body: String,
    /// Over the previous hash and all of the above.
    pub hash: Digest,
}

/// Where a chain has come to: number and hash of its last entry. Of an empty one, 0 and no hash.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Head {
    pub seq: u64,
    pub hash: Option<Digest>,
}

impl Head {
    /// The next entry.
    pub fn then(&self, at: Timestamp, event: &Event) -> Entry {
        let Record { kind, body } = format::record(event);
        let (seq, at) = (self.seq + 1, at.to_string());
        let hash = self.hash(seq, &at, kind, &body);
        Entry { seq, at, kind: kind.to_owned(), body, hash }
    }

    /// Goes on to an entry, and says what it holds.
    ///
    /// # Errors
    /// [`JournalError::Broken`] where it does not continue the chain or cannot be read.
    pub fn take(&mut self, entry: &Entry) -> Result<Item, JournalError> {
        let broken = || JournalError::Broken(self.seq + 1);
        let hash = self.hash(entry.seq, &entry.at, &entry.kind, &entry.body);
        if entry.seq != self.seq + 1 || entry.hash != hash {
            return Err(broken());
        }
        let item = Item {
            seq: entry.seq,
            at: entry.at.parse().map_err(|_| broken())?,
            event: format::event(&entry.kind, &entry.body).ok_or_else(broken)?,
        };
        self.go_to(entry);
        Ok(item)
    }

    /// Goes on to an entry that was just made.
    pub fn go_to(&mut self, entry: &Entry) {
        *self = Self { seq: entry.seq, hash: Some(entry.hash.clone()) };
    }

    fn hash(&self, seq: u64, at: &str, kind: &str, body: &str) -> Digest {
        let previous = self.hash.as_ref().map_or("", |hash| hash.as_str());
        let seq = seq.to_string();
        Digest::of([previous, &seq, at, kind, body].map(str::as_bytes))
    }
}
