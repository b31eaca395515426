//! Remotes that are broken, slow, or not what they seem.

use super::*;

struct Site {
    upstream: Upstream,
    server: Server,
    ours: Ours,
}

fn site() -> Option<Site> {
    upstream::is_there().then(|| {
        let upstream = Upstream::of(&[("m/a.yaml", "1")]);
        let server = Server::of(upstream.root());
        let ours = Ours::of(&server.url, "main");
        Site { upstream, server, ours }
    })
}

impl Site {
    /// What is said while it is broken; afterwards everything is well at once.
    async fn broken(&self, of: &str, trouble: Trouble, what: &str) {
        let repository = self.ours.repository();
        self.server.trouble(of, trouble.clone());
        let fault = repository.says(what).await;
        assert!(matches!(fault, Fault::Passing(_)), "{trouble:?}: {fault:?}");
        self.server.trouble("", Trouble::None);
        repository.look().await.unwrap();
    }
}

#[tokio::test]
async fn a_remote_that_is_broken_passes() {
    let Some(mut site) = site() else { return };
    site.broken("info/refs", Trouble::Answer(500, "oops".into()), "500").await;
    site.broken("info/refs", Trouble::Answer(404, "nothing".into()), "not found").await;
    site.upstream.change("m/a.yaml", "2");
    site.broken("POST", Trouble::Answer(500, "oops".into()), "500").await;
    site.broken("POST", Trouble::Cut(20), "http").await;
    site.upstream.change("m/a.yaml", "3");
    site.ours.settings.timeout = Duration::from_secs(2);
    site.broken("info/refs", Trouble::Hang, "did not end within 2 s").await;
    site.broken("POST", Trouble::Hang, "did not end within 2 s").await;
    site.broken("POST", Trouble::Stall(20), "did not end within 2 s").await;
}

