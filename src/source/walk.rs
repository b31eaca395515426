//! A folder to a snapshot: everything below one resolved root, or every reason why not.

use super::chain::Ground;
use super::events::{self, Tried};
use super::known::{Known, Reader};
use super::{Problem, Snapshot, Unreadable, checkout, open};
use crate::manifest::{DEPTH_MAX, FILES_MAX, File, TREE_BYTES_MAX};
use crate::model::is_unprintable;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

/// Reads every `*.yaml` and `*.yml` below `root` once; hidden files and folders are left out, but
/// symbolic links may lead through them, as Kubernetes' `..data` does.
///
/// # Errors
/// Everything that cannot be read, or changed while it was read. A tree without a manifest is
/// among that: it looks like a checkout or a mount that is missing.
pub fn read(root: &Path) -> Result<Snapshot, Unreadable> {
    survey(root, Reader::default()).0
}

/// Watches the folders that decide what `root` holds, as a daemon would, and ends that at once.
pub fn rehearse(root: &Path) -> Tried {
    events::rehearse(&survey(root, Reader::default()).1)
}

/// What `root` holds, the folders that decide so, and what is known of its files then.
pub(super) fn survey(root: &Path, reader: Reader) -> (Result<Snapshot, Unreadable>, Ground, Known) {
    let mut ground = Ground::default();
    let absolute = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
    ground.way(&absolute);
    let resolved = match fs::canonicalize(root).and_then(|path| Ok((path.metadata()?, path))) {
        Ok((metadata, path)) if metadata.is_dir() => path,
        Ok(_) => {
            let problem = Problem::new(root, "it is not a folder", "name the folder of manifests");
            return (Err(problem.into()), ground, reader.known());
        }
        Err(error) => return (Err(no_root(root, &error).into()), ground, reader.known()),
    };
    let mut walk = Walk { root: resolved, ground, reader, ..Walk::default() };
    walk.problems.extend(checkout::operation(&walk.root));
    walk.folder(&walk.root.clone(), Path::new(""), &mut Vec::new());
    let files = walk.files();
    walk.check_again(root);
    let Walk { mut problems, ground, reader, .. } = walk;
    if files.is_empty() && problems.is_empty() {
        let why = "there is no manifest in it: no file *.yaml or *.yml";
        problems.push(Problem::new(root, why, "check the checkout or the mount"));
    }
    if problems.is_empty() {
        return (Ok(Snapshot::of(files)), ground, reader.known());
    }
    problems.sort();
    problems.dedup();
    (Err(Unreadable { problems, commit: None }), ground, reader.known())
}

fn no_root(root: &Path, error: &io::Error) -> Problem {
    if error.kind() == io::ErrorKind::NotFound {
        let help = "check the path, the checkout and the mount";
        return Problem::new(root, "there is no such folder", help);
    }
    open::failed(root, error)
}

#[derive(Default)]
struct Walk {
    root: PathBuf,
    ground: Ground,
    problems: Vec<Problem>,
    /// Logical path below the root, and resolved path.
    found: Vec<(String, PathBuf)>,
    /// Resolved files and folders that were come by, so that each is read once. As the system writes
    /// them: paths are compared part by part, which takes ten times as long.
    seen: HashSet<OsString>,
    /// Links with what they led to.
    links: Vec<(PathBuf, PathBuf)>,
    reader: Reader,
}

