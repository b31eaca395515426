//! Keys of a RAM role, of STS: for another key, or for a token of an OpenID Connect provider
//! (`api-contract.md` 9, role assumption).

use super::ask::{late, no_client, refused};
use super::issued::OF_SERVICES;
use super::provide::{Fetching, Provide};
use super::{CredentialError, Key};
use crate::aliyun::client::request::{self, Call, Signed};
use crate::aliyun::client::skew::Skew;
use crate::aliyun::client::{SignatureVersion, exchange, hints, judge, pair};
use crate::aliyun::codes::Operation;
use crate::aliyun::endpoint::Endpoint;
use crate::aliyun::redact::Secrets;
use crate::aliyun::wire;
use crate::clock::Clock;
use secrecy::ExposeSecret as _;
use std::sync::Arc;
use std::time::Duration;

mod oidc;
mod role;

pub use oidc::AssumeRoleWithOidc;
pub use role::Role;

/// Longest wait for a connection, name lookup and TLS included.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Longest wait for a whole answer.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// Largest answer read.
const BODY_MAX: usize = super::ask::ANSWER_MAX;

/// STS at one endpoint. Asks once, and once more after a clock correction, for the clock that a role's key
/// is refused for is the one that calls with it would have been corrected for.
pub struct Sts {
    endpoint: Endpoint,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    skew: Skew,
    limit: Duration,
}

impl std::fmt::Debug for Sts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sts").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl Sts {
    /// `endpoint` is [`Endpoint::of_sts`], [`Endpoint::of_sts_in`], or what replaces them. The proxy that
    /// the environment names is used if that is asked for, and never for plain http.
    ///
    /// # Errors
    /// [`CredentialError`] if there is nothing to check certificates with.
    pub fn new(
        endpoint: Endpoint,
        proxy_from_environment: bool,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CredentialError> {
        let plain = endpoint.is_plain();
        let http = exchange::connections(plain, proxy_from_environment && !plain, CONNECT_MAX)
            .map_err(|error| no_client(&who(&endpoint), &error))?;
        Ok(Self { endpoint, http, clock, skew: Skew::default(), limit: ANSWER_MAX })
    }

    /// Asks for a key, signed with `by` or not at all. What must not show is in `secrets`.
    async fn ask(
        &self,
        call: &Call<'_>,
        by: Option<&Key>,
        secrets: &mut Secrets,
    ) -> Result<Key, CredentialError> {
        let who = who(&self.endpoint);
        let mut corrected = false;
        loop {
            let stamp = self.skew.apply(self.clock.now().wall);
            let Signed { request, string_to_sign } = match by {
                Some(key) => {
                    let version = SignatureVersion::V1;
                    request::signed(version, &self.endpoint, call, key, stamp, secrets)
                }
                None => request::unsigned(&self.endpoint, call, stamp),
            };
            let host = self.endpoint.authority();
            let asked = exchange::exchange(&self.http, host, BODY_MAX, request);
            let reply = tokio::time::timeout(self.limit, asked).await;
            let reply = reply.unwrap_or_else(|_| Err(late(self.limit)));
            let judged =
                judge::judge(&reply, call.operation, wire::assumed, &string_to_sign, secrets);
            let error = match judged {
                Ok((_, issued)) => {
                    let key = issued.key(&OF_SERVICES, self.skew.apply(self.clock.now().wall));
                    return key.map_err(|why| CredentialError::Service {
                        who,
                        why,
                        temporary: false,
                    });
                }
                Err(error) => error,
            };
            let date = || hints::date(&reply.as_ref().ok()?.headers);
            if !corrected
                && error.code.eq_ignore_ascii_case("InvalidTimeStamp.Expired")
                && self.skew.correct(self.clock.now().wall, stamp, date())
            {
                corrected = true;
                continue;
            }
            return Err(refused(&who, &error, advice(&error.code)));
        }
    }
}

fn who(endpoint: &Endpoint) -> String {
    format!("STS ({})", endpoint.authority())
}

/// What to do, where the code says it (`api-contract.md` 3.3, 9).
fn advice(code: &str) -> &'static str {
    match code.to_ascii_lowercase().as_str() {
        "nopermission" => {
            "allow `sts:AssumeRole` on the role to whose key it is, and name it in the role's trust policy"
        }
        "entitynotexist.role" => "check the ARN of the role",
        "authenticationfail.oidctoken.expired" => {
            "the token in the file has ended: see to whatever writes the file"
        }
        "authenticationfail.oidctoken.invalid"
        | "authenticationfail.oidctoken.publickeyfingerprintmismatch" => {
            "check the ARN of the provider, who may use it and its fingerprints"
        }
        _ => "",
    }
}

/// Assumes a role with the key of another source.
pub struct AssumeRole {
    sts: Arc<Sts>,
    base: Arc<dyn Provide>,
    role: Role,
}

impl AssumeRole {
    /// `base` is asked for its key each time, and may be an assumed role itself.
    pub fn new(sts: Arc<Sts>, base: Arc<dyn Provide>, role: Role) -> Self {
        Self { sts, base, role }
    }

    async fn key(&self) -> Result<Key, CredentialError> {
        let base = self.base.fetch().await?;
        let mut secrets = Secrets::default();
        let mut parameters = self.role.parameters();
        if let Some(id) = &self.role.external_id {
            secrets.add(id.expose_secret());
            parameters.push(pair("ExternalId", id.expose_secret()));
        }
        let call = Call { operation: Operation::Assume, region: None, parameters };
        self.sts.ask(&call, Some(&base), &mut secrets).await
    }
}

impl std::fmt::Debug for AssumeRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { sts, base, role } = self;
        let mut shown = f.debug_struct("AssumeRole");
        shown.field("sts", sts).field("base", base).field("role", role).finish()
    }
}

impl Provide for AssumeRole {
    fn name(&self) -> &'static str {
        "ram_role_arn"
    }

    fn fetch(&self) -> Fetching<'_> {
        Box::pin(self.key())
    }
}

#[cfg(test)]
mod tests;
