//! `run`: the daemon.

use super::{Exit, Failure, Globals, Manifests, apply, logging, setup};
use crate::apply::{Newest, Progress, Writes};
use crate::board::Board;
use crate::clock::Clock;
use crate::config::Config;
use crate::control;
use crate::daemon::{
    BEAT, Daemon, Estate, Intake, Said, Signals, Supervisor, Warned, stop_on_signals,
};
use crate::journal::Journal;
use crate::metrics::{Counts, Metrics, Sources};
use crate::model::AccountName;
use crate::notification::Notifier;
use crate::observe::Reads;
use crate::serve::{self, Shown};
use crate::source;
use clap::Args;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Where the status page listens if nobody says otherwise.
const LISTEN: &str = "127.0.0.1:9108";

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
    let folder = &options.manifests.manifests;
    if options.once {
        return apply::once(folder, config).await;
    }
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signals(Signals::take_over()?, stop.clone()));
    daemon(folder, config, stop, |_| ()).await
}

/// Runs the daemon until it is stopped; `listening` hears the URL of the status page.
pub(super) async fn daemon(
    folder: &Path,
    mut config: Config,
    stop: CancellationToken,
    listening: impl FnOnce(Option<String>),
) -> Result<Exit, Failure> {
    let clock = setup::clock();
    let (started, counts) = (clock.now().wall, Counts::default());
    let supervisor = Supervisor::find(|name| std::env::var_os(name), std::process::id());
    let supervisor = supervisor.map_err(Failure)?;
    let clients = setup::clients(&mut config, &clock)?;
    let clients: setup::Clients =
        clients.into_iter().map(|(name, way)| (name, way.counted_by(&counts))).collect();
    let state = setup::state_if_possible(&config, &clock).await?;
    // A revision that cannot be written down is planned by all the same; nothing is sent.
    let journal = state.journal.books().trouble().is_none().then(|| state.journal.clone());
    let board = Board::new(config.interval);
    let page = bind_page(&config).await?;
    let (lanes, reads) = setup::reads(&config, &clients, &clock);
    let metrics = Metrics::new(Sources {
        counts: counts.clone(),
        board: board.clone(),
        lanes: Arc::clone(&lanes),
        accounts: clients.keys().cloned().collect(),
        journal: state.journal.clone(),
        pause_file: state.pause_file.clone(),
        budget: config.bounds.budget,
        started,
        clock: Arc::clone(&clock),
    });
    let readings =
        source::watch(folder.to_owned(), config.source, Arc::clone(&clock), stop.clone());
    let (sinks, sender) = (&config.notifications, setup::sender());
    let notifier = Notifier::start(sinks, &board, &sender, &clock, setup::seed())?;
    let intake = Intake::new(
        journal,
        state.circumstances(&config, &clock),
        setup::root(folder)?,
        config.ceilings(),
        board.clone(),
        state.accepted.clone(),
    );
    let parts = setup::Parts {
        lanes,
        reads,
        clients,
        state: &state,
        newest: Newest::following(intake.newest()).as_read(readings.clone()),
        progress: Progress::default(),
        patience: Some(PATIENCE),
        clock: Arc::clone(&clock),
        stop: stop.clone(),
    };
    let clock_of_day = Arc::clone(&clock);
    let orders = listen(&state, &stop);
    let estate = setup::estate(&config, parts);
    let shown = shown(&config, &state, &estate, &board, metrics, &clock)?;
    listening(page.map(|page| start_page(shown, page, &stop)));
    let daemon = Daemon {
        estate,
        intake,
        readings,
        interval: config.interval,
        beat: supervisor.beat(BEAT),
        workers: config.workers,
        board: board.clone(),
        counts,
        clock,
        random: fastrand::Rng::with_seed(setup::seed()),
        stop,
        said: Said::new(),
        circumstances: state.circumstances(&config, &clock_of_day),
        heard: state.journal.books().follow(),
        orders,
        warned: Warned::default(),
    };
    tokio::spawn(forget_old(
        state.journal.clone(),
        config.retention,
        Arc::clone(&clock_of_day),
        daemon.stop.clone(),
    ));
    tracing::info!(folder = %folder.display(), interval = ?config.interval, "watching");
    let told = tokio::spawn(supervisor.follow(board, daemon.stop.clone()));
    let ended = daemon.run().await;
    // Both end with the loop; that somebody hears of it is worth a moment.
    notifier.end().await;
    let _told = told.await;
    ended.map_err(Failure)?;
    tracing::info!("ended in order");
    Ok(Exit::Clean)
}

/// Lets operators ask, over a socket in the state folder.
fn listen(state: &setup::State, stop: &CancellationToken) -> mpsc::Receiver<control::Order> {
    let (orders, asked) = mpsc::channel(16);
    if let Some(folder) = state.folder() {
        let folder = folder.path().to_owned();
        let served = control::serve(folder, state.journal.clone(), orders, stop.clone());
        tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::warn!(
                    %error,
                    "no control socket in the state folder: `reconcile` cannot be asked for, and what \
                     operators say is taken from the journal"
                );
            }
        });
    }
    asked
}

/// Forgets entries of the journal that are old enough, every day.
async fn forget_old(
    journal: Journal,
    retention: Duration,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let day = Duration::from_secs(24 * 3600);
    // Not at the start: a clock that is wrong then may be right a day later.
    while stop.run_until_cancelled(tokio::time::sleep(day)).await.is_some() {
        match journal.prune(clock.now().before(retention).wall).await {
            Ok(0) => (),
            Ok(forgotten) => tracing::info!(forgotten, "old entries of the journal are forgotten"),
            Err(error) => tracing::warn!(%error, "old entries of the journal are not forgotten"),
        }
    }
}

/// What the status page shows.
fn shown<R, W>(
    config: &Config,
    state: &setup::State,
    estate: &Estate<R, W>,
    board: &Board,
    metrics: Metrics,
    clock: &Arc<dyn Clock>,
) -> Result<Shown, Failure> {
    let quarantine = |(name, (_, writes)): (&AccountName, &(Reads<R>, Writes<W>))| {
        (name.clone(), writes.quarantine.clone())
    };
    Ok(Shown {
        board: board.clone(),
        metrics,
        clock: Arc::clone(clock),
        interval: config.interval,
        circumstances: state.circumstances(config, clock),
        quarantines: estate.accounts.iter().map(quarantine).collect(),
        state: setup::state_folder(config)?,
        hosts: config.hosts.clone(),
    })
}

/// Binds the status page, if there is to be one, before anything else is begun.
async fn bind_page(config: &Config) -> Result<Option<(TcpListener, SocketAddr)>, Failure> {
    match config.listen.as_deref().unwrap_or(LISTEN) {
        "none" => Ok(None),
        address => serve::bind(address).await.map(Some).map_err(Failure),
    }
}

/// Serves the status page in the background, and gives its URL.
fn start_page(
    shown: Shown,
    (listener, bound): (TcpListener, SocketAddr),
    stop: &CancellationToken,
) -> String {
    let url = format!("http://{bound}/");
    tracing::info!(url, "the status page listens");
    let stop = stop.clone();
    tokio::spawn(async move {
        if let Err(error) = serve::serve(shown, listener, stop).await {
            tracing::error!(%error, "the status page has ended");
        }
    });
    url
}
