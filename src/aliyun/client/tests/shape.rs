//! What goes over the wire, verified the way a server verifies it.

use super::server::Seen;
use super::*;
use crate::signature::{v1, v3};

pub(super) fn names(pairs: &[Pair]) -> Vec<&str> {
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}

pub(super) fn v1_signature_is_right(seen: &Seen) -> bool {
    let mut pairs = seen.form();
    let at = pairs.iter().position(|(name, _)| name == "Signature").unwrap();
    let (_, signature) = pairs.remove(at);
    v1::sign(SECRET, &v1::string_to_sign(seen.method.as_str(), &pairs)) == signature
}

pub(super) fn v3_signature_is_right(seen: &Seen) -> bool {
    let authorization = seen.header("authorization");
    let rest = authorization.strip_prefix("ACS3-HMAC-SHA256 Credential=").unwrap();
    let (id, rest) = rest.split_once(",SignedHeaders=").unwrap();
    let (signed, signature) = rest.split_once(",Signature=").unwrap();
    assert_eq!(id, KEY_ID);
    let headers: Vec<Pair> =
        signed.split(';').map(|name| (name.to_owned(), seen.header(name))).collect();
    assert!(headers.iter().all(|(_, value)| !value.is_empty()), "{headers:?}");
    let request = v3::Request {
        method: seen.method.as_str(),
        query: &seen.query,
        headers: &headers,
        body: &seen.body,
    };
    let to_sign = v3::string_to_sign(&v3::canonical_request(&request));
    v3::sign(SECRET, &to_sign) == signature
}

