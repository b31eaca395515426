//! What rules are given: the configuration's bounds, and how things stand.

use super::Pin;
use crate::clock::Moment;
use crate::desired::Ceiling;
use crate::ledger::{Budget, Ledger};
use crate::model::Amount;
use crate::window::Windows;
use std::time::Duration;

/// What the configuration bounds in one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// Most detaches of one plan, where no manifest says otherwise.
    pub max_detach: Amount,
    /// Most detaches that a manifest may ask for.
    pub max_detach_ceiling: Option<Amount>,
    /// What a small scope may always lose.
    pub min_detach: u64,
    /// What a revision may take from a scope's desired links.
    pub max_shrink: Amount,
    /// Where anything may be done.
    pub ceiling: Ceiling,
    /// Detaches sent, per account and region.
    pub budget: Budget,
    /// When changes may be made.
    pub windows: Windows,
    /// Oldest observation a plan may be approved on.
    pub observation_max_age: Duration,
    /// Oldest by-id confirmation a call may be made on.
    pub confirmation_max_age: Duration,
}

impl Default for Bounds {
    /// The defaults of the configuration file.
    fn default() -> Self {
        Self {
            max_detach: Amount::Percent(10),
            max_detach_ceiling: None,
            min_detach: 3,
            max_shrink: Amount::Percent(20),
            ceiling: Ceiling::default(),
            budget: Budget { hour: 50, day: 200 },
            windows: Windows::default(),
            observation_max_age: Duration::from_secs(120),
            confirmation_max_age: Duration::from_secs(10),
        }
    }
}

/// How things stand around a plan.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// Now.
    pub now: Moment,
    /// What the configuration bounds.
    pub bounds: &'a Bounds,
    /// What the past means.
    pub ledger: &'a Ledger,
    /// Whose account it is.
    pub pin: &'a Pin,
    /// What the pause file says, if there is one.
    pub pause_file: Option<&'a str>,
    /// Why the journal cannot be written, if it cannot.
    pub journal: Option<&'a str>,
}
