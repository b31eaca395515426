//! From an answer, or none, to a result: classified, and safe to print.

use super::Reader;
use super::exchange::{Lost, Reply};
use super::hints;
use crate::aliyun::codes::{self, Operation};
use crate::aliyun::redact::{Raw, Secrets, verdict, without_echo};
use crate::aliyun::wire::{Answer, Malformed, Refusal};
use crate::cloud::{Class, CloudError};
use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;

/// An attempt that failed, with what a second one may need.
pub(super) struct Failure {
    pub(super) error: CloudError,
    /// The server's clock.
    pub(super) date: Option<Timestamp>,
    /// The time that was signed.
    pub(super) stamp: Timestamp,
}

/// The request id and what was asked for, or the error.
pub(in crate::aliyun) fn judge<T>(
    reply: &Result<Reply, Lost>,
    operation: Operation,
    read: Reader<T>,
    string_to_sign: &str,
    secrets: &Secrets,
) -> Result<(Option<String>, T), CloudError> {
    let reply = match reply {
        Ok(reply) => reply,
        Err(Lost { class, code, message }) => {
            let raw = Raw { class: *class, code, message, request_id: None, retry_after: None };
            return Err(secrets.error(raw));
        }
    };
    match read(reply.status, &reply.body) {
        Ok(Answer::Success(id, value)) => Ok((secrets.request_id(&id), value)),
        Ok(Answer::Refusal(refusal)) => {
            Err(refused(reply, operation, &refusal, string_to_sign, secrets))
        }
        Err(why) => Err(unreadable(reply, &why, secrets)),
    }
}

fn refused(
    reply: &Reply,
    operation: Operation,
    refusal: &Refusal,
    string_to_sign: &str,
    secrets: &Secrets,
) -> CloudError {
    let wish = hints::retry_after(&reply.headers);
    let mut class = codes::classify(operation, &refusal.code, &refusal.message);
    if wish.is_some() {
        class = codes::with_wish_to_wait(&refusal.code, class);
    }
    let left = || hints::time_left(&reply.headers).filter(|_| class == Class::Throttled);
    // The echo is cut off here already, so that what is added stands before the cut.
    let mut message = without_echo(&refusal.message).to_owned();
    if let Some(verdict) = verdict(&refusal.message, string_to_sign) {
        message = format!("{verdict}: {message}");
    }
    if let Some(denied) = &refusal.denied {
        message = format!("{denied}: {message}");
    }
    secrets.error(Raw {
        class,
        code: &refusal.code,
        message: &message,
        request_id: refusal.request_id.as_deref().or_else(|| header_request_id(reply)),
        retry_after: wish.or_else(left),
    })
}

fn unreadable(reply: &Reply, why: &Malformed, secrets: &Secrets) -> CloudError {
    let kind = reply.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or("no content type");
    let (status, length) = (reply.status, reply.body.len());
    secrets.error(Raw {
        class: codes::of_status(status),
        code: "malformed-body",
        message: &format!("{why} (status {status}, {length} bytes, {kind})"),
        request_id: header_request_id(reply),
        retry_after: hints::retry_after(&reply.headers),
    })
}

fn header_request_id(reply: &Reply) -> Option<&str> {
    reply.headers.get("x-acs-request-id")?.to_str().ok()
}
