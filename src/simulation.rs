//! The whole controller in a simulation: the real loop, source, plan, gate, executor and journal, on
//! paused time, against the simulated cloud, an imagined folder and an imagined disk.
//!
//! Everything that happens in one schedule follows from one seed: when which fault comes, what people
//! do, how long an answer takes, at which effect the process dies. So a schedule that breaks a rule
//! does so again, and one line names it. Not built into the daemon that ships: its clock cannot be
//! stopped.

mod batch;
mod clock;
mod deed;
mod estate;
mod plot;
mod process;
mod referee;
mod trial;
mod world;

pub use batch::{Tally, Which, run};
pub use deed::Deed;
pub use referee::Findings;
pub use trial::{Step, Trial, Verdict};
pub use world::Size;

#[cfg(test)]
mod tests;
