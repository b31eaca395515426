//! One message over the wire and its answer. Nothing is sent twice or elsewhere, and no text that comes
//! out of here holds the URL.

use super::address::Address;
use super::form::{Composed, Reply, Verdict, verdict};
use super::sink::Kind;
use crate::https::{self, root_cause};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response};
use std::time::Duration;

/// Longest wait for a connection, name lookup and TLS included.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest time for a message, the answer included.
const WHOLE: Duration = Duration::from_secs(15);
/// What is read of an answer.
const ANSWER_MAX: usize = 64 * 1024;
/// After that a message is given up; no wish to wait longer is followed.
pub(super) const GIVE_UP: Duration = Duration::from_secs(3600);

/// The way to one sink.
#[derive(Debug)]
pub(super) struct Wire {
    http: Client,
    kind: Kind,
    address: Address,
}

impl Wire {
    /// # Errors
    /// Why there is no client: nothing to check certificates with.
    pub(super) fn new(kind: Kind, address: Address) -> Result<Self, String> {
        let builder = https::client(address.is_plain())
            .connect_timeout(CONNECT)
            // Messages are rare: a connection that is kept would mostly be closed by the other end.
            .pool_max_idle_per_host(0)
            .timeout(WHOLE);
        let http = builder.build().map_err(|error| root_cause(&error))?;
        Ok(Self { http, kind, address })
    }

    pub(super) fn host(&self) -> &str {
        self.address.host()
    }

    /// Sends once.
    pub(super) async fn send(&self, composed: &Composed) -> Verdict {
        let Some(url) = self.address.with(&composed.query) else {
            return Verdict::Never { why: "its URL is none".to_owned() };
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
            let room = ANSWER_MAX.saturating_sub(body.len());
            body.extend(chunk.iter().take(room));
            if body.len() == ANSWER_MAX {
                break;
            }
        }
        Ok(verdict(self.kind, &Reply { status, retry_after, body }))
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
    Verdict::Again { why, after: None }
}

/// Seconds, [`GIVE_UP`] at most; the form with a date is not used by any of these.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // A number that is too large for the type is a long time as well.
    Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)).min(GIVE_UP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wish_to_wait_is_longer_than_a_message_is_kept() {
        for (text, expected) in [
            ("7", Some(7)),
            ("3601", Some(3600)),
            ("18446744073709551615", Some(3600)),
            ("99999999999999999999999", Some(3600)),
            ("-1", None),
            ("", None),
            ("Mon, 23 Nov 2026 09:00:00 GMT", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{text}");
        }
    }
}
