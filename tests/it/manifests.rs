//! Every manifest in `tests/testdata/manifests` is read; what is said about the bad ones is held
//! to the file next to it. `UPDATE_EXPECTED=1` writes these files anew: read them before a commit.

#![expect(clippy::unwrap_used, reason = "helpers of tests are not test functions to clippy")]

use classiclinkd::manifest::{self, Diagnostic, File};
use classiclinkd::model::Revision;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/manifests")
}

fn manifests() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries.filter(|path| path.extension().unwrap() == "yaml").collect();
    found.sort();
    found
}

fn load(path: &Path) -> File {
    let name = path.file_name().unwrap().to_str().unwrap();
    File::new(name, fs::read_to_string(path).unwrap())
}

fn accept(file: &File) -> Result<(), Vec<Diagnostic>> {
    let digest = file.digest().clone();
    let accepted = manifest::accept(std::slice::from_ref(file), Revision::of_content(digest), None);
    accepted.map(|tree| assert!(!tree.scopes.is_empty()))
}

#[test]
fn every_bad_manifest_gets_the_expected_advice() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut bad = 0;
    let mut wrong = Vec::new();
    for path in manifests() {
        let file = load(&path);
        let expected = path.with_extension("expected");
        let Err(diagnostics) = accept(&file) else {
            assert!(file.path.starts_with("good-"), "{} is accepted", file.path);
            assert!(!expected.exists(), "{}", expected.display());
            continue;
        };
        assert!(!file.path.starts_with("good-"), "{diagnostics:#?}");
        bad += 1;
        let rendered = manifest::render(&diagnostics, &[file], false);
        if update {
            fs::write(&expected, &rendered).unwrap();
        } else if fs::read_to_string(&expected).ok().as_ref() != Some(&rendered) {
            wrong.push(format!("{}:\n{rendered}", expected.display()));
        }
    }
    assert!(wrong.is_empty(), "UPDATE_EXPECTED=1 accepts:\n{}", wrong.join("\n"));
    assert!(bad >= 55, "only {bad} bad manifests");
}

#[test]
fn advice_can_go_to_a_terminal() {
    let hidden = |c: &char| (c.is_control() && *c != '\n') || matches!(c, '\u{202a}'..='\u{2069}');
    for path in manifests() {
        let file = load(&path);
        for diagnostic in accept(&file).err().into_iter().flatten() {
            let name = &file.path;
            let line = diagnostic.to_string();
            assert!(!line.contains('\n') && line.chars().count() < 1000, "{name}: {line}");
            assert!(!line.contains(|c: char| hidden(&c)), "{name}: {line:?}");
            let rendered = manifest::render(&[diagnostic], std::slice::from_ref(&file), false);
            assert!(!rendered.contains(|c: char| hidden(&c)), "{name}: {rendered:?}");
            assert!(rendered.lines().all(|line| line.chars().count() < 400), "{name}: {rendered}");
        }
    }
}
