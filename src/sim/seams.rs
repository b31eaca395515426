//! The seams `ReadLinks`, `WriteLinks` and `Identify`, for a reconciler in the same process.

use super::Sim;
use super::exchange::{Reply, Verdict};
use super::problem::{Action, Refusal};
use super::semantics::Answer;
use super::state::Params;
use crate::cloud::{
    Accepted, Class, CloudError, Identify, Page, Query, ReadLinks, Ticket, WriteLinks,
};
use crate::model::{AccountId, InstanceId, Verb};
use secrecy::ExposeSecret as _;

/// Decides what a code means; the second argument is the message.
pub type Classifier = fn(&str, &str) -> Class;

/// One account of the simulated cloud. Calls take the simulated latency by the runtime's timer.
#[derive(Clone, Debug)]
pub struct SimAccount {
    sim: Sim,
    account: AccountId,
    /// The key that calls are made with; the first of the account where none is named.
    key: Option<String>,
    classify: Classifier,
}

impl SimAccount {
    pub(super) fn new(sim: Sim, account: AccountId) -> Self {
        Self { sim, account, key: None, classify }
    }

    /// The same cloud, as whoever makes calls with the key of that id sees it: whose the key is, is whose the
    /// calls are.
    #[must_use]
    pub fn with_key(&self, id: &str) -> Self {
        Self { key: Some(id.to_owned()), ..self.clone() }
    }

    /// The same account, with errors classified by the table of the real adapter.
    #[must_use]
    pub fn classified_by(mut self, classify: Classifier) -> Self {
        self.classify = classify;
        self
    }

    async fn call(&self, action: Action, params: &Params) -> Result<(Answer, String), CloudError> {
        let verdict = self.sim.with(|state, now| {
            let time = state.server_time(now);
            let key = self.key.as_deref().or_else(|| state.keys.of(&self.account));
            let key = key.unwrap_or_default().to_owned();
            let token = state.keys.get(&key).and_then(|key| key.token.clone());
            let token = token.as_ref().map(|(text, _)| text.expose_secret());
            match state.keys.accept(&key, token, time).map(|key| key.account.clone()) {
                Ok(account) => state.exchange(now, &account, action.as_str(), params),
                Err(refusal) => state.turn_away(now, action.as_str(), params, refusal),
            }
        });
        if !verdict.delay.is_zero() {
            tokio::time::sleep(verdict.delay).await;
        }
        self.read(verdict)
    }

    fn read(&self, verdict: Verdict) -> Result<(Answer, String), CloudError> {
        match verdict.reply {
            Reply::Answer(answer) => Ok((answer, verdict.request_id)),
            Reply::Refused(refusal) => Err(self.error(refusal, verdict.request_id)),
            Reply::Html(status) => Err(CloudError::new(
                Class::Ambiguous,
                "malformed-body",
                format!("the body is not the cloud's; the status is {status}"),
            )),
            Reply::Lost => Err(CloudError::new(
                Class::Ambiguous,
                "connection-lost",
                "the connection broke before an answer came",
            )),
            Reply::Unreachable => {
                Err(CloudError::new(Class::Unreachable, "connect", "nothing could be sent"))
            }
        }
    }

    fn error(&self, refusal: Refusal, request_id: String) -> CloudError {
        CloudError {
            class: (self.classify)(&refusal.code, &refusal.message),
            code: refusal.code,
            request_id: Some(request_id),
            message: refusal.message,
            retry_after: refusal.wait,
        }
    }
}

