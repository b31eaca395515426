//! Everything that is tested from outside, in one binary.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    reason = "a test that cannot go on should stop loudly"
)]

mod architecture;
mod cli;
mod daemon;
mod demo;
mod docs;
mod expiring;
mod harness;
mod journal;
mod manifests;
mod mutants;
mod undo;
mod windows;