impl Walk {
    /// Looks through the resolved folder `real`; `above` are the resolved folders it is within.
    fn folder(&mut self, real: &Path, below: &Path, above: &mut Vec<PathBuf>) {
        let shown = self.root.join(below);
        if above.iter().any(|folder| folder == real) {
            let why = "it is a symbolic link to a folder that holds it";
            return self.problems.push(Problem::new(&shown, why, "remove the link"));
        }
        if !self.seen.insert(real.as_os_str().to_owned()) {
            return;
        }
        if above.len() > DEPTH_MAX {
            let why = format!("it lies deeper than {DEPTH_MAX} folders");
            return self.problems.push(Problem::new(&shown, why, "move it up, or remove it"));
        }
        self.ground.folder(real);
        let entries = match fs::read_dir(real).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) => return self.problems.push(open::failed(&shown, &error)),
        };
        let mut entries: Vec<DirEntry> = entries;
        entries.sort_by_cached_key(DirEntry::file_name);
        above.push(real.to_owned());
        for entry in entries {
            self.entry(&entry, below, above);
        }
        above.pop();
    }

    fn entry(&mut self, entry: &DirEntry, below: &Path, above: &mut Vec<PathBuf>) {
        let name = entry.file_name();
        if is_hidden(&name) {
            return;
        }
        let below = below.join(&name);
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            Err(error) => {
                let problem = open::failed(&self.root.join(&below), &error);
                return self.problems.push(problem);
            }
        };
        let real = entry.path();
        let real = if kind.is_symlink() {
            match self.follow(&real, &self.root.join(&below)) {
                Some(target) => target,
                None => return,
            }
        } else {
            real
        };
        let is_folder = if kind.is_symlink() { real.is_dir() } else { kind.is_dir() };
        if !is_manifest(&name) {
            if is_folder {
                self.folder(&real, &below, above);
            } else if is_nearly_manifest(&name) {
                let (shown, why) = (self.root.join(&below), "only *.yaml and *.yml are read");
                self.problems.push(Problem::new(&shown, why, "write its ending in small letters"));
            }
            return;
        }
        if self.seen.insert(real.as_os_str().to_owned()) {
            let mut refuse = |why: &str| {
                self.problems.push(Problem::new(&self.root.join(&below), why, "rename it"));
            };
            match below.to_str() {
                Some(path) if path.chars().any(is_unprintable) => {
                    refuse("its name holds control characters");
                }
                Some(path) => self.found.push((path.to_owned(), real)),
                None => refuse("its name is not UTF-8"),
            }
        }
    }

    /// What a link leads to, if that lies below the root.
    fn follow(&mut self, link: &Path, shown: &Path) -> Option<PathBuf> {
        self.ground.way(link);
        match fs::canonicalize(link) {
            Ok(target) if target.starts_with(&self.root) && self.is_private(&target) => {
                let why = "it is a symbolic link to something hidden";
                let help = "move what it leads to out of the hidden folder, or remove the link";
                self.problems.push(Problem::new(shown, why, help));
                None
            }
            Ok(target) if target.starts_with(&self.root) => {
                self.links.push((link.to_owned(), target.clone()));
                Some(target)
            }
            Ok(_) => {
                let why = "it is a symbolic link that leaves the folder of manifests";
                let help = "move what it leads to into the folder, or remove the link";
                self.problems.push(Problem::new(shown, why, help));
                None
            }
            Err(error) => {
                self.problems.push(open::failed(shown, &error));
                None
            }
        }
    }

    /// Whether a target lies in something hidden other than the folders in which Kubernetes keeps
    /// what it mounts (`..data`, `..2026_11_23…`): what is wrong in a manifest is shown, and nobody
    /// should be shown `.git/config`.
    fn is_private(&self, target: &Path) -> bool {
        let below = target.strip_prefix(&self.root).unwrap_or(target);
        let hidden = |part: &OsStr| is_hidden(part) && !part.as_encoded_bytes().starts_with(b"..");
        below.iter().any(hidden)
    }

    fn files(&mut self) -> Vec<File> {
        self.found.sort();
        if self.found.len() > FILES_MAX {
            let why = format!("it holds {} manifests, more than {FILES_MAX}", self.found.len());
            let help = "join files, or divide the tree between several daemons";
            self.problems.push(Problem::new(&self.root, why, help));
            return Vec::new();
        }
        let mut left = TREE_BYTES_MAX;
        let mut files = Vec::with_capacity(self.found.len());
        for (path, real) in &self.found {
            match file(&mut self.reader, path, real, &self.root, left) {
                Ok(file) => {
                    left =
                        left.saturating_sub(u64::try_from(file.text().len()).unwrap_or(u64::MAX));
                    files.push(file);
                }
                Err(problem) => self.problems.push(problem),
            }
        }
        files
    }

    /// Everything must still lead to where it led, or what was read may be a mixture.
    fn check_again(&mut self, root: &Path) {
        let changed = |path: &Path| {
            Problem::passing(path, "it changed while being read", "wait for the writer")
        };
        if fs::canonicalize(root).ok().as_ref() != Some(&self.root) {
            self.problems.push(changed(root));
        }
        for (link, target) in &self.links {
            if fs::canonicalize(link).ok().as_ref() != Some(target) {
                self.problems.push(changed(link));
            }
        }
        self.problems.extend(checkout::operation(&self.root));
    }
}

