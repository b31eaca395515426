//! Alert rules and dashboard, held to the reference of metrics: what they name exists.

use super::yaml;
use crate::docs::text;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What Prometheus adds to every sample.
const SCRAPED: [&str; 2] = ["job", "instance"];

/// Every sample of the reference, with its labels.
fn reference() -> BTreeMap<String, BTreeSet<String>> {
    let page = text("docs/reference/metrics.md");
    let mut samples = BTreeMap::new();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, kind, _unit, labels, ..] = cells[..] else { panic!("{row}") };
        let name = name.trim_matches('`').to_owned();
        let labels = labels.split('`').skip(1).step_by(2).chain(SCRAPED).map(str::to_owned);
        let labels: BTreeSet<String> = labels.collect();
        if kind == "histogram" {
            samples.insert(format!("{name}_count"), labels.clone());
            samples.insert(format!("{name}_sum"), labels.clone());
            let with_bound = labels.into_iter().chain(["le".to_owned()]).collect();
            samples.insert(format!("{name}_bucket"), with_bound);
        } else {
            samples.insert(name, labels);
        }
    }
    assert!(samples.len() > 30, "{samples:?}");
    samples.insert("up".to_owned(), SCRAPED.map(str::to_owned).into());
    samples
}

/// What an expression names: samples with the labels they are chosen by, and labels of groups.
#[derive(Default)]
struct Named {
    samples: Vec<(String, BTreeSet<String>)>,
    groups: BTreeSet<String>,
}

/// An expression without its texts and ranges, in words and signs.
fn words(expression: &str) -> Vec<String> {
    let mut plain: String = expression.split('"').step_by(2).collect::<Vec<_>>().join("''");
    while let Some((before, rest)) = plain.split_once('[') {
        plain = format!("{before} {}", rest.split_once(']').unwrap().1);
    }
    let mut words: Vec<String> = Vec::new();
    let of_word = |c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '.';
    for c in plain.chars() {
        match words.last_mut() {
            Some(last) if of_word(c) && last.chars().all(of_word) && !last.is_empty() => {
                last.push(c)
            }
            _ if c.is_whitespace() => words.push(String::new()),
            _ => words.push(c.to_string()),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn named(expression: &str) -> Named {
    let mut found = Named::default();
    let words = words(expression);
    let (mut braces, mut grouping) = (false, false);
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).map_or("", String::as_str);
        let is_name = word.starts_with(|c: char| c.is_alphabetic() || c == '_');
        match word.as_str() {
            "{" => braces = true,
            "}" => braces = false,
            ")" => grouping = false,
            "by" | "without" | "on" | "ignoring" | "group_left" | "group_right" => grouping = true,
            "and" | "or" | "unless" | "bool" | "offset" => (),
            _ if !is_name => (),
            label if braces => drop(found.samples.last_mut().unwrap().1.insert(label.to_owned())),
            label if grouping => drop(found.groups.insert(label.to_owned())),
            _ if next == "(" || ["by", "without"].contains(&next) => (),
            sample => found.samples.push((sample.to_owned(), BTreeSet::new())),
        }
    }
    found
}

/// What of an expression, and of the words around it that name labels, the reference does not list.
fn unknown(
    reference: &BTreeMap<String, BTreeSet<String>>,
    expression: &str,
    shown: &[String],
) -> Vec<String> {
    let named = named(expression);
    let mut wrong = Vec::new();
    if named.samples.is_empty() {
        wrong.push(format!("no sample in `{expression}`"));
    }
    for (sample, chosen) in &named.samples {
        let Some(labels) = reference.get(sample) else {
            wrong.push(format!("`{sample}` in `{expression}`"));
            continue;
        };
        let around = named.groups.iter().chain(shown).filter(|_| sample != "up");
        // What is joined by `on` may lack the labels that the other side has.
        let joined = expression.contains(" on (");
        let elsewhere = |label: &String| {
            let mut others = named.samples.iter().filter_map(|(other, _)| reference.get(other));
            joined && others.any(|labels| labels.contains(label))
        };
        let around = around.filter(|label| !elsewhere(label));
        for label in chosen.iter().chain(around).filter(|label| !labels.contains(*label)) {
            wrong.push(format!("label `{label}` of `{sample}` in `{expression}`"));
        }
    }
    wrong
}

/// The labels of `{{account}}` and of `{{ $labels.account }}`.
fn shown(template: &str) -> Vec<String> {
    let inside = template.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap().trim());
    let labels = inside.filter(|inside| !inside.starts_with("$value"));
    labels.map(|label| label.trim_start_matches("$labels.").to_owned()).collect()
}

fn rules() -> Vec<Value> {
    let groups =
        yaml("deploy/prometheus/alerts.yaml").get("groups").unwrap().as_array().unwrap().clone();
    groups
        .iter()
        .flat_map(|group| group.get("rules").unwrap().as_array().unwrap().clone())
        .collect()
}

