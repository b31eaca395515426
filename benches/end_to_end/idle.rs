//! What the daemon costs while nothing happens.

use crate::goal::{Goal, Row};
use crate::process::{Cloud, Place, UNLIMITED};
use std::time::{Duration, Instant};

/// A whole interval, so that one pass over everything is in it.
const SPAN: Duration = Duration::from_secs(60);

pub fn a_thousand_links() -> Vec<Row> {
    let place = Place::new(20, "detach", 50);
    let cloud = Cloud::of(&place, 0, &[]);
    let sets = [UNLIMITED.as_slice(), &["source.settle=500ms", "listen=127.0.0.1:0"]].concat();
    let daemon = place.start(&cloud, &["run"], &sets);
    cloud.at_rest();
    let (begin, before) = (Instant::now(), daemon.ticks());
    std::thread::sleep(SPAN);
    let busy = (daemon.ticks() - before) as f64 / 100.0;
    let share = busy / begin.elapsed().as_secs_f64() * 100.0;
    vec![
        Row::new("idle, 1,000 links: memory", daemon.megabytes("VmRSS:"), "MB", Goal::AtMost(20.0)),
        Row::new("idle, 1,000 links: of one core", share, "%", Goal::AtMost(0.2)),
    ]
}
