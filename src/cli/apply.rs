//! `apply`: one pass over every scope, after asking.

use super::plan::Output;
use super::progress::{Calling, Live, Shown};
use super::{Exit, Failure, Globals, Manifests, logging, planfile, proposals, setup, terminal};
use crate::apply::{Circumstances, Newest, Progress, Run};
use crate::board::Board;
use crate::config::Config;
use crate::daemon::{Estate, First, Intake, Signals, first_revision, stop_on_signals};
use crate::desired::Tree;
use crate::forecast;
use crate::journal::Accepted;
use crate::manifest::Shelf;
use crate::model::{AccountName, Verb};
use crate::observe::Reads;
use crate::reconcile::{Proposal, carry_out, record};
use crate::report::{Report, Verdict, text};
use crate::source::Origin;
use clap::Args;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Carry out one pass: detach what is not listed, attach what is missing where the mode says so
///
/// Plans everything, asks the gate about everything, shows it, asks for consent, and only then
/// touches anything. With --plan, a saved plan is carried out, and refused when anything it was made
/// from has changed. Exit codes: 0 nothing left to do, 2 changes left, 3 held by the gate, 4
/// observation incomplete, 1 error.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    classiclinkd apply --manifests manifests/\n  \
    classiclinkd apply --manifests manifests/ --yes --output json\n  \
    classiclinkd apply --plan plan.json --yes")]
pub(super) struct Options {
    #[command(flatten)]
    manifests: Manifests,
    /// A plan saved with `plan --out`
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Do not ask; needed where nobody can be asked
    #[arg(long)]
    yes: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

pub(super) async fn main(options: Options, globals: Globals) -> Result<Exit, Failure> {
    let config = setup::config(&globals)?;
    logging::start(&config, "info")?;
    let saved = options.plan.as_deref().map(planfile::load).transpose()?;
    let origin = match &saved {
        Some(saved) => saved.origin(&options.manifests, &config)?,
        None => options.manifests.origin(&config)?,
    };
    if let Some(saved) = &saved {
        // Never taken from the file: signed requests go where the operator says.
        saved.same_endpoint(config.endpoint.as_deref())?;
        terminal::note(&format!("carrying out a plan that was made from {origin}"));
    }
    let pass = Pass::prepare(&origin, config).await?;
    let mut proposals = pass.propose().await?;
    if let Some(saved) = &saved {
        saved.still_holds(&proposals::report(&pass.tree, &proposals))?;
    }
    let asks = proposals.iter().any(|proposal| proposal.approved.is_some()) && !options.yes;
    if asks {
        proposals = pass.ask(proposals).await?;
    }
    // A revision that is held is in force by consent only.
    let held = proposals.iter().any(|proposal| !proposal.report.refusals.is_empty());
    let consent = options.yes || asks || !held;
    let report = pass.carry_out(proposals, consent).await?;
    options.output.print(&report)?;
    Ok(report.standing().into())
}

/// One pass over every scope.
pub(super) struct Pass {
    config: Config,
    /// How things stand once the revision is accepted.
    supposed: Circumstances,
    tree: Arc<Tree>,
    /// The revision, if it is not the last accepted one: it becomes that with consent only.
    unrecorded: Option<Accepted>,
    estate: Estate<setup::Way, setup::Way>,
    progress: Progress,
    stop: CancellationToken,
    state: setup::State,
}

impl Pass {
    /// Gets ready: credentials, journal, a settled and accepted revision that goes on being
    /// followed, signals.
    pub async fn prepare(origin: &Origin, mut config: Config) -> Result<Self, Failure> {
        let clock = setup::clock();
        let clients = setup::clients(&mut config, &clock).await?;
        let state = setup::state(&config, &clock).await?;
        let stop = CancellationToken::new();
        tokio::spawn(stop_on_signals(Signals::take_over()?, stop.clone()));
        // Whoever waits for one pass wants to hear at once that there is nothing to go by.
        if let Origin::Git(_) = origin {
            origin.read().await.map_err(|why| Failure(why.to_string()))?;
        }
        let random = fastrand::Rng::with_seed(setup::seed());
        let (readings, _) = origin.watch(config.source, Arc::clone(&clock), random, stop.clone());
        let board = Board::new(config.interval);
        let root = origin.name()?;
        let last = state.accepted.clone();
        let circumstances = state.circumstances(&config, &clock);
        let intake = Intake::new(
            None,
            circumstances.clone(),
            root.clone(),
            config.ceilings(),
            board,
            last.clone(),
            Shelf::default(),
        )
        .with(origin.history());
        let newest = Newest::following(intake.newest()).as_read(readings.clone());
        let First { tree, accepted } = first_revision(intake, readings, stop.clone())
            .await
            .map_err(|why| Failure(format!("accept the manifests in {origin}:\n{why}")))?;
        let recorded = last.is_some_and(|last| {
            (&last.root, &last.revision) == (&accepted.root, &accepted.revision)
        });
        let unrecorded = (!recorded).then_some(accepted);
        let mut supposed = circumstances;
        if let Some(accepted) = &unrecorded {
            supposed.books = supposed.books.supposing(&accepted.event(), clock.now());
        }
        let progress = Progress::default();
        let (lanes, reads) = setup::reads(&config, &clients, &clock);
        let parts = setup::Parts {
            lanes,
            reads,
            clients,
            state: &state,
            newest,
            progress: progress.clone(),
            patience: None,
            clock: Arc::clone(&clock),
            stop: stop.clone(),
        };
        let estate = setup::estate(&config, parts);
        Ok(Self { config, supposed, tree, unrecorded, estate, progress, stop, state })
    }

