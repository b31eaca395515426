//! What the cloud answered, and whether that is everything.
//!
//! Detaching acts on what was seen, but "converged", a baseline and an attach act on what was *not*
//! seen, and a page can shift under a reader. So absence has to be proven: only this module awards
//! [`Complete`], by one of three proofs (`reliability.md` 4):
//!
//! | Proof | When |
//! |---|---|
//! | one page | the VPC has at most 100 links: a single answer, nothing to shift |
//! | seams | pages overlap by one, two, three … links, and every overlap matches |
//! | count and ids | the order changes from call to call: as many candidates as the cloud counts, each confirmed by id, the count unchanged before and after |

use crate::clock::Moment;
use crate::model::{InstanceId, Scope, VpcId, side_by_side};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

mod by_id;
mod sweep;

pub use by_id::{Standing, judge};
pub use sweep::{Ask, Sweep, plausible};

/// Why an observation is not complete. `Display` is a sentence without a full stop.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap(pub String);

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is known of a scope after observing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// Every link of the scope, and the standing of every instance that differs from the manifests.
    Complete(Complete),
    /// Not enough to decide anything.
    Partial(Partial),
}

/// An observation that is not proven complete. No plan can be made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partial {
    /// What was observed.
    pub scope: Scope,
    /// What is missing, at least one.
    pub gaps: Vec<Gap>,
    /// Links seen so far.
    pub seen: usize,
}

/// A proven observation of one scope. Made only by [`Complete::award`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complete {
    scope: Scope,
    links: BTreeSet<InstanceId>,
    standings: BTreeMap<InstanceId, Standing>,
    begun: Moment,
}

impl Complete {
    /// Joins a proven list of the VPC's links with the by-id answers about every instance that
    /// differs from the manifests (`desired` are the ids they keep). The by-id answer is a
    /// point-in-time read and wins where the list lagged.
    ///
    /// # Errors
    /// A [`Gap`] where an instance that differs was not decided by id, or where the list lacked a
    /// link that the by-id read shows: then it lacked others, perhaps.
    pub fn award(
        scope: Scope,
        listed: Listed,
        desired: &BTreeSet<&InstanceId>,
        standings: BTreeMap<InstanceId, Standing>,
        begun: Moment,
    ) -> Result<Self, Gap> {
        let Listed(mut links) = listed;
        for instance in differing(&links, desired) {
            let Some(standing) = standings.get(&instance) else {
                return Err(Gap(format!("instance {instance} was not read by id")));
            };
            let linked_here = matches!(standing, Standing::Linked(vpc) if *vpc == scope.vpc);
            if linked_here && !links.contains(&instance) {
                return Err(Gap(format!(
                    "the list of {} lacks {instance}, which a read by id shows linked to it",
                    scope.vpc
                )));
            }
            // Unknown by id but listed: the link stays counted, and is not acted upon.
            if !linked_here && !matches!(standing, Standing::Unknown { .. }) {
                links.remove(&instance);
            }
        }
        Ok(Self { scope, links, standings, begun })
    }

    /// Account, region and VPC.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Every instance linked to the VPC.
    pub fn links(&self) -> &BTreeSet<InstanceId> {
        &self.links
    }

    /// When the first read of this observation began.
    pub fn begun(&self) -> Moment {
        self.begun
    }

    /// Whether a by-id read confirms the link of `instance` to this VPC.
    pub fn confirms(&self, instance: &InstanceId) -> bool {
        matches!(self.standings.get(instance), Some(Standing::Linked(vpc)) if *vpc == self.scope.vpc)
    }

    /// The VPC that `instance` is linked to, if it is one other than this scope's.
    pub fn elsewhere(&self, instance: &InstanceId) -> Option<&VpcId> {
        match self.standings.get(instance) {
            Some(Standing::Linked(vpc)) if *vpc != self.scope.vpc => Some(vpc),
            _ => None,
        }
    }

    /// Whether the cloud answers that it does not know `instance`.
    pub fn unknown(&self, instance: &InstanceId) -> bool {
        matches!(self.standings.get(instance), Some(Standing::Unknown { .. }))
    }
}

/// A proven list of the instances linked to one VPC. Made only by the proofs of this module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed(BTreeSet<InstanceId>);

impl Listed {
    /// The instances on the list that the manifests do not keep, and those they keep that are not
    /// on it: what has to be decided by id.
    pub fn differing(&self, desired: &BTreeSet<&InstanceId>) -> BTreeSet<InstanceId> {
        differing(&self.0, desired)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the VPC has no link.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `instance` is on the list.
    pub fn contains(&self, instance: &InstanceId) -> bool {
        self.0.contains(instance)
    }

    /// The third proof: `candidates` were each read by id and stand as `standings` says, and the
    /// cloud counted `before` links before those reads and `after` links after them.
    ///
    /// # Errors
    /// A [`Gap`] where the confirmed candidates are not as many as the cloud counts.
    pub fn by_count_and_ids(
        scope: &Scope,
        standings: &BTreeMap<InstanceId, Standing>,
        before: u32,
        after: u32,
    ) -> Result<Self, Gap> {
        let here =
            |standing: &Standing| matches!(standing, Standing::Linked(vpc) if *vpc == scope.vpc);
        let confirmed: BTreeSet<InstanceId> =
            standings.iter().filter(|(_, s)| here(s)).map(|(id, _)| id.clone()).collect();
        if before == after && confirmed.len() == before as usize {
            Ok(Self(confirmed))
        } else {
            Err(Gap(format!(
                "{} links of {} are confirmed by id, and the cloud counted {before} before and \
                 {after} after",
                confirmed.len(),
                scope.vpc
            )))
        }
    }
}

fn differing(
    links: &BTreeSet<InstanceId>,
    desired: &BTreeSet<&InstanceId>,
) -> BTreeSet<InstanceId> {
    let kept = desired.iter().map(|id| (*id, ()));
    let both = side_by_side(links.iter().map(|id| (id, ())), kept);
    both.filter(|(_, linked, kept)| linked != kept).map(|(id, ..)| id.clone()).collect()
}

#[cfg(test)]
mod tests;
