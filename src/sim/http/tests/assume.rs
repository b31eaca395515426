//! `AssumeRole` and `AssumeRoleWithOIDC`: keys that live for a while, and are refused afterwards.

use super::*;

const ARN: &str = "acs:ram::1234567890123456:role/links";

async fn asked(served: &Served, secret: &str, pairs: Vec<Pair>) -> Got {
    let query = v1_query("POST", secret, pairs);
    let form = [pair("content-type", "application/x-www-form-urlencoded")];
    served.send("POST", "/", &form, &query).await.unwrap()
}

fn of_sts(action: &str, nonce: &str, own: &[(&str, &str)]) -> Vec<Pair> {
    let mut pairs = v1_pairs(action, nonce, own);
    pairs.retain(|(name, _)| name != "Version");
    pairs.push(pair("Version", "2015-04-01"));
    pairs
}

/// A describe that is signed with what was handed out.
async fn described(served: &Served, nonce: &str, handed_out: &serde_json::Value) -> String {
    let text = |name: &str| handed_out["Credentials"][name].as_str().unwrap().to_owned();
    let token = text("SecurityToken");
    let own = [("SecurityToken", token.as_str()), ("VpcId", "vpc-a")];
    let mut pairs = v1_pairs("DescribeClassicLinkInstances", nonce, &own);
    pairs.retain(|(name, _)| name != "AccessKeyId");
    pairs.push(pair("AccessKeyId", &text("AccessKeyId")));
    asked(served, &text("AccessKeySecret"), pairs).await.code()
}

#[tokio::test]
async fn a_role_s_key_is_good_for_as_long_as_was_ordered() {
    let served = Served::new().await;
    served.sim.configure(|switches| switches.set("sts-lifetime", "2m").unwrap());
    let own = [("RoleArn", ARN), ("RoleSessionName", "links")];
    let got = asked(&served, "sim-secret", of_sts("AssumeRole", "1", &own)).await;
    let body = got.json();
    assert_eq!(
        (got.status, &body["Credentials"]["Expiration"]),
        (200, &"2024-05-01T12:02:00Z".into())
    );
    assert_eq!(described(&served, "2", &body).await, "200 ");
    served.sim.with(|state, _| state.switches.set("clock-skew", "2m").unwrap());
    assert_eq!(described(&served, "3", &body).await, "400 InvalidSecurityToken.Expired");
    let refused = served.sim.calls_since(0);
    assert!(refused.iter().any(|call| call.code == "InvalidSecurityToken.Expired"), "{refused:?}");
}

#[tokio::test]
async fn a_token_of_a_provider_is_taken_unsigned_and_kept_out_of_the_log() {
    let served = Served::new().await;
    let own = [
        ("RoleArn", ARN),
        ("RoleSessionName", "links"),
        ("OIDCProviderArn", "acs:ram::1234567890123456:oidc-provider/ack"),
        ("OIDCToken", "canary.canary.canary"),
    ];
    let pairs = of_sts("AssumeRoleWithOIDC", "1", &own);
    let unsigned = crate::signature::canonical_pairs(&pairs);
    let form = [pair("content-type", "application/x-www-form-urlencoded")];
    let got = served.send("POST", "/", &form, &unsigned).await.unwrap();
    assert_eq!(got.code(), "200 ");
    assert_eq!(described(&served, "2", &got.json()).await, "200 ");
    assert!(!format!("{:?}", served.sim.calls_since(0)).contains("canary"));
}

#[tokio::test]
async fn what_no_role_is_refused() {
    let served = Served::new().await;
    for (number, (own, code)) in [
        (vec![("RoleSessionName", "links")], "400 MissingRoleArn"),
        (vec![("RoleArn", ARN)], "400 MissingRoleSessionName"),
        (
            vec![("RoleArn", "acs:ram::42:role/links"), ("RoleSessionName", "l")],
            "404 EntityNotExist.Role",
        ),
        (vec![("RoleArn", "links"), ("RoleSessionName", "l")], "404 EntityNotExist.Role"),
    ]
    .into_iter()
    .enumerate()
    {
        let pairs = of_sts("AssumeRole", &number.to_string(), &own);
        assert_eq!(asked(&served, "sim-secret", pairs).await.code(), code, "{own:?}");
    }
}
