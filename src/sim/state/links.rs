//! Which instance is linked to which VPC, and since when readers see it.
//!
//! Whether Detach is eventually consistent is undocumented (`api-contract.md` 14, 1). What is true
//! and what is listed are therefore kept apart: a link is listed from some time until some time.

use crate::model::{InstanceId, Link, Region, VpcId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{InstanceKey, VpcKey};

/// How long a link that is listed no more is remembered, for reads that answer as of the past.
const MEMORY: Duration = Duration::from_secs(3600);

/// When one link is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    from: Duration,
    until: Option<Duration>,
}

impl Listed {
    fn at(&self, time: Duration) -> bool {
        self.from <= time && self.until.is_none_or(|until| time < until)
    }
}

/// All links. An instance has at most one VPC by construction.
#[derive(Debug, Default)]
pub struct Links {
    truth: BTreeMap<InstanceKey, VpcId>,
    members: BTreeMap<VpcKey, BTreeSet<InstanceId>>,
    /// What is or was listed for each VPC.
    listed: BTreeMap<VpcKey, BTreeMap<InstanceId, Vec<Listed>>>,
    /// The VPCs that an instance is or was listed for.
    places: BTreeMap<InstanceKey, BTreeSet<VpcId>>,
}

impl Links {
    /// The VPC the instance is truly linked to.
    pub fn vpc_of(&self, instance: &InstanceKey) -> Option<&VpcId> {
        self.truth.get(instance)
    }

    /// The instances truly linked to the VPC.
    pub fn members(&self, vpc: &VpcKey) -> Option<&BTreeSet<InstanceId>> {
        self.members.get(vpc)
    }

    /// How many that are.
    pub fn count(&self, vpc: &VpcKey) -> usize {
        self.members.get(vpc).map_or(0, BTreeSet::len)
    }

    /// Every true link.
    pub fn all(&self) -> impl Iterator<Item = (&InstanceKey, &VpcId)> {
        self.truth.iter()
    }

    /// Links; listed after `delay`. The instance must not be linked.
    pub fn attach(&mut self, now: Duration, region: &Region, link: &Link, delay: Duration) {
        let instance = (region.clone(), link.instance.clone());
        let vpc = (region.clone(), link.vpc.clone());
        self.truth.insert(instance.clone(), link.vpc.clone());
        self.members.entry(vpc.clone()).or_default().insert(link.instance.clone());
        self.places.entry(instance).or_default().insert(link.vpc.clone());
        let of_vpc = self.listed.entry(vpc).or_default();
        let spans = of_vpc.entry(link.instance.clone()).or_default();
        // A link that came back while it was still listed was never away for a reader.
        match spans.iter_mut().find(|span| span.at(now)) {
            Some(span) => span.until = None,
            None => spans.push(Listed { from: now.saturating_add(delay), until: None }),
        }
    }

    /// Unlinks; listed for `delay` longer. Answers the VPC it was linked to.
    pub fn detach(
        &mut self,
        now: Duration,
        region: &Region,
        instance: &InstanceId,
        delay: Duration,
    ) -> Option<VpcId> {
        let key = (region.clone(), instance.clone());
        let vpc = self.truth.remove(&key)?;
        let of_vpc = (region.clone(), vpc.clone());
        if let Some(members) = self.members.get_mut(&of_vpc) {
            members.remove(instance);
        }
        let spans = self.listed.entry(of_vpc).or_default().entry(instance.clone()).or_default();
        for span in spans.iter_mut().filter(|span| span.until.is_none()) {
            span.until = Some(now.saturating_add(delay));
        }
        let forgotten =
            |span: &Listed| span.until.is_some_and(|until| until.saturating_add(MEMORY) < now);
        spans.retain(|span| !forgotten(span));
        Some(vpc)
    }

    /// What a reader is told at that time about the instance, by VPC id.
    pub fn listed_of(
        &self,
        time: Duration,
        instance: &InstanceKey,
    ) -> impl Iterator<Item = Link> + use<'_> {
        let (region, id) = instance.clone();
        let places = self.places.get(instance).into_iter().flatten();
        places.filter_map(move |vpc| {
            let spans = self.listed.get(&(region.clone(), vpc.clone()))?.get(&id)?;
            let listed = spans.iter().any(|span| span.at(time));
            listed.then(|| Link { instance: id.clone(), vpc: vpc.clone() })
        })
    }

    /// What a reader is told at that time about the VPC, by instance id.
    pub fn listed_in(&self, time: Duration, vpc: &VpcKey) -> Vec<Link> {
        let of_vpc = self.listed.get(vpc).into_iter().flatten();
        let listed = of_vpc.filter(|(_, spans)| spans.iter().any(|span| span.at(time)));
        listed.map(|(id, _)| Link { instance: id.clone(), vpc: vpc.1.clone() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn link(instance: &str, vpc: &str) -> Link {
        Link { instance: InstanceId::parse(instance).unwrap(), vpc: VpcId::parse(vpc).unwrap() }
    }

    #[test]
    fn a_detached_link_is_listed_until_its_delay_is_over() {
        let region = Region::parse("cn-hangzhou").unwrap();
        let mut links = Links::default();
        let one = link("i-a", "vpc-a");
        let vpc = (region.clone(), one.vpc.clone());
        links.attach(SECOND, &region, &one, SECOND);
        assert!(links.listed_in(SECOND, &vpc).is_empty());
        assert_eq!(links.listed_in(2 * SECOND, &vpc), std::slice::from_ref(&one));
        assert_eq!(
            links.detach(3 * SECOND, &region, &one.instance, SECOND * 2),
            Some(one.vpc.clone())
        );
        assert_eq!(links.count(&vpc), 0);
        assert_eq!(links.listed_in(4 * SECOND, &vpc), std::slice::from_ref(&one));
        assert!(links.listed_in(5 * SECOND, &vpc).is_empty());
        // The past stays what it was, for reads as of then.
        assert_eq!(links.listed_in(4 * SECOND, &vpc), std::slice::from_ref(&one));
    }

    #[test]
    fn a_link_that_comes_back_while_it_is_listed_stays_listed_once() {
        let region = Region::parse("cn-hangzhou").unwrap();
        let mut links = Links::default();
        let one = link("i-a", "vpc-a");
        let key = (region.clone(), one.instance.clone());
        links.attach(SECOND, &region, &one, Duration::ZERO);
        links.detach(SECOND, &region, &one.instance, SECOND * 9);
        links.attach(SECOND * 2, &region, &one, Duration::ZERO);
        assert_eq!(
            links.listed_of(SECOND * 60, &key).collect::<Vec<_>>(),
            std::slice::from_ref(&one)
        );
        // Moved elsewhere while the old place still lists it: a reader sees both.
        links.detach(SECOND * 60, &region, &one.instance, SECOND * 9);
        links.attach(SECOND * 60, &region, &link("i-a", "vpc-b"), Duration::ZERO);
        assert_eq!(links.listed_of(SECOND * 61, &key).count(), 2);
        assert_eq!(links.listed_of(SECOND * 70, &key).count(), 1);
    }
}
