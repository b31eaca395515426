//! What the fuzz targets check (`fuzz/`), of every file of their corpus and of every input that once
//! broke something. Each file of the corpus is damaged in many ways, too: `CLASSICLINKD_FUZZ=100000` in so
//! many, where there is no compiler for the fuzzer.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop loudly"
)]

mod config;
mod damage;
mod error_body;
mod journal;
mod manifest;
mod page;
mod plan_file;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 6] = [
    ("config", config::check),
    ("error_body", error_body::check),
    ("journal", journal::check),
    ("manifest", manifest::check),
    ("page", page::check),
    ("plan_file", plan_file::check),
];

/// Files whose names begin with `prefix`: a fuzzer leaves its own finds beside them.
fn inputs(kind: &str, target: &str, prefix: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(kind).join(target);
    let Ok(entries) = fs::read_dir(&folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let named = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let files = files.iter().filter(|path| named(path).starts_with(prefix));
    files.map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect()
}

/// Says which input it was, if the check of it fails.
struct Said<'a>(&'a str, &'a [u8]);

impl Drop for Said<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: {}", self.0, self.1.escape_ascii());
        }
    }
}

fn replay(target: &str) {
    let (_, check) = TARGETS.into_iter().find(|(name, _)| *name == target).unwrap();
    let check = |path: &str, data: &[u8]| {
        let _said = Said(path, data);
        check(data);
    };
    let corpus = inputs("corpus", target, "seed-");
    assert!(corpus.len() >= 10, "{target} has {} files in its corpus", corpus.len());
    let said = std::env::var("CLASSICLINKD_FUZZ").ok();
    let times = said.map_or(40, |said| said.parse().expect("CLASSICLINKD_FUZZ is a number"));
    let mut random = fastrand::Rng::with_seed(times);
    for _ in 0..times {
        for (path, data) in &corpus {
            let (_, other) = random.choice(&corpus).unwrap();
            check(path, &damage::damaged(data, other, &mut random));
        }
    }
    for (path, data) in corpus.into_iter().chain(inputs("regressions", target, "")) {
        check(&path, &data);
        // A cut is what a full disk, a killed editor and a broken connection make of any file.
        for part in [1, 2, 3] {
            check(&path, data.get(..data.len() * part / 4).unwrap_or_default());
        }
    }
}

#[test]
fn every_configuration_of_the_corpus_is_read_as_promised() {
    replay("config");
}

#[test]
fn no_error_of_the_corpus_shows_a_secret() {
    replay("error_body");
}

#[test]
fn every_journal_of_the_corpus_is_read_as_promised() {
    replay("journal");
}

#[test]
fn every_manifest_of_the_corpus_is_read_as_promised() {
    replay("manifest");
}

#[test]
fn every_bad_manifest_of_the_tests_is_read_as_promised() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/manifests");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let manifests: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
    assert!(manifests.len() > 100, "{}", manifests.len());
    for path in manifests {
        let text = fs::read(&path).unwrap();
        let _said = Said(&path.display().to_string(), &text);
        manifest::check(&text);
    }
}

#[test]
fn every_page_of_the_corpus_is_read_as_promised() {
    replay("page");
}

#[test]
fn every_saved_plan_of_the_corpus_is_read_as_promised() {
    replay("plan_file");
}

#[test]
fn each_target_of_the_fuzzer_is_replayed_here() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found: BTreeSet<String> =
        files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    let known: BTreeSet<String> = TARGETS.into_iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(found, known);
}
