//! Answers judged as over the network, without one: for fuzzers and tests that bring their own.

use super::Reader;
use super::exchange::Reply;
use super::judge::judge;
use crate::aliyun::codes::Operation;
use crate::aliyun::redact::Secrets;
use crate::aliyun::wire;
use crate::cloud::{Accepted, CloudError, Page};
use reqwest::header::HeaderMap;

/// What an answer was given to, and must not show.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// What was signed: the cloud echoes it where the signature is wrong.
    pub string_to_sign: &'a str,
    /// Key id, secret and token.
    pub secrets: &'a [&'a str],
}

/// What the client makes of an answer to `DescribeClassicLinkInstances`.
///
/// # Errors
/// [`CloudError`], as from [`Client`](super::Client).
pub fn page(status: u16, body: &[u8], sent: Sent<'_>) -> Result<Page, CloudError> {
    let (request_id, page) = judged(Operation::Describe, wire::page, status, body, sent)?;
    Ok(Page { request_id, ..page })
}

/// What the client makes of an answer to `DetachClassicLinkVpc`.
///
/// # Errors
/// [`CloudError`], as from [`Client`](super::Client).
pub fn acceptance(status: u16, body: &[u8], sent: Sent<'_>) -> Result<Accepted, CloudError> {
    let (request_id, ()) = judged(Operation::Detach, wire::acceptance, status, body, sent)?;
    Ok(Accepted { request_id })
}

fn judged<T>(
    operation: Operation,
    read: Reader<T>,
    status: u16,
    body: &[u8],
    sent: Sent<'_>,
) -> Result<(Option<String>, T), CloudError> {
    let mut secrets = Secrets::default();
    sent.secrets.iter().for_each(|secret| secrets.add(secret));
    secrets.add(sent.string_to_sign);
    let reply = Reply { status, headers: HeaderMap::new(), body: body.to_vec().into() };
    judge(&Ok(reply), operation, read, sent.string_to_sign, &secrets)
}
