//! The journal's own format: an event as a kind and a JSON body. It changes only by adding kinds and
//! members: what an earlier version wrote is read for ever.

use crate::ledger::Event;
use crate::model::{AccountName, InstanceId, Region, Scope, VpcId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

mod action;
mod operator;
mod origin;
mod revision;

/// One event before it is chained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub kind: &'static str,
    pub body: String,
}

const ACCEPTED: &str = "accepted";
const PASSED: &str = "passed";
const BEGAN: &str = "began";
const INTENT: &str = "intent";
const ANSWERED: &str = "answered";
const SETTLED: &str = "settled";
const APPROVED: &str = "approved";
const PAUSED: &str = "paused";
const RESUMED: &str = "resumed";
const RESTORED: &str = "restored";
const PRUNED: &str = "pruned";

/// An event as it is written. [`Event::Other`] is never written.
pub(super) fn record(event: &Event) -> Record {
    match event {
        Event::Accepted(accepted) => write(ACCEPTED, &revision::Accepted::of(accepted)),
        Event::Passed(passed) => write(PASSED, &revision::Passed::of(passed)),
        Event::Began(began) => write(BEGAN, &operator::Began::of(began)),
        Event::Intent(intent) => write(INTENT, &action::Intent::of(intent)),
        Event::Answered(answered) => write(ANSWERED, &action::Answered::of(answered)),
        Event::Settled(settled) => write(SETTLED, &action::Settled::of(settled)),
        Event::Approved(approval) => write(APPROVED, &operator::ApprovedBody::of(approval)),
        Event::Paused(pause) => write(PAUSED, &operator::Paused::of(pause)),
        Event::Resumed(resume) => write(RESUMED, &operator::Resumed::of(resume)),
        Event::Restored(restored) => write(RESTORED, &operator::Restored::of(restored)),
        Event::Pruned(pruned) => write(PRUNED, &operator::Pruned::of(pruned)),
        Event::Other => write("other", &()),
    }
}

/// The event that was written; `None` where the body is not one of its kind.
pub(super) fn event(kind: &str, body: &str) -> Option<Event> {
    match kind {
        ACCEPTED => read::<revision::Accepted>(body)?.event().map(Event::Accepted),
        PASSED => read::<revision::Passed>(body)?.event().map(Event::Passed),
        BEGAN => Some(Event::Began(read::<operator::Began>(body)?.event())),
        INTENT => read::<action::Intent>(body)?.event().map(Event::Intent),
        ANSWERED => Some(Event::Answered(read::<action::Answered>(body)?.event())),
        SETTLED => read::<action::Settled>(body)?.event().map(Event::Settled),
        APPROVED => read::<operator::ApprovedBody>(body)?.event().map(Event::Approved),
        PAUSED => read::<operator::Paused>(body)?.event().map(Event::Paused),
        RESUMED => read::<operator::Resumed>(body)?.event().map(Event::Resumed),
        RESTORED => read::<operator::Restored>(body)?.event().map(Event::Restored),
        PRUNED => read::<operator::Pruned>(body)?.event().map(Event::Pruned),
        // Kinds of later versions are kept, and say nothing to this one.
        _ => Some(Event::Other),
    }
}

fn write(kind: &'static str, body: &impl Serialize) -> Record {
    // Strings, numbers and lists always serialise.
    Record { kind, body: serde_json::to_string(body).unwrap_or_default() }
}

fn read<T: DeserializeOwned>(body: &str) -> Option<T> {
    serde_json::from_str(body).ok()
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopeBody {
    account: String,
    region_id: String,
    vpc_id: String,
}

impl ScopeBody {
    fn of(scope: &Scope) -> Self {
        Self {
            account: scope.account.to_string(),
            region_id: scope.region.to_string(),
            vpc_id: scope.vpc.to_string(),
        }
    }

    fn scope(&self) -> Option<Scope> {
        Some(Scope {
            account: AccountName::parse(&self.account).ok()?,
            region: Region::parse(&self.region_id).ok()?,
            vpc: VpcId::parse(&self.vpc_id).ok()?,
        })
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LinkBody {
    #[serde(flatten)]
    scope: ScopeBody,
    instance_id: String,
}

impl LinkBody {
    fn of(scope: &Scope, instance: &InstanceId) -> Self {
        Self { scope: ScopeBody::of(scope), instance_id: instance.to_string() }
    }

    fn link(&self) -> Option<(Scope, InstanceId)> {
        Some((self.scope.scope()?, InstanceId::parse(&self.instance_id).ok()?))
    }
}

#[cfg(test)]
mod tests;
