//! Where keys come from, with the built binary: files, roles, the metadata service, other accounts.

use crate::harness::{Cloud, Place, Ran, manifest, until};
use classiclinkd::sim::seed::{ACCESS_KEY_ID, ACCESS_KEY_SECRET, ACCOUNT_ID};
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

const PLAN: [&str; 5] = ["plan", "--manifests", "manifests", "--output", "json"];
const ROLE: &str = "acs:ram::1234567890123456:role/links";

fn healthy() -> (Place, Cloud) {
    let cloud = Cloud::with(&[("a", "one"), ("a", "stale")]);
    let place = Place::new();
    place.write("a.yaml", &manifest("a", "detach", &["one"], ""));
    (place, cloud)
}

/// Without a key in the environment, and with a home of its own.
fn keyless(place: &Place, cloud: &Cloud, arguments: &[&str]) -> Command {
    let mut command = place.command(cloud, arguments);
    for name in [
        "ALIBABA_CLOUD_ACCESS_KEY_ID",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        "ALIBABA_CLOUD_CLI_PROFILE_DISABLED",
    ] {
        command.env_remove(name);
    }
    command.env("HOME", place.path());
    command
}

fn private(place: &Place, name: &str, text: &str) {
    let path = place.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

fn planned(command: &mut Command) {
    let ran = Ran::of(command.output().unwrap());
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(ran.json().pointer("/summary/detach"), Some(&1.into()), "{ran:?}");
    for secret in [ACCESS_KEY_SECRET, "sim-sts-", "sim-token-"] {
        assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "{ran:?}");
    }
}

fn called(cloud: &Cloud, action: &str) -> usize {
    cloud
        .sim
        .calls_since(0)
        .iter()
        .filter(|call| call.action == action && call.code == "OK")
        .count()
}

