//! How far the world is from what the manifests want.

use super::World;
use crate::model::{InstanceId, Mode};

impl World {
    /// What is not as the manifests want it, once everything had its time.
    pub fn left(&self) -> Option<String> {
        for (vpc, wish) in &self.wishes {
            let linked = self.ground.linked(vpc);
            let protected = self.ground.referee.protected(vpc);
            let stale =
                linked.iter().find(|id| !wish.keep.contains(*id) && !protected.contains(*id));
            if let (Some(stale), true) = (stale, wish.mode != Mode::Observe) {
                return Some(format!("{stale} is still linked to {vpc}"));
            }
            let missing = wish.keep.iter().find(|id| !linked.contains(*id) && self.can_link(id));
            if let (Some(missing), true) = (missing, wish.mode == Mode::Sync) {
                return Some(format!("{missing} is not linked to {vpc}"));
            }
        }
        None
    }

    /// Whether the instance exists and is not linked elsewhere.
    pub(super) fn can_link(&self, instance: &InstanceId) -> bool {
        let key = (self.ground.names.region.clone(), instance.clone());
        self.ground.sim.with(|state, _| {
            state.instances.contains_key(&key) && state.links.vpc_of(&key).is_none()
        })
    }
}
