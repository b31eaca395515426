//! The simulated cloud as one value: who may call, what exists, what is linked, what was asked.
//!
//! No I/O and no clock: every function takes `now`. The only randomness is the seeded generator
//! inside, so that the same seed and the same calls give the same log.

use super::switches::Switches;
use crate::clock::Moment;
use crate::model::{AccountId, InstanceId, Link, Region, VpcId};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

pub mod credentials;
pub mod links;
pub mod log;
pub mod throttle;

pub use credentials::{Key, Keys};
pub use links::Links;
pub use log::{Call, CallLog, Params};
pub use throttle::Throttle;

/// Network of an instance (`api-contract.md` 2.7). Only classic ones can be linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Network {
    /// The classic network.
    Classic,
    /// A VPC.
    Vpc,
}

impl Network {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Vpc => "vpc",
        }
    }
}

/// Status of an instance (`api-contract.md` 2.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the words of the API")]
pub enum Status {
    Pending,
    Starting,
    Running,
    Stopping,
    Stopped,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Starting, Self::Running, Self::Stopping, Self::Stopped];

    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Starting => "Starting",
            Self::Running => "Running",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
        }
    }

    /// The status of that name, whatever its case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str().eq_ignore_ascii_case(text))
    }

    /// Whether links can be changed in it (`api-contract.md` 8.1).
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Running | Self::Stopped)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Whose it is.
    pub owner: AccountId,
    /// Which network it is in.
    pub network: Network,
    /// What it is doing.
    pub status: Status,
    /// Whether another task holds it.
    pub locked: bool,
    /// Whether the cloud lets it be attached.
    pub attachable: bool,
    /// Whether the cloud lets it be detached.
    pub detachable: bool,
}

impl Instance {
    /// A running classic instance that allows everything.
    pub fn classic(owner: AccountId) -> Self {
        Self {
            owner,
            network: Network::Classic,
            status: Status::Running,
            locked: false,
            attachable: true,
            detachable: true,
        }
    }
}

/// A VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vpc {
    /// Whose it is.
    pub owner: AccountId,
    /// Whether ClassicLink is enabled on it.
    pub classic_link: bool,
}

/// A region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegionFacts {
    /// Whether instances of it can be attached at all (`InvalidInstanceId.LimitedRegion`).
    pub supports_links: bool,
}

/// An instance and where it is: ids mean nothing in another region.
pub type InstanceKey = (Region, InstanceId);
/// A VPC and where it is.
pub type VpcKey = (Region, VpcId);

/// Everything the simulated cloud knows.
#[derive(Debug)]
pub struct State {
    /// How it behaves.
    pub switches: Switches,
    /// Who may call.
    pub keys: Keys,
    /// Where.
    pub regions: BTreeMap<Region, RegionFacts>,
    /// What can be linked.
    pub instances: BTreeMap<InstanceKey, Instance>,
    /// What it can be linked to.
    pub vpcs: BTreeMap<VpcKey, Vpc>,
    /// What is linked, and what is listed.
    pub links: Links,
    /// What was asked.
    pub log: CallLog,
    pub(super) throttle: Throttle,
    pub(super) returning: VecDeque<Returning>,
    pub(super) rng: fastrand::Rng,
}

/// A link somebody will attach again by hand.
#[derive(Debug, Clone)]
pub(super) struct Returning {
    at: Duration,
    region: Region,
    link: Link,
}

impl State {
    /// A cloud with nothing in it.
    pub fn new(seed: u64) -> Self {
        Self {
            switches: Switches::default(),
            keys: Keys::default(),
            regions: BTreeMap::new(),
            instances: BTreeMap::new(),
            vpcs: BTreeMap::new(),
            links: Links::default(),
            log: CallLog::default(),
            throttle: Throttle::default(),
            returning: VecDeque::new(),
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// The cloud's own clock, which may be off.
    pub fn server_time(&self, now: Moment) -> jiff::Timestamp {
        let skew = self.switches.clock_skew;
        if !skew.behind {
            return now.after(skew.by).wall;
        }
        jiff::SignedDuration::try_from(skew.by)
            .ok()
            .and_then(|by| now.wall.checked_sub(by).ok())
            .unwrap_or(now.wall)
    }

    /// Attaches as a person at the console would: no log, no fault; an existing link moves.
    ///
    /// Answers whether the instance and the VPC exist.
    pub fn attach_by_hand(&mut self, now: Moment, region: &Region, link: &Link) -> bool {
        let exists = self.instances.contains_key(&(region.clone(), link.instance.clone()))
            && self.vpcs.contains_key(&(region.clone(), link.vpc.clone()));
        if exists {
            self.links.detach(now.monotonic, region, &link.instance, Duration::ZERO);
            self.links.attach(now.monotonic, region, link, Duration::ZERO);
        }
        exists
    }

    /// Detaches as a person at the console would. Answers whether there was a link.
    pub fn detach_by_hand(&mut self, now: Moment, region: &Region, instance: &InstanceId) -> bool {
        self.links.detach(now.monotonic, region, instance, Duration::ZERO).is_some()
    }

    /// Releases the instance; its link disappears with it (`api-contract.md` 8.1).
    pub fn release(&mut self, now: Moment, region: &Region, instance: &InstanceId) -> bool {
        self.links.detach(now.monotonic, region, instance, Duration::ZERO);
        self.instances.remove(&(region.clone(), instance.clone())).is_some()
    }

    /// Somebody attaches the link again by hand, if the switches say so.
    pub(super) fn expect_return(&mut self, now: Moment, region: &Region, link: &Link) {
        let times = &mut self.switches.reattach;
        let own = link.instance.as_str();
        let named = if times.contains_key(own) { own } else { "*" };
        let Some(left) = times.get_mut(named).filter(|left| **left > 0) else { return };
        *left = left.saturating_sub(1);
        self.returning.push_back(Returning {
            at: now.monotonic.saturating_add(self.switches.reattach_after),
            region: region.clone(),
            link: link.clone(),
        });
    }

    /// Carries out what other people did since the last call.
    pub(super) fn catch_up(&mut self, now: Moment) {
        let due = |one: &Returning| one.at <= now.monotonic;
        while let Some(index) = self.returning.iter().position(due) {
            let Some(one) = self.returning.remove(index) else { break };
            let key = (one.region.clone(), one.link.instance.clone());
            if self.links.vpc_of(&key).is_none() {
                self.attach_by_hand(now, &one.region, &one.link);
            }
        }
    }

    /// A request id as the cloud forms them: a UUID in upper case.
    pub(super) fn request_id(&mut self) -> String {
        let random = self.rng.u128(..).to_be_bytes();
        let id = uuid::Builder::from_random_bytes(random).into_uuid();
        let mut text = uuid::Uuid::encode_buffer();
        id.hyphenated().encode_upper(&mut text).to_owned()
    }
}
