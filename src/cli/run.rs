//! `run`: the daemon.

use super::{Exit, Failure, Globals, Manifests, apply, setup};
use crate::apply::{Newest, Progress};
use crate::board::Board;
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::{BEAT, Daemon, Intake, Said, Signals, Warned, stop_on_signals};
use crate::journal::Journal;
use crate::serve::{self, Shown};
use crate::source;
use clap::Args;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
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
    setup::logging(&config, "info")?;
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
    let clients = setup::clients(&mut config, &clock)?;
    let state = setup::state_if_possible(&config, &clock).await?;
    // A revision that cannot be written down is planned by all the same; nothing is sent.
    let journal = state.journal.books().trouble().is_none().then(|| state.journal.clone());
    let board = Board::new(config.interval);
    let page = bind_page(&config).await?;
    let readings =
        source::watch(folder.to_owned(), config.source, Arc::clone(&clock), stop.clone());
    let intake = Intake::new(
        journal,
        state.circumstances(&config, &clock),
        setup::root(folder)?,
        config.ceilings(),
        board.clone(),
        state.accepted.clone(),
    );
    let (lanes, reads) = setup::reads(&config, &clients, &clock);
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
    let estate = setup::estate(&config, parts);
    let quarantines = estate.accounts.iter();
    let shown = Shown {
        board: board.clone(),
        clock: Arc::clone(&clock),
        interval: config.interval,
        circumstances: state.circumstances(&config, &clock),
        quarantines: quarantines
            .map(|(name, (_, of))| (name.clone(), of.quarantine.clone()))
            .collect(),
        state: setup::state_folder(&config)?,
        hosts: config.hosts.clone(),
    };
    listening(page.map(|page| start_page(shown, page, &stop)));
    let daemon = Daemon {
        estate,
        intake,
        readings,
        interval: config.interval,
        beat: BEAT,
        workers: config.workers,
        board,
        clock,
        random: fastrand::Rng::with_seed(setup::seed()),
        stop,
        said: Said::new(),
        circumstances: state.circumstances(&config, &clock_of_day),
        heard: state.journal.books().follow(),
        warned: Warned::default(),
    };
    tokio::spawn(forget_old(
        state.journal.clone(),
        config.retention,
        Arc::clone(&clock_of_day),
        daemon.stop.clone(),
    ));
    tracing::info!(manifests = %folder.display(), interval = ?config.interval, "watching");
    daemon.run().await.map_err(Failure)?;
    tracing::info!("ended in order");
    Ok(Exit::Clean)
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
