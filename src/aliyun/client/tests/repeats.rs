//! The two repeats of the client's own, and that there are no others.

use super::server::{Seen, error, json, with};
use super::*;

/// An acceptance, a page without links, and an identity.
const NO_LINKS: &str = r#"{"RequestId":"473469C7-AA6F-4DC5-B3DB-A3DC0DE3C83E","TotalCount":0,"PageNumber":1,"PageSize":100,"Links":{"Link":[]},"AccountId":"1968132000123456"}"#;
const SERVER_TIME: &str = "Wed, 01 May 2024 14:00:00 GMT";

/// As the cloud: within fifteen minutes of its own time, or expired.
pub(super) fn with_a_clock_of_its_own(seen: &Seen) -> axum::http::Response<axum::body::Body> {
    let stamp = seen.parameter("Timestamp") + &seen.header("x-acs-date");
    let stamp: Timestamp = stamp.parse().unwrap();
    let server: Timestamp = "2024-05-01T14:00:00Z".parse().unwrap();
    if stamp.as_second().abs_diff(server.as_second()) <= 900 {
        return json(200, NO_LINKS);
    }
    let body = error("InvalidTimeStamp.Expired", "Specified time stamp is expired.");
    with(400, &[("date", SERVER_TIME)], body)
}

#[tokio::test]
async fn an_expired_stamp_is_corrected_by_the_servers_date_once_and_from_then_on() {
    for version in [SignatureVersion::V1, SignatureVersion::V3] {
        let server = Server::start(|_, seen| with_a_clock_of_its_own(seen)).await;
        let client = client_of(Settings { signature: version, ..settings(&server.url()) });
        client.describe(&of_vpc()).await.unwrap();
        let seen = server.seen();
        let stamp = |seen: &Seen| seen.parameter("Timestamp") + &seen.header("x-acs-date");
        let nonce =
            |seen: &Seen| seen.parameter("SignatureNonce") + &seen.header("x-acs-signature-nonce");
        assert_eq!(seen.len(), 2);
        assert_eq!(stamp(&seen[0]), "2024-05-01T12:34:56Z");
        assert_eq!(stamp(&seen[1]), "2024-05-01T14:00:00Z");
        assert_ne!(nonce(&seen[0]), nonce(&seen[1]));
        client.describe(&of_vpc()).await.unwrap();
        assert_eq!(server.seen().len(), 3);
    }
}

#[tokio::test]
async fn a_stamp_that_stays_expired_is_an_error_after_two_attempts() {
    // A server whose clock runs away, so that each of its dates would explain the error.
    let server = Server::start(|number, _| {
        let date = format!("Wed, 01 May 2024 {}:00:00 GMT", 14 + number % 8);
        with(400, &[("date", &date)], error("InvalidTimeStamp.Expired", "expired"))
    })
    .await;
    let failed = client(&server).describe(&of_vpc()).await.unwrap_err();
    assert_eq!(failed.class, Class::Unauthenticated);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn an_expired_stamp_is_not_repeated_when_the_servers_date_does_not_explain_it() {
    for date in ["Wed, 01 May 2024 12:35:00 GMT", "who knows"] {
        let server = Server::start(move |_, _| {
            with(400, &[("date", date)], error("invalidtimestamp.expired", "expired"))
        })
        .await;
        let failed = client(&server).describe(&of_vpc()).await.unwrap_err();
        assert_eq!(failed.class, Class::Unauthenticated);
        assert_eq!(server.seen().len(), 1, "{date}");
    }
}

pub(super) fn of_file(path: &std::path::Path) -> Credentials {
    use crate::aliyun::credentials::environment::Environment;
    use crate::aliyun::credentials::file::{File, Form};
    use crate::aliyun::credentials::services::Services;
    let make = Arc::new(Services::new(None, Environment(&|_| None), Arc::new(Frozen)));
    let form = Form::Shared("default".to_owned());
    let file = File::named("file", path.to_owned(), form, make);
    Credentials::new(Arc::new(file), Arc::new(Frozen), 1)
}

fn key_file(token: &str) -> String {
    serde_json::json!({"AccessKeyId": KEY_ID, "AccessKeySecret": SECRET, "SecurityToken": token})
        .to_string()
}

/// A server that knows one token, and a file that gets it when `renew` says so.
pub(super) async fn token_server(renew: bool) -> (Server, Client, tempfile::NamedTempFile) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), key_file("old")).unwrap();
    let credentials = of_file(file.path());
    let path = file.path().to_owned();
    let server = Server::start(move |_, seen| {
        if seen.parameter("SecurityToken") == "new" {
            return json(200, NO_LINKS);
        }
        if renew {
            std::fs::write(&path, key_file("new")).unwrap();
        }
        json(400, error("InvalidSecurityToken.Expired", "expired"))
    })
    .await;
    let client = client_of(Settings { credentials, ..settings(&server.url()) });
    (server, client, file)
}

