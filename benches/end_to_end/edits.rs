//! How soon a saved file is acted upon.

use crate::goal::{Goal, Row, percentile};
use crate::process::{Cloud, DETACH, Place, UNLIMITED, between, until};
use jiff::Timestamp;
use std::time::Duration;

const EDITS: usize = 100;
const SETTLE: Duration = Duration::from_millis(100);

pub fn saved_to_called() -> Vec<Row> {
    // What no edit takes stays, so that the VPC never looks like the wrong one.
    let links = EDITS + 100;
    let place = Place::new(1, "detach", links);
    let cloud = Cloud::of(&place, 0, &[]);
    // Reads at their usual rate: waiting for it is part of what is measured.
    let usual = ["limits.readsPerSecond.start=20", "limits.readsPerSecond.max=100"];
    let sets = [UNLIMITED.as_slice(), &usual, &["listen=none"]].concat();
    let _daemon = place.start(&cloud, &["run"], &sets);
    let mut last = cloud.at_rest();
    let mut times = Vec::new();
    for edit in 1..=EDITS {
        let saved = Timestamp::now();
        place.save(0, "detach", 0..links - edit);
        until("a detach", || {
            let calls = cloud.calls(last);
            let detach = calls.iter().find(|call| call.action == DETACH);
            times.extend(detach.map(|call| between(saved, call.at).saturating_sub(SETTLE)));
            detach.is_some()
        });
        // The pass verifies, and the next edit finds the daemon waiting.
        std::thread::sleep(Duration::from_millis(350));
        last = cloud.calls(last).last().map_or(last, |call| call.number);
    }
    vec![
        Row::time("settled to first detach call, median", percentile(&mut times, 0.5), Goal::None),
        Row::time("... 99th of 100", percentile(&mut times, 0.99), Goal::AtMost(50.0)),
    ]
}
