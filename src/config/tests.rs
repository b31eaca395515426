use super::*;
use crate::manifest;
use crate::model::Amount;
use crate::retry::limiter::Rates;
use serde_json::json;

fn read(text: &str) -> Result<Config, Vec<Mistake>> {
    Config::from_value(&manifest::value(text).unwrap())
}

/// The configuration as `design` prints it, with every default spelled out.
const PRINTED: &str = "
accounts:
  default:
    accountId: null
    regions: []
    vpcs: []
interval: 60s
source: { settle: 500ms, settleMax: 5s, poll: 15s }
limits:
  maxDetach: 10%
  minDetach: 3
  observationMaxAge: 120s
  writesPerSecond: { start: 5, max: 50 }
  readsPerSecond: { start: 20, max: 100 }
  concurrency: 16
windows: []
";

#[test]
fn the_printed_defaults_are_the_defaults() {
    assert_eq!(read(PRINTED), Ok(Config::default()));
    assert_eq!(read(""), Ok(Config::default()));
}

#[test]
fn every_mistake_is_reported_at_once_with_its_key() {
    let mistakes = read(
        "interval: soon\nlimits: {maxDetach: 300%, concurrency: 0, typo: 1, readsPerSecond: 5}\n\
         accounts: {'bad name!': {}, a: {accountId: x, regions: cn, vpcs: [VPC]}}\nunknown: 1\n\
         windows: [{deny: 'Mon-Fri 09:00-17:00', timezone: UTC}, {allow: mon, timezone: Beijing},\n\
         {}, {allow: Mon, deny: Tue, timezone: UTC}, 5, {deny: Sun, timezone: UTC, zone: 1}]\n\
         source: {poll: 1ms}\n",
    )
    .unwrap_err();
    let keys: Vec<&str> = mistakes.iter().map(|mistake| mistake.key.as_str()).collect();
    let expected = [
        "accounts.a.accountId",
        "accounts.a.regions",
        "accounts.a.vpcs",
        "accounts.bad name!",
        "interval",
        "limits.concurrency",
        "limits.maxDetach",
        "limits.readsPerSecond",
        "limits.typo",
        "source.poll",
        "unknown",
        "windows[1].allow",
        "windows[1].timezone",
        "windows[2]",
        "windows[2].timezone",
        "windows[3]",
        "windows[4]",
        "windows[5].zone",
    ];
    assert_eq!(keys, expected);
    assert!(mistakes.iter().any(|m| m.message.contains("60s")), "{mistakes:?}");
}

#[test]
fn settings_have_their_effect() {
    let config = read(
        "accounts: {prod: {regions: [cn-beijing], vpcs: [vpc-a]}}\n\
         limits: {maxDetach: 5, minDetach: 0, writesPerSecond: {start: 10, max: 20}}\n\
         signature: v3\nlisten: 127.0.0.1:1\nstate: /s\nlog: {level: debug}\nvpcEndpoint: true\n",
    )
    .unwrap();
    let prod = &config.accounts[&AccountName::parse("prod").unwrap()];
    assert_eq!(prod.ceiling.regions.len(), 1);
    assert_eq!(config.bounds.common.max_detach, Amount::Count(5));
    assert_eq!(config.limits.common.writes, Rates { start: 10.0, max: 20.0 });
    assert_eq!(config.signature, Signature::V3);
    assert!(config.accounts.contains_key(&AccountName::parse("default").unwrap()));
}

#[test]
fn host_names_are_names_alone() {
    let config = read("hosts: [Links.Example.internal, status]").unwrap();
    assert_eq!(config.hosts, ["links.example.internal".to_owned(), "status".to_owned()].into());
    for bad in
        ["''", "links.example:9108", "'http://links.example'", "'*'", "'a b'", "links/x", "[x]"]
    {
        let mistakes = read(&format!("hosts: [{bad}]")).unwrap_err();
        assert_eq!(mistakes[0].key, "hosts", "{bad}: {mistakes:?}");
    }
}

#[test]
fn an_account_is_pinned_by_its_number_quoted_or_not() {
    let pin = |text: &str| {
        let config = read(&format!("accounts: {{prod: {{accountId: {text}}}}}"));
        config.map(|config| config.accounts[&AccountName::parse("prod").unwrap()].clone())
    };
    let number = AccountId::parse("1234567890123456").unwrap();
    for good in ["'1234567890123456'", "1234567890123456"] {
        assert_eq!(pin(good).unwrap().account_id.as_ref(), Some(&number), "{good}");
    }
    assert_eq!(pin("null").unwrap(), Account::default());
    for bad in ["''", "prod", "12.5", "-7", "1e15", "[1234567890123456]", "'1234 5678'"] {
        let mistakes = pin(bad).unwrap_err();
        assert_eq!(mistakes[0].key, "accounts.prod.accountId", "{bad}: {mistakes:?}");
    }
}

#[test]
fn windows_are_read_in_their_order() {
    let windows = "windows:\n- {allow: 'Mon-Fri 09:00-17:00', timezone: Asia/Shanghai}\n\
                   - deny: 2026-12-24..2027-01-02\n  timezone: UTC\n";
    let shown: Vec<_> = read(windows)
        .unwrap()
        .bounds
        .common
        .windows
        .iter()
        .map(|window| window.to_string())
        .collect();
    let expected =
        ["allow Mon-Fri 09:00-17:00 (Asia/Shanghai)", "deny 2026-12-24..2027-01-02 (UTC)"];
    assert_eq!(shown, expected);
    let set = "windows=[{allow: \"Mon-Fri 09:00-17:00\", timezone: UTC}]".to_owned();
    let value = overlay(manifest::value(windows).unwrap(), &[set]).unwrap();
    let over = Config::from_value(&value).unwrap().bounds.common.windows;
    assert_eq!(
        over.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["allow Mon-Fri 09:00-17:00 (UTC)"]
    );
    let many = vec!["{allow: '*', timezone: UTC}"; crate::window::WINDOWS_MAX + 1].join(", ");
    assert_eq!(read(&format!("windows: [{many}]")).unwrap_err()[0].key, "windows");
    for wrong in ["windows: {allow: '*', timezone: UTC}", "windows: '*'"] {
        assert_eq!(read(wrong).unwrap_err()[0].key, "windows", "{wrong}");
    }
}

