//! `undo`: give back what a run, or a span of time, took.

use super::plan::Output;
use super::progress::{Live, Shown};
use super::proposals::side_by_side;
use super::{Exit, Failure, Globals, logging, setup, terminal};
use crate::apply::{Current, Newest, Progress, Run};
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::{Estate, Signals, stop_on_signals};
use crate::desired::Tree;
use crate::gate::{Rule, resume};
use crate::history::When;
use crate::journal;
use crate::ledger::Unsettled;
use crate::ledger::event::{Event, Restored, Target};
use crate::ledger::taken::{Span, Taken, is_known, taken};
use crate::model::{Digest, InstanceId, Revision, RunId, Scope, Verb, printable};
use crate::outcome::VISIBLE_WITHIN;
use crate::reconcile::undo::{self, GivingBack};
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

mod show;

/// How often a link is looked at that was detached a moment ago.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Give back the links that a run, or a span of time, took
///
/// Shows first what can be given back and what cannot, and why; asks; then attaches exactly that. The
/// links are held from before the first call until another revision is accepted or `resume` names their VPC, so
/// that no pass takes them again meanwhile. Works beside a running daemon, and while calls are paused.
/// Exit codes: 0 all given back, 2 some could not be, 3 held by the gate, 1 error.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    classiclinkd history\n  \
    classiclinkd undo r1042\n  \
    classiclinkd undo --since 15m --yes")]
