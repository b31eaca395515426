//! Where keys are said to come from, and what is said of mistakes.

use super::*;
use crate::config::Config;
use serde_json::{Value, json};

fn config(accounts: &Value) -> Result<Config, Vec<String>> {
    Config::from_value(&json!({ "accounts": accounts }))
        .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}

fn of(credentials: &Value) -> Source {
    let config = config(&json!({"prod": {"credentials": credentials}, "base": {}})).unwrap();
    config.accounts[&AccountName::parse("prod").unwrap()].credentials.clone()
}

#[test]
fn each_way_is_read() {
    let from = |value: Value| of(&value).from;
    let path = |text: &str| PathBuf::from(text);
    assert_eq!(config(&json!({"prod": {}})).unwrap().accounts.len(), 2);
    assert_eq!(from(json!({"environment": true})), From::Environment);
    let section = Some("s".to_owned());
    let file = From::File { path: path("/k"), section };
    assert_eq!(from(json!({"file": "/k", "section": "s"})), file);
    let profile = From::Profile { name: "p".to_owned(), file: Some(path("/c")) };
    assert_eq!(from(json!({"profile": "p", "configFile": "/c"})), profile);
    let role = "acs:ram::1:role/links";
    let oidc = json!({"oidc": {"roleArn": role, "providerArn": "acs:ram::1:oidc-provider/p",
        "tokenFile": "/t", "sessionName": "links"}});
    assert!(matches!(from(oidc), From::Oidc { session: Some(name), .. } if name == "links"));
    let named = From::EcsRamRole { role: Some("web".to_owned()), without_token: false };
    assert_eq!(from(json!({"ecsRamRole": "web"})), named);
    let open = From::EcsRamRole { role: None, without_token: true };
    assert_eq!(from(json!({"ecsRamRole": {"allowWithoutToken": true}})), open);
    assert_eq!(
        from(json!({"ecsRamRole": {}})),
        From::EcsRamRole { role: None, without_token: false }
    );
    assert!(matches!(from(json!({"uri": "https://keys.example/"})), From::Uri(_)));
    let base = of(&json!({"account": "base", "assumeRole": {"roleArn": role, "duration": "1h",
        "region": "cn-beijing", "vpcEndpoint": true, "externalId": "x", "policyFile": "/p"}}));
    assert_eq!(base.from, From::Account(AccountName::parse("base").unwrap()));
    assert_eq!(base.assume.unwrap().duration, Some(Duration::from_secs(3600)));
    let chained = of(&json!({"assumeRole": {"roleArn": role}}));
    assert_eq!((chained.from, chained.assume.is_some()), (From::Chain, true));
}

#[test]
fn the_short_form_is_a_file() {
    let config = config(&json!({"prod": {"credentialsFile": "/k"}})).unwrap();
    let account = &config.accounts[&AccountName::parse("prod").unwrap()];
    let file = From::File { path: "/k".into(), section: None };
    assert_eq!(account.credentials, Source { from: file, assume: None });
}

#[test]
fn every_mistake_is_told_at_once_with_its_key() {
    let errors = config(&json!({
        "a": {"credentials": {"environment": true, "file": "/k"}},
        "b": {"credentials": {}, "credentialsFile": "/k"},
        "c": {"credentials": {"oidc": {"roleArn": "links", "sessionName": "x"}}},
        "d": {"credentials": {"section": "s", "configFile": "/c", "environment": false}},
        "e": {"credentials": {"ecsRamRole": "../web", "assumeRole": {"duration": "60s"}}},
        "f": {"credentials": {"uri": "/key", "assumeRole": {"roleArn": "acs:ram::1:role/r",
            "vpcEndpoint": true, "policy": "x"}}},
    }))
    .unwrap_err()
    .join("\n");
    for part in [
        "`accounts.a.credentials`: says environment and file",
        "`accounts.b.credentials`: says nothing",
        "`accounts.b.credentialsFile`: says the same",
        "`accounts.c.credentials.oidc.providerArn`: is missing",
        "`accounts.c.credentials.oidc.roleArn`: is `links`",
        "`accounts.c.credentials.oidc.sessionName`: is `x`",
        "`accounts.c.credentials.oidc.tokenFile`: is missing",
        "`accounts.d.credentials.configFile`: is only for `profile`",
        "`accounts.d.credentials.environment`: is false",
        "`accounts.d.credentials.section`: is only for `file`",
        "`accounts.e.credentials.assumeRole.duration`: is `60s`; write at least 900s",
        "`accounts.e.credentials.assumeRole.roleArn`: is missing",
        "`accounts.e.credentials.ecsRamRole`: is `../web`",
        "`accounts.f.credentials.assumeRole.policy`: is not a key here",
        "`accounts.f.credentials.assumeRole.vpcEndpoint`: needs `region`",
        "`accounts.f.credentials.uri`: is no URL",
    ] {
        assert!(errors.contains(part), "{part}\n---\n{errors}");
    }
}

#[test]
fn accounts_get_their_keys_from_others_and_not_from_themselves() {
    let with = |name: &str| json!({"credentials": {"account": name}});
    assert!(config(&json!({"a": with("b"), "b": with("default")})).is_ok());
    let errors = config(&json!({"a": with("a"), "b": with("c"), "c": with("d"), "d": with("b"),
        "e": with("b"), "f": with("nobody")}))
    .unwrap_err();
    let of = |name: &str| {
        let key = format!("`accounts.{name}.credentials.account`");
        errors.iter().find(|error| error.starts_with(&key)).cloned().unwrap_or_default()
    };
    assert!(of("a").contains("circle (a -> a)"), "{errors:?}");
    assert!(of("c").contains("circle (c -> d -> b -> c)"), "{errors:?}");
    assert_eq!(of("e"), "", "it is not in the circle: {errors:?}");
    assert!(of("f").contains("none of `accounts`"), "{errors:?}");
    assert_eq!(errors.len(), 5);
}
