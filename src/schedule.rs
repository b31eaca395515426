//! Which scope is due: a queue keyed by scope, deduplicated, with an interval, jitter and a back-off
//! for each. Events put keys on it and carry no data.

use crate::model::Scope;
use crate::retry::{Policy, backoff};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How a pass over a scope ended, as far as the next one is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Nothing left that time alone will not change: look again after the interval.
    Quiet,
    /// Something is left to do soon: links to verify or to move.
    Pending,
    /// It failed: look again after a wait that doubles.
    Failed,
}

/// Waits after failures: 5 s doubling, at most 5 min.
const FAILURES: Policy =
    Policy { base: Duration::from_secs(5), cap: Duration::from_secs(300), attempts: u32::MAX };
/// Wait before looking again at what is left pending.
const PENDING: Duration = Duration::from_secs(5);

/// The queue. Moments are on the monotonic clock.
#[derive(Debug, Clone)]
pub struct Schedule {
    interval: Duration,
    scopes: BTreeMap<Scope, Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    due: Duration,
    failures: u32,
    running: bool,
    /// Woken while running: what the pass saw may be old.
    again: bool,
}

impl Schedule {
    /// An empty queue; each scope is looked at every `interval`, give or take a tenth.
    pub fn new(interval: Duration) -> Self {
        Self { interval, scopes: BTreeMap::new() }
    }

    /// Takes over the scopes of a new revision: scopes that are not in `scopes` leave the queue,
    /// `changed` ones are due at once.
    pub fn replace(&mut self, scopes: &BTreeSet<Scope>, changed: &BTreeSet<Scope>, now: Duration) {
        self.scopes.retain(|scope, entry| entry.running || scopes.contains(scope));
        for scope in scopes {
            let fresh = Entry { due: now, failures: 0, running: false, again: false };
            self.scopes.entry(scope.clone()).or_insert(fresh);
        }
        for scope in changed {
            self.wake(scope, now);
        }
    }

    /// Makes a scope due now, whatever its back-off.
    pub fn wake(&mut self, scope: &Scope, now: Duration) {
        if let Some(entry) = self.scopes.get_mut(scope) {
            entry.due = entry.due.min(now);
            entry.failures = 0;
            entry.again = entry.running;
        }
    }

    /// Takes the scope that has been due for longest, if any; it is running from now on.
    pub fn take(&mut self, now: Duration) -> Option<Scope> {
        let idle = self.scopes.iter_mut().filter(|(_, entry)| !entry.running && entry.due <= now);
        let (scope, entry) = idle.min_by_key(|(_, entry)| entry.due)?;
        entry.running = true;
        entry.again = false;
        Some(scope.clone())
    }

    /// When the next idle scope is due.
    pub fn next_due(&self) -> Option<Duration> {
        self.scopes.values().filter(|entry| !entry.running).map(|entry| entry.due).min()
    }

    /// A pass over a scope ended; `jitter` lies in 0..1.
    pub fn ended(&mut self, scope: &Scope, how: Ended, now: Duration, jitter: f64) {
        let Some(entry) = self.scopes.get_mut(scope) else { return };
        entry.running = false;
        entry.failures = if how == Ended::Failed { entry.failures.saturating_add(1) } else { 0 };
        let jitter = jitter.clamp(0.0, 1.0);
        let wait = match how {
            Ended::Quiet => self.interval.mul_f64(0.9 + 0.2 * jitter),
            Ended::Pending => PENDING.min(self.interval),
            // At least half the ceiling, so that a failing scope never spins.
            Ended::Failed => backoff(FAILURES, entry.failures).mul_f64(0.5 + 0.5 * jitter),
        };
        entry.due = if entry.again { now } else { now + wait };
    }

    /// Drops a scope that no revision declares any more and that has finished running.
    pub fn forget(&mut self, scope: &Scope) {
        self.scopes.remove(scope);
    }

    /// Scopes due and not running.
    pub fn waiting(&self, now: Duration) -> usize {
        self.scopes.values().filter(|entry| !entry.running && entry.due <= now).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccountName, Region, VpcId};

    fn scope(name: &str) -> Scope {
        Scope {
            account: AccountName::parse("default").unwrap(),
            region: Region::parse("cn-hangzhou").unwrap(),
            vpc: VpcId::parse(&format!("vpc-{name}")).unwrap(),
        }
    }

    const MINUTE: Duration = Duration::from_secs(60);

    fn schedule(names: &[&str]) -> Schedule {
        let mut schedule = Schedule::new(MINUTE);
        let scopes = names.iter().map(|name| scope(name)).collect();
        schedule.replace(&scopes, &BTreeSet::new(), Duration::ZERO);
        schedule
    }

    #[test]
    fn a_scope_runs_once_at_a_time() {
        let mut schedule = schedule(&["a"]);
        assert_eq!(schedule.take(Duration::ZERO), Some(scope("a")));
        assert_eq!(schedule.take(MINUTE), None);
        schedule.ended(&scope("a"), Ended::Quiet, Duration::ZERO, 0.5);
        assert_eq!(schedule.take(MINUTE - Duration::from_secs(1)), None);
        assert_eq!(schedule.take(MINUTE), Some(scope("a")));
    }

    #[test]
    fn a_wake_during_a_pass_runs_it_again_and_many_wakes_only_once() {
        let mut schedule = schedule(&["a"]);
        schedule.take(Duration::ZERO);
        for _ in 0..5 {
            schedule.wake(&scope("a"), Duration::from_secs(1));
        }
        schedule.ended(&scope("a"), Ended::Quiet, Duration::from_secs(2), 0.5);
        assert_eq!(schedule.take(Duration::from_secs(2)), Some(scope("a")));
        schedule.ended(&scope("a"), Ended::Quiet, Duration::from_secs(3), 0.5);
        assert_eq!(schedule.take(Duration::from_secs(4)), None);
    }

    #[test]
    fn failures_back_off_and_do_not_hold_up_others() {
        let mut schedule = schedule(&["a", "b"]);
        let mut waits = Vec::new();
        let mut now = Duration::ZERO;
        for _ in 0..9 {
            schedule.take(now);
            schedule.ended(&scope("a"), Ended::Failed, now, 1.0);
            let due = schedule.scopes[&scope("a")].due;
            waits.push((due - now).as_secs());
            schedule.scopes.get_mut(&scope("b")).unwrap().running = true;
            now = due;
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        schedule.ended(&scope("b"), Ended::Quiet, Duration::ZERO, 0.0);
        assert_eq!(schedule.next_due(), Some(Duration::from_secs(54)));
    }

    #[test]
    fn a_new_revision_wakes_what_changed_and_forgets_what_is_released() {
        let mut schedule = schedule(&["a", "b"]);
        for name in ["a", "b"] {
            schedule.take(Duration::ZERO);
            schedule.ended(&scope(name), Ended::Quiet, Duration::ZERO, 0.5);
        }
        let now = Duration::from_secs(5);
        schedule.replace(&[scope("a"), scope("c")].into(), &[scope("c")].into(), now);
        assert_eq!(schedule.take(now), Some(scope("c")));
        assert_eq!(schedule.take(MINUTE * 2), Some(scope("a")));
        assert_eq!(schedule.take(MINUTE * 2), None, "b is released");
    }

    #[test]
    fn the_scope_due_for_longest_goes_first() {
        let mut schedule = schedule(&["a", "b"]);
        schedule.scopes.get_mut(&scope("a")).unwrap().due = Duration::from_secs(9);
        assert_eq!(schedule.take(MINUTE), Some(scope("b")));
        assert_eq!(schedule.waiting(MINUTE), 1);
    }
}
