//! Reads answers: what is a success, what an error, and what is neither.
//!
//! A success has to prove itself: a request id, and for reads a count. An empty object, a proxy's
//! page or half an answer must never pass for "no links" (`api-contract.md` 2.2, 3.2).

use super::client::{Identity, Kind};
use super::credentials::issued::Issued;
use crate::cloud::Page;
use crate::model::{AccountId, InstanceId, Link, VpcId, printable};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An answer that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer<T> {
    /// The cloud did it; the request id is as it came.
    Success(String, T),
    /// The cloud's error, as it says it: nothing is redacted yet.
    Refusal(Refusal),
}

/// The error envelope (`api-contract.md` 3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) request_id: Option<String>,
    /// Which permission is missing, from `AccessDeniedDetail`.
    pub(crate) denied: Option<String>,
}

/// Why an answer could not be read: a sentence that shows nothing of the answer but ids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(String);

fn malformed<T>(why: impl Into<String>) -> Result<T, Malformed> {
    Err(Malformed(why.into()))
}

/// The members that mean something; all others are ignored. Lower-case spellings are what the
/// official SDKs accept in errors. A member that comes twice fails the parse.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Envelope {
    #[serde(rename = "RequestId", deserialize_with = "present")]
    request_id: Option<Value>,
    #[serde(rename = "requestId", deserialize_with = "present")]
    lower_request_id: Option<Value>,
    #[serde(rename = "Code", alias = "code", deserialize_with = "present")]
    code: Option<Value>,
    #[serde(rename = "Message", alias = "message")]
    message: Value,
    #[serde(rename = "AccessDeniedDetail")]
    denied: Value,
    #[serde(rename = "TotalCount", deserialize_with = "present")]
    total: Option<Value>,
    #[serde(rename = "Links", deserialize_with = "present")]
    links: Option<Value>,
    #[serde(rename = "AccountId", deserialize_with = "present")]
    account: Option<Value>,
    #[serde(rename = "IdentityType")]
    kind: Value,
}

/// Tells `null` from absent.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

/// Reads the answer to `AttachClassicLinkVpc` or `DetachClassicLinkVpc`, which is a request id and
/// nothing else.
pub(crate) fn acceptance(status: u16, body: &[u8]) -> Result<Answer<()>, Malformed> {
    let envelope = envelope(body)?;
    if let Some(refusal) = refusal(&envelope)? {
        return Ok(Answer::Refusal(refusal));
    }
    Ok(Answer::Success(success_request_id(status, &envelope)?, ()))
}

/// Reads the answer to `DescribeClassicLinkInstances`.
pub(crate) fn page(status: u16, body: &[u8]) -> Result<Answer<Page>, Malformed> {
    let envelope = envelope(body)?;
    if let Some(refusal) = refusal(&envelope)? {
        return Ok(Answer::Refusal(refusal));
    }
    let request_id = success_request_id(status, &envelope)?;
    let total = total(envelope.total.as_ref())?;
    let links = links(envelope.links.as_ref(), total)?;
    Ok(Answer::Success(request_id, Page { links, total, request_id: None }))
}

/// Reads the answer to `GetCallerIdentity`. Of its members only the account says whose credential it
/// is; the kind of identity, which decides nothing, may be missing, and of the others it depends on that
/// kind whether they come (`api-contract.md` 2.8).
pub(crate) fn caller(status: u16, body: &[u8]) -> Result<Answer<Identity>, Malformed> {
    let envelope = envelope(body)?;
    if let Some(refusal) = refusal(&envelope)? {
        return Ok(Answer::Refusal(refusal));
    }
    let request_id = success_request_id(status, &envelope)?;
    let text = match &envelope.account {
        None => return malformed("the answer has no `AccountId`, so it names nobody"),
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => number.as_u64().map(|number| number.to_string()),
        Some(_) => None,
    };
    match text.and_then(|text| AccountId::parse(&text).ok()) {
        Some(account) => {
            let kind = kind(envelope.kind.as_str().unwrap_or_default());
            Ok(Answer::Success(request_id, Identity { account, kind }))
        }
        None => malformed("the answer's `AccountId` is not the number of an account"),
    }
}

/// Reads the answer to `AssumeRole` or `AssumeRoleWithOIDC`. A success is read straight to where its key is
/// wiped.
pub(crate) fn assumed(status: u16, body: &[u8]) -> Result<Answer<Issued>, Malformed> {
    #[derive(Deserialize)]
    struct Assumed {
        #[serde(rename = "RequestId")]
        request_id: String,
        #[serde(rename = "Credentials")]
        credentials: Issued,
        #[serde(rename = "Code", alias = "code", default)]
        code: Value,
    }
    if status == 200
        && let Ok(Assumed { request_id, credentials, code: Value::Null }) =
            serde_json::from_slice(body)
    {
        return Ok(Answer::Success(request_id, credentials));
    }
    match acceptance(status, body)? {
        Answer::Refusal(refusal) => Ok(Answer::Refusal(refusal)),
        Answer::Success(..) => malformed("the answer has no `Credentials` of the known form"),
    }
}

