//! `limits`: what the gate allows and how fast calls go; of all accounts, or of one.

use super::reader::Reader;
use crate::attempt;
use crate::gate::Bounds;
use crate::model::Amount;
use crate::retry::limiter::Rates;
use std::time::Duration;

/// Reads the map; what is absent keeps its value.
pub(super) fn read(reader: &mut Reader<'_>, bounds: &mut Bounds, calls: &mut attempt::Limits) {
    reader.inside("limits", |limits| {
        limits.parsed("maxDetach", &mut bounds.max_detach, amount);
        limits.number("minDetach", &mut bounds.min_detach);
        limits.parsed_or_null("maxDetachCeiling", &mut bounds.max_detach_ceiling, amount);
        limits.parsed("maxShrink", &mut bounds.max_shrink, amount);
        limits.inside("budget", |budget| {
            budget.number("hour", &mut bounds.budget.hour);
            budget.number("day", &mut bounds.budget.day);
        });
        let age = &mut bounds.observation_max_age;
        limits.duration("observationMaxAge", age, Duration::from_secs(1));
        limits.inside("writesPerSecond", |rates| read_rates(rates, &mut calls.writes));
        limits.inside("readsPerSecond", |rates| read_rates(rates, &mut calls.reads));
        limits.count("concurrency", &mut calls.concurrency, 1..=1024);
    });
}

fn read_rates(reader: &mut Reader<'_>, rates: &mut Rates) {
    reader.rate("start", &mut rates.start);
    reader.rate("max", &mut rates.max);
}

fn amount(text: &str) -> Result<Amount, String> {
    text.parse().map_err(|error: crate::model::AmountError| error.to_string())
}
