//! `simtest`: the whole controller in a simulation, over and over.

use super::{Exit, Failure, terminal};
use crate::model::Digest;
use crate::simulation::{Deed, Size, Tally, Trial, Which, run};
use clap::Args;
use std::fmt::Write as _;
use std::time::Duration;

/// Run the whole controller in a simulation, one schedule after the other
///
/// Each schedule is a world of its own, in which faults come, people edit, and the process dies, all
/// drawn from a number; the rules of safety are checked at every call, and in the end everything has
/// to converge and to rest. One that breaks a rule is named by a line that runs it again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    classiclinkd simtest --seeds 0..10000\n  \
    classiclinkd simtest --pairs 1\n  \
    classiclinkd simtest --seeds 17..18 --trace")]
pub(super) struct Options {
    /// Schedules of these seeds, from the first to before the second
    #[arg(long, value_name = "A..B", value_parser = range, default_value = "0..1000",
          conflicts_with_all = ["singles", "pairs", "triples"])]
    seeds: (u64, u64),
    /// Every fault alone, so many times
    #[arg(long, value_name = "TIMES")]
    singles: Option<u64>,
    /// Every ordered pair of faults, so many times
    #[arg(long, value_name = "TIMES", conflicts_with = "singles")]
    pairs: Option<u64>,
    /// So many ordered triples of faults
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["singles", "pairs"])]
    triples: Option<u64>,
    /// With these faults, in this order, in the place of those that the seed draws
    #[arg(long, value_name = "FAULT,...", value_delimiter = ',', value_parser = deed)]
    faults: Option<Vec<Deed>>,
    /// VPCs of a world, at most
    #[arg(long, value_name = "N", default_value_t = 3)]
    vpcs: usize,
    /// Instances of a world
    #[arg(long, value_name = "N", default_value_t = 24)]
    instances: usize,
    /// Schedules side by side [default: one a core]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Stop after that long
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Stop after so many schedules that break a rule
    #[arg(long, value_name = "N", default_value_t = 1)]
    failures: usize,
    /// Print everything that happens
    #[arg(long)]
    trace: bool,
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let wrong = || "write two numbers, such as 0..1000".to_owned();
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    match (from.parse(), to.parse()) {
        (Ok(from), Ok(to)) if from < to => Ok((from, to)),
        _ => Err(wrong()),
    }
}

fn deed(text: &str) -> Result<Deed, String> {
    Deed::ALL.into_iter().find(|deed| deed.to_string() == text).ok_or_else(|| {
        let known: Vec<String> = Deed::ALL.iter().map(Deed::to_string).collect();
        format!("there is no such fault; these are known: {}", known.join(", "))
    })
}

pub(super) fn main(options: &Options) -> Result<Exit, Failure> {
    let size = Size { vpcs: options.vpcs.max(1), instances: options.instances.max(1) };
    if options.trace || options.faults.is_some() {
        return one_by_one(options, size);
    }
    let which = match (options.singles, options.pairs, options.triples) {
        (Some(times), _, _) => Which::Singles(times),
        (_, Some(times), _) => Which::Pairs(times),
        (_, _, Some(count)) => Which::Triples(count),
        _ => Which::Seeds(options.seeds.0, options.seeds.1),
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = options.jobs.unwrap_or(cores);
    let clock = super::setup::clock();
    let (begun, most) = (clock.now(), options.seconds.map(Duration::from_secs));
    let enough = || most.is_some_and(|most| clock.now().since(begun) >= most);
    let tally = run(&which, 1, size, jobs, options.failures.max(1), enough).map_err(Failure)?;
    terminal::out(&told(&tally, clock.now().since(begun), jobs, size))?;
    Ok(if tally.failed.is_empty() { Exit::Clean } else { Exit::Error })
}

fn one_by_one(options: &Options, size: Size) -> Result<Exit, Failure> {
    let mut exit = Exit::Clean;
    for seed in options.seeds.0..options.seeds.1 {
        let trial = Trial { seed, deeds: options.faults.clone() };
        let verdict = trial.run(size, true).map_err(Failure)?;
        let mut text = String::new();
        let lines = &verdict.findings.lines;
        for line in lines.iter().filter(|_| options.trace) {
            let _ = writeln!(text, "{line}");
        }
        for violation in &verdict.findings.violations {
            let _ = writeln!(text, "seed {seed}: {violation}");
            exit = Exit::Error;
        }
        let trace = Digest::of(lines.iter().map(String::as_bytes));
        let _ = writeln!(text, "seed {seed}: trace {}", trace.short());
        terminal::out(&text)?;
    }
    Ok(exit)
}

fn told(tally: &Tally, took: Duration, jobs: usize, size: Size) -> String {
    let mut text = String::new();
    let seconds = took.as_secs_f64().max(0.001);
    let _ = writeln!(
        text,
        "{} schedules in {seconds:.1} s, {:.0} a second with {jobs} side by side; {:.0} simulated days; {} \
         calls, {} of them writes",
        tally.trials,
        tally.trials as f64 / seconds,
        tally.simulated.as_secs_f64() / 86_400.0,
        tally.calls,
        tally.writes,
    );
    let least = tally.deeds.iter().min_by_key(|(_, count)| **count);
    if let Some((deed, count)) = least {
        let kinds = tally.deeds.len();
        let _ = writeln!(text, "{kinds} kinds of faults, each at least {count} times ({deed})");
    }
    for (trial, violations) in &tally.failed {
        for violation in violations {
            let _ = writeln!(text, "seed {}: {violation}", trial.seed);
        }
        let faults = trial.deeds.as_ref().map_or_else(String::new, |deeds| {
            let deeds: Vec<String> = deeds.iter().map(Deed::to_string).collect();
            format!(" --faults {}", deeds.join(","))
        });
        let (seed, next) = (trial.seed, trial.seed.saturating_add(1));
        let _ = writeln!(
            text,
            "again: classiclinkd simtest --seeds {seed}..{next}{faults} --vpcs {} --instances {} --trace",
            size.vpcs, size.instances
        );
    }
    if tally.failed.is_empty() {
        text.push_str("no rule was broken\n");
    }
    text
}
