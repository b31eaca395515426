//! One call an instance at a time, over all scopes: an instance that moves between two VPCs is in
//! the plans of both.

use crate::model::{InstanceId, Lane};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Key = (Lane, InstanceId);

/// The instances with a call under way. Cheap to clone; clones share.
#[derive(Debug, Clone, Default)]
pub struct Serial(Arc<Mutex<BTreeSet<Key>>>);

/// Leaves when dropped.
#[derive(Debug)]
pub struct Alone {
    serial: Serial,
    key: Key,
}

impl Serial {
    /// Enters for an instance, unless somebody is in.
    pub fn enter(&self, lane: &Lane, instance: &InstanceId) -> Option<Alone> {
        let key = (lane.clone(), instance.clone());
        let entered = self.lock().insert(key.clone());
        entered.then(|| Alone { serial: self.clone(), key })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.serial.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{id, scope};

    #[test]
    fn one_call_an_instance_at_a_time_whoever_asks() {
        let serial = Serial::default();
        let first = serial.clone().enter(&scope().lane(), &id(1)).unwrap();
        assert!(serial.enter(&scope().lane(), &id(1)).is_none());
        assert!(serial.enter(&scope().lane(), &id(2)).is_some(), "others do not wait");
        drop(first);
        assert!(serial.enter(&scope().lane(), &id(1)).is_some());
    }
}
