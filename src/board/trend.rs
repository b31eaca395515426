//! What went on over the last day, as samples of ten seconds or more: passes, calls that converged,
//! links that are left. Bounded: as it grows older it grows coarser, and then forgets.

use crate::clock::Moment;
use crate::desired::Desired;
use crate::model::{Scope, Verb, side_by_side};
use crate::report::{ScopeReport, Standing};
use jiff::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Shortest time that a sample tells of, in seconds.
const STEP_MIN: u64 = 10;
/// Longest one: where it is reached, the oldest samples are forgotten.
const STEP_MAX: u64 = 80;
/// Samples kept: a day of the longest ones.
const SAMPLES_MAX: usize = 24 * 3600 / STEP_MAX as usize;

/// What happened within one step, and how things stood at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    /// When the step began.
    pub at: Timestamp,
    /// Passes that ended.
    pub passes: u64,
    /// Those of them without a complete observation, or with an error.
    pub failed: u64,
    /// Actions that converged.
    pub converged: u64,
    /// Links that nobody lists and that are still there.
    pub unexpected: u64,
    /// Links that are listed and not there.
    pub missing: u64,
    /// The number of the step, counted from where the monotonic clock begins.
    step: u64,
}

impl Sample {
    /// Both as one: what happened adds up, how things stood at the end is the later one's.
    fn and(self, later: Self) -> Self {
        Self {
            at: self.at,
            step: self.step,
            passes: self.passes + later.passes,
            failed: self.failed + later.failed,
            converged: self.converged + later.converged,
            ..later
        }
    }
}

/// What a scope's last plan left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Left {
    unexpected: u64,
    missing: u64,
}

impl Left {
    fn of(report: &ScopeReport) -> Self {
        let converged = |verb| {
            let of = report.applied.iter().filter(|applied| applied.action.verb == verb);
            of.filter(|applied| applied.outcome.is_converged()).count()
        };
        let detaches = report.count(Verb::Detach).saturating_sub(converged(Verb::Detach));
        let missing = report.missing.len().saturating_sub(converged(Verb::Attach));
        Self { unexpected: detaches as u64, missing: missing as u64 }
    }
}

/// The samples of the last day.
#[derive(Debug, Default)]
pub(crate) struct Trend {
    samples: VecDeque<Sample>,
    /// Steps are 2 to the power of this times the shortest.
    doublings: u32,
    left: BTreeMap<Scope, Left>,
    unexpected: u64,
    missing: u64,
}

impl Trend {
    /// How long a step is, in seconds.
    pub fn step_seconds(&self) -> u64 {
        STEP_MIN << self.doublings
    }

