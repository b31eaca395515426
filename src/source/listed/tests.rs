use super::*;

fn entry(path: &str, kind: Kind) -> Entry {
    Entry { path: path.as_bytes().to_vec(), kind, id: path.to_owned() }
}

fn files(entries: &[Entry], links: &[(&str, &str)]) -> Result<Vec<String>, Vec<String>> {
    let targets =
        links.iter().map(|(at, to)| ((*at).to_owned(), Arc::from(to.as_bytes()))).collect();
    let mut entries = entries.to_vec();
    entries.extend(links.iter().map(|(at, to)| entry(at, Kind::Link(to.len() as u64))));
    match select(&entries, &targets, Path::new("m")) {
        Ok((found, _)) => Ok(found.into_iter().map(|f| format!("{}={}", f.path, f.id)).collect()),
        Err(problems) => Err(problems.iter().map(ToString::to_string).collect()),
    }
}

#[test]
fn manifests_are_found_as_on_a_disk() {
    let tree = [
        entry("b.yaml", Kind::File(1)),
        entry("a/x.yml", Kind::File(1)),
        entry("a/README.md", Kind::File(1 << 40)),
        entry(".github/w.yaml", Kind::File(1)),
        entry("a/.x.yaml", Kind::File(1)),
    ];
    assert_eq!(files(&tree, &[]).unwrap(), ["a/x.yml=a/x.yml", "b.yaml=b.yaml"]);
    assert!(files(&tree[2..], &[]).unwrap_err()[0].contains("there is no manifest in it"));
}

#[test]
fn links_within_the_tree_are_followed_and_each_file_is_read_once() {
    let tree = [entry("a/x.yaml", Kind::File(1)), entry("a/plain", Kind::File(1))];
    let found = files(&tree, &[("b", "a"), ("c.yaml", "./b/../a/plain"), ("d.yaml", "c.yaml")]);
    assert_eq!(found.unwrap(), ["a/x.yaml=a/x.yaml", "c.yaml=a/plain"]);
}

#[test]
fn hostile_links_are_refused_each_with_its_reason() {
    let tree = [entry("a/x.yaml", Kind::File(1)), entry(".git/config", Kind::File(1))];
    for (at, to, why) in [
        ("l.yaml", "/etc/passwd", "leaves the folder"),
        ("l.yaml", "../secret.yaml", "leaves the folder"),
        ("a/l.yaml", "../../x", "leaves the folder"),
        ("l.yaml", "nowhere", "to nothing"),
        ("l.yaml", "a/x.yaml/y", "to nothing"),
        ("l.yaml", "l.yaml", "loop"),
        ("l.yaml", ".git/config", "something hidden"),
        ("a/l", "..", "holds it"),
        ("l.yaml", "a", "no regular file"),
    ] {
        let said = files(&tree, &[(at, to)]).unwrap_err();
        assert!(said.len() == 1 && said[0].contains(why), "{at} -> {to}: {said:?}");
    }
}

#[test]
fn what_is_no_file_is_refused_and_not_taken_for_absent() {
    let good = entry("a.yaml", Kind::File(1));
    let said = |other| files(&[good.clone(), other], &[]).unwrap_err().join(" ");
    assert!(said(entry("sub", Kind::Submodule)).contains("submodule"));
    assert!(said(entry("sub.yaml", Kind::Submodule)).contains("submodule"));
    assert!(said(entry("x.yaml", Kind::Unknown)).contains("no regular file"));
    assert!(said(entry("x.YAML", Kind::File(1))).contains("small letters"));
    assert!(said(entry("x.yaml/y", Kind::File(1))).contains("no regular file"));
    assert!(said(entry("x.yaml", Kind::File(FILE_BYTES_MAX + 1))).contains("larger than"));
    assert!(said(entry("x\u{1b}[2J.yaml", Kind::File(1))).contains("control characters"));
    let deep = format!("{}x.yaml", "d/".repeat(DEPTH_MAX + 2));
    assert!(said(entry(&deep, Kind::File(1))).contains("deeper"));
    let mut odd = entry("x", Kind::File(1));
    odd.path = b"\xff.yaml".to_vec();
    assert!(said(odd).contains("not UTF-8"));
}

#[test]
fn links_that_take_long_to_follow_end_somewhere() {
    let deep = "d/".repeat(DEPTH_MAX);
    let back = format!("{}../a.yaml", "x/../".repeat(800));
    let mut entries =
        vec![entry("a.yaml", Kind::File(1)), entry(&format!("{deep}x/y"), Kind::File(1))];
    let names: Vec<String> = (0..2_000).map(|n| format!("{deep}l{n}.yaml")).collect();
    entries.extend(names.iter().map(|name| entry(name, Kind::Link(1))));
    let targets = names.iter().map(|name| (name.clone(), Arc::from(back.as_bytes()))).collect();
    let problems = select(&entries, &targets, Path::new("m")).unwrap_err();
    assert!(problems.len() <= PROBLEMS_MAX, "{}", problems.len());
    assert!(problems.iter().any(|of| of.why.contains("take too long")), "{:?}", problems[0]);
}

#[test]
fn all_together_have_a_bound() {
    let count = TREE_BYTES_MAX / FILE_BYTES_MAX + 1;
    let tree: Vec<Entry> =
        (0..count).map(|n| entry(&format!("{n}.yaml"), Kind::File(FILE_BYTES_MAX))).collect();
    assert!(files(&tree, &[]).unwrap_err().join(" ").contains("together are too large"));
}
