//! What the operations do and refuse, in the order of checks of `api-contract.md` 11: parameters,
//! ownership, instance type, status, lock, link state.
//!
//! Pure: the state, the moment and the parameters in, an answer or a refusal out.

use super::problem::{Action, Problem, Refusal};
use super::state::credentials::Issued;
use super::state::{Instance, InstanceKey, Network, Params, State};
use crate::clock::Moment;
use crate::model::{AccountId, InstanceId, Link, Region};

mod assume;
mod change;
mod describe;
mod instances;

/// What a call answers when it succeeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Attach and Detach: nothing but the request id.
    Accepted,
    /// Describe.
    Links(LinkPage),
    /// DescribeInstances.
    Instances(InstancePage),
    /// GetCallerIdentity.
    Identity(AccountId),
    /// AssumeRole and AssumeRoleWithOIDC.
    Assumed(Issued),
}

/// A page of links (`api-contract.md` 2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkPage {
    /// In the order of the answer.
    pub links: Vec<Link>,
    /// Across all pages.
    pub total: u32,
    /// As asked or defaulted.
    pub page_number: u32,
    /// As asked or defaulted.
    pub page_size: u32,
}

/// A page of instances (`api-contract.md` 2.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstancePage {
    /// By id.
    pub instances: Vec<(InstanceKey, Instance)>,
    /// Across all pages.
    pub total: u32,
    /// As asked or defaulted.
    pub page_number: u32,
    /// As asked or defaulted.
    pub page_size: u32,
    /// Where the next page starts, when the caller pages by token.
    pub next_token: Option<String>,
}

/// One operation of one account.
pub(super) struct Operation<'a> {
    pub(super) state: &'a mut State,
    pub(super) now: Moment,
    pub(super) account: &'a AccountId,
    pub(super) action: Action,
    pub(super) params: &'a Params,
}

/// An answer, and whether a link was made or removed.
pub(super) type Outcome = Result<(Answer, bool), Refusal>;

impl Operation<'_> {
    pub(super) fn carry_out(mut self) -> Outcome {
        match self.action {
            Action::Describe => self.describe().map(|page| (Answer::Links(page), false)),
            Action::Attach => self.attach().map(|changed| (Answer::Accepted, changed)),
            Action::Detach => self.detach().map(|changed| (Answer::Accepted, changed)),
            Action::Instances => self.instances().map(|page| (Answer::Instances(page), false)),
            Action::Assume | Action::AssumeWithOidc => {
                self.assume().map(|issued| (Answer::Assumed(issued), false))
            }
            Action::Identify => Ok((Answer::Identity(self.account.clone()), false)),
        }
    }

    fn refuse(&self, problem: Problem) -> Refusal {
        Refusal::within(self.state.switches.edition, Some(self.action), problem)
    }

    /// The parameter; absent and empty are the same to the API.
    fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn region(&self) -> Result<Region, Refusal> {
        let text = self.param("RegionId");
        let text = text.ok_or_else(|| self.refuse(Problem::Missing("RegionId")))?;
        let region = Region::parse(text).map_err(|_| self.refuse(Problem::RegionMalformed))?;
        if self.state.regions.contains_key(&region) {
            Ok(region)
        } else {
            Err(self.refuse(Problem::RegionUnknown))
        }
    }

    /// The instance, if it exists and is the caller's.
    fn own_instance(&self, key: &InstanceKey) -> Result<&Instance, Refusal> {
        let instance = self.state.instances.get(key);
        let instance = instance.ok_or_else(|| self.refuse(Problem::InstanceUnknown))?;
        if instance.owner == *self.account {
            Ok(instance)
        } else {
            Err(self.refuse(Problem::InstanceNotBelong))
        }
    }

    /// Whether the instance can have a link; without a classic network none can.
    fn is_classic(&self, instance: &Instance) -> bool {
        instance.network == Network::Classic && self.state.switches.classic_network
    }

    fn instance_id(&self, text: &str) -> Result<InstanceId, Refusal> {
        // `InvalidInstanceId.MalFormed` means "not classic": a malformed id is just unknown.
        InstanceId::parse(text).map_err(|_| self.refuse(Problem::InstanceUnknown))
    }

    /// Page number and size: 1 and 10 unless given (`api-contract.md` 2.3).
    fn page(&self) -> Result<(u32, u32), Refusal> {
        let number = match self.param("PageNumber").map(str::parse::<u32>) {
            None => 1,
            Some(Ok(number)) if number >= 1 => number,
            Some(_) => return Err(self.refuse(Problem::PageNumber)),
        };
        let size = match self.param("PageSize").map(str::parse::<u32>) {
            None => 10,
            Some(Ok(size)) if (1..=crate::cloud::PAGE_SIZE_MAX).contains(&size) => size,
            Some(_) => return Err(self.refuse(Problem::PageSize)),
        };
        Ok((number, size))
    }
}

/// The number of items before the page.
fn items_before(page_number: u32, page_size: u32) -> usize {
    let before = u64::from(page_number.saturating_sub(1)).saturating_mul(u64::from(page_size));
    usize::try_from(before).unwrap_or(usize::MAX)
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
pub(super) mod tests;
