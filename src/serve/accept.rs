//! Takes connections in, within bounds: so many at a time, a request head within so long, and nobody
//! who takes nothing is waited for. `axum::serve` has none of these.

use super::patient::Patient;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What one server takes on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// How long a request's head may take, the wait for it included.
    pub head: Duration,
    /// How long a peer may take nothing of an answer.
    pub stall: Duration,
    /// How long answers in flight may take after the server was asked to stop.
    pub grace: Duration,
}

/// What the status page takes on.
pub(super) const LIMITS: Limits = Limits {
    connections: 256,
    head: Duration::from_secs(10),
    stall: Duration::from_secs(30),
    grace: Duration::from_secs(1),
};

/// Longest head of a request, in bytes.
const HEAD_MAX: usize = 16 * 1024;
/// How long to rest when no connection can be taken in, as when there are no descriptors left.
const REST: Duration = Duration::from_secs(1);

/// What is answered where there is no place left; nothing is read for it.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
    retry-after: 10\r\nconnection: close\r\ncontent-length: 55\r\n\r\n\
    {\"error\":\"too many connections are open; close some\"}\r\n";

/// Serves until cancelled.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        match (accepted, Arc::clone(&places).try_acquire_owned()) {
            (Ok((stream, _)), Ok(place)) => {
                connections.spawn(one(stream, router.clone(), limits, stop.clone(), place));
            }
            // Best effort: a peer that cannot take a few bytes at once learns it from the end.
            (Ok((stream, _)), Err(_)) => drop(stream.try_write(FULL)),
            (Err(error), _) => {
                tracing::warn!(%error, "the status page takes no connection in");
                stop.run_until_cancelled(tokio::time::sleep(REST)).await;
            }
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    // Those that did not end are dropped with the set.
    let _in_time = tokio::time::timeout(limits.grace, all).await;
}

async fn one(
    stream: TcpStream,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    // An answer is one small write: waiting for more of it would only add latency.
    let _slower = stream.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(HEAD_MAX);
    let io = TokioIo::new(Patient::new(stream, limits.stall));
    let connection = http.serve_connection(io, TowerToHyperService::new(router));
    tokio::pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the status page ended");
    }
}