pub(super) struct Options {
    /// Which run, as `history` names it
    #[arg(value_name = "RUN", conflicts_with = "since", required_unless_present = "since")]
    run: Option<String>,
    /// Everything that was detached since then: how long ago, such as 15m, or when
    #[arg(long, value_name = "TIME", value_parser = When::parse)]
    since: Option<When>,
    /// Only this instance; may be repeated
    #[arg(long, value_name = "INSTANCE")]
    instance: Vec<String>,
    /// Do not ask; needed where nobody can be asked
    #[arg(long)]
    yes: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

pub(super) async fn main(options: Options, globals: Globals) -> Result<Exit, Failure> {
    let mut config = setup::config(&globals)?;
    logging::start(&config, "warn")?;
    let clock = setup::clock();
    let span = span(&options, &*clock)?;
    let past = journal::look(&setup::state_folder(&config)?, clock.now())?;
    let all = past.items.iter().map(|item| (item.seq, item.at, &item.event));
    if let Span::Run(run) = span
        && !is_known(all.clone().map(|(seq, _, event)| (seq, event)), run)
    {
        return Err(Failure(format!(
            "there is no run {run} in the journal; `classiclinkd history` names the runs"
        )));
    }
    let mut taken = taken(all, span);
    only(&mut taken, &options.instance)?;
    if taken.is_empty() {
        terminal::note(&format!("{span} took no link, so there is nothing to give back"));
        return Ok(Exit::Clean);
    }
    within_ceilings(&taken, &config)?;
    let undoing = Undoing::prepare(&mut config, span).await?;
    let giving = undoing.propose(&taken).await?;
    let wanted: usize = giving.iter().map(|giving| giving.held().count()).sum();
    if wanted > 0 && !options.yes {
        consent(&show::text(span, &giving), wanted)?;
    }
    let giving = undoing.carry_out(giving, &taken).await?;
    terminal::out(&match options.output {
        Output::Json => show::json(span, &giving),
        Output::Text | Output::Markdown => show::text(span, &giving),
    })?;
    Ok(exit(&giving))
}

fn span(options: &Options, clock: &dyn Clock) -> Result<Span, Failure> {
    if let Some(text) = &options.run {
        let named = RunId::parse(text).map(Span::Run);
        return named.ok_or_else(|| {
            Failure(format!("`{}` is not a run; write one such as r1042", printable(text)))
        });
    }
    let since = options.since.ok_or_else(|| Failure("give a run, or --since".to_owned()))?;
    Ok(Span::Since(since.from(clock.now().wall)))
}

/// An undo reaches no further than manifests may.
fn within_ceilings(taken: &Taken, config: &Config) -> Result<(), Failure> {
    let ceilings = config.ceilings();
    let outside = |scope: &&Scope| ceilings.get(&scope.account).is_none_or(|of| !of.allows(scope));
    match taken.keys().find(outside) {
        None => Ok(()),
        Some(scope) => Err(Failure(format!(
            "links of {scope} were taken, and that is outside what the configuration lets account `{}` \
             manage; give the configuration that it was taken with",
            scope.account
        ))),
    }
}

fn only(taken: &mut Taken, instances: &[String]) -> Result<(), Failure> {
    let wanted: BTreeSet<InstanceId> =
        instances.iter().map(|text| InstanceId::parse(text)).collect::<Result<_, _>>()?;
    let was_taken = |id: &&InstanceId| taken.values().any(|ids| ids.contains(*id));
    if let Some(other) = wanted.iter().find(|id| !was_taken(id)) {
        return Err(Failure(format!(
            "{other} was not taken then; `classiclinkd history --instance {other}` says what was done to it"
        )));
    }
    if !wanted.is_empty() {
        taken.values_mut().for_each(|ids| ids.retain(|id| wanted.contains(id)));
        taken.retain(|_, ids| !ids.is_empty());
    }
    Ok(())
}

fn consent(shown: &str, wanted: usize) -> Result<(), Failure> {
    terminal::note(shown);
    if !terminal::can_ask() {
        return Err(Failure(format!(
            "links that can be given back: {wanted}, and nobody can be asked here; give --yes"
        )));
    }
    if terminal::consents("Give them back?") {
        Ok(())
    } else {
        Err(Failure("no consent, so nothing was done".to_owned()))
    }
}

/// What an undo needs.
struct Undoing {
    estate: Estate<setup::Way, setup::Way>,
    state: setup::State,
    revision: Arc<Revision>,
    span: Span,
    workers: usize,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
}

impl Undoing {
    async fn prepare(config: &mut Config, span: Span) -> Result<Self, Failure> {
        let clock = setup::clock();
        let clients = setup::clients(config, &clock).await?;
        let state = setup::state_or_beside(config, &clock).await?;
        let stop = CancellationToken::new();
        tokio::spawn(stop_on_signals(Signals::take_over()?, stop.clone()));
        let in_force = state
            .journal
            .books()
            .read(|ledger| ledger.accepted().map(|accepted| accepted.revision.clone()));
        let revision = Arc::new(in_force.unwrap_or(Revision::of_content(Digest::of([]))));
        // What the manifests say does not hold an undo up.
        let tree = Arc::new(Tree { revision: Arc::clone(&revision), scopes: BTreeMap::new() });
        let (_, newest) = watch::channel(Current { tree, unsettled: true, reading: 0 });
        let (lanes, reads) = setup::reads(config, &clients, &clock);
        let parts = setup::Parts {
            lanes,
            reads,
            clients,
            state: &state,
            newest: Newest::following(newest),
            progress: Progress::default(),
            patience: None,
            clock: Arc::clone(&clock),
            stop: stop.clone(),
        };
        let estate = setup::estate(config, parts);
        let workers = config.workers;
        Ok(Self { estate, state, revision, span, workers, clock, stop })
    }

    /// A run that goes on would take more, behind our back.
    fn stands_still(&self, taken: &Taken) -> Result<(), Failure> {
        let moving = self.state.journal.books().read(|ledger| {
            let paused = |scope: &Scope| ledger.paused(scope).is_some();
            let calls = ledger.unsettled().map(|call| &call.scope);
            calls.filter(|scope| taken.contains_key(*scope) && !paused(scope)).min().cloned()
        });
        match moving {
            Some(scope) if self.state.is_shared() && self.state.pause_file.said().is_none() => {
                let pause = resume(&Target::Scope(scope.clone())).replacen("resume", "pause", 1);
                Err(Failure(format!(
                    "calls are under way at {scope}, and would go on; stop them first with: {pause}; an undo \
                     works while they are paused"
                )))
            }
            _ => Ok(()),
        }
    }

