//! The URI against a server that does what such a server can do.

use super::*;
use crate::aliyun::client::tests::secrets::Log;
use crate::aliyun::client::tests::server::{Server, json};
use crate::aliyun::credentials::tests::doubles::{
    asked, assert_issued, but, clock, issued, lines, nobody, silent, useless,
};
use serde_json::json as value;

fn at(url: &str) -> CredentialsUri {
    CredentialsUri::new(url, clock()).unwrap()
}

#[tokio::test]
async fn a_key_is_taken_with_or_without_a_code() {
    for code in [None, Some(value!("Success")), Some(value!(null))] {
        let body = but(&issued(), "Code", code).to_string();
        let server = Server::start(move |_, _| json(200, body.clone())).await;
        let provider = at(&format!("{}/keys/canary?token=canary#canary", server.url()));
        assert_issued(&asked(&provider).await.unwrap());
        assert_eq!(lines(&server), ["GET /keys/canary"]);
        assert_eq!(server.seen()[0].parameter("token"), "canary");
        assert_eq!(provider.name(), "credential_uri");
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused_and_nothing_of_it_or_of_the_uri_shows() {
    let (log, _guard) = Log::start();
    let count = useless(&issued()).len();
    let server = Server::start(move |number, _| useless(&issued()).remove(number).0).await;
    let provider = at(&format!("{}/canary?token=canary", server.url()));
    for (_, says, temporary) in useless(&issued()) {
        let (error, may_pass) = asked(&provider).await.unwrap_err();
        assert!(error.contains(says), "{says}: {error}");
        assert!(error.contains(&server.address().to_string()), "{error}");
        assert_eq!(may_pass, temporary, "{error}");
    }
    assert_eq!(server.seen().len(), count, "nothing is asked twice, and no redirect is followed");
    assert!(log.text().contains("hyper_util"), "the finest log is kept");
    assert!(!log.text().contains("canary"), "{}", log.text());
}

#[tokio::test]
async fn a_code_that_is_no_success_is_said_without_what_stands_beside_it() {
    for (code, shown) in [
        ("Failed.\u{1b}[31m\n", "Failed.\\u{1b}[31m\\u{a}"),
        ("canary+SECRET/value=", "[redacted]"),
        ("STS.canaryID", "[redacted]"),
        ("tok-canary", "[redacted]"),
        ("success", "success"),
        ("", "Code is ``"),
    ] {
        let body = but(&issued(), "Code", Some(value!(code))).to_string();
        let server = Server::start(move |_, _| json(200, body.clone())).await;
        let provider = at(&format!("{}/?token=tok-canary", server.url()));
        let (error, _) = asked(&provider).await.unwrap_err();
        assert!(error.contains(shown) && error.contains("not Success"), "{error}");
    }
}

#[tokio::test]
async fn who_is_silent_or_not_there_is_not_waited_for() {
    let (_held, url) = silent();
    let mut provider = at(&url);
    provider.ask.patience.whole = Duration::from_millis(50);
    let (error, may_pass) = asked(&provider).await.unwrap_err();
    assert!(error.contains("no complete answer within 50ms") && may_pass, "{error}");
    let (error, may_pass) = asked(&at(&nobody())).await.unwrap_err();
    assert!(error.contains("no connection to 127.0.0.1") && may_pass, "{error}");
}

#[test]
fn a_uri_is_https_or_on_this_machine() {
    for good in
        ["https://keys.example.com/x?y=canary", "http://localhost:8/", " http://[::1]:8/x\n"]
    {
        assert!(CredentialsUri::new(good, clock()).is_ok(), "{good}");
    }
    for (bad, says) in [
        ("http://keys.example.com/canary", "plain http"),
        ("http://10.0.0.1/canary", "plain http"),
        ("http://100.100.100.200/latest/canary", "ECS RAM role"),
        ("http://localhost.example.com/canary", "plain http"),
        ("https://user:canary@keys.example.com/", "password"),
        ("http://canary@127.0.0.1/", "user name"),
        ("file:///canary", "names no host"),
        ("ftp://keys.example.com/canary", "neither https nor http"),
        ("canary", "not a URL"),
        ("", "not a URL"),
    ] {
        let error = CredentialsUri::new(bad, clock()).unwrap_err();
        assert!(error.to_string().contains(says), "{bad}: {error}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }
}
