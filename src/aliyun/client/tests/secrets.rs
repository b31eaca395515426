//! Nothing that must not show does, in errors or in the finest log, whatever the cloud echoes.

use super::server::{Seen, error, json, with};
use super::*;
use crate::signature::{encode, v1};
use std::io;
use std::sync::{Mutex, OnceLock};
use tracing::Dispatch;

/// A log that is kept.
#[derive(Clone, Default)]
pub(in crate::aliyun) struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub(in crate::aliyun) fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        // With one subscriber alive, an event that another thread, which has none, comes across
        // first is switched off for all; with more than one, all of them are asked.
        static ALIVE: OnceLock<[Dispatch; 2]> = OnceLock::new();
        ALIVE.get_or_init(|| [Self::default().dispatch(), Self::default().dispatch()]);
        let log = Self::default();
        let guard = tracing::dispatcher::set_default(&log.dispatch());
        (log, guard)
    }

    fn dispatch(&self) -> Dispatch {
        let writer = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        Dispatch::new(subscriber)
    }

    pub(in crate::aliyun) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

pub(super) fn assert_clean(text: &str, signatures: &[String]) {
    let lower = text.to_lowercase();
    let constant = [KEY_ID, SECRET, TOKEN].map(str::to_owned);
    for secret in constant.iter().chain(signatures).filter(|secret| !secret.is_empty()) {
        for form in [secret.clone(), encode(secret), encode(&encode(secret))] {
            assert!(!lower.contains(&form.to_lowercase()), "{form} shows in {text}");
        }
    }
    for part in ["canary", "SignatureNonce", "AccessKeyId"] {
        assert!(!text.contains(part), "{part} shows in {text}");
    }
}

pub(in crate::aliyun) fn to_sign(seen: &Seen) -> String {
    let mut pairs = seen.form();
    pairs.retain(|(name, _)| name != "Signature");
    v1::string_to_sign("POST", &pairs)
}

pub(super) fn signature(seen: &Seen) -> String {
    let header = seen.header("authorization");
    let of_v3 = header.split_once("Signature=").map(|(_, rest)| rest.to_owned());
    of_v3.unwrap_or_else(|| seen.parameter("Signature"))
}

