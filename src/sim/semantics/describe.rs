//! Describe: the links of a VPC, of instances, or of both at once.

use super::{LinkPage, Operation, count, items_before};
use crate::model::{InstanceId, Link, Region, VpcId};
use crate::sim::problem::{Problem, Refusal};
use crate::sim::switches::{Order, UnknownId, UnknownVpc, VpcInstance};
use std::collections::BTreeSet;
use std::time::Duration;

impl Operation<'_> {
    pub(super) fn describe(&mut self) -> Result<LinkPage, Refusal> {
        let region = self.region()?;
        let vpc = self.param("VpcId").map(str::to_owned);
        let ids: Option<Vec<String>> =
            self.param("InstanceId").map(|list| list.split(',').map(str::to_owned).collect());
        if vpc.is_none() && ids.is_none() {
            return Err(self.refuse(Problem::BothIdsEmpty));
        }
        if ids.as_ref().is_some_and(|ids| ids.len() > crate::cloud::IDS_MAX) {
            return Err(self.refuse(Problem::TooManyIds));
        }
        let (page_number, page_size) = self.page()?;
        let time = self.time_of_answer();
        let instances = ids.map(|ids| self.wanted(&region, &ids)).transpose()?;
        let vpc = vpc.map(|text| self.wanted_vpc(&region, &text)).transpose()?;
        let mut links = match (&vpc, &instances) {
            (Some(None), _) => Vec::new(),
            (Some(Some(vpc)), _) => {
                self.state.links.listed_in(time, &(region.clone(), vpc.clone()))
            }
            (None, Some(instances)) => self.links_of(&region, instances, time),
            (None, None) => Vec::new(),
        };
        if let Some(instances) = &instances {
            links.retain(|link| instances.contains(&link.instance));
        }
        let hidden = self.state.switches.hide;
        if hidden > 0 {
            links.retain(|link| !is_hidden(&link.instance, hidden));
        }
        self.stranger(&mut links, vpc.flatten().as_ref());
        Ok(self.cut(links, page_number, page_size))
    }

    fn links_of(
        &self,
        region: &Region,
        instances: &BTreeSet<InstanceId>,
        at: Duration,
    ) -> Vec<Link> {
        let keys = instances.iter().map(|id| (region.clone(), id.clone()));
        keys.flat_map(|key| self.state.links.listed_of(at, &key).collect::<Vec<_>>()).collect()
    }

    /// Now, or a while ago when a replica that lags behind answers (`reliability.md` A6).
    fn time_of_answer(&mut self) -> Duration {
        let now = self.now.monotonic;
        let state = &mut *self.state;
        if state.switches.stale_reads.draw(&mut state.rng) {
            now.saturating_sub(state.switches.stale_age)
        } else {
            now
        }
    }

    /// The instances of the list, if all of them may be asked about.
    fn wanted(&self, region: &Region, ids: &[String]) -> Result<BTreeSet<InstanceId>, Refusal> {
        let mut wanted = BTreeSet::new();
        for text in ids {
            if self.state.switches.poison.contains(text) {
                return Err(self.refuse(Problem::InstanceNotBelong));
            }
            let found = self.instance_id(text).and_then(|id| {
                let instance = self.own_instance(&(region.clone(), id.clone()))?;
                Ok((id, self.is_classic(instance)))
            });
            match found {
                Ok((id, true)) => {
                    wanted.insert(id);
                }
                Ok((_, false)) => {
                    // What a network that is gone answers is unknown; `api-contract.md` 8.3 guesses
                    // MalFormed for it.
                    let gone = !self.state.switches.classic_network;
                    if gone || self.state.switches.vpc_instance == VpcInstance::Malformed {
                        return Err(self.refuse(Problem::InstanceNotClassic));
                    }
                }
                Err(refusal)
                    if refusal.code == "InvalidInstanceId.NotFound"
                        && self.state.switches.unknown_id == UnknownId::Ignore => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(wanted)
    }

    /// The VPC, or nothing where an unknown one answers an empty list.
    fn wanted_vpc(&self, region: &Region, text: &str) -> Result<Option<VpcId>, Refusal> {
        let known = VpcId::parse(text).ok().and_then(|id| {
            let vpc = self.state.vpcs.get(&(region.clone(), id.clone()))?;
            Some((id, vpc))
        });
        match known {
            Some((_, vpc)) if vpc.owner != *self.account => Err(self.refuse(Problem::VpcNotBelong)),
            // ClassicLink not enabled, or no classic network: no error is named for it.
            Some((_, vpc)) if !vpc.classic_link || !self.state.switches.classic_network => Ok(None),
            Some((id, _)) => Ok(Some(id)),
            None => match self.state.switches.unknown_vpc {
                UnknownVpc::NotBelong => Err(self.refuse(Problem::VpcNotBelong)),
                UnknownVpc::Empty => Ok(None),
            },
        }
    }

    /// A link of another VPC, as from a mixed-up replica (`reliability.md` A14).
    fn stranger(&mut self, links: &mut Vec<Link>, asked: Option<&VpcId>) {
        let state = &mut *self.state;
        if !state.switches.foreign_link.draw(&mut state.rng) {
            return;
        }
        let other = state.links.all().find(|(_, vpc)| Some(*vpc) != asked);
        let link = match other {
            Some((key, vpc)) => Some(Link { instance: key.1.clone(), vpc: vpc.clone() }),
            None => InstanceId::parse("i-stranger").ok().and_then(|instance| {
                let vpc = VpcId::parse("vpc-stranger").ok()?;
                Some(Link { instance, vpc })
            }),
        };
        links.extend(link);
    }

    fn cut(&mut self, mut links: Vec<Link>, page_number: u32, page_size: u32) -> LinkPage {
        let state = &mut *self.state;
        match state.switches.order {
            Order::Stable => {}
            Order::Drifting => {
                let minute = self.now.monotonic.as_secs() / 60;
                fastrand::Rng::with_seed(minute).shuffle(&mut links);
            }
            Order::Shuffled => state.rng.shuffle(&mut links),
        }
        let mut total = count(links.len());
        let mut start = items_before(page_number, page_size);
        if page_number > 1 {
            let shift = isize::try_from(state.switches.page_shift).unwrap_or(0);
            start = start.saturating_add_signed(shift);
            total = total.saturating_add_signed(state.switches.total_skew);
        }
        let size = usize::try_from(page_size).unwrap_or(usize::MAX);
        let links = links.into_iter().skip(start).take(size).collect();
        LinkPage { links, total, page_number, page_size }
    }
}

/// The same links at each call: by a sum over the id that spreads well enough.
fn is_hidden(instance: &InstanceId, percent: u8) -> bool {
    let sum = instance.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (sum >> 32) % 100 < u64::from(percent)
}
