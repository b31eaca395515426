//! What an answer means. The robots say 200 to everything, and what they mean in the body.
//!
//! No text of a receiver comes out of here, only numbers and our own words for them: receivers repeat the URL
//! and the signature, in spellings that cannot all be searched for.

use crate::notification::sink::Kind;
use serde_json::Value;
use std::time::Duration;

/// An error code beyond this is none, and could be anything: a part of the URL, too.
const CODE_MAX: u64 = 9_999_999;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::notification) struct Reply {
    pub status: u16,
    /// The receiver's wish how long to wait.
    pub retry_after: Option<Duration>,
    /// As much as was read.
    pub body: Vec<u8>,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::notification) enum Verdict {
    /// Taken.
    Taken,
    /// Not now: try again.
    Again { why: String, after: Option<Duration> },
    /// Not ever, as it is configured.
    Never { why: String },
}

/// Judges an answer.
pub(in crate::notification) fn of(kind: Kind, reply: &Reply) -> Verdict {
    let status = reply.status;
    let why = format!("it answered {status}");
    match status {
        200..=299 => body(kind, &reply.body),
        408 | 425 | 429 | 500..=599 => Verdict::Again { why, after: reply.retry_after },
        300..=399 => Verdict::Never { why: format!("{why}, a redirect, which is not followed") },
        400 => Verdict::Never { why: format!("{why}: it does not take such a message") },
        401 | 403 => Verdict::Never { why: format!("{why}: it does not let this URL write") },
        404 | 410 => Verdict::Never { why: format!("{why}: it knows no such URL") },
        _ => Verdict::Never { why },
    }
}

fn body(kind: Kind, body: &[u8]) -> Verdict {
    let (names, busy): (&[&str], &[i64]) = match kind {
        Kind::Json | Kind::Slack => return Verdict::Taken,
        // 130101: sent too fast; -1: busy.
        Kind::Dingtalk => (&["errcode"], &[-1, 130_101]),
        // 45009: more than 20 a minute; -1: busy.
        Kind::Wecom => (&["errcode"], &[-1, 45_009]),
        // 11232 and 9499: too fast. Older ones say `StatusCode`.
        Kind::Lark => (&["code", "StatusCode"], &[9499, 11_232]),
    };
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let number = names.iter().find_map(|name| value.get(name)?.as_i64());
    match number {
        Some(0) => Verdict::Taken,
        Some(code) => {
            let why = match meaning(kind, code) {
                Some(meaning) => format!("it answered 200 with the error code {code}: {meaning}"),
                None if code.unsigned_abs() > CODE_MAX => {
                    "it answered 200 with an error code that is not one of its kind".to_owned()
                }
                None => format!("it answered 200 with the error code {code}"),
            };
            match busy.contains(&code) {
                true => Verdict::Again { why, after: None },
                false => Verdict::Never { why },
            }
        }
        None => {
            let why = "it answered 200 and did not say whether it took the message".to_owned();
            Verdict::Again { why, after: None }
        }
    }
}

/// What a robot's code means, from the documentation of its maker.
fn meaning(kind: Kind, code: i64) -> Option<&'static str> {
    Some(match (kind, code) {
        (Kind::Dingtalk | Kind::Wecom, -1) => "it is busy",
        (Kind::Dingtalk, 130_101) | (Kind::Wecom, 45_009) | (Kind::Lark, 9499 | 11_232) => {
            "it is sent too much"
        }
        (Kind::Dingtalk, 310_000) => {
            "the signature, the keyword or the address of this host does not fit its security settings"
        }
        (Kind::Dingtalk, 400_101) | (Kind::Wecom, 93_000) | (Kind::Lark, 19_001) => {
            "it knows no robot with this URL"
        }
        (Kind::Dingtalk, 400_102) => "the robot is switched off",
        (Kind::Wecom, 45_002) => "the message is too long",
        (Kind::Lark, 19_021) => {
            "the signature does not fit: compare `secretFile`, and the clock of this host"
        }
        (Kind::Lark, 19_022) => "the address of this host is not among those it allows",
        (Kind::Lark, 19_024) => "the message has none of its keywords; add `classiclinkd`",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(kind: Kind, status: u16, body: &str) -> &'static str {
        let retry_after = Some(Duration::from_secs(7));
        match of(kind, &Reply { status, retry_after, body: body.into() }) {
            Verdict::Taken => "taken",
            Verdict::Again { after: Some(_), .. } => "again, after 7 s",
            Verdict::Again { after: None, .. } => "again",
            Verdict::Never { .. } => "never",
        }
    }

    #[test]
    fn an_error_code_in_the_body_is_no_success() {
        for (kind, body, expected) in [
            (Kind::Dingtalk, r#"{"errcode":0,"errmsg":"ok"}"#, "taken"),
            (Kind::Dingtalk, r#"{"errcode":310000,"errmsg":"sign not match"}"#, "never"),
            (Kind::Dingtalk, r#"{"errcode":130101,"errmsg":"send too fast"}"#, "again"),
            (Kind::Wecom, r#"{"errcode":0,"errmsg":"ok"}"#, "taken"),
            (Kind::Wecom, r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#, "never"),
            (Kind::Wecom, r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#, "again"),
            (Kind::Lark, r#"{"code":0,"msg":"success","StatusCode":0}"#, "taken"),
            (Kind::Lark, r#"{"StatusCode":0,"StatusMessage":"success"}"#, "taken"),
            (Kind::Lark, r#"{"code":19021,"msg":"sign match fail"}"#, "never"),
            (Kind::Lark, r#"{"code":11232,"msg":"frequency limited"}"#, "again"),
            (Kind::Lark, "<html>log in</html>", "again"),
            (Kind::Wecom, "", "again"),
            (Kind::Slack, "ok", "taken"),
            (Kind::Json, "", "taken"),
        ] {
            assert_eq!(judged(kind, 200, body), expected, "{kind:?} {body}");
        }
    }

    #[test]
    fn no_text_of_a_receiver_is_passed_on() {
        let of = |kind, status, body: &str| {
            format!("{:?}", of(kind, &Reply { status, retry_after: None, body: body.into() }))
        };
        let padded = format!("{}s3cr3t-canary-9c1f", "x".repeat(110));
        for said in ["s3cr3t-canary-9c1f", "s3cr3t%2Dcanary%2D9c1f", &padded, "S3CR3T-C"] {
            let body =
                format!(r#"{{"errcode":310000,"code":19021,"errmsg":"{said}","msg":"{said}"}}"#);
            for (_, kind) in Kind::WORDS {
                for status in [200, 302, 400, 403, 404, 418, 429, 503] {
                    let verdict = of(kind, status, &body).to_lowercase();
                    assert!(!verdict.contains("s3cr3t"), "{kind:?} {status}: {verdict}");
                }
            }
        }
        let told = of(Kind::Lark, 200, r#"{"code":19021}"#);
        assert!(told.contains("19021") && told.contains("secretFile"), "{told}");
        assert!(of(Kind::Wecom, 200, r#"{"errcode":40058}"#).contains("40058"));
        assert!(
            !of(Kind::Wecom, 200, r#"{"errcode":471100815}"#).contains("4711"),
            "a part of a URL"
        );
    }

    #[test]
    fn what_time_can_heal_is_tried_again() {
        for (status, expected) in [
            (204, "taken"),
            (302, "never"),
            (400, "never"),
            (404, "never"),
            (429, "again, after 7 s"),
            (503, "again, after 7 s"),
        ] {
            assert_eq!(judged(Kind::Slack, status, "no_text"), expected, "{status}");
        }
    }
}
