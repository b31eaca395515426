//! Every family: what it is called, what it means, and where its numbers come from. One table, so that
//! nothing is measured that is not documented, and the other way round.

use super::shot::Shot;
use crate::clock::Timings;
use crate::model::{Lane, Scope};

mod calls;
mod scopes;
mod upkeep;

/// Numbers about one VPC.
const SCOPE: &[&str] = &["account", "region", "vpc"];
/// Numbers about what quotas and budgets are counted by.
const LANE: &[&str] = &["account", "region"];

/// The type of a family, as OpenMetrics names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only rises, from 0 at the start of the process.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Counts by upper bounds.
    Histogram,
    /// Always 1: its labels are what it says.
    Info,
}

impl Kind {
    /// The word in the exposition.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }
}

/// One family.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// Its name; a unit is its end. Samples of counters end in `_total`, the one of an info in `_info`.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// `seconds`, `bytes`, or nothing.
    pub unit: &'static str,
    /// The names of its labels; each sample has all of them.
    pub labels: &'static [&'static str],
    /// A sentence, without a stop.
    pub help: &'static str,
    pub(super) read: fn(&Shot, &mut Samples<'_>),
}

impl Family {
    /// Every family, in the order of the exposition.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        [scopes::FAMILIES, calls::FAMILIES, upkeep::FAMILIES].into_iter().flatten()
    }

    /// The name of its samples, but for the parts of a histogram.
    pub fn sample(&self) -> String {
        match self.kind {
            Kind::Counter => format!("{}_total", self.name),
            Kind::Info => format!("{}_info", self.name),
            Kind::Gauge | Kind::Histogram => self.name.to_owned(),
        }
    }
}

/// A number, or many.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Whole(u64),
    Real(f64),
    Spread(Timings),
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Whole(number)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Whole(number as u64)
    }
}

impl From<bool> for Value {
    fn from(holds: bool) -> Self {
        Self::Whole(u64::from(holds))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<&Timings> for Value {
    fn from(timings: &Timings) -> Self {
        Self::Spread(timings.clone())
    }
}

/// Takes a sample: its labels with their values, and its number.
type Sink<'a> = dyn FnMut(&[(&'static str, &str)], Value) + 'a;

/// Where a family puts its samples.
pub(super) struct Samples<'a> {
    labels: &'static [&'static str],
    to: &'a mut Sink<'a>,
}

impl<'a> Samples<'a> {
    pub fn of(family: &Family, to: &'a mut Sink<'a>) -> Self {
        Self { labels: family.labels, to }
    }

    /// One sample, with the values of the family's labels in their order.
    fn put(&mut self, values: &[&str], value: impl Into<Value>) {
        debug_assert_eq!(values.len(), self.labels.len(), "{:?}", self.labels);
        let pairs: Vec<_> = self.labels.iter().copied().zip(values.iter().copied()).collect();
        (self.to)(&pairs, value.into());
    }

    /// One sample about a VPC, with the values of further labels.
    fn of_scope(&mut self, scope: &Scope, more: &[&str], value: impl Into<Value>) {
        let first = [scope.account.as_str(), scope.region.as_str(), scope.vpc.as_str()];
        self.put(&[first.as_slice(), more].concat(), value);
    }

    /// One sample about an account and region, likewise.
    fn of_lane(&mut self, lane: &Lane, more: &[&str], value: impl Into<Value>) {
        let first = [lane.account.as_str(), lane.region.as_str()];
        self.put(&[first.as_slice(), more].concat(), value);
    }
}
