//! Asks an endpoint whether it is one, without a key: a name, a connection, a certificate, and a refusal
//! such as the cloud writes.

use super::exchange::{self, Lost};
use super::{ClientError, hints};
use crate::aliyun::codes::Operation;
use crate::aliyun::endpoint::Endpoint;
use crate::aliyun::wire::{self, Answer};
use crate::clock::Clock;
use crate::https::root_cause;
use jiff::Timestamp;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request};
use std::io;
use std::time::Duration;

/// Longest wait for the name, and again for the connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Longest wait for the answer.
const ANSWER_MAX: Duration = Duration::from_secs(8);

/// How far a question without a key got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// The name leads nowhere: why.
    NoAddress(String),
    /// Nobody takes the connection: why.
    NoConnection(String),
    /// There is no secure connection: why, as TLS says it, with what is wrong with a certificate.
    NoTls(String),
    /// It is connected and there is no answer: why.
    NoAnswer(String),
    /// Somebody answers, but not as the cloud does: how.
    Stranger(String),
    /// The cloud refuses the question, as it should: with this code.
    Cloud(String),
}

/// What came of the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// How far it got.
    pub reached: Reached,
    /// The server's clock, of whatever answered.
    pub date: Option<Timestamp>,
    /// Our clock before.
    pub began: Timestamp,
    /// Our clock after.
    pub ended: Timestamp,
}

/// Asks `operation` of an endpoint, unsigned: nothing of a key is sent, and nothing can come of it but a
/// refusal. Ends within 20 seconds.
///
/// # Errors
/// [`ClientError`] if there is nothing to check certificates with.
pub async fn probe(
    endpoint: &Endpoint,
    operation: Operation,
    clock: &dyn Clock,
) -> Result<Probed, ClientError> {
    let http = exchange::connections(endpoint.is_plain(), false, CONNECT_MAX)
        .map_err(|error| ClientError { why: root_cause(&error) })?;
    let mut began = clock.now().wall;
    let of = |reached, began, date| Probed { reached, date, began, ended: clock.now().wall };
    if let Err(why) = resolve(endpoint).await {
        return Ok(of(Reached::NoAddress(why), began, None));
    }
    // Looking up and connecting take their time, and the date says nothing of that.
    began = clock.now().wall;
    let sent = exchange::send(&http, endpoint, question(endpoint, operation));
    let reply = match tokio::time::timeout(CONNECT_MAX + ANSWER_MAX, sent).await {
        Ok(Ok(reply)) => reply,
        Ok(Err(lost)) => return Ok(of(reached(lost), began, None)),
        Err(_) => return Ok(of(Reached::NoAnswer("none came in time".to_owned()), began, None)),
    };
    let date = hints::date(&reply.headers);
    let reached = match wire::acceptance(reply.status, &reply.body) {
        Ok(Answer::Refusal(refusal)) => Reached::Cloud(crate::model::printable(&refusal.code)),
        Ok(Answer::Success(..)) => {
            Reached::Stranger("it says yes to a question without a key".to_owned())
        }
        Err(why) => Reached::Stranger(format!("{why} (status {})", reply.status)),
    };
    Ok(of(reached, began, date))
}

async fn resolve(endpoint: &Endpoint) -> Result<(), String> {
    let (host, port) = endpoint.host_and_port();
    let found = tokio::time::timeout(CONNECT_MAX, tokio::net::lookup_host((host, port))).await;
    let none = || Err(io::Error::other("the name has no address"));
    let found =
        found.unwrap_or_else(|_| Err(io::Error::other("no answer of the resolver in time")));
    let checked = found.and_then(|mut addresses| addresses.next().map_or_else(none, Ok));
    checked.map(|_| ()).map_err(|error| error.to_string())
}

fn question(endpoint: &Endpoint, operation: Operation) -> Request {
    let (action, version) = (operation.as_str(), operation.version());
    let body = format!("Action={action}&Version={version}&Format=JSON");
    let mut request = Request::new(Method::POST, endpoint.url(None));
    *request.body_mut() = Some(body.into());
    for (name, value) in [
        (CONTENT_TYPE, "application/x-www-form-urlencoded"),
        (ACCEPT, "application/json"),
        (ACCEPT_ENCODING, "identity"),
    ] {
        request.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    request
}

fn reached(lost: Lost) -> Reached {
    match lost.code {
        "connect" => Reached::NoConnection(lost.message),
        "tls" => Reached::NoTls(lost.message),
        "redirect" => Reached::Stranger(lost.message),
        _ => Reached::NoAnswer(lost.message),
    }
}
