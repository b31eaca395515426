//! What goes on beside the loop: operators are listened to, and old entries are forgotten.

use crate::cli::setup;
use crate::clock::Clock;
use crate::control;
use crate::journal::Journal;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Lets operators ask, over a socket in the state folder.
pub(super) fn listen(
    state: &setup::State,
    stop: &CancellationToken,
) -> mpsc::Receiver<control::Order> {
    let (orders, asked) = mpsc::channel(16);
    if let Some(folder) = state.folder() {
        let folder = folder.path().to_owned();
        let served =
            control::serve(folder, state.journal.clone(), orders, setup::clock(), stop.clone());
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
pub(super) fn forget_old(
    journal: Journal,
    retention: Duration,
    clock: &Arc<dyn Clock>,
    stop: &CancellationToken,
) {
    let (clock, stop) = (Arc::clone(clock), stop.clone());
    tokio::spawn(async move { every_day(journal, retention, clock, stop).await });
}

async fn every_day(
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
