//! One signed request: a fresh nonce and timestamp each time.

use super::{SignatureVersion, pair};
use crate::aliyun::codes::Operation;
use crate::aliyun::credentials::Key;
use crate::aliyun::endpoint::Endpoint;
use crate::aliyun::redact::Secrets;
use crate::model::Region;
use crate::signature::{Pair, canonical_pairs, v1, v3};
use jiff::Timestamp;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue,
};
use reqwest::{Method, Request};
use secrecy::ExposeSecret as _;

const POST: &str = "POST";

/// What is asked.
pub(in crate::aliyun) struct Call<'a> {
    pub(in crate::aliyun) operation: Operation,
    /// `None` for an operation that is of no region.
    pub(in crate::aliyun) region: Option<&'a Region>,
    /// Of the operation; without `RegionId`.
    pub(in crate::aliyun) parameters: Vec<Pair>,
}

pub(in crate::aliyun) struct Signed {
    pub(in crate::aliyun) request: Request,
    /// To compare the cloud's echo with.
    pub(in crate::aliyun) string_to_sign: String,
}

/// Builds and signs. Everything of it that must not show is added to `secrets`.
pub(in crate::aliyun) fn signed(
    version: SignatureVersion,
    endpoint: &Endpoint,
    call: &Call<'_>,
    key: &Key,
    stamp: Timestamp,
    secrets: &mut Secrets,
) -> Signed {
    secrets.add(key.id.expose_secret());
    secrets.add(key.secret.expose_secret());
    if let Some(token) = &key.token {
        secrets.add(token.expose_secret());
    }
    // The operating system's entropy: a nonce must not repeat after a restart or a stepped clock.
    let nonce = uuid::Uuid::new_v4().to_string();
    let stamp = written(stamp);
    let mut parameters = call.parameters.clone();
    parameters.extend(call.region.map(|region| pair("RegionId", region.as_str())));
    let (mut signed, signature) = match version {
        SignatureVersion::V1 => with_v1(endpoint, call, key, parameters, nonce, stamp),
        SignatureVersion::V3 => with_v3(endpoint, call, key, &parameters, nonce, stamp),
    };
    secrets.add(&signature);
    secrets.add(&signed.string_to_sign);
    // What the signature of version 3 covers is what the pool must send.
    put(&mut signed.request, HOST, endpoint.authority());
    // An answer that is not packed cannot unpack to more than its length.
    put(&mut signed.request, ACCEPT_ENCODING, "identity");
    signed
}

/// Of an operation that takes no signature, and whose parameters are secret still: in the form body, too.
pub(in crate::aliyun) fn unsigned(
    endpoint: &Endpoint,
    call: &Call<'_>,
    stamp: Timestamp,
) -> Signed {
    let mut pairs = call.parameters.clone();
    pairs.extend([
        pair("Action", call.operation.as_str()),
        pair("Version", call.operation.version()),
        pair("Format", "JSON"),
        pair("Timestamp", &written(stamp)),
    ]);
    let mut request = form(endpoint, &pairs);
    put(&mut request, HOST, endpoint.authority());
    put(&mut request, ACCEPT_ENCODING, "identity");
    Signed { request, string_to_sign: String::new() }
}

fn written(stamp: Timestamp) -> String {
    stamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn form(endpoint: &Endpoint, pairs: &[Pair]) -> Request {
    let mut request = Request::new(Method::POST, endpoint.url(None));
    *request.body_mut() = Some(canonical_pairs(pairs).into());
    put(&mut request, CONTENT_TYPE, "application/x-www-form-urlencoded");
    put(&mut request, ACCEPT, "application/json");
    request
}

/// Everything in the form body, the signature included: nothing of it can end up in a log of URLs.
/// The gateway joins query and form before it verifies (`api-contract.md` 4, wire placement).
fn with_v1(
    endpoint: &Endpoint,
    call: &Call<'_>,
    key: &Key,
    mut pairs: Vec<Pair>,
    nonce: String,
    stamp: String,
) -> (Signed, String) {
    pairs.extend([
        pair("Action", call.operation.as_str()),
        pair("Version", call.operation.version()),
        pair("Format", "JSON"),
        pair("AccessKeyId", key.id.expose_secret()),
        pair("SignatureMethod", "HMAC-SHA1"),
        pair("SignatureVersion", "1.0"),
        pair("SignatureNonce", &nonce),
        pair("Timestamp", &stamp),
    ]);
    if let Some(token) = &key.token {
        pairs.push(pair("SecurityToken", token.expose_secret()));
    }
    let string_to_sign = v1::string_to_sign(POST, &pairs);
    let signature = v1::sign(key.secret.expose_secret(), &string_to_sign);
    pairs.push(pair("Signature", &signature));
    (Signed { request: form(endpoint, &pairs), string_to_sign }, signature)
}

/// The operation's parameters in the query and no body, as the SDKs do (`api-contract.md` 2);
/// secrets are in headers only.
fn with_v3(
    endpoint: &Endpoint,
    call: &Call<'_>,
    key: &Key,
    query: &[Pair],
    nonce: String,
    stamp: String,
) -> (Signed, String) {
    let id = key.id.expose_secret();
    let mut headers = vec![
        pair("host", endpoint.authority()),
        pair("x-acs-action", call.operation.as_str()),
        pair("x-acs-version", call.operation.version()),
        pair("x-acs-date", &stamp),
        pair("x-acs-signature-nonce", &nonce),
        pair("x-acs-content-sha256", &v3::payload_hash(b"")),
    ];
    if let Some(token) = &key.token {
        headers.push(pair("x-acs-accesskey-id", id));
        headers.push(pair("x-acs-security-token", token.expose_secret()));
    }
    let parts = v3::Request { method: POST, query, headers: &headers, body: b"" };
    let string_to_sign = v3::string_to_sign(&v3::canonical_request(&parts));
    let signature = v3::sign(key.secret.expose_secret(), &string_to_sign);
    let authorization = format!(
        "{} Credential={id},SignedHeaders={},Signature={signature}",
        v3::ALGORITHM,
        v3::signed_headers(&headers),
    );
    let mut request = Request::new(Method::POST, endpoint.url(Some(&canonical_pairs(query))));
    for (name, value) in &headers {
        if let Ok(name) = HeaderName::try_from(name) {
            put(&mut request, name, value);
        }
    }
    put(&mut request, ACCEPT, "application/json");
    put(&mut request, AUTHORIZATION, &authorization);
    (Signed { request, string_to_sign }, signature)
}

/// Sets a header, marked so that no layer below prints its value. All values are visible ASCII:
/// `Key` and the identifiers see to that; one that is not is left out and the cloud refuses.
fn put(request: &mut Request, name: HeaderName, value: &str) {
    if let Ok(mut value) = HeaderValue::from_str(value) {
        value.set_sensitive(true);
        request.headers_mut().insert(name, value);
    }
}
