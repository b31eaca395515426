//! Commits of hostile content.

use super::*;
use crate::git::tests::Ours;
use crate::git::tests::upstream::{self, Upstream};
use crate::manifest::{DEPTH_MAX, FILES_MAX};

async fn read(ours: &Ours) -> Result<Snapshot, Unreadable> {
    Origin::Git(Arc::new(ours.repository())).read().await
}

async fn said(ours: &Ours) -> String {
    read(ours).await.unwrap_err().to_string()
}

fn ours(upstream: &Upstream) -> Ours {
    Ours::of(&upstream.url(), "main")
}

/// The root of a tree in which `m` is another.
fn below_m(upstream: &Upstream, tree: &str) -> String {
    upstream.feed(&["mktree", "-z"], format!("040000 tree {tree}\tm\0").as_bytes())
}

#[tokio::test]
async fn links_stay_in_the_tree_and_submodules_are_refused() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/a/x.yaml", "1"), ("secret.yaml", "2"), ("m/.hidden/h", "3")]);
    let link = |to: &str, at: &str| symlink(to, upstream.work().join("m").join(at)).unwrap();
    link("a", "b");
    upstream.push("A link within");
    let ours = ours(&upstream);
    assert_eq!(contents(&read(&ours).await.unwrap()), "a/x.yaml=1");
    link("/etc/hostname", "absolute.yaml");
    link("/etc", "folder");
    link("../secret.yaml", "out.yaml");
    link("../../../../../../etc/hostname", "far.yaml");
    link("nowhere", "dangling.yaml");
    link("two.yaml", "one.yaml");
    link("one.yaml", "two.yaml");
    link("..", "a/up");
    link(".hidden/h", "hidden.yaml");
    let other = Upstream::of(&[("x.yaml", "9")]);
    upstream.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{},m/sub", other.tip()),
    ]);
    upstream
        .put(".gitmodules", &format!("[submodule \"sub\"]\npath = m/sub\nurl = {}\n", other.url()));
    std::fs::create_dir_all(upstream.work().join("m/sub")).unwrap();
    upstream.git(&[
        "add",
        ".gitmodules",
        "m/absolute.yaml",
        "m/folder",
        "m/out.yaml",
        "m/far.yaml",
    ]);
    upstream.git(&["add", "m/dangling.yaml", "m/one.yaml", "m/two.yaml", "m/a", "m/hidden.yaml"]);
    upstream.put("long", &"x/".repeat(3_000));
    let long = upstream.git(&["hash-object", "-w", "long"]);
    upstream.git(&["update-index", "--add", "--cacheinfo", &format!("120000,{long},m/long.yaml")]);
    upstream.git(&["commit", "-q", "-m", "Hostile"]);
    upstream.git(&["push", "-q", "origin", "main"]);
    let said = said(&ours).await;
    for (path, why) in [
        ("m/absolute.yaml", "leaves the folder"),
        ("m/folder", "leaves the folder"),
        ("m/out.yaml", "leaves the folder"),
        ("m/far.yaml", "leaves the folder"),
        ("m/dangling.yaml", "link to nothing"),
        ("m/one.yaml", "form a loop"),
        ("m/two.yaml", "form a loop"),
        ("m/a/up", "holds it"),
        ("m/hidden.yaml", "something hidden"),
        ("m/long.yaml", "no regular file"),
        ("m/sub", "submodule"),
    ] {
        let found = said.lines().any(|line| line.contains(path) && line.contains(why));
        assert!(found, "{path}: {why}\n{said}");
    }
}

