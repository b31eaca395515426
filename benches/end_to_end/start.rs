//! From nothing to ready.

use crate::goal::{Goal, Row, percentile};
use crate::process::{Cloud, Place, UNLIMITED, binary_megabytes, free_address, get, until};
use std::time::{Duration, Instant};

const SETTLE: Duration = Duration::from_millis(100);
const STARTS: usize = 11;

pub fn to_ready() -> Vec<Row> {
    let place = Place::new(20, "detach", 50);
    let cloud = Cloud::of(&place, 0, &[]);
    // A new state folder has no accepted revision, so the manifests have to settle.
    let first = ready(&place, &cloud).saturating_sub(SETTLE);
    let mut again: Vec<Duration> = (0..STARTS).map(|_| ready(&place, &cloud)).collect();
    vec![
        Row::time("first start to ready, settling not counted", first, Goal::AtMost(100.0)),
        Row::time(
            format!("later start to ready, median of {STARTS}"),
            percentile(&mut again, 0.5),
            Goal::AtMost(100.0),
        ),
        Row::new("binary", binary_megabytes(), "MB", Goal::AtMost(15.0)),
    ]
}

fn ready(place: &Place, cloud: &Cloud) -> Duration {
    let address = free_address();
    let listen = format!("listen={address}");
    let begin = Instant::now();
    let _daemon = place.start(cloud, &["run"], &[UNLIMITED.as_slice(), &[&listen]].concat());
    until("readiness", || get(&address, "/readyz").0 == 200);
    begin.elapsed()
}
