//! Signature version 1.0 of the RPC style: HMAC-SHA1 over the sorted parameters
//! (`api-contract.md` 4).

use super::{Pair, canonical_pairs, encode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// The string to sign. `pairs` are all query and form parameters without `Signature`, decoded, in
/// any order; the method is upper case.
pub fn string_to_sign(method: &str, pairs: &[Pair]) -> String {
    format!("{method}&%2F&{}", encode(&canonical_pairs(pairs)))
}

/// The signature, as base64 text that is not percent-encoded yet.
pub fn sign(secret: &str, string_to_sign: &str) -> String {
    let key = format!("{secret}&");
    // HMAC takes a key of any length; the empty answer can match no signature.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key.as_bytes()) else {
        return String::new();
    };
    mac.update(string_to_sign.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}
