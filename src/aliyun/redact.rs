//! Makes errors safe to print anywhere.
//!
//! A signature error of the cloud echoes the string it signed, which holds the access key id and
//! the security token (`api-contract.md` 1, no. 7, and 4). So every error is built here: the echo
//! is cut off, every secret of the call is taken out in all its encodings, and what is left is
//! checked once more. Where a secret would still show, nothing is said.

use crate::cloud::{Class, CloudError};
use crate::model::printable;
use crate::signature::encode;
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;

/// Longest message, in characters.
pub(super) const MESSAGE_MAX: usize = 256;
/// Longest error code; documented ones have at most 44.
const CODE_MAX: usize = 96;
/// Longest request id; they are UUIDs.
const REQUEST_ID_MAX: usize = 64;

/// What stands before the echo of version 1 (`api-contract.md` 4), in lower case.
const CUE_V1: &str = "server string to sign is";
/// From each of these on, a message is an echo.
const CUES: [&str; 3] = [CUE_V1, "server stringtosign is", "server canonicalrequest is"];
const MARK: &str = "[redacted]";

/// The secrets of one call, over all its attempts.
#[derive(Default)]
pub(super) struct Secrets {
    /// Every form in lower case, longest first, so that a part never spoils the whole.
    forms: Vec<SecretString>,
}

/// An error of the cloud before it is made safe.
#[derive(Clone, Copy)]
pub(super) struct Raw<'a> {
    pub(super) class: Class,
    pub(super) code: &'a str,
    pub(super) message: &'a str,
    pub(super) request_id: Option<&'a str>,
    pub(super) retry_after: Option<Duration>,
}

impl Secrets {
    /// Adds a value that must not show, with its percent-encoded forms; the string to sign of
    /// version 1 holds values that were encoded twice.
    pub(super) fn add(&mut self, value: &str) {
        if value.is_empty() {
            return;
        }
        let once = encode(value);
        let twice = encode(&once);
        for form in [value.to_owned(), once, twice] {
            let form = form.to_ascii_lowercase();
            if !self.forms.iter().any(|known| known.expose_secret() == form) {
                self.forms.push(form.into());
            }
        }
        self.forms.sort_by_key(|form| std::cmp::Reverse(form.expose_secret().len()));
    }

    /// The error as everybody may see it.
    pub(super) fn error(&self, raw: Raw<'_>) -> CloudError {
        let code = self.clean(raw.code, CODE_MAX);
        CloudError {
            code: if code.is_empty() { "unreadable-code".to_owned() } else { code },
            class: raw.class,
            request_id: raw.request_id.and_then(|id| self.request_id(id)),
            message: self.clean(without_echo(raw.message), MESSAGE_MAX),
            retry_after: raw.retry_after,
        }
    }

    /// The id if it looks like one: it goes into logs and the journal as it is.
    pub(super) fn request_id(&self, id: &str) -> Option<String> {
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let fits = !id.is_empty() && id.len() <= REQUEST_ID_MAX;
        (plain && fits && !self.shows_in(id)).then(|| id.to_owned())
    }

    fn clean(&self, text: &str, limit: usize) -> String {
        let mut text = text.to_owned();
        for form in &self.forms {
            text = replace(&text, form.expose_secret());
        }
        let shown = shorten(&text, limit);
        // Cutting, escaping and the mark itself can make a secret anew, if it is short enough.
        if self.shows_in(&shown) { String::new() } else { shown }
    }

    fn shows_in(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        self.forms.iter().any(|form| text.contains(form.expose_secret()))
    }
}

/// What the echo of version 1 says: equal to ours, only the secret can be wrong
/// (`api-contract.md` 4). `None` without an echo.
pub(super) fn verdict(message: &str, string_to_sign: &str) -> Option<&'static str> {
    let at = message.to_ascii_lowercase().find(CUE_V1)?;
    let echo = message.get(at + CUE_V1.len()..)?;
    let echo = echo.trim_start_matches(':').trim();
    Some(if echo == string_to_sign.trim() {
        "the access key secret is wrong: the cloud signed the same text and got another signature"
    } else {
        "the request was altered on the way, or the client signed it wrongly: the cloud signed \
         another text"
    })
}

/// The message up to the first echo.
pub(super) fn without_echo(message: &str) -> &str {
    let lower = message.to_ascii_lowercase();
    let cut = CUES.iter().filter_map(|cue| lower.find(cue)).min();
    let kept = cut.and_then(|at| message.get(..at)).unwrap_or(message);
    kept.trim_end()
}

