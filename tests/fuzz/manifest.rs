//! Any text as manifests. A FILE SEPARATOR (U+001C), which no manifest may hold, stands between files.

use classiclinkd::desired::{Declared, Desired, Document};
use classiclinkd::manifest::{self, File};
use classiclinkd::model::{AccountName, Digest, InstanceId, Revision};

/// A text with more lines is cut at evenly spread ones only.
const CUTS_MAX: usize = 40;

pub fn check(data: &[u8]) {
    // A source refuses what is not UTF-8 before anybody reads it.
    let Ok(text) = std::str::from_utf8(data) else { return };
    let file = |(n, text): (usize, &str)| File::new(format!("{n}.yaml"), text);
    let files: Vec<File> = text.split('\u{1c}').enumerate().map(file).collect();
    let tree = match manifest::accept(&files, revision(), None) {
        Ok(tree) => tree,
        Err(found) => return shown(&found, &files),
    };
    assert!(!tree.scopes.is_empty(), "nothing declared was accepted");
    for desired in tree.scopes.values() {
        reads_back(desired);
    }
    let backwards: Vec<File> = files.iter().rev().cloned().collect();
    let again = manifest::accept(&backwards, revision(), None).expect("the order decides nothing");
    let said = |tree: &classiclinkd::desired::Tree| -> Vec<_> {
        tree.scopes.values().map(|desired| gist(desired)).collect()
    };
    assert_eq!(said(&again), said(&tree));
    for file in &files {
        cut(file);
    }
}

fn revision() -> Revision {
    Revision::of_content(Digest::of([b"x".as_slice()]))
}

/// What of a scope may cut or keep a link, whichever file says it first.
fn gist(desired: &Desired) -> impl PartialEq + std::fmt::Debug + use<> {
    let links = desired.links.iter().map(|(id, said)| (id.clone(), said.until, said.protected));
    let mut most: Vec<String> = desired.max_detach.iter().map(ToString::to_string).collect();
    most.sort();
    let limits = (desired.allow_empty, most, desired.windows.len());
    (desired.scope.clone(), desired.mode, links.collect::<Vec<_>>(), limits)
}

/// Every mistake has a place that exists, and shows nothing that moves a cursor.
fn shown(found: &[manifest::Diagnostic], files: &[File]) {
    assert!(!found.is_empty(), "refused without a word");
    for mistake in found {
        let line = usize::try_from(mistake.place.line).unwrap();
        let file = files.iter().find(|file| file.path == mistake.place.file);
        let lines = file.map_or(0, |file| file.text().split('\n').count());
        assert!(line <= lines, "{mistake:?}");
        assert!(!mistake.to_string().contains(char::is_control), "{mistake:?}");
    }
    let first = &found[..found.len().min(20)];
    let text = manifest::render(first, files, false);
    assert!(text.contains("error"), "{text}");
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    manifest::render(first, files, true);
}

/// What `import` would write of a scope declares the same links.
fn reads_back(desired: &Desired) {
    let ids: Vec<InstanceId> = desired.links.keys().cloned().collect();
    let text = manifest::write("imported", &desired.scope, desired.mode, &ids);
    let file = File::new("imported.yaml", text.as_str());
    let tree = manifest::accept(&[file], revision(), None).expect("what is written is accepted");
    let read = tree.scopes.get(&desired.scope).expect("the same scope");
    let found: Vec<InstanceId> = read.links.keys().cloned().collect();
    assert_eq!((read.mode, found), (desired.mode, ids), "{text}");
}

/// A manifest that lost its end says what the whole one says, up to the cut, and never says more. Where
/// the cut stands within a line it is found by its look. What nobody can notice is a cut right behind a
/// line: it leaves a whole document that says less, which is why a source waits until files rest.
fn cut(file: &File) {
    let Ok(whole) = manifest::parse(std::slice::from_ref(file)) else { return };
    let ends: Vec<usize> = file.text().match_indices('\n').map(|(at, _)| at + 1).collect();
    for end in ends.iter().step_by(ends.len() / CUTS_MAX + 1) {
        says_no_more(file, *end, &whole);
        let Some(within) = end.checked_sub(2).filter(|at| file.text().is_char_boundary(*at)) else {
            continue;
        };
        let part = part_of(file, within);
        if file.text().ends_with('\n') && !part.text().ends_with('\n') {
            let found = manifest::cut_off(std::slice::from_ref(file), &[part]);
            assert_eq!(found.len(), 1, "a cut at {within} is not found");
        }
    }
}

fn part_of(file: &File, end: usize) -> File {
    File::new(file.path.clone(), file.text().get(..end).unwrap_or_default())
}

fn as_written(document: &Document) -> Vec<(&InstanceId, &Declared)> {
    let mut links: Vec<_> = document.instances.iter().collect();
    links.sort_by_key(|(_, said)| &said.place);
    links
}

fn says_no_more(file: &File, end: usize, whole: &[Document]) {
    let Ok(part) = manifest::parse(&[part_of(file, end)]) else { return };
    assert!(!part.is_empty() && part.len() <= whole.len(), "cut at {end}");
    let (last, before) = part.split_last().unwrap();
    assert_eq!(before, &whole[..before.len()], "cut at {end}");
    let said = &whole[before.len()];
    assert_eq!((&last.name, last.mode), (&said.name, said.mode), "cut at {end}");
    let place = |document: &Document| (document.scope.region.clone(), document.scope.vpc.clone());
    assert_eq!(place(last), place(said), "cut at {end}");
    // Without its line, the account is the default one.
    let default = AccountName::parse("default").unwrap();
    assert!([&said.scope.account, &default].contains(&&last.scope.account), "cut at {end}");
    assert!(last.instances.len() <= said.instances.len(), "cut at {end}");
    for ((id, part), (of, whole)) in as_written(last).into_iter().zip(as_written(said)) {
        assert_eq!(id, of, "cut at {end}");
        // Without its end, a link is kept longer, which cuts nothing.
        assert!(part.until.is_none() || part.until == whole.until, "cut at {end}");
        assert!(whole.protected || !part.protected, "cut at {end}");
    }
    assert!(said.limits.allow_empty || !last.limits.allow_empty, "cut at {end}");
}
