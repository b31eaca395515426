//! `history`: what was done, when, why, and on whose commit.

use super::form::Form;
use super::{Exit, Failure, Globals, logging, setup, terminal};
use crate::history::{self, Filter, Record, When};
use crate::journal;
use crate::model::{AccountName, InstanceId, Region, RunId, VpcId, printable};
use crate::report::history::{json, text};
use clap::Args;
use jiff::{SignedDuration, Timestamp};

/// How far back it looks where nobody says otherwise.
const USUALLY: When = When::Ago(SignedDuration::from_hours(24));

/// Tell what was done: by which run, when, why, on whose commit, under which request ids
///
/// Reads the journal of the state folder, also beside a running daemon; needs no credentials and no
/// network. One line a deed, the newest last; with --run or --instance, a second one with the reason,
/// the plan and the cloud's request ids. Exit code 0, also where nothing is found, or 1.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    classiclinkd history\n  \
    classiclinkd history --since 7d --outcome failed\n  \
    classiclinkd history --instance i-bp67acfmxazb4p0001\n  \
    classiclinkd history --run r1042 --output json")]
pub(super) struct Options {
    /// From then on: how long ago (15m, 24h, 7d), or when (2026-11-23T05:00:00Z) [default: 24h;
    /// with --run or --instance, the beginning]
    #[arg(long, value_name = "TIME", value_parser = When::parse)]
    since: Option<When>,
    /// Up to then
    #[arg(long, value_name = "TIME", value_parser = When::parse)]
    until: Option<When>,
    /// About this instance
    #[arg(long, value_name = "I")]
    instance: Option<InstanceId>,
    /// About this VPC
    #[arg(long, value_name = "V")]
    vpc: Option<VpcId>,
    /// Of this account of the configuration
    #[arg(long, value_name = "A")]
    account: Option<AccountName>,
    /// In this region
    #[arg(long, value_name = "R")]
    region: Option<Region>,
    /// Done by this run, such as r1042
    #[arg(long, value_name = "RUN", value_parser = run_id)]
    run: Option<RunId>,
    /// Deeds that ended so: converged, blocked, failed, unknown, open, not-sent, continued
    #[arg(long, value_name = "WORD")]
    outcome: Option<String>,
    /// Begun runs, plans that the gate held, and forgotten entries, too
    #[arg(long)]
    all: bool,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    output: Form,
}

fn run_id(text: &str) -> Result<RunId, String> {
    RunId::parse(text).ok_or_else(|| {
        format!("`{}` is no run; write its id as `history` shows it: r1042", printable(text))
    })
}

pub(super) fn main(options: Options, globals: &Globals) -> Result<Exit, Failure> {
    let config = setup::config(globals)?;
    logging::start(&config, "warn")?;
    let now = setup::clock().now();
    let past = journal::look(&setup::state_folder(&config)?, now)?;
    let (output, closely) = (options.output, options.is_close());
    let filter = options.filter(now.wall);
    let records = history::of(&past.items);
    let found: Vec<&Record> = records.iter().filter(|record| filter.takes(record)).collect();
    if found.is_empty() {
        terminal::note(&nothing(&filter, past.items.len()));
    }
    terminal::out(&match output {
        Form::Text => text::render(found, closely),
        Form::Json => json::render(found),
    })?;
    Ok(Exit::Clean)
}

impl Options {
    /// Whether somebody looks at one link or one run, of which every detail and all of the past counts.
    fn is_close(&self) -> bool {
        self.instance.is_some() || self.run.is_some()
    }

    fn filter(self, now: Timestamp) -> Filter {
        let since = self.since.or((!self.is_close()).then_some(USUALLY));
        let Self { since: _, until, instance, vpc, account, region, run, outcome, all, output: _ } =
            self;
        Filter {
            since: since.map(|since| since.from(now)),
            until: until.map(|until| until.from(now)),
            instance,
            vpc,
            account,
            region,
            run,
            outcome: outcome.map(|word| word.replace('-', " ")),
            all,
        }
    }
}

/// Says what was looked at, and how to look further.
fn nothing(filter: &Filter, entries: usize) -> String {
    let since = match filter.since {
        Some(since) => format!(" since {}; look further back with --since 30d", text::time(since)),
        None => String::new(),
    };
    format!("nothing that was asked for is in the journal ({entries} entries){since}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        options: Options,
    }

    fn filter(typed: &[&str]) -> Filter {
        let now = "2026-11-23T05:00:00Z".parse().unwrap();
        Typed::parse_from([&["history"], typed].concat()).options.filter(now)
    }

    #[test]
    fn a_day_is_told_unless_somebody_looks_closely() {
        let since = |typed: &[&str]| filter(typed).since.map(|since| since.to_string());
        let day = Some("2026-11-22T05:00:00Z".to_owned());
        assert_eq!((since(&[]), since(&["--vpc", "vpc-a"])), (day.clone(), day.clone()));
        assert_eq!((since(&["--instance", "i-1"]), since(&["--run", "r7"])), (None, None));
        assert_eq!(since(&["--run", "r7", "--since", "24h"]), day);
    }

    #[test]
    fn an_outcome_of_two_words_is_typed_as_one() {
        let typed = filter(&["--outcome", "not-sent"]);
        assert_eq!(typed.outcome.as_deref(), Some(crate::history::Deed::NOT_SENT));
    }
}
