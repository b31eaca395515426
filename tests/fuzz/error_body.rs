//! Any bytes as an error of the cloud, which may echo what it was sent. `@K`, `@S`, `@T` and `@Z` in
//! them stand for the key id, the secret, the token and the string to sign, so that a fuzzer need not
//! guess those.

use classiclinkd::aliyun::client::offline::{self, Sent};
use classiclinkd::cloud::CloudError;
use classiclinkd::signature::encode;

const KEY: &str = "LTAI5tKeyOfTheFuzzer0001";
const SECRET: &str = "s3cr+t/OfTheFuzzer=0001";
const TOKEN: &str = "CAISTokenOfTheFuzzer+/==";
const TO_SIGN: &str =
    "POST&%2F&AccessKeyId%3DLTAI5tKeyOfTheFuzzer0001%26SecurityToken%3DCAISTokenOfTheFuzzer%252B";
const SENT: Sent<'_> = Sent { string_to_sign: TO_SIGN, secrets: &[KEY, SECRET, TOKEN] };

pub fn check(data: &[u8]) {
    let body = filled(data);
    for status in [200, 400, 403, 429, 500] {
        match offline::page(status, &body, SENT) {
            Ok(page) => clean(&page.request_id.unwrap_or_default()),
            Err(error) => harmless(&error),
        }
        match offline::acceptance(status, &body, SENT) {
            Ok(accepted) => clean(&accepted.request_id.unwrap_or_default()),
            Err(error) => harmless(&error),
        }
    }
}

fn filled(data: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(data.len());
    let mut bytes = data.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let value = match (byte, bytes.peek()) {
            (b'@', Some(b'K')) => KEY,
            (b'@', Some(b'S')) => SECRET,
            (b'@', Some(b'T')) => TOKEN,
            (b'@', Some(b'Z')) => TO_SIGN,
            _ => {
                body.push(byte);
                continue;
            }
        };
        bytes.next();
        body.extend_from_slice(value.as_bytes());
    }
    body
}

fn harmless(error: &CloudError) {
    let id = error.request_id.as_deref().unwrap_or_default();
    for text in [error.code.as_str(), &error.message, id, &error.to_string()] {
        clean(text);
        assert!(!text.contains(char::is_control), "{text:?}");
    }
    assert!(!error.code.is_empty(), "{error:?}");
    assert!(error.message.chars().count() <= 256 && error.code.chars().count() <= 96, "{error:?}");
    assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{id:?}");
}

fn clean(text: &str) {
    let text = text.to_ascii_lowercase();
    for secret in [KEY, SECRET, TOKEN, TO_SIGN] {
        let once = encode(secret);
        for form in [encode(&once), once, secret.to_owned()] {
            assert!(!text.contains(&form.to_ascii_lowercase()), "{form} shows in {text}");
        }
    }
}
