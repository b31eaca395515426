//! Everything that is tested from outside, in one binary.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    reason = "a test that cannot go on should stop loudly"
)]

mod accounts;
mod architecture;
mod cli;
mod crash;
mod credentials;
mod daemon;
mod demo;
mod deploy;
mod docs;
mod doctor;
mod expiring;
mod forecast;
mod git;
mod harness;
mod history;
mod journal;
mod logs;
mod manifests;
mod metrics;
mod mutants;
mod notification;
mod operator;
mod progress;
mod scenarios;
mod serve;
mod tour;
mod undo;
mod windows;
