use super::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use tempfile::TempDir;

mod committed;
mod following;
mod polling;
mod watching;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn put(path: impl AsRef<Path>, text: &str) {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// `path=text` of every file.
fn contents(snapshot: &Snapshot) -> String {
    let shown = snapshot.files.iter().map(|file| format!("{}={}", file.path, file.text()));
    shown.collect::<Vec<_>>().join(" ")
}

fn problems(root: &Path) -> String {
    read(root).unwrap_err().to_string()
}

#[test]
fn manifests_are_read_in_order_and_others_left_out() {
    let root = folder();
    put(root.path().join("b.yml"), "2");
    put(root.path().join("a/z.yaml"), "1");
    put(root.path().join("README.md"), "no");
    put(root.path().join(".hidden.yaml"), "no");
    put(root.path().join(".git/x.yaml"), "no");
    let first = read(root.path()).unwrap();
    assert_eq!(contents(&first), "a/z.yaml=1 b.yml=2");
    fs::rename(root.path().join("b.yml"), root.path().join("c.yml")).unwrap();
    let renamed = read(root.path()).unwrap();
    assert_ne!(first.digest, renamed.digest);
    put(root.path().join("c.yml"), "3");
    assert_ne!(read(root.path()).unwrap().digest, renamed.digest);
}

#[test]
fn every_reason_is_said_at_once() {
    let root = folder();
    let at = |name: &str| root.path().join(name);
    put(at("good.yaml"), "1");
    fs::write(at("latin.yaml"), b"a\nb\xe4\n").unwrap();
    fs::create_dir(at("folder.yaml")).unwrap();
    symlink("nowhere", at("dangling.yaml")).unwrap();
    symlink("nowhere", at("dangling-folder")).unwrap();
    symlink("loop2.yaml", at("loop1.yaml")).unwrap();
    symlink("loop1.yaml", at("loop2.yaml")).unwrap();
    symlink("/etc/hostname", at("out.yaml")).unwrap();
    symlink("/etc", at("out")).unwrap();
    symlink("..", at("up")).unwrap();
    fs::create_dir(at("sub")).unwrap();
    symlink("../sub", at("sub/again")).unwrap();
    put(at("LOUD.YAML"), "1");
    let _socket = UnixListener::bind(at("socket.yaml")).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(at("fifo.yaml")).status().unwrap();
    assert!(fifo.success());
    let large = fs::File::create(at("large.yaml")).unwrap();
    large.set_len(crate::manifest::FILE_BYTES_MAX + 1).unwrap();
    let said = read(root.path()).unwrap_err();
    let reasons = [
        ("LOUD.YAML", "only *.yaml and *.yml"),
        ("dangling-folder", "symbolic link to nothing"),
        ("dangling.yaml", "symbolic link to nothing"),
        ("fifo.yaml", "it is a fifo"),
        ("folder.yaml", "it is a folder"),
        ("large.yaml", "bytes, more than"),
        ("latin.yaml", "not UTF-8 text (line 2)"),
        ("loop1.yaml", "form a loop"),
        ("loop2.yaml", "form a loop"),
        ("out", "leaves the folder"),
        ("out.yaml", "leaves the folder"),
        ("socket.yaml", "it is a socket"),
        ("sub/again", "a folder that holds it"),
        ("up", "leaves the folder"),
    ];
    let found: Vec<_> = said.problems.iter().map(|problem| problem.path.clone()).collect();
    assert_eq!(found, reasons.map(|(name, _)| at(name)), "{said}");
    for (problem, (name, why)) in said.problems.iter().zip(reasons) {
        assert!(problem.why.contains(why), "{name}: {problem}");
    }
}

#[test]
fn a_root_that_is_no_folder_of_manifests_is_an_error() {
    let root = folder();
    assert!(problems(root.path()).contains("no manifest in it"));
    assert!(problems(&root.path().join("missing")).contains("no such folder"));
    put(root.path().join("a.yaml"), "1");
    assert!(problems(&root.path().join("a.yaml")).contains("not a folder"));
    if runs_as_root() {
        return;
    }
    let closed = root.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    assert!(problems(root.path()).contains("permission denied"));
}

/// Root reads everything, so that modes cannot be tested.
fn runs_as_root() -> bool {
    fs::read_to_string("/proc/self/status").unwrap().contains("\nUid:\t0\t")
}

#[test]
fn too_deep_is_an_error_and_just_deep_enough_is_not() {
    let root = folder();
    let mut path = root.path().to_owned();
    (0..crate::manifest::DEPTH_MAX).for_each(|_| path.push("d"));
    put(path.join("a.yaml"), "1");
    assert!(read(root.path()).is_ok());
    put(path.join("d/a.yaml"), "1");
    assert!(problems(root.path()).contains("deeper than 32"));
}

#[test]
fn links_may_pass_through_hidden_folders() {
    let root = folder();
    put(root.path().join("..2026/web.yaml"), "1");
    put(root.path().join("..2026/more/x.yaml"), "2");
    symlink("..2026", root.path().join("..data")).unwrap();
    symlink("..data/web.yaml", root.path().join("web.yaml")).unwrap();
    symlink("..data/more", root.path().join("more")).unwrap();
    symlink("web.yaml", root.path().join("zz-again.yaml")).unwrap();
    let snapshot = read(root.path()).unwrap();
    assert_eq!(contents(&snapshot), "more/x.yaml=2 web.yaml=1");
}

#[test]
fn git_at_work_is_an_error() {
    let repository = folder();
    let root = repository.path().join("deploy/manifests");
    put(root.join("a.yaml"), "1");
    fs::create_dir(repository.path().join(".git")).unwrap();
    assert!(read(&root).is_ok());
    for mark in ["index.lock", "MERGE_HEAD", "rebase-merge", "rebase-apply"] {
        let mark = repository.path().join(".git").join(mark);
        fs::create_dir(&mark).unwrap();
        assert!(problems(&root).contains("git operation is in progress"), "{}", mark.display());
        fs::remove_dir(&mark).unwrap();
    }
    let worktree = folder();
    let real = worktree.path().join("git/worktrees/w");
    put(real.join("index.lock"), "");
    put(worktree.path().join("tree/.git"), &format!("gitdir: {}\n", real.display()));
    put(worktree.path().join("tree/a.yaml"), "1");
    assert!(problems(&worktree.path().join("tree")).contains("git operation"));
}

#[test]
fn byte_order_mark_and_carriage_returns_are_kept() {
    let root = folder();
    put(root.path().join("a.yaml"), "\u{feff}a\r\n");
    assert_eq!(contents(&read(root.path()).unwrap()), "a.yaml=\u{feff}a\r\n");
}