/// Replaces every occurrence, whatever its case; `needle` is in lower case.
fn replace(text: &str, needle: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut kept = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in lower.match_indices(needle) {
        kept.push_str(text.get(from..at).unwrap_or_default());
        kept.push_str(MARK);
        from = at + needle.len();
    }
    kept.push_str(text.get(from..).unwrap_or_default());
    kept
}

/// Control characters escaped, at most `limit` characters.
fn shorten(text: &str, limit: usize) -> String {
    let mut shown = String::new();
    let mut length = 0;
    for c in text.chars() {
        let piece = printable(c.encode_utf8(&mut [0; 4]));
        length += piece.chars().count();
        if length >= limit {
            shown.push('…');
            break;
        }
        shown.push_str(&piece);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OURS: &str = "POST&%2F&AccessKeyId%3DLTAIcanary%26SecurityToken%3DCAIStoken%252B";

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        for value in ["LTAIcanary", "s3cr+t/canary=", "CAIStoken+", ""] {
            secrets.add(value);
        }
        secrets
    }

    fn raw(message: &str) -> Raw<'_> {
        Raw { class: Class::Unknown, code: "X", message, request_id: None, retry_after: None }
    }

    fn cleaned(message: &str) -> String {
        secrets().error(raw(message)).message
    }

    #[test]
    fn an_echo_is_cut_off_from_its_cue_on() {
        for cue in [
            "server string to sign is:",
            "server StringToSign is [",
            "SERVER CanonicalRequest is [",
        ] {
            assert_eq!(cleaned(&format!("Not matched. {cue}{OURS}")), "Not matched.");
        }
        assert_eq!(cleaned("Server String To Sign Is: x"), "");
    }

    #[test]
    fn a_secret_is_taken_out_in_every_encoding_and_case() {
        for form in ["s3cr+t/canary=", "s3cr%2Bt%2Fcanary%3D", "S3CR%252bT%252FCANARY%253D"] {
            assert_eq!(cleaned(&format!("a {form} b {form}")), "a [redacted] b [redacted]");
        }
        assert_eq!(cleaned("key ltaiCANARY is gone"), "key [redacted] is gone");
    }

    #[test]
    fn the_verdict_tells_a_wrong_secret_from_an_altered_request() {
        let message = format!("Not matched. server string to sign is:{OURS}");
        assert!(verdict(&message, OURS).unwrap().contains("secret is wrong"));
        assert!(verdict(&message, "POST&%2F&other").unwrap().contains("altered"));
        assert_eq!(verdict("Not matched.", OURS), None);
    }

    #[test]
    fn a_message_is_short_and_has_no_control_characters() {
        let long = cleaned(&"\u{1b}[31mä".repeat(200));
        assert!(long.chars().count() <= MESSAGE_MAX);
        assert!(long.chars().count() > MESSAGE_MAX - 10 && long.ends_with('…'));
        assert!(!long.contains('\u{1b}'));
        assert_eq!(cleaned("a\nb\u{202e}"), "a\\u{a}b\\u{202e}");
        assert_eq!(cleaned(&"x".repeat(255)), "x".repeat(255));
    }

    #[test]
    fn a_request_id_is_kept_only_if_it_looks_like_one() {
        let secrets = secrets();
        let id = "473469C7-AA6F-4DC5-B3DB-A3DC0DE3C83E";
        assert_eq!(secrets.request_id(id).as_deref(), Some(id));
        for bad in ["", "a b", "LTAIcanary", "x-ltaicanary-y", "a\n", &"a".repeat(65), "é"] {
            assert_eq!(secrets.request_id(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_secret_shows_wherever_it_stands(
            secret in "[!-~]{1,24}",
            before in any::<String>(),
            after in any::<String>(),
            encoded in 0usize..3,
            request_id in "[a-z0-9-]{0,3}",
        ) {
            let mut secrets = Secrets::default();
            secrets.add(&secret);
            let form = (0..encoded).fold(secret.clone(), |form, _| encode(&form));
            let text = format!("{before}{form}{after}");
            let id = format!("{request_id}{secret}");
            let error = secrets.error(Raw {
                class: Class::Unknown,
                code: &text,
                message: &text,
                request_id: Some(&id),
                retry_after: None,
            });
            for shown in [&error.code, &error.message, &error.request_id.unwrap_or_default()] {
                // Our own word for an empty code is no leak.
                let shown = shown.replace("unreadable-code", "").to_lowercase();
                prop_assert!(!shown.contains(&secret.to_lowercase()), "{shown}");
                prop_assert!(!shown.contains(&form.to_lowercase()), "{shown}");
            }
        }
    }
}
