//! What a ref points to, and how it gets here.

use super::*;

#[tokio::test]
async fn a_commit_is_read_with_who_made_it_and_nothing_is_checked_out() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "1"), ("m/b/c.yaml", "2"), ("other", "no")]);
    let ours = Ours::of(&upstream.url(), "main");
    let (commit, found) = ours.repository().look().await.unwrap();
    assert_eq!(found, ["a.yaml=1", "b/c.yaml=2"]);
    assert_eq!(commit.id, upstream.tip());
    assert_eq!(commit.author.as_deref(), Some("Ann <ann@example.com>"));
    assert_eq!(commit.committer.as_deref(), Some("Carl <carl@example.com>"));
    assert_eq!(commit.subject.as_deref(), Some("Begin"));
    assert_eq!(commit.at.map(jiff::Timestamp::as_second), Some(1_700_000_000));
    let names = files(&ours.copy());
    assert!(!names.iter().any(|path| path.ends_with("a.yaml")), "{names:?}");
}

#[tokio::test]
async fn the_first_fetch_is_shallow_and_later_ones_bring_only_what_is_new() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "1")]);
    // What git cannot make small: a fetch that brings it again shows.
    let noise: String =
        (0..40_000_u64).map(|n| format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    upstream.change("m/large.yaml", &noise);
    upstream.change("m/a.yaml", "2");
    let server = Server::of(upstream.root());
    let ours = Ours::of(&server.url, "main");
    let repository = ours.repository();
    repository.look().await.unwrap();
    let log = |range: &str| {
        let listed = upstream.at(&ours.copy(), &["--git-dir=.", "rev-list", "--count", range]);
        listed.parse::<u64>().unwrap()
    };
    assert_eq!(log("--all"), 1, "a first fetch needs no history");
    let first = server.packs().into_iter().max().unwrap();
    assert!(first > 100_000, "{first}");
    let before = server.packs().len();
    let newest = upstream.change("m/a.yaml", "3");
    repository.shows(&newest, &["a.yaml=3", &format!("large.yaml={noise}")]).await;
    let later: usize = server.packs()[before..].iter().sum();
    assert!(later < 10_000, "{later} of {first} bytes came again");
    assert_eq!(log("--all"), 4, "history is kept from the second on");
}

#[tokio::test]
async fn a_ref_that_did_not_move_is_asked_for_and_not_fetched() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "1")]);
    let server = Server::of(upstream.root());
    let repository = Ours::of(&server.url, "main").repository();
    let tip = repository.tip().await.unwrap();
    assert_eq!(repository.tip().await.unwrap(), tip);
    let asked = server.seen().len();
    assert!(server.packs().iter().all(|bytes| *bytes < 500), "{:?}", server.seen());
    upstream.change("m/a.yaml", "2");
    assert_ne!(repository.tip().await.unwrap(), tip);
    assert_eq!(server.seen().len(), asked + asked / 2, "as many requests each time");
}

#[tokio::test]
async fn a_branch_may_be_rewritten_set_back_and_replaced_by_an_unrelated_one() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "1")]);
    let first = upstream.tip();
    let repository = Ours::of(&upstream.url(), "main").repository();
    repository.shows(&first, &["a.yaml=1"]).await;
    let second = upstream.change("m/a.yaml", "2");
    repository.shows(&second, &["a.yaml=2"]).await;
    upstream.git(&["commit", "-q", "--amend", "-m", "Rewritten"]);
    let rewritten = upstream.change("m/a.yaml", "3");
    repository.shows(&rewritten, &["a.yaml=3"]).await;
    upstream.git(&["reset", "-q", "--hard", &first]);
    upstream.git(&["push", "-q", "--force", "origin", "main"]);
    repository.shows(&first, &["a.yaml=1"]).await;
    let unrelated = Upstream::of(&[("m/z.yaml", "9")]);
    std::fs::remove_dir_all(upstream.bare()).unwrap();
    std::fs::rename(unrelated.bare(), upstream.bare()).unwrap();
    repository.shows(&unrelated.tip(), &["z.yaml=9"]).await;
}

#[tokio::test]
async fn a_ref_that_vanishes_or_is_there_twice_is_a_fault_that_says_what_to_do() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "1")]);
    let repository = Ours::of(&upstream.url(), "live").repository();
    let gone = repository.says("has no branch or tag live (any more)").await;
    assert!(matches!(gone, Fault::Lasting(_)), "{gone:?}");
    upstream.git(&["push", "-q", "origin", "main:refs/heads/live"]);
    repository.shows(&upstream.tip(), &["a.yaml=1"]).await;
    upstream.git(&["push", "-q", "origin", "main:refs/tags/live"]);
    repository.says("write which: refs/heads/live or refs/tags/live").await;
    upstream.git(&["push", "-q", "origin", ":refs/heads/live"]);
    repository.shows(&upstream.tip(), &["a.yaml=1"]).await;
    upstream.git(&["push", "-q", "origin", ":refs/tags/live"]);
    repository.says("has no branch or tag").await;
}

