//! A journal that is gone with the process.

use super::chain::{Entry, Fold};
use super::record::Record;
use super::{JournalError, Recovered};
use crate::model::Digest;
use jiff::Timestamp;
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

    /// What a journal opened on these entries remembers.
    ///
    /// # Errors
    /// [`JournalError::Broken`]
    pub fn recover(&self) -> Result<Recovered, JournalError> {
        let inner = self.lock();
        let mut fold = Fold::default();
        for entry in &inner.entries {
            fold.take(entry.clone())?;
        }
        Ok(fold.recovered(|digest| inner.texts.get(digest).cloned()))
    }

    pub(super) fn append(
        &self,
        at: Timestamp,
        record: &Record,
        texts: Vec<(Digest, Arc<str>)>,
    ) -> Result<u64, JournalError> {
        let mut inner = self.lock();
        if inner.failing {
            return Err(JournalError::Store("no space left on device".to_owned()));
        }
        inner.texts.extend(texts.into_iter().map(|(digest, text)| (digest.to_string(), text)));
        let entry = Entry::after(inner.entries.last(), at, record);
        let (seq, watcher) = (entry.seq, inner.watcher.clone());
        inner.entries.push(entry.clone());
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