#[tokio::test]
async fn odd_names_are_refused_each_with_its_reason() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/-x.yaml", "1")]);
    assert_eq!(contents(&read(&ours(&upstream)).await.unwrap()), "-x.yaml=1");
    let blob = upstream.blob(b"a: 1\n");
    let folder = upstream.feed(&["mktree"], format!("100644 blob {blob}\ty.yaml\n").as_bytes());
    for (name, why) in [
        (&b"a\nb.yaml"[..], "control characters"),
        (b"\x1b[2J.yaml", "control characters"),
        ("\u{202e}lmay.yaml".as_bytes(), "control characters"),
        (b"\xff.yaml", "not UTF-8"),
        (b"X.YAML", "small letters"),
    ] {
        let mut tree = format!("100644 blob {blob}\t").into_bytes();
        tree.extend_from_slice(name);
        tree.push(0);
        let tree = upstream.feed(&["mktree", "-z"], &tree);
        upstream.plant_tree(&below_m(&upstream, &tree));
        let said = said(&ours(&upstream)).await;
        assert!(said.contains(why) && !said.contains('\u{1b}'), "{}: {said}", name.escape_ascii());
    }
    let tree =
        upstream.feed(&["mktree", "-z"], format!("040000 tree {folder}\ta.yaml\0").as_bytes());
    upstream.plant_tree(&below_m(&upstream, &tree));
    let said = said(&ours(&upstream)).await;
    assert!(said.contains("m/a.yaml") && said.contains("no regular file"), "{said}");
}

#[tokio::test]
async fn objects_that_no_honest_git_makes_are_not_taken_in() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "1")]);
    let ours = ours(&upstream);
    let blob = upstream.blob(b"a: 1\n");
    let id = hex(&blob);
    let entry = |mode: &str, name: &str| [format!("{mode} {name}\0").as_bytes(), &id].concat();
    for entries in [
        vec![entry("100644", "a.yaml"), entry("100644", "a.yaml")],
        vec![entry("100644", "..")],
        vec![entry("100644", ".git")],
        vec![entry("100644", "a/b.yaml")],
        vec![entry("100644", "b.yaml"), entry("100644", "a.yaml")],
    ] {
        let tree = upstream.object("tree", &entries.concat());
        let root = [b"40000 m\0".to_vec(), hex(&tree)].concat();
        let root = upstream.object("tree", &root);
        upstream.plant_tree(&root);
        let said = said(&ours).await;
        assert!(said.contains("git fsck"), "{said}");
    }
    // What its own side cannot even pack.
    let tree = upstream.object("tree", &entry("100644", ""));
    upstream.plant_tree(&upstream.object("tree", &[b"40000 m\0".to_vec(), hex(&tree)].concat()));
    read(&ours).await.unwrap_err();
    let nobody = "tree 0000000000000000000000000000000000000000\nauthor \ncommitter x\n\nm\n";
    let commit = upstream.object("commit", nobody.as_bytes());
    fs::write(upstream.bare().join("refs/heads/main"), format!("{commit}\n")).unwrap();
    read(&ours).await.unwrap_err();
}

fn hex(id: &str) -> Vec<u8> {
    let digits: Vec<u32> = id.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|two| u8::try_from(two[0] * 16 + two[1]).unwrap()).collect()
}

#[tokio::test]
async fn large_files_are_refused_by_their_size_and_others_are_no_matter() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "1")]);
    // A hundred thousand times smaller on the way.
    let zeros = vec![b' '; 80 << 20];
    std::fs::write(upstream.work().join("m/large.txt"), &zeros).unwrap();
    upstream.push("Large");
    let ours = ours(&upstream);
    assert_eq!(contents(&read(&ours).await.unwrap()), "a.yaml=1");
    upstream.git(&["mv", "m/large.txt", "m/large.yaml"]);
    upstream.push("Larger than a manifest");
    let said = said(&ours).await;
    assert!(said.contains("m/large.yaml") && said.contains("larger than 8 MiB"), "{said}");
}

#[tokio::test]
async fn more_files_and_deeper_folders_than_anybody_needs_are_refused() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "1")]);
    let start = "commit refs/heads/main\ncommitter C <c@example.com> 1700000000 +0000\ndata 0\n";
    let mut stream = format!("blob\nmark :1\ndata 2\n{{}}\n{start}");
    for n in 0..=FILES_MAX {
        stream.push_str(&format!("M 100644 :1 m/{}/{n}.yaml\n", n % 100));
    }
    upstream.feed(&["fast-import", "--quiet", "--force"], stream.as_bytes());
    let ours = ours(&upstream);
    let said_many = said(&ours).await;
    assert!(said_many.contains(&format!("{} manifests", FILES_MAX + 1)), "{said_many}");
    for depth in [DEPTH_MAX + 5, 2_000, 3_000] {
        let folders = "d/".repeat(depth);
        let stream = format!("blob\nmark :1\ndata 2\n{{}}\n{start}M 100644 :1 m/{folders}x.yaml\n");
        upstream.feed(&["fast-import", "--quiet", "--force"], stream.as_bytes());
        let said = said(&ours).await;
        assert!(said.contains("deeper") || said.contains("depth"), "{depth}: {said}");
    }
}

