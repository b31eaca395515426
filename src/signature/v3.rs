//! Signature V3, `ACS3-HMAC-SHA256` (`api-contract.md` 5).

use super::{Pair, canonical_pairs, hmac_sha256};
use crate::model::digest::hex;
use sha2::{Digest as _, Sha256};

/// Name of the algorithm, first word of the `Authorization` header.
pub const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// What is signed of a request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Upper case.
    pub method: &'a str,
    /// Decoded query parameters.
    pub query: &'a [Pair],
    /// The headers to sign: lower-case names, each once.
    pub headers: &'a [Pair],
    /// The exact body bytes.
    pub body: &'a [u8],
}

/// Lower-case hexadecimal SHA-256 of the body, as `x-acs-content-sha256` carries it.
pub fn payload_hash(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

/// The names of the signed headers, sorted, joined by `;`.
pub fn signed_headers(headers: &[Pair]) -> String {
    sorted(headers).iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";")
}

/// The canonical request. The URI is `/`, as for every RPC API.
pub fn canonical_request(request: &Request<'_>) -> String {
    let lines: String = sorted(request.headers)
        .iter()
        .map(|(name, value)| format!("{name}:{}\n", value.trim()))
        .collect();
    [
        request.method,
        "/",
        &canonical_pairs(request.query),
        &lines,
        &signed_headers(request.headers),
        &payload_hash(request.body),
    ]
    .join("\n")
}

/// The string to sign.
pub fn string_to_sign(canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{}", hex(&Sha256::digest(canonical_request.as_bytes())))
}

/// The signature, lower-case hexadecimal. The key is the secret as it is.
pub fn sign(secret: &str, string_to_sign: &str) -> String {
    hex(&hmac_sha256(secret.as_bytes(), string_to_sign.as_bytes()))
}

fn sorted(headers: &[Pair]) -> Vec<&Pair> {
    let mut sorted: Vec<&Pair> = headers.iter().collect();
    sorted.sort();
    sorted
}
