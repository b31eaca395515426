//! One message over the wire and its answer. Nothing is sent twice or elsewhere, and no text that comes
//! out of here holds the URL.

use super::address::Address;
use super::form::{Composed, Reply, Verdict, verdict};
use super::sink::Kind;
use crate::aliyun::client::{install_tls_provider, root_cause};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, redirect, retry, tls};
use std::time::Duration;

/// Longest wait for a connection, name lookup and TLS included.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest time for a message, the answer included.
const WHOLE: Duration = Duration::from_secs(15);
/// What is read of an answer.
const ANSWER_MAX: usize = 64 * 1024;
/// Shortest part of a URL that counts as secret: `v2` and `send` are in every one.
const SECRET_MIN: usize = 6;

/// The way to one sink.
#[derive(Debug)]
pub(super) struct Wire {
    http: Client,
    kind: Kind,
    address: Address,
    /// What no remark may repeat.
    secrets: Vec<String>,
}

impl Wire {
    /// # Errors
    /// Why there is no client: nothing to check certificates with.
    pub(super) fn new(kind: Kind, address: Address, secret: Option<&str>) -> Result<Self, String> {
        install_tls_provider();
        let builder = Client::builder()
            .user_agent(concat!("classiclinkd/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .http1_only()
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            // Messages are rare: a connection that is kept would mostly be closed by the other end.
            .pool_max_idle_per_host(0)
            .tls_version_min(tls::Version::TLS_1_2);
        let builder = match address.is_plain() {
            true => builder.tls_certs_only([]),
            false => builder.https_only(true),
        };
        let http = builder.build().map_err(|error| root_cause(&error))?;
        let mut secrets = address.secrets();
        secrets.extend(secret.map(str::to_owned));
        secrets.retain(|secret| secret.len() >= SECRET_MIN);
        Ok(Self { http, kind, address, secrets })
    }

    pub(super) fn host(&self) -> &str {
        self.address.host()
    }

    /// Sends once.
    pub(super) async fn send(&self, composed: &Composed) -> Verdict {
        let Some(url) = self.address.with(&composed.query) else {
            return Verdict::Never { why: "its URL is none".to_owned(), remark: None };
        };
        let request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .body(composed.body.to_string());
        let judged = match request.send().await {
            Ok(response) => self.judge(response).await,
            Err(error) => Err(error),
        };
        judged.unwrap_or_else(|error| lost(&error))
    }

    async fn judge(&self, mut response: Response) -> Result<Verdict, reqwest::Error> {
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            let room = ANSWER_MAX - body.len();
            body.extend(chunk.iter().take(room));
            if body.len() == ANSWER_MAX {
                break;
            }
        }
        let judged = verdict(self.kind, &Reply { status, retry_after, body });
        Ok(match judged {
            Verdict::Taken => Verdict::Taken,
            Verdict::Again { why, remark, after } => {
                Verdict::Again { why: self.said(&why, remark), remark: None, after }
            }
            Verdict::Never { why, remark } => {
                Verdict::Never { why: self.said(&why, remark), remark: None }
            }
        })
    }

    /// With the receiver's remark, unless it repeats a secret.
    fn said(&self, why: &str, remark: Option<String>) -> String {
        let shows = |remark: &String| self.secrets.iter().any(|secret| remark.contains(secret));
        match remark {
            None => why.to_owned(),
            Some(remark) if shows(&remark) => format!("{why} (what it says holds a secret)"),
            Some(remark) => format!("{why}: {remark}"),
        }
    }
}

/// The innermost reason; the outer ones name the URL.
fn lost(error: &reqwest::Error) -> Verdict {
    let cause = root_cause(error);
    let why = if error.is_connect() {
        format!("no connection: {cause}")
    } else if error.is_timeout() {
        "no complete answer in time".to_owned()
    } else {
        format!("the answer was lost: {cause}")
    };
    Verdict::Again { why, remark: None, after: None }
}

/// Seconds; the form with a date is not used by any of these.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_that_repeats_a_secret_is_not_passed_on() {
        let address =
            Address::parse("http://127.0.0.1:1/robot/send?access_token=tok3ncanary").unwrap();
        let wire = Wire::new(Kind::Dingtalk, address, Some("SECcanary")).unwrap();
        assert_eq!(wire.said("no", Some("sign not match".into())), "no: sign not match");
        for remark in ["token tok3ncanary is unknown", "key SECcanary"] {
            assert!(!wire.said("no", Some(remark.into())).contains("canary"));
        }
    }
}
