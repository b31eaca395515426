//! Links that used up their tries: probed slowly, stopping nothing else.

use crate::clock::Moment;
use crate::model::{Scope, Verb};
use crate::outcome::Outcome;
use crate::plan::Action;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Shortest time between two probes of a quarantined link (`reliability.md` A18).
const PROBE: Duration = Duration::from_secs(15 * 60);

type Key = (Scope, crate::model::InstanceId, Verb);

#[derive(Debug, Clone)]
struct Cell {
    /// On the monotonic clock.
    until: Duration,
    why: String,
}

/// The links in quarantine. Cheap to clone; clones share.
#[derive(Debug, Clone, Default)]
pub struct Quarantine(Arc<Mutex<BTreeMap<Key, Cell>>>);

impl Quarantine {
    /// Why an action may not be tried now, if its link is in quarantine.
    pub fn holds(&self, scope: &Scope, action: &Action, now: Moment) -> Option<String> {
        let cells = self.lock();
        let cell = cells.get(&key(scope, action)).filter(|cell| now.monotonic < cell.until)?;
        let minutes = cell.until.saturating_sub(now.monotonic).as_secs().div_ceil(60);
        Some(format!("in quarantine, next try in {minutes} min; {}", cell.why))
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
                self.lock().remove(&key(scope, action));
            }
            Outcome::Blocked(_) | Outcome::Failed(_) => {
                let until = now.monotonic + PROBE.mul_f64(1.0 + 0.25 * jitter.clamp(0.0, 1.0));
                let cell = Cell { until, why: outcome.to_string() };
                self.lock().insert(key(scope, action), cell);
            }
            Outcome::Unknown(_) | Outcome::Skipped(_) => (),
        }
    }

    /// Forgets links of a scope that are no longer part of its plan.
    pub fn keep_only(&self, scope: &Scope, actions: &[Action]) {
        self.lock().retain(|(of, instance, verb), _| {
            of != scope || actions.iter().any(|a| a.verb == *verb && a.link.instance == *instance)
        });
    }

    /// How many links are in quarantine.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Cell>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(scope: &Scope, action: &Action) -> Key {
    (scope.clone(), action.link.instance.clone(), action.verb)
}
