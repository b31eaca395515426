//! Which names in which folders decide what a path leads to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

/// Most links on one path, as the kernel has it.
const LINKS_MAX: usize = 40;

/// What in a folder matters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rule {
    /// Every name that is not hidden: it is part of the tree.
    pub all: bool,
    /// These names, because a path leads through them.
    pub names: BTreeSet<OsString>,
}

/// The folders that decide what a tree holds: those on the way to it, and its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ground {
    pub rules: BTreeMap<PathBuf, Rule>,
}

impl Ground {
    /// A real folder of the tree.
    pub(super) fn folder(&mut self, path: &Path) {
        self.rules.entry(path.to_owned()).or_default().all = true;
    }

    /// Everything on the way to `path`, an absolute one, link by link; as far as it exists.
    pub(super) fn way(&mut self, path: &Path) {
        let mut left: VecDeque<OsString> = parts(path);
        let mut at = PathBuf::from("/");
        let mut links = 0_usize;
        while let Some(part) = left.pop_front() {
            if part == OsStr::new("..") {
                at.pop();
                continue;
            }
            self.rules.entry(at.clone()).or_default().names.insert(part.clone());
            let next = at.join(&part);
            match next.read_link() {
                Ok(target) => {
                    links = links.saturating_add(1);
                    if links > LINKS_MAX {
                        return;
                    }
                    if target.is_absolute() {
                        at = PathBuf::from("/");
                    }
                    parts(&target).into_iter().rev().for_each(|part| left.push_front(part));
                }
                Err(_) if next.is_dir() => at = next,
                // A file ends the way, and so does what is missing: its name is watched above.
                Err(_) => return,
            }
        }
    }
}

fn parts(path: &Path) -> VecDeque<OsString> {
    let part = |component: Component<'_>| match component {
        Component::Normal(_) | Component::ParentDir => Some(component.as_os_str().to_owned()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    };
    path.components().filter_map(part).collect()
}
