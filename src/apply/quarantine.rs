//! Links that used up their tries, and scopes without permission: probed slowly, stopping nothing
//! else.

use crate::clock::Moment;
use crate::model::{InstanceId, Lane, Scope, Verb};
use crate::outcome::Outcome;
use crate::plan::Action;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Shortest time between two probes of a quarantined link (`reliability.md` A18).
const PROBE: Duration = Duration::from_secs(15 * 60);
/// Shortest time between two probes of a scope without permission (`reliability.md` A19).
const PROBE_SCOPE: Duration = Duration::from_secs(10 * 60);

type Key = (Scope, InstanceId, Verb);

#[derive(Debug, Clone)]
struct Cell {
    /// On the monotonic clock.
    until: Duration,
    why: String,
}

impl Cell {
    /// Closed for `least`, and up to a quarter longer, so that probes do not come in step.
    fn closed(least: Duration, why: String, now: Moment, jitter: f64) -> Self {
        let wait = least.mul_f64(1.0 + 0.25 * jitter.clamp(0.0, 1.0));
        Self { until: now.monotonic + wait, why }
    }

    fn left(&self, now: Moment) -> String {
        format!("{} min", self.until.saturating_sub(now.monotonic).as_secs().div_ceil(60))
    }
}

/// A link in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// Which instance.
    pub instance: InstanceId,
    /// What was tried.
    pub verb: Verb,
    /// Until the next try; zero if the next pass may.
    pub left: Duration,
    /// How the last try ended.
    pub why: String,
}

#[derive(Debug, Default)]
struct Cells {
    links: BTreeMap<Key, Cell>,
    scopes: BTreeMap<Scope, Cell>,
}

/// Whether writes in a scope are frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frost {
    /// They are not.
    None,
    /// They are, and why.
    Frozen(String),
    /// They were long enough: one call may find out.
    Probe,
}

/// The links in quarantine, and the scopes without permission. Cheap to clone; clones share.
#[derive(Debug, Clone, Default)]
pub struct Quarantine(Arc<Mutex<Cells>>);

impl Quarantine {
    /// Why an action may not be tried now, if its link is in quarantine.
    pub fn holds(&self, scope: &Scope, action: &Action, now: Moment) -> Option<String> {
        let cells = self.lock();
        let cell =
            cells.links.get(&key(scope, action)).filter(|cell| now.monotonic < cell.until)?;
        Some(format!("in quarantine, next try in {}; {}", cell.left(now), cell.why))
    }

    /// Freezes the writes of a scope; `jitter` lies in 0..1.
    pub(crate) fn freeze(&self, scope: &Scope, why: &str, now: Moment, jitter: f64) {
        let cell = Cell::closed(PROBE_SCOPE, why.to_owned(), now, jitter);
        self.lock().scopes.insert(scope.clone(), cell);
    }

    /// Whether the writes of a scope are frozen.
    pub(super) fn frost(&self, scope: &Scope, now: Moment) -> Frost {
        match self.lock().scopes.get(scope) {
            None => Frost::None,
            Some(cell) if now.monotonic >= cell.until => Frost::Probe,
            Some(cell) => Frost::Frozen(format!(
                "writes in this scope rest, next try in {}; {}",
                cell.left(now),
                cell.why
            )),
        }
    }

    /// Takes note of how an action ended; `jitter` lies in 0..1.
    pub fn settle(
        &self,
        scope: &Scope,
        action: &Action,
        outcome: &Outcome,
        now: Moment,
        jitter: f64,
    ) {
        match outcome {
            Outcome::Converged(_) => {
                let mut cells = self.lock();
                cells.links.remove(&key(scope, action));
                cells.scopes.remove(scope);
            }
            // One that the cloud takes and does not show would be called again and again.
            Outcome::Unknown(why) if !why.is_disputed() => (),
            Outcome::Blocked(_) | Outcome::Failed(_) | Outcome::Unknown(_) => {
                let cell = Cell::closed(PROBE, outcome.to_string(), now, jitter);
                self.lock().links.insert(key(scope, action), cell);
            }
            _ => (),
        }
    }

    /// Forgets links of a scope that are no longer part of its plan.
    pub fn keep_only(&self, scope: &Scope, actions: &[Action]) {
        self.lock().links.retain(|(of, instance, verb), _| {
            of != scope || actions.iter().any(|a| a.verb == *verb && a.link.instance == *instance)
        });
    }

    /// The links of a scope in quarantine: which action, how long until its next try, and why.
    pub fn of(&self, scope: &Scope, now: Moment) -> Vec<Parked> {
        let cells = self.lock();
        let of = cells.links.iter().filter(|((of, ..), _)| of == scope);
        let parked = of.map(|((_, instance, verb), cell)| Parked {
            instance: instance.clone(),
            verb: *verb,
            left: cell.until.saturating_sub(now.monotonic),
            why: cell.why.clone(),
        });
        parked.collect()
    }

    /// How many links are in quarantine, by account and region.
    pub fn by_lane(&self) -> BTreeMap<Lane, usize> {
        let mut counts = BTreeMap::new();
        for (scope, _, _) in self.lock().links.keys() {
            *counts.entry(scope.lane()).or_default() += 1;
        }
        counts
    }

    /// How many links are in quarantine.
    pub fn len(&self) -> usize {
        self.lock().links.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.lock().links.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Cells> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(scope: &Scope, action: &Action) -> Key {
    (scope.clone(), action.link.instance.clone(), action.verb)
}
