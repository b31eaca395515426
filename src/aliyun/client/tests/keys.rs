//! Which keys calls are signed with, and that nothing is sent without a good one.

use super::repeats::of_file;
use super::server::{Seen, error, json};
use super::*;
use crate::model::AccountId;

const PINNED: &str = "1968132000123456";
const OTHER: &str = "2968132000123456";

fn key_file(path: &std::path::Path, id: &str, expiration: &str) {
    let key =
        serde_json::json!({"AccessKeyId": id, "AccessKeySecret": SECRET, "Expiration": expiration});
    std::fs::write(path, key.to_string()).unwrap();
}

/// A cloud in which a key called `other` is another account's.
async fn cloud(file: &tempfile::NamedTempFile) -> (Server, Client) {
    let server = Server::start(|_, seen| {
        let account = if seen.parameter("AccessKeyId") == "other" { OTHER } else { PINNED };
        match seen.parameter("Action").as_str() {
            "GetCallerIdentity" => {
                json(200, format!(r#"{{"RequestId":"1","AccountId":"{account}"}}"#))
            }
            "DetachClassicLinkVpc" => json(200, ACCEPTED),
            _ => json(200, EMPTY),
        }
    })
    .await;
    let pinned = Some(AccountId::parse(PINNED).unwrap());
    let settings =
        Settings { credentials: of_file(file.path()), pinned, ..settings(&server.url()) };
    (server, client_of(settings))
}

fn actions(server: &Server) -> Vec<String> {
    server.seen().iter().map(|seen: &Seen| seen.parameter("Action")).collect()
}

#[tokio::test]
async fn no_change_is_signed_with_a_key_before_it_was_asked_whose_it_is() {
    let file = tempfile::NamedTempFile::new().unwrap();
    key_file(file.path(), "first", "");
    let (server, client) = cloud(&file).await;
    let (ask, detach) = ("GetCallerIdentity", "DetachClassicLinkVpc");
    let unasked = client.carry_out(&ticket(Verb::Detach)).await.unwrap_err();
    assert_eq!((unasked.class, actions(&server).len()), (Class::Unreachable, 0));
    client.ready().await.unwrap();
    client.carry_out(&ticket(Verb::Detach)).await.unwrap();
    client.ready().await.unwrap();
    client.carry_out(&ticket(Verb::Detach)).await.unwrap();
    assert_eq!(actions(&server), [ask, detach, detach], "once for each key");
    key_file(file.path(), "second", "");
    let exchanged = client.carry_out(&ticket(Verb::Detach)).await.unwrap_err();
    assert_eq!((exchanged.class, actions(&server).len()), (Class::Unreachable, 3));
    client.ready().await.unwrap();
    client.carry_out(&ticket(Verb::Detach)).await.unwrap();
    assert_eq!(actions(&server)[3..], [ask, detach], "a renewed key is a new question");
    key_file(file.path(), "other", "");
    for _ in 0..2 {
        client.ready().await.unwrap();
        let wrong = client.carry_out(&ticket(Verb::Detach)).await.unwrap_err();
        assert_eq!((wrong.class, wrong.code.as_str()), (Class::Unauthenticated, "account-pin"));
        assert!(wrong.message.contains(OTHER) && wrong.message.contains(PINNED), "{wrong}");
    }
    assert_eq!(actions(&server)[5..], [ask], "nothing was sent with it");
    key_file(file.path(), "first", "");
    client.ready().await.unwrap();
    client.carry_out(&ticket(Verb::Detach)).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_was_asked_for_anyhow_is_not_asked_for_again() {
    use crate::cloud::Identify as _;
    let file = tempfile::NamedTempFile::new().unwrap();
    key_file(file.path(), "first", "");
    let (server, client) = cloud(&file).await;
    assert_eq!(client.generation(), 0);
    client.caller().await.unwrap();
    assert_eq!(client.generation(), 1);
    client.carry_out(&ticket(Verb::Detach)).await.unwrap();
    assert_eq!(actions(&server), ["GetCallerIdentity", "DetachClassicLinkVpc"]);
}

#[tokio::test]
async fn a_change_is_not_sent_while_nobody_tells_whose_key_it_is() {
    let server = Server::start(|_, seen| match seen.parameter("Action").as_str() {
        "GetCallerIdentity" => json(503, error("ServiceUnavailable", "m")),
        _ => json(200, ACCEPTED),
    })
    .await;
    let pinned = Some(AccountId::parse(PINNED).unwrap());
    let client = client_of(Settings { pinned, ..settings(&server.url()) });
    let unsent = client.carry_out(&ticket(Verb::Detach)).await.unwrap_err();
    assert_eq!(unsent.class, Class::Unreachable, "it can be asked for again");
    assert_eq!(client.ready().await.unwrap_err().class, Class::Unreachable);
    assert_eq!(actions(&server), ["GetCallerIdentity"]);
}

#[tokio::test]
async fn nothing_is_signed_with_a_key_that_has_ended() {
    let file = tempfile::NamedTempFile::new().unwrap();
    key_file(file.path(), "first", "2024-05-01T12:34:56Z");
    let (server, client) = cloud(&file).await;
    let read = client.describe(&of_vpc()).await.unwrap_err();
    let write = client.carry_out(&ticket(Verb::Detach)).await.unwrap_err();
    for error in [read, write] {
        assert_eq!((error.class, error.code.as_str()), (Class::Unauthenticated, "credentials"));
        assert!(error.message.contains("it ended at 2024-05-01T12:34:56Z"), "{error}");
    }
    assert_eq!(actions(&server), Vec::<String>::new());
    key_file(file.path(), "first", "2024-05-01T12:36:57Z");
    client.describe(&of_vpc()).await.unwrap();
}
