//! `status`: how things stand, by the journal alone.

use super::findings::{Findings, Waiting, is_used};
use super::form::Form;
use super::run::LISTEN;
use super::{Exit, Failure, Globals, logging, setup, terminal};
use crate::clock::Moment;
use crate::config::Config;
use crate::journal::{self, Past, PauseFile, StateDir};
use crate::ledger::event::{Accepted, Approval, Pause, RestoredHold};
use crate::ledger::{Budget, Spent, Unsettled};
use crate::model::{InstanceId, Lane, PerAccount, Scope, printable};
use clap::Args;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::path::{Path, absolute};

mod json;
mod standing;
mod text;

use standing::Standing;

/// Show whether all is converged, what is in force, paused and held, and what may still be sent
///
/// The first line says how things stand, and a line each how the VPCs of the revision in force do. Reads the journal of the state folder and nothing else: no credentials, no network, and it works
/// beside a running daemon. Limits are those of the configuration that is given here.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    classiclinkd status\n  \
    classiclinkd status --output json --state /var/lib/classiclinkd")]
pub(super) struct Options {
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    output: Form,
}

/// How things stand.
struct Status<'a> {
    folder: &'a Path,
    /// Whether what is there is what is declared.
    standing: Standing<'a>,
    now: Timestamp,
    /// Where the page of a daemon with this configuration is.
    page: Option<String>,
    /// Whether that was said to this command, and is not its default.
    is_page_told: bool,
    /// Whether the limits are those of a configuration that was named.
    is_configured: bool,
    /// Whether a process uses the state folder; `None` where that cannot be told.
    in_use: Option<bool>,
    /// The revision in force, and since when.
    accepted: Option<(&'a Accepted, Option<Timestamp>)>,
    /// What the pause file says, if there is one.
    pause_file: Option<String>,
    pauses: Vec<(Timestamp, &'a Pause)>,
    budget: PerAccount<Budget>,
    spent: Vec<(Lane, Spent)>,
    waiting: Vec<Waiting<'a>>,
    /// The approvals that are not void yet, each with whether it is used.
    approvals: Vec<(&'a Approval, bool)>,
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
        let listen = config.listen.as_deref().unwrap_or(LISTEN);
        let approvals = ledger.approvals(now).map(|approval| (approval, is_used(approval, past)));
        Self {
            folder,
            standing: Standing::of(past),
            now: now.wall,
            page: (listen != "none").then(|| format!("http://{}/", printable(listen))),
            is_page_told: config.listen.is_some(),
            is_configured: false,
            in_use: StateDir::is_used(folder),
            accepted: ledger.accepted().map(|accepted| (accepted, since.map(|item| item.at))),
            pause_file: PauseFile::of(folder).said(),
            pauses: ledger.pauses().collect(),
            budget: config.bounds.map(|bounds| bounds.budget),
            spent: spent.collect(),
            waiting: Findings::of(past).waiting().collect(),
            approvals: approvals.collect(),
            kept: ledger.holds().collect(),
            unsettled: ledger.unsettled().collect(),
        }
    }

    /// Whether somebody approved a plan that waits.
    fn is_approved(&self, waiting: &Waiting<'_>) -> bool {
        self.approvals.iter().any(|(approval, used)| approval.plan == *waiting.plan && !used)
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
    let is_configured = globals.config.is_some() || !globals.set.is_empty();
    let status = Status::of(&folder, &past, &config, now);
    let is_page_told = status.is_page_told || is_configured;
    let status = Status { is_configured, is_page_told, ..status };
    terminal::out(&match options.output {
        Form::Text => text::render(&status, terminal::colour()),
        Form::Json => json::render(&status)?,
    })?;
    Ok(Exit::Clean)
}
