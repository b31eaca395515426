//! What was read of each file, so that of a thousand files the one that changed is read again.
//!
//! The file system's times tell whether a file is still what was read, if they had time to tell it: a
//! change soon after another can leave them as they are. So a file is taken for unchanged only where
//! it was read well after it was first seen as it is now, and a poll reads everything all the same.

use super::open::{self, Stamp};
use crate::manifest::File;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

/// Longer than any file system's times stand still: two seconds on FAT.
const TICK: Duration = Duration::from_secs(3);

/// How much of a tree to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// Every byte.
    Everything,
    /// The files of which the file system says that they may have changed.
    Changed,
}

/// The files that were read last, by resolved path as the system writes it.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<OsString, Kept>);

#[derive(Debug)]
struct Kept {
    stamp: Stamp,
    /// When it was first seen like this, on the monotonic clock.
    since: Duration,
    /// When reading it began.
    read: Duration,
    file: File,
}

impl Known {
    /// What was seen first by the reading that began then was seen at its end at the latest: a large tree, or
    /// a slow file system, takes its time.
    pub fn seen_between(mut self, began: Duration, ended: Duration) -> Self {
        for kept in self.0.values_mut().filter(|kept| kept.since == began) {
            kept.since = ended;
        }
        self
    }
}

/// One reading of a tree: what was known before, and what is known by it.
#[derive(Debug)]
pub(super) struct Reader {
    before: Known,
    after: Known,
    care: Care,
    now: Duration,
    /// The file systems that were come by, by device: whether they are on this machine.
    local: BTreeMap<u64, bool>,
}

impl Reader {
    /// A reading that begins `now`, on the monotonic clock.
    pub fn new(before: Known, care: Care, now: Duration) -> Self {
        Self { before, after: Known::default(), care, now, local: BTreeMap::new() }
    }

    /// The file at the resolved path `real`, if the file system says even of one that is not opened that
    /// it need not be read again. Where a server has to be asked for the truth it is never that.
    pub fn unopened(&mut self, real: &Path, left: u64) -> Option<File> {
        let is_remote = self.local.values().any(|local| !local);
        if self.care == Care::Everything || is_remote {
            return None;
        }
        let stamp = open::glance(real, left)?;
        let local = self.local.entry(stamp.device()).or_insert_with(|| open::is_local(real));
        if *local { self.unchanged(real, &stamp) } else { None }
    }

    /// The file at the resolved path `real`, if it need not be read again. Its name may be another
    /// one.
    pub fn unchanged(&mut self, real: &Path, stamp: &Stamp) -> Option<File> {
        let kept = self.before.0.get(real.as_os_str())?;
        let is_old = kept.read.saturating_sub(kept.since) >= TICK;
        if self.care == Care::Everything || !is_old || kept.stamp != *stamp {
            return None;
        }
        let (real, kept) = self.before.0.remove_entry(real.as_os_str())?;
        let file = kept.file.clone();
        self.after.0.insert(real, kept);
        Some(file)
    }

    /// What reading the file gave. The same text as before is kept once.
    pub fn read(&mut self, real: &Path, stamp: Stamp, path: &str, text: String) -> File {
        let before = self.before.0.remove(real.as_os_str());
        let before = before.filter(|kept| **kept.file.text() == *text);
        let (since, file) = match before {
            Some(kept) if kept.stamp == stamp => (kept.since, kept.file.at(path)),
            Some(kept) => (self.now, kept.file.at(path)),
            None => (self.now, File::new(path, text)),
        };
        let kept = Kept { stamp, since, read: self.now, file: file.clone() };
        self.after.0.insert(real.as_os_str().to_owned(), kept);
        file
    }

    /// What is known now.
    pub fn known(self) -> Known {
        self.after
    }
}

