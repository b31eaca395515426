//! What exists in a simulated cloud before the first call.

use super::state::credentials::KeyState;
use super::state::{Instance, Key, Network, RegionFacts, State, Vpc};
use crate::model::{AccountId, InstanceId, Link, Region, VpcId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Access key id of the default account.
pub const ACCESS_KEY_ID: &str = "sim-access-key";
/// Access key secret of the default account.
pub const ACCESS_KEY_SECRET: &str = "sim-secret";
/// Number of the default account.
pub const ACCOUNT_ID: &str = "1234567890123456";

/// A world to make: built up by a test or from manifests, planted by [`super::Sim::new`].
#[derive(Debug, Clone, Default)]
pub struct Seed {
    keys: BTreeMap<String, Key>,
    regions: BTreeMap<Region, RegionFacts>,
    instances: BTreeMap<(Region, InstanceId), Instance>,
    vpcs: BTreeMap<(Region, VpcId), Vpc>,
    links: BTreeMap<(Region, InstanceId), VpcId>,
}

impl Seed {
    /// Nothing but the default account and its key.
    pub fn new() -> Self {
        let seed = Self::default();
        match default_account() {
            Some(account) => seed.key(ACCESS_KEY_ID, ACCESS_KEY_SECRET, &account),
            None => seed,
        }
    }

    /// An active key without a token.
    #[must_use]
    pub fn key(mut self, id: &str, secret: &str, account: &AccountId) -> Self {
        let key = Key {
            account: account.clone(),
            secret: secret.into(),
            state: KeyState::Active,
            token: None,
        };
        self.keys.insert(id.to_owned(), key);
        self
    }

    /// A key that goes with a security token until `end`.
    #[must_use]
    pub fn sts_key(
        mut self,
        id: &str,
        secret: &str,
        account: &AccountId,
        token: &str,
        end: jiff::Timestamp,
    ) -> Self {
        self = self.key(id, secret, account);
        if let Some(key) = self.keys.get_mut(id) {
            key.token = Some((token.into(), end));
        }
        self
    }

    /// A region whose classic instances can be linked.
    #[must_use]
    pub fn region(mut self, region: &Region) -> Self {
        self.regions.entry(region.clone()).or_insert(RegionFacts { supports_links: true });
        self
    }

    /// A region that knows no ClassicLink (`InvalidInstanceId.LimitedRegion`).
    #[must_use]
    pub fn limited_region(mut self, region: &Region) -> Self {
        self.regions.insert(region.clone(), RegionFacts { supports_links: false });
        self
    }

    /// A VPC with ClassicLink enabled, and its region.
    #[must_use]
    pub fn vpc(self, account: &AccountId, region: &Region, vpc: &VpcId) -> Self {
        self.vpc_as(region, vpc, Vpc { owner: account.clone(), classic_link: true })
    }

    /// A VPC of any kind, and its region.
    #[must_use]
    pub fn vpc_as(mut self, region: &Region, vpc: &VpcId, what: Vpc) -> Self {
        self = self.region(region);
        self.vpcs.insert((region.clone(), vpc.clone()), what);
        self
    }

    /// A running classic instance, and its region.
    #[must_use]
    pub fn instance(self, account: &AccountId, region: &Region, id: &InstanceId) -> Self {
        self.instance_as(region, id, Instance::classic(account.clone()))
    }

    /// A running instance of a VPC network, and its region.
    #[must_use]
    pub fn vpc_instance(self, account: &AccountId, region: &Region, id: &InstanceId) -> Self {
        let classic = Instance::classic(account.clone());
        self.instance_as(region, id, Instance { network: Network::Vpc, ..classic })
    }

    /// An instance of any kind, and its region.
    #[must_use]
    pub fn instance_as(mut self, region: &Region, id: &InstanceId, what: Instance) -> Self {
        self = self.region(region);
        self.instances.insert((region.clone(), id.clone()), what);
        self
    }

    /// A link, with the classic instance and the VPC if they are not there yet. An instance that is
    /// linked already stays where it is: it can have one VPC (`api-contract.md` 8.1).
    #[must_use]
    pub fn link(mut self, account: &AccountId, region: &Region, link: &Link) -> Self {
        let vpc = (region.clone(), link.vpc.clone());
        if !self.vpcs.contains_key(&vpc) {
            self = self.vpc(account, region, &link.vpc);
        }
        let instance = (region.clone(), link.instance.clone());
        if !self.instances.contains_key(&instance) {
            self = self.instance(account, region, &link.instance);
        }
        self.links.entry(instance).or_insert_with(|| link.vpc.clone());
        self
    }

    /// `vpcs` VPCs `vpc-0001`... with `links` links each, of instances `i-0001-0001`...: the first
    /// number is the VPC's.
    #[must_use]
    pub fn grid(mut self, account: &AccountId, region: &Region, vpcs: u32, links: u32) -> Self {
        for vpc in 1..=vpcs {
            let Ok(id) = VpcId::parse(&format!("vpc-{vpc:04}")) else { continue };
            self = self.vpc(account, region, &id);
            for instance in 1..=links {
                let text = format!("i-{vpc:04}-{instance:04}");
                let Ok(instance) = InstanceId::parse(&text) else { continue };
                self = self.link(account, region, &Link { instance, vpc: id.clone() });
            }
        }
        self
    }

    /// The links, by region and instance.
    pub fn links(&self) -> impl Iterator<Item = (&Region, Link)> {
        self.links.iter().map(|((region, instance), vpc)| {
            (region, Link { instance: instance.clone(), vpc: vpc.clone() })
        })
    }

    pub(super) fn plant(&self, state: &mut State) {
        for (id, key) in &self.keys {
            state.keys.insert(id, key.clone());
        }
        state.regions.extend(self.regions.clone());
        state.instances.extend(self.instances.clone());
        state.vpcs.extend(self.vpcs.clone());
        for (region, link) in self.links() {
            // Always been there, so that reads as of the past see it too.
            state.links.attach(Duration::ZERO, region, &link, Duration::ZERO);
        }
    }
}

/// The default account's number.
pub fn default_account() -> Option<AccountId> {
    AccountId::parse(ACCOUNT_ID).ok()
}

/// The world of the default account in which every desired link exists, and `extra_stale` links
/// more in each VPC that nobody desires, of instances `i-stale...`. An instance that is desired in
/// two VPCs of a region is linked to the first.
pub fn world_for(
    desired: &[(Region, VpcId, Vec<InstanceId>)],
    extra_stale: usize,
    rng_seed: u64,
) -> Seed {
    let Some(account) = default_account() else { return Seed::new() };
    let mut rng = fastrand::Rng::with_seed(rng_seed);
    let mut taken: BTreeSet<String> =
        desired.iter().flat_map(|(_, _, ids)| ids).map(ToString::to_string).collect();
    let mut seed = Seed::new();
    for (region, vpc, instances) in desired {
        seed = seed.vpc(&account, region, vpc);
        for instance in instances {
            let link = Link { instance: instance.clone(), vpc: vpc.clone() };
            seed = seed.link(&account, region, &link);
        }
        let room = usize::try_from(crate::cloud::LINKS_PER_VPC_MAX)
            .unwrap_or(usize::MAX)
            .saturating_sub(instances.len());
        let mut left = extra_stale.min(room);
        while left > 0 {
            let text = format!("i-stale{:08x}", rng.u32(..));
            let Ok(instance) = InstanceId::parse(&text) else { break };
            if taken.insert(text) {
                seed = seed.link(&account, region, &Link { instance, vpc: vpc.clone() });
                left = left.saturating_sub(1);
            }
        }
    }
    seed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_for_manifests_has_their_links_and_stale_ones() {
        let region = Region::parse("cn-hangzhou").unwrap();
        let (a, b) = (VpcId::parse("vpc-a").unwrap(), VpcId::parse("vpc-b").unwrap());
        let ids = ["i-one", "i-two"].map(|id| InstanceId::parse(id).unwrap());
        let desired = [
            (region.clone(), a.clone(), ids.to_vec()),
            (region.clone(), b.clone(), vec![ids[0].clone()]),
        ];
        let seed = world_for(&desired, 3, 7);
        let of = |vpc: &VpcId| seed.links().filter(|(_, link)| link.vpc == *vpc).count();
        assert_eq!((of(&a), of(&b)), (5, 3), "an instance is linked once");
        let stale = seed.links().filter(|(_, l)| l.instance.as_str().starts_with("i-stale"));
        assert_eq!(stale.count(), 6);
        let again: Vec<Link> = world_for(&desired, 3, 7).links().map(|(_, link)| link).collect();
        assert_eq!(again, seed.links().map(|(_, link)| link).collect::<Vec<_>>());
        let other: Vec<Link> = world_for(&desired, 3, 8).links().map(|(_, link)| link).collect();
        assert_ne!(again, other);
    }

    #[test]
    fn a_full_vpc_gets_no_stale_links() {
        let region = Region::parse("cn-hangzhou").unwrap();
        let vpc = VpcId::parse("vpc-a").unwrap();
        let ids: Vec<InstanceId> =
            (0..999).map(|n| InstanceId::parse(&format!("i-{n}")).unwrap()).collect();
        assert_eq!(world_for(&[(region, vpc, ids)], 5, 1).links().count(), 1000);
    }
}
