//! DescribeInstances: the parts that matter here (`api-contract.md` 2.7).

use super::{InstancePage, Operation, count, items_before};
use crate::sim::problem::{Problem, Refusal};
use crate::sim::state::{Instance, InstanceKey, Network, Status};
use std::collections::BTreeSet;

/// Why an instance can be locked, as the API names it.
const LOCK_REASONS: [&str; 4] = ["financial", "security", "recycling", "dedicatedhostfinancial"];

impl Operation<'_> {
    pub(super) fn instances(&mut self) -> Result<InstancePage, Refusal> {
        let region = self.region()?;
        let ids = self.ids()?;
        let network = match self.param("InstanceNetworkType") {
            None => None,
            Some("classic") => Some(Network::Classic),
            Some("vpc") => Some(Network::Vpc),
            Some(_) => return Err(self.refuse(Problem::NetworkFilter)),
        };
        let status = match self.param("Status").map(Status::parse) {
            None => None,
            Some(None) => return Err(self.refuse(Problem::StatusFilter)),
            Some(known) => known,
        };
        let locked = match self.param("LockReason") {
            None => false,
            Some(reason) if LOCK_REASONS.contains(&reason) => true,
            Some(_) => return Err(self.refuse(Problem::LockFilter)),
        };
        let fits = |(key, instance): &(&InstanceKey, &Instance)| {
            key.0 == region
                && instance.owner == *self.account
                && (self.state.switches.classic_network || instance.network == Network::Vpc)
                && ids.as_ref().is_none_or(|ids| ids.contains(key.1.as_str()))
                && network.is_none_or(|network| network == instance.network)
                && status.is_none_or(|status| status == instance.status)
                && (!locked || instance.locked)
        };
        let found: Vec<(InstanceKey, Instance)> = self
            .state
            .instances
            .iter()
            .filter(fits)
            .map(|(key, instance)| (key.clone(), instance.clone()))
            .collect();
        self.cut_instances(found)
    }

    /// `InstanceIds` is a JSON array, not the comma list of Describe.
    fn ids(&self) -> Result<Option<BTreeSet<String>>, Refusal> {
        let Some(text) = self.param("InstanceIds") else { return Ok(None) };
        let ids: Vec<String> =
            serde_json::from_str(text).map_err(|_| self.refuse(Problem::IdsNotJson))?;
        if ids.len() > crate::cloud::IDS_MAX {
            return Err(self.refuse(Problem::TooManyIds));
        }
        Ok(Some(ids.into_iter().collect()))
    }

    fn cut_instances(&self, found: Vec<(InstanceKey, Instance)>) -> Result<InstancePage, Refusal> {
        let total = count(found.len());
        let (page_number, page_size, start, by_token) = match self.param("MaxResults") {
            None => {
                let (number, size) = self.page()?;
                (number, size, items_before(number, size), false)
            }
            Some(text) => {
                let size = text.parse().ok().filter(|size| (1..=100).contains(size));
                let size = size.ok_or_else(|| self.refuse(Problem::PageSize))?;
                let start = self.param("NextToken").map_or(Ok(0), str::parse);
                (1, size, start.map_err(|_| self.refuse(Problem::PageNumber))?, true)
            }
        };
        let size = usize::try_from(page_size).unwrap_or(usize::MAX);
        let instances: Vec<_> = found.into_iter().skip(start).take(size).collect();
        let end = start.saturating_add(instances.len());
        let more = by_token && count(end) < total && !instances.is_empty();
        let next_token = more.then(|| end.to_string());
        Ok(InstancePage { instances, total, page_number, page_size, next_token })
    }
}
