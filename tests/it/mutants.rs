//! The catalogue of seeded mistakes fits the sources: `tests/mutants.py` can make every one of them, and
//! the test that has to notice is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const CATALOGUE: &str = "tests/testdata/mutants.md";

struct Mutant {
    number: u32,
    kind: String,
    test: String,
    changes: Vec<Change>,
}

struct Change {
    file: String,
    before: String,
    after: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn mutant(entry: &str) -> Mutant {
    let mut lines = entry.lines();
    let mut head = || lines.next().and_then(|line| line.strip_prefix("# ")).unwrap();
    let number = head().split(' ').next().unwrap().parse().unwrap();
    let place: Vec<&str> = head().split(' ').collect();
    let [file, kind, test] = place[..] else { panic!("{entry}") };
    let mut changes = Vec::new();
    let mut hunk = (file, Vec::new());
    for line in lines {
        match line.strip_prefix("# ") {
            Some(next) => changes.push(change(std::mem::replace(&mut hunk, (next, Vec::new())))),
            None => hunk.1.push(line),
        }
    }
    changes.push(change(hunk));
    Mutant { number, kind: kind.into(), test: test.into(), changes }
}

fn change((file, lines): (&str, Vec<&str>)) -> Change {
    let with = |signs: [char; 2]| {
        let kept = lines.iter().filter(|line| line.starts_with(signs));
        kept.map(|line| &line[1..]).collect::<Vec<_>>().join("\n")
    };
    assert!(lines.iter().all(|line| line.starts_with([' ', '-', '+'])), "{file}: {lines:?}");
    Change { file: file.into(), before: with([' ', '-']), after: with([' ', '+']) }
}

fn catalogue() -> Vec<Mutant> {
    let text = read(CATALOGUE);
    let fences = text.split("```diff\n").skip(1).map(|rest| rest.split("\n```").next().unwrap());
    fences.flat_map(|fence| fence.split("\n\n")).map(mutant).collect()
}

/// The file of a test: the module's own, or that of the module it is nested in.
fn file_of(kind: &str, test: &str) -> (PathBuf, String) {
    let mut modules: Vec<&str> = test.split("::").collect();
    let name = modules.pop().unwrap().to_owned();
    let base = root().join(if kind == "lib" { "src" } else { "tests/it" });
    loop {
        let path = base.join(modules.join("/")).with_extension("rs");
        if path.is_file() {
            return (path, name);
        }
        assert!(modules.pop().is_some(), "{test} is in no file");
    }
}

#[test]
fn every_seeded_mistake_fits_the_sources_and_names_a_test() {
    let mutants = catalogue();
    assert!(mutants.len() >= 40, "{} seeded mistakes", mutants.len());
    let numbers: BTreeSet<u32> = mutants.iter().map(|mutant| mutant.number).collect();
    assert_eq!(numbers.len(), mutants.len(), "a number is used twice");
    for Mutant { number, kind, test, changes } in &mutants {
        for Change { file, before, after } in changes {
            let found = read(file).matches(before.as_str()).count();
            assert_eq!(found, 1, "{number}: its text occurs {found} times in {file}:\n{before}");
            assert_ne!(before, after, "{number} changes nothing");
        }
        assert!(["lib", "it"].contains(&&**kind), "{number}: {kind}");
        let (path, name) = file_of(kind, test);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(&format!("fn {name}(")), "{number}: no {name} in {path:?}");
    }
}

#[test]
fn every_switch_fits_the_sources_and_a_mistake_of_the_catalogue() {
    let known: BTreeSet<u32> = catalogue().iter().map(|mutant| mutant.number).collect();
    let text = read("tests/testdata/switches.md");
    let (_, entries) = text.split_once("```diff\n").unwrap();
    let (entries, _) = entries.split_once("\n```").unwrap();
    let mut switched = BTreeSet::new();
    for entry in entries.split("\n\n") {
        let (head, lines) = entry.split_once('\n').unwrap();
        let file = head.split(' ').nth(2).unwrap();
        let with = |sign: char| {
            lines.lines().filter_map(|line| line.strip_prefix(sign)).collect::<Vec<_>>().join("\n")
        };
        let found = read(file).matches(&with('-')).count();
        assert_eq!(found, 1, "{head}: its text occurs {found} times");
        for made in with('+').split("crate::mutant(").skip(1) {
            let number: u32 = made.split(')').next().unwrap().parse().unwrap();
            assert!(known.contains(&number), "{head}: there is no mistake {number}");
            switched.insert(number);
        }
    }
    assert!(switched.len() >= 40, "{} mistakes", switched.len());
}