#[test]
fn a_role_is_assumed_as_a_profile_of_the_command_line_says() {
    let (place, cloud) = healthy();
    let profiles = serde_json::json!({"current": "links", "profiles": [
        {"name": "base", "mode": "AK", "access_key_id": ACCESS_KEY_ID,
            "access_key_secret": ACCESS_KEY_SECRET},
        {"name": "links", "mode": "RamRoleArn", "access_key_id": ACCESS_KEY_ID,
            "access_key_secret": ACCESS_KEY_SECRET, "ram_role_arn": ROLE, "ram_session_name": "links"},
        {"name": "chained", "mode": "ChainableRamRoleArn", "source_profile": "links",
            "ram_role_arn": ROLE},
    ]});
    private(&place, ".aliyun/config.json", &profiles.to_string());
    planned(&mut keyless(&place, &cloud, &PLAN));
    assert_eq!(called(&cloud, "AssumeRole"), 1);
    planned(
        keyless(&place, &cloud, &PLAN)
            .args(["--set", "accounts.default.credentials.profile=chained"]),
    );
    assert_eq!(called(&cloud, "AssumeRole"), 3);
    planned(keyless(&place, &cloud, &PLAN).env("ALIBABA_CLOUD_PROFILE", "base"));
    assert_eq!(called(&cloud, "AssumeRole"), 3, "a key of its own assumes nothing");
    let mut off = keyless(&place, &cloud, &PLAN);
    let ran = Ran::of(off.env("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "true").output().unwrap());
    assert!(
        ran.code == 1 && ran.err.contains("cli_profile: ALIBABA_CLOUD_CLI_PROFILE_DISABLED"),
        "{ran:?}"
    );
}

#[test]
fn a_role_is_assumed_with_the_token_of_an_oidc_provider() {
    let (place, cloud) = healthy();
    private(&place, "token", "canary.canary.canary\n");
    let provider = "acs:ram::1234567890123456:oidc-provider/ack";
    let mut command = keyless(&place, &cloud, &PLAN);
    command
        .env("ALIBABA_CLOUD_ROLE_ARN", ROLE)
        .env("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", provider)
        .env("ALIBABA_CLOUD_OIDC_TOKEN_FILE", place.path().join("token"));
    planned(&mut command);
    let set = format!(
        "accounts.default.credentials={{oidc: {{roleArn: '{ROLE}', providerArn: '{provider}', tokenFile: token}}}}"
    );
    planned(keyless(&place, &cloud, &PLAN).args(["--set", &set]));
    assert_eq!(called(&cloud, "AssumeRoleWithOIDC"), 2);
    set_permissions(place.path().join("token"), Permissions::from_mode(0o644)).unwrap();
    let ran = Ran::of(command.output().unwrap());
    assert!(ran.code == 1 && ran.err.contains("chmod 600"), "{ran:?}");
    assert!(!ran.err.contains("canary"), "{ran:?}");
}

#[test]
fn the_role_of_an_instance_is_used_and_nobody_is_asked_where_that_is_turned_off() {
    let (place, cloud) = healthy();
    let mut command = keyless(&place, &cloud, &PLAN);
    planned(command.env_remove("ALIBABA_CLOUD_ECS_METADATA_DISABLED"));
    planned(
        keyless(&place, &cloud, &PLAN)
            .args(["--set", "accounts.default.credentials={ecsRamRole: sim-role}"]),
    );
    let ran = Ran::of(keyless(&place, &cloud, &PLAN).output().unwrap());
    assert!(
        ran.code == 1
            && ran.err.contains("ecs_ram_role: ALIBABA_CLOUD_ECS_METADATA_DISABLED is true"),
        "{ran:?}"
    );
    // What needs no key looks for none, whatever there is.
    let handed_out = || cloud.sim.with(|state, _| state.keys.ids().count());
    let before = handed_out();
    assert!(before > 1);
    for arguments in [&["validate", "manifests"][..], &["plan", "--help"], &["schema"], &["status"]]
    {
        let mut command = keyless(&place, &cloud, arguments);
        command.env_remove("ALIBABA_CLOUD_ECS_METADATA_DISABLED");
        let _ended = Ran::of(command.output().unwrap());
    }
    assert_eq!(handed_out(), before);
}

#[test]
fn nobody_becomes_the_instance_because_of_what_else_was_set_up() {
    let (place, cloud) = healthy();
    let handed_out = || cloud.sim.with(|state, _| state.keys.ids().count());
    let before = handed_out();
    let ran = |variables: &[(&str, &str)], more: &[&str]| {
        let mut command = keyless(&place, &cloud, &PLAN);
        command.env_remove("ALIBABA_CLOUD_ECS_METADATA_DISABLED").args(more);
        let ran = Ran::of(command.envs(variables.iter().copied()).output().unwrap());
        assert!(ran.code == 1, "{variables:?}: {ran:?}");
        assert_eq!(handed_out(), before, "{variables:?}: {ran:?}");
        ran.err
    };
    let gone = ran(&[("ALIBABA_CLOUD_PROFILE", "links")], &[]);
    assert!(gone.contains("ecs_ram_role: not asked, for ALIBABA_CLOUD_PROFILE names"), "{gone}");
    let role = ran(&[("ALIBABA_CLOUD_ROLE_ARN", ROLE)], &[]);
    assert!(role.contains("ecs_ram_role: not asked, for `oidc_role_arn` is set up"), "{role}");
    for variable in ["ALIBABA_CLOUD_CREDENTIALS_FILE", "ALIBABA_CLOUD_CONFIG_FILE"] {
        let missing = ran(&[(variable, "nokey.json")], &[]);
        assert!(missing.contains("nokey.json: it does not exist; write it"), "{missing}");
    }
    let named = ran(&[], &["--set", "accounts.default.credentialsFile=nokey.json"]);
    assert!(named.contains("nokey.json: it does not exist; write it"), "{named}");
    // A profile whose mode it is asks the instance, unless nobody may.
    let profiles =
        serde_json::json!({"current": "a", "profiles": [{"name": "a", "mode": "EcsRamRole"}]});
    private(&place, ".aliyun/config.json", &profiles.to_string());
    let off = ran(&[("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")], &[]);
    assert!(
        off.contains("ALIBABA_CLOUD_ECS_METADATA_DISABLED is true, so it is not asked"),
        "{off}"
    );
    let wrong = ran(&[("ALIBABA_CLOUD_PROFILE", "b")], &[]);
    assert!(wrong.contains("it has no profile `b`"), "{wrong}");
    planned(keyless(&place, &cloud, &PLAN).env_remove("ALIBABA_CLOUD_ECS_METADATA_DISABLED"));
}

#[test]
fn a_key_file_that_others_can_read_is_refused_wherever_it_is_named() {
    let (place, cloud) = healthy();
    let ini = format!(
        "[default]\ntype=access_key\naccess_key_id={ACCESS_KEY_ID}\naccess_key_secret={ACCESS_KEY_SECRET}\n"
    );
    let cli = serde_json::json!({"current": "a", "profiles": [{"name": "a", "mode": "AK",
        "access_key_id": ACCESS_KEY_ID, "access_key_secret": ACCESS_KEY_SECRET}]});
    for (name, text) in
        [(".alibabacloud/credentials", ini), (".aliyun/config.json", cli.to_string())]
    {
        private(&place, name, &text);
        planned(&mut keyless(&place, &cloud, &PLAN));
        let path = place.path().join(name);
        set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let ran = Ran::of(keyless(&place, &cloud, &PLAN).output().unwrap());
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains(&format!("chmod 600 {}", path.display())), "{ran:?}");
        assert!(!ran.err.contains(ACCESS_KEY_SECRET), "{ran:?}");
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn one_account_assumes_a_role_with_the_key_of_another() {
    let (place, cloud) = healthy();
    let text = manifest("a", "detach", &["one"], "");
    place.write("a.yaml", &text.replace("spec:\n", "spec:\n  account: stage\n"));
    let key =
        serde_json::json!({"AccessKeyId": ACCESS_KEY_ID, "AccessKeySecret": ACCESS_KEY_SECRET});
    private(&place, "key.json", &key.to_string());
    std::fs::write(place.path().join("policy.json"), r#"{"Version": "1", "Statement": []}"#)
        .unwrap();
    std::fs::write(
        place.path().join("config.yaml"),
        format!(
            "accounts:\n  prod: {{credentialsFile: key.json}}\n  stage:\n    accountId: '{ACCOUNT_ID}'\n    \
             credentials: {{account: prod, assumeRole: {{roleArn: '{ROLE}', sessionName: stage, \
             duration: 1h, externalId: them, policyFile: policy.json}}}}\n"
        ),
    )
    .unwrap();
    planned(keyless(&place, &cloud, &PLAN).args(["--config", "config.yaml"]));
    let calls = cloud.sim.calls_since(0);
    let assumed = calls.iter().find(|call| call.action == "AssumeRole").unwrap();
    for (name, value) in [
        ("RoleArn", ROLE),
        ("RoleSessionName", "stage"),
        ("DurationSeconds", "3600"),
        ("ExternalId", "them"),
        ("Policy", r#"{"Statement":[],"Version":"1"}"#),
    ] {
        assert_eq!(assumed.params.get(name).map(String::as_str), Some(value), "{name}");
    }
    let gone = "accounts.stage.credentials.assumeRole.roleArn=acs:ram::42:role/gone";
    let mut command = keyless(&place, &cloud, &PLAN);
    let ran = Ran::of(command.args(["--config", "config.yaml", "--set", gone]).output().unwrap());
    assert!(ran.code == 1 && ran.out.contains("EntityNotExist.Role"), "{ran:?}");
    let mut text = keyless(&place, &cloud, &["plan", "--manifests", "manifests"]);
    let text = Ran::of(text.args(["--config", "config.yaml", "--set", gone]).output().unwrap());
    assert!(text.out.contains("mend where the key of this account comes from"), "{text:?}");
    let said = |text: &str| text.matches("EntityNotExist.Role").count();
    assert_eq!(
        (said(&text.out), said(&text.err)),
        (1, 2),
        "once in the plan, once in the log, once as this pipe's error: {text:?}"
    );
    assert!(
        ran.err.contains("the account cannot be used; the others can account=stage"),
        "{ran:?}"
    );
}

#[test]
fn a_daemon_outlives_its_tokens() {
    let (place, cloud) = healthy();
    cloud.set("sts-lifetime", "64s");
    let config = format!(
        "accounts: {{default: {{accountId: '{ACCOUNT_ID}', credentials: {{environment: true, \
        assumeRole: {{roleArn: '{ROLE}'}}}}}}}}\n"
    );
    std::fs::write(place.path().join("config.yaml"), config).unwrap();
    // A token of 64 s is good for changes for 4 s: each has to come with a fresh one.
    let daemon = place.daemon(&cloud, &["--config", "config.yaml"]);
    let holds = |what: &str, holds: &dyn Fn() -> bool| until(what, holds, || daemon.log());
    holds("the stale link goes", &|| cloud.writes() == 1);
    let first = called(&cloud, "AssumeRole");
    holds("another token", &|| called(&cloud, "AssumeRole") > first);
    cloud.attach_by_hand("a", "stale");
    holds("it goes again", &|| cloud.writes() == 2);
    let calls = cloud.sim.calls_since(0);
    let refused: Vec<_> = calls.iter().filter(|call| call.code.contains("Token")).collect();
    assert!(refused.is_empty(), "{refused:?}");
}
