//! A tree of files that is imagined, for simulations: what is in it, what was heard of it, and what
//! cannot be read, are all as they are told to be.

use super::events::Inbox;
use super::folder::{Look, Outcome, keep_reading};
use super::known::Care;
use super::{Problem, Reading, Settings, Snapshot};
use crate::manifest::File;
use crate::model::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// An imagined folder of manifests. Clones share it.
#[derive(Debug, Clone)]
pub struct Imagined {
    root: PathBuf,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    files: BTreeMap<String, File>,
    /// Files that somebody has open and writes.
    open: BTreeSet<String>,
    /// Why nothing can be read.
    broken: Option<String>,
    /// Whether changes are told.
    deaf: bool,
    inbox: Option<Arc<Inbox>>,
    /// What a reading finds, once there was one.
    read: Option<Arc<Snapshot>>,
}

impl Imagined {
    /// An empty folder, which is called `root`.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), inner: Arc::default() }
    }

    /// Keeps reading it as [`super::watch`] does a real one. One reader at a time hears of changes.
    pub fn watch(&self, settings: Settings, cancel: CancellationToken) -> watch::Receiver<Reading> {
        let open = |inbox: &Arc<Inbox>| {
            let mut inner = self.lock();
            inner.inbox = Some(Arc::clone(inbox));
            // A reader that starts now knows nothing of who has what open.
            inner.open.clear();
            self.clone()
        };
        keep_reading(open, settings, cancel)
    }

    /// Puts other files in the place of all there are, at once, as a swapped link does.
    pub fn publish(&self, files: impl IntoIterator<Item = (String, String)>) {
        let mut inner = self.lock();
        inner.files =
            files.into_iter().map(|(path, text)| (path.clone(), File::new(path, text))).collect();
        // Whoever had a file open wrote one that is not there any more.
        let open: Vec<String> = std::mem::take(&mut inner.open).into_iter().collect();
        self.tell(inner, &[], &open);
    }

    /// Writes the beginning of a file, and has it open still.
    pub fn begin(&self, path: &str, text: &str) {
        let mut inner = self.lock();
        inner.files.insert(path.to_owned(), File::new(path, text));
        inner.open.insert(path.to_owned());
        self.tell(inner, &[path.to_owned()], &[]);
    }

    /// Writes a whole file and closes it.
    pub fn write(&self, path: &str, text: &str) {
        let mut inner = self.lock();
        inner.files.insert(path.to_owned(), File::new(path, text));
        inner.open.remove(path);
        self.tell(inner, &[], &[path.to_owned()]);
    }

    /// Takes a file away, as a rename to elsewhere does.
    pub fn remove(&self, path: &str) {
        let mut inner = self.lock();
        inner.files.remove(path);
        inner.open.remove(path);
        self.tell(inner, &[], &[path.to_owned()]);
    }

    /// What is in it, by path.
    pub fn files(&self) -> Vec<(String, String)> {
        let inner = self.lock();
        let files = inner.files.iter();
        files.map(|(path, file)| (path.clone(), file.text().to_string())).collect()
    }

    /// Makes it unreadable, or readable again.
    pub fn break_it(&self, why: Option<&str>) {
        let mut inner = self.lock();
        inner.broken = why.map(str::to_owned);
        self.tell(inner, &[], &[]);
    }

    /// Loses every event from now on, or tells of changes again.
    pub fn lose_events(&self, lose: bool) {
        self.lock().deaf = lose;
    }

    /// The digest that a reading of it has now, if it can be read.
    pub fn digest(&self) -> Option<Digest> {
        let mut inner = self.lock();
        (inner.broken.is_none() && !inner.files.is_empty()).then(|| inner.snapshot().digest.clone())
    }

    fn tell(&self, mut inner: MutexGuard<'_, Inner>, opened: &[String], closed: &[String]) {
        inner.read = None;
        let inbox = inner.inbox.clone().filter(|_| !inner.deaf);
        drop(inner);
        let Some(inbox) = inbox else { return };
        let path = |name: &String| self.root.join(name);
        inbox.hear(opened.iter().map(path), &closed.iter().map(path).collect());
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn snapshot(&mut self) -> Arc<Snapshot> {
        let files = &self.files;
        let read = || Arc::new(Snapshot::of(files.values().cloned().collect()));
        Arc::clone(self.read.get_or_insert_with(read))
    }
}

impl Look for Imagined {
    fn root(&self) -> &Path {
        &self.root
    }

    async fn look(&mut self, _inbox: &Arc<Inbox>, _care: Care) -> Outcome {
        let mut inner = self.lock();
        if let Some(why) = &inner.broken {
            return Err(Arc::new(Problem::new(&self.root, why, "mend it").into()));
        }
        if inner.files.is_empty() {
            let why = "there is no manifest in it: no file *.yaml or *.yml";
            return Err(Arc::new(Problem::new(&self.root, why, "check the checkout").into()));
        }
        Ok(inner.snapshot())
    }

    fn has(&self, path: &Path) -> bool {
        let name = path.strip_prefix(&self.root).ok().and_then(Path::to_str);
        name.is_some_and(|name| self.lock().files.contains_key(name))
    }
}