#[tokio::test]
async fn tags_whole_refs_head_and_commits_can_be_followed() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "1")]);
    let first = upstream.tip();
    upstream.git(&["tag", "-a", "-m", "One", "v1"]);
    upstream.git(&["push", "-q", "origin", "v1", "main:refs/odd/place"]);
    upstream.change("m/a.yaml", "2");
    for reference in ["v1", "refs/tags/v1", "refs/odd/place", &first] {
        Ours::of(&upstream.url(), reference).repository().shows(&first, &["a.yaml=1"]).await;
    }
    for reference in ["HEAD", "refs/heads/main"] {
        let ours = Ours::of(&upstream.url(), reference);
        ours.repository().shows(&upstream.tip(), &["a.yaml=2"]).await;
    }
    let server = Server::of(upstream.root());
    Ours::of(&server.url, &first).repository().shows(&first, &["a.yaml=1"]).await;
    Ours::of(&upstream.url(), &"0123".repeat(10)).repository().says("fetch 0123").await;
}

#[tokio::test]
async fn what_is_no_commit_is_refused() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::empty();
    let repository = |reference| Ours::of(&upstream.url(), reference).repository();
    repository("HEAD").says("has no branch or tag HEAD").await;
    repository("main").says("has no branch or tag main").await;
    upstream.change("m/a.yaml", "1");
    let blob = upstream.blob(b"text");
    upstream.at(&upstream.bare(), &["update-ref", "refs/tags/blob", &blob]);
    upstream.at(&upstream.bare(), &["update-ref", "refs/tags/tree", "main^{tree}"]);
    for reference in ["blob", "tree"] {
        let fault = repository(reference).says("is no commit").await;
        assert!(matches!(fault, Fault::Lasting(_)), "{fault:?}");
    }
    let mut elsewhere = Ours::of(&upstream.url(), "main");
    for folder in ["nowhere", "m/a.yaml", "-x"] {
        elsewhere.settings.path = Folder::parse(folder).unwrap();
        elsewhere.repository().says(&format!("has no folder /{folder}")).await;
    }
    elsewhere.settings.path = Folder::parse("").unwrap();
    elsewhere.repository().shows(&upstream.tip(), &["m/a.yaml=1"]).await;
}

#[tokio::test]
async fn a_ref_that_moves_while_it_is_fetched_is_read_whole() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "1")]);
    let repository = Ours::of(&upstream.url(), "main").repository();
    let tip = repository.tip().await.unwrap();
    let later = upstream.change("m/a.yaml", "2");
    let commit = repository.fetch(&tip).await.unwrap();
    assert_eq!(commit.id, later, "what is there is read, and never half of each");
    assert_ne!(repository.tip().await.unwrap(), tip, "so that the next look sees that it moved");
}

#[tokio::test]
async fn two_refs_of_one_repository_are_not_mixed_up_in_their_common_copy() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "main")]);
    let main = upstream.tip();
    upstream.git(&["checkout", "-q", "-b", "side"]);
    let side = upstream.change("m/a.yaml", "side");
    let ours = Ours::of(&upstream.url(), "main");
    let mut other = Ours::of(&upstream.url(), "side");
    other.state = tempfile::tempdir_in(ours.state.path()).unwrap();
    let other = Repository::new(other.settings, ours.state.path());
    let one = ours.repository();
    for _ in 0..5 {
        let (seen, other_seen) = tokio::join!(one.look(), other.look());
        assert_eq!((seen.unwrap().0.id, other_seen.unwrap().0.id), (main.clone(), side.clone()));
    }
}

#[tokio::test]
async fn many_small_packs_are_packed_anew_and_what_nothing_leads_to_goes() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "0")]);
    let ours = Ours::of(&upstream.url(), "main");
    let repository = ours.repository();
    let packs = || {
        files(&ours.copy()).iter().filter(|path| path.to_string_lossy().ends_with(".pack")).count()
    };
    let mut most = 0;
    for n in 1..=55 {
        upstream.put("m/a.yaml", &n.to_string());
        upstream.git(&["commit", "-q", "-a", "--amend", "-m", "Again"]);
        upstream.git(&["push", "-q", "--force", "origin", "main"]);
        repository.shows(&upstream.tip(), &[&format!("a.yaml={n}")]).await;
        most = most.max(packs());
    }
    assert!(most > 50 && packs() < 10, "{most}, then {}", packs());
    let objects = upstream.at(&ours.copy(), &["--git-dir=.", "count-objects", "-v"]);
    let packed = objects.lines().find_map(|line| line.strip_prefix("in-pack: ")).unwrap();
    assert!(packed.parse::<u32>().unwrap() < 40, "{objects}");
}
