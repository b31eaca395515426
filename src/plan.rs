//! What would have to be done: a proposal, sorted, with reasons and a digest. Touches nothing.

use crate::clock::Moment;
use crate::desired::{Desired, Place};
use crate::model::{Digest, InstanceId, Link, Mode, Scope, TakenOut, Verb, VpcId, side_by_side};
use crate::observed::Complete;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// The proposal for one scope. Made only by [`compute`], from an accepted revision and a complete
/// observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    desired: Arc<Desired>,
    desired_count: usize,
    observed_count: usize,
    observed_at: Moment,
    actions: Vec<Action>,
    missing: BTreeMap<InstanceId, Missing>,
    unconfirmed: BTreeSet<InstanceId>,
    digest: Digest,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Action {
    /// Detaches sort before attaches.
    pub verb: Verb,
    /// Which link.
    pub link: Link,
    /// Why.
    pub reason: Reason,
}

/// Why an action is proposed. `Display` is a sentence fragment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// No manifest of the scope lists the instance.
    NotDeclared,
    /// None does any more: a commit took it out.
    TakenOut(TakenOut),
    /// None does, and no commit took it out, as far as the journal knows.
    NeverDeclared,
    /// Listed, but its time is over.
    Expired {
        /// Since when.
        until: Timestamp,
        /// Where that is said.
        place: Place,
    },
    /// Taken before, and given back by an undo.
    GivenBack {
        /// What is undone, in words.
        of: String,
    },
    /// Listed, and not linked.
    NotLinked {
        /// Where it is listed.
        place: Place,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDeclared => write!(f, "linked, and no manifest of this VPC lists it"),
            Self::TakenOut(by) => write!(f, "linked, and {by} took it out of the manifests"),
            Self::NeverDeclared => {
                write!(
                    f,
                    "linked, and no manifest of this VPC lists it; nor did one before, as far as is known here"
                )
            }
            Self::Expired { until, place } => write!(f, "its exception ended at {until} ({place})"),
            Self::GivenBack { of } => write!(f, "detached by {of}, and given back"),
            Self::NotLinked { place } => write!(f, "listed at {place}, and not linked"),
        }
    }
}

/// A link that is desired and not observed, and why it may not be attached now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// Free to attach, where the mode says so.
    Unlinked,
    /// Linked to another VPC: that link has to go first.
    Elsewhere(VpcId),
    /// The cloud does not know the instance.
    Unknown,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlinked => f.write_str("not linked"),
            Self::Elsewhere(vpc) => write!(f, "linked to {vpc}"),
            Self::Unknown => {
                f.write_str("not linked; it, or an id read with it, is unknown to the cloud here")
            }
        }
    }
}

impl Plan {
    /// Account, region and VPC.
    pub fn scope(&self) -> &Scope {
        &self.desired.scope
    }

    /// The desired state it was made from.
    pub fn desired(&self) -> &Arc<Desired> {
        &self.desired
    }

    /// What the manifests allow.
    pub fn mode(&self) -> Mode {
        self.desired.mode
    }

    /// Links desired when it was made.
    pub fn desired_count(&self) -> usize {
        self.desired_count
    }

    /// Links observed.
    pub fn observed_count(&self) -> usize {
        self.observed_count
    }

    /// When the observation began.
    pub fn observed_at(&self) -> Moment {
        self.observed_at
    }

    /// With the commits that took links out of the manifests, as `who` knows them, where the manifests come
    /// from commits. The digest binds what is done and not who is to blame: it stays.
    #[must_use]
    pub fn told_by(mut self, who: impl Fn(&InstanceId) -> Option<TakenOut>) -> Self {
        if self.desired.revision.commit.is_none() {
            return self;
        }
        for action in self.actions.iter_mut().filter(|of| of.reason == Reason::NotDeclared) {
            let by = who(&action.link.instance);
            action.reason = by.map_or(Reason::NeverDeclared, Reason::TakenOut);
        }
        self
    }

    /// The steps: detaches before attaches, each by instance.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// Desired and not observed.
    pub fn missing(&self) -> &BTreeMap<InstanceId, Missing> {
        &self.missing
    }

    /// Listed by the VPC, not desired, and unknown by id: no evidence to act upon.
    pub fn unconfirmed(&self) -> &BTreeSet<InstanceId> {
        &self.unconfirmed
    }

    /// Whether reads showed the link of `instance`, of a plan that [`compute`] made.
    pub fn shows(&self, instance: &InstanceId) -> bool {
        let goes =
            |action: &Action| (action.verb, &action.link.instance).cmp(&(Verb::Detach, instance));
        let stays = self.desired.keeps(instance, self.observed_at.wall)
            && !self.missing.contains_key(instance);
        stays || self.unconfirmed.contains(instance) || self.actions.binary_search_by(goes).is_ok()
    }

