//! Attach and Detach.

use super::Operation;
use crate::model::{Link, VpcId};
use crate::sim::problem::{Problem, Refusal};
use crate::sim::state::{InstanceKey, VpcKey};
use crate::sim::switches::{AlreadyGone, AttachAgain, Edition, Endurance};
use std::time::Duration;

/// Where and what, after the checks that both operations share.
struct Target {
    instance: InstanceKey,
    vpc: VpcKey,
}

impl Target {
    fn link(&self) -> Link {
        Link { instance: self.instance.1.clone(), vpc: self.vpc.1.clone() }
    }
}

impl Operation<'_> {
    /// Answers whether a link was made.
    pub(super) fn attach(&mut self) -> Result<bool, Refusal> {
        let target = self.target()?;
        if let Some(scripted) = self.scripted(&target) {
            return scripted.map(|()| false);
        }
        let old = self.state.switches.edition == Edition::D2018;
        let instance = self.own_instance(&target.instance)?.clone();
        match self.state.vpcs.get(&target.vpc) {
            None => return Err(self.refuse(Problem::VpcUnknown)),
            Some(vpc) if vpc.owner != *self.account => {
                return Err(self.refuse(Problem::VpcNotBelong));
            }
            Some(_) => {}
        }
        let region = self.state.regions.get(&target.instance.0);
        if !old && region.is_some_and(|facts| !facts.supports_links) {
            return Err(self.refuse(Problem::RegionLimited));
        }
        if !self.is_classic(&instance) {
            return Err(self.refuse(Problem::InstanceNotClassic));
        }
        if !instance.status.is_settled() {
            return Err(self.refuse(Problem::InstanceInTransition));
        }
        if instance.locked {
            return Err(self.refuse(Problem::InstanceLocked));
        }
        if self.state.vpcs.get(&target.vpc).is_some_and(|vpc| !vpc.classic_link) {
            return Err(self.refuse(Problem::VpcAttachDisabled));
        }
        if !instance.attachable {
            return Err(self.refuse(Problem::AttachNotAllowed));
        }
        match self.state.links.vpc_of(&target.instance) {
            Some(vpc) if *vpc != target.vpc.1 => {
                return Err(self.refuse(Problem::LinkedElsewhere));
            }
            Some(_) => {
                return match self.state.switches.attach_again {
                    AttachAgain::Ok => Ok(false),
                    AttachAgain::OperationDenied => Err(self.refuse(Problem::AlreadyLinked)),
                };
            }
            None => {}
        }
        if super::count(self.state.links.count(&target.vpc)) >= self.state.switches.quota {
            return Err(self.refuse(Problem::QuotaExceeded));
        }
        let delay = self.state.switches.attach_delay.draw(&mut self.state.rng);
        let (region, now) = (&target.instance.0, self.now.monotonic);
        self.state.links.attach(now, region, &target.link(), delay);
        Ok(true)
    }

    /// Answers whether a link was removed.
    pub(super) fn detach(&mut self) -> Result<bool, Refusal> {
        let target = self.target()?;
        if let Some(scripted) = self.scripted(&target) {
            return scripted.map(|()| false);
        }
        let edition = self.state.switches.edition;
        let instance = self.own_instance(&target.instance)?;
        if !self.is_classic(instance) {
            return Err(self.refuse(Problem::InstanceNotClassic));
        }
        if !instance.status.is_settled() {
            return Err(self.refuse(Problem::InstanceInTransition));
        }
        // Only 2018 lists the lock for Detach; later editions know only "not allowed to detach".
        if instance.locked && edition == Edition::D2018 {
            return Err(self.refuse(Problem::InstanceLocked));
        }
        if instance.locked || !instance.detachable {
            return Err(self.refuse(Problem::DetachNotAllowed));
        }
        let disabled = self.state.vpcs.get(&target.vpc).is_some_and(|vpc| !vpc.classic_link);
        if disabled && edition == Edition::D2024 {
            return Err(self.refuse(Problem::VpcDetachDisabled));
        }
        if self.state.links.vpc_of(&target.instance) != Some(&target.vpc.1) {
            return self.already_gone(edition);
        }
        let delay = self.state.switches.detach_delay.draw(&mut self.state.rng);
        let (region, id) = &target.instance;
        self.state.links.detach(self.now.monotonic, region, id, delay);
        self.state.expect_return(self.now, region, &target.link());
        Ok(true)
    }

    fn already_gone(&self, edition: Edition) -> Result<bool, Refusal> {
        match self.state.switches.already_gone {
            AlreadyGone::Auto if edition == Edition::D2024 => Err(self.refuse(Problem::NotLinked)),
            AlreadyGone::Auto | AlreadyGone::Ok => Ok(false),
            AlreadyGone::InvalidVpc => Err(self.refuse(Problem::NotLinked)),
            AlreadyGone::OperationDenied => Err(self.refuse(Problem::DetachNotAllowed)),
        }
    }

    fn target(&self) -> Result<Target, Refusal> {
        let region = self.region()?;
        let (instance, vpc) = match (self.param("InstanceId"), self.param("VpcId")) {
            (None, None) => return Err(self.refuse(Problem::BothIdsEmpty)),
            (None, Some(_)) => return Err(self.refuse(Problem::Missing("InstanceId"))),
            (Some(_), None) => return Err(self.refuse(Problem::Missing("VpcId"))),
            (Some(instance), Some(vpc)) => (instance, vpc),
        };
        let vpc = VpcId::parse(vpc).map_err(|_| self.refuse(Problem::VpcMalformed))?;
        let instance = self.instance_id(instance)?;
        Ok(Target { instance: (region.clone(), instance), vpc: (region, vpc) })
    }

    /// The answer somebody wrote down for the instance, if one is due.
    fn scripted(&mut self, target: &Target) -> Option<Result<(), Refusal>> {
        let now = self.now.monotonic;
        let scripts = self.state.switches.stuck.get_mut(target.instance.1.as_str())?;
        let code = loop {
            let script = scripts.front_mut()?;
            let due = match &mut script.lasts {
                Endurance::Forever => true,
                Endurance::Calls(left) => {
                    let due = *left > 0;
                    *left = left.saturating_sub(1);
                    due
                }
                Endurance::For(time) => {
                    let began = *script.began.get_or_insert(now);
                    now.saturating_sub(began) < (*time).max(Duration::from_nanos(1))
                }
            };
            if due {
                break script.code.clone();
            }
            scripts.pop_front();
        };
        Some(self.answer_of(&code))
    }

    fn answer_of(&self, code: &str) -> Result<(), Refusal> {
        let problem = match code {
            "OK" => return Ok(()),
            "NotFound" | "InvalidInstanceId.NotFound" => Problem::InstanceUnknown,
            "InvalidInstanceId.MalFormed" => Problem::InstanceNotClassic,
            "InvalidInstanceId.NotBelong" => Problem::InstanceNotBelong,
            "InvalidStatus.InstanceStatus" => Problem::InstanceInTransition,
            "InvalidStatus.InstanceLocked" => Problem::InstanceLocked,
            "InvalidOperation.InvalidVpc" => Problem::NotLinked,
            "OperationDenied" if self.action == crate::sim::problem::Action::Attach => {
                Problem::AttachNotAllowed
            }
            "OperationDenied" => Problem::DetachNotAllowed,
            "QuotaExceeded" => Problem::QuotaExceeded,
            other => return Err(Refusal::with_code(other)),
        };
        Err(self.refuse(problem))
    }
}
