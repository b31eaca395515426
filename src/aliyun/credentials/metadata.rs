//! The key of the RAM role of the ECS instance that this runs on, of its metadata service
//! (`api-contract.md` 9, metadata service).
//!
//! A token is asked for first: without one, whoever can make a process of this host fetch a URL has the key.
//! The open mode, which asks for none, is used only where that was allowed, and it is said.

use super::ask::{Ask, Patience, unusable};
use super::issued::{Issued, OF_SERVICES, SUCCESS};
use super::provide::{Fetching, Provide};
use super::{CredentialError, Key};
use crate::aliyun::client::exchange::Reply;
use crate::aliyun::redact::Secrets;
use crate::clock::Clock;
use crate::https::is_loopback;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Where every instance finds its metadata service: link-local, and the one address beside this machine's
/// own that is spoken to without TLS.
pub const METADATA: &str = "http://100.100.100.200";
/// Variable of the official libraries that turns off the open mode. `false` allows it here, where it is
/// off by default.
pub const OPEN_MODE_DISABLED: &str = "ALIBABA_CLOUD_IMDSV1_DISABLED";

const WHO: &str = "the metadata service";
const TOKENS: &str = "/latest/api/token";
const ROLES: &str = "/latest/meta-data/ram/security-credentials/";
const LIFE: HeaderName = HeaderName::from_static("x-aliyun-ecs-metadata-token-ttl-seconds");
const TOKEN: HeaderName = HeaderName::from_static("x-aliyun-ecs-metadata-token");
/// Seconds that a token of ours lives: it is used at once, and then never again.
const LIFE_OF_TOKEN: HeaderValue = HeaderValue::from_static("60");
/// Longest token; real ones have 56 characters.
const TOKEN_LENGTH_MAX: usize = 1024;

/// As the official libraries wait for it (`api-contract.md` 9).
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(1),
    read: Duration::from_secs(1),
    whole: Duration::from_secs(5),
};

/// Whether to ask without a token where the service gives none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OpenMode {
    /// Rather have no key.
    #[default]
    Refused,
    /// Ask, with a warning in the log.
    Allowed,
}

/// Asks the metadata service.
pub struct Metadata {
    ask: Ask,
    base: Url,
    role: Option<String>,
    open: OpenMode,
    warned: AtomicBool,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Metadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { ask, role, open, .. } = self;
        let shown = &mut f.debug_struct("Metadata");
        shown.field("who", &ask.who).field("role", role).field("open", open).finish_non_exhaustive()
    }
}

