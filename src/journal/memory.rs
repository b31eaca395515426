//! A journal that is gone with the process, for tests and simulations.

use super::books::Books;
use super::chain::{Entry, Head};
use super::{Accepted, Item, JournalError, Text, restore};
use crate::clock::{Clock, Moment};
use crate::ledger::{Event, Ledger};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shared entries, which tests read and can make fail.
#[derive(Clone, Default)]
pub struct Memory {
    inner: Arc<Mutex<Inner>>,
    disk: Option<Arc<dyn Disk>>,
}

/// What an imagined disk does with a write: takes time, or never comes back, as for a process that is
/// killed meanwhile.
pub trait Disk: Send + Sync {
    /// Right before an entry is written.
    fn writes(&self) -> BoxFuture<'_, ()>;

    /// An entry is durable; who wrote it hears so once this is over.
    fn wrote(&self, seq: u64, event: &Event) -> BoxFuture<'_, ()>;
}

#[derive(Default)]
struct Inner {
    entries: Vec<Entry>,
    /// What the first of them hold, which somebody has read: an entry never changes.
    read: Vec<Item>,
    /// With the entry that they came with.
    texts: BTreeMap<String, (u64, Arc<str>)>,
    /// Whether there is no text, and `read` is all there is.
    unwritten: bool,
    failing: bool,
    watcher: Option<Watcher>,
}

/// Hears of every entry once it is durable.
type Watcher = Arc<dyn Fn(&Entry) + Send + Sync>;

impl Memory {
    /// A journal that holds `entries`, which nobody has checked yet, and no text of a manifest.
    pub fn of(entries: Vec<Entry>) -> Self {
        let inner = Arc::new(Mutex::new(Inner { entries, ..Inner::default() }));
        Self { inner, disk: None }
    }

    /// An empty journal that keeps what entries say, and neither writes it as text nor chains it: of what an
    /// entry costs that is the most. [`Memory::entries`] has none of them.
    #[cfg(any(test, feature = "simtest"))]
    pub fn unwritten() -> Self {
        let inner = Arc::new(Mutex::new(Inner { unwritten: true, ..Inner::default() }));
        Self { inner, disk: None }
    }

    /// The same entries, written through a disk of its own.
    #[must_use]
    pub fn on(&self, disk: Arc<dyn Disk>) -> Self {
        Self { inner: Arc::clone(&self.inner), disk: Some(disk) }
    }

    /// All entries so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.clone()
    }

    /// Makes every append fail from now on, as a full disk does, or work again.
    pub fn fail(&self, failing: bool) {
        self.lock().failing = failing;
    }

    /// Forgets the entries from `first` on, and the texts that came with them, as a power cut does that is
    /// sooner than the disk. Whoever has read them must be gone.
    #[cfg(any(test, feature = "simtest"))]
    pub fn lose_from(&self, first: u64) {
        let mut inner = self.lock();
        let kept = usize::try_from(first.saturating_sub(1)).unwrap_or(usize::MAX);
        inner.entries.truncate(kept);
        inner.read.truncate(kept);
        inner.texts.retain(|_, (seq, _)| *seq < first);
    }

    /// Whether appends fail.
    pub fn is_failing(&self) -> bool {
        self.lock().failing
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
        self.read_after(0, <[Item]>::to_vec)
    }

    fn read_after<T>(&self, seen: u64, ask: impl FnOnce(&[Item]) -> T) -> Result<T, JournalError> {
        let mut inner = self.lock();
        let Inner { entries, read, .. } = &mut *inner;
        let mut head = Head::default();
        if let Some(last) = read.len().checked_sub(1).and_then(|last| entries.get(last)) {
            head.go_to(last);
        }
        for entry in entries.iter().skip(read.len()) {
            read.push(head.take(entry)?);
        }
        let seen = usize::try_from(seen).unwrap_or(usize::MAX);
        Ok(ask(read.get(seen..).unwrap_or_default()))
    }

    /// What a process that started now would know.
    ///
    /// # Errors
    /// [`JournalError::Broken`]
    pub fn recover(&self, now: Moment) -> Result<(Ledger, Option<Accepted>), JournalError> {
        let (books, accepted) = self.books(now)?;
        Ok((books.read(Ledger::clone), accepted))
    }

    pub(super) fn books(&self, now: Moment) -> Result<(Books, Option<Accepted>), JournalError> {
        let books = Books::default();
        self.read_after(0, |items| books.take_earlier(items, now))?;
        let text = |digest: &str| self.lock().texts.get(digest).map(|(_, text)| Arc::clone(text));
        let restored = |said| restore(&said, text);
        let accepted = books.read(|ledger| ledger.accepted().cloned());
        Ok((books, accepted.map(restored).transpose()?))
    }

    /// Takes in what other processes wrote, as the one that these books belong to does now and then.
    ///
    /// # Errors
    /// [`JournalError::Broken`]
    pub fn look(&self, books: &Books, now: Moment) -> Result<(), JournalError> {
        self.read_after(books.seen(), |items| books.take_foreign(items, now))
    }

    pub(super) async fn append(
        &self,
        books: &Books,
        (at, clock): (Moment, &Arc<dyn Clock>),
        event: &Event,
        texts: Vec<Text>,
    ) -> Result<u64, JournalError> {
        let Some(disk) = &self.disk else {
            return self.write(books, (at, clock.now()), event, texts);
        };
        disk.writes().await;
        let written = self.write(books, (at, clock.now()), event, texts);
        if let Ok(seq) = &written {
            disk.wrote(*seq, event).await;
        }
        written
    }

    fn write(
        &self,
        books: &Books,
        (at, now): (Moment, Moment),
        event: &Event,
        texts: Vec<Text>,
    ) -> Result<u64, JournalError> {
        if self.lock().count() > books.seen() {
            self.look(books, now)?;
        }
        let mut inner = self.lock();
        if inner.failing {
            let error = "no space left on device".to_owned();
            books.set_trouble(Some(error.clone()));
            return Err(JournalError::Store(error));
        }
        let seq = inner.push(at.wall, event);
        for (digest, text) in texts {
            inner.texts.entry(digest.to_string()).or_insert((seq, text));
        }
        let watcher = inner.watcher.clone();
        let told = watcher.and_then(|watcher| Some((watcher, inner.entries.last()?.clone())));
        books.take_own(seq, event, at, now);
        books.set_trouble(None);
        drop(inner);
        if let Some((watcher, entry)) = told {
            watcher(&entry);
        }
        Ok(seq)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// How many entries there are.
    fn count(&self) -> u64 {
        self.entries.len().max(self.read.len()) as u64
    }

    fn push(&mut self, at: Timestamp, event: &Event) -> u64 {
        if self.unwritten {
            let seq = self.count() + 1;
            self.read.push(Item { seq, at, event: event.clone() });
            return seq;
        }
        let mut head = Head::default();
        if let Some(last) = self.entries.last() {
            head.go_to(last);
        }
        let entry = head.then(at, event);
        let seq = entry.seq;
        self.entries.push(entry);
        seq
    }
}
