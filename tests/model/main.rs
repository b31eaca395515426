//! The write path as a model, every state of it checked: `docs/model.md` says what is in it.
#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop loudly; sizes and times are for people"
)]

mod call;
mod invariants;
mod mistakes;
mod process;
mod quiet;
mod record;
mod sensitivity;
mod setup;
mod state;
mod step;

use setup::{Faults, Setup, System, UNLIMITED};
use stateright::{Checker as _, Model as _};
use std::time::Instant;

/// `large` asks for configurations of many million states: minutes, and gigabytes.
const SIZE: &str = "CLASSICLINKD_MODEL";

const ONE_DAEMON: Setup = Setup {
    name: "one daemon, two links side by side",
    links: 2,
    daemons: 1,
    shared: true,
    budget: 2,
    concurrency: 2,
    faults: Faults::ALL,
};

fn check(setup: Setup) {
    let began = Instant::now();
    let checked = System::new(setup).checker().spawn_bfs().join();
    println!(
        "{}: {} states, {} steps between them, depth {}, longest quiet run {}, {:.1} s",
        setup.name,
        checked.unique_state_count(),
        checked.state_count(),
        checked.max_depth(),
        checked.model().longest_quiet_run(),
        began.elapsed().as_secs_f64(),
    );
    checked.assert_properties();
}

fn is_large() -> bool {
    std::env::var(SIZE).is_ok_and(|size| size == "large")
}

#[test]
fn one_daemon_keeps_every_invariant_whatever_goes_wrong() {
    check(ONE_DAEMON);
}

#[test]
fn three_links_share_one_budget() {
    let faults = Faults { pauses: false, failures: false, skips: false, ..Faults::ALL };
    let name = "one daemon, three links";
    check(Setup { name, links: 3, concurrency: 1, faults, ..ONE_DAEMON });
}

#[test]
fn two_daemons_hand_a_state_folder_over() {
    let faults = Faults { pauses: false, ..Faults::ALL };
    let name = "two daemons, one folder, two links";
    check(Setup { name, daemons: 2, concurrency: 1, faults, ..ONE_DAEMON });
}

/// What two such daemons have in common is a link at the cloud, so one link says most of it.
#[test]
fn two_daemons_with_a_folder_each_keep_the_invariants_each_for_itself() {
    let faults = Faults { pauses: false, ..Faults::ALL };
    let (name, daemons) = ("two daemons, two folders, one link", 2);
    let each = Setup { name, daemons, shared: false, faults, ..ONE_DAEMON };
    check(Setup { links: 1, budget: 1, concurrency: 1, ..each });
}

#[test]
fn larger_configurations_are_checked_on_request() {
    if !is_large() {
        return println!("set {SIZE}=large to check two daemons with three links");
    }
    let faults = Faults { pauses: false, ..Faults::ALL };
    let two = Setup { daemons: 2, concurrency: 1, faults, ..ONE_DAEMON };
    check(Setup { name: "two daemons, one folder, three links", links: 3, budget: 3, ..two });
    let name = "two daemons, two folders, two links, no budget";
    check(Setup { name, shared: false, budget: UNLIMITED, ..two });
}
