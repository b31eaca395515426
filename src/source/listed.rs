//! Which files of a commit are manifests: the rules of a folder on a disk, for a tree that was never
//! written to one.

use super::Problem;
use super::walk::{is_hidden, is_manifest, is_nearly_manifest};
use crate::git::{Entry, Kind};
use crate::manifest::{DEPTH_MAX, FILE_BYTES_MAX, FILES_MAX, TREE_BYTES_MAX};
use crate::model::is_unprintable;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most links on one path, as the kernel has it.
const LINKS_MAX: usize = 40;
/// Most names that are looked up for all links together: a second's work.
const STEPS_MAX: usize = 2_000_000;
/// Most problems that are collected.
const PROBLEMS_MAX: usize = 1_000;
/// Longest target of a link, as the kernel has it.
pub(super) const TARGET_MAX: u64 = 4096;

/// One manifest of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// Below the folder of the manifests, with `/`.
    pub path: String,
    /// The object that holds it.
    pub id: String,
}

type Name = Vec<u8>;

/// What a name stands for.
enum Node {
    Folder(BTreeMap<Name, Node>),
    File { id: String, size: u64 },
    Link(Arc<[u8]>),
    Submodule,
    Unknown,
}

/// The manifests among `entries`, ordered by path, and their bytes together. `targets` are what the
/// symbolic links lead to, by their objects; `root` is for messages.
pub(super) fn select(
    entries: &[Entry],
    targets: &BTreeMap<String, Arc<[u8]>>,
    root: &Path,
) -> Result<(Vec<Listed>, u64), Vec<Problem>> {
    let tree = grow(entries, targets);
    let mut walk = Walk {
        tree: &tree,
        root,
        problems: Vec::new(),
        found: Vec::new(),
        seen: BTreeSet::new(),
        left: TREE_BYTES_MAX,
        steps: STEPS_MAX,
    };
    if let Node::Folder(names) = &tree {
        walk.folder(&[], names, Path::new(""), &mut Vec::new());
    }
    let Walk { mut problems, mut found, left, .. } = walk;
    found.sort_by(|one, other| one.path.cmp(&other.path));
    if found.len() > FILES_MAX {
        let why = format!("it holds {} manifests, more than {FILES_MAX}", found.len());
        let help = "join files, or divide the tree between several daemons";
        problems.push(Problem::new(root, why, help));
    }
    if found.is_empty() && problems.is_empty() {
        let why = "there is no manifest in it: no file *.yaml or *.yml";
        problems.push(Problem::new(root, why, "check the ref and the path"));
    }
    problems.sort();
    problems.dedup();
    if problems.is_empty() {
        Ok((found, TREE_BYTES_MAX.saturating_sub(left)))
    } else {
        Err(problems)
    }
}

fn grow(entries: &[Entry], targets: &BTreeMap<String, Arc<[u8]>>) -> Node {
    let mut root = BTreeMap::new();
    for entry in entries {
        let node = match entry.kind {
            Kind::File(size) => Node::File { id: entry.id.clone(), size },
            Kind::Link(_) => {
                targets.get(&entry.id).map_or(Node::Unknown, |to| Node::Link(Arc::clone(to)))
            }
            Kind::Submodule => Node::Submodule,
            Kind::Unknown => Node::Unknown,
        };
        plant(&mut root, cut(&entry.path), node);
    }
    Node::Folder(root)
}

/// The part of a path that is as deep as anybody looks: whoever wrote the tree must not decide how deep
/// we call ourselves.
fn cut(path: &[u8]) -> &[u8] {
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    let end = slashes.map(|(at, _)| at).nth(DEPTH_MAX.saturating_mul(2));
    end.and_then(|end| path.get(..end)).unwrap_or(path)
}

fn plant(names: &mut BTreeMap<Name, Node>, path: &[u8], node: Node) {
    match path.iter().position(|byte| *byte == b'/') {
        None => {
            names.insert(path.to_vec(), node);
        }
        Some(at) => {
            let (name, rest) = path.split_at(at);
            let below = names.entry(name.to_vec()).or_insert_with(|| Node::Folder(BTreeMap::new()));
            if let Node::Folder(names) = below {
                plant(names, rest.get(1..).unwrap_or_default(), node);
            }
        }
    }
}

struct Walk<'a> {
    tree: &'a Node,
    root: &'a Path,
    problems: Vec<Problem>,
    found: Vec<Listed>,
    /// Where files and folders that were come by really are, so that each is read once.
    seen: BTreeSet<Vec<Name>>,
    /// Bytes that manifests may still have together.
    left: u64,
    /// Names that may still be looked up for links.
    steps: usize,
}

impl<'a> Walk<'a> {
    /// Looks through the folder that really is at `real`; `above` are the folders it is within.
    fn folder(
        &mut self,
        real: &[Name],
        names: &'a BTreeMap<Name, Node>,
        below: &Path,
        above: &mut Vec<Vec<Name>>,
    ) {
        let shown = self.root.join(below);
        if above.iter().any(|folder| folder == real) {
            let why = "it is a symbolic link to a folder that holds it";
            return self.problems.push(Problem::new(&shown, why, "remove the link"));
        }
        if !self.seen.insert(real.to_vec()) {
            return;
        }
        if above.len() > DEPTH_MAX {
            let why = format!("it lies deeper than {DEPTH_MAX} folders");
            return self.problems.push(Problem::new(&shown, why, "move it up, or remove it"));
        }
        above.push(real.to_vec());
        for (name, node) in names.iter().filter(|(name, _)| !is_hidden(OsStr::from_bytes(name))) {
            if self.problems.len() >= PROBLEMS_MAX {
                break;
            }
            let mut at = real.to_vec();
            at.push(name.clone());
            self.name(
                OsStr::from_bytes(name),
                at,
                node,
                &below.join(OsStr::from_bytes(name)),
                above,
            );
        }
        above.pop();
    }

