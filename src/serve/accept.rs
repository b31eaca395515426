//! Takes connections in, within bounds: so many at a time, a request head within so long, an answer
//! within so long, and nobody who takes nothing is waited for. `axum::serve` has none of these.

use super::guests::{Guests, Place};
use super::patient::Patient;
use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What one server takes on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// Connections at a time from one address, loopback excepted.
    pub of_one_peer: usize,
    /// How long a request's head may take, the wait for it included.
    pub head: Duration,
    /// How long a peer may take nothing of an answer.
    pub stall: Duration,
    /// How long sending an answer may take in all; event streams have no end.
    pub answer: Duration,
    /// How long answers in flight may take after the server was asked to stop.
    pub grace: Duration,
}

/// What the status page takes on.
pub(super) const LIMITS: Limits = Limits {
    connections: 256,
    of_one_peer: 64,
    head: Duration::from_secs(10),
    stall: Duration::from_secs(30),
    answer: Duration::from_secs(60),
    grace: Duration::from_secs(1),
};

/// Longest head of a request, in bytes.
const HEAD_MAX: usize = 16 * 1024;
/// How long to rest when no connection can be taken in, as when there are no descriptors left.
const REST: Duration = Duration::from_secs(1);

/// What is answered where every place is taken by a request under way; nothing is read for it.
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
    let guests = Guests::new(limits.connections, limits.of_one_peer);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => match guests.seat(peer.ip(), limits.answer) {
                Some(place) => {
                    connections.spawn(one(stream, router.clone(), limits, stop.clone(), place));
                }
                // Best effort: a peer that cannot take a few bytes at once learns it from the end.
                None => drop(stream.try_write(FULL)),
            },
            Err(error) => {
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
    place: Place,
) {
    // An answer is one small write: waiting for more of it would only add latency.
    let _slower = stream.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(HEAD_MAX);
    let io = TokioIo::new(Patient::new(stream, limits.stall, place.visit.clone()));
    let (routes, visit) = (TowerToHyperService::new(router), place.visit.clone());
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Arc::new(visit.begin()));
        routes.call(request)
    });
    let connection = http.serve_connection(io, service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        // Somebody else has its place.
        () = place.leave.cancelled() => return,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the status page ended");
    }
}
