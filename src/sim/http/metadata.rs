//! The metadata service of an ECS instance, as far as credentials come from it
//! (`api-contract.md` 9): a session token, the role, and short-lived credentials of the default
//! account that the RPC face accepts.

use crate::sim::Sim;
use crate::sim::seed::default_account;
use crate::sim::switches::Metadata;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, put};
use secrecy::ExposeSecret as _;
use serde_json::json;

/// The role of the simulated instance.
pub const ROLE: &str = "sim-role";
const SESSION: &str = "sim-metadata-session";
const LIFETIME: &str = "x-aliyun-ecs-metadata-token-ttl-seconds";
const TOKEN: &str = "x-aliyun-ecs-metadata-token";

pub(super) fn routes() -> Router<Sim> {
    let roles = "/latest/meta-data/ram/security-credentials";
    Router::new()
        .route("/latest/api/token", put(session))
        .route(&format!("{roles}/"), get(role))
        .route(&format!("{roles}/{{role}}"), get(credentials))
}

type Text = Result<String, StatusCode>;

async fn session(State(sim): State<Sim>, headers: HeaderMap) -> Text {
    match sim.with(|state, _| state.switches.metadata) {
        Metadata::Disabled => Err(StatusCode::NOT_FOUND),
        _ if headers.contains_key(LIFETIME) => Ok(SESSION.to_owned()),
        _ => Err(StatusCode::BAD_REQUEST),
    }
}

fn allowed(mode: Metadata, headers: &HeaderMap) -> Result<(), StatusCode> {
    let token = headers.get(TOKEN).map(|token| token.as_bytes() == SESSION.as_bytes());
    match (mode, token) {
        (Metadata::Disabled, _) => Err(StatusCode::NOT_FOUND),
        (_, Some(false)) | (Metadata::Required, None) => Err(StatusCode::FORBIDDEN),
        _ => Ok(()),
    }
}

async fn role(State(sim): State<Sim>, headers: HeaderMap) -> Text {
    allowed(sim.with(|state, _| state.switches.metadata), &headers)?;
    Ok(ROLE.to_owned())
}

async fn credentials(State(sim): State<Sim>, Path(role): Path<String>, headers: HeaderMap) -> Text {
    allowed(sim.with(|state, _| state.switches.metadata), &headers)?;
    if role != ROLE {
        return Err(StatusCode::NOT_FOUND);
    }
    let account = default_account().ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(sim.with(|state, now| {
        let issued = state.issue(now, account);
        let time = |time: jiff::Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        json!({
            "Code": "Success",
            "AccessKeyId": issued.id,
            "AccessKeySecret": issued.secret.expose_secret(),
            "SecurityToken": issued.token.expose_secret(),
            "Expiration": time(issued.end),
            "LastUpdated": time(issued.begin),
        })
        .to_string()
    }))
}
