//! Detaching a thousand links, against a client that never waits.

use crate::goal::{Goal, Row};
use crate::process::{Cloud, DETACH, Place, UNLIMITED, between};
use std::time::Duration;

const LATENCY: Duration = Duration::from_millis(20);
/// The default of `limits.concurrency`.
const CONCURRENCY: f64 = 16.0;

pub fn a_thousand_stale_links() -> Vec<Row> {
    let place = Place::new(4, "detach", 10);
    let cloud = Cloud::of(&place, 250, &["latency=20ms"]);
    place.start(&cloud, &["apply", "--yes"], &UNLIMITED).ends();
    let calls = cloud.calls(0);
    let detaches: Vec<_> = calls.iter().filter(|call| call.action == DETACH).collect();
    assert_eq!(detaches.len(), 1_000, "{}", place.logged());
    let of = |number: usize| number as f64 * LATENCY.as_secs_f64() * 1_000.0 / CONCURRENCY;
    let span = |first, last| between(first, last) + LATENCY;
    let sending = span(detaches[0].at, detaches[detaches.len() - 1].at);
    let whole = span(calls[0].at, calls[calls.len() - 1].at);
    vec![
        Row::time("1,000 detaches, first to last", sending, Goal::AtMost(1.15))
            .against(of(detaches.len())),
        Row::time(format!("the same with every read, {} calls", calls.len()), whole, Goal::None)
            .ideally(of(calls.len())),
    ]
}
