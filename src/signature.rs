//! Alibaba Cloud request signatures, V1 and V3, and those of chat robots: pure functions over a
//! request's parts.
//!
//! The only module that names `hmac`, `sha1` and `base64`. The client signs with it and the
//! simulator verifies with it; the golden vectors under `tests/testdata/vectors`, made by the
//! official SDKs, keep both honest.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Sha256;

pub mod v1;
pub mod v3;
pub mod webhook;

/// A decoded name and its decoded value.
pub type Pair = (String, String);

/// Unreserved is exactly `A-Z a-z 0-9 - _ . ~` (`api-contract.md` 4).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Percent-encodes as the signature rules ask: UTF-8, upper-case hexadecimal, space as `%20`.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// `name=value` pairs, both encoded, sorted by the raw name and joined by `&`; also a valid query
/// string and form body.
pub fn canonical_pairs(pairs: &[Pair]) -> String {
    let mut sorted: Vec<&Pair> = pairs.iter().collect();
    sorted.sort();
    let joined: Vec<String> =
        sorted.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    joined.join("&")
}

/// HMAC-SHA256. Takes a key of any length; nothing, which can match no signature, if the library
/// should ever disagree.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// What HTTP sends of a user and a password (RFC 7617), without the word before it.
pub fn basic(user: &str, password: &str) -> String {
    STANDARD.encode(format!("{user}:{password}"))
}

/// Whether two signatures are equal, in a time that does not tell where they differ.
pub fn same(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && one.bytes().zip(other.bytes()).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
}

#[cfg(test)]
mod tests;
