//! Logs and traces: nothing that is foreign forges, colours or floods a line; names of fields are those of
//! the reference.

use crate::docs::text;
use crate::harness::{Cloud, Place, manifest, until};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[cfg(feature = "otlp")]
mod otlp;

const MACROS: &[&str] = &[
    "error!(",
    "warn!(",
    "info!(",
    "debug!(",
    "trace!(",
    "error_span!(",
    "warn_span!(",
    "info_span!(",
    "debug_span!(",
    "trace_span!(",
    "event!(",
    "span!(",
];

/// The arguments of a macro, from behind its parenthesis.
fn arguments(code: &str) -> Vec<String> {
    let (mut found, mut depth) = (vec![String::new()], 0u32);
    let mut chars = code.chars();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted => {
                found.last_mut().unwrap().push(c);
                found.last_mut().unwrap().extend(chars.next());
                continue;
            }
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted && depth == 0 => break,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                found.push(String::new());
                continue;
            }
            _ => (),
        }
        found.last_mut().unwrap().push(c);
    }
    found.iter().map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect()
}

/// The names of fields that code logs or records.
fn fields(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("tracing::") {
        let rest = &code[at + "tracing::".len()..];
        let Some(name) = MACROS.iter().find(|name| rest.starts_with(**name)) else { continue };
        let spans = name.contains("span");
        for argument in arguments(&rest[name.len()..]) {
            match argument.starts_with('"') {
                true if spans => continue,
                // What follows the message fills its braces.
                true => break,
                false => (),
            }
            let field = argument.trim_start_matches(['%', '?']);
            names.insert(field.split(['=', ':']).next().unwrap().trim().to_owned());
        }
    }
    for (at, found) in code.match_indices(".record(\"") {
        let rest = &code[at + found.len()..];
        names.insert(rest.split('"').next().unwrap().to_owned());
    }
    names
}

fn sources(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "tests" {
            sources(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let code = fs::read_to_string(&path).unwrap();
            found.push_str(code.split("#[cfg(test)]\nmod tests {").next().unwrap());
        }
    }
}

#[test]
fn every_field_of_the_log_is_in_the_reference_and_every_listed_one_is_logged() {
    let mut code = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut code);
    let logged = fields(&code);
    assert!(logged.len() > 40, "{logged:?}");
    let page = text("docs/reference/logs.md");
    let table = page.split("## Fields").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let listed: BTreeSet<String> = rows.map(str::to_owned).collect();
    let unlisted: Vec<_> = logged.difference(&listed).collect();
    assert!(unlisted.is_empty(), "not in docs/reference/logs.md: {unlisted:?}");
    let unlogged: Vec<_> = listed.difference(&logged).collect();
    assert!(unlogged.is_empty(), "listed, and logged nowhere: {unlogged:?}");
}

#[test]
fn a_planted_field_is_found() {
    let planted = r#"tracing::warn!(
            %scope, days = left(a, "b)"), ?wait, colour,
            "what is {wrong}, and (why)", shade = x
        );
        let span = tracing::debug_span!("pass", %account, hue = Empty);
        span.record("tint", 1);"#;
    let wanted = ["account", "colour", "days", "hue", "scope", "tint", "wait"];
    assert_eq!(fields(planted), wanted.map(str::to_owned).into());
}

/// A name that would end its line, forge one, colour the terminal and turn text around.
const HOSTILE: &str =
    "x\\e[31m\\n2026-11-23T12:00:00.000Z ERROR classiclinkd: forged\\u202e\\u2028\\a\\x9b";

/// The log of a daemon that has read hostile manifests and made a call.
fn log_of(format: &str) -> String {
    let cloud = Cloud::with(&[("a", "stray"), ("a", "one"), ("b", "two")]);
    let place = Place::new();
    place.write("a.yaml", &manifest("a", "detach", &["one"], ""));
    let daemon = place.daemon(&cloud, &["--log-format", format, "--log-level", "trace"]);
    daemon.says("converged");
    let entry = |fields: &str| {
        let listed = format!("instances: [{{id: i-two, {fields}}}]");
        manifest("b", "detach", &[], "").replace("instances: []", &listed)
    };
    let bad = [
        (
            "b.yaml",
            manifest("b", "detach", &["two"], "")
                .replace("name: b", &format!("name: \"{HOSTILE}\"")),
        ),
        ("b.yaml", manifest("b", "detach", &["two"], &format!("  \"{HOSTILE}\": 1\n"))),
        ("b.yaml", entry(&format!("owner: \"{HOSTILE}\""))),
        ("b.yaml", entry(&format!("reason: \"{HOSTILE}\", until: \"{HOSTILE}\""))),
        // As raw bytes, in a text that is quoted in the diagnostic.
        ("b.yaml", entry("owner: \u{202e}x\u{2066}")),
        ("b\u{202e}\n2026-11-23T12:00:00.000Z ERROR.yaml", "- none\n".to_owned()),
    ];
    for (name, text) in &bad {
        let before = daemon.log().matches("cannot be accepted").count();
        place.write(name, text);
        let refused = || daemon.log().matches("cannot be accepted").count() > before;
        until(&format!("{text:?} is refused"), refused, || daemon.log());
        fs::remove_file(place.manifests().join(name)).unwrap();
    }
    let log = daemon.log();
    assert_eq!(daemon.end(), 0);
    log
}

fn is_clean(log: &str) {
    let raw = |c: char| {
        (c != '\n' && c.is_control())
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
    };
    assert!(!log.contains(raw), "{:?}", log.lines().find(|line| line.contains(raw)));
    assert!(log.contains("forged"), "{log}");
}

#[test]
fn no_manifest_forges_a_line_of_text() {
    let log = log_of("text");
    is_clean(&log);
    for line in log.lines() {
        let stamp = line.get(..24).and_then(|stamp| stamp.parse::<jiff::Timestamp>().ok());
        let level = || line.get(25..30).map(str::trim);
        let begins = stamp.is_some()
            && ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&level().unwrap_or_default())
            && line.get(31..).is_some_and(|rest| rest.split(": ").next().unwrap().contains("::"));
        assert!(begins || line.starts_with("    "), "{line:?}\n{log}");
    }
    assert!(
        log.contains("span=pass:apply:call:") || log.contains("span=pass:apply:call\n"),
        "{log}"
    );
}

#[test]
fn every_line_of_json_is_an_object_with_the_same_keys() {
    let log = log_of("json");
    is_clean(&log);
    let mut called = false;
    for line in log.lines() {
        let json: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for key in ["timestamp", "level", "target", "message"] {
            assert!(json[key].is_string(), "{key}: {line}");
        }
        json["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        called |= json["span"] == "pass:apply:call"
            && json["action"] == "DetachClassicLinkVpc"
            && json["instance"] == "i-stray"
            && json["run"].is_string()
            && json["plan"].is_string()
            && json["revision"].is_string()
            && json["request_id"].is_string();
    }
    assert!(called, "{log}");
}

#[test]
#[cfg(not(feature = "otlp"))]
fn a_build_that_exports_no_traces_says_so_once() {
    let cloud = Cloud::with(&[("a", "one")]);
    let place = Place::new();
    place.write("a.yaml", &manifest("a", "detach", &["one"], ""));
    let mut command = place.command(&cloud, &["run", "--once", "--manifests", "manifests"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "https://s3cret.example");
    let ran = crate::harness::Ran::of(command.output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.err.matches("--features otlp").count(), 1, "{ran:?}");
    assert!(!ran.err.contains("s3cret"), "{ran:?}");
}
