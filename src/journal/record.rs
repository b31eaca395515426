//! The journal's own format: what each kind of entry says. It changes only by adding members.

use crate::cloud::{CloudError, IntentId};
use crate::gate::Permit;
use crate::manifest::File;
use crate::model::{Digest, Link, Revision, Scope, Verb};
use crate::outcome::Outcome;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// What the cloud answered to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// `accepted`, or the class of the error.
    pub result: String,
    /// The cloud's code, for an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// For the cloud's audit trail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// How long the call took.
    pub latency_ms: u64,
}

impl Answer {
    /// `result` of a call that the cloud took.
    pub(super) const ACCEPTED: &'static str = "accepted";
    /// `result` of a call whose process died, and of a code that nobody documented.
    pub(super) const UNKNOWN: &'static str = "unknown";

    /// From the result of a call.
    pub fn of(answer: &Result<crate::cloud::Accepted, CloudError>, latency: Duration) -> Self {
        let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        match answer {
            Ok(accepted) => Self {
                result: Self::ACCEPTED.to_owned(),
                code: None,
                request_id: accepted.request_id.clone(),
                latency_ms,
            },
            Err(error) => Self {
                result: error.class.to_string(),
                code: Some(error.code.clone()),
                request_id: error.request_id.clone(),
                latency_ms,
            },
        }
    }

    /// For an intent whose leave was withdrawn before anything was sent.
    pub fn not_sent() -> Self {
        Self { result: "not-sent".to_owned(), code: None, request_id: None, latency_ms: 0 }
    }

    /// For an intent that a process left open when it died.
    pub fn lost() -> Self {
        Self { result: Self::UNKNOWN.to_owned(), code: None, request_id: None, latency_ms: 0 }
    }
}

/// An action that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Settled<'a> {
    /// Account, region and VPC.
    pub scope: &'a Scope,
    /// Which link.
    pub link: &'a Link,
    /// Detach or attach.
    pub verb: Verb,
    /// Digest of the plan; none for a call of an earlier pass.
    pub plan: Option<&'a Digest>,
    /// Calls made.
    pub attempts: u32,
}

/// One entry before it is chained: its kind, and its body as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub kind: &'static str,
    pub body: String,
}

/// A manifest of an accepted revision: its text is in table `manifest`, by digest.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FileEntry {
    pub path: String,
    pub digest: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Accepted {
    pub root: String,
    pub revision: String,
    pub commit: Option<String>,
    pub author: Option<String>,
    pub files: Vec<FileEntry>,
    pub released: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Intent {
    pub verb: String,
    pub account: String,
    pub region_id: String,
    pub vpc_id: String,
    pub instance_id: String,
    pub reason: String,
    pub plan: String,
    pub revision: String,
    pub commit: Option<String>,
    pub author: Option<String>,
    pub attempt: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answered {
    pub intent: u64,
    #[serde(flatten)]
    pub answer: Answer,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SettledBody {
    pub verb: String,
    pub account: String,
    pub region_id: String,
    pub vpc_id: String,
    pub instance_id: String,
    pub plan: Option<String>,
    pub attempts: u32,
    pub outcome: String,
    pub detail: String,
}

impl Record {
    pub const ACCEPTED: &'static str = "accepted";
    pub const INTENT: &'static str = "intent";
    pub const ANSWERED: &'static str = "answered";
    pub const SETTLED: &'static str = "settled";

    fn new(kind: &'static str, body: &impl Serialize) -> Self {
        // Strings, numbers and lists always serialise.
        Self { kind, body: serde_json::to_string(body).unwrap_or_default() }
    }

    pub fn accepted(
        revision: &Revision,
        files: &[File],
        texts: &[(Digest, Arc<str>)],
        released: &[Scope],
        root: &str,
    ) -> Self {
        let entry = |(file, (digest, _)): (&File, &(Digest, Arc<str>))| FileEntry {
            path: file.path.to_string(),
            digest: digest.to_string(),
        };
        let body = Accepted {
            root: root.to_owned(),
            revision: revision.digest.to_string(),
            commit: revision.commit.clone(),
            author: revision.author.clone(),
            files: files.iter().zip(texts).map(entry).collect(),
            released: released.iter().map(ToString::to_string).collect(),
        };
        Self::new(Self::ACCEPTED, &body)
    }

    pub fn intent(permit: &Permit, attempt: u32) -> Self {
        let (action, plan) = (permit.action(), permit.approved().plan());
        let (scope, revision) = (plan.scope(), &plan.desired().revision);
        let body = Intent {
            verb: action.verb.to_string(),
            account: scope.account.to_string(),
            region_id: scope.region.to_string(),
            vpc_id: action.link.vpc.to_string(),
            instance_id: action.link.instance.to_string(),
            reason: action.reason.to_string(),
            plan: plan.digest().to_string(),
            revision: revision.digest.to_string(),
            commit: revision.commit.clone(),
            author: revision.author.clone(),
            attempt,
        };
        Self::new(Self::INTENT, &body)
    }

    pub fn answered(intent: IntentId, answer: Answer) -> Self {
        Self::new(Self::ANSWERED, &Answered { intent: intent.0, answer })
    }

    pub fn settled(settled: Settled<'_>, outcome: &Outcome) -> Self {
        let Settled { scope, link, verb, plan, attempts } = settled;
        let body = SettledBody {
            verb: verb.to_string(),
            account: scope.account.to_string(),
            region_id: scope.region.to_string(),
            vpc_id: link.vpc.to_string(),
            instance_id: link.instance.to_string(),
            plan: plan.map(ToString::to_string),
            attempts,
            outcome: outcome.as_str().to_owned(),
            detail: outcome.to_string(),
        };
        Self::new(Self::SETTLED, &body)
    }
}
