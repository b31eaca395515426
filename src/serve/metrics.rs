//! What is measured: `/metrics`.

use super::Server;
use super::answer::built;
use crate::metrics::CONTENT_TYPE;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use std::sync::Arc;

/// The exposition. It is made aside: it looks at files, and of thousands of VPCs it takes its time.
pub(super) async fn get(State(server): State<Arc<Server>>) -> Response {
    let exposition = |shown: &super::Shown| match shown.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "failed to write the metrics\n").into_response()
        }
    };
    built(&server, exposition).await
}
