//! `GetCallerIdentity`, which is STS at the same address.

use super::*;
use crate::sim::state::credentials::KeyState;
use secrecy::ExposeSecret as _;

const IDENTIFY: &str = "GetCallerIdentity";
const DESCRIBE: &str = "DescribeClassicLinkInstances";

/// Parameters as an SDK of STS sends them, without the signature.
fn question(key: &str, nonce: &str) -> Vec<Pair> {
    let mut pairs = v1_pairs(IDENTIFY, nonce, &[]);
    pairs.retain(|(name, _)| name != "RegionId");
    for (name, value) in &mut pairs {
        match name.as_str() {
            "AccessKeyId" => *value = key.to_owned(),
            "Version" => *value = "2015-04-01".to_owned(),
            _ => {}
        }
    }
    pairs
}

async fn asked(served: &Served, secret: &str, pairs: Vec<Pair>) -> Got {
    let query = v1_query("POST", secret, pairs);
    let form = [pair("content-type", "application/x-www-form-urlencoded")];
    served.send("POST", "/", &form, &query).await.unwrap()
}

#[tokio::test]
async fn a_key_is_told_whose_it_is() {
    let served = Served::new().await;
    let theirs = crate::model::AccountId::parse("42").unwrap();
    served.sim.with(|state, _| {
        let mut key = state.keys.get("sim-access-key").unwrap().clone();
        key.account = theirs;
        state.keys.insert("other", key);
    });
    for (key, account) in [("sim-access-key", "1234567890123456"), ("other", "42")] {
        let got = asked(&served, "sim-secret", question(key, key)).await;
        let body = got.json();
        let wanted = serde_json::json!({
            "RequestId": body["RequestId"], "AccountId": account, "IdentityType": "Account",
            "Arn": format!("acs:ram::{account}:root"), "PrincipalId": account, "UserId": account,
        });
        assert_eq!((got.status, &body), (200, &wanted));
        assert_eq!(body["RequestId"].as_str().unwrap().len(), 36);
    }
    let mut pairs = question("other", "xml");
    pairs.retain(|(name, _)| name != "Format");
    let got = asked(&served, "sim-secret", pairs).await;
    assert!(got.body.contains("<GetCallerIdentityResponse><AccountId>42</AccountId>"), "{got:?}");
}

#[tokio::test]
async fn the_key_of_a_role_is_that_of_a_role_whatever_other_keys_stand_for() {
    let served = Served::new().await;
    let account = crate::model::AccountId::parse("42").unwrap();
    let issued = served.sim.with(|state, now| state.issue(now, account));
    let mut pairs = question(&issued.id, "1");
    pairs.push(pair("SecurityToken", issued.token.expose_secret()));
    let body = asked(&served, issued.secret.expose_secret(), pairs).await.json();
    assert_eq!(
        (&body["IdentityType"], &body["AccountId"]),
        (&"AssumedRoleUser".into(), &"42".into())
    );
    assert!(body["Arn"].as_str().unwrap().starts_with("acs:sts::42:assumed-role/"), "{body}");
    assert!(body.get("UserId").is_none() && body.get("RoleId").is_some(), "{body}");
    let own = asked(&served, "sim-secret", question("sim-access-key", "2")).await.json();
    assert_eq!(own["IdentityType"], "Account");
}

#[tokio::test]
async fn v3_asks_the_same() {
    let served = Served::new().await;
    let headers = vec![
        pair("host", &served.host()),
        pair("accept", "application/json"),
        pair("x-acs-action", IDENTIFY),
        pair("x-acs-content-sha256", &v3::payload_hash(b"")),
        pair("x-acs-date", "2024-05-01T12:00:00Z"),
        pair("x-acs-signature-nonce", "1"),
        pair("x-acs-version", "2015-04-01"),
    ];
    let good = v3_signed(headers.clone(), "sim-access-key", "sim-secret", &[], "");
    let got = served.send("POST", "/", &good, "").await.unwrap();
    assert_eq!(got.json()["AccountId"], "1234567890123456");
    let wrong = v3_signed(headers, "sim-access-key", "wrong", &[], "");
    let got = served.send("POST", "/", &wrong, "").await.unwrap();
    assert_eq!(got.code(), "400 SignatureDoesNotMatch");
}

#[tokio::test]
async fn it_is_refused_like_any_other_call() {
    let served = Served::new().await;
    let code = async |secret: &str, pairs| asked(&served, secret, pairs).await.code();
    assert_eq!(code("wrong", question("sim-access-key", "1")).await, "400 SignatureDoesNotMatch");
    let nobody = code("sim-secret", question("nobody", "1")).await;
    assert_eq!(nobody, "400 InvalidAccessKeyId.NotFound");
    assert_eq!(code("sim-secret", question("sim-access-key", "1")).await, "200 ");
    assert_eq!(code("sim-secret", question("sim-access-key", "1")).await, "400 SignatureNonceUsed");
    served.sim.set("deny-actions", IDENTIFY).unwrap();
    let denied = asked(&served, "sim-secret", question("sim-access-key", "2")).await;
    assert_eq!(denied.code(), "403 Forbidden.SubUser");
    assert_eq!(denied.json()["AccessDeniedDetail"]["AuthAction"], "sts:GetCallerIdentity");
    served.sim.with(|state, _| state.keys.set_state("sim-access-key", KeyState::Inactive));
    let inactive = code("sim-secret", question("sim-access-key", "3")).await;
    assert_eq!(inactive, "400 InvalidAccessKeyId.Inactive");
}

#[tokio::test]
async fn an_action_belongs_to_the_version_of_its_own_api() {
    let served = Served::new().await;
    for (number, (action, version, wanted)) in [
        (IDENTIFY, "2014-05-26", "403 InvalidAction"),
        (DESCRIBE, "2015-04-01", "403 InvalidAction"),
        (IDENTIFY, "2015-04-02", "400 InvalidVersion"),
        ("AssumeRole", "2014-05-26", "403 InvalidAction"),
        ("GetFederationToken", "2015-04-01", "403 InvalidAction"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut pairs = v1_pairs(action, &number.to_string(), &[("VpcId", "vpc-a")]);
        pairs.retain(|(name, _)| name != "Version");
        pairs.push(pair("Version", version));
        assert_eq!(asked(&served, "sim-secret", pairs).await.code(), wanted, "{action} {version}");
    }
}

#[tokio::test]
async fn the_client_is_told_by_either_signature() {
    use crate::aliyun::{Client, Credentials, Endpoint, Key, Settings, SignatureVersion};
    use crate::cloud::Identify as _;
    let served = Served::new().await;
    for signature in [SignatureVersion::V1, SignatureVersion::V3] {
        let key = Key::new("sim-access-key", "sim-secret", None).unwrap();
        let mut settings = Settings::new(Credentials::fixed(key));
        settings.signature = signature;
        settings.endpoint_override =
            Some(Endpoint::parse(&format!("http://{}", served.host())).unwrap());
        let client = Client::new(settings, served.clock.clone()).unwrap();
        let account = client.caller().await.unwrap();
        assert_eq!(account.as_str(), "1234567890123456", "{signature:?}");
    }
    assert_eq!(served.sim.calls().len(), 2);
}