fn params<const N: usize>(pairs: [(&'static str, String); N]) -> Params {
    pairs.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

fn of_query(query: &Query) -> Params {
    match query {
        Query::OfVpc { region, vpc, page, page_size } => params([
            ("RegionId", region.as_str().to_owned()),
            ("VpcId", vpc.as_str().to_owned()),
            ("PageNumber", page.to_string()),
            ("PageSize", page_size.to_string()),
        ]),
        Query::OfInstances { region, instances } => {
            let ids: Vec<&str> = instances.iter().map(InstanceId::as_str).collect();
            params([
                ("RegionId", region.as_str().to_owned()),
                ("InstanceId", ids.join(",")),
                ("PageNumber", "1".to_owned()),
                ("PageSize", crate::cloud::PAGE_SIZE_MAX.to_string()),
            ])
        }
    }
}

fn unexpected() -> CloudError {
    CloudError::new(Class::Ambiguous, "malformed-body", "the answer is of another operation")
}

impl ReadLinks for SimAccount {
    async fn describe(&self, query: &Query) -> Result<Page, CloudError> {
        match self.call(Action::Describe, &of_query(query)).await? {
            (Answer::Links(page), id) => {
                Ok(Page { links: page.links, total: page.total, request_id: Some(id) })
            }
            _ => Err(unexpected()),
        }
    }
}

impl WriteLinks for SimAccount {
    async fn carry_out(&self, ticket: &Ticket) -> Result<Accepted, CloudError> {
        let action = match ticket.verb() {
            Verb::Attach => Action::Attach,
            Verb::Detach => Action::Detach,
        };
        let link = ticket.link();
        let params = params([
            ("RegionId", ticket.scope().region.as_str().to_owned()),
            ("InstanceId", link.instance.as_str().to_owned()),
            ("VpcId", link.vpc.as_str().to_owned()),
        ]);
        match self.call(action, &params).await? {
            (Answer::Accepted, id) => Ok(Accepted { request_id: Some(id) }),
            _ => Err(unexpected()),
        }
    }

    async fn ready(&self) -> Result<(), CloudError> {
        let draw = |state: &mut super::state::State, _| state.switches.unready.draw(&mut state.rng);
        match self.sim.with(draw) {
            true => Err(CloudError::new(Class::Unreachable, "credentials", "no fresh key came")),
            false => Ok(()),
        }
    }
}

impl Identify for SimAccount {
    async fn caller(&self) -> Result<AccountId, CloudError> {
        match self.call(Action::Identify, &Params::new()).await? {
            (Answer::Identity(account), _) => Ok(account),
            _ => Err(unexpected()),
        }
    }
}

/// What a code of the simulator means, in the few words of `api-contract.md` 8.4 that tests of this
/// layer need. The full table is the adapter's: hand it in by [`SimAccount::classified_by`].
pub fn classify(code: &str, message: &str) -> Class {
    let elsewhere = message.contains("linked to other vpc");
    match code {
        "InvalidOperation.InvalidVpc" | "InvalidInstanceId.NotFound" => Class::Gone,
        "InvalidInstanceId.MalFormed" | "InvalidVpcId.NotFound" => Class::Gone,
        "OperationDenied" if elsewhere => Class::Conflict,
        "Abs.InvalidInstanceId.MalFormed" => Class::Conflict,
        "OperationDenied" | "QuotaExceeded" => Class::Blocked,
        "OperationConflict" | "LastTokenProcessing" => Class::Waiting,
        "InternalError" | "ServiceUnavailable" | "UnknownError" | "SignatureNonceUsed" => {
            Class::Ambiguous
        }
        "Rejected.Throttling" => Class::Throttled,
        "Forbidden.SubUser" | "Forbidden.RAM" | "NoPermission" => Class::Denied,
        "SignatureDoesNotMatch" | "IncompleteSignature" | "Forbidden.AccessKeyDisabled" => {
            Class::Unauthenticated
        }
        "MissingSecurityToken" | "InvalidTimeStamp.Expired" => Class::Unauthenticated,
        "InvalidAction" | "InvalidInstanceId.LimitedRegion" => Class::Retired,
        _ if code.starts_with("Throttling") => Class::Throttled,
        _ if code.starts_with("InvalidStatus.") => Class::Waiting,
        _ if code.starts_with("InvalidAccessKeyId.") => Class::Unauthenticated,
        _ if code.starts_with("InvalidSecurityToken.") => Class::Unauthenticated,
        _ if code.starts_with("Invalid") || code.starts_with("Missing") => Class::Misconfigured,
        _ => Class::Unknown,
    }
}

#[cfg(test)]
mod tests;