#[tokio::test]
async fn an_expired_token_is_read_again_and_tried_once_more() {
    let (server, client, _file) = token_server(true).await;
    client.describe(&of_vpc()).await.unwrap();
    let tokens: Vec<String> =
        server.seen().iter().map(|seen| seen.parameter("SecurityToken")).collect();
    assert_eq!(tokens, ["old", "new"]);
}

#[tokio::test]
async fn an_expired_token_without_a_new_one_is_an_error_after_one_attempt() {
    let (server, client, _file) = token_server(false).await;
    let failed = client.describe(&of_vpc()).await.unwrap_err();
    assert_eq!(failed.class, Class::Unauthenticated);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_token_that_is_always_new_and_always_expired_is_an_error_after_two_attempts() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), key_file("token-0")).unwrap();
    let credentials = of_file(file.path());
    let path = file.path().to_owned();
    let server = Server::start(move |number, _| {
        assert!(number < 8, "it never stops");
        std::fs::write(&path, key_file(&format!("token-{}", number + 1))).unwrap();
        json(400, error("InvalidSecurityToken.Expired", "expired"))
    })
    .await;
    let client = client_of(Settings { credentials, ..settings(&server.url()) });
    let failed = client.describe(&of_vpc()).await.unwrap_err();
    assert_eq!(failed.class, Class::Unauthenticated);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn both_repeats_can_happen_in_one_call_and_no_third() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), key_file("token-0")).unwrap();
    let credentials = of_file(file.path());
    let path = file.path().to_owned();
    let server = Server::start(move |number, _| {
        let renewed = key_file(&format!("token-{}", number + 1));
        std::fs::write(&path, renewed).unwrap();
        let code = ["InvalidTimeStamp.Expired", "InvalidSecurityToken.Expired"][number % 2];
        with(400, &[("date", SERVER_TIME)], error(code, "expired"))
    })
    .await;
    let client = client_of(Settings { credentials, ..settings(&server.url()) });
    let failed = client.describe(&of_vpc()).await.unwrap_err();
    assert_eq!(failed.code, "InvalidTimeStamp.Expired");
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_write_is_sent_once_and_can_be_asked_for_again() {
    let server = Server::start(|_, seen| with_a_clock_of_its_own(seen)).await;
    let client = client(&server);
    let turned_away = client.carry_out(&ticket(Verb::Detach)).await.unwrap_err();
    assert_eq!((turned_away.class, server.seen().len()), (Class::Unreachable, 1));
    assert_eq!(client.clock_off().as_secs(), 5104, "the difference is known from then on");
    client.carry_out(&ticket(Verb::Detach)).await.unwrap();
    assert_eq!(server.seen().len(), 2);

    let (server, client, _file) = token_server(true).await;
    let turned_away = client.carry_out(&ticket(Verb::Detach)).await.unwrap_err();
    assert_eq!((turned_away.class, server.seen().len()), (Class::Unreachable, 1));
    client.carry_out(&ticket(Verb::Detach)).await.unwrap();
}

#[tokio::test]
async fn no_other_error_is_repeated() {
    for (status, code) in [
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
        (400, "Throttling"),
        (400, "SignatureNonceUsed"),
        (400, "UnknownError"),
        (403, "Forbidden.RAM"),
        (400, "InvalidSecurityToken.Malformed"),
    ] {
        let server = Server::start(move |_, _| json(status, error(code, "m"))).await;
        let failed = client(&server).carry_out(&ticket(Verb::Detach)).await.unwrap_err();
        assert_eq!(failed.code, code);
        assert_eq!(server.seen().len(), 1, "{code}");
    }
}
