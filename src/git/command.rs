//! Runs `git`, in an environment that we say, within bounds, and never longer than we live.

use super::Fault;
use super::credentials::Prepared;
use crate::model::is_unprintable;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

/// What of the messages of git is read, and what of them is shown.
const SAID_MAX: usize = 64 * 1024;
const SHOWN_MAX: usize = 300;
/// Most memory of each of its processes, mapped files aside: a small push can hold objects that are huge
/// once they are unpacked. What a pod may have in all is 512 MiB (`deploy/kubernetes`).
const MEMORY_MAX: u64 = 384 * 1024 * 1024;

/// One call of `git`.
pub(super) struct Call<'a> {
    /// The bare repository.
    pub folder: &'a Path,
    /// What comes after the options that are always given.
    pub arguments: Vec<String>,
    /// Keys and values of configuration beside those that are always given.
    pub configuration: Vec<(&'static str, String)>,
    /// What it speaks to the remote with, for a call that does.
    pub access: Option<&'a Prepared>,
    /// What it reads.
    pub input: Input,
    /// How long it may take.
    pub time: Duration,
    /// Most bytes it may answer.
    pub output: usize,
    /// Largest file it may write.
    pub file: Option<u64>,
}

/// What a call reads from its standard input.
pub(super) enum Input {
    Nothing,
    Bytes(Vec<u8>),
    /// A lock that it goes on holding should we be killed before it ends.
    Lock(File),
}

/// What a call answered.
pub(super) struct Answer {
    pub status: ExitStatus,
    pub output: Vec<u8>,
    /// What it said beside, for people.
    pub said: String,
}