/// The file at the resolved path `real`, read if it may have changed.
fn file(
    reader: &mut Reader,
    path: &str,
    real: &Path,
    root: &Path,
    left: u64,
) -> Result<File, Problem> {
    if let Some(file) = reader.unopened(real, left) {
        return Ok(file.at(path));
    }
    let shown = root.join(path);
    let opened = open::open(real, &shown, left)?;
    if let Some(file) = reader.unchanged(real, opened.stamp()) {
        return Ok(file.at(path));
    }
    let stamp = opened.stamp().clone();
    Ok(reader.read(real, stamp, path, opened.text(&shown)?))
}

/// Whether a name is left out: editors, git and Kubernetes keep their own things under such names.
pub(super) fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// Whether a name is that of a manifest.
pub(super) fn is_manifest(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    !is_hidden(name) && (bytes.ends_with(b".yaml") || bytes.ends_with(b".yml"))
}

pub(super) fn is_nearly_manifest(name: &OsStr) -> bool {
    let lower = name.as_encoded_bytes().to_ascii_lowercase();
    lower.ends_with(b".yaml") || lower.ends_with(b".yml")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// Two files through one link, the link swapped between them, is a mixture.
    #[test]
    fn what_leads_elsewhere_after_reading_is_noticed() {
        let base = tempfile::tempdir().unwrap();
        let (root, link) = (base.path().join("root"), base.path().join("root/link"));
        ["root/..a", "root/..b", "other"]
            .iter()
            .for_each(|name| fs::create_dir_all(base.path().join(name)).unwrap());
        symlink("..a", &link).unwrap();
        let mut walk = Walk { root: fs::canonicalize(&root).unwrap(), ..Walk::default() };
        walk.folder(&walk.root.clone(), Path::new(""), &mut Vec::new());
        walk.check_again(&root);
        assert_eq!(walk.problems, []);
        fs::remove_file(&link).unwrap();
        symlink("..b", &link).unwrap();
        walk.check_again(&root);
        assert!(walk.problems[0].passing && walk.problems[0].path.ends_with("link"));
        walk.problems.clear();
        walk.links.clear();
        walk.check_again(&base.path().join("other"));
        assert!(walk.problems[0].passing && walk.problems[0].path.ends_with("other"));
    }
    #[test]
    fn a_link_to_something_hidden_is_refused_and_so_is_a_name_that_moves_the_cursor() {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir(base.path().join(".git")).unwrap();
        fs::write(base.path().join(".git/config"), "secret: 1\n").unwrap();
        symlink(".git/config", base.path().join("a.yaml")).unwrap();
        fs::write(base.path().join("b\u{1b}[31m.yaml"), "").unwrap();
        let problems = read(base.path()).unwrap_err().problems;
        let whys: Vec<&str> = problems.iter().map(|problem| problem.why.as_str()).collect();
        assert_eq!(
            whys,
            ["it is a symbolic link to something hidden", "its name holds control characters"]
        );
    }

    #[test]
    fn a_tree_of_too_many_files_is_not_read() {
        let path = PathBuf::from("/nowhere");
        let found = (0..=FILES_MAX).map(|n| (format!("{n}.yaml"), path.clone())).collect();
        let mut walk = Walk { root: path.clone(), found, ..Walk::default() };
        assert!(walk.files().is_empty());
        assert!(walk.problems[0].why.contains("more than 100000"), "{:?}", walk.problems);
        assert_eq!(walk.problems.len(), 1);
    }

    #[test]
    fn the_whole_tree_has_a_bound_that_counts_before_reading() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        fs::write(&path, "12345").unwrap();
        assert_eq!(open::open(&path, &path, 5).unwrap().text(&path).unwrap(), "12345");
        let problem = open::open(&path, &path, 4).unwrap_err();
        assert!(problem.why.contains("together are too large"));
    }
}