    fn name(
        &mut self,
        name: &OsStr,
        mut real: Vec<Name>,
        mut node: &'a Node,
        below: &Path,
        above: &mut Vec<Vec<Name>>,
    ) {
        let shown = self.root.join(below);
        if matches!(node, Node::Link(_)) {
            match follow(self.tree, &real, &mut self.steps) {
                Ok((at, led)) => (real, node) = (at, led),
                Err((why, help)) => return self.problems.push(Problem::new(&shown, why, help)),
            }
        }
        match node {
            Node::Folder(names) if !is_manifest(name) => self.folder(&real, names, below, above),
            Node::File { id, size } if is_manifest(name) => {
                self.file(&shown, below, real, id, *size)
            }
            Node::Submodule => {
                let why = "it is another repository (a submodule), which is not read";
                let help = "put the manifests into this repository, or the submodule outside of their folder";
                self.problems.push(Problem::new(&shown, why, help));
            }
            _ if is_manifest(name) => {
                let help = "replace it by a regular file, or rename it";
                self.problems.push(Problem::new(&shown, "it is no regular file", help));
            }
            _ if is_nearly_manifest(name) => {
                let why = "only *.yaml and *.yml are read";
                self.problems.push(Problem::new(&shown, why, "write its ending in small letters"));
            }
            _ => {}
        }
    }

    fn file(&mut self, shown: &Path, below: &Path, real: Vec<Name>, id: &str, size: u64) {
        if !self.seen.insert(real) {
            return;
        }
        let mut problem =
            |why: String, help: &str| self.problems.push(Problem::new(shown, why, help));
        let Some(path) = below.to_str() else {
            return problem("its name is not UTF-8".to_owned(), "rename it");
        };
        if path.chars().any(is_unprintable) {
            return problem("its name holds control characters".to_owned(), "rename it");
        }
        if size > FILE_BYTES_MAX {
            let why = format!("it is larger than {} MiB", FILE_BYTES_MAX / (1024 * 1024));
            return problem(why, "divide it");
        }
        match self.left.checked_sub(size) {
            Some(left) => self.left = left,
            None => {
                let why = "all manifests together are too large".to_owned();
                return problem(why, "divide the tree between several daemons");
            }
        }
        self.found.push(Listed { path: path.to_owned(), id: id.to_owned() });
    }
}

type Refused = (&'static str, &'static str);

/// Where the link at `at` leads in the end: never out of the tree, and never into something hidden.
fn follow<'a>(
    tree: &'a Node,
    at: &[Name],
    steps: &mut usize,
) -> Result<(Vec<Name>, &'a Node), Refused> {
    const TOO_LONG: Refused = (
        "its symbolic links and those of others take too long to follow",
        "remove links from the folder of the manifests",
    );
    const LEAVES: Refused = (
        "it is a symbolic link that leaves the folder of manifests",
        "move what it leads to into the folder, or remove the link",
    );
    let mut left: Vec<Name> = at.iter().rev().cloned().collect();
    let mut real: Vec<Name> = Vec::new();
    let mut links = 0_usize;
    while let Some(part) = left.pop() {
        *steps = steps.checked_sub(real.len().saturating_add(1)).ok_or(TOO_LONG)?;
        match part.as_slice() {
            b"" | b"." => continue,
            b".." => {
                real.pop().ok_or(LEAVES)?;
                continue;
            }
            _ => real.push(part),
        }
        match node(tree, &real) {
            Some(Node::Link(target)) => {
                links = links.saturating_add(1);
                if links > LINKS_MAX {
                    return Err(("its symbolic links form a loop", "remove or correct the link"));
                }
                if target.first() == Some(&b'/') {
                    return Err(LEAVES);
                }
                real.pop();
                left.extend(target.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec));
            }
            Some(_) => {}
            None => {
                return Err(("it is a symbolic link to nothing", "restore it, or remove the link"));
            }
        }
    }
    let hidden = real.iter().any(|part| is_hidden(OsStr::from_bytes(part)));
    match node(tree, &real) {
        Some(_) if hidden => Err((
            "it is a symbolic link to something hidden",
            "move what it leads to out of the hidden folder, or remove the link",
        )),
        Some(found) => Ok((real, found)),
        None => Err(LEAVES),
    }
}

fn node<'a>(tree: &'a Node, path: &[Name]) -> Option<&'a Node> {
    path.iter().try_fold(tree, |at, name| match at {
        Node::Folder(names) => names.get(name),
        _ => None,
    })
}

/// For messages: the folder of the manifests in its repository.
pub(super) fn shown(folder: &str) -> PathBuf {
    if folder.is_empty() { PathBuf::from(".") } else { PathBuf::from(folder) }
}

#[cfg(test)]
mod tests;
