//! Everything that is tested from outside, in one binary.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    reason = "a test that cannot go on should stop loudly"
)]

mod architecture;
mod cli;
mod crash;
mod daemon;
mod demo;
mod docs;
mod doctor;
mod expiring;
mod forecast;
mod harness;
mod history;
mod journal;
mod manifests;
mod mutants;
mod operator;
mod progress;
mod scenarios;
mod tour;
mod undo;
mod windows;
