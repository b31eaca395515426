//! Events of the file system, as hints that something may have changed.
//!
//! Folders are watched one by one and never recursively: a watch belongs to an inode, so whatever
//! was replaced by renaming has to be watched anew (see [`arm`]), and only the folders on the way
//! to the root tell of that.

use super::Reading;
use super::chain::{Ground, Rule};
use super::walk::{is_hidden, is_manifest};
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// What events have told since the last look.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Something may have changed.
    pub changed: bool,
    /// Files that were written to and not closed since.
    pub writing: BTreeSet<PathBuf>,
}

/// Where events arrive.
#[derive(Debug)]
pub(super) struct Inbox {
    seen: Mutex<Seen>,
    woken: Notify,
    reading: watch::Sender<Reading>,
}

impl Inbox {
    pub(super) fn new(reading: watch::Sender<Reading>) -> Self {
        Self { seen: Mutex::default(), woken: Notify::new(), reading }
    }

    /// Returns at the next event, or at once after one that nobody waited for.
    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Has it looked at now, whatever was heard.
    pub(super) fn wake(&self) {
        self.woken.notify_one();
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is published, if `change` says that it did.
    ///
    /// Call it with [`Inbox::seen`] locked when it must not overtake an event.
    pub(super) fn publish(&self, change: impl FnOnce(&mut Reading) -> bool) {
        self.reading.send_if_modified(|reading| {
            let changed = change(reading);
            if changed {
                reading.sequence = reading.sequence.saturating_add(1);
            }
            changed
        });
    }

    pub(super) fn is_closed(&self) -> bool {
        self.reading.is_closed()
    }

    pub(super) async fn closed(&self) {
        self.reading.closed().await;
    }

    pub(super) fn current(&self) -> Reading {
        self.reading.borrow().clone()
    }

    /// Whether somebody has a file open and has written it, and nothing else has happened since.
    pub(super) fn is_being_written(&self) -> bool {
        let seen = self.seen();
        !seen.changed && !seen.writing.is_empty()
    }

    /// Published here and not by the reader: from this moment on old knowledge may be wrong.
    pub(super) fn unsettle(&self) {
        self.publish(|reading| !std::mem::replace(&mut reading.unsettled, true));
    }

    /// Hears that something changed, and which files somebody began to write or closed.
    pub(super) fn hear(&self, opened: impl Iterator<Item = PathBuf>, closed: &BTreeSet<PathBuf>) {
        let mut seen = self.seen();
        seen.writing.extend(opened);
        seen.writing.retain(|path| !closed.contains(path));
        self.changed(seen);
    }

    fn changed(&self, mut seen: MutexGuard<'_, Seen>) {
        seen.changed = true;
        self.unsettle();
        drop(seen);
        self.woken.notify_one();
    }

    fn take(&self, event: notify::Result<notify::Event>, ground: &Ground) {
        let mut seen = self.seen();
        let relevant = match event {
            Err(error) => {
                tracing::warn!(%error, "watching the manifests failed: changes are noticed late");
                true
            }
            Ok(event) => {
                if event.need_rescan() {
                    // Closes may be among what was lost.
                    seen.writing.clear();
                }
                let hint = Hint::of(&event.kind);
                let paths = event.paths.iter().filter(|path| hint.concerns(path, ground));
                let paths: Vec<_> = paths.collect();
                paths.iter().for_each(|path| hint.note(path, &mut seen.writing));
                event.need_rescan() || !paths.is_empty()
            }
        };
        if relevant {
            self.changed(seen);
        }
    }
}

/// What an event says about its paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hint {
    /// Reading causes these; to react would be to react to oneself, forever.
    Nothing,
    Written,
    Closed,
    /// Permissions or times: it may be readable now, and whoever writes it writes on.
    Touched,
    /// A name came, went, or leads elsewhere.
    Moved,
}

impl Hint {
    fn of(kind: &EventKind) -> Self {
        match kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => Self::Closed,
            EventKind::Access(_) => Self::Nothing,
            EventKind::Modify(ModifyKind::Data(_)) => Self::Written,
            EventKind::Modify(ModifyKind::Metadata(_)) => Self::Touched,
            _ => Self::Moved,
        }
    }

    fn concerns(self, path: &Path, ground: &Ground) -> bool {
        if self == Self::Nothing {
            return false;
        }
        // A folder about itself: it was moved, removed, or its permissions changed.
        let structural = matches!(self, Self::Moved | Self::Touched);
        if structural && ground.rules.contains_key(path) {
            return true;
        }
        let (Some(name), Some(parent)) = (path.file_name(), path.parent()) else {
            return false;
        };
        let Some(Rule { all, names }) = ground.rules.get(parent) else {
            return false;
        };
        let in_tree = *all && (is_manifest(name) || (structural && !is_hidden(name)));
        in_tree || names.contains(name)
    }

    fn note(self, path: &Path, writing: &mut BTreeSet<PathBuf>) {
        match self {
            Self::Nothing | Self::Touched => {}
            Self::Written => drop(writing.insert(path.to_owned())),
            Self::Closed | Self::Moved => drop(writing.remove(path)),
        }
    }
}

/// Watches on the folders of a ground; they end when it is dropped.
pub(super) struct Armed {
    /// Held for its `Drop`.
    _watcher: Option<RecommendedWatcher>,
}

/// What came of watching the folders of a tree once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Folders that a daemon would watch: those of the tree, and those on the way to it.
    pub folders: usize,
    /// Why not all of them could be.
    pub trouble: Option<String>,
}

/// Watches every folder of `ground`, and ends that at once.
pub(super) fn rehearse(ground: &Ground) -> Tried {
    let watch = || {
        let mut watcher = notify::recommended_watcher(|_| ())?;
        for folder in ground.rules.keys().filter(|folder| folder.is_dir()) {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
        Ok::<_, notify::Error>(())
    };
    let trouble = watch().err().map(|error| error.to_string());
    Tried { folders: ground.rules.len(), trouble }
}

/// Watches every folder of `ground`, with watches of its own: where a folder was replaced under
/// the same path, only a new watch sees the new one. What cannot be watched is left to the poll.
pub(super) fn arm(ground: &Ground, inbox: &Arc<Inbox>) -> Armed {
    let (rules, receiver) = (ground.clone(), Arc::clone(inbox));
    let watcher = notify::recommended_watcher(move |event| receiver.take(event, &rules));
    let mut watcher = match watcher {
        Ok(watcher) => watcher,
        Err(error) => {
            tracing::warn!(%error, "cannot watch the manifests: the poll alone notices changes");
            return Armed { _watcher: None };
        }
    };
    for folder in ground.rules.keys() {
        // Gone since is no error: its name is watched in the folder above.
        if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive)
            && folder.is_dir()
        {
            let folder = folder.display();
            tracing::warn!(%error, %folder, "cannot watch it: the poll alone notices changes");
            if matches!(error.kind, notify::ErrorKind::MaxFilesWatch) {
                break;
            }
        }
    }
    Armed { _watcher: Some(watcher) }
}
