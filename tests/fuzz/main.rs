//! What the fuzz targets check (`fuzz/`), of every file of their corpus and of every input that once
//! broke something.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop loudly"
)]

mod config;
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

/// Where it fails, the last file that is named is the one.
fn replay(target: &str) {
    let (_, check) = TARGETS.into_iter().find(|(name, _)| *name == target).unwrap();
    let corpus = inputs("corpus", target, "seed-");
    assert!(corpus.len() >= 10, "{target} has {} files in its corpus", corpus.len());
    for (path, data) in corpus.into_iter().chain(inputs("regressions", target, "")) {
        eprintln!("{path}");
        check(&data);
        // A cut is what a full disk, a killed editor and a broken connection make of any file.
        for part in [1, 2, 3] {
            check(data.get(..data.len() * part / 4).unwrap_or_default());
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
        eprintln!("{}", path.display());
        manifest::check(&fs::read(path).unwrap());
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
