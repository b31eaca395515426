//! A key that whoever is at a URL hands out, such as a process beside this one (`api-contract.md` 9, URI
//! provider).
//!
//! https, or http on this machine. Not the metadata service's address: that would go around its token.

use super::ask::{self, Ask, Patience, unusable};
use super::issued::{Issued, OF_SERVICES, SUCCESS};
use super::provide::{Fetching, Provide};
use super::{CredentialError, Key};
use crate::aliyun::redact::Secrets;
use crate::clock::Clock;
use crate::https::is_loopback;
use reqwest::{Method, Request, Url};
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use std::time::Duration;

/// As the official libraries wait for it.
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    read: Duration::from_secs(10),
    whole: Duration::from_secs(15),
};

/// Asks a URL, of which only the host shows: whoever has all of it may have the key.
pub struct CredentialsUri {
    ask: Ask,
    url: SecretString,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for CredentialsUri {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CredentialsUri").field("who", &self.ask.who).finish_non_exhaustive()
    }
}

impl CredentialsUri {
    /// Checks the URL.
    ///
    /// # Errors
    /// [`CredentialError`] for a URL that is not asked; shows none of it.
    pub fn new(url: &str, clock: Arc<dyn Clock>) -> Result<Self, CredentialError> {
        let refuse = |what: &str| Err(unusable("the credentials URI", what));
        let Ok(mut url) = Url::parse(url.trim()) else {
            return refuse("it is not a URL; write one such as `https://keys.example.com/key`");
        };
        let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
            return refuse("it names no host");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return refuse(
                "it has a user name or a password in front of the host, which are not sent",
            );
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(host) => {}
            "http" => {
                return refuse(
                    "it is plain http, which anybody on the way can read, and which is only for this \
                     machine (127.0.0.0/8, ::1, localhost); use https, and for the metadata service the \
                     ECS RAM role",
                );
            }
            _ => return refuse("it is neither https nor http"),
        }
        url.set_fragment(None);
        let ask = Ask::new(format!("the credentials URI ({})", ask::host(&url)), &url, PATIENCE)?;
        Ok(Self { ask, url: String::from(url).into(), clock })
    }

    async fn key(&self) -> Result<Key, CredentialError> {
        let mut secrets = Secrets::default();
        secrets.add(self.url.expose_secret());
        let Ok(url) = Url::parse(self.url.expose_secret()) else {
            return Err(self.ask.fail("its URL is none", false));
        };
        url.query_pairs().for_each(|(_, value)| secrets.add(&value));
        let reply = self.ask.ask(Request::new(Method::GET, url), &secrets).await?;
        if reply.status != 200 {
            return Err(self.ask.status(reply.status, "it has to be 200 with a key"));
        }
        let issued = Issued::read(&reply.body).map_err(|why| self.ask.fail(why, false))?;
        if issued.code.as_deref().is_some_and(|code| code != SUCCESS) {
            return Err(self.ask.fail(issued.unsuccessful(secrets), true));
        }
        let key = issued.key(&OF_SERVICES, self.clock.now().wall);
        key.map_err(|why| self.ask.fail(why, false))
    }
}

impl Provide for CredentialsUri {
    fn name(&self) -> &'static str {
        "credential_uri"
    }

    fn fetch(&self) -> Fetching<'_> {
        Box::pin(self.key())
    }
}

#[cfg(test)]
mod tests;
