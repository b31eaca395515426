//! Who made a commit, and which commit of several took a link out: `git log`, read without trust.

use crate::model::{Commit, InstanceId, Lineage, is_unprintable};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Longest name, address or subject that is kept, in characters.
const TEXT_MAX: usize = 200;

/// The format of `git log` that [`commit`] reads: members end in a zero byte, a line begins with one.
pub(super) const FORMAT: &str = "--format=%x00%H%x00%an <%ae>%x00%cn <%ce>%x00%ct%x00%s%x00";

/// What lies between a commit and a later one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Between {
    /// How the later one stands to the earlier one.
    pub lineage: Lineage,
    /// Which of the commits between took an instance's id out of a file last, as far as it was looked for.
    pub took_out: BTreeMap<InstanceId, Commit>,
}

impl Between {
    /// Nothing is known but how they stand.
    pub fn of(lineage: Lineage) -> Self {
        Self { lineage, took_out: BTreeMap::new() }
    }
}

/// A line of [`FORMAT`].
pub(super) fn commit(line: &[u8]) -> Option<Commit> {
    let mut members = line.strip_prefix(b"\0")?.split(|byte| *byte == 0);
    let mut member = || members.next().map(text);
    let id = member()?;
    super::remote::is_id(&id).then_some(())?;
    let (author, committer, at, subject) = (member()?, member()?, member()?, member()?);
    let at = at.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    Some(Commit {
        id,
        author: Some(author),
        committer: Some(committer),
        at,
        subject: Some(subject),
    })
}

/// Foreign text for one line, cut.
fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().filter(|c| !is_unprintable(*c)).take(TEXT_MAX).collect()
}

/// From `git log -p --cc`, newest first: for each instance the newest commit that removed a line with it from
/// a file, and added none with it to the same file. Moved to another file is removed: there it may be of
/// another VPC, and if it is not, it was not lost and nobody asks.
pub(super) fn took_out(log: &[u8]) -> BTreeMap<InstanceId, Commit> {
    let mut found = BTreeMap::new();
    let mut close = |mut change: Change| {
        change.end_file();
        let Some(at) = change.at else { return };
        for id in change.taken {
            found.entry(id).or_insert_with(|| at.clone());
        }
    };
    let mut change = Change::default();
    for line in log.split(|byte| *byte == b'\n') {
        if line.first() == Some(&0) {
            close(std::mem::replace(&mut change, Change { at: commit(line), ..Change::default() }));
        } else {
            change.take(line);
        }
    }
    close(change);
    found
}

/// What one commit changes.
#[derive(Default)]
struct Change {
    at: Option<Commit>,
    taken: BTreeSet<InstanceId>,
    /// Of the file at hand.
    removed: BTreeSet<InstanceId>,
    added: BTreeSet<InstanceId>,
    /// How many signs are before each line: one for each parent; none outside of what a file's lines are.
    signs: usize,
}

impl Change {
    fn take(&mut self, line: &[u8]) {
        if line.starts_with(b"diff --") {
            self.end_file();
        } else if line.starts_with(b"@@") {
            let marks = line.iter().take_while(|byte| **byte == b'@').count();
            self.signs = marks.saturating_sub(1);
        } else if let Some((signs, text)) = line.split_at_checked(self.signs) {
            // Of a merge: what all its parents had. What one of them had not was taken out on its side.
            if !signs.is_empty() && signs.iter().all(|sign| *sign == b'-') {
                self.removed.extend(instances(text));
            } else if signs.contains(&b'+') {
                self.added.extend(instances(text));
            }
        }
    }

    fn end_file(&mut self) {
        self.signs = 0;
        let added = std::mem::take(&mut self.added);
        let removed = std::mem::take(&mut self.removed);
        self.taken.extend(removed.into_iter().filter(|id| !added.contains(id)));
    }
}

/// The words of a line that are ids of instances.
fn instances(line: &[u8]) -> impl Iterator<Item = InstanceId> + '_ {
    let words = line.split(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'-'));
    let words = words.filter(|word| word.starts_with(b"i-"));
    words.filter_map(|word| InstanceId::parse(std::str::from_utf8(word).ok()?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::id;

    fn head(n: u8) -> String {
        format!(
            "\0{}\0Ann <a@example>\0Carl <c@example>\01700000000\0Take \u{1b}[2Jit out\0",
            n.to_string().repeat(40)
        )
    }

    #[test]
    fn a_commit_is_read_and_its_text_cannot_move_the_cursor() {
        let commit = commit(head(1).as_bytes()).unwrap();
        assert_eq!(commit.id, "1".repeat(40));
        assert_eq!(commit.author.as_deref(), Some("Ann <a@example>"));
        assert_eq!(commit.committer.as_deref(), Some("Carl <c@example>"));
        assert_eq!(commit.subject.as_deref(), Some("Take [2Jit out"));
        assert_eq!(commit.at, Timestamp::from_second(1_700_000_000).ok());
        assert_eq!(super::commit(b"\0nonsense\0a\0b\0c\0d\0"), None);
        assert_eq!(super::commit(b"no zero"), None);
    }

    #[test]
    fn an_id_that_moves_to_another_file_is_taken_out_of_the_first() {
        let log = format!(
            "{}\n\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n-  - {}\n-  - {}\n+  - id: {}\ndiff --git a/y \
             b/y\n--- a/y\n+++ b/y\n@@ -0,0 +1 @@\n+  - {}\n",
            head(1),
            id(1),
            id(2),
            id(2),
            id(1),
        );
        let found: Vec<_> = took_out(log.as_bytes()).into_keys().collect();
        assert_eq!(found, [id(1)]);
    }

    #[test]
    fn signs_are_as_many_as_parents_and_headers_are_no_lines() {
        let log = format!(
            "{}\n\ndiff --cc i-0008.yaml\nindex 1,2..3\n--- a/{}\n+++ b/x\n@@@ -1,2 -1,2 +1,1 @@@\n  {}\n--- {}\n- \
             {}\n +{}\n{}\n\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +0,0 @@\n--- {}\n",
            head(2),
            id(8),
            id(3),
            id(1),
            id(2),
            id(4),
            head(1),
            id(5),
        );
        let found: Vec<_> = took_out(log.as_bytes()).into_keys().collect();
        assert_eq!(found, [id(1), id(5)]);
    }

    #[test]
    fn the_newest_commit_that_takes_an_id_out_is_the_one() {
        let log = format!(
            "{}\n\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-  - {}\n{}\n\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-  - {}\n-  - id: {}\n\
             -  - {}\n+  - id: {}\n",
            head(2),
            id(1),
            head(1),
            id(1),
            id(2),
            id(3),
            id(3),
        );
        let found = took_out(log.as_bytes());
        let by = |n| found.get(&id(n)).map(|commit| commit.id.chars().next().unwrap());
        assert_eq!((by(1), by(2)), (Some('2'), Some('1')));
        assert_eq!(by(3), None, "it was only written differently");
    }
}
