//! `run`: the daemon.

use super::{Exit, Failure, Globals, Manifests, apply, logging, setup};
use crate::apply::{Newest, Progress};
use crate::board::Board;
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::{BEAT, Daemon, Intake, Said, Signals, Supervisor, Warned, stop_on_signals};
use crate::manifest::Shelf;
use crate::metrics::Counts;
use crate::notification::Notifier;
use crate::source::Origin;
use clap::Args;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

mod beside;
mod page;

/// Where the status page listens if nobody says otherwise.
pub(super) const LISTEN: &str = "127.0.0.1:9108";

/// How long a pass goes on in which links only wait; the next one takes them up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Keep the links equal to the manifests: the daemon
///
/// Watches the manifests, looks at every scope each interval, detaches what is not listed, and
/// verifies. SIGTERM and Ctrl-C end it in order (calls in flight are waited for, 10 s at most); a
/// second one ends it at once.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    classiclinkd run --manifests /srv/gitops/manifests --config /etc/classiclinkd/config.yaml\n  \
    classiclinkd run --git https://git.example.com/infra/links.git --ref main --path manifests\n  \
    classiclinkd run --manifests manifests/ --once")]
pub(super) struct Options {
    #[command(flatten)]
    manifests: Manifests,
    /// One pass over every scope, then end; the exit code says what is left
    #[arg(long)]
    once: bool,
}

pub(super) async fn main(options: Options, globals: Globals) -> Result<Exit, Failure> {
    let config = setup::config(&globals)?;
    logging::start(&config, "info")?;
    let origin = options.manifests.origin(&config)?;
    if options.once {
        return apply::once(&origin, config).await;
    }
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signals(Signals::take_over()?, stop.clone()));
    daemon(&origin, config, stop, |_| ()).await
}

/// Runs the daemon until it is stopped; `listening` hears the URL of the status page.
pub(super) async fn daemon(
    origin: &Origin,
    mut config: Config,
    stop: CancellationToken,
    listening: impl FnOnce(Option<String>),
) -> Result<Exit, Failure> {
    let clock = setup::clock();
    let (started, counts) = (clock.now().wall, Counts::default());
    let supervisor = Supervisor::find(|name| std::env::var_os(name), std::process::id());
    let supervisor = supervisor.map_err(Failure)?;
    let clients = setup::clients(&mut config, &clock).await?;
    let clients: setup::Clients =
        clients.into_iter().map(|(name, way)| (name, way.counted_by(&counts))).collect();
    let state = setup::state_if_possible(&config, &clock).await?;
    let board = Board::new(config.interval);
    let bound = page::bind(&config).await?;
    let (lanes, reads) = setup::reads(&config, &clients, &clock);
    let random = fastrand::Rng::with_seed(setup::seed());
    let (readings, wake) = origin.watch(config.source, Arc::clone(&clock), random, stop.clone());
    let (sinks, sender) = (&config.notifications, setup::sender());
    let notifier = Notifier::start(sinks, &board, &sender, &clock, setup::seed())?;
    let intake = intake(&config, origin, &state, &board, &clock)?;
    let parts = setup::Parts {
        lanes: Arc::clone(&lanes),
        reads,
        clients,
        state: &state,
        newest: Newest::following(intake.newest()).as_read(readings.clone()),
        progress: Progress::default(),
        patience: Some(PATIENCE),
        clock: Arc::clone(&clock),
        stop: stop.clone(),
    };
    let orders = beside::listen(&state, &stop);
    beside::forget_old(state.journal.clone(), config.retention, &clock, &stop);
    let circumstances = state.circumstances(&config, &clock);
    let estate = setup::estate(&config, parts);
    let notifications = notifier.counters();
    let measured = page::Measured { counts: counts.clone(), lanes, started, notifications };
    let shown = page::shown(&config, &state, &estate, &board, measured, &clock)?;
    listening(bound.map(|bound| page::start(shown, bound, &stop)));
    let daemon = Daemon {
        estate,
        intake,
        readings,
        wake,
        interval: config.interval,
        beat: supervisor.beat(BEAT),
        workers: config.workers,
        board: board.clone(),
        counts,
        clock,
        random: fastrand::Rng::with_seed(setup::seed()),
        stop,
        said: Said::new(),
        circumstances,
        heard: state.journal.books().follow(),
        orders,
        warned: Warned::default(),
    };
    tracing::info!(manifests = %origin, interval = ?config.interval, "watching");
    let told = tokio::spawn(supervisor.follow(board, daemon.stop.clone()));
    let ended = daemon.run().await;
    // Both end with the loop; that somebody hears of it is worth a moment.
    notifier.end().await;
    let _told = told.await;
    ended.map_err(Failure)?;
    tracing::info!("ended in order");
    Ok(Exit::Clean)
}

/// Takes in revisions.
fn intake(
    config: &Config,
    origin: &Origin,
    state: &setup::State,
    board: &Board,
    clock: &Arc<dyn Clock>,
) -> Result<Intake, Failure> {
    // A revision that cannot be written down is planned by all the same; nothing is sent.
    let journal = state.journal.books().trouble().is_none().then(|| state.journal.clone());
    let intake = Intake::new(
        journal,
        state.circumstances(config, clock),
        origin.name()?,
        config.ceilings(),
        board.clone(),
        state.accepted.clone(),
        Shelf::default(),
    );
    Ok(intake.with(origin.history()))
}
