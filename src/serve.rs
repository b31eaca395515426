//! Health, metrics, status as JSON, and the status page. Read-only; the daemon writes on the [`Board`].

use crate::board::Board;
use crate::clock::Clock;
use crate::metrics::Metrics;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

mod health;
mod metrics;
mod status;

const PAGE: &str = include_str!("serve/page.html");
const SCRIPT: &str = include_str!("serve/page.js");
const STYLE: &str = include_str!("serve/page.css");

/// What the routes need.
#[derive(Clone)]
pub struct Shown {
    /// What the daemon says.
    pub board: Board,
    /// What is measured.
    pub metrics: Metrics,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// Serves until cancelled.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    shown: Shown,
    listener: TcpListener,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let loopback = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
    let served = axum::serve(listener, router(shown, loopback));
    served.with_graceful_shutdown(stop.cancelled_owned()).await
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

fn router(shown: Shown, loopback: bool) -> Router {
    let asset = |kind: &'static str, text: &'static str| {
        get(move || async move { ([(header::CONTENT_TYPE, kind)], text) })
    };
    Router::new()
        .route("/", asset("text/html; charset=utf-8", PAGE))
        .route("/page.js", asset("text/javascript; charset=utf-8", SCRIPT))
        .route("/page.css", asset("text/css; charset=utf-8", STYLE))
        .route("/metrics", get(metrics::get))
        .route("/api/v1/status", get(api_status))
        .layer(middleware::from_fn_with_state(loopback, guard))
        // Behind the guard's back: a probe names the host as it likes.
        .merge(health::routes())
        .with_state(shown)
}

/// Refuses names that a page of somebody else's could be rebound to, and sends the headers that
/// keep a browser from doing anything but showing the page.
async fn guard(State(loopback): State<bool>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let mut response = if loopback && !host.is_some_and(names_loopback) {
        let text = "this server answers to localhost only\n";
        (StatusCode::MISDIRECTED_REQUEST, text).into_response()
    } else {
        next.run(request).await
    };
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                  base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn names_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

async fn api_status(State(shown): State<Shown>) -> Response {
    axum::Json(status::value(&shown.board, shown.clock.now())).into_response()
}

#[cfg(test)]
mod tests {
    use super::names_loopback;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in ["localhost", "localhost:9108", "127.0.0.1:9108", "[::1]:9108", "127.9.9.9"] {
            assert!(names_loopback(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "10.0.0.1:80",
            "[2001:db8::1]:1",
            "127.0.0.1.evil",
        ] {
            assert!(!names_loopback(host), "{host}");
        }
    }
}
