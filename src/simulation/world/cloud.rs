//! What the cloud and the way to it do wrong.

use super::World;
use crate::model::{InstanceId, VpcId};
use crate::sim::Status;
use crate::sim::state::credentials::KeyState;
use crate::simulation::deed::Deed;
use std::sync::atomic::Ordering;

impl World {
    /// Whether it was a deed of this kind.
    pub(super) fn disturb_cloud(&mut self, deed: Deed) -> bool {
        let percent = |most: u32, random: &mut fastrand::Rng| format!("{}%", random.u32(1..=most));
        let seconds =
            |most: u32, random: &mut fastrand::Rng| format!("0s..{}s", random.u32(1..=most));
        let random = &mut self.random;
        let set: Vec<(&str, String)> = match deed {
            Deed::ServerErrors => vec![
                ("error-before", percent(30, random)),
                ("error-after", percent(30, random)),
                (
                    "error-code",
                    random
                        .choice(["InternalError", "ServiceUnavailable"])
                        .unwrap_or_default()
                        .to_owned(),
                ),
            ],
            Deed::LostAnswers => vec![("lost", percent(40, random))],
            Deed::Unreachable => vec![("unreachable", percent(40, random))],
            Deed::Resets => vec![("reset", percent(40, random))],
            Deed::Html => vec![("html", percent(40, random))],
            Deed::MinuteQuota => vec![("limit-per-minute", random.u32(5..60).to_string())],
            Deed::SecondQuota => vec![("limit-per-second", random.u32(1..5).to_string())],
            Deed::SlowAnswers => {
                vec![("slow", percent(30, random)), ("slow-by", format!("{}s", random.u32(5..90)))]
            }
            Deed::Latency => vec![("latency", format!("0s..{}ms", random.u32(100..9000)))],
            Deed::DetachLag => vec![("detach-delay", seconds(90, random))],
            Deed::AttachLag => vec![("attach-delay", seconds(90, random))],
            Deed::StaleReads => {
                vec![
                    ("stale-reads", percent(50, random)),
                    ("stale-age", format!("{}s", random.u32(1..=8))),
                ]
            }
            Deed::PageShift => vec![("page-shift", random.i32(-2..=2).to_string())],
            Deed::TotalSkew => vec![("total-skew", random.i32(-2..=2).to_string())],
            Deed::Shuffled => vec![("order", "shuffled".to_owned())],
            Deed::ForeignLink => vec![("foreign-link", percent(50, random))],
            Deed::PoisonId => return self.poison(),
            Deed::NotFound => vec![("stuck", self.stuck("InvalidInstanceId.NotFound", 24))],
            Deed::Disputed => vec![("stuck", self.stuck("OK", 2))],
            Deed::InTransition => return self.in_transition(),
            Deed::CloudDenied => vec![("stuck", self.stuck("OperationDenied", 3))],
            Deed::NoRightToWrite => vec![("deny-actions", "DetachClassicLinkVpc".to_owned())],
            Deed::NoRightToRead => {
                vec![("deny-actions", "DescribeClassicLinkInstances".to_owned())]
            }
            Deed::Hidden => {
                self.ground.referee.hides();
                vec![("hide", random.u32(5..90).to_string())]
            }
            Deed::ShortAnswers => {
                self.answers_are_short(true);
                return true;
            }
            Deed::RegionDown => vec![("regions-down", "*".to_owned())],
            Deed::Retired => vec![("retired-actions", "DetachClassicLinkVpc".to_owned())],
            Deed::Reattaching => vec![
                ("reattach", random.u32(1..5).to_string()),
                ("reattach-after", format!("{}s", random.u32(1..400))),
            ],
            Deed::KeyDisabled => {
                self.key(KeyState::Disabled);
                return true;
            }
            Deed::ForeignCredential => {
                self.ground.foreign.store(true, Ordering::Relaxed);
                return true;
            }
            _ => return false,
        };
        for (name, value) in set {
            if let Err(error) = self.ground.sim.set(name, &value) {
                self.accuse(format!("the simulation has no switch {name}={value}: {error}"));
            }
        }
        true
    }

    fn key(&self, to: KeyState) {
        self.ground.sim.with(|state, _| {
            let all: Vec<String> = state.keys.ids().map(str::to_owned).collect();
            for id in all {
                state.keys.set_state(&id, to);
            }
        });
    }

    fn some(&mut self, most: usize) -> Vec<InstanceId> {
        let count = self.random.usize(1..=most.min(self.ground.names.instances.len()));
        let instances = self.ground.names.instances.clone();
        self.random.choose_multiple(instances, count)
    }

    fn stuck(&mut self, code: &str, most: usize) -> String {
        let some = self.some(most);
        let parts: Vec<String> = some.iter().map(|id| format!("{id}:{code}")).collect();
        parts.join(",")
    }

    /// From now on answers leave out links, or are whole again.
    pub(super) fn answers_are_short(&mut self, short: bool) {
        let random = short.then(|| fastrand::Rng::with_seed(self.random.u64(..)));
        self.ground.short.set(random);
    }

    fn poison(&mut self) -> bool {
        let mut some = self.some(2);
        if let (Some((_, linked)), true) = (self.a_link(), self.random.bool()) {
            // One that a call was made for, and that nobody has seen since, if there is one.
            let called = self.ground.referee.in_doubt();
            some = vec![self.random.choice(called).unwrap_or(linked)];
        }
        let some: Vec<String> = some.iter().map(ToString::to_string).collect();
        let _known = self.ground.sim.set("poison", &some.join(","));
        true
    }

    fn in_transition(&mut self) -> bool {
        let region = self.ground.names.region.clone();
        for instance in self.some(4) {
            self.ground.sim.set_status(&region, &instance, Status::Stopping);
        }
        true
    }

    /// Instances come out of transition, and the key is accepted.
    pub(super) fn unstick(&self) {
        for instance in &self.ground.names.instances {
            self.ground.sim.set_status(&self.ground.names.region, instance, Status::Running);
        }
        self.key(KeyState::Active);
    }

    /// A link that exists, of any VPC; half of the time one that no manifest lists, if there is one: it is
    /// about to be taken.
    pub(super) fn a_link(&mut self) -> Option<(VpcId, InstanceId)> {
        let vpcs = self.ground.names.vpcs.clone();
        let links: Vec<(VpcId, InstanceId)> = vpcs
            .iter()
            .flat_map(|vpc| self.ground.linked(vpc).into_iter().map(|id| (vpc.clone(), id)))
            .collect();
        let listed = |(vpc, id): &(VpcId, InstanceId)| {
            self.wishes.get(vpc).is_some_and(|wish| wish.keep.contains(id))
        };
        let going: Vec<_> = links.iter().filter(|link| !listed(link)).cloned().collect();
        let only = self.random.bool() && !going.is_empty();
        self.random.choice(if only { going } else { links })
    }
}
