//! What is in `deploy/`: true to the binary, to the references, and to what it promises of itself.

mod kubernetes;
mod pipeline;
mod policy;
mod supervised;
mod watched;

use crate::docs::text;

/// A YAML file of `deploy/`, read as strictly as a configuration.
fn yaml(path: &str) -> serde_json::Value {
    let value = classiclinkd::manifest::value(&text(path));
    value.unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The instructions of a Containerfile, continued lines joined.
fn instructions(file: &str) -> Vec<(String, String)> {
    let joined = text(file).replace("\\\n", " ");
    let lines = joined.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let split = lines.map(|line| line.split_once(' ').unwrap_or((line, "")));
    split.map(|(name, rest)| (name.to_uppercase(), rest.trim().to_owned())).collect()
}

#[test]
fn the_images_run_as_nobody_from_bases_with_a_version_and_fetch_nothing_by_themselves() {
    let all = instructions("deploy/container/Containerfile");
    let mut stages: Vec<Vec<&(String, String)>> = Vec::new();
    for instruction in &all {
        if instruction.0 == "FROM" {
            stages.push(Vec::new());
        }
        stages.last_mut().unwrap().push(instruction);
    }
    for (name, rest) in &all {
        assert_ne!(name, "ADD", "COPY copies; ADD fetches and unpacks: {rest}");
        if name == "FROM" {
            let base = rest.split_whitespace().next().unwrap();
            let tag = base.rsplit('/').next().unwrap().split_once(':').map(|(_, tag)| tag);
            assert!(base == "scratch" || tag.is_some_and(|tag| tag != "latest"), "{base}");
        }
        let secret = ["_SECRET", "TOKEN", "PASSWORD", "ACCESS_KEY"];
        assert!(!secret.iter().any(|word| rest.contains(word)), "{name} {rest}");
    }
    let said = |stage: &[&(String, String)], name: &str| -> Option<String> {
        stage.iter().rev().find(|(found, _)| found == name).map(|(_, rest)| rest.clone())
    };
    assert_eq!(stages.len(), 3);
    for stage in &stages[1..] {
        assert_eq!(said(stage, "USER").as_deref(), Some("65532:65532"));
        assert!(
            stage.iter().any(|(name, rest)| name == "COPY" && rest.starts_with("--from=build"))
        );
    }
    let daemon = &stages[2];
    assert_eq!(said(daemon, "FROM").as_deref(), Some("scratch"));
    assert!(said(daemon, "RUN").is_none(), "there is nothing in it to run");
    assert_eq!(said(daemon, "STOPSIGNAL").as_deref(), Some("SIGTERM"));
    assert_eq!(said(daemon, "ENTRYPOINT").as_deref(), Some(r#"["/usr/local/bin/classiclinkd"]"#));
    let built = stages[0].iter().map(|(_, rest)| rest.as_str()).collect::<String>();
    assert!(built.contains("/out/etc/ssl/certs/ca-certificates.crt") && built.contains("--locked"));
}

#[test]
fn the_compiler_of_the_image_is_the_one_that_the_package_asks_for() {
    let cargo = text("Cargo.toml");
    let wanted = cargo.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap();
    let from = format!("docker.io/library/rust:{}-alpine", wanted.trim_matches('"'));
    assert!(text("deploy/container/Containerfile").contains(&from), "{from}");
}

#[test]
fn the_unit_is_notified_watched_and_gives_the_key_as_a_credential() {
    let unit = text("deploy/systemd/classiclinkd.service");
    let said = |key: &str| -> Vec<&str> {
        let prefix = format!("{key}=");
        unit.lines().filter_map(|line| line.strip_prefix(prefix.as_str())).collect()
    };
    assert_eq!(said("Type"), ["notify"]);
    assert_eq!(said("StateDirectoryMode"), ["0700"]);
    assert_eq!(said("NoNewPrivileges"), ["yes"]);
    let (name, _file) = said("LoadCredential")[0].split_once(':').unwrap();
    let path = format!("ALIBABA_CLOUD_CREDENTIALS_FILE=%d/{name}");
    assert_eq!(said("Environment"), [path.as_str()]);
    let seconds = |key: &str| said(key)[0].trim_end_matches('s').parse::<u64>().unwrap();
    // The loop turns at least four times before it counts as stuck, and the drain has its time.
    assert!(seconds("WatchdogSec") >= 4 * classiclinkd::daemon::BEAT.as_secs());
    assert!(seconds("TimeoutStopSec") > classiclinkd::daemon::DRAIN.as_secs());
    let command = said("ExecStart")[0].split_whitespace().skip(1);
    let arguments = std::iter::once("classiclinkd").chain(command);
    classiclinkd::cli::command().try_get_matches_from(arguments).unwrap();
}

/// The paths below `deploy/` that a source text names.
fn named_paths(source: &str) -> Vec<&str> {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_');
    let begins = source.match_indices("deploy/").map(|(at, _)| &source[at..]);
    let paths = begins.map(|rest| &rest[..rest.find(|c| !part(c)).unwrap_or(rest.len())]);
    paths.map(|path| path.trim_end_matches(['.', '/'])).collect()
}

/// Every Rust file below a folder that is no test.
fn sources(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

#[test]
fn what_the_program_names_of_this_folder_is_there() {
    assert_eq!(
        named_paths("see deploy/ram/a.json, or deploy/README.md."),
        ["deploy/ram/a.json", "deploy/README.md"]
    );
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut files, mut count) = (Vec::new(), 0);
    sources(&root.join("src"), &mut files);
    for file in files {
        for path in named_paths(&std::fs::read_to_string(&file).unwrap()) {
            assert!(root.join(path).exists(), "{} names {path}", file.display());
            count += 1;
        }
    }
    assert!(count >= 4, "only {count} paths are named");
}
