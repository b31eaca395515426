//! The built binary against the simulator, each in a process of its own, held to the goals of
//! `docs/performance.md`: `cargo bench --bench end_to_end [NAME...]`.
//!
//! A goal that is missed is printed and fails nothing: timings belong to a machine.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark measures time, prints what it finds, and stops loudly if it cannot go on"
)]

#[path = "../estate.rs"]
mod estate;

mod apply;
mod edits;
mod goal;
mod idle;
mod million;
mod process;
mod quota;
mod start;

use goal::Row;

type Bench = fn() -> Vec<Row>;

/// What is run: a name to choose it by, and what it is about.
const BENCHES: [(&str, Bench); 8] = [
    ("apply", apply::a_thousand_stale_links),
    ("bucket", quota::tokens_by_the_second),
    ("minute", quota::so_many_a_clock_minute),
    ("million", million::parse_to_plan),
    ("changed", million::one_manifest_changes),
    ("edits", edits::saved_to_called),
    ("idle", idle::a_thousand_links),
    ("start", start::to_ready),
];

fn main() {
    // What cargo passes on of its own begins with a dash.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    println!("{}", Row::HEAD);
    for (name, bench) in BENCHES {
        if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
            eprintln!("{name} ...");
            bench().iter().for_each(|row| println!("{row}"));
        }
    }
}