#[test]
fn a_set_goes_over_the_file() {
    let base = json!({"interval": "60s", "limits": {"minDetach": 3}});
    let sets =
        ["limits.minDetach=9", "accounts.p.regions=[cn-beijing]", "endpoint=http://127.0.0.1:1"];
    let value = overlay(base, &sets.map(str::to_owned)).unwrap();
    let config = Config::from_value(&value).unwrap();
    assert_eq!(config.bounds.common.min_detach, 9);
    assert_eq!(config.endpoint.as_deref(), Some("http://127.0.0.1:1"));
    let deep = format!("{}a=1", "a.".repeat(60_000));
    for bad in ["x", "=1", "interval.x=1", "limits.=2", &deep] {
        assert!(overlay(json!({"interval": "60s"}), &[bad.to_owned()]).is_err(), "{bad}");
    }
}

#[test]
fn the_limits_of_the_gate_are_read() {
    let config = read(
        "limits: {maxShrink: 30%, maxDetachCeiling: 7, budget: {hour: 500, day: 9}}\n\
         approvalTtl: 1h\njournal: {retention: 90d}\n",
    )
    .unwrap();
    let bounds = &config.bounds.common;
    assert_eq!(
        (bounds.max_shrink, bounds.max_detach_ceiling),
        (Amount::Percent(30), Some(Amount::Count(7)))
    );
    assert_eq!((bounds.budget.hour, bounds.budget.day), (500, 9));
    assert_eq!(config.approval_ttl, Duration::from_secs(3600));
    assert_eq!(config.retention, Duration::from_secs(90 * 24 * 3600));
    for bad in ["approvalTtl: 8d", "approvalTtl: 1s", "journal: {retention: 29d}"] {
        assert_eq!(read(bad).unwrap_err().len(), 1, "{bad}");
    }
}

#[test]
fn an_account_has_its_own_limits_and_windows_and_else_those_of_all() {
    let config = read(
        "limits: {maxDetach: 5, budget: {hour: 20, day: 30}, concurrency: 4}\n\
         windows: [{deny: Fri, timezone: UTC}]\n\
         accounts:\n  strict: {limits: {maxDetach: 1, budget: {day: 9}}, regions: [cn-beijing]}\n\
         \x20 loose: {limits: {maxDetach: 90%, concurrency: 64}, windows: []}\n\
         \x20 other: {windows: [{deny: Sat, timezone: UTC}]}\n  plain: {limits: null, windows: null}\n",
    )
    .unwrap();
    let of = |name: &str| {
        let account = AccountName::parse(name).unwrap();
        let (bounds, limits) = (config.bounds.of(&account), config.limits.of(&account));
        let windows: Vec<_> = bounds.windows.iter().map(ToString::to_string).collect();
        let budget = (bounds.budget.hour, bounds.budget.day);
        (bounds.max_detach.to_string(), budget, limits.concurrency, windows.join(", "))
    };
    let said = |detach: &str, day, calls, windows: &str| {
        (detach.to_owned(), (20, day), calls, windows.to_owned())
    };
    assert_eq!(of("strict"), said("1", 9, 4, "deny Fri (UTC)"));
    assert_eq!(of("loose"), said("90%", 30, 64, ""), "an empty list is at any time");
    assert_eq!(of("other"), said("5", 30, 4, "deny Sat (UTC)"));
    for inherits in ["plain", "default"] {
        assert_eq!(of(inherits), said("5", 30, 4, "deny Fri (UTC)"), "{inherits}");
    }
    let strict = AccountName::parse("strict").unwrap();
    assert_eq!(config.bounds.of(&strict).ceiling, config.accounts[&strict].ceiling);
    let mistakes =
        read("accounts: {a: {limits: {maxDetach: many, typo: 1}, windows: [{allow: Mon}]}}")
            .unwrap_err();
    let keys: Vec<_> = mistakes.iter().map(|mistake| mistake.key.as_str()).collect();
    let a = ["limits.maxDetach", "limits.typo", "windows[0].timezone"];
    assert_eq!(keys, a.map(|key| format!("accounts.a.{key}")));
}

#[test]
fn a_settling_time_beyond_its_maximum_is_a_mistake() {
    assert!(read("source: {settle: 9s}").is_err());
}

#[test]
fn a_name_that_looks_like_a_number_has_to_be_quoted() {
    for bad in ["1.10", "010", "1_0", "0x1F", "1e3", "true"] {
        let mistakes = read(&format!("source: {{git: {{ref: {bad}}}}}")).unwrap_err();
        let said = mistakes[0].to_string();
        assert!(
            said.contains("source.git.ref") && said.contains("quotation marks"),
            "{bad}: {said}"
        );
        assert!(
            read(&format!("accounts: {{a: {{credentials: {{profile: {bad}}}}}}}")).is_err(),
            "{bad}"
        );
    }
    let config = read("source: {git: {ref: \"1.10\"}}").unwrap();
    assert_eq!(config.repository.reference.unwrap().as_str(), "1.10");
}
