//! `policy`, and the policies in `deploy/ram/`.

use crate::docs::text;
use crate::harness::{Cloud, Place, Ran, binary, manifest};
use classiclinkd::model::Mode;
use classiclinkd::policy::{Need, Policy};
use std::collections::BTreeSet;

fn shipped() -> [(&'static str, Mode); 3] {
    [("observe", Mode::Observe), ("detach", Mode::Detach), ("sync", Mode::Sync)]
}

#[test]
fn the_shipped_policies_are_what_is_generated_for_any_vpc() {
    for (name, mode) in shipped() {
        let fresh = Policy::least(&[Need::anywhere(mode)]).json();
        assert_eq!(text(&format!("deploy/ram/{name}.json")), fresh, "{name}");
    }
}

fn granted(policy: &str) -> BTreeSet<String> {
    let policy: serde_json::Value = serde_json::from_str(policy).unwrap();
    let statements = policy.get("Statement").unwrap().as_array().unwrap().iter();
    let action =
        |statement: &serde_json::Value| statement.get("Action")?.as_str().map(str::to_owned);
    statements.map(|statement| action(statement).unwrap()).collect()
}

/// Carries manifests of a mode out, and gives every action that the cloud was asked for.
fn called(mode: &str) -> BTreeSet<String> {
    let cloud = Cloud::with(&[("a", "one"), ("a", "two"), ("a", "stray"), ("", "new")]);
    let place = Place::new();
    place.write("a.yaml", &manifest("a", mode, &["one", "two", "new"], ""));
    let pin = "accounts.default.accountId=1000000000000001";
    let ran = place.run(&cloud, &["apply", "--manifests", "manifests", "--yes"]);
    assert!([0, 2, 3].contains(&ran.code), "{ran:?}");
    // And once with a pinned account, for which STS is asked.
    let ran = place.run(&cloud, &["apply", "--manifests", "manifests", "--yes", "--set", pin]);
    assert!([0, 1, 2, 3].contains(&ran.code), "{ran:?}");
    cloud.sim.calls().iter().map(|call| call.action.clone()).collect()
}

#[test]
fn each_mode_is_granted_exactly_what_it_asks_of_the_cloud() {
    for (mode, _) in shipped() {
        let asked = called(mode);
        // Whose key it is, anybody may ask: no policy is needed for that.
        assert!(asked.contains("GetCallerIdentity"), "{asked:?}");
        let asked = asked.iter().filter(|action| *action != "GetCallerIdentity");
        let asked: BTreeSet<String> = asked.map(|action| format!("ecs:{action}")).collect();
        assert_eq!(granted(&text(&format!("deploy/ram/{mode}.json"))), asked, "{mode}");
    }
}

fn policy(place: &Place, arguments: &[&str]) -> Ran {
    let mut command = binary(&["policy", "--manifests", "manifests"]);
    Ran::of(command.args(arguments).current_dir(place.path()).output().unwrap())
}

#[test]
fn what_the_manifests_declare_is_granted_and_nothing_else() {
    let place = Place::new();
    place.write("a.yaml", &manifest("a", "detach", &["one"], ""));
    place.write("b.yaml", &manifest("b", "sync", &["two"], ""));
    place.write("c.yaml", &manifest("c", "observe", &["three"], ""));
    let ran = policy(&place, &[]);
    let expected = r#"the identity of account `default` needs (`*` stands for the account's number, which accounts.default.accountId would tell)

  ecs:DescribeClassicLinkInstances on *: it cannot be narrowed
  ecs:DetachClassicLinkVpc on
    acs:ecs:cn-hangzhou:*:instance/*
    acs:vpc:cn-hangzhou:*:vpc/vpc-a
    acs:vpc:cn-hangzhou:*:vpc/vpc-b
  ecs:AttachClassicLinkVpc on
    acs:ecs:cn-hangzhou:*:instance/*
    acs:vpc:cn-hangzhou:*:vpc/vpc-b

"#;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let (said, document) = ran.out.split_at(expected.len());
    assert_eq!(said, expected);
    let alone = policy(&place, &["--output", "json"]);
    assert_eq!(alone.out, document);

    let pinned = ["--output", "json", "--undo", "--set", "accounts.default.accountId=1234567890"];
    let ran = policy(&place, &pinned).json();
    let attach = &ran["Statement"][2];
    assert_eq!(attach["Action"], "ecs:AttachClassicLinkVpc");
    let both = [
        "acs:ecs:cn-hangzhou:1234567890:instance/*",
        "acs:vpc:cn-hangzhou:1234567890:vpc/vpc-a",
        "acs:vpc:cn-hangzhou:1234567890:vpc/vpc-b",
    ];
    assert_eq!(
        attach["Resource"],
        serde_json::json!(both),
        "undo takes nothing of an observed VPC"
    );
}

#[test]
fn accounts_have_a_policy_each_and_a_broken_tree_has_none() {
    let place = Place::new();
    let of = |account: &str| {
        let plain = manifest(account, "detach", &["one"], "");
        plain.replace("spec:\n", &format!("spec:\n  account: {account}\n"))
    };
    place.write("a.yaml", &of("prod"));
    place.write("b.yaml", &of("test"));
    let sets = ["--set", "accounts.prod.accountId=11", "--set", "accounts.test.accountId=22"];
    let with = |more: &[&str]| policy(&place, &[&sets[..], more].concat());
    let both = with(&["--output", "json"]);
    assert_eq!((both.code, both.out.as_str()), (1, ""));
    assert!(both.err.contains("--account") && both.err.contains("`prod`, `test`"), "{}", both.err);
    let one = with(&["--output", "json", "--account", "prod"]);
    assert!(one.out.contains(":11:vpc/vpc-prod") && !one.out.contains("22"), "{}", one.out);
    assert!(with(&["--account", "other"]).err.contains("no manifest declares"));
    assert_eq!(with(&[]).out.matches("the identity of account").count(), 2);
    place.write("c.yaml", "kind: [\n");
    let broken = with(&[]);
    assert_eq!((broken.code, broken.out.as_str()), (1, ""));
}

#[test]
fn a_policy_that_is_too_long_for_ram_is_said_to_be() {
    let place = Place::new();
    for number in 0..200 {
        place.write(&format!("{number}.yaml"), &manifest(&format!("n{number}"), "sync", &[], ""));
    }
    let ran = policy(&place, &["--output", "json"]);
    assert_eq!(ran.code, 0);
    assert!(ran.err.contains("RAM takes 6144"), "{}", ran.err);
    assert_eq!(ran.json()["Statement"].as_array().unwrap().len(), 3);
}
