//! STS's double: what is asked, by whom it is signed, and what is made of its answers.

use super::*;
use crate::aliyun::client::tests::secrets::{Log, to_sign};
use crate::aliyun::client::tests::server::{Seen, Server, json, with};
use crate::aliyun::client::tests::wall;
use crate::aliyun::credentials::tests::doubles::{
    CANARY, asked, assert_issued, but, clock, issued, lines, nobody, silent, useless,
};
use crate::signature::{Pair, v1};
use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json as value};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const ARN: &str = "acs:ram::1234567890123456:role/classiclinkd";
const PROVIDER: &str = "acs:ram::1234567890123456:oidc-provider/ack";
/// Three parts, as every such token has.
const TOKEN: &str = "eyJcanary.eyJhdWQiOiJjYW5hcnki.c2lnbmF0dXJl-canary";

/// A key that is there already.
#[derive(Debug)]
struct Given(Result<Key, CredentialError>);

impl Provide for Given {
    fn name(&self) -> &'static str {
        "given"
    }

    fn fetch(&self) -> Fetching<'_> {
        Box::pin(std::future::ready(self.0.clone()))
    }
}

fn given(id: &str, secret: &str, token: Option<&str>) -> Arc<dyn Provide> {
    Arc::new(Given(Ok(Key::new(id, secret, token).unwrap())))
}

fn canaries() -> Arc<dyn Provide> {
    given("LTAIcanary", "base+canary/SECRET=", Some("CAISbase+canary=="))
}

fn role() -> Role {
    Role::new(ARN, "classiclinkd").unwrap()
}

fn sts(url: &str) -> Sts {
    Sts::new(Endpoint::parse(url).unwrap(), false, clock()).unwrap()
}

fn assume(url: &str, base: Arc<dyn Provide>, role: Role) -> AssumeRole {
    AssumeRole::new(Arc::new(sts(url)), base, role)
}

fn token_file(token: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), token).unwrap();
    file
}

fn with_oidc(url: &str, file: &Path) -> AssumeRoleWithOidc {
    AssumeRoleWithOidc::new(Arc::new(sts(url)), role(), PROVIDER, file).unwrap()
}

fn answer(credentials: &Value) -> String {
    let id = "473469C7-AA6F-4DC5-B3DB-A3DC0DE3C83E";
    let user = value!({"Arn": "acs:ram::1:role/x/y", "AssumedRoleId": "1:y"});
    value!({"RequestId": id, "AssumedRoleUser": user, "Credentials": credentials}).to_string()
}

fn error(code: &str, message: &str) -> Response<Body> {
    json(400, crate::aliyun::client::tests::server::error(code, message))
}