/// Answers that show all the server knows, one way each.
fn indiscreet(number: usize, seen: &Seen) -> axum::http::Response<axum::body::Body> {
    let all = format!(
        "{KEY_ID} {SECRET} {TOKEN} {} {} {}",
        signature(seen),
        String::from_utf8_lossy(&seen.body),
        encode(&format!("{SECRET}{TOKEN}")),
    );
    let (short, kind) = (KEY_ID, format!("text/{KEY_ID}"));
    match number % 9 {
        0 => json(
            400,
            error(
                "SignatureDoesNotMatch",
                &format!("Not matched. server string to sign is:{}", to_sign(seen)),
            ),
        ),
        1 => json(
            400,
            error(
                "IncompleteSignature",
                &format!("x server StringToSign is [{all}] server CanonicalRequest is [{all}]"),
            ),
        ),
        2 => json(
            403,
            error(
                "Forbidden.RAM",
                &format!("{SECRET} and {TOKEN} and {short} and {}", signature(seen)),
            ),
        ),
        3 => json(400, error(&format!("Invalid.{SECRET}"), SECRET)),
        4 => with(502, &[("content-type", &kind), ("x-acs-request-id", short)], all),
        5 => json(200, format!(r#"{{"RequestId":"{KEY_ID}"}}"#)),
        6 => json(200, format!(r#"{{"RequestId":"a","Code":{{"{SECRET}":1}}}}"#)),
        7 => with(302, &[("location", &format!("https://{KEY_ID}/?{}", encode(&all)))], ""),
        _ => json(
            403,
            serde_json::json!({"Code": "NoPermission", "RequestId": SECRET,
            "AccessDeniedDetail": {"AuthAction": TOKEN, "NoPermissionType": KEY_ID}})
            .to_string(),
        ),
    }
}

#[tokio::test]
async fn errors_and_the_finest_log_show_no_secret() {
    let (log, _guard) = Log::start();
    let mut signatures = Vec::new();
    let mut codes = Vec::new();
    for version in [SignatureVersion::V1, SignatureVersion::V3] {
        let server = Server::start(indiscreet).await;
        let client = client_of(Settings { signature: version, ..settings(&server.url()) });
        let mut results = String::new();
        for _ in 0..9 {
            let result = client.carry_out(&ticket(Verb::Detach)).await;
            if let Err(error) = &result {
                codes.push(error.code.clone());
                results.push_str(&error.to_string());
                assert!(error.message.chars().count() <= 256);
            }
            results.push_str(&format!("{result:?}\n"));
        }
        results.push_str(&format!("{client:?}"));
        signatures.extend(server.seen().iter().map(signature));
        assert_clean(&results, &signatures);
    }
    assert_eq!(signatures.len(), 18);
    for code in ["SignatureDoesNotMatch", "Forbidden.RAM", "malformed-body", "redirect"] {
        assert!(codes.iter().any(|have| have == code), "{code} is not in {codes:?}");
    }
    let log = log.text();
    assert_clean(&log, &signatures);
    for kept in
        ["asked the cloud", "DetachClassicLinkVpc", "cn-hangzhou", "hyper_util", "latency_ms"]
    {
        assert!(log.contains(kept), "{kept} is not in the log:\n{log}");
    }
}

#[tokio::test]
async fn a_signature_error_says_whether_the_secret_is_wrong() {
    let echo = |text: String| {
        error(
            "SignatureDoesNotMatch",
            &format!("Specified signature is not matched. server string to sign is:{text}"),
        )
    };
    let server = Server::start(move |number, seen| match number {
        0 => json(400, echo(to_sign(seen))),
        _ => json(400, echo(to_sign(seen).replace("cn-hangzhou", "cn-beijing"))),
    })
    .await;
    let client = client(&server);
    let wrong = client.describe(&of_vpc()).await.unwrap_err();
    let altered = client.describe(&of_vpc()).await.unwrap_err();
    assert_eq!((wrong.class, altered.class), (Class::Unauthenticated, Class::Unauthenticated));
    assert!(wrong.message.contains("secret is wrong"), "{wrong}");
    assert!(altered.message.contains("altered on the way"), "{altered}");
    for shown in [&wrong.message, &altered.message] {
        assert!(shown.ends_with("Specified signature is not matched."), "{shown}");
    }
}

#[tokio::test]
async fn a_wrong_clock_is_said_once_however_many_calls_find_it() {
    let (log, _guard) = Log::start();
    let server = Server::start(|_, _| {
        let date = "Wed, 01 May 2024 14:00:00 GMT";
        with(400, &[("date", date)], error("InvalidTimeStamp.Expired", SECRET))
    })
    .await;
    let (client, query) = (client(&server), of_vpc());
    let (one, other) = tokio::join!(client.describe(&query), client.describe(&query));
    assert!(one.is_err() && other.is_err());
    assert_eq!(server.seen().len(), 4);
    let text = log.text();
    assert_eq!(text.matches("our clock is off").count(), 1, "{text}");
    assert!(text.contains("skew_seconds=-5104"), "{text}");
    assert!(text.contains("attempt=1") && text.contains("attempt=2"), "{text}");
    assert_clean(&text, &[]);
}

#[test]
fn a_request_that_is_printed_shows_no_secret() {
    let endpoint = Endpoint::parse("http://127.0.0.1:1").unwrap();
    let key = Key::new(KEY_ID, SECRET, Some(TOKEN)).unwrap();
    let region = region();
    let call = Call { operation: Operation::Detach, region: Some(&region), parameters: Vec::new() };
    for version in [SignatureVersion::V1, SignatureVersion::V3] {
        let mut secrets = Secrets::default();
        let signed = request::signed(version, &endpoint, &call, &key, wall(), &mut secrets);
        assert_clean(&format!("{:?}", signed.request), &[]);
    }
}