impl Metadata {
    /// `at` is [`METADATA`] or, for tests, on this machine; without a `role` the service is asked for it.
    ///
    /// # Errors
    /// [`CredentialError`] for another address, and for what is no name of a role.
    pub fn new(
        at: &str,
        role: Option<&str>,
        open: OpenMode,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CredentialError> {
        let role = role.map(str::trim).filter(|role| !role.is_empty());
        if role.is_some_and(|role| !is_role(role)) {
            return Err(unusable(
                WHO,
                "the name of the RAM role is none: names have 1 to 64 letters, digits, `.`, `-` and `_`",
            ));
        }
        let base = base(at)?;
        let ask = Ask::new(format!("{WHO} ({})", super::ask::host(&base)), &base, PATIENCE)?;
        let (role, warned) = (role.map(str::to_owned), AtomicBool::new(false));
        Ok(Self { ask, base, role, open, warned, clock })
    }

    async fn key(&self) -> Result<Key, CredentialError> {
        let mut secrets = Secrets::default();
        let token = self.token_or_open_mode(&mut secrets).await?;
        let role = match &self.role {
            Some(role) => role.clone(),
            None => self.discovered(token.as_ref(), &secrets).await?,
        };
        let reply = self.get(&format!("{ROLES}{role}"), token.as_ref(), &secrets).await?;
        if reply.status != 200 {
            let advice = format!("check that the RAM role `{role}` is attached to this instance");
            return Err(self.ask.status(reply.status, &advice));
        }
        let issued = Issued::read(&reply.body).map_err(|why| self.ask.fail(why, false))?;
        if issued.code.as_deref() != Some(SUCCESS) {
            return Err(self.ask.fail(issued.unsuccessful(secrets), true));
        }
        let key = issued.key(&OF_SERVICES, self.clock.now().wall);
        key.map_err(|why| self.ask.fail(why, false))
    }

    /// A token; nothing where the service gives none and the open mode is allowed.
    async fn token_or_open_mode(
        &self,
        secrets: &mut Secrets,
    ) -> Result<Option<SecretString>, CredentialError> {
        let refusal = match self.token(secrets).await {
            Ok(token) => {
                secrets.add(token.expose_secret());
                return Ok(Some(token));
            }
            Err(refusal) => refusal,
        };
        let CredentialError::Service { who, why, temporary } = refusal else { return Err(refusal) };
        if self.open == OpenMode::Refused {
            let why = format!(
                "it gives no token, and is not asked without one: {why}; if this instance has a \
                 metadata service that knows the open mode only, allow that with {OPEN_MODE_DISABLED}=false"
            );
            return Err(CredentialError::Service { who, why, temporary });
        }
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                reason = why,
                "the metadata service gives no token; keys are asked for in its open mode, as allowed: \
                 whoever can make a process of this host fetch a URL can have them"
            );
        }
        Ok(None)
    }

    async fn token(&self, secrets: &Secrets) -> Result<SecretString, CredentialError> {
        let mut request = Request::new(Method::PUT, self.at(TOKENS));
        request.headers_mut().insert(LIFE, LIFE_OF_TOKEN);
        let reply = self.ask.ask(request, secrets).await?;
        if reply.status != 200 {
            return Err(self.ask.status(reply.status, "it has to be 200 with a token"));
        }
        let text = std::str::from_utf8(&reply.body).unwrap_or_default().trim();
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || text.len() > TOKEN_LENGTH_MAX || !plain {
            return Err(self.ask.fail("what it calls a token is none", false));
        }
        Ok(text.to_owned().into())
    }

    async fn discovered(
        &self,
        token: Option<&SecretString>,
        secrets: &Secrets,
    ) -> Result<String, CredentialError> {
        const ATTACH: &str = "attach a RAM role to this instance";
        let reply = self.get(ROLES, token, secrets).await?;
        if reply.status != 200 {
            return Err(self.ask.status(reply.status, ATTACH));
        }
        let name = std::str::from_utf8(&reply.body).unwrap_or_default().trim();
        // It becomes a part of a URL.
        if !is_role(name) {
            let why = format!("it names no RAM role; {ATTACH}, or name the one that is");
            return Err(self.ask.fail(why, false));
        }
        Ok(name.to_owned())
    }

    async fn get(
        &self,
        path: &str,
        token: Option<&SecretString>,
        secrets: &Secrets,
    ) -> Result<Reply, CredentialError> {
        let mut request = Request::new(Method::GET, self.at(path));
        let value = token.and_then(|token| HeaderValue::from_str(token.expose_secret()).ok());
        if let Some(mut value) = value {
            value.set_sensitive(true);
            request.headers_mut().insert(TOKEN, value);
        }
        self.ask.ask(request, secrets).await
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }
}

impl Provide for Metadata {
    fn name(&self) -> &'static str {
        "ecs_ram_role"
    }

    fn fetch(&self) -> Fetching<'_> {
        Box::pin(self.key())
    }
}

/// Whether it is a name as RAM allows it, and one step of a path.
fn is_role(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && !name.starts_with('.')
}

fn base(at: &str) -> Result<Url, CredentialError> {
    let known = |url: &Url| {
        let near = url.host_str().is_some_and(is_loopback);
        let bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
        url.scheme() == "http" && bare && near
    };
    let url = Url::parse(at).ok().filter(|url| at == METADATA || known(url));
    url.ok_or_else(|| {
        unusable(
            WHO,
            "its address is neither http://100.100.100.200 nor, for tests, http of this machine",
        )
    })
}

#[cfg(test)]
mod tests;