    /// Oldest first; the last one is not over yet.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = &Sample> + ExactSizeIterator {
        self.samples.iter()
    }

    /// The loop turned: time goes on also while nothing happens.
    pub fn turn(&mut self, now: Moment) {
        self.sample(now);
    }

    /// A pass over a scope ended.
    pub fn passed(&mut self, report: &ScopeReport, now: Moment) {
        // Without a plan nobody knows what is left: what was known stays.
        if report.digest.is_some() {
            self.set(&report.scope, Some(Left::of(report)));
        }
        let converged = report.applied.iter().filter(|applied| applied.outcome.is_converged());
        let converged = converged.count() as u64;
        let failed = u64::from(report.standing() >= Standing::Partial);
        if let Some(sample) = self.sample(now) {
            sample.passes += 1;
            sample.failed += failed;
            sample.converged += converged;
        }
    }

    /// Forgets what is left of scopes that no manifest declares any more.
    pub fn keep_only(&mut self, scopes: &BTreeMap<Scope, Arc<Desired>>) {
        let gone = side_by_side(&self.left, scopes).filter(|(_, _, declared)| declared.is_none());
        for scope in gone.map(|(scope, ..)| scope.clone()).collect::<Vec<_>>() {
            self.set(&scope, None);
        }
    }

    fn set(&mut self, scope: &Scope, left: Option<Left>) {
        let before = match left {
            Some(left) => self.left.insert(scope.clone(), left),
            None => self.left.remove(scope),
        };
        let (before, after) = (before.unwrap_or_default(), left.unwrap_or_default());
        self.unexpected = (self.unexpected + after.unexpected).saturating_sub(before.unexpected);
        self.missing = (self.missing + after.missing).saturating_sub(before.missing);
    }

    /// The sample of the present, as things stand now.
    fn sample(&mut self, now: Moment) -> Option<&mut Sample> {
        let step = now.monotonic.as_secs() / self.step_seconds();
        if self.samples.back().is_none_or(|last| last.step < step) {
            let into =
                now.monotonic.saturating_sub(Duration::from_secs(step * self.step_seconds()));
            let (unexpected, missing) = (self.unexpected, self.missing);
            let at = now.before(into).wall;
            let none = Sample { at, step, passes: 0, failed: 0, converged: 0, unexpected, missing };
            self.samples.push_back(none);
            self.make_room();
        }
        let last = self.samples.back_mut()?;
        (last.unexpected, last.missing) = (self.unexpected, self.missing);
        Some(last)
    }

    fn make_room(&mut self) {
        if self.samples.len() <= SAMPLES_MAX {
            return;
        }
        if self.step_seconds() >= STEP_MAX {
            self.samples.pop_front();
            return;
        }
        self.doublings += 1;
        let mut coarser: VecDeque<Sample> = VecDeque::with_capacity(SAMPLES_MAX);
        for mut sample in self.samples.drain(..) {
            sample.step /= 2;
            match coarser.back_mut().filter(|last| last.step == sample.step) {
                Some(last) => *last = last.and(sample),
                None => coarser.push_back(sample),
            }
        }
        self.samples = coarser;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::{Class, CloudError};
    use crate::model::Mode;
    use crate::plan;
    use crate::plan::tests::{desired, moment, observed};

    /// A pass that finds these links where only instance 1 is wanted, and cuts none.
    fn found(linked: &[usize]) -> ScopeReport {
        let wanted = desired(Mode::Detach, &[1]);
        let complete = observed(&wanted, linked, &[], moment(0));
        let plan = plan::compute(&Arc::new(wanted), &complete, moment(0).wall);
        match crate::gate::tests::Setting::default().review(plan, 0) {
            Ok(approved) => ScopeReport::of_approved(&approved),
            Err(held) => ScopeReport::of_held(*held),
        }
    }

    fn failed() -> ScopeReport {
        let error = CloudError::new(Class::Denied, "Forbidden", "no");
        ScopeReport::of_failure(&desired(Mode::Detach, &[1]), error)
    }

    fn last(trend: &Trend) -> Sample {
        *trend.samples().next_back().unwrap()
    }

    #[test]
    fn what_is_left_is_what_the_last_plan_said_until_the_next_one() {
        let mut trend = Trend::default();
        trend.passed(&found(&[1, 2, 3]), moment(0));
        assert_eq!((last(&trend).unexpected, last(&trend).missing, last(&trend).passes), (2, 0, 1));
        trend.passed(&failed(), moment(3));
        assert_eq!((last(&trend).unexpected, last(&trend).failed, last(&trend).passes), (2, 1, 2));
        trend.passed(&found(&[2]), moment(12));
        assert_eq!((last(&trend).unexpected, last(&trend).missing, last(&trend).passes), (1, 1, 1));
        assert_eq!(trend.samples().len(), 2, "a sample for each ten seconds");
        trend.keep_only(&BTreeMap::new());
        trend.turn(moment(13));
        assert_eq!((last(&trend).unexpected, last(&trend).missing), (0, 0), "released");
    }

    #[test]
    fn a_week_takes_no_more_room_than_a_day_and_a_day_is_there() {
        let mut trend = Trend::default();
        let report = found(&[1, 2]);
        let week = 7 * 24 * 3600;
        for at in (0..week).step_by(5) {
            trend.passed(&report, moment(at));
            assert!(trend.samples().len() <= SAMPLES_MAX);
        }
        assert_eq!(trend.step_seconds(), STEP_MAX);
        let covered = moment(week).wall.duration_since(trend.samples().next().unwrap().at);
        assert!((23 * 3600 + 1800..=24 * 3600 + 100).contains(&covered.as_secs()), "{covered}");
        let mut full = trend.samples().skip(1).rev().skip(1);
        assert!(full.all(|sample| sample.passes == STEP_MAX / 5), "none is lost");
    }

    #[test]
    fn coarser_samples_lose_nothing() {
        let mut trend = Trend::default();
        for at in (0..3 * 3600 + 600).step_by(10) {
            trend.passed(&found(&[1, 2]), moment(at));
        }
        let passes: u64 = trend.samples().map(|sample| sample.passes).sum();
        assert_eq!((trend.step_seconds(), passes), (20, (3 * 3600 + 600) / 10));
    }
}
