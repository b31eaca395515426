//! One request over the wire and its whole answer, or what became of it.

use super::Settings;
use crate::aliyun::endpoint::Endpoint;
use crate::cloud::Class;
use crate::https::{self, chain, root_cause};
use reqwest::header::HeaderMap;
use reqwest::{Client, Request, Response};
use secrecy::zeroize::Zeroizing;
use std::io;
use std::time::Duration;

/// Largest body read. A full page is about 10 KiB.
pub(super) const BODY_MAX: usize = 4 * 1024 * 1024;
/// Shorter than load balancers keep idle connections (15 s and more), because a request on one that
/// is just being closed is an outcome unknown.
const IDLE_MAX: Duration = Duration::from_secs(10);

/// An answer of whoever was at the other end. The body may be a key, and is wiped.
pub(in crate::aliyun) struct Reply {
    pub(in crate::aliyun) status: u16,
    pub(in crate::aliyun) headers: HeaderMap,
    pub(in crate::aliyun) body: Zeroizing<Vec<u8>>,
}

/// There is no usable answer.
#[derive(Debug)]
pub(in crate::aliyun) struct Lost {
    pub(in crate::aliyun) class: Class,
    pub(in crate::aliyun) code: &'static str,
    pub(in crate::aliyun) message: String,
}

/// The connection pool. Nothing in it sends a request twice or elsewhere.
pub(super) fn http(settings: &Settings) -> Result<Client, reqwest::Error> {
    let plain = settings.endpoint_override.as_ref().is_some_and(Endpoint::is_plain);
    connections(plain, settings.proxy_from_environment, settings.connect_timeout)
}

/// As [`http`], for whoever has no credentials.
pub(in crate::aliyun) fn connections(
    plain: bool,
    proxy_from_environment: bool,
    connect_timeout: Duration,
) -> Result<Client, reqwest::Error> {
    let builder = match proxy_from_environment && !plain {
        true => https::reading_environment(plain),
        false => https::client(plain),
    };
    builder.connect_timeout(connect_timeout).pool_idle_timeout(IDLE_MAX).build()
}

/// Sends and reads to the end.
pub(super) async fn send(
    http: &Client,
    endpoint: &Endpoint,
    request: Request,
) -> Result<Reply, Lost> {
    exchange(http, endpoint.authority(), BODY_MAX, request).await
}

/// Sends to `host`, which is how it is named where something goes wrong, and reads an answer of at most
/// `most` bytes to its end.
pub(in crate::aliyun) async fn exchange(
    http: &Client,
    host: &str,
    most: usize,
    request: Request,
) -> Result<Reply, Lost> {
    let response = http.execute(request).await.map_err(|error| lost(&error, host))?;
    let status = response.status();
    if status.is_redirection() {
        let message = format!(
            "{host} answered with a redirect ({}), which is not followed; check the endpoint and \
             what stands between",
            status.as_u16(),
        );
        return Err(Lost { class: Class::Misconfigured, code: "redirect", message });
    }
    let headers = response.headers().clone();
    let body = body(response, host, most).await?;
    Ok(Reply { status: status.as_u16(), headers, body })
}

async fn body(mut response: Response, host: &str, most: usize) -> Result<Zeroizing<Vec<u8>>, Lost> {
    let oversized = || Lost {
        class: Class::Ambiguous,
        code: "oversized-body",
        message: format!("the answer of {host} is larger than {} KiB", most / 1024),
    };
    if response.content_length().is_some_and(|length| length > most as u64) {
        return Err(oversized());
    }
    // One that grows leaves copies of what it held behind.
    let length = response.content_length().and_then(|length| usize::try_from(length).ok());
    let mut body = Zeroizing::new(Vec::with_capacity(length.unwrap_or_default()));
    while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error, host))? {
        if body.len() + chunk.len() > most {
            return Err(oversized());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Only an error of connecting proves that nothing was sent.
fn lost(error: &reqwest::Error, host: &str) -> Lost {
    let cause = root_cause(error);
    if error.is_builder() {
        let message = format!("the request could not be built: {cause}");
        return Lost { class: Class::Misconfigured, code: "request", message };
    }
    if error.is_connect() {
        let (code, message) = if is_tls(error) {
            ("tls", format!("no secure connection to {host}: {cause}"))
        } else {
            ("connect", format!("no connection to {host}: {cause}"))
        };
        return Lost { class: Class::Unreachable, code, message };
    }
    let (code, what) = match error.is_timeout() {
        true => ("timeout", "no complete answer in time"),
        false => ("lost-response", "the answer was lost"),
    };
    Lost { class: Class::Ambiguous, code, message: format!("{what} from {host}: {cause}") }
}

fn is_tls(error: &reqwest::Error) -> bool {
    chain(error).any(|error| {
        let outer = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        // Each layer of the stack wraps in an I/O error of its own, which `source` jumps over.
        let mut inner = std::iter::successors(outer, |error| {
            error.downcast_ref::<io::Error>().and_then(io::Error::get_ref)
        });
        error.is::<rustls::Error>() || inner.any(|error| error.is::<rustls::Error>())
    })
}