    /// Binds account, region, VPC, mode, revision and actions.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// How many steps of one kind.
    pub fn count(&self, verb: Verb) -> usize {
        self.actions.iter().filter(|action| action.verb == verb).count()
    }

    /// Whether nothing differs that anybody could act upon.
    pub fn is_in_sync(&self) -> bool {
        self.actions.is_empty() && self.unconfirmed.is_empty()
    }
}

/// Compares. Same input, same bytes, same digest. `now` decides which exceptions still hold.
///
/// A detach is proposed only for a link that a read by id confirms. An attach is proposed only in
/// mode `sync` and for an instance that a read by id shows linked to nothing: a move between VPCs
/// is a detach there first (`anchors.md` 0.3).
pub fn compute(desired: &Arc<Desired>, observed: &Complete, now: Timestamp) -> Plan {
    let kept = desired.instances_at(now);
    let mut actions = Vec::new();
    let mut missing = BTreeMap::new();
    let mut unconfirmed = BTreeSet::new();
    let linked = observed.links().iter().map(|id| (id, ()));
    let both = side_by_side(linked, kept.iter().map(|id| (*id, ())));
    for (instance, linked, kept) in both {
        match (linked, kept) {
            (Some(()), None) if observed.confirms(instance) => actions.push(Action {
                verb: Verb::Detach,
                link: desired.scope.link(instance.clone()),
                reason: why_not_kept(desired, instance),
            }),
            (Some(()), None) => drop(unconfirmed.insert(instance.clone())),
            (None, Some(())) => {
                let state = why_missing(observed, instance);
                if state == Missing::Unlinked && desired.mode == Mode::Sync {
                    actions.extend(attach(desired, instance));
                }
                missing.insert(instance.clone(), state);
            }
            _ => (),
        }
    }
    actions.sort();
    let digest = digest(desired, &actions);
    Plan {
        desired: Arc::clone(desired),
        desired_count: kept.len(),
        observed_count: observed.links().len(),
        observed_at: observed.begun(),
        actions,
        missing,
        unconfirmed,
        digest,
    }
}

/// What gives links back that were taken: an attach for each of `desired` that a read by id shows
/// linked to nothing. Whatever else is linked is none of its business.
pub fn restore(desired: &Arc<Desired>, observed: &Complete, of: &str) -> Plan {
    let whole = compute(desired, observed, observed.begun().wall);
    let back = whole.actions.into_iter().filter(|action| action.verb == Verb::Attach);
    let actions: Vec<Action> = back
        .map(|action| Action { reason: Reason::GivenBack { of: of.to_owned() }, ..action })
        .collect();
    let digest = digest(desired, &actions);
    Plan { actions, digest, unconfirmed: BTreeSet::new(), ..whole }
}

fn why_not_kept(desired: &Desired, instance: &InstanceId) -> Reason {
    match desired.links.get(instance) {
        Some(said) => match said.until {
            Some(until) => Reason::Expired { until, place: said.place.clone() },
            None => Reason::NotDeclared,
        },
        None => Reason::NotDeclared,
    }
}

fn why_missing(observed: &Complete, instance: &InstanceId) -> Missing {
    match observed.elsewhere(instance) {
        Some(vpc) => Missing::Elsewhere(vpc.clone()),
        None if observed.unknown(instance) => Missing::Unknown,
        None => Missing::Unlinked,
    }
}

fn attach(desired: &Desired, instance: &InstanceId) -> Option<Action> {
    let said = desired.links.get(instance)?;
    Some(Action {
        verb: Verb::Attach,
        link: desired.scope.link(instance.clone()),
        reason: Reason::NotLinked { place: said.place.clone() },
    })
}

fn digest(desired: &Desired, actions: &[Action]) -> Digest {
    let Scope { account, region, vpc } = &desired.scope;
    let bound = [
        account.as_str(),
        region.as_str(),
        vpc.as_str(),
        desired.mode.as_str(),
        desired.revision.digest.as_str(),
    ];
    let steps = actions.iter().map(|action| (action.verb.as_str(), action.link.instance.as_str()));
    digest_of(bound, steps)
}

/// The digest of a plan from its words: account, region, VPC, mode and revision, then verb and
/// instance of each action, in order. For those who hold a saved plan against its own digest.
pub fn digest_of<'a>(
    bound: [&'a str; 5],
    actions: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Digest {
    let steps = actions.into_iter().flat_map(|(verb, instance)| [verb, instance]);
    Digest::of(bound.into_iter().chain(steps).map(str::as_bytes))
}

#[cfg(test)]
pub(crate) mod tests;
