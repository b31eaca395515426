//! The metadata service's double: tokens first, and never without one unless that is allowed.

use super::*;
use crate::aliyun::client::tests::secrets::Log;
use crate::aliyun::client::tests::server::{Seen, Server, json, with};
use crate::aliyun::credentials::tests::doubles::{
    asked, assert_issued, but, clock, issued, lines, nobody, silent, useless,
};
use crate::clock::SystemClock;
use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json as value};

const SECRET_TOKEN: &str = "canary+TOKEN==";
const PUT: &str = "PUT /latest/api/token";
const LIST: &str = "GET /latest/meta-data/ram/security-credentials/";
const GET: &str = "GET /latest/meta-data/ram/security-credentials/classiclinkd-role";

fn whole() -> Value {
    but(&issued(), "Code", Some(value!("Success")))
}

/// As a hardened service: nothing without the token that it gave for a PUT with a life.
fn hardened(seen: &Seen) -> Response<Body> {
    if seen.path == TOKENS {
        let life =
            seen.header(LIFE.as_str()).parse::<u32>().is_ok_and(|life| (1..=21600).contains(&life));
        let good = seen.method == "PUT" && life;
        return if good { with(200, &[], format!("{SECRET_TOKEN}\n")) } else { with(400, &[], "") };
    }
    if seen.header(TOKEN.as_str()) != SECRET_TOKEN {
        return with(403, &[], "canary");
    }
    match seen.path.strip_prefix(ROLES) {
        Some("") => with(200, &[], "classiclinkd-role\n"),
        Some("classiclinkd-role") => json(200, whole().to_string()),
        _ => with(404, &[], "canary"),
    }
}

fn at(url: &str, role: Option<&str>, open: OpenMode) -> Metadata {
    Metadata::new(url, role, open, clock()).unwrap()
}

fn of(server: &Server) -> Metadata {
    at(&server.url(), None, OpenMode::Refused)
}

type Odd = fn() -> Response<Body>;

/// A service that does as a hardened one, but for what is asked with this line.
async fn odd(line: &'static str, answer: Odd) -> Server {
    Server::start(move |_, seen| {
        let asked = format!("{} {}", seen.method, seen.path);
        if asked == line { answer() } else { hardened(seen) }
    })
    .await
}

#[tokio::test]
async fn a_token_then_the_role_then_its_key() {
    let (log, _guard) = Log::start();
    let server = Server::start(|_, seen| hardened(seen)).await;
    let provider = of(&server);
    assert_issued(&asked(&provider).await.unwrap());
    assert_eq!(lines(&server), [PUT, LIST, GET]);
    assert_eq!(provider.name(), "ecs_ram_role");
    let named = at(&server.url(), Some(" classiclinkd-role "), OpenMode::Refused);
    assert_issued(&asked(&named).await.unwrap());
    assert_eq!(lines(&server)[3..], [PUT, GET]);
    assert!(log.text().contains("hyper_util"), "the finest log is kept");
    assert!(!log.text().contains("canary"), "{}", log.text());
}

#[tokio::test]
async fn without_a_token_nothing_more_is_asked_and_it_is_said_what_to_set() {
    let answers: [(Odd, &str, bool); 7] = [
        (|| with(404, &[], "canary"), "status 404", false),
        (|| with(500, &[], "canary"), "status 500", true),
        (|| with(200, &[], ""), "is none", false),
        (|| with(200, &[], "canary canary"), "is none", false),
        (|| with(200, &[], "canary\u{e9}"), "is none", false),
        (|| with(200, &[], "canary".repeat(200)), "is none", false),
        (|| with(307, &[("location", LIST)], "canary"), "redirect", false),
    ];
    for (answer, says, temporary) in answers {
        let server = odd(PUT, answer).await;
        let (error, may_pass) = asked(&of(&server)).await.unwrap_err();
        assert!(error.contains(says) && error.contains("gives no token"), "{error}");
        assert!(error.contains("ALIBABA_CLOUD_IMDSV1_DISABLED=false"), "{error}");
        assert_eq!(may_pass, temporary, "{error}");
        assert_eq!(lines(&server), [PUT], "the open mode is not asked behind one's back");
    }
}

#[tokio::test]
async fn the_open_mode_is_used_where_it_is_allowed_and_warned_of_once() {
    let (log, _guard) = Log::start();
    let server = Server::start(|_, seen| match seen.path.as_str() {
        TOKENS => with(404, &[], ""),
        path if path == ROLES => with(200, &[], "classiclinkd-role"),
        _ => json(200, whole().to_string()),
    })
    .await;
    let provider = at(&server.url(), None, OpenMode::Allowed);
    for _ in 0..2 {
        assert_issued(&asked(&provider).await.unwrap());
    }
    assert_eq!(lines(&server), [PUT, LIST, GET, PUT, LIST, GET]);
    assert!(server.seen().iter().all(|seen| seen.header(TOKEN.as_str()).is_empty()));
    let text = log.text();
    assert_eq!(text.matches("in its open mode, as allowed").count(), 1, "{text}");
    assert!(text.contains("WARN") && !text.contains("canary"), "{text}");
}

