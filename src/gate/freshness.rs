//! No plan is carried out on an old observation.

use super::{Refusal, Rule, Situation};
use crate::plan::Plan;

pub(super) fn check(plan: &Plan, situation: &Situation<'_>) -> Option<Refusal> {
    let limit = situation.bounds.observation_max_age;
    let age = situation.now.since(plan.observed_at());
    (age > limit && !plan.actions().is_empty()).then(|| Refusal {
        rule: Rule::Freshness,
        message: format!(
            "the observation is {} s old, and at most {} s are allowed",
            age.as_secs(),
            limit.as_secs()
        ),
        way_out: "plan again; if reading takes that long, raise `limits.readsPerSecond` or \
                  `limits.observationMaxAge` in the configuration"
            .to_owned(),
    })
}
