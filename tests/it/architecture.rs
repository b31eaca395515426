//! The structure of `src/`, held to what `src/lib.rs` says.
//!
//! A module may import only modules listed above it; decisions are pure; a few crates and one
//! constructor are named in one module only; no file is longer than 400 lines.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const LINES_MAX: usize = 400;
const MAIN_LINES_MAX: usize = 40;

/// Modules of plain values and pure functions, as far as they are listed in `lib.rs`.
const PURE: &[&str] = &[
    "model", "window", "desired", "observed", "plan", "ledger", "gate", "outcome", "retry",
    "schedule", "forecast", "history",
];

/// What pure modules may not mention outside their tests.
const IMPURE: &[&str] = &[
    "async ",
    ".await",
    "tokio",
    "tracing::",
    "std::fs",
    "std::net",
    "std::env",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "fastrand",
    "uuid",
];

/// What is named in few modules only, and these.
const OWNED: &[(&str, &[&str])] = &[
    ("serde_yaml", &["manifest"]),
    ("reqwest", &["https", "aliyun", "notification", "traces"]),
    ("opentelemetry", &["traces"]),
    ("hmac::", &["signature"]),
    ("sha1::", &["signature"]),
    ("base64::", &["signature"]),
    ("prometheus_client", &["metrics"]),
    ("backoff::Retryable", &["attempt"]),
    ("rusqlite", &["journal"]),
    ("hyper::", &["serve"]),
    ("hyper_util::", &["serve"]),
    ("notify::", &["source"]),
    ("Ticket::issue", &["journal"]),
    ("Permit {", &["gate"]),
    ("Approved {", &["gate"]),
];

struct File {
    module: String,
    path: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn order(lib: &str) -> Vec<String> {
    let names = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    names.map(str::to_owned).collect()
}

fn files() -> Vec<File> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let inside = path.strip_prefix(root()).unwrap();
                let first = inside.components().next().unwrap().as_os_str().to_string_lossy();
                found.push(File {
                    module: first.trim_end_matches(".rs").to_owned(),
                    path: inside.display().to_string(),
                    text: fs::read_to_string(&path).unwrap(),
                });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The part of a file that ships: tests may name anything.
fn shipped(file: &File) -> &str {
    if file.path.contains("tests/") || file.path.ends_with("tests.rs") {
        return "";
    }
    file.text.split("#[cfg(test)]\nmod tests {").next().unwrap()
}

fn code_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

fn imports_from_below(files: &[File], order: &[String]) -> Vec<String> {
    let place: BTreeMap<&str, usize> =
        order.iter().enumerate().map(|(n, name)| (name.as_str(), n)).collect();
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| file.module != "lib" && file.module != "main") {
        let Some(own) = place.get(file.module.as_str()) else {
            wrong.push(format!("{} belongs to no module of lib.rs", file.path));
            continue;
        };
        for line in code_lines(shipped(file)) {
            for (at, _) in line.match_indices("crate::") {
                let rest = &line[at + "crate::".len()..];
                let name: String =
                    rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                match place.get(name.as_str()) {
                    Some(other) if other <= own => (),
                    Some(_) => wrong.push(format!(
                        "module `{}` may not import `{name}`, which lib.rs lists below it ({})",
                        file.module, file.path
                    )),
                    None => wrong.push(format!("{} imports unknown module `{name}`", file.path)),
                }
            }
        }
    }
    wrong
}

fn impure_decisions(files: &[File]) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| PURE.contains(&file.module.as_str())) {
        for line in code_lines(shipped(file)) {
            for word in IMPURE.iter().filter(|word| line.contains(**word)) {
                wrong.push(format!(
                    "`{}` is pure and mentions `{word}`: {}",
                    file.path,
                    line.trim()
                ));
            }
        }
    }
    wrong
}

