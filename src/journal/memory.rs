//! A journal that is gone with the process.

use super::books::Books;
use super::chain::{Entry, Head};
use super::{Accepted, Item, JournalError, Text, restore};
use crate::clock::Moment;
use crate::ledger::{Event, Ledger, Past};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shared entries, which tests read and can make fail.
#[derive(Clone, Default)]
pub struct Memory {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    entries: Vec<Entry>,
    texts: BTreeMap<String, Arc<str>>,
    failing: bool,
    watcher: Option<Watcher>,
}

/// Hears of every entry once it is durable.
type Watcher = Arc<dyn Fn(&Entry) + Send + Sync>;

impl Memory {
    /// A journal that holds `entries`, which nobody has checked yet, and no text of a manifest.
    pub fn of(entries: Vec<Entry>) -> Self {
        Self { inner: Arc::new(Mutex::new(Inner { entries, ..Inner::default() })) }
    }

    /// All entries so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.clone()
    }

    /// Makes every append fail from now on, as a full disk does, or work again.
    pub fn fail(&self, failing: bool) {
        self.lock().failing = failing;
    }

    /// Calls `watcher` with every entry once it is durable: for tests of what may happen meanwhile.
    pub fn watch(&self, watcher: impl Fn(&Entry) + Send + Sync + 'static) {
        self.lock().watcher = Some(Arc::new(watcher));
    }

    /// What all entries hold.
    ///
    /// # Errors
    /// [`JournalError::Broken`]
    pub fn items(&self) -> Result<Vec<Item>, JournalError> {
        let mut head = Head::default();
        self.lock().entries.iter().map(|entry| head.take(entry)).collect()
    }

    /// What a process that started now would know.
    ///
    /// # Errors
    /// [`JournalError::Broken`]
    pub fn recover(&self, now: Moment) -> Result<(Ledger, Option<Accepted>), JournalError> {
        let mut ledger = Ledger::default();
        for Item { seq, at, event } in self.items()? {
            ledger.take(seq, Past { wall: at, monotonic: None }, &event, now);
        }
        let restored = |said| restore(said, |digest| self.lock().texts.get(digest).cloned());
        let accepted = ledger.accepted().map(restored).transpose()?;
        Ok((ledger, accepted))
    }

    pub(super) fn append(
        &self,
        books: &Books,
        (at, now): (Moment, Moment),
        event: &Event,
        texts: Vec<Text>,
    ) -> Result<u64, JournalError> {
        let mut inner = self.lock();
        if inner.failing {
            let error = "no space left on device".to_owned();
            books.set_trouble(Some(error.clone()));
            return Err(JournalError::Store(error));
        }
        inner.texts.extend(texts.into_iter().map(|(digest, text)| (digest.to_string(), text)));
        let mut head = Head::default();
        if let Some(last) = inner.entries.last() {
            head.go_to(last);
        }
        let entry = head.then(at.wall, event);
        let (seq, watcher) = (entry.seq, inner.watcher.clone());
        inner.entries.push(entry.clone());
        books.take_own(seq, event, at, now);
        books.set_trouble(None);
        drop(inner);
        if let Some(watcher) = watcher {
            watcher(&entry);
        }
        Ok(seq)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
