//! Health, the state as JSON, events, and the status page. Read-only; the daemon writes on the
//! [`Board`].

use crate::apply::{Circumstances, Quarantine};
use crate::board::Board;
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::model::AccountName;
use axum::Router;
use axum::extract::FromRef;
use axum::http::{StatusCode, Uri, header};
use axum::middleware;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

mod accept;
mod answer;
mod around;
mod events;
mod guard;
mod guests;
mod health;
mod held;
mod metrics;
mod page;
mod past;
mod patient;
mod refusals;
mod scopes;
mod status;
#[cfg(test)]
mod tests;
mod trend;

use answer::refuse;

/// The routes of the API, for programs: OpenAPI 3.1.
pub const OPENAPI: &str = include_str!("serve/openapi.json");

/// Answers built at the same time: each of a large estate takes some megabytes.
const BUILDS_MAX: usize = 4;

/// What the routes need.
#[derive(Clone)]
pub struct Shown {
    /// What the daemon says.
    pub board: Board,
    /// What is measured.
    pub metrics: Metrics,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Full pass per scope.
    pub interval: Duration,
    /// Bounds, and what the past means for them.
    pub circumstances: Circumstances,
    /// The links in quarantine, by account.
    pub quarantines: BTreeMap<AccountName, Quarantine>,
    /// The folder of the journal.
    pub state: PathBuf,
    /// Names to answer to, beside those of the address.
    pub hosts: BTreeSet<String>,
}

/// What is shown, and what answering takes.
struct Server {
    shown: Shown,
    shelf: past::Shelf,
    streams: Arc<Semaphore>,
    builds: Semaphore,
    stop: CancellationToken,
}

impl FromRef<Arc<Server>> for Shown {
    fn from_ref(server: &Arc<Server>) -> Self {
        server.shown.clone()
    }
}

/// Serves until cancelled; then answers in flight get a moment to end, and event streams end at once.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    shown: Shown,
    listener: TcpListener,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let bound = listener.local_addr()?.ip();
    accept::serve(listener, router(shown, bound, stop.clone()), accept::LIMITS, stop).await;
    Ok(())
}

/// Binds the address of the status page.
///
/// # Errors
/// What, why and what to do, as a sentence.
pub async fn bind(address: &str) -> Result<(TcpListener, SocketAddr), String> {
    let fail = |error: std::io::Error| {
        format!(
            "listen on {address} for the status page: {error}; give another address with --listen, \
             or --listen none"
        )
    };
    let listener = TcpListener::bind(address).await.map_err(fail)?;
    let bound = listener.local_addr().map_err(fail)?;
    Ok((listener, bound))
}

/// The routes of the API: each stands in `openapi.json`, and a test holds them to it.
fn api() -> Vec<(&'static str, MethodRouter<Arc<Server>>)> {
    vec![
        ("/api/v1/status", get(status::status)),
        ("/api/v1/scopes", get(scopes::list)),
        ("/api/v1/scopes/{account}/{region}/{vpc}", get(scopes::one)),
        ("/api/v1/plan", get(refusals::plan)),
        ("/api/v1/refusals", get(refusals::refusals)),
        ("/api/v1/runs", get(past::runs)),
        ("/api/v1/history", get(past::history)),
        ("/api/v1/trend", get(trend::trend)),
        ("/api/v1/events", get(events::events)),
        ("/api/v1/openapi.json", asset("application/json", OPENAPI)),
    ]
}

fn asset(kind: &'static str, text: &'static str) -> MethodRouter<Arc<Server>> {
    get(move || async move { ([(header::CONTENT_TYPE, kind)], text) })
}

fn router(shown: Shown, bound: IpAddr, stop: CancellationToken) -> Router {
    let names = guard::Names::new(bound, shown.hosts.clone());
    let metrics = Router::new().route("/metrics", get(metrics::get));
    let parts = page::PARTS.iter().map(|(path, kind, text)| (*path, asset(kind, text)));
    let all = parts.chain(api()).fold(metrics, |all, (path, route)| all.route(path, route));
    let server = Server {
        shelf: past::Shelf::new(shown.state.clone()),
        streams: Arc::new(Semaphore::new(events::STREAMS_MAX)),
        builds: Semaphore::new(BUILDS_MAX),
        shown,
        stop,
    };
    let room = held::Room::new(held::HELD_MAX);
    let hold = middleware::from_fn_with_state(room, held::hold);
    all.fallback(unknown)
        .layer(hold.clone())
        .layer(middleware::from_fn_with_state(Arc::new(names), guard::guard))
        // Behind the guard's back: a probe names the host as it likes.
        .merge(health::routes().layer(hold))
        .with_state(Arc::new(server))
}

async fn unknown(uri: Uri) -> Response {
    let path = crate::model::printable(uri.path());
    refuse(StatusCode::NOT_FOUND, format!("there is no {path}; see /api/v1/openapi.json"))
}