#[tokio::test]
async fn a_page_for_people_is_no_repository() {
    let Some(site) = site() else { return };
    let repository = site.ours.repository();
    let (before, _) = repository.look().await.unwrap();
    let welcome = "<html>Welcome to our network</html>\n";
    site.server.trouble("info/refs", Trouble::Answer(200, welcome.into()));
    repository.look().await.unwrap_err();
    assert_eq!(repository.list(&before).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_pack_that_is_cut_off_in_the_middle_leaves_what_was_there() {
    let Some(site) = site() else { return };
    let repository = site.ours.repository();
    let (before, _) = repository.look().await.unwrap();
    let noise: String =
        (0..20_000_u64).map(|n| format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let later = site.upstream.change("m/large.yaml", &noise);
    let tip = repository.tip().await.unwrap();
    for most in [600, 5_000, 50_000] {
        site.server.trouble("POST", Trouble::Cut(most));
        let fault = repository.fetch(&tip).await.unwrap_err();
        assert!(matches!(fault, Fault::Passing(_)), "{fault:?}");
        let found = repository.list(&before).await.unwrap();
        assert_eq!(found.len(), 1, "what was there still is");
    }
    site.server.trouble("", Trouble::None);
    assert_eq!(repository.look().await.unwrap().0.id, later);
    let left = files(&site.ours.copy());
    assert!(!left.iter().any(|path| path.to_string_lossy().contains("tmp_")), "{left:?}");
}

#[tokio::test]
async fn nobody_there_and_no_such_repository_are_said() {
    let Some(site) = site() else { return };
    let gone = Ours::of(&site.server.url.replace("links", "gone"), "main");
    gone.repository().says("not found").await;
    let url = site.server.url.clone();
    drop(site);
    let fault = Ours::of(&url, "main").repository().says("ask http://127.0.0.1").await;
    assert!(matches!(fault, Fault::Passing(_)), "{fault:?}");
    Ours::of("file:///nonexistent/links.git", "main").repository().says("does not").await;
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_takes_no_token_elsewhere() {
    let Some(mut site) = site() else { return };
    let elsewhere = Server::of(site.upstream.root());
    site.ours.settings.access.token = Some(site.ours.secret("token", "hunter2\n"));
    for of in ["info/refs", "POST"] {
        let to = format!("{}/info/refs?service=git-upload-pack", elsewhere.url);
        site.server.trouble(of, Trouble::Redirect(to));
        site.ours.repository().says("302").await;
        assert_eq!(elsewhere.seen().len(), 0, "{of}");
    }
    site.server.wants("Basic Z2l0Omh1bnRlcjI=");
    site.server.trouble("", Trouble::None);
    site.ours.repository().look().await.unwrap();
}

#[tokio::test]
async fn a_pack_larger_than_allowed_is_refused_with_what_to_do() {
    let Some(mut site) = site() else { return };
    let noise: String =
        (0..100_000_u64).map(|n| format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    site.upstream.change("m/large.yaml", &noise);
    site.ours.settings.size_max = 200_000;
    let fault = site.ours.repository().says("maxBytes").await;
    assert!(matches!(fault, Fault::Lasting(_)), "{fault:?}");
    let largest = files(&site.ours.copy()).iter().map(|path| path.metadata().unwrap().len()).max();
    assert!(largest.unwrap() <= 200_000, "{largest:?}");
    let server = &site.server;
    let repository = site.ours.repository();
    repository.says("maxBytes").await;
    let loaded = server.packs().iter().sum::<usize>();
    repository.says("maxBytes").await;
    let again = server.packs().iter().sum::<usize>() - loaded;
    assert!(again < 10_000, "it is not loaded again with every look: {again}");
    site.upstream.remove("m/large.yaml");
    let small = site.upstream.push("Take it out");
    assert_eq!(repository.look().await.unwrap().0.id, small);
    site.upstream.git(&["revert", "--no-edit", "HEAD"]);
    site.ours.settings.size_max = 2_000_000;
    site.ours.repository().look().await.unwrap();
}

#[tokio::test]
async fn protocols_that_nobody_guards_are_refused() {
    for url in ["git://127.0.0.1/links.git", "http://192.0.2.1/links.git", "ext::sh -c id"] {
        assert!(Remote::parse(url).is_err(), "{url}");
    }
    if !upstream::is_there() {
        return;
    }
    // Also where something else than a checked URL got through to git.
    let upstream = Upstream::of(&[("m/a.yaml", "1")]);
    let repository = Ours::of(&upstream.url(), "main").repository();
    repository.look().await.unwrap();
    for url in ["git://127.0.0.1:1/links.git", "ext::sh -c id", "ftp://127.0.0.1:1/links.git"] {
        let asked = repository.copy.local(&["ls-remote", "--", url], 1_000).await.unwrap();
        assert!(asked.said.contains("not allowed"), "{url}: {}", asked.said);
    }
}

#[tokio::test]
async fn more_than_is_read_ends_git_at_once_and_is_no_passing_trouble() {
    let Some(site) = site() else { return };
    let repository = site.ours.repository();
    repository.look().await.unwrap();
    // Far more than fits into a pipe, so that git waits for somebody to read it.
    let blob = site.upstream.blob(b"1");
    let tree: String = (0..20_000).map(|n| format!("100644 blob {blob}\tx{n:05}\n")).collect();
    let tree = site.upstream.feed(&["mktree"], tree.as_bytes());
    site.upstream.plant_tree(tree.trim());
    let commit = repository.fetch(&repository.tip().await.unwrap()).await.unwrap();
    let listing = ["ls-tree", "-r", "-l", commit.id.as_str()];
    let listed = repository.copy.local(&listing, 100_000);
    let listed = tokio::time::timeout(Duration::from_secs(30), listed).await;
    match listed.expect("it does not wait for git").map(|_| ()) {
        Err(Fault::Lasting(why)) => assert!(why.contains("more than the 97 KiB"), "{why}"),
        other => panic!("{other:?}"),
    }
}