/// Older pages write `RamUser`.
fn kind(said: &str) -> Kind {
    match said.to_ascii_lowercase().as_str() {
        "account" => Kind::Account,
        "ramuser" => Kind::User,
        "assumedroleuser" => Kind::Role,
        _ => Kind::Unknown,
    }
}

fn envelope(body: &[u8]) -> Result<Envelope, Malformed> {
    // The parser's own words could quote the body, and so are not shown.
    match serde_json::from_slice(body) {
        Ok(Value::Object(_)) => {}
        Ok(_) => return malformed("the answer is JSON but no object"),
        Err(error) if error.is_eof() => return malformed("the answer ends in the middle"),
        Err(_) => return malformed("the answer is not JSON"),
    }
    // From the bytes again, because a parsed object has already lost its repeated members.
    serde_json::from_slice(body).or_else(|_| malformed("the answer has a member twice"))
}

/// The error in the answer, whatever its status: a 200 can carry one (`api-contract.md` 3.2).
fn refusal(envelope: &Envelope) -> Result<Option<Refusal>, Malformed> {
    let code = match &envelope.code {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(code)) => code.clone(),
        Some(Value::Number(code)) => code.to_string(),
        Some(_) => return malformed("the answer's `Code` is neither a text nor a number"),
    };
    if ["200", "OK", "Success"].iter().any(|good| code.eq_ignore_ascii_case(good)) {
        return Ok(None);
    }
    if code.is_empty() {
        return malformed("the answer's `Code` is empty");
    }
    let ids = [&envelope.request_id, &envelope.lower_request_id];
    let request_id = ids.into_iter().flatten().find_map(Value::as_str).map(str::to_owned);
    let message = envelope.message.as_str().unwrap_or_default().to_owned();
    Ok(Some(Refusal { code, message, request_id, denied: denied(&envelope.denied) }))
}

/// What a person needs to fix a policy (`api-contract.md` 8.4); nothing else of the detail.
fn denied(detail: &Value) -> Option<String> {
    let member = |name| detail.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    match (member("AuthAction"), member("NoPermissionType")) {
        (Some(action), Some(kind)) => Some(format!("{action}: {kind}")),
        (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
        (None, None) => None,
    }
}

fn success_request_id(status: u16, envelope: &Envelope) -> Result<String, Malformed> {
    if status != 200 {
        return malformed(format!("the answer has status {status} but no error code"));
    }
    match &envelope.request_id {
        Some(Value::String(id)) if !id.is_empty() => Ok(id.clone()),
        _ => malformed("the answer has no `RequestId`, so it is not the cloud's"),
    }
}

/// A count that fits, as a number or, defensively, as a text of digits.
fn total(value: Option<&Value>) -> Result<u32, Malformed> {
    let count = match value {
        None => return malformed("the answer has no `TotalCount`, so it proves nothing"),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok()
        }
        Some(_) => None,
    };
    match count.and_then(|count| u32::try_from(count).ok()) {
        Some(count) => Ok(count),
        None => malformed("the answer's `TotalCount` is not a count"),
    }
}

/// Nothing at all in place of the list is believed only where the count says so too.
fn links(value: Option<&Value>, total: u32) -> Result<Vec<Link>, Malformed> {
    let wrapper = match value {
        None if total == 0 => return Ok(Vec::new()),
        None => {
            return malformed(format!("the answer counts {total} links but has no `Links`"));
        }
        Some(Value::Object(wrapper)) => wrapper,
        Some(_) => return malformed("the answer's `Links` is not an object"),
    };
    match wrapper.get("Link") {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(link).collect(),
        Some(_) => malformed("the answer's `Links.Link` is not a list"),
    }
}

fn link(item: &Value) -> Result<Link, Malformed> {
    let text = |name: &str| match item.get(name) {
        Some(Value::String(text)) => Ok(text.as_str()),
        _ => malformed(format!("a link in the answer has no text `{name}`")),
    };
    let bad = |error: crate::model::IdError, text: &str| {
        Malformed(format!("a link in the answer names `{}`: {}", printable(text), error.why()))
    };
    let (instance, vpc) = (text("InstanceId")?, text("VpcId")?);
    Ok(Link {
        instance: InstanceId::parse(instance).map_err(|error| bad(error, instance))?,
        vpc: VpcId::parse(vpc).map_err(|error| bad(error, vpc))?,
    })
}

#[cfg(test)]
mod tests;
