//! classiclinkd keeps the ClassicLink attachments of Alibaba Cloud accounts (classic-network ECS
//! instance <-> VPC) equal to what YAML manifests in a Git repository say, and never removes one
//! without evidence.
//!
//! This list is the tour: the modules stand in reading order, which is the order of the data and
//! of the dependencies. **A module may import only modules listed above it**; a test in
//! `tests/it/architecture.rs` holds every line of `src/` to that.
//!
//! ```text
//! files --source--> documents --desired--> Desired@Revision --+
//!                                                             +--plan--> Plan --gate--> Approved --apply--> Permit -> intent -> Ticket
//! ECS --observe--> pages, by-id reads --observed--> Complete -+              \--> Refusals                   -> carry_out(Ticket)
//!                                                                                                            -> outcome -> verify by id
//! ```

// Words: plain values and the four seams.
pub mod model;
pub mod clock;
pub mod cloud;
// Decisions: pure functions of values; `now` and randomness are arguments.
pub mod window;
pub mod desired;
pub mod observed;
pub mod plan;
pub mod ledger;
pub mod gate;
pub mod outcome;
pub mod retry;
pub mod schedule;
pub mod forecast;
// Effects: touch the world, decide nothing.
pub mod signature;
pub mod secret;
pub mod https;
pub mod manifest;
pub mod git;
pub mod source;
pub mod aliyun;
pub mod sim;
pub mod attempt;
pub mod observe;
pub mod journal;
pub mod history;
pub mod apply;
// Shell: wire and show.
pub mod report;
pub mod policy;
pub mod reconcile;
pub mod board;
pub mod notification;
pub mod metrics;
pub mod serve;
pub mod control;
pub mod daemon;
#[cfg(any(test, feature = "simtest"))]
pub mod simulation;
pub mod config;
#[cfg(feature = "otlp")]
pub mod traces;
pub mod cli;
