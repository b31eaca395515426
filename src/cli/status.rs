//! `status`: how things stand, by the journal alone.

use super::findings::{Findings, Waiting};
use super::{Exit, Failure, Globals, logging, setup, terminal};
use crate::clock::Moment;
use crate::config::Config;
use crate::journal::{self, Past, PauseFile, StateDir};
use crate::ledger::event::{Accepted, Approval, Pause, RestoredHold};
use crate::ledger::{Budget, Spent, Unsettled};
use crate::model::{InstanceId, Lane, Scope};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::path::{Path, absolute};

mod json;
mod text;

/// Show what is in force, what is paused, what is held, and what may still be sent
///
/// Reads the journal of the state folder and nothing else: no credentials, no network, and it works
/// beside a running daemon. Limits are those of the configuration that is given here.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    classiclinkd status\n  \
    classiclinkd status --output json --state /var/lib/classiclinkd")]
pub(super) struct Options {
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Output {
    /// For a terminal
    #[default]
    Text,
    /// Versioned and stable
    Json,
}

/// How things stand.
struct Status<'a> {
    folder: &'a Path,
    /// Whether a process uses the state folder; `None` where that cannot be told.
    in_use: Option<bool>,
    /// The revision in force, and since when.
    accepted: Option<(&'a Accepted, Option<Timestamp>)>,
    /// What the pause file says, if there is one.
    pause_file: Option<String>,
    pauses: Vec<(Timestamp, &'a Pause)>,
    budget: Budget,
    spent: Vec<(Lane, Spent)>,
    waiting: Vec<Waiting<'a>>,
    approvals: Vec<&'a Approval>,
    kept: Vec<(&'a Scope, &'a InstanceId, &'a RestoredHold)>,
    unsettled: Vec<&'a Unsettled>,
}

impl<'a> Status<'a> {
    fn of(folder: &'a Path, past: &'a Past, config: &Config, now: Moment) -> Self {
        let ledger = &past.ledger;
        let accepted_by = ledger.accepted_by();
        let since = past.items.iter().find(|item| Some(item.seq) == accepted_by);
        let lanes: BTreeSet<Lane> =
            ledger.passes().map(|(_, passed)| passed.scope.lane()).collect();
        let spent = lanes.into_iter().map(|lane| {
            let spent = ledger.spent(&lane, now);
            (lane, spent)
        });
        Self {
            folder,
            in_use: StateDir::is_used(folder),
            accepted: ledger.accepted().map(|accepted| (accepted, since.map(|item| item.at))),
            pause_file: PauseFile::of(folder).said(),
            pauses: ledger.pauses().collect(),
            budget: config.bounds.budget,
            spent: spent.collect(),
            waiting: Findings::of(past).waiting().collect(),
            approvals: ledger.approvals(now).collect(),
            kept: ledger.holds().collect(),
            unsettled: ledger.unsettled().collect(),
        }
    }

    /// Whether somebody approved a plan that waits.
    fn is_approved(&self, waiting: &Waiting<'_>) -> bool {
        self.approvals.iter().any(|approval| approval.plan == *waiting.plan)
    }

    /// How many links are protected.
    fn protected(&self) -> usize {
        self.accepted.map_or(0, |(accepted, _)| accepted.protected.len())
    }
}

pub(super) fn main(options: &Options, globals: &Globals) -> Result<Exit, Failure> {
    let config = setup::config(globals)?;
    logging::start(&config, "warn")?;
    let (folder, now) = (absolute(setup::state_folder(&config)?)?, setup::clock().now());
    let past = journal::look(&folder, now)?;
    let status = Status::of(&folder, &past, &config, now);
    terminal::out(&match options.output {
        Output::Text => text::render(&status, terminal::colour()),
        Output::Json => json::render(&status)?,
    })?;
    Ok(Exit::Clean)
}