/// Answers of STS that are no key, made of those of other services.
fn worthless() -> Vec<(Response<Body>, &'static str)> {
    let coded = answer(&issued()).replacen('{', r#"{"Code":"Throttling","#, 1);
    let mut answers = vec![
        (json(200, answer(&value!("canary"))), "no `Credentials` of the known form"),
        (json(200, r#"{"RequestId":"a"}"#), "no `Credentials` of the known form"),
        (json(200, issued().to_string()), "no `RequestId`"),
        (json(200, answer(&issued()).split_at(150).0.to_owned()), "ends in the middle"),
        (json(404, answer(&issued())), "status 404"),
        (error("NoPermission", "canary?"), "NoPermission"),
        (json(200, coded), "Throttling"),
    ];
    for name in ["AccessKeyId", "AccessKeySecret", "SecurityToken", "Expiration"] {
        answers.push((json(200, answer(&but(&issued(), name, None))), name));
    }
    let ended = but(&issued(), "Expiration", Some(value!("2024-05-01T12:34:56Z")));
    answers.push((json(200, answer(&ended)), "ended at 2024-05-01T12:34:56Z"));
    for (answer, says, _) in useless(&issued()) {
        if ["redirect", "64 KiB"].iter().any(|part| says.contains(part)) {
            answers.push((answer, says));
        }
    }
    answers
}

fn form(seen: &Seen) -> BTreeMap<String, String> {
    let pairs = seen.form();
    let form: BTreeMap<String, String> = pairs.iter().cloned().collect();
    assert_eq!(form.len(), pairs.len(), "a parameter comes twice: {pairs:?}");
    form
}

#[tokio::test]
async fn a_role_is_assumed_as_the_official_library_does() {
    let text = include_str!("../../../../tests/testdata/vectors/signature-v1.json");
    let vectors: Value = serde_json::from_str(text).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    let case = cases.iter().find(|case| case["id"] == "credentials-assume-role").unwrap();
    let member = |name: &str| case["inputs"][name].as_str().unwrap().to_owned();
    let server = Server::start(|_, _| json(200, answer(&issued()))).await;
    let base = given(&member("access_key_id"), &member("access_key_secret"), None);
    let provider = assume(&server.url(), base, role());
    assert_issued(&asked(&provider).await.unwrap());
    assert_eq!(provider.name(), "ram_role_arn");

    let seen = &server.seen()[0];
    assert_eq!((lines(&server), seen.query.len()), (vec!["POST /".to_owned()], 0));
    assert_eq!(seen.header("content-type"), "application/x-www-form-urlencoded");
    let mut sent = form(seen);
    let signature = sent.remove("Signature").unwrap();
    assert_eq!(signature, v1::sign(&member("access_key_secret"), &to_sign(seen)));
    // The library's call, but for the method, a GET, and the nonce, which was fixed for it.
    let expected: BTreeMap<String, String> =
        serde_json::from_value(case["inputs"]["query_params"].clone()).unwrap();
    let nonce = sent.insert("SignatureNonce".into(), expected["SignatureNonce"].clone());
    assert_eq!(sent, expected);
    assert_ne!(nonce, Some(expected["SignatureNonce"].clone()));
    let pairs: Vec<Pair> = sent.into_iter().collect();
    let string = v1::string_to_sign(&member("method"), &pairs);
    assert_eq!(string, case["string_to_sign"].as_str().unwrap());
    let signature = v1::sign(&member("access_key_secret"), &string);
    assert_eq!(signature, case["signature"].as_str().unwrap());
}

#[tokio::test]
async fn all_that_a_role_can_be_assumed_with_is_signed_and_in_the_body() {
    let server = Server::start(|_, _| json(200, answer(&issued()))).await;
    let policy = r#"{"Version": "1", "Statement": []}"#;
    let role = role().living(Duration::from_secs(900)).unwrap().under(Some(policy));
    let role = role.external(Some("external canary".into()));
    let chained = assume(&server.url(), canaries(), role);
    assert_issued(&asked(&chained).await.unwrap());
    let seen = &server.seen()[0];
    let sent = form(seen);
    for (name, value) in [
        ("RoleArn", ARN),
        ("RoleSessionName", "classiclinkd"),
        ("DurationSeconds", "900"),
        ("Policy", policy),
        ("ExternalId", "external canary"),
        ("AccessKeyId", "LTAIcanary"),
        ("SecurityToken", "CAISbase+canary=="),
        ("Timestamp", "2024-05-01T12:34:56Z"),
    ] {
        assert_eq!(sent[name], value, "{name}");
    }
    assert_eq!(sent["Signature"], v1::sign("base+canary/SECRET=", &to_sign(seen)));
    assert!(seen.query.is_empty());
}

#[tokio::test]
async fn one_assumed_role_can_assume_the_next() {
    let server = Server::start(|_, _| json(200, answer(&issued()))).await;
    let first = assume(&server.url(), given("LTAIbase", "base", None), role());
    let second = assume(&server.url(), Arc::new(first), role());
    assert_issued(&asked(&second).await.unwrap());
    let of = |number: usize, name: &str| server.seen()[number].parameter(name);
    assert_eq!(
        (of(0, "AccessKeyId"), of(1, "AccessKeyId")),
        ("LTAIbase".into(), "STS.canaryID".into())
    );
    assert_eq!(of(0, "SecurityToken"), "");
    assert_eq!(of(1, "SecurityToken"), "CAIScanary+TOKEN/value==");
    assert_eq!(of(1, "Signature"), v1::sign("canary+SECRET/value=", &to_sign(&server.seen()[1])));
}

#[tokio::test]
async fn without_a_base_key_nothing_is_asked_and_its_error_stays() {
    let server = Server::always(200, "").await;
    let none = Arc::new(Given(Err(CredentialError::Absent("none".to_owned()))));
    let refused = assume(&server.url(), none, role()).fetch().await.unwrap_err();
    assert_eq!(refused, CredentialError::Absent("none".to_owned()));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_token_of_a_provider_is_sent_unsigned_in_the_body_and_read_anew() {
    let server = Server::start(|_, _| json(200, answer(&issued()))).await;
    let file = token_file(&format!("{TOKEN}\n"));
    let provider = with_oidc(&server.url(), file.path());
    assert_issued(&asked(&provider).await.unwrap());
    assert_eq!(provider.name(), "oidc_role_arn");
    let seen = &server.seen()[0];
    assert_eq!((lines(&server), seen.query.len()), (vec!["POST /".to_owned()], 0));
    let expected = [
        ("Action", "AssumeRoleWithOIDC"),
        ("DurationSeconds", "3600"),
        ("Format", "JSON"),
        ("OIDCProviderArn", PROVIDER),
        ("OIDCToken", TOKEN),
        ("RoleArn", ARN),
        ("RoleSessionName", "classiclinkd"),
        ("Timestamp", "2024-05-01T12:34:56Z"),
        ("Version", "2015-04-01"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(form(seen), BTreeMap::from(expected));
    std::fs::write(file.path(), "eyJrenewed.canary.canary").unwrap();
    assert_issued(&asked(&provider).await.unwrap());
    assert_eq!(server.seen()[1].parameter("OIDCToken"), "eyJrenewed.canary.canary");
}

#[tokio::test]
async fn a_token_file_is_bounded_and_for_us_alone() {
    let server = Server::always(200, "").await;
    let open = token_file(TOKEN);
    std::fs::set_permissions(open.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let (long, empty, two) =
        (token_file(&CANARY.repeat(10_000)), token_file(" \n"), token_file("canary\ncanary"));
    for (file, says) in [
        (open.path(), "chmod 600"),
        (long.path(), "longer than 32 KiB"),
        (empty.path(), "it is empty"),
        (two.path(), "more than one line"),
        (Path::new("/nowhere/at/all"), "No such file"),
    ] {
        let (error, _) = asked(&with_oidc(&server.url(), file)).await.unwrap_err();
        assert!(error.contains(says) && error.contains("fsGroup"), "{error}");
        assert!(error.contains(file.to_str().unwrap()), "{error}");
    }
    assert!(server.seen().is_empty(), "nothing is sent without a token");
    for bad in ["", "ack", ARN, "acs:ram::1:oidc-provider/", "acs:ram::1:oidc-provider/a b"] {
        let sts = Arc::new(sts("https://sts.aliyuncs.com"));
        let refused = AssumeRoleWithOidc::new(sts, role(), bad, open.path()).unwrap_err();
        assert!(refused.to_string().contains("oidc-provider/name"), "{refused}");
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused_and_nothing_of_it_shows() {
    let (log, _guard) = Log::start();
    let file = token_file(TOKEN);
    let server = Server::start(move |number, _| worthless().remove(number / 2).0).await;
    let by_key = assume(&server.url(), canaries(), role());
    let by_token = with_oidc(&server.url(), file.path());
    for (_, says) in worthless() {
        // What is no secret of the question, nor a key, may show: it is the cloud's message.
        for provider in [&by_key as &dyn Provide, &by_token] {
            let refused = provider.fetch().await.unwrap_err();
            let shown = format!("{refused} {refused:?} {provider:?}").replace("canary?", "");
            assert!(shown.contains(says) && !shown.contains(CANARY), "{says}: {shown}");
            assert!(shown.contains(&format!("STS ({})", server.address())), "{shown}");
        }
    }
    assert_eq!(server.seen().len(), 2 * worthless().len(), "nothing is asked twice");
    assert!(log.text().contains("hyper_util"), "the finest log is kept");
    assert!(!log.text().contains(CANARY), "{}", log.text());
}

/// Answers with an error that shows all that the server knows.
fn indiscreet(number: usize, seen: &Seen) -> Response<Body> {
    let body = String::from_utf8_lossy(&seen.body).into_owned();
    let all: Vec<String> = seen.form().into_iter().map(|(_, value)| value).collect();
    // The secret itself is never sent, and still may be known there.
    let secret = if seen.parameter("Signature").is_empty() { "" } else { "base+canary/SECRET=" };
    let all = format!("{} {body} {secret}", all.join(" "));
    let proof = seen.parameter("OIDCToken") + &seen.parameter("SecurityToken");
    match number % 4 {
        0 => {
            error("SignatureDoesNotMatch", &format!("x server string to sign is:{}", to_sign(seen)))
        }
        1 => error("IncompleteSignature", &all),
        2 => error(&format!("AuthenticationFail.{all}"), &all),
        _ => with(502, &[("content-type", &format!("text/{proof}"))], all),
    }
}

#[tokio::test]
async fn an_echo_of_the_question_is_cut_or_taken_out() {
    let server = Server::start(indiscreet).await;
    let file = token_file(TOKEN);
    let role = role().external(Some("external-canary".into()));
    let by_key = assume(&server.url(), canaries(), role);
    let by_token = with_oidc(&server.url(), file.path());
    for provider in [&by_key as &dyn Provide, &by_token] {
        for _ in 0..4 {
            let (shown, _) = asked(provider).await.unwrap_err();
            assert!(!shown.contains("c2lnbmF0dXJl"), "the signature of the token shows: {shown}");
        }
    }
    let signatures: Vec<String> =
        server.seen().iter().map(|seen| seen.parameter("Signature")).collect();
    assert!(signatures[..4].iter().all(|one| !one.is_empty()) && signatures[4].is_empty());
}

#[tokio::test]
async fn a_code_says_what_to_do_and_whether_it_may_pass() {
    for (code, says, temporary) in [
        ("NoPermission", "sts:AssumeRole", false),
        ("EntityNotExist.Role", "ARN of the role", false),
        ("AuthenticationFail.OIDCToken.Expired", "token in the file has ended", false),
        ("AuthenticationFail.OIDCToken.Invalid", "ARN of the provider", false),
        ("InvalidAccessKeyId.NotFound", "hello", false),
        ("Throttling.User", "hello", true),
        ("InternalError", "hello", true),
        ("ServiceUnavailable", "hello", true),
        ("Never.Heard.Of", "hello", false),
    ] {
        let server = Server::start(move |_, _| error(code, "hello\u{1b}[31m\n")).await;
        let (shown, may_pass) =
            asked(&assume(&server.url(), canaries(), role())).await.unwrap_err();
        assert!(shown.contains(code) && shown.contains(says), "{shown}");
        assert_eq!(may_pass, temporary, "{shown}");
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_wrong_clock_is_corrected_once_and_the_end_of_a_key_is_judged_by_it() {
    const THEIRS: &str = "Wed, 01 May 2024 10:00:00 GMT";
    // Ended by our clock, and not by theirs.
    let key = but(&issued(), "Expiration", Some(value!("2024-05-01T11:00:00Z")));
    let server = Server::start(move |number, _| match number {
        0 => {
            let body = crate::aliyun::client::tests::server::error("InvalidTimeStamp.Expired", "");
            with(400, &[("date", THEIRS)], body)
        }
        _ => json(200, answer(&key)),
    })
    .await;
    let provider = assume(&server.url(), canaries(), role());
    assert_eq!(asked(&provider).await.unwrap().expires, "2024-05-01T11:00:00Z".parse().ok());
    let stamps: Vec<String> =
        server.seen().iter().map(|seen| seen.parameter("Timestamp")).collect();
    assert_eq!(stamps, ["2024-05-01T12:34:56Z", "2024-05-01T10:00:00Z"]);
    let nonces: Vec<String> =
        server.seen().iter().map(|seen| seen.parameter("SignatureNonce")).collect();
    assert_ne!(nonces[0], nonces[1]);

    let stubborn = Server::start(|number, _| {
        let body = crate::aliyun::client::tests::server::error("InvalidTimeStamp.Expired", "");
        let hour = 10 - number;
        with(400, &[("date", &format!("Wed, 01 May 2024 {hour:02}:00:00 GMT"))], body)
    })
    .await;
    let (shown, _) = asked(&assume(&stubborn.url(), canaries(), role())).await.unwrap_err();
    assert!(shown.contains("InvalidTimeStamp.Expired"), "{shown}");
    assert_eq!(stubborn.seen().len(), 2, "corrected once");
    assert!(wall() > "2024-05-01T11:00:00Z".parse().unwrap());
}

#[tokio::test]
async fn who_is_silent_or_not_there_is_not_waited_for() {
    let (_held, url) = silent();
    let short = Sts { limit: Duration::from_millis(50), ..sts(&url) };
    let provider = AssumeRole::new(Arc::new(short), canaries(), role());
    let (error, may_pass) = asked(&provider).await.unwrap_err();
    assert!(error.contains("no complete answer within 50ms") && may_pass, "{error}");
    let (error, may_pass) = asked(&assume(&nobody(), canaries(), role())).await.unwrap_err();
    assert!(error.contains("no connection to 127.0.0.1") && may_pass, "{error}");
}