#[tokio::test]
async fn version_1_puts_everything_into_a_signed_form() {
    let server = Server::always(200, EMPTY).await;
    client(&server).describe(&of_vpc()).await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/"));
    assert_eq!(seen.query, []);
    assert_eq!(seen.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(seen.header("accept-encoding"), "identity");
    assert_eq!(seen.header("host"), server.address().to_string());
    let agent = format!("classiclinkd/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(seen.header("user-agent"), agent);
    assert_eq!(
        names(&seen.form()),
        [
            "AccessKeyId",
            "Action",
            "Format",
            "PageNumber",
            "PageSize",
            "RegionId",
            "SecurityToken",
            "Signature",
            "SignatureMethod",
            "SignatureNonce",
            "SignatureVersion",
            "Timestamp",
            "Version",
            "VpcId"
        ]
    );
    for (name, value) in [
        ("Action", "DescribeClassicLinkInstances"),
        ("Version", "2014-05-26"),
        ("Format", "JSON"),
        ("RegionId", "cn-hangzhou"),
        ("VpcId", "vpc-bp1"),
        ("PageNumber", "2"),
        ("PageSize", "50"),
        ("Timestamp", "2024-05-01T12:34:56Z"),
        ("SecurityToken", TOKEN),
    ] {
        assert_eq!(seen.parameter(name), value, "{name}");
    }
    assert!(v1_signature_is_right(seen));
}

#[tokio::test]
async fn version_3_signs_query_and_headers_and_sends_no_body() {
    let server = Server::always(200, EMPTY).await;
    let settings = Settings { signature: SignatureVersion::V3, ..settings(&server.url()) };
    client_of(settings).describe(&of_instances(3)).await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/"));
    assert!(seen.body.is_empty());
    assert_eq!(names(&seen.query), ["InstanceId", "PageNumber", "PageSize", "RegionId"]);
    assert_eq!(seen.parameter("InstanceId"), "i-bp0,i-bp1,i-bp2");
    assert_eq!(seen.parameter("PageSize"), "100");
    for (name, value) in [
        ("x-acs-action", "DescribeClassicLinkInstances"),
        ("x-acs-version", "2014-05-26"),
        ("x-acs-date", "2024-05-01T12:34:56Z"),
        ("x-acs-security-token", TOKEN),
        ("accept", "application/json"),
    ] {
        assert_eq!(seen.header(name), value, "{name}");
    }
    let signed = "SignedHeaders=host;x-acs-accesskey-id;x-acs-action;x-acs-content-sha256;\
        x-acs-date;x-acs-security-token;x-acs-signature-nonce;x-acs-version,";
    assert!(seen.header("authorization").contains(signed));
    assert!(v3_signature_is_right(seen));
}

#[tokio::test]
async fn a_ticket_becomes_exactly_its_call() {
    for version in [SignatureVersion::V1, SignatureVersion::V3] {
        for (verb, action) in
            [(Verb::Detach, "DetachClassicLinkVpc"), (Verb::Attach, "AttachClassicLinkVpc")]
        {
            let server = Server::always(200, ACCEPTED).await;
            let settings = Settings { signature: version, ..settings(&server.url()) };
            let accepted = client_of(settings).carry_out(&ticket(verb)).await.unwrap();
            assert_eq!(accepted.request_id.as_deref(), Some(REQUEST_ID));
            let seen = server.seen();
            assert_eq!(seen.len(), 1);
            assert_eq!(seen[0].parameter("InstanceId"), "i-bp7");
            assert_eq!(seen[0].parameter("VpcId"), "vpc-bp1");
            assert_eq!(seen[0].parameter("RegionId"), "cn-hangzhou");
            let right = match version {
                SignatureVersion::V1 => {
                    assert_eq!(seen[0].parameter("Action"), action);
                    v1_signature_is_right(&seen[0])
                }
                SignatureVersion::V3 => {
                    assert_eq!(seen[0].header("x-acs-action"), action);
                    v3_signature_is_right(&seen[0])
                }
            };
            assert!(right, "{version:?} {action}");
        }
    }
}

#[tokio::test]
async fn without_a_token_none_is_sent() {
    for version in [SignatureVersion::V1, SignatureVersion::V3] {
        let server = Server::always(200, EMPTY).await;
        let key = Key::new(KEY_ID, SECRET, None).unwrap();
        let credentials = Credentials::fixed(key);
        let settings = Settings { signature: version, credentials, ..settings(&server.url()) };
        client_of(settings).describe(&of_vpc()).await.unwrap();
        let seen = &server.seen()[0];
        assert_eq!(seen.parameter("SecurityToken"), "");
        assert_eq!(seen.header("x-acs-security-token"), "");
        assert_eq!(seen.header("x-acs-accesskey-id"), "");
    }
}

#[tokio::test]
async fn a_page_is_handed_on_as_it_came() {
    let body = r#"{"RequestId":"473469C7-AA6F-4DC5-B3DB-A3DC0DE3C83E","TotalCount":"7",
        "Links":{"Link":[
            {"InstanceId":"i-b","VpcId":"vpc-2"},{"InstanceId":"i-a","VpcId":"vpc-1"}]}}"#;
    let server = Server::always(200, body).await;
    let page = client(&server).describe(&of_vpc()).await.unwrap();
    let links: Vec<String> = page.links.iter().map(Link::to_string).collect();
    assert_eq!(links, ["i-b -> vpc-2", "i-a -> vpc-1"]);
    assert_eq!((page.total, page.request_id.as_deref()), (7, Some(REQUEST_ID)));
}

#[tokio::test]
async fn a_question_that_would_ask_for_something_else_is_not_asked() {
    let server = Server::always(200, EMPTY).await;
    let client = client(&server);
    let (region, vpc) = (region(), VpcId::parse("vpc-bp1").unwrap());
    let page = |page, page_size| Query::OfVpc {
        region: region.clone(),
        vpc: vpc.clone(),
        page,
        page_size,
    };
    for bad in [of_instances(0), of_instances(101), page(0, 10), page(1, 0), page(1, 101)] {
        let error = client.describe(&bad).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.class), ("bad-query", Class::Misconfigured));
    }
    assert_eq!(server.connections(), 0);
    client.describe(&of_instances(100)).await.unwrap();
    client.describe(&page(1, 100)).await.unwrap();
}

#[tokio::test]
async fn calls_one_after_another_share_a_connection() {
    let server = Server::always(200, EMPTY).await;
    let client = client(&server);
    for _ in 0..20 {
        client.describe(&of_vpc()).await.unwrap();
    }
    assert_eq!((server.seen().len(), server.connections()), (20, 1));
    let mut nonces: Vec<String> =
        server.seen().iter().map(|seen| seen.parameter("SignatureNonce")).collect();
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 20);
}
