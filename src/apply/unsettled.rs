//! Calls whose effect no read has shown yet, carried from pass to pass: a link that is slow to show
//! or to come free must not hold up its scope, and must not be called again for being carried.

use crate::clock::Moment;
use crate::cloud::{Class, CloudError};
use crate::ledger::{self, Ledger};
use crate::model::{InstanceId, Scope, Verb};
use crate::plan::Action;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

type Key = (Scope, InstanceId, Verb);

/// What is known of the last call for a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// Calls made.
    pub attempts: u32,
    /// The last answer, if it was an error.
    pub failure: Option<CloudError>,
    /// When the last call ended.
    pub ended: Moment,
    /// When the call may be repeated, if it certainly was not carried out; on the monotonic clock.
    pub repeat: Option<Duration>,
}

/// The calls under observation. Cheap to clone; clones share.
#[derive(Debug, Clone, Default)]
pub struct Unsettled(Arc<Mutex<BTreeMap<Key, Carried>>>);

impl Carried {
    /// A call of an earlier process. A clock that was set back since makes it a call of just now.
    fn recovered(call: &ledger::Unsettled, now: Moment) -> Self {
        let lost = "an earlier process ended before the answer came";
        let failure =
            (!call.accepted).then(|| CloudError::new(Class::Ambiguous, CloudError::LOST, lost));
        let ago = Duration::try_from(now.wall.duration_since(call.at)).unwrap_or_default();
        Self { attempts: call.attempts, failure, ended: now.before(ago), repeat: None }
    }
}

impl Unsettled {
    /// What earlier processes left, for one that starts at `now`.
    pub fn recovered(ledger: &Ledger, now: Moment) -> Self {
        let unsettled = Self::default();
        for call in ledger.unsettled() {
            unsettled.put(&call.scope, &call.instance, call.verb, Carried::recovered(call, now));
        }
        unsettled
    }

    /// Carries a call on.
    pub fn put(&self, scope: &Scope, instance: &InstanceId, verb: Verb, carried: Carried) {
        self.lock().insert((scope.clone(), instance.clone(), verb), carried);
    }

    /// Takes up the call of an action again, if there was one.
    pub(super) fn take(&self, scope: &Scope, action: &Action) -> Option<Carried> {
        self.lock().remove(&(scope.clone(), action.link.instance.clone(), action.verb))
    }

    /// Takes every call of a scope that is not for one of `actions`.
    pub(super) fn take_others(
        &self,
        scope: &Scope,
        actions: &[Action],
    ) -> Vec<(InstanceId, Verb, Carried)> {
        let mut calls = self.lock();
        let planned = |instance: &InstanceId, verb: Verb| {
            actions.iter().any(|a| a.verb == verb && a.link.instance == *instance)
        };
        let others: Vec<Key> = calls
            .keys()
            .filter(|(of, instance, verb)| of == scope && !planned(instance, *verb))
            .cloned()
            .collect();
        let taken = others.into_iter().filter_map(|key| {
            let carried = calls.remove(&key)?;
            Some((key.1, key.2, carried))
        });
        taken.collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Carried>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
