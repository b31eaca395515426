//! No plan is carried out on an old observation.

use super::{Bounds, Refusal, Rule};
use crate::clock::Moment;
use crate::plan::Plan;

pub(super) fn check(plan: &Plan, bounds: &Bounds, now: Moment) -> Option<Refusal> {
    let age = now.since(plan.observed_at());
    (age > bounds.observation_max_age && !plan.actions().is_empty()).then(|| Refusal {
        rule: Rule::Freshness,
        message: format!(
            "the observation is {} s old, and at most {} s are allowed",
            age.as_secs(),
            bounds.observation_max_age.as_secs()
        ),
        way_out: "plan again; if reading takes that long, raise `limits.readsPerSecond` or \
                  `limits.observationMaxAge` in the configuration"
            .to_owned(),
    })
}
