//! Answers that are well formed, and not whole.

use crate::cloud::{Page, Query};
use crate::model::{Link, VpcId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Leaves links out of answers, or does not. Clones share it.
#[derive(Clone, Default)]
pub(in crate::simulation) struct Short(Arc<Mutex<Option<Mixed>>>);

/// What a replica that mixes up its answers remembers.
struct Mixed {
    random: fastrand::Rng,
    /// The first link of the list of each VPC.
    first: BTreeMap<VpcId, Link>,
}

impl Short {
    /// From now on, or from now on no more.
    pub fn set(&self, random: Option<fastrand::Rng>) {
        *self.lock() = random.map(|random| Mixed { random, first: BTreeMap::new() });
    }

    /// Half of the reads by id count a link that they do not list. A later page of a list ends in a link of
    /// the first page, and not in its own: as many links as are counted, and one of them twice.
    pub fn answer(&self, query: &Query, page: &mut Page) {
        let mut mixed = self.lock();
        let Some(Mixed { random, first }) = mixed.as_mut() else { return };
        match query {
            Query::OfInstances { .. } if random.bool() => drop(page.links.pop()),
            Query::OfInstances { .. } => (),
            Query::OfVpc { vpc, page: 1, .. } => {
                first.extend(page.links.first().map(|link| (vpc.clone(), link.clone())));
            }
            Query::OfVpc { vpc, .. } => {
                if let Some((last, again)) = page.links.last_mut().zip(first.get(vpc)) {
                    *last = again.clone();
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Mixed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