impl Call<'_> {
    /// Runs it to its end.
    ///
    /// # Errors
    /// [`Fault`] if there is no git, if it takes too long, or if it says too much. That it failed is in
    /// the answer.
    pub async fn run(self) -> Result<Answer, Fault> {
        let mut command = self.command();
        let (time, most) = (self.time, self.output);
        let mut child = command.spawn().map_err(|error| no_git(&error))?;
        // From here on nobody of its group outlives this call.
        let group = Group::of(&child);
        if let Some(Group(Some(pid))) = &group {
            let limit = |most| Rlimit { current: Some(most), maximum: Some(most) };
            let _ended_already = prlimit(Some(*pid), Resource::Data, limit(MEMORY_MAX));
            if let Some(size) = self.file {
                let _ended_already = prlimit(Some(*pid), Resource::Fsize, limit(size));
            }
        }
        let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
        let stdin = child.stdin.take();
        let whole = async {
            let feed = async {
                if let (Some(mut stdin), Input::Bytes(bytes)) = (stdin, self.input) {
                    // Who ends before it has read everything says why by its exit code.
                    let _closed = stdin.write_all(&bytes).await;
                }
                Ok(())
            };
            // What is over a limit ends the call: git would wait for ever for somebody to read the rest.
            let (output, said, ()) =
                tokio::try_join!(read(&mut stdout, most), read(&mut stderr, SAID_MAX), feed)?;
            let status = child.wait().await;
            let status =
                status.map_err(|error| Fault::Passing(format!("git was lost: {error}")))?;
            Ok((output, said, status))
        };
        let Ok(ended) = tokio::time::timeout(time, whole).await else {
            return Err(Fault::Passing(format!("git did not end within {} s", time.as_secs())));
        };
        let (output, said, status) = ended?;
        // Hidden after nothing is left in it that could be taken out of it, and before it is cut.
        let said = told(&said);
        let said = self.access.map_or(said.clone(), |access| access.hide(&said));
        let said = said.chars().take(SHOWN_MAX).collect();
        Ok(Answer { status, output, said })
    }

    fn command(&self) -> Command {
        let mut command = Command::new("git");
        command.env_clear().process_group(0).kill_on_drop(true);
        command.current_dir(self.folder);
        // Where programs are, and which certificates the operator wants believed; nothing else of ours.
        for name in ["PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let nowhere = self.folder.join("home");
        for (name, value) in [
            ("HOME", nowhere.as_path()),
            ("XDG_CONFIG_HOME", nowhere.as_path()),
            ("GNUPGHOME", nowhere.as_path()),
            ("GIT_CONFIG_GLOBAL", Path::new("/dev/null")),
        ] {
            command.env(name, value);
        }
        for (name, value) in FIXED {
            command.env(name, value);
        }
        let mut configuration: Vec<(&str, String)> =
            CONFIGURATION.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        configuration.extend(self.configuration.iter().cloned());
        if let Some(access) = self.access {
            configuration.extend(access.configuration());
            command.envs(access.environment());
        }
        command.env("GIT_CONFIG_COUNT", configuration.len().to_string());
        for (index, (key, value)) in configuration.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{index}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        command.arg("--git-dir=.").arg("--no-pager").args(&self.arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        match &self.input {
            Input::Nothing => command.stdin(Stdio::null()),
            Input::Bytes(_) => command.stdin(Stdio::piped()),
            Input::Lock(file) => match file.try_clone() {
                Ok(file) => command.stdin(file),
                Err(_) => command.stdin(Stdio::null()),
            },
        };
        command
    }
}

/// What no call goes without.
const FIXED: &[(&str, &str)] = &[
    ("LC_ALL", "C"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_ADVICE", "0"),
    ("GIT_ALLOW_PROTOCOL", "https:ssh:file:http"),
];

/// As little as possible is done on somebody else's word.
const CONFIGURATION: &[(&str, &str)] = &[
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.bigFileThreshold", "16m"),
    ("core.deltaBaseCacheLimit", "32m"),
    ("pack.windowMemory", "64m"),
    ("core.askPass", ""),
    ("credential.helper", ""),
    ("fetch.fsckObjects", "true"),
    // Old and harmless: repositories that were made by old tools are full of them.
    ("fetch.fsck.zeroPaddedFilemode", "ignore"),
    ("fetch.fsck.missingSpaceBeforeDate", "ignore"),
    ("fetch.fsck.badTimezone", "ignore"),
    ("fetch.unpackLimit", "1"),
    ("fetch.recurseSubmodules", "false"),
    ("fetch.writeCommitGraph", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", "30"),
    ("log.mailmap", "false"),
    ("log.showSignature", "false"),
    ("pack.threads", "1"),
    ("protocol.version", "2"),
    ("submodule.recurse", "false"),
    ("transfer.bundleURI", "false"),
];

/// Everyone that a call started. They end when this goes.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Option<Self> {
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        pid.map(|pid| Self(Some(pid)))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0.take() {
            let _all_ended = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// Everything, if it is not too much.
async fn read(from: &mut Option<impl AsyncRead + Unpin>, most: usize) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let Some(from) = from else { return Ok(bytes) };
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let _broken = from.take(limit).read_to_end(&mut bytes).await;
    if bytes.len() > most {
        let most = most / 1024;
        return Err(Fault::Lasting(format!(
            "git answers more than the {most} KiB that are read of it"
        )));
    }
    Ok(bytes)
}

fn no_git(error: &io::Error) -> Fault {
    if error.kind() == io::ErrorKind::NotFound {
        return Fault::Lasting(
            "there is no `git` here; install it (2.34 or later), or mount the repository and give --manifests"
                .to_owned(),
        );
    }
    Fault::Passing(format!("git cannot be started: {error}"))
}

/// The last lines of what a program said, as one. Part of it is the remote's.
fn told(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let told: Vec<&str> = lines.filter(|line| !line.starts_with("hint:")).collect();
    let last = told.iter().rev().take(4).rev();
    let joined = last.map(|line| (*line).to_owned()).collect::<Vec<_>>().join(" | ");
    joined.chars().filter(|c| !is_unprintable(*c)).collect()
}

impl Answer {
    /// What a remote answered, if it succeeded.
    ///
    /// # Errors
    /// What it said, behind `what`.
    pub fn output(self, what: &str) -> Result<Vec<u8>, Fault> {
        self.told(what).map_err(Fault::Passing)
    }

    /// What our own copy answered, if it succeeded. It always should.
    ///
    /// # Errors
    /// What it said, behind `what`.
    pub fn of_copy(self, what: &str) -> Result<Vec<u8>, Fault> {
        self.told(what).map_err(Fault::Broken)
    }

    fn told(self, what: &str) -> Result<Vec<u8>, String> {
        if self.status.success() {
            return Ok(self.output);
        }
        let said = if self.said.is_empty() { self.status.to_string() } else { self.said };
        Err(format!("{what}: {said}"))
    }
}

/// The path of a program's file for messages and for git, where it can be text.
pub(super) fn text(path: &Path) -> Result<String, Fault> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
    match absolute.to_str() {
        Some(text) if !text.chars().any(|c| c.is_control() || c == '"') => Ok(text.to_owned()),
        _ => Err(Fault::Lasting(format!(
            "the path {} holds a quotation mark, a control character or no text; rename it",
            absolute.display().to_string().escape_debug()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_the_remote_says_the_end_is_told_and_cannot_move_the_cursor() {
        let said = told("one\ntwo\nhint: x\nremote: \u{1b}[2Jthree\nfour\nfive\n".as_bytes());
        assert_eq!(said, "two | remote: [2Jthree | four | five");
    }
}
