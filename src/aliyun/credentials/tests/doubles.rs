//! What the doubles of services answer with, and what of it must never show.

use crate::aliyun::client::tests::Frozen;
use crate::aliyun::client::tests::server::{Server, json, with};
use crate::aliyun::credentials::provide::Provide;
use crate::aliyun::credentials::{CredentialError, Key};
use crate::clock::Clock;
use axum::body::Body;
use axum::http::Response;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json as value};
use std::sync::Arc;

/// What is in every secret of these tests, and in nothing else.
pub(in crate::aliyun) const CANARY: &str = "canary";
/// Nearly an hour after the clock of these tests.
pub(in crate::aliyun) const END: &str = "2024-05-01T13:30:00Z";

/// It stands at 2024-05-01T12:34:56.789Z.
pub(in crate::aliyun) fn clock() -> Arc<dyn Clock> {
    Arc::new(Frozen)
}

/// A whole key.
pub(in crate::aliyun) fn issued() -> Value {
    value!({
        "AccessKeyId": "STS.canaryID",
        "AccessKeySecret": "canary+SECRET/value=",
        "SecurityToken": "CAIScanary+TOKEN/value==",
        "Expiration": END,
    })
}

/// The same with another value of one member, or without it.
pub(in crate::aliyun) fn but(whole: &Value, name: &str, instead: Option<Value>) -> Value {
    let mut changed = whole.clone();
    let members = changed.as_object_mut().unwrap();
    match instead {
        Some(instead) => members.insert(name.to_owned(), instead),
        None => members.remove(name),
    };
    changed
}

/// Answers that are no key, each with a word of what is said about it, and whether it may pass.
pub(in crate::aliyun) fn useless(whole: &Value) -> Vec<(Response<Body>, &'static str, bool)> {
    let ok = |body: Value| json(200, body.to_string());
    let ended = but(whole, "Expiration", Some(value!("2024-05-01T12:34:56Z")));
    let mut answers = vec![
        (ok(ended), "ended at 2024-05-01T12:34:56Z", false),
        (ok(but(whole, "Expiration", Some(value!("canary")))), "Expiration is no time", false),
        (ok(but(whole, "AccessKeySecret", Some(value!("canary canary")))), "holds no key", false),
        (ok(but(whole, "AccessKeyId", Some(value!(["canary"])))), "form", false),
        (json(200, "<html>canary</html>"), "form", false),
        (json(200, whole.to_string().split_at(90).0.to_owned()), "ends in the middle", false),
        (with(302, &[("location", "http://127.0.0.1:1/canary")], "canary"), "redirect", false),
        (json(404, "canary"), "status 404", false),
        (json(503, "canary"), "status 503", true),
        (json(200, CANARY.repeat(20_000)), "larger than 64 KiB", true),
    ];
    for name in ["AccessKeyId", "AccessKeySecret", "SecurityToken", "Expiration"] {
        answers.push((ok(but(whole, name, None)), name, false));
    }
    answers
}

/// Asks, and holds what comes to showing no secret: the key, or what is said of it.
pub(in crate::aliyun) async fn asked(provider: &dyn Provide) -> Result<Key, (String, bool)> {
    let result = provider.fetch().await;
    let debug = format!("{provider:?} {result:?}");
    assert!(!debug.to_lowercase().contains(CANARY), "{debug}");
    result.map_err(|error| {
        let shown = error.to_string();
        assert!(!shown.to_lowercase().contains(CANARY), "{shown}");
        assert!(shown.len() < 800, "{shown}");
        assert!(!shown.contains(['\n', '\u{1b}']), "{shown}");
        (shown, matches!(error, CredentialError::Service { temporary: true, .. }))
    })
}

/// That it is the key of [`issued`].
pub(in crate::aliyun) fn assert_issued(key: &Key) {
    assert_eq!(key.id.expose_secret(), "STS.canaryID");
    assert_eq!(key.secret.expose_secret(), "canary+SECRET/value=");
    assert_eq!(key.token.as_ref().unwrap().expose_secret(), "CAIScanary+TOKEN/value==");
    assert_eq!(key.expires, END.parse().ok());
}

/// What a server was asked, as lines such as `GET /path`.
pub(in crate::aliyun) fn lines(server: &Server) -> Vec<String> {
    server.seen().iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect()
}

/// An address where connections are taken and nothing is ever answered, as long as the listener lives.
pub(in crate::aliyun) fn silent() -> (std::net::TcpListener, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// An address where nobody takes a connection.
pub(in crate::aliyun) fn nobody() -> String {
    silent().1
}
