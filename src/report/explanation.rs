//! Why one link stays, goes or went: one value, and its forms.

use crate::desired::Place;
use crate::history::Record;
use crate::ledger::event::Passed;
use crate::model::{Digest, InstanceId, Lane, Mode, Revision, Scope, VpcId};
use crate::observed::Standing;
use crate::plan::Missing;
use jiff::Timestamp;

pub mod json;
pub mod text;

/// Everything that is known of the link of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Which instance.
    pub instance: InstanceId,
    /// When it was asked about.
    pub at: Timestamp,
    /// What the manifests say.
    pub declared: Declared,
    /// What the cloud says, or was last found to say.
    pub observed: Observed,
    /// What is done about it, by scope.
    pub decisions: Vec<Decision>,
    /// What was done to it, newest first.
    pub deeds: Vec<Record>,
    /// What would change it.
    pub ways: Vec<String>,
    /// What was looked at, for an instance that nobody has heard of.
    pub looked_at: Vec<String>,
}

/// What the manifests say of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Declared {
    /// Which manifests; none where there are none to go by.
    pub source: Option<Source>,
    /// Where it is listed.
    pub listings: Vec<Listing>,
    /// What else holds it, or calls for it.
    pub concerns: Vec<Concern>,
}

/// The manifests that were gone by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The folder, absolute.
    pub root: String,
    /// Which state of it.
    pub revision: Revision,
    /// When that was accepted, if it is in force.
    pub accepted: Option<Timestamp>,
}

/// One place that lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Account, region and VPC.
    pub scope: Scope,
    /// What the manifests allow.
    pub mode: Mode,
    /// Where.
    pub place: Place,
    /// From then on no longer desired.
    pub until: Option<Timestamp>,
    /// Whether it is desired now.
    pub holds: bool,
    /// Whether it is protected there.
    pub protected: bool,
    /// Why it is listed, in its author's words.
    pub reason: Option<String>,
}

/// Something beside the manifests that decides about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Concern {
    /// `protected`, `undone`, `flapping` or `paused`.
    pub kind: &'static str,
    /// What there is to say.
    pub message: String,
    /// What ends it.
    pub way_out: String,
}

/// What the cloud says of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// Why the cloud was not asked, if it was not.
    pub not_asked: Option<String>,
    /// What it answered, by account and region.
    pub sightings: Vec<Sighting>,
    /// What the last passes over the scopes concerned found, and since when, where the cloud was not
    /// asked.
    pub findings: Vec<(Timestamp, Passed)>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Where it was asked for.
    pub lane: Lane,
    /// When.
    pub at: Timestamp,
    /// How it stands, or why it could not be read.
    pub standing: Result<Standing, String>,
}

impl Sighting {
    /// The VPC it is linked to.
    pub fn vpc(&self) -> Option<&VpcId> {
        match &self.standing {
            Ok(Standing::Linked(vpc)) => Some(vpc),
            _ => None,
        }
    }
}

/// What is done about it in one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Account, region and VPC.
    pub scope: Scope,
    /// The decision.
    pub fate: Fate,
    /// Why.
    pub reason: String,
    /// Digest of the plan, where it has a part in one.
    pub plan: Option<Digest>,
    /// What holds it: rule, message, way out.
    pub refusals: Vec<(String, String, String)>,
    /// The pass that decided; none where the gate was asked just now.
    pub found: Option<Timestamp>,
}

/// What becomes of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is linked, and listed.
    Stays,
    /// It is detached at the next pass.
    Goes,
    /// It is attached at the next pass.
    Comes,
    /// Something would be done, and the gate does not let it.
    Held,
    /// It is listed and not linked, and nothing is done about it.
    Missing(Missing),
    /// Its VPC is declared by nobody.
    NotOurs,
    /// It was detached by us, and nobody lists it.
    Went,
    /// It is neither listed nor linked.
    NotLinked,
    /// There is no evidence to decide by.
    Undecided,
}

impl Fate {
    /// The word in JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Stays => "stays",
            Self::Goes => "goes",
            Self::Comes => "comes",
            Self::Held => "held",
            Self::Missing(_) => "missing",
            Self::NotOurs => "notOurs",
            Self::Went => "went",
            Self::NotLinked => "notLinked",
            Self::Undecided => "undecided",
        }
    }
}

impl Explanation {
    /// Whether anybody has ever heard of it.
    pub fn is_known(&self) -> bool {
        let named = |passed: &Passed| passed.actions.iter().any(|(_, id)| *id == self.instance);
        let held = self.declared.concerns.iter().any(|concern| concern.kind != "paused");
        let linked = self.observed.sightings.iter().any(|sighting| sighting.vpc().is_some());
        let found = self.observed.findings.iter().any(|(_, passed)| named(passed));
        let declared = !self.declared.listings.is_empty();
        declared || held || linked || found || !self.deeds.is_empty()
    }
}
