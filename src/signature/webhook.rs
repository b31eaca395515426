//! How the custom robots of chat programs want a message signed: both HMAC-SHA256 as base64, over
//! the time and the secret, and each the other way round.

use super::hmac_sha256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// DingTalk: the secret is the key, `timestamp\nsecret` the message. The time is in milliseconds;
/// the result goes into the query, percent-encoded.
pub fn dingtalk(secret: &str, milliseconds: i64) -> String {
    let message = format!("{milliseconds}\n{secret}");
    STANDARD.encode(hmac_sha256(secret.as_bytes(), message.as_bytes()))
}

/// Lark and Feishu: `timestamp\nsecret` is the key, the message is empty. The time is in seconds;
/// the result goes into the body.
pub fn lark(secret: &str, seconds: i64) -> String {
    let key = format!("{seconds}\n{secret}");
    STANDARD.encode(hmac_sha256(key.as_bytes(), b""))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python's `hmac`, `hashlib` and `base64`.
    #[test]
    fn known_answers_come_out() {
        assert_eq!(
            dingtalk("this is secret", 1_577_262_236_757),
            "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM="
        );
        assert_eq!(
            dingtalk("SEC0123456789abcdef", 1_764_000_000_123),
            "6FA/gHVwnwI38Tm5rODJOqV6ZPcbuXRlP02GCWNRY+o="
        );
        assert_eq!(
            lark("this is secret", 1_577_262_236),
            "RAfCltg8rVdmpPK5kCz1M40hrj/YzGYnkc/3vXwYNts="
        );
        assert_eq!(
            lark("zs0T-secret", 1_764_000_000),
            "JLVWOxJD+/MiUfsdyTfj+jhHBYx9alGKnywXmPZRj1k="
        );
    }
}
