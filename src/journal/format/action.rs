//! Calls: intent, answer, result.

use super::LinkBody;
use super::origin::Origin;
use crate::ledger::event;
use crate::model::{Digest, RunId, Verb};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Intent {
    verb: String,
    #[serde(flatten)]
    link: LinkBody,
    reason: String,
    plan: String,
    #[serde(flatten)]
    origin: Origin,
    attempt: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approver: Option<String>,
}

impl Intent {
    pub fn of(intent: &event::Intent) -> Self {
        Self {
            verb: intent.verb.to_string(),
            link: LinkBody::of(&intent.scope, &intent.instance),
            reason: intent.reason.clone(),
            plan: intent.plan.to_string(),
            origin: Origin::of(&intent.revision),
            attempt: intent.attempt,
            run: intent.run.map(|run| run.0),
            approver: intent.approver.clone(),
        }
    }

    pub fn event(self) -> Option<event::Intent> {
        let (scope, instance) = self.link.link()?;
        Some(event::Intent {
            verb: Verb::parse(&self.verb)?,
            scope,
            instance,
            reason: self.reason,
            plan: Digest::parse(&self.plan)?,
            revision: self.origin.revision()?,
            attempt: self.attempt,
            run: self.run.map(RunId),
            approver: self.approver,
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answered {
    intent: u64,
    result: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    latency_ms: u64,
}

impl Answered {
    pub fn of(answered: &event::Answered) -> Self {
        let event::Answered { intent, result, code, request_id, latency_ms } = answered.clone();
        Self { intent, result, code, request_id, latency_ms }
    }

    pub fn event(self) -> event::Answered {
        let Self { intent, result, code, request_id, latency_ms } = self;
        event::Answered { intent, result, code, request_id, latency_ms }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settled {
    verb: String,
    #[serde(flatten)]
    link: LinkBody,
    plan: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<u64>,
    attempts: u32,
    outcome: String,
    detail: String,
}

impl Settled {
    pub fn of(settled: &event::Settled) -> Self {
        Self {
            verb: settled.verb.to_string(),
            link: LinkBody::of(&settled.scope, &settled.instance),
            plan: settled.plan.as_ref().map(ToString::to_string),
            run: settled.run.map(|run| run.0),
            attempts: settled.attempts,
            outcome: settled.outcome.clone(),
            detail: settled.detail.clone(),
        }
    }

    pub fn event(self) -> Option<event::Settled> {
        let (scope, instance) = self.link.link()?;
        Some(event::Settled {
            verb: Verb::parse(&self.verb)?,
            scope,
            instance,
            plan: self.plan.as_deref().and_then(Digest::parse),
            run: self.run.map(RunId),
            attempts: self.attempts,
            outcome: self.outcome,
            detail: self.detail,
        })
    }
}
