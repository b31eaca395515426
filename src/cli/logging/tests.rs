use super::*;
use crate::clock::Moment;
use std::sync::{Arc, Mutex};
use std::time::Duration;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Moment {
        let wall = "2026-11-23T12:00:00.0456789Z".parse().unwrap();
        Moment { wall, monotonic: Duration::ZERO }
    }
}

/// What `say` logs, at any level.
fn logged(look: Look, say: impl FnOnce()) -> String {
    let log = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&log);
    let write = move |line: &str| kept.lock().unwrap().push_str(line);
    let subscriber = tracing_subscriber::registry().with(Lines { look, clock: Noon, write });
    tracing::subscriber::with_default(subscriber, say);
    let text = log.lock().unwrap();
    text.clone()
}

const TEXT: Look = Look::Text { colour: false };
const HOSTILE: &str = "x\n2026-11-23T12:00:00.045Z ERROR forged: \u{1b}[31mnot ours\u{202e}\r\t\"";

fn is_clean(log: &str) {
    let raw = |c: char| c != '\n' && crate::model::is_unprintable(c);
    assert!(!log.contains(raw), "{log:?}");
}

#[test]
fn a_text_line_has_time_level_target_message_and_fields() {
    let log = logged(TEXT, || {
        tracing::warn!(target: "here", attempt = 2u32, missing = -1, why = "two words", class = "a", "seen");
    });
    assert_eq!(
        log,
        "2026-11-23T12:00:00.045Z  WARN here: seen attempt=2 missing=-1 why=\"two words\" class=a\n"
    );
}

#[test]
fn a_json_line_is_flat_and_numbers_are_numbers() {
    let log = logged(Look::Json, || {
        tracing::info!(target: "here", attempt = 2u32, target = "t", yes = true, rate = 0.5, "seen");
    });
    let json: serde_json::Value = serde_json::from_str(&log).unwrap();
    let wanted = serde_json::json!({
        "timestamp": "2026-11-23T12:00:00.045Z", "level": "INFO", "target": "here", "message": "seen",
        "attempt": 2, "target_": "t", "yes": true, "rate": 0.5,
    });
    assert_eq!(json, wanted, "{log}");
}

#[test]
fn fields_of_spans_come_along_and_the_innermost_counts() {
    let say = || {
        let pass = tracing::debug_span!("pass", scope = "s", region = "outer");
        let _pass = pass.enter();
        let call =
            tracing::debug_span!("call", region = "inner", code = tracing::field::Empty, run = "r");
        let _call = call.enter();
        tracing::info!(target: "here", run = "own", "asked");
        call.record("code", "ok");
        call.record("code", "late");
        tracing::info!(target: "here", "answered");
    };
    let log = logged(TEXT, say);
    let lines: Vec<&str> = log.lines().map(|line| line.split_at(25).1).collect();
    assert_eq!(
        lines,
        [
            " INFO here: asked run=own region=inner scope=s span=pass:call",
            " INFO here: answered region=inner run=r code=late scope=s span=pass:call",
        ]
    );
    let json = logged(Look::Json, say);
    assert_eq!(json.lines().filter(|line| line.matches("\"region\"").count() == 1).count(), 2);
}

#[test]
fn no_value_can_forge_a_line() {
    let say = || {
        let span = tracing::info_span!("pass", scope = HOSTILE);
        let _inside = span.enter();
        tracing::error!(target: "here", reason = HOSTILE, error = %HOSTILE, dbg = ?HOSTILE, "{HOSTILE}");
    };
    let text = logged(TEXT, say);
    is_clean(&text);
    let starts: Vec<&str> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(starts, ["2026-11-23T12:00:00.045Z", ""], "{text}");
    assert!(text.lines().nth(1).unwrap().starts_with("    2026"), "{text}");

    let json = logged(Look::Json, say);
    is_clean(&json);
    assert_eq!(json.lines().count(), 1, "{json}");
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let shown = "x\n2026-11-23T12:00:00.045Z ERROR forged: \\u{1b}[31mnot ours\\u{202e}\\u{d}\t\"";
    assert_eq!((&value["reason"], &value["scope"]), (&shown.into(), &shown.into()));

    let journal = logged(Look::Journal, say);
    is_clean(&journal);
    assert!(journal.starts_with("<3>ERROR here: x\n<3>    2026"), "{journal}");
}

#[test]
fn values_and_messages_are_capped() {
    let long = "y".repeat(100_000);
    for look in [TEXT, Look::Json, Look::Journal] {
        let log = logged(look, || tracing::info!(reason = long, "{long}"));
        assert!(log.len() < 20_000, "{}", log.len());
        assert!(log.contains("…(+97952)") && log.contains("…(+83616)"), "{log}");
    }
}

#[test]
fn colour_is_on_the_level_alone() {
    let log = logged(Look::Text { colour: true }, || tracing::info!(target: "here", "seen"));
    assert_eq!(log, "2026-11-23T12:00:00.045Z \u{1b}[32m INFO\u{1b}[0m here: seen\n");
}

#[test]
fn a_word_that_is_no_level_is_refused() {
    for good in ["info", "off", "info,hyper=warn", "classiclinkd=trace"] {
        assert!(levels(good).is_ok(), "{good}");
    }
    for bad in ["loud", "info,hyper"] {
        assert!(levels(bad).is_err(), "{bad}");
    }
}
