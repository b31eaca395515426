//! `resume`: let calls go on.

use super::record;
use super::target::{Which, doubt, quoted};
use super::{Exit, Failure, Globals, logging, setup, terminal};
use crate::clock::Clock as _;
use crate::gate;
use crate::journal::{self, JournalError, PauseFile};
use crate::ledger::Ledger;
use crate::ledger::event::{Cause, Event, Pause, Resume, Target};
use crate::model::{Scope, printable};
use clap::Args;
use jiff::{Timestamp, Unit};
use std::collections::BTreeMap;
use std::path::Path;

/// Let calls go on that `pause`, a spent budget or a wrong place stopped
///
/// Ends every pause within the account, region or VPC that is named, or all of them. Links that an undo
/// gave back stay, until another revision is accepted or their VPC is named here (--region and --vpc). A
/// wider pause stays, and so does the file `pause` in the state folder.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    classiclinkd resume\n  \
    classiclinkd resume --region cn-hangzhou --reason looked-at-history")]
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
    let target = which.target()?;
    warn_of_file(&folder);
    // A folder that cannot be looked into is another mistake, which opening the journal names.
    if matches!(folder.join(journal::FILE).try_exists(), Ok(false)) {
        return Err(JournalError::Missing { path: folder.display().to_string() }.into());
    }
    let look = || journal::look(&folder, setup::clock().now());
    let resume = Resume { target: target.clone(), by: journal::user(), reason };
    let ended = within(&resume, &look()?.ledger);
    if ended.is_empty() {
        terminal::out("nothing was paused\n")?;
    } else {
        record::release(&folder, Event::Resumed(resume)).await?;
        terminal::out(&ended.concat())?;
    }
    let ledger = look()?.ledger;
    let (wider, doubt) = (around(&target, &ledger), doubt(&target, &ledger));
    let doubt = doubt.filter(|_| ended.is_empty());
    for note in wider.into_iter().chain(kept(&ledger)).chain(doubt) {
        terminal::note(&format!("note: {note}"));
    }
    Ok(Exit::Clean)
}

/// What goes on with a resume, a line each.
fn within(resume: &Resume, ledger: &Ledger) -> Vec<String> {
    let pauses = ledger.pauses().filter(|(_, pause)| resume.ends(&pause.target, pause));
    let pauses = pauses.map(|(since, pause)| format!("resumed: {}\n", told(since, pause)));
    let holds = ledger.holds().filter(|(scope, _, _)| resume.ends_hold_of(scope));
    let holds = holds.map(|(scope, instance, hold)| {
        format!(
            "no longer kept: {instance} at {scope}, which undo {} of {} gave back at {}\n",
            hold.run,
            printable(&hold.of),
            second(hold.since)
        )
    });
    pauses.chain(holds).collect()
}

/// Pauses that concern a target and stay: those that go further, and what people paused inside it.
fn around(target: &Target, ledger: &Ledger) -> Vec<String> {
    let concerns = |of: &Target| of.contains(target) || target.contains(of);
    let left = ledger.pauses().filter(|(_, pause)| concerns(&pause.target));
    let said = left.map(|(since, pause)| {
        format!(
            "still paused: {}; end that with: {}",
            told(since, pause),
            gate::resume(&pause.target)
        )
    });
    said.collect()
}

/// What undos keep still, a line a VPC.
fn kept(ledger: &Ledger) -> Vec<String> {
    let mut scopes: BTreeMap<&Scope, usize> = BTreeMap::new();
    for (scope, ..) in ledger.holds() {
        *scopes.entry(scope).or_default() += 1;
    }
    let said = scopes.into_iter().map(|(scope, count)| {
        let noun = if count == 1 { "link" } else { "links" };
        format!(
            "kept: {count} {noun} of {scope} that an undo gave back; list what should stay, or let them \
             be taken again with: {}",
            gate::resume(&Target::Scope(scope.clone()))
        )
    });
    said.collect()
}

/// A pause in words.
pub(super) fn told(since: Timestamp, pause: &Pause) -> String {
    let by = match pause.cause {
        Cause::Operator => printable(&pause.by),
        Cause::Budget => "the budget".to_owned(),
        Cause::WrongPlace => "a wrong place".to_owned(),
    };
    let reason =
        pause.reason.as_deref().map_or_else(String::new, |r| format!(": {}", printable(r)));
    format!("{} since {} by {by}{reason}", pause.target, second(since))
}

/// A time to the second, as people read it.
pub(super) fn second(at: Timestamp) -> Timestamp {
    at.round(Unit::Second).unwrap_or(at)
}

fn warn_of_file(folder: &Path) {
    if let Some(said) = PauseFile::of(folder).said() {
        let said = if said.is_empty() { said } else { format!(" ({})", printable(&said)) };
        terminal::note(&format!(
            "note: the file `{}` in the state folder stops ALL calls{said}; remove it with: rm {}",
            PauseFile::NAME,
            quoted(&folder.join(PauseFile::NAME))
        ));
    }
}
