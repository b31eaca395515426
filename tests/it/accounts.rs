//! Two accounts of one daemon, one of which is in trouble.

use crate::harness::{Cloud, Daemon, Place, Ran, manifest, region, until, vpc};
use crate::serve::http::{self, Answer};
use classiclinkd::model::{AccountId, InstanceId, Link};
use classiclinkd::sim::Seed;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::Command;

/// Names in the configuration, and numbers. `a`, which comes first wherever accounts are sorted, is the
/// one in trouble; `z` is well.
const ACCOUNTS: [(&str, &str); 2] = [("a", "4200000000000042"), ("z", "4300000000000043")];
/// VPCs of each: more than are looked at at the same time.
const VPCS: usize = 3;

struct World {
    place: Place,
    cloud: Cloud,
}

impl World {
    /// Each VPC has a link that is listed and one that is not.
    fn new(a: &str) -> Self {
        let (place, mut seed) = (Place::new(), Seed::new());
        for (name, number) in ACCOUNTS {
            let owner = AccountId::parse(number).unwrap();
            seed = seed.key(&format!("key-of-{name}"), &format!("secret-of-{name}"), &owner);
            for n in 0..VPCS {
                let of = format!("{name}{n}");
                seed = seed.vpc(&owner, &region(), &vpc(&of));
                for which in ["keep", "stale"] {
                    let instance = InstanceId::parse(&format!("i-{of}{which}")).unwrap();
                    let link = Link { instance, vpc: vpc(&of) };
                    seed = seed.link(&owner, &region(), &link);
                }
                let text = manifest(&of, "detach", &[&format!("{of}keep")], "");
                let text = text.replace("spec:\n", &format!("spec:\n  account: {name}\n"));
                place.write(&format!("{name}/{of}.yaml"), &text);
            }
        }
        let config = format!(
            "workers: 1\naccounts:\n  a: {{{a}, credentialsFile: a.json}}\n  z: {{credentialsFile: z.json}}\n"
        );
        std::fs::write(place.path().join("config.yaml"), config).unwrap();
        let world = Self { place, cloud: Cloud::serve(&seed) };
        world.give_key("z", "z");
        world
    }

    /// Gives an account of the configuration the key of one of the cloud.
    fn give_key(&self, account: &str, of: &str) {
        use std::io::Write as _;
        let path = self.place.path().join(format!("{account}.json"));
        let partial = path.with_extension("partial");
        let mut options = std::fs::OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&partial).unwrap();
        let (id, secret) = (format!("key-of-{of}"), format!("secret-of-{of}"));
        let text = serde_json::json!({"AccessKeyId": id, "AccessKeySecret": secret});
        file.write_all(text.to_string().as_bytes()).unwrap();
        std::fs::rename(partial, path).unwrap();
    }

    /// The binary, with the two keys and no other.
    fn binary(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.command(&self.cloud, arguments);
        command.env_remove("ALIBABA_CLOUD_ACCESS_KEY_ID");
        command.env_remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET");
        command.args(["--config", "config.yaml"]);
        command
    }

    fn command(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.binary(arguments).output().unwrap())
    }

    fn daemon(&self, more: &[&str]) -> Daemon {
        let mut command = self.binary(&["run", "--manifests", "manifests", "--interval", "1s"]);
        command.args(["--listen", "127.0.0.1:0"]).args(more);
        Daemon::start(command, self.place.path().join("log"))
    }

    fn is_clean(&self, account: &str) -> bool {
        (0..VPCS)
            .all(|n| self.cloud.links(&format!("{account}{n}")) == [format!("{account}{n}keep")])
    }

    fn is_untouched(&self, account: &str) -> bool {
        (0..VPCS).all(|n| self.cloud.links(&format!("{account}{n}")).len() == 2)
    }

    /// Its links are as its manifests say, and drift is repaired.
    fn works(&self, account: &str, daemon: &Daemon) {
        let what = format!("the links of `{account}` are as declared");
        until(&what, || self.is_clean(account), || daemon.log());
        // A link that comes back before its detach was seen is taken for a detach that does not show yet.
        daemon
            .says(&format!("instance=i-{account}1stale verb=detach attempt=1 outcome=\"detached"));
        self.cloud.attach_by_hand(&format!("{account}1"), &format!("{account}1stale"));
        until(&format!("{what} again"), || self.is_clean(account), || daemon.log());
    }
}

/// What `/readyz` says, if it is not well.
fn unready(daemon: &Daemon) -> String {
    let answer = ask(daemon, "/readyz");
    if answer.code == 200 { String::new() } else { answer.json().to_string() }
}

fn ask(daemon: &Daemon, path: &str) -> Answer {
    let log = daemon.log();
    let url = log.split("url=\"http://").nth(1).or_else(|| log.split("url=http://").nth(1));
    let address = url.unwrap().split('/').next().unwrap();
    http::ask(address, path, &[])
}

#[test]
fn an_account_whose_calls_hang_holds_up_no_other() {
    let world = World::new("accountId: null");
    world.give_key("a", "a");
    for (fault, value) in [("only-accounts", ACCOUNTS[0].1), ("slow", "100%"), ("slow-by", "1h")] {
        world.cloud.set(fault, value);
    }
    let daemon = world.daemon(&[]);
    world.works("z", &daemon);
    assert!(world.is_untouched("a"));
    assert_eq!(daemon.end(), 0);
}