#[tokio::test]
async fn what_a_repository_says_about_its_files_does_nothing_here() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::empty();
    let marker = upstream.root().join("it-ran");
    let script = format!("#!/bin/sh\ntouch {}\ncat\n", marker.display());
    upstream.put("m/a.yaml", "$Id$\n");
    upstream.put("m/b.yaml", "1\n");
    let attributes = "*.yaml ident eol=crlf filter=evil\nb.yaml export-ignore\n";
    upstream.put(".gitattributes", attributes);
    upstream.put("m/.gitattributes", attributes);
    upstream.put("m/.lfsconfig", "[lfs]\nurl = http://127.0.0.1:1/\n");
    upstream.git(&["-c", "core.attributesFile=/dev/null", "add", "-A"]);
    upstream.push("Attributes");
    let ours = ours(&upstream);
    read(&ours).await.unwrap();
    for folder in [upstream.bare(), ours.copy()] {
        std::fs::create_dir_all(folder.join("hooks")).unwrap();
        for name in [
            "reference-transaction",
            "post-checkout",
            "post-merge",
            "pre-auto-gc",
            "upload-pack",
            "evil",
        ] {
            let path = folder.join("hooks").join(name);
            std::fs::write(&path, &script).unwrap();
            std::fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let evil = folder.join("hooks/evil").display().to_string();
        for key in [
            "filter.evil.smudge",
            "uploadpack.packObjectsHook",
            "core.fsmonitor",
            "gpg.program",
            "core.sshCommand",
            "diff.external",
        ] {
            upstream.at(&folder, &["--git-dir=.", "config", key, &evil]);
        }
    }
    let replaced = upstream.tip();
    upstream.put("m/b.yaml", "2\n");
    let newest = upstream.push("Two");
    // The pushing side runs hooks, as it may.
    let _ran = fs::remove_file(&marker);
    let read_now = read(&ours).await.unwrap();
    assert!(!marker.exists(), "something of theirs ran");
    assert_eq!(contents(&read_now), "a.yaml=$Id$\n b.yaml=2\n");
    // A commit that stands for another one, in the copy and elsewhere.
    for folder in [upstream.bare(), ours.copy()] {
        upstream.at(
            &folder,
            &["--git-dir=.", "update-ref", &format!("refs/replace/{newest}"), &replaced],
        );
    }
    let _ran = fs::remove_file(&marker);
    assert_eq!(contents(&read(&ours).await.unwrap()), "a.yaml=$Id$\n b.yaml=2\n");
    assert!(!marker.exists(), "something of theirs ran");
}

#[tokio::test]
async fn who_made_a_commit_may_say_anything_and_does_nothing() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "1")]);
    let tree = upstream.git(&["rev-parse", "HEAD^{tree}"]);
    let odd = "\u{1b}]0;owned\u{7}\u{202e}\0";
    for (who, subject) in [
        ("A\u{1b}[2J\u{202e}".to_owned(), format!("S{}", "x".repeat(1 << 20))),
        ("B".to_owned(), "one\nline\rand\u{1b}[31m another\n\nbody".to_owned()),
        ("C".repeat(5_000), String::new()),
        ("D \u{fffd}".to_owned(), odd.replace('\0', "")),
    ] {
        let when = "1700000000 +0000";
        let commit = format!(
            "tree {tree}\nauthor {who} <a@b> {when}\ncommitter {who} <c@d> {when}\n\n{subject}\n"
        );
        let commit = upstream.object("commit", commit.as_bytes());
        upstream.at(&upstream.bare(), &["update-ref", "refs/heads/main", &commit]);
        let snapshot = read(&ours(&upstream)).await.unwrap();
        let said = snapshot.commit.unwrap();
        assert_eq!(said.id, commit);
        let texts = [said.author.unwrap(), said.committer.unwrap(), said.subject.unwrap()];
        for text in texts {
            assert!(text.chars().count() <= 200, "{text}");
            assert!(!text.chars().any(crate::model::is_unprintable), "{text:?}");
        }
    }
}
