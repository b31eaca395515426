//! One question to whoever hands out keys near by, without a signature: a bounded answer within bounded time.

use super::CredentialError;
use crate::aliyun::client::exchange::{self, Lost, Reply};
use crate::aliyun::redact::{Raw, Secrets};
use crate::cloud::{Class, CloudError};
use crate::https::{self, root_cause};
use reqwest::header::{ACCEPT_ENCODING, HeaderValue};
use reqwest::{Client, Request, Url};
use std::time::Duration;

/// Largest answer read; keys with the longest tokens are smaller than 8 KiB.
pub(super) const ANSWER_MAX: usize = 64 * 1024;

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For a connection, name lookup and TLS included.
    pub(super) connect: Duration,
    /// For the next piece of an answer.
    pub(super) read: Duration,
    /// For all of it.
    pub(super) whole: Duration,
}

/// Connections to one host. Through no proxy: what comes back is a key.
pub(super) struct Ask {
    http: Client,
    /// Who is asked, for people; shows no secret part of the address.
    pub(super) who: String,
    host: String,
    pub(super) patience: Patience,
}

impl Ask {
    /// `url` is the whole address, or the beginning of every address that will be asked.
    pub(super) fn new(who: String, url: &Url, patience: Patience) -> Result<Self, CredentialError> {
        let http = https::client(url.scheme() == "http")
            .connect_timeout(patience.connect)
            .read_timeout(patience.read)
            .build()
            .map_err(|error| no_client(&who, &error))?;
        Ok(Self { http, who, host: host(url), patience })
    }

    /// Asks once. An answer of any status is one, but for a redirect.
    pub(super) async fn ask(
        &self,
        mut request: Request,
        secrets: &Secrets,
    ) -> Result<Reply, CredentialError> {
        // An answer that is not packed cannot unpack to more than its length.
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let asked = exchange::exchange(&self.http, &self.host, ANSWER_MAX, request);
        let lost = match tokio::time::timeout(self.patience.whole, asked).await {
            Ok(Ok(reply)) => return Ok(reply),
            Ok(Err(lost)) => lost,
            Err(_) => late(self.patience.whole),
        };
        let Lost { class, code, message } = lost;
        let raw = Raw { class, code, message: &message, request_id: None, retry_after: None };
        Err(refused(&self.who, &secrets.error(raw), ""))
    }

    /// What is said of an answer that is no key; `temporary` if it may pass by itself.
    pub(super) fn fail(&self, why: impl Into<String>, temporary: bool) -> CredentialError {
        CredentialError::Service { who: self.who.clone(), why: why.into(), temporary }
    }

    /// What is said of a status that is no success, before `advice`.
    pub(super) fn status(&self, status: u16, advice: &str) -> CredentialError {
        let temporary = status == 429 || status >= 500;
        self.fail(format!("it answered with status {status}; {advice}"), temporary)
    }
}

/// Host, and port where it is not the scheme's own.
pub(super) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Nothing whole came in time.
pub(super) fn late(limit: Duration) -> Lost {
    let message = format!("no complete answer within {limit:?}");
    Lost { class: Class::Ambiguous, code: "timeout", message }
}

/// An error that shows no secret any more, as one of credentials; `advice` may be empty.
pub(super) fn refused(who: &str, error: &CloudError, advice: &str) -> CredentialError {
    let temporary = matches!(
        error.class,
        Class::Ambiguous | Class::Unreachable | Class::Throttled | Class::Waiting
    );
    let why = if advice.is_empty() { error.to_string() } else { format!("{error}; {advice}") };
    CredentialError::Service { who: who.to_owned(), why, temporary }
}

/// Nothing was asked: what is set cannot be right.
pub(super) fn unusable(who: &str, why: impl Into<String>) -> CredentialError {
    CredentialError::Service { who: who.to_owned(), why: why.into(), temporary: false }
}

/// There is nothing to check certificates with.
pub(super) fn no_client(who: &str, error: &reqwest::Error) -> CredentialError {
    let why = format!(
        "no client can be built: {}; install the system's CA certificates (the package is mostly called \
         ca-certificates) or name a bundle in SSL_CERT_FILE",
        root_cause(error)
    );
    CredentialError::Service { who: who.to_owned(), why, temporary: false }
}