    /// Observes, plans and gates every scope.
    pub async fn propose(&self) -> Result<Vec<Proposal>, Failure> {
        let reads: BTreeMap<AccountName, Reads<setup::Way>> = self
            .estate
            .accounts
            .iter()
            .map(|(name, (reads, _))| (name.clone(), reads.clone()))
            .collect();
        let all = proposals::all(&self.tree, &reads, &self.supposed, self.config.workers);
        let interrupted = || Failure("interrupted, nothing was done".to_owned());
        self.stop.run_until_cancelled(all).await.ok_or_else(interrupted)
    }

    /// Shows the plans and asks. A person takes time, so the plans are made again after the answer,
    /// and must be the same.
    async fn ask(&self, proposals: Vec<Proposal>) -> Result<Vec<Proposal>, Failure> {
        let shown = proposals::report(&self.tree, &proposals);
        if !terminal::can_ask() {
            return Err(Failure(format!(
                "there are changes to carry out ({}), and nobody can be asked here; look at them with \
                 `plan`, then give --yes",
                text::sentence(shown.summary())
            )));
        }
        terminal::note(&text::render(&shown, terminal::colour_on_stderr()));
        let asked = tokio::task::spawn_blocking(|| terminal::consents("Carry this out?"));
        let consent = tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            answer = asked => answer.unwrap_or(false),
        };
        if !consent {
            return Err(Failure("no consent, so nothing was done".to_owned()));
        }
        let again = self.propose().await?;
        let fresh = proposals::report(&self.tree, &again);
        let same = fresh
            .scopes
            .iter()
            .map(|scope| &scope.digest)
            .eq(shown.scopes.iter().map(|scope| &scope.digest));
        if same {
            Ok(again)
        } else {
            Err(Failure(
                "the plan changed while it was shown, so nothing was done; run apply again"
                    .to_owned(),
            ))
        }
    }

    /// Carries out what was approved, in all scopes at once: first every detach, then every attach.
    pub async fn carry_out(
        &self,
        proposals: Vec<Proposal>,
        consent: bool,
    ) -> Result<Report, Failure> {
        if let Some(accepted) = self.unrecorded.as_ref().filter(|_| consent) {
            self.state.journal.accepted(accepted).await?;
        }
        let run = &Arc::new(Run::of("apply"));
        let _live = self.show(&proposals);
        let passes = proposals.into_iter().map(|proposal| {
            let lane = proposal.report.scope.lane();
            let pass = async move {
                match self.estate.accounts.get(&proposal.report.scope.account) {
                    Some((reads, writes)) => {
                        record(writes, &self.tree.revision, &proposal.report).await;
                        carry_out(reads, writes, proposal, Arc::clone(run)).await
                    }
                    None => proposal.report,
                }
            };
            (lane, pass)
        });
        let workers = self.config.workers;
        let reports = proposals::side_by_side(passes.collect(), workers).await;
        Ok(Report::new(Arc::clone(&self.tree.revision), reports))
    }

    /// Says how far it is, until what this gives is dropped.
    fn show(&self, proposals: &[Proposal]) -> Live {
        let approved = || proposals.iter().filter(|proposal| proposal.approved.is_some());
        let of = approved().map(|proposal| proposal.report.actions.len()).sum();
        let asks = approved().filter_map(|of| Some((of.report.scope.lane(), of.ask.as_ref()?)));
        let lasts = forecast::together(asks).and_then(|whole| whole.all.lasts());
        let lasts = lasts.map(Duration::from_secs);
        let progress = self.progress.clone();
        Live::start(setup::clock(), move |elapsed| {
            Shown::Calling(Calling { so_far: progress.so_far(), of, elapsed, lasts })
        })
    }
}

/// For `run --once`: a pass without asking.
pub(super) async fn once(origin: &Origin, config: Config) -> Result<Exit, Failure> {
    let pass = Pass::prepare(origin, config).await?;
    let proposals = pass.propose().await?;
    let report = pass.carry_out(proposals, true).await?;
    for scope in report.scopes.iter().filter(|scope| scope.verdict != Verdict::InSync) {
        for refusal in &scope.refusals {
            tracing::warn!(scope = %scope.scope, rule = %refusal.rule, way_out = refusal.way_out, "{}", refusal.message);
        }
        let (detach, attach) = (scope.count(Verb::Detach), scope.count(Verb::Attach));
        tracing::info!(scope = %scope.scope, verdict = scope.verdict.as_str(), detach, attach, "pass ended");
    }
    Output::Text.print(&report)?;
    Ok(report.standing().into())
}
