//! What is measured: `/metrics`.

use super::Shown;
use crate::metrics::CONTENT_TYPE;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

/// The exposition. It is made aside: it looks at files, and of thousands of VPCs it takes its time.
pub(super) async fn get(State(shown): State<Shown>) -> Response {
    match tokio::task::spawn_blocking(move || shown.metrics.text()).await {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "failed to write the metrics\n").into_response(),
    }
}
