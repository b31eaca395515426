//! Forecasts of several accounts and regions, put together.

use super::{Ask, Calls, Forecast, Terms, of};
use crate::model::Lane;
use std::collections::BTreeMap;

/// All plans of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// Every call; the share of the budget where most of it is spent; from the first begin to the
    /// last end.
    pub all: Forecast,
    /// By account and region, which share nothing.
    pub lanes: BTreeMap<Lane, Forecast>,
}

/// Forecasts every plan; `None` where they want nothing. The terms of a lane are those of its first plan.
pub fn together<'a>(plans: impl IntoIterator<Item = (Lane, &'a (Terms, Ask))>) -> Option<Whole> {
    let mut by_lane: BTreeMap<Lane, (&Terms, Vec<Ask>)> = BTreeMap::new();
    for (lane, (terms, ask)) in plans {
        by_lane.entry(lane).or_insert((terms, Vec::new())).1.push(ask.clone());
    }
    let lanes: BTreeMap<Lane, Forecast> = by_lane
        .into_iter()
        .filter_map(|(lane, (terms, asks))| Some((lane, of(terms, &asks)?)))
        .collect();
    let all = all(&lanes)?;
    Some(Whole { all, lanes })
}

fn all(lanes: &BTreeMap<Lane, Forecast>) -> Option<Forecast> {
    let first = lanes.values().min_by_key(|of| (of.begins.is_none(), of.begins))?;
    let fullest = lanes.values().max_by_key(|of| {
        let share = of.share;
        // Without a limit that could be divided by, any detach is too many.
        let nothing = if share.wanted > 0 { u64::MAX } else { 0 };
        share.of_hour().unwrap_or(nothing).max(share.of_day().unwrap_or(nothing))
    })?;
    let last = lanes.values().max_by_key(|of| (of.done.is_none(), of.done))?;
    let stuck = lanes.values().find(|of| of.done.is_none());
    let why = |of: &Forecast| of.interrupted_by.or(of.waits_for);
    Some(Forecast {
        calls: lanes.values().fold(Calls::default(), |sum, of| sum.and(of.calls)),
        share: fullest.share,
        begins: first.begins,
        waits_for: first.waits_for,
        interrupted_by: match stuck {
            Some(of) => first.begins.and_then(|_| why(of)),
            None => lanes.values().find_map(|of| of.interrupted_by),
        },
        done: last.done,
        once_released: lanes.values().any(|of| of.once_released),
    })
}
