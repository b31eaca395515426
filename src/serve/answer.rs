//! Answers as JSON, refusals included.

use super::{Server, Shown};
use crate::model::{Revision, Scope};
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;

/// A refusal, with a sentence that says what is wrong and what to do.
pub(super) fn refuse(status: StatusCode, why: impl Into<String>) -> Response {
    (status, Json(json!({"error": why.into()}))).into_response()
}

/// Text that is JSON already.
pub(super) fn text(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// Builds an answer off the threads that passes run on: of a large estate that takes a while.
pub(super) async fn built(
    server: &Arc<Server>,
    build: impl FnOnce(&Shown) -> Response + Send + 'static,
) -> Response {
    // Never closed; if it were, building without a limit would still be right.
    let _place = server.builds.acquire().await;
    let shared = Arc::clone(server);
    match tokio::task::spawn_blocking(move || build(&shared.shown)).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "an answer of the status page was not built");
            refuse(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be built; see the log")
        }
    }
}

/// As [`built`], for a value.
pub(super) async fn value(
    server: &Arc<Server>,
    build: impl FnOnce(&Shown) -> Value + Send + 'static,
) -> Response {
    built(server, |shown| Json(build(shown)).into_response()).await
}

/// An object with the members of a scope and `more`.
pub(super) fn of_scope(scope: &Scope, more: Value) -> Value {
    let mut object = crate::report::history::json::scope(scope);
    extend(&mut object, more);
    object
}

/// Puts the members of `more` into an object.
pub(super) fn extend(object: &mut Value, more: Value) {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
}

/// A revision, or null.
pub(super) fn revision(revision: Option<&Arc<Revision>>) -> Value {
    revision.map(|revision| crate::report::history::json::revision(revision)).unwrap_or_default()
}
