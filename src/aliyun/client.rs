//! Signs, sends, reads and classifies: the cloud's seams over HTTPS.

use super::codes::Operation;
use super::credentials::{Credentials, InUse};
use super::endpoint::Endpoint;
use super::redact::{Raw, Secrets};
use super::wire::{self, Answer, Malformed};
use crate::clock::Clock;
use crate::cloud::{
    Accepted, Class, CloudError, IDS_MAX, PAGE_SIZE_MAX, Page, Query, ReadLinks, Ticket, WriteLinks,
};
use crate::https::root_cause;
use crate::model::{AccountId, InstanceId, Region, Verb};
use crate::signature::Pair;
use keyring::{Keyring, not_carried_out};
use request::Call;
use skew::Skew;
use std::sync::Arc;
use std::time::Duration;

pub(super) mod exchange;
pub(super) mod hints;
mod identity;
pub(super) mod judge;
pub mod keyring;
pub mod offline;
pub mod probe;
pub(super) mod request;
pub(super) mod skew;

pub use identity::{Identity, Kind};
pub use skew::{TOLERANCE, off};

/// How requests are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignatureVersion {
    /// HMAC-SHA1 over the parameters (`api-contract.md` 4): what every ECS endpoint understands.
    #[default]
    V1,
    /// `ACS3-HMAC-SHA256` over request and headers (`api-contract.md` 5).
    V3,
}

/// How a [`Client`] talks.
#[derive(Debug)]
pub struct Settings {
    /// Whose calls these are.
    pub credentials: Credentials,
    /// The account that they must belong to: no change is signed with a key before it was asked whose it is.
    pub pinned: Option<AccountId>,
    /// How they are signed.
    pub signature: SignatureVersion,
    /// Replaces the endpoint of every region, and that of STS.
    pub endpoint_override: Option<Endpoint>,
    /// Whether to use the endpoints inside VPCs.
    pub vpc_endpoint: bool,
    /// The region of this host's VPC. Inside VPCs every endpoint is of a region, and the question
    /// whose credential it is is of none: without this it goes to the public endpoint.
    pub home_region: Option<Region>,
    /// Whether to use the proxy that the environment names; never for plain http.
    pub proxy_from_environment: bool,
    /// Longest wait for a connection, name lookup and TLS included.
    pub connect_timeout: Duration,
    /// Longest time for a read, its body and its second attempt included.
    pub read_timeout: Duration,
    /// Longest time for a write, likewise.
    pub write_timeout: Duration,
}

impl Settings {
    /// The defaults. The SDKs' own timeouts for these calls are 5 s to connect and 14 or 15 s to
    /// read (`api-contract.md` 6.3); a write waits longer, because giving up on it costs a read.
    pub fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            pinned: None,
            signature: SignatureVersion::default(),
            endpoint_override: None,
            vpc_endpoint: false,
            home_region: None,
            proxy_from_environment: false,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(30),
        }
    }
}

/// Why there is no client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "build the client of the cloud: {why}; install the system's CA certificates (the package is \
     mostly called ca-certificates) or name a bundle in SSL_CERT_FILE"
)]
pub struct ClientError {
    why: String,
}

/// Talks to ECS and STS for one credential. Asks once: see [`super`] for the two exceptions.
pub struct Client {
    settings: Settings,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    skew: Skew,
    keyring: Keyring,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What reads the body of an answer.
pub(super) type Reader<T> = fn(u16, &[u8]) -> Result<Answer<T>, Malformed>;

impl Client {
    /// A client with connections of its own.
    ///
    /// # Errors
    /// [`ClientError`] if there is nothing to check certificates with.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        let http =
            exchange::http(&settings).map_err(|error| ClientError { why: root_cause(&error) })?;
        let keyring = Keyring::new(settings.credentials.clone(), settings.pinned.clone());
        Ok(Self { settings, http, clock, skew: Skew::default(), keyring })
    }

    /// For a read, up to three attempts within `limit`: it is sent again after one clock correction
    /// and after one credential refresh. A write is sent once.
    async fn call<T>(
        &self,
        call: &Call<'_>,
        read: Reader<T>,
        limit: Duration,
    ) -> Result<(Option<String>, T), CloudError> {
        // Before the time of the call begins: until there is a key, certainly nothing was sent.
        let key = if call.operation.writes() {
            self.keyring.for_change().await?
        } else {
            self.keyring.for_read().await?
        };
        self.call_with(key, call, read, limit).await
    }

    async fn call_with<T>(
        &self,
        key: InUse,
        call: &Call<'_>,
        read: Reader<T>,
        limit: Duration,
    ) -> Result<(Option<String>, T), CloudError> {
        let mut secrets = Secrets::default();
        let attempts = self.attempts(key, call, read, &mut secrets);
        match tokio::time::timeout(limit, attempts).await {
            Ok(outcome) => outcome,
            Err(_) => {
                tracing::debug!(
                    action = call.operation.as_str(),
                    region = call.region.map(tracing::field::display),
                    code = "timeout",
                    "no answer of the cloud in time"
                );
                Err(secrets.error(Raw {
                    class: Class::Ambiguous,
                    code: "timeout",
                    message: &format!("no complete answer within {limit:?}"),
                    request_id: None,
                    retry_after: None,
                }))
            }
        }
    }

