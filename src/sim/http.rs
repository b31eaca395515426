//! The simulated cloud as an HTTP server that the official SDKs talk to, with a control face for
//! people under `/_sim/` and the metadata service of an instance under `/latest/`.
//!
//! It is for loopback: the control face refuses every other name (`control`), and there is no TLS.

use super::Sim;
use super::exchange::{Reply, Verdict};
use super::problem::Refusal;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::any;
use axum::serve::ListenerExt as _;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

mod control;
mod incoming;
mod metadata;
mod render;
mod sign;

use incoming::Incoming;
use render::{Format, Shape};

/// Largest body read. Requests carry their parameters, which are few.
const BODY_MAX: usize = 1 << 20;
/// How long answers in flight may take after the server was asked to stop.
const GRACE: Duration = Duration::from_secs(1);

/// The server's routes.
pub fn router(sim: Sim) -> Router {
    Router::new()
        .merge(control::routes())
        .merge(metadata::routes())
        .route("/", any(api))
        .with_state(sim)
}

/// Serves until cancelled.
///
/// # Errors
/// What the listener says.
pub async fn serve(
    sim: Sim,
    listener: TcpListener,
    stop: CancellationToken,
) -> std::io::Result<()> {
    // An answer is one small write: waiting for more of it would only add latency.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
    });
    let server =
        axum::serve(listener, router(sim)).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::select! {
        biased;
        served = server => served,
        () = async { stop.cancelled().await; tokio::time::sleep(GRACE).await } => Ok(()),
    }
}

/// The RPC face: one path for every operation.
async fn api(State(sim): State<Sim>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    // A body that breaks off or is too large cannot be signed correctly: let the check say so.
    let body = to_bytes(body, BODY_MAX).await.unwrap_or_default();
    let incoming = Incoming::new(&head, body.to_vec());
    let (verdict, format, shape, date) = sim.with(|state, now| {
        let server_time = state.server_time(now);
        let caller = sign::authenticate(state, server_time, &incoming);
        let verdict = match caller {
            Ok(caller) => {
                state.exchange(now, &caller, incoming.action(), &incoming.operation_params())
            }
            Err(refusal) => {
                let params = incoming.operation_params();
                state.turn_away(now, incoming.action(), &params, refusal)
            }
        };
        let shape = Shape::of(&state.switches, incoming.token().is_some());
        (verdict, incoming.format(), shape, render::http_date(server_time))
    });
    if !verdict.delay.is_zero() {
        tokio::time::sleep(verdict.delay).await;
    }
    let mut response = answer(&verdict, &incoming, format, &shape);
    insert(response.headers_mut(), DATE, &date);
    response
}

fn answer(verdict: &Verdict, incoming: &Incoming, format: Format, shape: &Shape) -> Response {
    let (status, body) = match &verdict.reply {
        Reply::Lost | Reply::Unreachable => return broken(),
        Reply::Html(status) => return html(*status),
        Reply::Answer(answer) => (200, render::answer(answer, &verdict.request_id, shape)),
        Reply::Refused(refusal) => {
            (refusal.status, render::refusal(refusal, &verdict.request_id, incoming.host()))
        }
    };
    let root = match &verdict.reply {
        Reply::Refused(_) => "Error".to_owned(),
        _ => format!("{}Response", incoming.action()),
    };
    let mut response = Response::new(Body::from(format.text(&root, &body)));
    *response.status_mut() = status_code(status);
    let headers = response.headers_mut();
    insert(headers, CONTENT_TYPE, format.content_type());
    insert(headers, HeaderName::from_static("x-acs-request-id"), &verdict.request_id);
    if let Reply::Refused(Refusal { wait: Some(wait), .. }) = &verdict.reply
        && let Some((name, value)) = shape.hint(*wait)
    {
        insert(headers, HeaderName::from_static(name), &value);
    }
    response
}

/// An answer that breaks off at once: the server closes the connection when the body fails, so that
/// the caller sees either nothing or a head without its body.
fn broken() -> Response {
    let failure = std::io::Error::other("told to lose the answer");
    let nothing = futures_util::stream::once(async { Err::<Vec<u8>, _>(failure) });
    let mut response = Response::new(Body::from_stream(nothing));
    insert(response.headers_mut(), CONTENT_LENGTH, "4096");
    response
}

fn html(status: u16) -> Response {
    let page = format!(
        "<html><head><title>{status}</title></head><body><h1>{status}</h1>proxy</body></html>"
    );
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status_code(status);
    insert(response.headers_mut(), CONTENT_TYPE, "text/html");
    response
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // A value that is no header comes from a switch or a request; leaving it out is the answer.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests;