    async fn propose(&self, taken: &Taken) -> Result<Vec<GivingBack>, Failure> {
        self.stands_still(taken)?;
        let of = &self.span.to_string();
        let mut looks = Vec::new();
        for (scope, ids) in taken {
            let (reads, writes) = self.estate.accounts.get(&scope.account).ok_or_else(|| {
                Failure(format!(
                    "account `{}` is not in the configuration, and its links were taken; add it",
                    scope.account
                ))
            })?;
            let circumstances = &writes.circumstances;
            let look = undo::propose(reads, circumstances, (scope, ids), &self.revision, of);
            looks.push((scope.lane(), look));
        }
        let looks = side_by_side(looks, self.workers);
        let interrupted = || Failure("interrupted, nothing was done".to_owned());
        let mut giving = self.stop.run_until_cancelled(looks).await.ok_or_else(interrupted)?;
        giving.sort_by(|a, b| a.scope.cmp(&b.scope));
        Ok(giving)
    }

    async fn carry_out(
        &self,
        giving: Vec<GivingBack>,
        taken: &Taken,
    ) -> Result<Vec<GivingBack>, Failure> {
        let allowed = giving.iter().filter(|giving| giving.refusals.is_empty());
        let links: BTreeSet<_> = allowed.flat_map(GivingBack::held).collect();
        if links.is_empty() {
            return Ok(giving);
        }
        let run = Arc::new(Run::of("undo"));
        let restored = Restored {
            run: run.begin(&self.state.journal).await?,
            of: self.span.to_string(),
            by: journal::user(),
            links,
            revision: self.revision.digest.clone(),
        };
        self.state.journal.append(Event::Restored(restored)).await?;
        let giving = self.settled(giving, taken).await?;
        let run = &run;
        let back = giving.into_iter().map(|giving| {
            let lane = giving.scope.lane();
            let back = async move {
                match self.estate.accounts.get(&giving.scope.account) {
                    Some((reads, writes)) => {
                        undo::carry_out(reads, writes, giving, Arc::clone(run)).await
                    }
                    None => giving,
                }
            };
            (lane, back)
        });
        let mut done = side_by_side(back.collect(), self.workers).await;
        done.sort_by(|a, b| a.scope.cmp(&b.scope));
        Ok(done)
    }

    /// A link whose detach no read has shown yet may be listed still: it is not there because of that.
    /// Waits until it is gone, or has stayed for as long as a cloud may take to show it.
    async fn settled(
        &self,
        mut giving: Vec<GivingBack>,
        taken: &Taken,
    ) -> Result<Vec<GivingBack>, Failure> {
        let mut live = None;
        loop {
            let now = self.clock.now().wall;
            let going: BTreeSet<(Scope, InstanceId)> = self.state.journal.books().read(|ledger| {
                let shows_yet = |call: &&Unsettled| {
                    let age = Duration::try_from(now.duration_since(call.at)).unwrap_or_default();
                    call.verb == Verb::Detach && age < VISIBLE_WITHIN
                };
                let calls = ledger.unsettled().filter(shows_yet);
                calls.map(|call| (call.scope.clone(), call.instance.clone())).collect()
            });
            let there =
                |of: &GivingBack, id: &InstanceId| going.contains(&(of.scope.clone(), id.clone()));
            if !giving.iter().any(|of| of.there.iter().any(|id| there(of, id))) {
                return Ok(giving);
            }
            live.get_or_insert_with(|| {
                Live::start(Arc::clone(&self.clock), |_| {
                    Shown::Waiting("waiting until the detaches of a moment ago show")
                })
            });
            tokio::time::sleep(LOOK_AGAIN).await;
            giving = self.propose(taken).await?;
        }
    }
}

fn exit(giving: &[GivingBack]) -> Exit {
    let refused = |giving: &GivingBack| {
        let rule = giving.refusals.iter().map(|refusal| refusal.rule).max();
        match rule {
            Some(Rule::Journal) => Exit::Error,
            Some(_) => Exit::Held,
            None if !giving.cannot.is_empty() => Exit::Pending,
            None if giving.applied.iter().all(|applied| applied.outcome.is_converged()) => {
                Exit::Clean
            }
            None => Exit::Pending,
        }
    };
    let severity = |exit: &Exit| match exit {
        Exit::Error => 4,
        Exit::Partial => 3,
        Exit::Held => 2,
        Exit::Pending => 1,
        Exit::Clean => 0,
    };
    giving.iter().map(refused).max_by_key(severity).unwrap_or(Exit::Clean)
}
