//! SIGTERM and SIGINT: the first ends in order, the second at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code of a process that a second signal ended: 128 + SIGINT, as shells say it.
const ENDED_AT_ONCE: i32 = 130;

/// The signals that end the process.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes over the signals.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn take_over() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => (),
            _ = self.interrupt.recv() => (),
        }
    }
}

/// Cancels `stop` at the first signal and ends the process at the second.
pub async fn stop_on_signals(mut signals: Signals, stop: CancellationToken) {
    signals.next().await;
    tracing::info!("asked to end; calls in flight are waited for, a second signal ends at once");
    stop.cancel();
    signals.next().await;
    std::process::exit(ENDED_AT_ONCE);
}