fn named_elsewhere(files: &[File]) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in files {
        for (name, owners) in
            OWNED.iter().filter(|(_, owners)| !owners.contains(&file.module.as_str()))
        {
            // The whole word: `sim::Permit {` would count, `SubPermit {` would not.
            let used = code_lines(shipped(file)).any(|line| {
                line.match_indices(name).any(|(at, _)| {
                    let before = line[..at].chars().next_back();
                    !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
                }) && !line.contains("struct ")
                    && !line.contains("let Permit")
            });
            if used {
                wrong.push(format!(
                    "`{name}` is for `{}` alone, and {} names it",
                    owners.join("`, `"),
                    file.path
                ));
            }
        }
    }
    wrong
}

fn too_long(files: &[File]) -> Vec<String> {
    let limit = |file: &File| if file.path == "main.rs" { MAIN_LINES_MAX } else { LINES_MAX };
    let long = files.iter().filter(|file| file.text.lines().count() > limit(file));
    long.map(|file| format!("{} has {} lines", file.path, file.text.lines().count())).collect()
}

fn planted(module: &str, text: &str) -> Vec<File> {
    vec![File { module: module.to_owned(), path: format!("{module}.rs"), text: text.to_owned() }]
}

#[test]
fn a_module_imports_only_modules_listed_above_it() {
    let order = order(&fs::read_to_string(root().join("lib.rs")).unwrap());
    assert!(order.len() > 20, "lib.rs lists {order:?}");
    assert_eq!(imports_from_below(&files(), &order), Vec::<String>::new());
}

#[test]
fn a_planted_import_from_below_is_found_and_both_modules_are_named() {
    let order = order(&fs::read_to_string(root().join("lib.rs")).unwrap());
    let wrong = imports_from_below(&planted("plan", "use crate::apply::Writes;\n"), &order);
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(wrong[0].contains("`plan`") && wrong[0].contains("`apply`"), "{wrong:?}");
    let unknown = imports_from_below(&planted("helpers", ""), &order);
    assert_eq!(unknown.len(), 1, "{unknown:?}");
}

#[test]
fn decisions_are_pure() {
    assert_eq!(impure_decisions(&files()), Vec::<String>::new());
    assert_eq!(impure_decisions(&planted("gate", "let now = Timestamp::now();\n")).len(), 1);
    assert_eq!(impure_decisions(&planted("plan", "tokio::spawn(x);\n")).len(), 1);
}

#[test]
fn crates_and_constructors_are_named_where_they_belong() {
    assert_eq!(named_elsewhere(&files()), Vec::<String>::new());
    assert_eq!(named_elsewhere(&planted("daemon", "Ticket::issue(a, b, c, d)\n")).len(), 1);
    assert_eq!(named_elsewhere(&planted("daemon", "gate::Approved { plan }\n")).len(), 1);
    assert_eq!(named_elsewhere(&planted("plan", "use reqwest::Client;\n")).len(), 1);
}

/// Waits that would leave it to chance which of two things is seen first.
fn drawn_by_lot(files: &[File]) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in files {
        let mut lines = code_lines(shipped(file));
        while let Some(line) = lines.next() {
            if line.contains("select! {") && lines.next().map(str::trim) != Some("biased;") {
                wrong.push(format!("{}: begin `select!` with `biased;`", file.path));
            }
        }
    }
    wrong
}

#[test]
fn what_is_seen_first_is_no_matter_of_luck() {
    assert_eq!(drawn_by_lot(&files()), Vec::<String>::new());
    let planted = planted("daemon", "tokio::select! {\n    () = a => (),\n}\n");
    assert_eq!(drawn_by_lot(&planted).len(), 1);
}

#[test]
fn files_can_be_read_in_one_sitting() {
    assert_eq!(too_long(&files()), Vec::<String>::new());
    assert_eq!(too_long(&planted("plan", &"\n".repeat(LINES_MAX + 1))).len(), 1);
}

#[test]
fn adapters_do_not_know_each_other() {
    let adapters = ["aliyun", "sim"];
    for file in files().iter().filter(|file| adapters.contains(&file.module.as_str())) {
        for other in adapters.iter().filter(|other| **other != file.module) {
            let path = format!("crate::{other}");
            assert!(!shipped(file).contains(&path), "{} imports {other}", file.path);
        }
    }
}
