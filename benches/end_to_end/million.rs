//! A million links in a thousand VPCs.

use crate::estate;
use crate::goal::{Goal, Row, percentile};
use crate::process::{Cloud, DETACH, Place, UNLIMITED, between, until};
use classiclinkd::manifest;
use classiclinkd::observed::Complete;
use classiclinkd::plan;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const SCOPES: usize = 1_000;
const LINKS: usize = 1_000;
const SETTLE: Duration = Duration::from_millis(100);
const CHANGES: usize = 5;

/// Parsing and planning in this process; the memory is that of `validate`, which does the same up
/// to the plans, and of `plan`, which holds every answer of the cloud as well.
pub fn parse_to_plan() -> Vec<Row> {
    let place = Place::new(SCOPES, "detach", LINKS);
    let mut rows = vec![in_process()];
    let cloud = Cloud::of(&place, 0, &[]);
    let begin = Instant::now();
    let most = place.start(&cloud, &["plan"], &UNLIMITED).ends();
    rows.push(Row::new("`plan` of all of them: most memory", most, "MB", Goal::AtMost(300.0)));
    rows.push(Row::time(
        "`plan` of all of them, 12,000 reads included",
        begin.elapsed(),
        Goal::None,
    ));
    rows
}

fn in_process() -> Row {
    let files = estate::files(SCOPES, LINKS);
    let accept = || manifest::accept(&files, estate::revision(), None).unwrap();
    let observe = |desired: &_| estate::observed(desired, &estate::links(desired, 0));
    let observed: Vec<Complete> =
        accept().scopes.values().map(|desired| observe(desired)).collect();
    let mut times: Vec<Duration> = (0..3)
        .map(|_| {
            let begin = Instant::now();
            let tree = accept();
            for (desired, observed) in tree.scopes.values().zip(&observed) {
                assert!(plan::compute(desired, observed, estate::now().wall).is_in_sync());
            }
            begin.elapsed()
        })
        .collect();
    let what = "1,000,000 links in 1,000 VPCs, parse to plan (median of 3)";
    Row::time(what, percentile(&mut times, 0.5), Goal::AtMost(1_000.0))
}

/// One file of an estate changes; the same with half the estate.
pub fn one_manifest_changes() -> Vec<Row> {
    let (half, _, _) = changed_among(SCOPES / 2);
    let (whole, scopes, memory) = changed_among(SCOPES);
    let millis = half.as_secs_f64() * 1_000.0;
    vec![
        Row::time(
            "one manifest changed among 500,000 links: settled to detached",
            half,
            Goal::None,
        ),
        Row::time("... among 1,000,000 links", whole, Goal::AtMost(100.0)).ideally(millis),
        Row::new("... VPCs read for it", scopes as f64, "", Goal::AtMost(1.0)).ideally(1.0),
        Row::new("... memory of the daemon", memory, "MB", Goal::None),
    ]
}

/// The median time from the end of settling to the first detach call, which is a little after the
/// plan; how many VPCs were read at most; and the daemon's memory.
fn changed_among(scopes: usize) -> (Duration, usize, f64) {
    let place = Place::new(scopes, "detach", LINKS);
    let cloud = Cloud::of(&place, 0, &[]);
    let sets = [UNLIMITED.as_slice(), &["interval=24h", "listen=none"]].concat();
    let daemon = place.start(&cloud, &["run"], &sets);
    let mut last = cloud.at_rest();
    let (mut times, mut read) = (Vec::new(), 0);
    for change in 1..=CHANGES {
        let saved = Timestamp::now();
        place.save(change, "detach", 0..LINKS - 1);
        let mut calls = Vec::new();
        until("a detach", || {
            calls = cloud.calls(last);
            calls.iter().any(|call| call.action == DETACH)
        });
        let detach = calls.iter().find(|call| call.action == DETACH).unwrap();
        times.push(between(saved, detach.at).saturating_sub(SETTLE));
        let vpcs: BTreeSet<_> = calls.iter().filter_map(|call| call.vpc.as_ref()).collect();
        read = read.max(vpcs.len());
        last = cloud.at_rest();
    }
    (percentile(&mut times, 0.5), read, daemon.megabytes("VmRSS:"))
}
