//! `pause`: stop the calls.

use super::record;
use super::target::{Which, doubt, quoted};
use super::{Exit, Failure, Globals, logging, setup, terminal};
use crate::clock::Clock as _;
use crate::gate;
use crate::journal::{self, JournalError, PauseFile, StateDir};
use crate::ledger::event::{Cause, Event, Pause};
use crate::model::printable;
use clap::Args;
use std::path::Path;

/// Stop all calls, or those of an account, a region or a VPC, until `resume`
///
/// A running daemon with the same state folder stops within a second, calls in flight aside; it goes
/// on reading and planning. The pause is kept in the journal and outlives restarts. Where the journal
/// cannot be written, a file named `pause` in the state folder stops all calls as well.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    classiclinkd pause --reason incident-7\n  \
    classiclinkd pause --account prod --region cn-hangzhou --vpc vpc-bp67acfmxazb4p1a2b")]
pub(super) struct Options {
    #[command(flatten)]
    which: Which,
    /// Why, for those who ask later
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

pub(super) async fn main(options: Options, globals: Globals) -> Result<Exit, Failure> {
    let config = setup::config(&globals)?;
    // What goes wrong is said once, as the command's own error.
    logging::start(&config, "off")?;
    let folder = setup::state_folder(&config)?;
    let Options { which, reason } = options;
    let pause =
        Pause { target: which.target()?, cause: Cause::Operator, by: journal::user(), reason };
    let is_new = !folder.join(journal::FILE).exists();
    let written =
        write(&folder, pause.clone()).await.map_err(|error| otherwise(&folder, &error))?;
    let reason =
        pause.reason.as_deref().map_or_else(String::new, |r| format!(": {}", printable(r)));
    terminal::out(&format!(
        "paused: {} by {}{reason}\nlet the calls go on with: {}\n",
        pause.target,
        printable(&pause.by),
        gate::resume(&pause.target)
    ))?;
    for doubt in doubts(&folder, is_new).into_iter().chain(written) {
        terminal::note(&format!("note: {doubt}"));
    }
    Ok(Exit::Clean)
}

/// Writes it down, durably; gives what is doubtful about its target.
async fn write(folder: &Path, pause: Pause) -> Result<Option<String>, JournalError> {
    StateDir::make(folder)?;
    let target = pause.target.clone();
    record::pause(folder, Event::Paused(pause)).await?;
    let past = journal::look(folder, setup::clock().now())?;
    Ok(doubt(&target, &past.ledger))
}

/// A pause in the wrong folder stops nobody, and must not look as if it did.
fn doubts(folder: &Path, is_new: bool) -> Vec<String> {
    let shown = folder.display();
    let mut doubts = Vec::new();
    if is_new {
        doubts.push(format!(
            "there was no journal in {shown}, so there is one now; if a daemon runs with another \
             state folder, it goes on: name that one with --state"
        ));
    }
    if StateDir::is_used(folder) == Some(false) {
        doubts.push(format!(
            "no process uses the state folder {shown} now; the next one that does is paused"
        ));
    }
    doubts
}

/// What a person can do who needs calls to stop now.
fn otherwise(folder: &Path, error: &JournalError) -> Failure {
    let file = quoted(&folder.join(PauseFile::NAME));
    Failure(format!(
        "{error}\nthis pause is not written down; to stop ALL calls all the same, make the file \
         `{}` in the state folder, as the user that runs the daemon: touch {file}",
        PauseFile::NAME
    ))
}
