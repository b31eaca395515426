//! Whether git is at work on the tree.
//!
//! A checkout writes file by file: between two of them the tree is a mixture that nobody meant, and
//! on a slow disk the mixture can rest for longer than the settling time.

use super::Problem;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How many folders above the root may hold the `.git`.
const ANCESTORS_MAX: usize = 8;
/// Longest `.git` file (a worktree or submodule) that is looked into.
const POINTER_BYTES_MAX: u64 = 4096;

/// What git leaves in its folder while it is at work, with what to do if it stays.
const MARKS: &[(&str, &str)] = &[
    ("index.lock", "wait for git to finish; if none is running, remove the file"),
    ("rebase-merge", "finish or abort the rebase"),
    ("rebase-apply", "finish or abort the rebase"),
    ("MERGE_HEAD", "finish or abort the merge"),
    ("CHERRY_PICK_HEAD", "finish or abort the cherry-pick"),
    ("REVERT_HEAD", "finish or abort the revert"),
];

/// The operation in progress in the repository around `root`, if any.
pub(super) fn operation(root: &Path) -> Option<Problem> {
    let folder = root.ancestors().take(ANCESTORS_MAX + 1).find_map(git_folder)?;
    let marked = MARKS.iter().map(|(name, help)| (folder.join(name), help));
    let (mark, help) = marked.into_iter().find(|(mark, _)| mark.symlink_metadata().is_ok())?;
    Some(Problem::passing(&mark, "a git operation is in progress", *help))
}

fn git_folder(parent: &Path) -> Option<PathBuf> {
    let path = parent.join(".git");
    let metadata = path.metadata().ok()?;
    if metadata.is_dir() {
        return Some(path);
    }
    if !metadata.is_file() {
        return None;
    }
    let mut text = String::new();
    fs::File::open(&path).ok()?.take(POINTER_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(parent.join(text.strip_prefix("gitdir:")?.trim()))
}
