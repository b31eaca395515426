//! What people did, and what stops or frees calls.

use super::LinkBody;
use super::revision::Passed;
use crate::ledger::event::{self, Cause, Target};
use crate::model::{AccountName, Digest, Lane, Region, RunId, Scope, VpcId};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Began {
    command: String,
    by: String,
}

impl Began {
    pub fn of(began: &event::Began) -> Self {
        Self { command: began.command.clone(), by: began.by.clone() }
    }

    pub fn event(self) -> event::Began {
        event::Began { command: self.command, by: self.by }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Approval {
    plan: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<Passed>,
    by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    until: String,
}

impl Approval {
    pub fn of(approval: &event::Approval) -> Self {
        Self {
            plan: approval.plan.to_string(),
            of: approval.of.as_ref().map(Passed::of),
            by: approval.by.clone(),
            reason: approval.reason.clone(),
            until: approval.until.to_string(),
        }
    }

    pub fn event(self) -> Option<event::Approval> {
        let of = match self.of {
            None => None,
            Some(of) => Some(of.event()?),
        };
        Some(event::Approval {
            plan: Digest::parse(&self.plan)?,
            of,
            by: self.by,
            reason: self.reason,
            until: self.until.parse().ok()?,
        })
    }
}

/// What is absent is not narrowed: nothing at all means everything.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TargetBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_id: Option<String>,
}

impl TargetBody {
    fn of(target: &Target) -> Self {
        let (account, region, vpc) = match target {
            Target::All => (None, None, None),
            Target::Account(account) => (Some(account), None, None),
            Target::Lane(lane) => (Some(&lane.account), Some(&lane.region), None),
            Target::Scope(scope) => (Some(&scope.account), Some(&scope.region), Some(&scope.vpc)),
        };
        Self {
            account: account.map(ToString::to_string),
            region_id: region.map(ToString::to_string),
            vpc_id: vpc.map(ToString::to_string),
        }
    }

    fn target(self) -> Option<Target> {
        let Self { account, region_id, vpc_id } = self;
        let Some(account) = account else {
            return (region_id.is_none() && vpc_id.is_none()).then_some(Target::All);
        };
        let account = AccountName::parse(&account).ok()?;
        let Some(region) = region_id else {
            return vpc_id.is_none().then_some(Target::Account(account));
        };
        let region = Region::parse(&region).ok()?;
        match vpc_id {
            None => Some(Target::Lane(Lane { account, region })),
            Some(vpc) => {
                Some(Target::Scope(Scope { account, region, vpc: VpcId::parse(&vpc).ok()? }))
            }
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Paused {
    #[serde(flatten)]
    target: TargetBody,
    cause: String,
    by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Paused {
    pub fn of(pause: &event::Pause) -> Self {
        Self {
            target: TargetBody::of(&pause.target),
            cause: pause.cause.as_str().to_owned(),
            by: pause.by.clone(),
            reason: pause.reason.clone(),
        }
    }

    pub fn event(self) -> Option<event::Pause> {
        let (target, cause) = (self.target.target()?, Cause::parse(&self.cause)?);
        Some(event::Pause { target, cause, by: self.by, reason: self.reason })
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Resumed {
    #[serde(flatten)]
    target: TargetBody,
    by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Resumed {
    pub fn of(resume: &event::Resume) -> Self {
        Self {
            target: TargetBody::of(&resume.target),
            by: resume.by.clone(),
            reason: resume.reason.clone(),
        }
    }

    pub fn event(self) -> Option<event::Resume> {
        let target = self.target.target()?;
        Some(event::Resume { target, by: self.by, reason: self.reason })
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Restored {
    run: u64,
    of: String,
    by: String,
    links: Vec<LinkBody>,
    revision: String,
}

impl Restored {
    pub fn of(restored: &event::Restored) -> Self {
        let links = restored.links.iter();
        Self {
            run: restored.run.0,
            of: restored.of.clone(),
            by: restored.by.clone(),
            links: links.map(|(scope, instance)| LinkBody::of(scope, instance)).collect(),
            revision: restored.revision.to_string(),
        }
    }

    pub fn event(self) -> Option<event::Restored> {
        Some(event::Restored {
            run: RunId(self.run),
            of: self.of,
            by: self.by,
            links: self.links.iter().map(LinkBody::link).collect::<Option<_>>()?,
            revision: Digest::parse(&self.revision)?,
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pruned {
    up_to: u64,
    hash: String,
}

impl Pruned {
    pub fn of(pruned: &event::Pruned) -> Self {
        Self { up_to: pruned.up_to, hash: pruned.hash.to_string() }
    }

    pub fn event(self) -> Option<event::Pruned> {
        Some(event::Pruned { up_to: self.up_to, hash: Digest::parse(&self.hash)? })
    }
}
