//! What the manifests say: documents in, one [`Desired`] per scope out, or every conflict found.
//!
//! All or nothing: a tree with one conflict has no desired state at all, because what the author
//! meant is unknown and a wrong guess cuts a link.

use crate::model::{AccountName, Amount, InstanceId, Mode, Region, Revision, Scope, VpcId};
use crate::window::Windows;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

mod assemble;
mod claims;
mod expiring;
mod links;
mod tree;

pub use assemble::{assemble, outside_ceilings};
pub use expiring::{Expiring, Notice};
pub use links::Links;
pub use tree::{Tree, keep_declared};

/// Where in the tree something is said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Path below the root, with `/`.
    pub file: Arc<str>,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// One YAML document `kind: ClassicLinkSet`, checked by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// `metadata.name`
    pub name: String,
    /// `metadata.owner`: whom to ask.
    pub owner: Option<String>,
    /// `spec.account`, `spec.regionId` and `spec.vpcId`.
    pub scope: Scope,
    /// `spec.mode`
    pub mode: Mode,
    /// `spec.instances`
    pub instances: Links,
    /// `spec.limits`
    pub limits: Limits,
    /// `spec.windows`
    pub windows: Windows,
    /// Where the document begins.
    pub place: Place,
    /// Where the mode is said.
    pub mode_place: Place,
    /// Where the parts of the scope are said.
    pub scope_places: ScopePlaces,
}

/// Where a document says what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopePlaces {
    /// The account, or the VPC where it is not said.
    pub account: Place,
    /// The region.
    pub region: Place,
    /// The VPC.
    pub vpc: Place,
}

/// A link that should exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// From then on no longer desired.
    pub until: Option<Timestamp>,
    /// Why it is there, for people.
    pub reason: Option<String>,
    /// Lifting the protection and removing the link need two revisions.
    pub protected: bool,
    /// Where it is said.
    pub place: Place,
}

impl Declared {
    /// Whether it is desired at `now`.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// What a manifest says about how much may be cut at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Most detaches one plan may hold; the daemon's default where absent.
    pub max_detach: Option<Amount>,
    /// Whether a plan may leave the VPC without any link.
    pub allow_empty: bool,
}

/// A manifest that takes part in a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `metadata.name`
    pub name: String,
    /// `metadata.owner`
    pub owner: Option<String>,
    /// Where it begins.
    pub place: Place,
}

/// What one scope should look like, at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// Account, region and VPC.
    pub scope: Scope,
    /// What may be done.
    pub mode: Mode,
    /// The links that should exist, some of them only for a time.
    pub links: Links,
    /// Every `maxDetach` that a manifest of the scope says; the smallest number counts.
    pub max_detach: Vec<Amount>,
    /// Whether every manifest of the scope allows a plan that empties it.
    pub allow_empty: bool,
    /// When changes may be made: the windows of every manifest that has any. All must be open.
    pub windows: Vec<Windows>,
    /// The manifests it was made from, at least one.
    pub origins: Vec<Origin>,
    /// Which state of the tree this is.
    pub revision: Arc<Revision>,
}

impl Desired {
    /// The instances whose link should exist at `now`.
    pub fn instances_at(&self, now: Timestamp) -> BTreeSet<&InstanceId> {
        self.links.iter().filter(|(_, said)| said.holds_at(now)).map(|(id, _)| id).collect()
    }

    /// Whether the link of `instance` should exist at `now`.
    pub fn keeps(&self, instance: &InstanceId, now: Timestamp) -> bool {
        self.links.get(instance).is_some_and(|said| said.holds_at(now))
    }
}

/// What the configuration lets manifests of one account name. Empty sets mean "any".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ceiling {
    /// The regions.
    pub regions: BTreeSet<Region>,
    /// The VPCs.
    pub vpcs: BTreeSet<VpcId>,
}

impl Ceiling {
    /// Whether a scope of the account is within.
    pub fn allows(&self, scope: &Scope) -> bool {
        (self.regions.is_empty() || self.regions.contains(&scope.region))
            && (self.vpcs.is_empty() || self.vpcs.contains(&scope.vpc))
    }
}

/// The configured accounts with their ceilings.
pub type Ceilings = BTreeMap<AccountName, Ceiling>;

/// Two places that contradict each other, or one that contradicts the configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// The other place, with a word on what is there.
    pub other: Option<(Place, String)>,
    /// What to write instead.
    pub help: String,
}
