//! A key that a program prints: `process_command` of a CLI profile (`api-contract.md` 9).
//!
//! As in the official libraries there is no shell: the command is split into words, the first of which is
//! the program. It has our environment, reads nothing, and what it says on its error output is dropped, for
//! that may be secret. A minute later it and whatever it started are killed.

use super::ask::{ANSWER_MAX, unusable};
use super::issued::{Issued, Names, secret};
use super::provide::{Fetching, Provide};
use super::{CredentialError, Key};
use crate::clock::Clock;
use crate::model::printable;
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

mod words;

/// As the official libraries wait for it.
const LIMIT: Duration = Duration::from_secs(60);

const NAMES: Names = Names {
    id: "access_key_id",
    secret: "access_key_secret",
    token: "sts_token",
    expiration: "expiration",
};

/// Runs a program. Of its command only the first word shows.
pub struct External {
    program: String,
    arguments: Vec<SecretString>,
    limit: Duration,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for External {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("External").field("program", &self.program).finish_non_exhaustive()
    }
}

/// What it prints: a profile of the CLI that holds a key.
#[derive(Deserialize)]
struct Printed {
    #[serde(default)]
    mode: Option<String>,
    #[serde(rename = "access_key_id", default, deserialize_with = "secret")]
    id: Option<SecretString>,
    #[serde(rename = "access_key_secret", default, deserialize_with = "secret")]
    secret: Option<SecretString>,
    #[serde(rename = "sts_token", default, deserialize_with = "secret")]
    token: Option<SecretString>,
    #[serde(default)]
    expiration: Option<String>,
}

impl External {
    /// Splits the command; quotes and backslashes count as in a POSIX shell, and nothing else does.
    ///
    /// # Errors
    /// [`CredentialError`] for a command without a word, or with a quote that is not closed.
    pub fn new(command: &str, clock: Arc<dyn Clock>) -> Result<Self, CredentialError> {
        let refuse = |what| unusable("a program", format!("`process_command` has {what}"));
        let mut words = words::words(command).map_err(refuse)?.into_iter();
        let program = words.next().filter(|program| !program.expose_secret().is_empty());
        let program = program.ok_or_else(|| refuse("no program"))?.expose_secret().to_owned();
        Ok(Self { program, arguments: words.collect(), limit: LIMIT, clock })
    }

    fn fail(&self, why: impl Into<String>, temporary: bool) -> CredentialError {
        let who = format!("the program `{}`", printable(&self.program));
        CredentialError::Service { who, why: why.into(), temporary }
    }

    async fn key(&self) -> Result<Key, CredentialError> {
        let mut command = Command::new(&self.program);
        command.args(self.arguments.iter().map(|argument| argument.expose_secret()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let child = command.spawn().map_err(|error| {
            self.fail(format!("it does not start: {error}; check `process_command`"), false)
        })?;
        let mut running = Running(child);
        let ended = tokio::time::timeout(self.limit, running.output()).await;
        let (output, status) = match ended {
            Ok(Ok(ended)) => ended,
            Ok(Err(error)) => return Err(self.fail(format!("its output is lost: {error}"), true)),
            Err(_) => {
                let why = format!("it did not end within {:?}, and was killed", self.limit);
                return Err(self.fail(why, true));
            }
        };
        if output.len() > ANSWER_MAX {
            let why = format!("it prints more than {} KiB, and was killed", ANSWER_MAX / 1024);
            return Err(self.fail(why, false));
        }
        if !status.is_some_and(|status| status.success()) {
            let how = status.map_or_else(|| "it failed".to_owned(), |status| status.to_string());
            let why = format!("{how}; run it by hand, as the same user, to read why");
            return Err(self.fail(why, true));
        }
        self.read(&output)
    }

    fn read(&self, output: &[u8]) -> Result<Key, CredentialError> {
        // The parser's own words could quote a secret.
        let printed: Printed = serde_json::from_slice(output).map_err(|_| {
            let why = "what it prints is not of the known form, a JSON object with the texts `mode`, \
                 `access_key_id`, `access_key_secret`, and for a temporary key `sts_token` and `expiration`";
            self.fail(why, false)
        })?;
        let Printed { mode, id, secret, token, expiration } = printed;
        match mode.as_deref() {
            Some("AK") => permanent(id.as_ref(), secret.as_ref()),
            Some("StsToken") | None => {
                let issued = Issued { code: None, id, secret, token, expiration };
                issued.key(&NAMES, self.clock.now().wall)
            }
            Some(_) => Err("its `mode` is neither AK nor StsToken".to_owned()),
        }
        .map_err(|why| self.fail(why, false))
    }
}

fn permanent(id: Option<&SecretString>, secret: Option<&SecretString>) -> Result<Key, String> {
    let (Some(id), Some(secret)) = (id, secret) else {
        return Err(format!("the answer has no {} or no {}", NAMES.id, NAMES.secret));
    };
    let key = Key::new(id.expose_secret(), secret.expose_secret(), None);
    key.map_err(|error| format!("the answer holds no key: {error}"))
}

/// A program and what it started, killed where nobody waits for it any more.
struct Running(Child);

impl Running {
    /// All that it prints, and how it ended; without an end if that is too much.
    async fn output(&mut self) -> std::io::Result<(Zeroizing<Vec<u8>>, Option<ExitStatus>)> {
        // One that grows leaves copies of what it held behind.
        let mut output = Zeroizing::new(Vec::with_capacity(ANSWER_MAX + 64));
        if let Some(printed) = self.0.stdout.take() {
            printed.take(ANSWER_MAX as u64 + 1).read_to_end(&mut output).await?;
        }
        if output.len() > ANSWER_MAX {
            return Ok((output, None));
        }
        Ok((output, Some(self.0.wait().await?)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Without an id it has been waited for: its group's number may be somebody else's.
        let id = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(group) = id {
            // An error means that there is nobody left.
            let _gone = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Provide for External {
    fn name(&self) -> &'static str {
        "external"
    }

    fn fetch(&self) -> Fetching<'_> {
        Box::pin(self.key())
    }
}

#[cfg(test)]
mod tests;
