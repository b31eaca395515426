//! Repositories to read from, made with the `git` program in an environment of their own.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Whether there is a `git` with a server to test against; says so where there is none.
pub fn is_there() -> bool {
    let there = exec_path().is_some_and(|path| path.join("git-http-backend").is_file());
    missing(there, "git with http-backend")
}

/// Whether there is such a program, by a call of it that succeeds.
pub fn has(program: &str, argument: &str) -> bool {
    let mut command = Command::new(program);
    let called = command.arg(argument).stdin(Stdio::null()).output();
    missing(called.is_ok_and(|output| output.status.success()), program)
}

/// Whether there is such a program, by looking for it: not every program has a call that does nothing.
pub fn has_file(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    missing(std::env::split_paths(&path).any(|folder| folder.join(program).is_file()), program)
}

fn missing(there: bool, what: &str) -> bool {
    if !there {
        assert!(std::env::var_os("CLASSICLINKD_TOOLS").is_none(), "there is no {what}");
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        // Around what a test harness catches: a test that was skipped must not look like one that passed.
        let _told = writeln!(std::io::stderr(), "SKIPPED {test}: there is no {what} here");
    }
    there
}

pub fn exec_path() -> Option<PathBuf> {
    let output = Command::new("git").arg("--exec-path").output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// A bare repository, and a work tree to push to it from.
pub struct Upstream {
    folder: tempfile::TempDir,
}

impl Upstream {
    /// Without any commit.
    pub fn empty() -> Self {
        let upstream = Self { folder: tempfile::tempdir().unwrap() };
        upstream.at(upstream.folder.path(), &["init", "-q", "--bare", "-b", "main", "links.git"]);
        upstream.at(upstream.folder.path(), &["init", "-q", "-b", "main", "work"]);
        upstream.git(&["remote", "add", "origin", "../links.git"]);
        upstream
    }

    /// With one commit of these files.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let upstream = Self::empty();
        files.iter().for_each(|(path, text)| upstream.put(path, text));
        upstream.push("Begin");
        upstream
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn bare(&self) -> PathBuf {
        self.folder.path().join("links.git")
    }

    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub fn url(&self) -> String {
        format!("file://{}", self.bare().display())
    }

    /// Runs git in the work tree, gives what it printed.
    pub fn git(&self, arguments: &[&str]) -> String {
        self.at(&self.work(), arguments)
    }

    pub fn at(&self, folder: &Path, arguments: &[&str]) -> String {
        let output = command(folder, arguments).output().unwrap();
        printed(arguments, output)
    }

    /// Runs git in the bare repository, with this to read.
    pub fn feed(&self, arguments: &[&str], input: &[u8]) -> String {
        let mut command = command(&self.bare(), arguments);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        printed(arguments, child.wait_with_output().unwrap())
    }

    pub fn put(&self, path: &str, text: &str) {
        let path = self.work().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn remove(&self, path: &str) {
        std::fs::remove_file(self.work().join(path)).unwrap();
    }

    /// Commits everything that is in the work tree; gives the commit.
    pub fn commit(&self, subject: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", subject]);
        self.tip()
    }

    /// As [`Upstream::commit`], and pushes the branch.
    pub fn push(&self, subject: &str) -> String {
        let id = self.commit(subject);
        self.git(&["push", "-q", "--force", "origin", "HEAD"]);
        id
    }

    /// Writes one file and pushes it.
    pub fn change(&self, path: &str, text: &str) -> String {
        self.put(path, text);
        self.push(&format!("Change {path}"))
    }

    pub fn tip(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Makes a commit of a tree that no work tree could hold the tip of the branch.
    pub fn plant_tree(&self, tree: &str) -> String {
        let id = self.feed(&["commit-tree", "-m", "Plant", tree], b"");
        self.at(&self.bare(), &["update-ref", "refs/heads/main", &id]);
        id
    }

    pub fn blob(&self, content: &[u8]) -> String {
        self.feed(&["hash-object", "-w", "--stdin"], content)
    }

    /// Writes an object whatever it holds.
    pub fn object(&self, kind: &str, content: &[u8]) -> String {
        self.feed(&["hash-object", "-w", "--literally", "--stdin", "-t", kind], content)
    }
}

/// `git`, with nothing of this machine's settings, at one time.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.env_clear().current_dir(folder).args(arguments).stdin(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    for (name, value) in [
        ("HOME", "/nonexistent"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_AUTHOR_NAME", "Ann"),
        ("GIT_AUTHOR_EMAIL", "ann@example.com"),
        ("GIT_AUTHOR_DATE", "1700000000 +0000"),
        ("GIT_COMMITTER_NAME", "Carl"),
        ("GIT_COMMITTER_EMAIL", "carl@example.com"),
        ("GIT_COMMITTER_DATE", "1700000000 +0000"),
    ] {
        command.env(name, value);
    }
    command
}

fn printed(arguments: &[&str], output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "git {arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
