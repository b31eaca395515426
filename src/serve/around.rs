//! What stands around scopes: windows, budgets, ages.

use super::Shown;
use crate::clock::Moment;
use crate::desired::Tree;
use crate::gate::Bounds;
use crate::model::{Lane, PerAccount, Scope};
use crate::window::{State, Windows};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Each window, by itself.
pub(super) fn windows(windows: &Windows, now: Timestamp) -> Vec<Value> {
    let one = windows.iter().map(|window| {
        json!({
            "kind": window.kind().as_str(),
            "spec": window.text(),
            "timezone": window.zone(),
            "open": window.is_open(now),
            "changesAt": Windows::next_change_of(window, now).map(|at| at.to_string()),
        })
    });
    one.collect()
}

/// The accounts that have windows of their own, instead of those of all.
pub(super) fn own_windows(bounds: &PerAccount<Bounds>, now: Timestamp) -> Vec<Value> {
    let own = bounds.own().filter(|(_, own)| own.windows != bounds.common.windows);
    let own = own.map(|(account, own)| {
        json!({
            "account": account.as_str(),
            "windows": windows(&own.windows, now),
            "changes": changes(&own.windows, now),
        })
    });
    own.collect()
}

/// Whether the windows of one place let changes be made.
pub(super) fn changes(windows: &Windows, now: Timestamp) -> Value {
    let (allowed, closed_by, changes_at) = match windows.state(now) {
        State::Open { closes } => (true, None, closes),
        State::Closed { by, opens } => (false, Some(by), opens),
    };
    json!({
        "allowed": allowed,
        "closedBy": closed_by,
        "changesAt": changes_at.map(|at| at.to_string()),
    })
}

/// What is spent of the budget of each account and region that the revision in force declares.
pub(super) fn budgets(shown: &Shown, tree: Option<&Tree>, now: Moment) -> Vec<Value> {
    let lanes: BTreeSet<Lane> =
        tree.into_iter().flat_map(|tree| tree.scopes.keys()).map(Scope::lane).collect();
    // One by one, so that the gate never waits for all of them.
    let one = lanes.iter().map(|lane| {
        let limit = shown.circumstances.bounds.of(&lane.account).budget;
        let spent = shown.circumstances.books.read(|ledger| ledger.spent(lane, now));
        json!({
            "account": lane.account.as_str(),
            "regionId": lane.region.as_str(),
            "hourUsed": spent.hour,
            "hourLimit": limit.hour,
            "dayUsed": spent.day,
            "dayLimit": limit.day,
        })
    });
    one.collect()
}

/// When a scope was read.
pub(super) fn read(at: Moment, now: Moment) -> Value {
    json!({"readAt": at.wall.to_string(), "ageSeconds": now.since(at).as_secs()})
}
