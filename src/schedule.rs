//! Which scope is due: a queue keyed by scope, deduplicated, with an interval, jitter and a back-off
//! for each. Events put keys on it and carry no data. Each account and region has places of its own, so
//! that one whose calls hang holds up no other.

use crate::model::{Lane, Scope, VpcId, side_by_side};
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
    /// A link waits for another scope to let it go, or everything for the journal: look again after a wait
    /// that doubles, up to the interval.
    Waiting,
    /// It failed: look again after a wait that doubles, up to 5 min.
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
    /// Scopes of one lane that run at the same time.
    places: usize,
    scopes: BTreeMap<Scope, Entry>,
    /// Scopes that run, by lane; at least one.
    running: BTreeMap<Lane, usize>,
}

#[derive(Debug, Clone)]
struct Entry {
    due: Duration,
    failures: u32,
    running: bool,
    /// Woken while running: what the pass saw may be old.
    again: bool,
    /// How its last pass ended, if any did.
    last: Option<Ended>,
    /// VPCs that hold links it wants.
    waits: BTreeSet<VpcId>,
}

impl Schedule {
    /// An empty queue; each scope is looked at every `interval`, give or take a tenth, and of each
    /// account and region `places` at the same time, at least one.
    pub fn new(interval: Duration, places: usize) -> Self {
        let (scopes, running) = (BTreeMap::new(), BTreeMap::new());
        Self { interval, places: places.max(1), scopes, running }
    }

