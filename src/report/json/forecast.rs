//! A forecast as JSON.

use crate::forecast::{Forecast, Wait, Whole};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Foreseen<'a> {
    calls: Calls,
    budget: Budget,
    begins_at: Option<String>,
    lasts_seconds: Option<u64>,
    done_at: Option<String>,
    waits_for: Option<&'static str>,
    interrupted_by: Option<&'static str>,
    once_released: bool,
    /// Of all plans only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lanes: Vec<Lane<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lane<'a> {
    account: &'a str,
    region_id: &'a str,
    #[serde(flatten)]
    forecast: Foreseen<'a>,
}

#[derive(Serialize)]
struct Calls {
    detach: u64,
    attach: u64,
    confirm: u64,
    verify: u64,
    total: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Budget {
    hour_used: u64,
    hour_limit: u64,
    day_used: u64,
    day_limit: u64,
    wanted: u64,
}

impl<'a> Foreseen<'a> {
    pub fn of(forecast: &Forecast) -> Self {
        let (calls, share) = (forecast.calls, forecast.share);
        Self {
            calls: Calls {
                detach: calls.detach,
                attach: calls.attach,
                confirm: calls.confirm,
                verify: calls.verify,
                total: calls.total(),
            },
            budget: Budget {
                hour_used: share.used.hour,
                hour_limit: share.limit.hour,
                day_used: share.used.day,
                day_limit: share.limit.day,
                wanted: share.wanted,
            },
            begins_at: forecast.begins.map(|at| at.to_string()),
            lasts_seconds: forecast.lasts(),
            done_at: forecast.done.map(|at| at.to_string()),
            waits_for: forecast.waits_for.map(Wait::as_str),
            interrupted_by: forecast.interrupted_by.map(Wait::as_str),
            once_released: forecast.once_released,
            lanes: Vec::new(),
        }
    }

    pub fn of_all(whole: &'a Whole) -> Self {
        let lanes = whole.lanes.iter().map(|(lane, forecast)| Lane {
            account: lane.account.as_str(),
            region_id: lane.region.as_str(),
            forecast: Self::of(forecast),
        });
        Self { lanes: lanes.collect(), ..Self::of(&whole.all) }
    }
}
