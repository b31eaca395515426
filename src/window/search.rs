//! When the answer changes next.

use super::{HORIZON, Kind, Window, Windows};
use jiff::Timestamp;

/// The first moment after `now` at which all places together say something else than at `now`.
///
/// Goes from edge to edge and asks again only the windows whose edge it is: over a year that is
/// some hundred steps, and nearly always it ends after one or two.
pub(super) fn next_change<'a>(
    all: impl IntoIterator<Item = &'a Windows>,
    now: Timestamp,
) -> Option<Timestamp> {
    let last = now.checked_add(HORIZON).unwrap_or(Timestamp::MAX);
    let mut places: Vec<Vec<Cursor<'_>>> =
        all.into_iter().map(|place| place.iter().map(|of| Cursor::at(of, now)).collect()).collect();
    let before = is_open(&places);
    loop {
        let next = places.iter().flatten().filter_map(|cursor| cursor.edge).min()?;
        if next > last {
            return None;
        }
        for cursor in places.iter_mut().flatten().filter(|cursor| cursor.edge == Some(next)) {
            *cursor = Cursor::at(cursor.window, next);
        }
        if is_open(&places) != before {
            return Some(next);
        }
    }
}

fn is_open(places: &[Vec<Cursor<'_>>]) -> bool {
    places.iter().all(|place| {
        let of = |kind| place.iter().filter(move |cursor| cursor.window.kind == kind);
        let denied = of(Kind::Deny).any(|cursor| cursor.open);
        let allowed = of(Kind::Allow).next().is_none() || of(Kind::Allow).any(|cursor| cursor.open);
        allowed && !denied
    })
}

/// A window at a moment.
struct Cursor<'a> {
    window: &'a Window,
    open: bool,
    /// The first later moment at which `open` may be something else.
    edge: Option<Timestamp>,
}

impl<'a> Cursor<'a> {
    fn at(window: &'a Window, now: Timestamp) -> Self {
        let offset = window.zone.to_offset(now);
        let civil = offset.to_datetime(now);
        // Up to the next change of the zone's offset, its clock runs evenly, so an edge of civil
        // time is one moment. At the change the clock jumps, over edges or back behind them.
        let jump = window.zone.following(now).next().map(|change| change.timestamp());
        let edge = window.rule.next_edge(civil).and_then(|edge| offset.to_timestamp(edge).ok());
        let edge = jump.into_iter().chain(edge).min();
        Self { window, open: window.rule.holds(civil), edge }
    }
}
