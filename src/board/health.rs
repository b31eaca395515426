//! Whether the daemon is alive, and whether it is ready: one answer each for whoever probes it.

use super::{Board, Said};
use crate::clock::Moment;
use std::time::Duration;

/// Silence of the loop that counts as dead.
pub const HEARTBEAT_MAX: Duration = Duration::from_secs(60);
/// A credential with no more left than this is about to end: changes stop, and whoever renews it should have
/// done so.
pub const CREDENTIAL_LEFT_MIN: Duration = Duration::from_secs(60);

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// A word.
    pub name: &'static str,
    /// How it stands, or what is wrong, for people.
    pub found: Result<String, String>,
}

/// The answer to a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Everything that was looked at.
    pub checks: Vec<Check>,
}

impl Health {
    /// What is wrong first, if anything is.
    pub fn reason(&self) -> Option<&str> {
        self.checks.iter().find_map(|check| check.found.as_ref().err()).map(String::as_str)
    }
}

impl Board {
    /// Whether the loop is alive. A process for which it is not should be restarted.
    pub fn alive(&self, now: Moment) -> Health {
        Health { checks: vec![Check { name: "loop", found: turning(&self.said(), now) }] }
    }

    /// Whether the daemon does what it is there for: each scope was read completely not long ago, and
    /// calls could be made. Restarting one that is not ready mends nothing.
    pub fn ready(&self, now: Moment) -> Health {
        let said = self.said();
        let checks = [
            ("loop", turning(&said, now)),
            ("journal", writable(&said)),
            ("revision", in_force(&said)),
            ("observations", observed(&said, self.stale_after, now)),
            ("credentials", lasting(&said, now)),
        ];
        Health { checks: checks.map(|(name, found)| Check { name, found }).into() }
    }
}

fn turning(said: &Said, now: Moment) -> Result<String, String> {
    let Some(beat) = said.heartbeat else { return Err("the loop has not started".to_owned()) };
    let silent = now.since(beat);
    if silent <= HEARTBEAT_MAX {
        Ok(format!("turned {} s ago", silent.as_secs()))
    } else {
        Err(format!("the loop has been silent for {} s", silent.as_secs()))
    }
}

fn writable(said: &Said) -> Result<String, String> {
    match &said.journal_trouble {
        None => Ok("can be written".to_owned()),
        Some(trouble) => Err(format!("the journal cannot be written: {trouble}")),
    }
}

fn in_force(said: &Said) -> Result<String, String> {
    match &said.revision {
        Some(revision) => Ok(format!("{} is in force", revision.digest.short())),
        None => Err("no revision of the manifests was accepted yet".to_owned()),
    }
}

/// The scope that was read longest ago, and one that never was before all others.
fn observed(said: &Said, stale_after: Duration, now: Moment) -> Result<String, String> {
    if said.scopes.is_empty() {
        return Err("no scope was read yet".to_owned());
    }
    let ages = said.scopes.keys().map(|scope| (scope, said.complete.get(scope)));
    let mut oldest = Duration::ZERO;
    for (scope, complete) in ages {
        let Some(complete) = complete else {
            return Err(format!("{scope} was not read completely yet"));
        };
        let age = now.since(*complete);
        if age > stale_after {
            let age = age.as_secs();
            return Err(format!("{scope} was last read completely {age} s ago"));
        }
        oldest = oldest.max(age);
    }
    Ok(format!("{} read, the oldest {} s ago", said.scopes.len(), oldest.as_secs()))
}

fn lasting(said: &Said, now: Moment) -> Result<String, String> {
    if let Some((account, why)) = said.vitals.broken_pins.first_key_value() {
        return Err(format!("nothing is done in {account}: {why}"));
    }
    if let Some((account, code)) = said.vitals.refused.first_key_value() {
        return Err(match *code {
            // Ours: there was nothing to sign a request with.
            "credentials" => format!("no credential of {account} can be used; the log says why"),
            code => format!("the cloud refuses the credential of {account}: {code}"),
        });
    }
    let first = said.vitals.expires.iter().min_by_key(|(_, until)| **until);
    let Some((account, until)) = first else { return Ok("none is known to end".to_owned()) };
    let left = Duration::try_from(until.duration_since(now.wall)).unwrap_or_default();
    if left > CREDENTIAL_LEFT_MIN {
        Ok(format!("the first to end is that of {account}, at {until}"))
    } else {
        Err(format!("the credential of {account} ends at {until}, and was not renewed"))
    }
}

#[cfg(test)]
mod tests;