#[test]
fn every_alert_asks_for_what_there_is_and_says_what_to_do() {
    let (reference, mut wrong, mut names) = (reference(), Vec::new(), BTreeSet::new());
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let guide = std::fs::read_to_string(guide).ok();
    for rule in rules() {
        let part = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{rule}")).to_owned();
        let (name, notes) = (part(&rule["alert"]), &rule["annotations"]);
        let said = part(&notes["summary"]) + &part(&notes["description"]);
        wrong.extend(unknown(&reference, &part(&rule["expr"]), &shown(&said)));
        assert!(["critical", "warning", "info"].contains(&&*part(&rule["labels"]["severity"])));
        let (page, anchor) = part(&notes["runbook_url"])
            .split_once('#')
            .map(|(page, anchor)| (page.to_owned(), anchor.to_owned()))
            .unwrap();
        assert!(page.ends_with("/docs/operations.md") && anchor == name.to_lowercase(), "{rule}");
        if let Some(guide) = &guide {
            let heads =
                |line: &str| line.starts_with('#') && line.trim_start_matches(['#', ' ']) == name;
            assert!(guide.lines().any(heads), "docs/operations.md has no section {name}");
        }
        assert!(names.insert(name), "{rule}");
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(names.len() >= 15);
}

/// Every object in a document that has a member of this name.
fn with<'a>(value: &'a Value, member: &str, found: &mut Vec<&'a Value>) {
    let parts: Vec<&Value> = match value {
        Value::Array(parts) => parts.iter().collect(),
        Value::Object(parts) => parts.values().collect(),
        _ => return,
    };
    if value.get(member).is_some() {
        found.push(value);
    }
    parts.into_iter().for_each(|part| with(part, member, found));
}

fn dashboard() -> Value {
    serde_json::from_str(&text("deploy/grafana/dashboard.json")).unwrap()
}

#[test]
fn every_panel_shows_what_there_is() {
    let (reference, dashboard, mut wrong) = (reference(), dashboard(), Vec::new());
    let mut targets = Vec::new();
    with(&dashboard, "expr", &mut targets);
    for target in &targets {
        let legend = target["legendFormat"].as_str().unwrap_or_default();
        wrong.extend(unknown(&reference, target["expr"].as_str().unwrap(), &shown(legend)));
    }
    assert!(targets.len() > 20);
    let mut variables = Vec::new();
    with(&dashboard, "definition", &mut variables);
    for variable in &variables {
        let definition = variable["definition"].as_str().unwrap();
        let inside =
            definition.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
        let (expression, label) = inside.unwrap().rsplit_once(", ").unwrap();
        wrong.extend(unknown(&reference, expression, &[label.to_owned()]));
        assert_eq!(variable["query"]["query"], definition);
    }
    assert_eq!(variables.len(), 3);
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_dashboard_can_be_imported_anywhere() {
    let dashboard = dashboard();
    assert!(dashboard["id"].is_null() && dashboard.get("uid").is_none());
    let mut from = Vec::new();
    with(&dashboard, "datasource", &mut from);
    assert!(from.len() > 20);
    for part in from {
        assert_eq!(part["datasource"]["uid"], "${datasource}");
    }
    assert_eq!(dashboard["templating"]["list"][0]["type"], "datasource");
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    for panel in panels {
        let (x, w) = (&panel["gridPos"]["x"], &panel["gridPos"]["w"]);
        assert!(x.as_u64().unwrap() + w.as_u64().unwrap() <= 24, "{}", panel["title"]);
    }
}

#[test]
fn what_is_not_in_the_reference_is_found() {
    let labels = |names: &[&str]| names.iter().chain(&SCRAPED).map(|l| (*l).to_owned()).collect();
    let reference = BTreeMap::from([
        ("a_total".to_owned(), labels(&["region", "code"])),
        ("b_bucket".to_owned(), labels(&["le"])),
        ("up".to_owned(), labels(&[])),
    ]);
    let check = |expression: &str, shown: &[&str]| {
        let shown: Vec<String> = shown.iter().map(|label| (*label).to_owned()).collect();
        unknown(&reference, expression, &shown).len()
    };
    for (good, shown) in [
        (
            r#"sum by (code) (rate(a_total{code!="x{y}", region=~"$region"}[$__rate_interval])) > 0.5"#,
            &["code"][..],
        ),
        ("sum(rate(a_total[5m])) by (region) / 1e3", &["region"]),
        ("histogram_quantile(0.99, sum by (job, le) (rate(b_bucket[15m]))) > 1", &["job"]),
        (r#"up{job="x"} == 1 unless on (job, instance) a_total offset 5m"#, &[]),
    ] {
        assert_eq!(check(good, shown), 0, "{good}");
    }
    for (bad, shown) in [
        ("sum(c_total)", &[][..]),
        (r#"a_total{colour="red"}"#, &[]),
        ("sum by (colour) (a_total)", &[]),
        ("sum(a_total)", &["colour"]),
        ("a_total or on (region) c_total", &[]),
        ("vector(1)", &[]),
    ] {
        assert_eq!(check(bad, shown), 1, "{bad}");
    }
}