#[tokio::test]
async fn where_tokens_are_given_a_refusal_is_never_asked_again_without_one() {
    for line in [LIST, GET] {
        let server = odd(line, || with(403, &[], "canary")).await;
        let provider = at(&server.url(), None, OpenMode::Allowed);
        let (error, _) = asked(&provider).await.unwrap_err();
        assert!(error.contains("status 403") && error.contains("this instance"), "{error}");
        assert_eq!(lines(&server).iter().filter(|asked| *asked == line).count(), 1);
        let seen = server.seen();
        assert!(seen[1..].iter().all(|seen| seen.header(TOKEN.as_str()) == SECRET_TOKEN));
    }
}

#[tokio::test]
async fn a_name_that_is_no_role_never_becomes_a_part_of_a_url() {
    let names: [Odd; 8] = [
        || with(200, &[], "../../user-data"),
        || with(200, &[], ".."),
        || with(200, &[], "canary?x=y"),
        || with(200, &[], "canary/x"),
        || with(200, &[], "canary\nother"),
        || with(200, &[], "canary%2f"),
        || with(200, &[], ""),
        || with(200, &[], "c".repeat(65)),
    ];
    for name in names {
        let server = odd(LIST, name).await;
        let (error, _) = asked(&of(&server)).await.unwrap_err();
        assert!(error.contains("names no RAM role") && error.contains("attach"), "{error}");
        assert_eq!(lines(&server), [PUT, LIST]);
    }
    for bad in ["../x", "canary/x", "a b", &"c".repeat(65)] {
        let error = Metadata::new(METADATA, Some(bad), OpenMode::Refused, clock()).unwrap_err();
        assert!(error.to_string().contains("name of the RAM role"), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused_and_nothing_of_it_shows() {
    let server = Server::start(|number, seen| match seen.path.ends_with("-role") {
        true => useless(&whole()).remove(number / 3).0,
        false => hardened(seen),
    })
    .await;
    let provider = of(&server);
    let count = useless(&whole()).len();
    for (_, says, temporary) in useless(&whole()) {
        let (error, may_pass) = asked(&provider).await.unwrap_err();
        assert!(error.contains(says), "{says}: {error}");
        assert!(error.contains(&server.address().to_string()), "{error}");
        assert_eq!(may_pass, temporary, "{error}");
    }
    assert_eq!(lines(&server).len(), 3 * count);
}

#[tokio::test]
async fn only_success_is_a_success() {
    for (code, shown) in [
        (Some(value!("Failed")), "Code is `Failed`, not Success"),
        (Some(value!("success")), "not Success"),
        (Some(value!("canary+SECRET/value=")), "[redacted]"),
        (Some(value!(SECRET_TOKEN)), "[redacted]"),
        (Some(value!(200)), "form"),
        (None, "no Code"),
    ] {
        let body = but(&issued(), "Code", code).to_string();
        let server = Server::start(move |_, seen| match seen.path.ends_with("-role") {
            true => json(200, body.clone()),
            false => hardened(seen),
        })
        .await;
        let (error, _) = asked(&of(&server)).await.unwrap_err();
        assert!(error.contains(shown), "{error}");
    }
}

#[tokio::test]
async fn who_is_silent_or_not_there_is_not_waited_for() {
    let (_held, url) = silent();
    let real = SystemClock::new();
    let began = real.now();
    let (error, may_pass) = asked(&at(&url, None, OpenMode::Refused)).await.unwrap_err();
    assert!(error.contains("no complete answer in time") && may_pass, "{error}");
    assert!(real.now().since(began) < Duration::from_secs(5), "one second is enough for it");
    let (error, may_pass) = asked(&at(&nobody(), None, OpenMode::Refused)).await.unwrap_err();
    assert!(error.contains("no connection to 127.0.0.1") && may_pass, "{error}");
}

#[test]
fn only_the_one_address_and_this_machine_are_asked() {
    for good in [METADATA, "http://127.0.0.1:8080", "http://localhost:1/"] {
        assert!(Metadata::new(good, None, OpenMode::Refused, clock()).is_ok(), "{good}");
    }
    for bad in [
        "http://100.100.100.201",
        "http://100.100.100.200:8080",
        "http://100.100.100.200/x",
        "http://100.100.100.200.example.com",
        "http://10.0.0.1",
        "http://canary@127.0.0.1",
        "http://127.0.0.1/canary",
        "http://127.0.0.1/?canary",
        "https://metadata.example.com",
        "",
    ] {
        let error = Metadata::new(bad, None, OpenMode::Refused, clock()).unwrap_err();
        assert!(error.to_string().contains("http://100.100.100.200"), "{bad}: {error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}