    async fn attempts<T>(
        &self,
        mut key: InUse,
        call: &Call<'_>,
        read: Reader<T>,
        secrets: &mut Secrets,
    ) -> Result<(Option<String>, T), CloudError> {
        let endpoint = self.endpoint(call.region)?;
        let (mut corrected, mut refreshed) = (false, false);
        // A write is not repeated here: its leave was given for one call, and has to be asked again.
        let writes = call.operation.writes();
        let mut number = 0;
        loop {
            number += 1;
            let attempt = self.attempt(number, call, &endpoint, &key, read, secrets);
            let failure = match attempt.await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let code = |code: &str| failure.error.code.eq_ignore_ascii_case(code);
            if !corrected && code("InvalidTimeStamp.Expired") {
                corrected = true;
                if self.skew.correct(self.clock.now().wall, failure.stamp, failure.date) {
                    if writes {
                        return Err(not_carried_out(failure.error));
                    }
                    continue;
                }
            } else if !refreshed && code("InvalidSecurityToken.Expired") {
                refreshed = true;
                if let Some(renewed) = self.keyring.after(&key).await? {
                    if writes {
                        return Err(not_carried_out(failure.error));
                    }
                    key = renewed;
                    continue;
                }
            }
            return Err(failure.error);
        }
    }

    async fn attempt<T>(
        &self,
        number: u32,
        call: &Call<'_>,
        endpoint: &Endpoint,
        key: &InUse,
        read: Reader<T>,
        secrets: &mut Secrets,
    ) -> Result<(Option<String>, T), judge::Failure> {
        let started = self.clock.now();
        let stamp = self.skew.apply(started.wall);
        let version = self.settings.signature;
        let signed = request::signed(version, endpoint, call, &key.key, stamp, secrets);
        let reply = exchange::send(&self.http, endpoint, signed.request).await;
        let judged = judge::judge(&reply, call.operation, read, &signed.string_to_sign, secrets);
        let latency = self.clock.now().since(started);
        let (code, request_id) = match &judged {
            Ok((id, _)) => ("ok", id.as_deref()),
            Err(error) => (error.code.as_str(), error.request_id.as_deref()),
        };
        tracing::debug!(
            action = call.operation.as_str(),
            region = call.region.map(tracing::field::display),
            code,
            latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
            request_id,
            attempt = number,
            "asked the cloud"
        );
        let date = reply.ok().and_then(|reply| hints::date(&reply.headers));
        judged.map_err(|error| judge::Failure { error, date, stamp })
    }

    fn endpoint(&self, region: Option<&Region>) -> Result<Endpoint, CloudError> {
        let settings = &self.settings;
        if let Some(endpoint) = &settings.endpoint_override {
            return Ok(endpoint.clone());
        }
        let endpoint = match region {
            Some(region) => Endpoint::of_region(region, settings.vpc_endpoint),
            None => {
                Endpoint::of_sts(settings.home_region.as_ref().filter(|_| settings.vpc_endpoint))
            }
        };
        endpoint
            .map_err(|error| CloudError::new(Class::Misconfigured, "endpoint", error.to_string()))
    }
}

impl ReadLinks for Client {
    async fn describe(&self, query: &Query) -> Result<Page, CloudError> {
        let call = Call {
            operation: Operation::Describe,
            region: Some(query.region()),
            parameters: filters(query)?,
        };
        let (request_id, page) = self.call(&call, wire::page, self.settings.read_timeout).await?;
        Ok(Page { request_id, ..page })
    }
}

impl WriteLinks for Client {
    async fn carry_out(&self, ticket: &Ticket) -> Result<Accepted, CloudError> {
        let call = Call {
            operation: match ticket.verb() {
                Verb::Attach => Operation::Attach,
                Verb::Detach => Operation::Detach,
            },
            region: Some(&ticket.scope().region),
            parameters: vec![
                pair("InstanceId", ticket.link().instance.as_str()),
                pair("VpcId", ticket.link().vpc.as_str()),
            ],
        };
        let limit = self.settings.write_timeout;
        let (request_id, ()) = self.call(&call, wire::acceptance, limit).await?;
        Ok(Accepted { request_id })
    }

    async fn ready(&self) -> Result<(), CloudError> {
        self.keyring.ready(|key| self.account_of(key)).await
    }

    fn clock_off(&self) -> Duration {
        self.skew.off()
    }
}

pub(super) fn pair(name: &str, value: &str) -> Pair {
    (name.to_owned(), value.to_owned())
}

/// The filter and the page. The page size is always said, for the default is 10
/// (`api-contract.md` 2.3); an empty list is never sent, for it would be no filter at all.
fn filters(query: &Query) -> Result<Vec<Pair>, CloudError> {
    let refuse = |why: &str| Err(CloudError::new(Class::Misconfigured, "bad-query", why));
    let (filter, page, page_size) = match query {
        Query::OfVpc { vpc, page, page_size, .. } => {
            (pair("VpcId", vpc.as_str()), *page, *page_size)
        }
        Query::OfInstances { instances, .. } if instances.is_empty() => {
            return refuse("no instance is named, which would ask for all");
        }
        Query::OfInstances { instances, .. } if instances.len() > IDS_MAX => {
            return refuse("one read can name at most 100 instances; ask in parts");
        }
        Query::OfInstances { instances, .. } => {
            // No spaces: whether the cloud trims them is unknown (`api-contract.md` 2.1).
            let ids: Vec<&str> = instances.iter().map(InstanceId::as_str).collect();
            (pair("InstanceId", &ids.join(",")), 1, PAGE_SIZE_MAX)
        }
    };
    if page == 0 || page_size == 0 || page_size > PAGE_SIZE_MAX {
        return refuse("pages count from 1 and hold 1 to 100 links");
    }
    let (page, page_size) = (page.to_string(), page_size.to_string());
    Ok(vec![filter, pair("PageNumber", &page), pair("PageSize", &page_size)])
}

#[cfg(test)]
pub(super) mod tests;