impl Default for Reader {
    fn default() -> Self {
        Self::new(Known::default(), Care::Everything, Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::super::open;
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;

    fn look(known: Known, path: &Path, care: Care, seconds: u64) -> (Known, Option<String>) {
        let mut reader = Reader::new(known, care, Duration::from_secs(seconds));
        let opened = open::open(path, path, u64::MAX).unwrap();
        let read = match reader.unchanged(path, opened.stamp()) {
            Some(_) => None,
            None => {
                let stamp = opened.stamp().clone();
                let text = opened.text(path).unwrap();
                Some(reader.read(path, stamp, "a.yaml", text).text().to_string())
            }
        };
        (reader.known(), read)
    }

    #[test]
    fn only_what_was_read_well_after_it_became_so_is_taken_for_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        fs::write(&path, "1").unwrap();
        let read = Some("1".to_owned());
        let (known, first) = look(Known::default(), &path, Care::Changed, 10);
        let (known, soon) = look(known, &path, Care::Changed, 12);
        let (known, later) = look(known, &path, Care::Changed, 13);
        assert_eq!((first, soon, later), (read.clone(), read.clone(), read.clone()));
        let (known, unread) = look(known, &path, Care::Changed, 14);
        assert_eq!(unread, None);
        let (known, poll) = look(known, &path, Care::Everything, 15);
        assert_eq!(poll, read, "a poll reads every byte");
        let (known, unread) = look(known, &path, Care::Changed, 16);
        assert_eq!(unread, None);
        fs::write(&path, "2").unwrap();
        let (known, changed) = look(known, &path, Care::Changed, 17);
        assert_eq!(changed.as_deref(), Some("2"));
        let (_, soon) = look(known, &path, Care::Changed, 18);
        assert_eq!(soon.as_deref(), Some("2"), "it has just become so");
    }

    #[test]
    fn a_text_that_changed_behind_the_times_of_its_file_begins_anew() {
        let stamp = {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.yaml");
            fs::write(&path, "1").unwrap();
            open::open(&path, &path, u64::MAX).unwrap().stamp().clone()
        };
        let path = Path::new("/nowhere/a.yaml");
        let reader =
            |known, seconds| Reader::new(known, Care::Changed, Duration::from_secs(seconds));
        let mut first = reader(Known::default(), 0);
        first.read(path, stamp.clone(), "a.yaml", "1".to_owned());
        let mut second = reader(first.known(), 10);
        let file = second.read(path, stamp.clone(), "a.yaml", "2".to_owned());
        assert_eq!(&**file.text(), "2");
        assert_eq!(reader(second.known(), 20).unchanged(path, &stamp), None);
    }

    #[test]
    fn what_a_slow_reading_saw_first_it_may_have_seen_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        fs::write(&path, "1").unwrap();
        let second = Duration::from_secs(1);
        let (known, _) = look(Known::default(), &path, Care::Changed, 10);
        let known = known.seen_between(10 * second, 20 * second);
        let (known, soon) = look(known, &path, Care::Changed, 21);
        let known = known.seen_between(21 * second, 22 * second);
        assert!(soon.is_some());
        let (known, still) = look(known, &path, Care::Changed, 22);
        assert!(still.is_some(), "it was last read a second after it was seen");
        let (known, later) = look(known, &path, Care::Changed, 23);
        assert!(later.is_some());
        assert_eq!(look(known, &path, Care::Changed, 24).1, None);
    }

    #[test]
    fn a_file_is_left_closed_only_where_its_own_machine_knows_that_it_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        fs::write(&path, "1").unwrap();
        let stamp = open::glance(&path, 1).unwrap();
        let after = |care, is_local, left| {
            let (known, _) = look(Known::default(), &path, Care::Everything, 10);
            let (known, _) = look(known, &path, Care::Everything, 20);
            let mut reader = Reader::new(known, care, Duration::from_secs(21));
            reader.local.insert(stamp.device(), is_local);
            let found = reader.unopened(&path, left);
            // What is not left closed is known still when it is opened.
            assert_eq!(found.is_none(), reader.before.0.contains_key(path.as_os_str()));
            found.map(|file| file.text().to_string())
        };
        assert_eq!(after(Care::Changed, true, 1).as_deref(), Some("1"));
        assert_eq!(after(Care::Everything, true, 1), None, "a poll reads every byte");
        assert_eq!(after(Care::Changed, false, 1), None, "a server has to be asked");
        assert_eq!(after(Care::Changed, true, 0), None, "the tree is too large with it");
        let (known, _) = look(Known::default(), &path, Care::Everything, 10);
        let (known, _) = look(known, &path, Care::Everything, 20);
        let mut reader = Reader::new(known, Care::Changed, Duration::from_secs(21));
        reader.local.insert(stamp.device(), true);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        assert_eq!(reader.unopened(&path, 1), None, "it may not be readable any more");
        fs::remove_file(&path).unwrap();
        assert_eq!(reader.unopened(&path, 1), None);
        assert!(!open::is_local(&path));
        // What is on no disk is not known to be of this machine, from its first file on.
        let path = Path::new("/proc/version");
        let stamp = open::glance(path, u64::MAX).unwrap();
        let mut known = Known::default();
        for seconds in [10, 20] {
            let mut reader = Reader::new(known, Care::Changed, Duration::from_secs(seconds));
            reader.read(path, stamp.clone(), "a.yaml", "1".to_owned());
            known = reader.known();
        }
        let mut reader = Reader::new(known, Care::Changed, Duration::from_secs(21));
        assert_eq!(reader.unopened(path, u64::MAX), None);
        assert!(reader.unchanged(path, &stamp).is_some(), "opened, it is the same");
    }

    #[test]
    fn the_same_text_is_kept_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        fs::write(&path, "1").unwrap();
        let stamp = open::open(&path, &path, 9).unwrap().stamp().clone();
        let mut first = Reader::default();
        let before = first.read(&path, stamp.clone(), "a.yaml", "1".to_owned());
        let mut second = Reader::new(first.known(), Care::Everything, Duration::ZERO);
        let after = second.read(&path, stamp, "b.yaml", "1".to_owned());
        assert!(Arc::ptr_eq(before.text(), after.text()));
        assert_eq!(&*after.path, "b.yaml");
    }
}
