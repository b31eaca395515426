//! The status page, with what it shows.

use super::LISTEN;
use crate::apply::Writes;
use crate::attempt::Lanes;
use crate::board::Board;
use crate::cli::{Failure, setup};
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::Estate;
use crate::metrics::{Counts, Metrics, Sources};
use crate::model::AccountName;
use crate::notification::Counters;
use crate::observe::Reads;
use crate::serve::{self, Shown};
use jiff::Timestamp;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What is measured while the daemon runs, and since when.
pub(super) struct Measured {
    pub counts: Counts,
    pub lanes: Arc<Lanes>,
    pub started: Timestamp,
    pub notifications: Counters,
}

/// What the status page shows.
pub(super) fn shown<R, W>(
    config: &Config,
    state: &setup::State,
    estate: &Estate<R, W>,
    board: &Board,
    measured: Measured,
    clock: &Arc<dyn Clock>,
) -> Result<Shown, Failure> {
    let quarantine = |(name, (_, writes)): (&AccountName, &(Reads<R>, Writes<W>))| {
        (name.clone(), writes.quarantine.clone())
    };
    let Measured { counts, lanes, started, notifications } = measured;
    let metrics = Metrics::new(Sources {
        counts,
        board: board.clone(),
        lanes,
        accounts: config.accounts.keys().cloned().collect(),
        journal: state.journal.clone(),
        pause_file: state.pause_file.clone(),
        budget: config.bounds.map(|bounds| bounds.budget),
        notifications,
        interval: config.interval,
        started,
        clock: Arc::clone(clock),
    });
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
pub(super) async fn bind(config: &Config) -> Result<Option<(TcpListener, SocketAddr)>, Failure> {
    match config.listen.as_deref().unwrap_or(LISTEN) {
        "none" => Ok(None),
        address => serve::bind(address).await.map(Some).map_err(Failure),
    }
}

/// Serves the status page in the background, and gives its URL.
pub(super) fn start(
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
