//! What an answer means. The robots say 200 to everything, and what they mean in the body.

use crate::notification::news::line;
use crate::notification::sink::Kind;
use serde_json::Value;
use std::time::Duration;

/// Longest remark of a receiver that is passed on.
const REMARK_MAX: usize = 120;

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
    Again {
        why: String,
        /// What the receiver says.
        remark: Option<String>,
        after: Option<Duration>,
    },
    /// Not ever, as it is configured.
    Never { why: String, remark: Option<String> },
}

/// Judges an answer.
pub(in crate::notification) fn of(kind: Kind, reply: &Reply) -> Verdict {
    let status = reply.status;
    let why = format!("it answered {status}");
    let text = String::from_utf8_lossy(&reply.body);
    let remark = || Some(line(text.trim(), REMARK_MAX)).filter(|remark| !remark.is_empty());
    match status {
        200..=299 => body(kind, &reply.body),
        408 | 425 | 429 | 500..=599 => {
            Verdict::Again { why, remark: remark(), after: reply.retry_after }
        }
        300..=399 => Verdict::Never {
            why: format!("{why}, a redirect, which is not followed"),
            remark: None,
        },
        _ => Verdict::Never { why, remark: remark() },
    }
}

fn body(kind: Kind, body: &[u8]) -> Verdict {
    let (code, remark, busy): (&[&str], &str, &[i64]) = match kind {
        Kind::Json | Kind::Slack => return Verdict::Taken,
        // 130101: sent too fast; -1: busy.
        Kind::Dingtalk => (&["errcode"], "errmsg", &[-1, 130_101]),
        // 45009: more than 20 a minute; -1: busy.
        Kind::Wecom => (&["errcode"], "errmsg", &[-1, 45_009]),
        // 11232 and 9499: too fast. Older ones say `StatusCode`.
        Kind::Lark => (&["code", "StatusCode"], "msg", &[9499, 11_232]),
    };
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let number = code.iter().find_map(|name| value.get(name)?.as_i64());
    let said = value.get(remark).and_then(Value::as_str);
    let remark = said.map(|said| line(said, REMARK_MAX));
    match number {
        Some(0) => Verdict::Taken,
        Some(code) => {
            let why = format!("it answered 200 with the error code {code}");
            match busy.contains(&code) {
                true => Verdict::Again { why, remark, after: None },
                false => Verdict::Never { why, remark },
            }
        }
        None => {
            let why = "it answered 200 and did not say whether it took the message".to_owned();
            Verdict::Again { why, remark: None, after: None }
        }
    }
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