    /// Takes over the scopes of a new revision: scopes that are not `declared` leave the queue, `changed`
    /// ones are due at once.
    pub fn replace<T>(
        &mut self,
        declared: &BTreeMap<Scope, T>,
        changed: &BTreeSet<Scope>,
        now: Duration,
    ) {
        let (mut gone, mut new) = (Vec::new(), Vec::new());
        for (scope, entry, declared) in side_by_side(&self.scopes, declared) {
            match (entry, declared) {
                (None, _) => new.push(scope.clone()),
                (Some(entry), None) if !entry.running => gone.push(scope.clone()),
                _ => (),
            }
        }
        for scope in &gone {
            self.scopes.remove(scope);
        }
        let fresh = |scope| {
            let (last, waits) = (None, BTreeSet::new());
            (scope, Entry { due: now, failures: 0, running: false, again: false, last, waits })
        };
        self.scopes.extend(new.into_iter().map(fresh));
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

    /// What a pass over a scope found: VPCs that hold links it wants.
    pub fn waits_for(&mut self, scope: &Scope, holders: BTreeSet<VpcId>) {
        if let Some(entry) = self.scopes.get_mut(scope) {
            entry.waits = holders;
        }
    }

    /// A scope let links go: whoever waits for one of them is due now, and looks again if it looks already.
    pub fn released(&mut self, by: &Scope, now: Duration) {
        let waits = |(scope, entry): &(&Scope, &Entry)| {
            entry.waits.contains(&by.vpc) && scope.lane() == by.lane()
        };
        let waiting: Vec<Scope> =
            self.scopes.iter().filter(waits).map(|(scope, _)| scope.clone()).collect();
        for scope in &waiting {
            self.wake(scope, now);
        }
    }

    /// Takes the scope that has been due for longest of those with a place, if any; it is running from
    /// now on.
    pub fn take(&mut self, now: Duration) -> Option<Scope> {
        let due = self.with_a_place().filter(|(_, entry)| entry.due <= now);
        let scope = due.min_by_key(|(_, entry)| entry.due).map(|(scope, _)| scope.clone())?;
        let entry = self.scopes.get_mut(&scope)?;
        entry.running = true;
        entry.again = false;
        *self.running.entry(scope.lane()).or_default() += 1;
        Some(scope)
    }

    /// When the next idle scope is due. One without a place waits for a pass to end, not for a time.
    pub fn next_due(&self) -> Option<Duration> {
        self.with_a_place().map(|(_, entry)| entry.due).min()
    }

    /// The idle scopes of every account and region that has a place left.
    fn with_a_place(&self) -> impl Iterator<Item = (&Scope, &Entry)> {
        let full = self.running.iter().filter(|(_, running)| **running >= self.places);
        let full: BTreeSet<&Lane> = full.map(|(lane, _)| lane).collect();
        let idle = self.scopes.iter().filter(|(_, entry)| !entry.running);
        // Mostly there is a place everywhere, and nothing to look up.
        idle.filter(move |(scope, _)| full.is_empty() || !full.contains(&scope.lane()))
    }

    /// Gives back the place of a scope that was running.
    fn leave(&mut self, scope: &Scope) {
        let lane = scope.lane();
        if let Some(running) = self.running.get_mut(&lane) {
            *running = running.saturating_sub(1);
            if *running == 0 {
                self.running.remove(&lane);
            }
        }
    }

    /// A pass over a scope ended; `jitter` lies in 0..1.
    pub fn ended(&mut self, scope: &Scope, how: Ended, now: Duration, jitter: f64) {
        if self.scopes.get(scope).is_some_and(|entry| entry.running) {
            self.leave(scope);
        }
        let Some(entry) = self.scopes.get_mut(scope) else { return };
        entry.running = false;
        let backs_off = matches!(how, Ended::Failed | Ended::Waiting);
        let before = if entry.last.replace(how) == Some(how) { entry.failures } else { 0 };
        entry.failures = if backs_off { before.saturating_add(1) } else { 0 };
        let jitter = jitter.clamp(0.0, 1.0);
        // At least half the ceiling, so that a failing scope never spins.
        let backed_off = |policy| backoff(policy, entry.failures).mul_f64(0.5 + 0.5 * jitter);
        let wait = match how {
            Ended::Quiet => self.interval.mul_f64(0.9 + 0.2 * jitter),
            Ended::Pending => PENDING.min(self.interval),
            Ended::Waiting => backed_off(Policy { cap: self.interval, ..FAILURES }),
            Ended::Failed => backed_off(FAILURES),
        };
        entry.due = if entry.again { now } else { now + wait };
    }

    /// Drops a scope that no revision declares any more and that has finished running.
    pub fn forget(&mut self, scope: &Scope) {
        if self.scopes.remove(scope).is_some_and(|entry| entry.running) {
            self.leave(scope);
        }
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
        let mut schedule = Schedule::new(MINUTE, 8);
        let scopes: BTreeMap<Scope, ()> = names.iter().map(|name| (scope(name), ())).collect();
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
    fn who_waits_for_another_scope_asks_less_and_less_often_and_no_less_than_anybody() {
        for (interval, expected) in [(20, [5, 10, 20, 20, 20, 20]), (700, [5, 10, 20, 40, 80, 160])]
        {
            let mut schedule = Schedule::new(Duration::from_secs(interval), 8);
            let all = BTreeMap::from([(scope("a"), ())]);
            schedule.replace(&all, &BTreeSet::new(), Duration::ZERO);
            let mut now = Duration::ZERO;
            let waits = expected.map(|_| {
                schedule.take(now);
                schedule.ended(&scope("a"), Ended::Waiting, now, 1.0);
                let due = schedule.scopes[&scope("a")].due;
                (due - std::mem::replace(&mut now, due)).as_secs()
            });
            assert_eq!(waits, expected);
        }
    }

    #[test]
    fn what_it_waits_for_has_a_back_off_of_its_own() {
        let mut schedule = schedule(&["a"]);
        for (how, expected) in [
            (Ended::Failed, 5),
            (Ended::Failed, 10),
            (Ended::Waiting, 5),
            (Ended::Waiting, 10),
            (Ended::Failed, 5),
        ] {
            schedule.ended(&scope("a"), how, MINUTE, 1.0);
            assert_eq!((schedule.scopes[&scope("a")].due - MINUTE).as_secs(), expected);
        }
    }

    #[test]
    fn who_waits_for_a_link_is_due_once_one_is_let_go_in_its_region() {
        let mut schedule = schedule(&["a", "b"]);
        for (name, how) in [("a", Ended::Waiting), ("b", Ended::Quiet)] {
            schedule.take(Duration::ZERO);
            schedule.ended(&scope(name), how, Duration::ZERO, 1.0);
        }
        schedule.waits_for(&scope("a"), [scope("b").vpc].into());
        let now = Duration::from_secs(1);
        let other = Scope { region: Region::parse("cn-a").unwrap(), ..scope("b") };
        for by in [other, scope("c")] {
            schedule.released(&by, now);
            assert_eq!(schedule.take(now), None);
        }
        schedule.released(&scope("b"), now);
        assert_eq!(schedule.take(now), Some(scope("a")));
        assert_eq!(schedule.take(now), None);
        // What the pass under way has read may be from before.
        schedule.released(&scope("b"), now);
        schedule.ended(&scope("a"), Ended::Quiet, now, 1.0);
        assert_eq!(schedule.take(now), Some(scope("a")));
    }

    #[test]
    fn a_new_revision_wakes_what_changed_and_forgets_what_is_released() {
        let mut schedule = schedule(&["a", "b"]);
        for name in ["a", "b"] {
            schedule.take(Duration::ZERO);
            schedule.ended(&scope(name), Ended::Quiet, Duration::ZERO, 0.5);
        }
        let now = Duration::from_secs(5);
        let declared = BTreeMap::from([(scope("a"), ()), (scope("c"), ())]);
        schedule.replace(&declared, &[scope("c")].into(), now);
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

    #[test]
    fn who_has_no_place_left_waits_for_its_own_and_holds_up_nobody_else() {
        let of = |account: &str, region: &str, name: &str| Scope {
            account: AccountName::parse(account).unwrap(),
            region: Region::parse(region).unwrap(),
            vpc: VpcId::parse(&format!("vpc-{name}")).unwrap(),
        };
        let stuck: Vec<Scope> = (0..9).map(|n| of("a", "cn-a", &n.to_string())).collect();
        let others = [of("a", "cn-b", "x"), of("z", "cn-a", "y")];
        let mut schedule = Schedule::new(MINUTE, 2);
        let all: BTreeMap<_, _> = stuck.iter().chain(&others).map(|of| (of.clone(), ())).collect();
        schedule.replace(&all, &BTreeSet::new(), Duration::ZERO);
        let taken: Vec<Scope> = std::iter::from_fn(|| schedule.take(Duration::ZERO)).collect();
        assert_eq!(taken, [&stuck[..2], &others[..]].concat());
        assert_eq!(schedule.next_due(), None, "there is nothing to wait for but the end of a pass");
        assert_eq!(schedule.waiting(Duration::ZERO), 7);
        for other in &others {
            schedule.ended(other, Ended::Quiet, Duration::ZERO, 0.5);
        }
        assert_eq!(schedule.next_due(), Some(MINUTE), "others keep their interval");
        schedule.ended(&stuck[0], Ended::Failed, Duration::ZERO, 0.5);
        assert_eq!(schedule.take(Duration::ZERO), Some(stuck[2].clone()), "a place came free");
        assert_eq!(schedule.take(Duration::ZERO), None);
        // A pass of a VPC that was released meanwhile gives its place back, too.
        schedule.forget(&stuck[1]);
        schedule.ended(&stuck[1], Ended::Quiet, Duration::ZERO, 0.5);
        assert_eq!(schedule.take(Duration::ZERO), Some(stuck[3].clone()));
        assert_eq!(schedule.take(Duration::ZERO), None);
    }
}
