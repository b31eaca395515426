//! Health: `/livez` and `/readyz`, for probes.
//!
//! Any `Host` is answered: kubelet sends the address of the pod, a load balancer whatever it is told to.
//! But a page of somebody else's, whose name was rebound to this machine, learns no more than that the
//! daemon is well or not: the checks, which name VPCs and quote errors, are told only to who asks an
//! address or `localhost`, which no name can be rebound to.

use super::{Server, Shown};
use crate::board::Health;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::{Map, Value, json};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new().route("/livez", get(livez)).route("/readyz", get(readyz))
}

async fn livez(State(shown): State<Shown>, headers: HeaderMap) -> Response {
    answer(&shown.board.alive(shown.clock.now()), &headers)
}

async fn readyz(State(shown): State<Shown>, headers: HeaderMap) -> Response {
    answer(&shown.board.ready(shown.clock.now()), &headers)
}

fn answer(health: &Health, headers: &HeaderMap) -> Response {
    let status = match health.reason() {
        None => StatusCode::OK,
        Some(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let headers =
        [(header::CACHE_CONTROL, "no-store"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    let body = axum::Json(body(health, host.is_some_and(is_address)));
    (status, headers, body).into_response()
}

fn body(health: &Health, in_full: bool) -> Value {
    let word = |well: bool| if well { "ok" } else { "failing" };
    let mut body = json!({"status": word(health.reason().is_none())});
    let Some(map) = body.as_object_mut().filter(|_| in_full) else { return body };
    if let Some(reason) = health.reason() {
        map.insert("reason".to_owned(), reason.into());
    }
    let checks = health.checks.iter().map(|check| {
        let (Ok(detail) | Err(detail)) = &check.found;
        let said = json!({"status": word(check.found.is_ok()), "detail": detail});
        (check.name.to_owned(), said)
    });
    map.insert("checks".to_owned(), Value::Object(checks.collect::<Map<_, _>>()));
    body
}

/// Whether a `Host` is an address, with or without a port, or `localhost`.
fn is_address(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let name = host.split(':').next().unwrap_or_default();
    bare.parse::<IpAddr>().is_ok() || host.parse::<SocketAddr>().is_ok() || name == "localhost"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Check;

    fn health(journal: Result<&str, &str>) -> Health {
        let found = journal.map(str::to_owned).map_err(str::to_owned);
        let fine = Check { name: "loop", found: Ok("turned 0 s ago".to_owned()) };
        Health { checks: vec![fine, Check { name: "journal", found }] }
    }

    #[test]
    fn an_address_is_told_everything_and_a_name_only_how_it_is() {
        let broken = health(Err("vpc-a: disk full"));
        assert_eq!(
            body(&broken, true),
            json!({"status": "failing", "reason": "vpc-a: disk full", "checks": {
                "loop": {"status": "ok", "detail": "turned 0 s ago"},
                "journal": {"status": "failing", "detail": "vpc-a: disk full"},
            }})
        );
        assert_eq!(body(&broken, false), json!({"status": "failing"}));
        let well = body(&health(Ok("can be written")), true);
        assert_eq!((&well["status"], well.get("reason")), (&json!("ok"), None));
    }

    #[test]
    fn only_what_cannot_be_rebound_counts_as_an_address() {
        for host in [
            "10.1.2.3",
            "10.1.2.3:9108",
            "[::1]:9108",
            "[2001:db8::1]",
            "localhost",
            "localhost:80",
        ] {
            assert!(is_address(host), "{host}");
        }
        for host in
            ["", "evil.example", "localhost.evil.example", "10.1.2.3.evil:80", "[evil]", ":80"]
        {
            assert!(!is_address(host), "{host}");
        }
    }
}
