//! Whose credential it is, asked of STS over the same exchange as everything else.

use super::repeats::{token_server, with_a_clock_of_its_own};
use super::secrets::{assert_clean, signature, to_sign};
use super::server::{error, json, with};
use super::shape::{names, v1_signature_is_right, v3_signature_is_right};
use super::*;
use crate::cloud::Identify as _;
use crate::model::AccountId;

const ACCOUNT: &str = "1968132000123456";
const OF_A_ROLE: &str = r#"{"RequestId":"473469C7-AA6F-4DC5-B3DB-A3DC0DE3C83E",
    "AccountId":"1968132000123456","IdentityType":"AssumedRoleUser","RoleId":"33537620082992",
    "PrincipalId":"33537620082992:session","Arn":"acs:ram::1968132000123456:assumed-role/a/s"}"#;

async fn answered(status: u16, body: &'static str) -> Result<AccountId, CloudError> {
    client(&Server::always(status, body).await).caller().await
}

#[tokio::test]
async fn the_kind_of_an_identity_is_told_where_it_is_said() {
    for (said, kind) in [
        (r#","IdentityType":"Account""#, Kind::Account),
        (r#","IdentityType":"RAMUser""#, Kind::User),
        (r#","IdentityType":"RamUser""#, Kind::User),
        (r#","IdentityType":"AssumedRoleUser""#, Kind::Role),
        (r#","IdentityType":"Service""#, Kind::Unknown),
        (r#","IdentityType":7"#, Kind::Unknown),
        ("", Kind::Unknown),
    ] {
        let body = format!(r#"{{"RequestId":"473469C7","AccountId":"{ACCOUNT}"{said}}}"#);
        let server = Server::always(200, body.leak()).await;
        let identity = client(&server).identity().await.unwrap();
        assert_eq!((identity.account.as_str(), identity.kind), (ACCOUNT, kind), "{said}");
    }
}

#[tokio::test]
async fn the_question_is_signed_and_of_no_region_and_says_the_version_of_sts() {
    for version in [SignatureVersion::V1, SignatureVersion::V3] {
        let server = Server::always(200, OF_A_ROLE).await;
        let settings = Settings { signature: version, ..settings(&server.url()) };
        let account = client_of(settings).caller().await.unwrap();
        assert_eq!(account.as_str(), ACCOUNT);
        let seen = server.seen();
        assert_eq!(seen.len(), 1);
        let seen = &seen[0];
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/"));
        let (form, query) = (seen.form(), seen.query.clone());
        assert!(!names(&form).contains(&"RegionId"), "{form:?}");
        assert_eq!(names(&query), Vec::<&str>::new());
        let right = match version {
            SignatureVersion::V1 => {
                assert_eq!(seen.parameter("Action"), "GetCallerIdentity");
                assert_eq!(seen.parameter("Version"), "2015-04-01");
                assert_eq!(seen.parameter("SecurityToken"), TOKEN);
                v1_signature_is_right(seen)
            }
            SignatureVersion::V3 => {
                assert_eq!(seen.header("x-acs-action"), "GetCallerIdentity");
                assert_eq!(seen.header("x-acs-version"), "2015-04-01");
                assert_eq!(seen.header("x-acs-security-token"), TOKEN);
                v3_signature_is_right(seen)
            }
        };
        assert!(right, "{version:?}");
    }
}

#[tokio::test]
async fn the_account_may_be_a_number_and_the_only_member() {
    for body in [
        r#"{"RequestId":"473469C7","AccountId":1968132000123456}"#,
        r#"{"RequestId":"473469C7","AccountId":"1968132000123456"}"#,
        r#"{"RequestId":"473469C7","AccountId":"1968132000123456","Arn":null,"UserId":7}"#,
    ] {
        assert_eq!(answered(200, body).await.unwrap().as_str(), ACCOUNT, "{body}");
    }
}

#[tokio::test]
async fn an_answer_that_names_nobody_for_sure_is_no_answer() {
    for body in [
        "{}",
        r#"{"RequestId":"473469C7"}"#,
        r#"{"AccountId":"1968132000123456"}"#,
        r#"{"RequestId":"473469C7","AccountId":null}"#,
        r#"{"RequestId":"473469C7","AccountId":""}"#,
        r#"{"RequestId":"473469C7","AccountId":" 1968132000123456"}"#,
        r#"{"RequestId":"473469C7","AccountId":"196813200012****"}"#,
        r#"{"RequestId":"473469C7","AccountId":-1}"#,
        r#"{"RequestId":"473469C7","AccountId":1.968132e15}"#,
        r#"{"RequestId":"473469C7","AccountId":["1968132000123456"]}"#,
        r#"{"RequestId":"473469C7","AccountId":"1","AccountId":"2"}"#,
        r#"{"RequestId":"473469C7","UserId":"1968132000123456"}"#,
        r#"{"RequestId":"473469C7","AccountId":"1968132000"#,
        "<html><body>please log in</body></html>",
        "",
    ] {
        let error = answered(200, body).await.unwrap_err();
        let got = (error.code.as_str(), error.class);
        assert_eq!(got, ("malformed-body", Class::Ambiguous), "{body}: {error}");
        assert!(!error.message.contains("19681320001"), "{error}");
    }
    let page = with(200, &[("content-type", "text/html")], "<html>1968132000123456</html>");
    let page = std::sync::Mutex::new(Some(page));
    let server = Server::start(move |_, _| page.lock().unwrap().take().unwrap()).await;
    let error = client(&server).caller().await.unwrap_err();
    assert!(error.message.contains("text/html") && !error.message.contains("196"), "{error}");
    let body = r#"{"RequestId":"473469C7","AccountId":"1968132000123456"}"#;
    assert_eq!(answered(500, body).await.unwrap_err().code, "malformed-body");
}

#[tokio::test]
async fn a_refusal_is_classified_and_what_it_echoes_does_not_show() {
    let server = Server::start(|number, seen| match number {
        0 => {
            let echo = format!("Not matched. server string to sign is:{}", to_sign(seen));
            json(400, error("SignatureDoesNotMatch", &echo))
        }
        1 => json(403, error("Forbidden.RiskControl", &format!("no {KEY_ID}, {TOKEN}"))),
        2 => json(400, error("Throttling.User", "")),
        _ => json(200, error("InternalError", "an error with the status of a success")),
    })
    .await;
    let client = client(&server);
    let mut classes = Vec::new();
    for _ in 0..4 {
        let error = client.caller().await.unwrap_err();
        let signatures: Vec<String> = server.seen().iter().map(signature).collect();
        assert_clean(&format!("{error} {error:?}"), &signatures);
        assert_eq!(error.request_id.as_deref(), Some(REQUEST_ID));
        classes.push(error.class);
    }
    let expected =
        [Class::Unauthenticated, Class::Unauthenticated, Class::Throttled, Class::Ambiguous];
    assert_eq!(classes, expected);
    assert_eq!(server.seen().len(), 4, "asked once each");
}

#[tokio::test]
async fn it_is_a_read_to_the_clock_and_to_the_token() {
    let server = Server::start(|_, seen| with_a_clock_of_its_own(seen)).await;
    let skewed = client(&server);
    assert_eq!(skewed.caller().await.unwrap().as_str(), ACCOUNT);
    assert_eq!(server.seen().len(), 2);
    skewed.describe(&of_vpc()).await.unwrap();
    assert_eq!(server.seen().len(), 3, "the correction holds for every question");

    let (server, client, _file) = token_server(true).await;
    assert_eq!(client.caller().await.unwrap().as_str(), ACCOUNT);
    let tokens: Vec<String> =
        server.seen().iter().map(|seen| seen.parameter("SecurityToken")).collect();
    assert_eq!(tokens, ["old", "new"]);
}

#[tokio::test]
async fn no_answer_in_time_is_ambiguous() {
    let address = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", address.local_addr().unwrap());
    let settings = Settings { read_timeout: Duration::from_millis(50), ..settings(&url) };
    let error = client_of(settings).caller().await.unwrap_err();
    assert_eq!((error.code.as_str(), error.class), ("timeout", Class::Ambiguous));
}

#[tokio::test]
async fn sts_is_central_unless_an_endpoint_or_the_region_of_this_vpc_is_given() {
    let client = |vpc_endpoint, home: Option<&str>| {
        let home_region = home.map(|text| Region::parse(text).unwrap());
        let own = settings("http://[::1]");
        let settings = Settings { endpoint_override: None, vpc_endpoint, home_region, ..own };
        Client::new(settings, Arc::new(Frozen))
    };
    for (vpc, home, wanted) in [
        (false, None, "sts.aliyuncs.com"),
        (false, Some("cn-beijing"), "sts.aliyuncs.com"),
        (true, None, "sts.aliyuncs.com"),
        (true, Some("cn-beijing"), "sts-vpc.cn-beijing.aliyuncs.com"),
    ] {
        // Without CA certificates on this host there is no https client to test.
        let Ok(client) = client(vpc, home) else { return };
        assert_eq!(client.endpoint(None).unwrap().authority(), wanted);
    }
    let own = Settings { vpc_endpoint: true, ..settings("http://[::1]:7") };
    assert_eq!(client_of(own).endpoint(None).unwrap().authority(), "[::1]:7");
}