#[test]
fn an_account_without_credentials_holds_up_no_other_and_is_served_when_it_has_some() {
    let world = World::new("accountId: null");
    let daemon = world.daemon(&[]);
    world.works("z", &daemon);
    until("it says which file", || daemon.log().contains("a.json"), || daemon.log());
    until("it is not ready", || unready(&daemon).contains("of a"), || unready(&daemon));
    assert!(world.is_untouched("a"));
    world.give_key("a", "a");
    world.works("a", &daemon);
    until("it is ready", || unready(&daemon).is_empty(), || unready(&daemon));
    assert_eq!(daemon.end(), 0);
}

#[test]
fn an_account_with_a_key_of_another_is_left_alone_loudly_and_holds_up_no_other() {
    let world = World::new("accountId: '4300000000000043'");
    world.give_key("a", "a");
    let daemon = world.daemon(&[]);
    world.works("z", &daemon);
    let why = "the credential is of account 4200000000000042, and the configuration names 4300000000000043";
    let said = |log: &str| {
        log.lines()
            .any(|line| line.contains("ERROR") && line.contains("account=a") && line.contains(why))
    };
    until("it says so in the log", || said(&daemon.log()), || daemon.log());
    until("it is not ready", || unready(&daemon).contains(why), || unready(&daemon));
    let status = ask(&daemon, "/api/v1/status").json();
    let problems = serde_json::json!([{"account": "a", "problem": why}]);
    assert_eq!(status["accountProblems"], problems);
    assert!(world.is_untouched("a"));
    assert_eq!(daemon.end(), 0);
}

#[test]
fn each_account_is_held_to_limits_and_windows_of_its_own() {
    let world = World::new("limits: {maxDetach: 0}, windows: [{deny: '*', timezone: UTC}]");
    world.give_key("a", "a");
    let plan = world.command(&["plan", "--manifests", "manifests", "--output", "json"]).json();
    for scope in plan["scopes"].as_array().unwrap() {
        let rules: Vec<&str> = scope["refusals"]
            .as_array()
            .unwrap()
            .iter()
            .map(|of| of["rule"].as_str().unwrap())
            .collect();
        let expected: &[&str] = if scope["account"] == "a" { &["perPlan", "windows"] } else { &[] };
        assert_eq!(rules, expected, "{scope:#}");
    }
    let daemon = world.daemon(&["--set", "accounts.z.limits.budget.hour=7"]);
    world.works("z", &daemon);
    until("a was read", || daemon.log().contains("rule=perPlan"), || daemon.log());
    let status = ask(&daemon, "/api/v1/status").json();
    let limits = status["budgets"].as_array().unwrap();
    let limits: Vec<_> = limits.iter().map(|of| (&of["account"], &of["hourLimit"])).collect();
    assert_eq!(format!("{limits:?}"), r#"[(String("a"), Number(50)), (String("z"), Number(7))]"#);
    assert_eq!(status["changes"]["allowed"], true, "of all accounts");
    let own = status["accountWindows"].as_array().unwrap();
    assert_eq!((own.len(), &own[0]["account"]), (1, &"a".into()));
    assert_eq!(own[0]["changes"]["allowed"], false);
    assert!(world.is_untouched("a"));
    assert_eq!(daemon.end(), 0);
}

#[test]
fn outside_of_what_an_account_is_given_nothing_is_given_back() {
    let world = World::new("accountId: null");
    world.give_key("a", "a");
    let plan = world.command(&["plan", "--manifests", "manifests/a", "--out", "plan.json"]);
    assert_eq!(plan.code, 2, "{plan:?}");
    let narrow = "accounts.a.vpcs=[vpc-a1]";
    let saved = world.command(&["apply", "--plan", "plan.json", "--yes", "--set", narrow]);
    assert_eq!(saved.code, 1, "{saved:?}");
    assert!(saved.err.contains("vpc-a0") && world.is_untouched("a"), "{saved:?}");
    let applied = world.command(&["apply", "--manifests", "manifests/a", "--yes"]);
    assert!(applied.code == 0 && world.is_clean("a"), "{applied:?}");
    let undone = world.command(&["undo", "--since", "1h", "--yes", "--set", narrow]);
    assert!(
        undone.code == 1 && undone.err.contains("outside what the configuration"),
        "{undone:?}"
    );
    assert!(world.is_clean("a"), "nothing was given back");
    let import = |vpc: &str| {
        let place = ["import", "--account", "a", "--region", "cn-hangzhou", "--vpc", vpc];
        world.command(&[&place[..], &["--set", narrow]].concat())
    };
    assert_eq!(import("vpc-a1").code, 0);
    let refused = import("vpc-a0");
    assert!(refused.code == 1 && refused.err.contains("accounts.a"), "{refused:?}");
}

#[test]
fn commands_go_by_the_accounts_that_they_are_about() {
    let world = World::new("accountId: null");
    let plan = |folder: &str| world.command(&["plan", "--manifests", folder]);
    let well = plan("manifests/z");
    assert_eq!(well.code, 2, "{well:?}");
    let without = plan("manifests/a");
    assert_eq!(without.code, 1, "{without:?}");
    assert!(without.err.contains("a/cn-hangzhou/vpc-a0") && without.err.contains("a.json"));
    let both = plan("manifests");
    assert_eq!(both.code, 1, "{both:?}");
    assert!(both.out.contains("i-z0stale"), "{both:?}");
}
