//! What went on over the last day: `/api/v1/trend`.

use super::{Server, answer};
use crate::board::{Board, Sample};
use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;

/// Samples of the last while, for the status.
pub(super) const GLANCE: usize = 60;

pub(super) async fn trend(State(server): State<Arc<Server>>) -> Response {
    answer::value(&server, |shown| value(&shown.board, None)).await
}

/// The samples, or the last ones of them.
pub(super) fn value(board: &Board, most: Option<usize>) -> Value {
    let (step, samples) = {
        let trend = board.trend();
        let skipped = most.map_or(0, |most| trend.samples().len().saturating_sub(most));
        (trend.step_seconds(), trend.samples().skip(skipped).copied().collect::<Vec<Sample>>())
    };
    let one = |sample: &Sample| {
        json!({
            "at": sample.at.to_string(),
            "passes": sample.passes,
            "failedPasses": sample.failed,
            "converged": sample.converged,
            "unexpected": sample.unexpected,
            "missing": sample.missing,
        })
    };
    json!({"stepSeconds": step, "samples": samples.iter().map(one).collect::<Vec<_>>()})
}
