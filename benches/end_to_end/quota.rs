//! How much of an allowed rate is used, and how many calls are throttled for it.

use crate::goal::{Goal, Row};
use crate::process::{Call, Cloud, DETACH, Place, UNLIMITED, between, until};
use std::time::Duration;

/// Calls a second of the bucket; the default of `limits.writesPerSecond.max`.
const PER_SECOND: usize = 50;
/// Calls a clock minute of the window.
const PER_MINUTE: usize = 600;

pub fn tokens_by_the_second() -> Vec<Row> {
    let mut rows = under_a_bucket("default ceiling", "50");
    rows.extend(under_a_bucket("ceiling twice the quota", "100"));
    rows
}

fn under_a_bucket(which: &str, ceiling: &str) -> Vec<Row> {
    let place = Place::new(3, "detach", 10);
    let limit = format!("limit-per-second={DETACH}:{PER_SECOND}");
    let cloud = Cloud::of(&place, 500, &["latency=5ms", &limit]);
    let ceiling = format!("limits.writesPerSecond.max={ceiling}");
    let start = format!("limits.writesPerSecond.start={PER_SECOND}");
    let sets = [UNLIMITED.as_slice(), &[&ceiling, &start]].concat();
    place.start(&cloud, &["apply", "--yes"], &sets).ends();
    let detaches = detaches(&cloud);
    // The bucket is full at first, and the last second is not a whole one.
    let since = |call: &Call| between(detaches[0].at, call.at);
    let (begin, end) = (Duration::from_secs(5), since(&detaches[detaches.len() - 1]));
    let end = Duration::from_secs(end.as_secs());
    let steady: Vec<&Call> =
        detaches.iter().filter(|call| (begin..end).contains(&since(call))).collect();
    let allowed = (end - begin).as_secs_f64() * PER_SECOND as f64;
    shares(&format!("bucket of {PER_SECOND}/s, {which}"), &steady, allowed)
}

pub fn so_many_a_clock_minute() -> Vec<Row> {
    let place = Place::new(3, "detach", 10);
    let limit = format!("limit-per-minute={DETACH}:{PER_MINUTE}");
    let cloud = Cloud::of(&place, 900, &["latency=5ms", &limit]);
    let defaults = ["limits.writesPerSecond.start=5", "limits.writesPerSecond.max=50"];
    let sets = [UNLIMITED.as_slice(), &defaults].concat();
    let mut applying = place.start(&cloud, &["apply", "--yes"], &sets);
    let minute = |call: &Call| call.at.as_second().div_euclid(60);
    // The first minute is begun anywhere; the next one whole is looked at.
    let mut whole = Vec::new();
    until("a whole minute", || {
        std::thread::sleep(Duration::from_millis(500));
        let detaches = detaches(&cloud);
        let begun = detaches.first().map(minute);
        let over = detaches.last().map(minute) > begun.map(|begun| begun + 1);
        whole = detaches
            .into_iter()
            .filter(|call| Some(minute(call)) == begun.map(|b| b + 1))
            .collect();
        over || !applying.running()
    });
    let steady: Vec<&Call> = whole.iter().collect();
    shares(&format!("{PER_MINUTE} a clock minute"), &steady, PER_MINUTE as f64)
}

fn detaches(cloud: &Cloud) -> Vec<Call> {
    cloud.calls(0).into_iter().filter(|call| call.action == DETACH).collect()
}

fn shares(what: &str, calls: &[&Call], allowed: f64) -> Vec<Row> {
    let taken = calls.iter().filter(|call| call.ok).count() as f64;
    let throttled = calls.len() as f64 - taken;
    let share = |of: f64, whole: f64| of / whole * 100.0;
    vec![
        Row::new(format!("{what}: calls taken"), taken, "", Goal::AtLeast(0.95)).against(allowed),
        Row::new(
            format!("{what}: calls throttled"),
            share(throttled, calls.len() as f64),
            "%",
            Goal::AtMost(2.0),
        ),
    ]
}
