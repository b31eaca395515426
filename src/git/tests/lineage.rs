//! How commits stand to each other, and who took out what.

use super::*;
use crate::plan::tests::id;

struct Site {
    upstream: Upstream,
    ours: Ours,
    repository: Repository,
}

fn list(of: &[usize]) -> String {
    of.iter().map(|n| format!("- {}\n", id(*n))).collect()
}

fn site() -> Option<Site> {
    upstream::is_there().then(|| {
        let upstream = Upstream::of(&[("m/a.yaml", &list(&[1, 2, 3])), ("m/b.yaml", &list(&[4]))]);
        let ours = Ours::of(&upstream.url(), "main");
        let repository = ours.repository();
        Site { upstream, ours, repository }
    })
}

impl Site {
    async fn commit(&self) -> Commit {
        self.repository.look().await.unwrap().0
    }

    /// Changes a file, or removes it, and pushes.
    fn step(&self, subject: &str, path: &str, text: Option<&str>) -> String {
        match text {
            Some(text) => self.upstream.put(path, text),
            None => self.upstream.remove(path),
        }
        self.upstream.push(subject)
    }

    /// The subjects of the commits that took out each of the instances.
    async fn took_out(&self, older: &Commit, wanted: &[(usize, &str)]) {
        let between = self.repository.between(older, &self.commit().await).await;
        let found = between
            .took_out
            .iter()
            .map(|(id, commit)| (id.as_str().to_owned(), commit.subject.clone().unwrap()));
        let wanted =
            wanted.iter().map(|(n, subject)| (id(*n).as_str().to_owned(), (*subject).to_owned()));
        assert_eq!(found.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn commits_that_follow_are_counted_and_one_that_leaves_is_told() {
    let Some(site) = site() else { return };
    let begin = site.commit().await;
    assert_eq!(site.repository.between(&begin, &begin).await, Between::of(Lineage::None));
    for n in 0..3 {
        site.step("More", "m/c.yaml", Some(&n.to_string()));
    }
    let third = site.commit().await;
    let between = site.repository.between(&begin, &third).await;
    assert_eq!(between.lineage, Lineage::Follows(3));
    site.upstream.git(&["reset", "-q", "--hard", "HEAD~2"]);
    site.upstream.git(&["push", "-q", "--force", "origin", "main"]);
    let back = site.commit().await;
    assert_eq!(site.repository.between(&third, &back).await, Between::of(Lineage::Leaves));
    site.step("Another way", "m/c.yaml", Some("x"));
    let other = site.commit().await;
    assert_eq!(site.repository.between(&third, &other).await.lineage, Lineage::Leaves);
    assert_eq!(site.repository.between(&begin, &other).await.lineage, Lineage::Follows(2));
}

#[tokio::test]
async fn a_branch_that_is_written_anew_each_time_may_be() {
    let Some(mut site) = site() else { return };
    let begin = site.commit().await;
    site.upstream.git(&["checkout", "-q", "--orphan", "new"]);
    site.upstream.commit("Rendered");
    site.upstream.git(&["push", "-q", "--force", "origin", "new:main"]);
    let rendered = site.commit().await;
    assert_eq!(site.repository.between(&begin, &rendered).await.lineage, Lineage::Leaves);
    site.ours.settings.rewrites = true;
    site.repository = site.ours.repository();
    let rendered = site.commit().await;
    assert_eq!(site.repository.between(&begin, &rendered).await.lineage, Lineage::None);
}

#[tokio::test]
async fn merges_are_followed_on_every_side() {
    let Some(site) = site() else { return };
    let begin = site.commit().await;
    site.upstream.git(&["checkout", "-q", "-b", "side"]);
    site.upstream.put("m/a.yaml", &list(&[1, 3]));
    site.upstream.commit("Side takes 2");
    site.upstream.put("m/a.yaml", &list(&[3]));
    site.upstream.commit("Side takes 1");
    site.upstream.git(&["checkout", "-q", "main"]);
    site.upstream.put("m/b.yaml", "");
    site.upstream.commit("Main takes 4");
    site.upstream.git(&["merge", "-q", "--no-ff", "-m", "Merge", "side"]);
    site.upstream.git(&["push", "-q", "origin", "main"]);
    let merged = site.commit().await;
    assert_eq!(site.repository.between(&begin, &merged).await.lineage, Lineage::Follows(4));
    site.took_out(&begin, &[(1, "Side takes 1"), (2, "Side takes 2"), (4, "Main takes 4")]).await;
}

#[tokio::test]
async fn a_merge_that_itself_takes_something_out_is_named() {
    let Some(site) = site() else { return };
    let begin = site.commit().await;
    site.upstream.git(&["checkout", "-q", "-b", "side"]);
    site.upstream.put("m/c.yaml", "x");
    site.upstream.commit("Side");
    site.upstream.git(&["checkout", "-q", "main"]);
    site.upstream.put("m/d.yaml", "x");
    site.upstream.commit("Main");
    site.upstream.git(&["merge", "-q", "--no-ff", "--no-commit", "side"]);
    site.upstream.put("m/a.yaml", &list(&[1, 3]));
    site.upstream.push("Evil merge");
    site.took_out(&begin, &[(2, "Evil merge")]).await;
}

#[tokio::test]
async fn the_right_commit_of_several_is_named_also_through_renames_and_deletions() {
    let Some(site) = site() else { return };
    site.upstream.put("m/.gitattributes", "*.yaml -diff -text binary\n");
    site.upstream.put(".gitattributes", "*.yaml -diff -text binary export-ignore\n");
    site.upstream.put(".mailmap", "Mallory <m@example.com> Ann <ann@example.com>\n");
    site.upstream.push("Attributes");
    let begin = site.commit().await;
    site.step("Take 1", "m/a.yaml", Some(&list(&[2, 3])));
    site.step("Give 1 back", "m/a.yaml", Some(&list(&[1, 2, 3])));
    site.step("Take 1 again", "m/a.yaml", Some(&list(&[2, 3])));
    site.step("Comment", "m/a.yaml", Some(&format!("# hello\n{}", list(&[2, 3]))));
    site.upstream.git(&["mv", "m/a.yaml", "m/z.yaml"]);
    site.upstream.push("Rename");
    site.step("Take 2", "m/z.yaml", Some(&list(&[3])));
    site.step("Remove b", "m/b.yaml", None);
    site.upstream.put("m/z.yaml", "");
    site.step("Move 3", "m/c.yaml", Some(&list(&[3])));
    site.step("Elsewhere", "other/a.yaml", Some(&list(&[3])));
    site.step("Elsewhere again", "other/a.yaml", None);
    site.took_out(&begin, &[(1, "Take 1 again"), (2, "Take 2"), (3, "Move 3"), (4, "Remove b")])
        .await;
    let between = site.repository.between(&begin, &site.commit().await).await;
    let authors = between.took_out.values().map(|commit| commit.author.clone().unwrap());
    assert!(authors.into_iter().all(|author| author == "Ann <ann@example.com>"), "no mailmap");
}

#[tokio::test]
async fn the_base_is_looked_for_deeper_and_given_up_at_the_limit() {
    let Some(mut site) = site() else { return };
    let begin = site.commit().await;
    for n in 0..12 {
        site.upstream.put("m/a.yaml", &format!("{}# {n}\n", list(&[1, 3])));
        site.upstream.commit(&format!("Step {n}"));
    }
    site.upstream.git(&["push", "-q", "origin", "main"]);
    // As after a loss of the copy: the first fetch has one commit and no base.
    site.repository.forget().await.unwrap();
    let newest = site.commit().await;
    site.repository.deeper = vec![4, 20];
    let between = site.repository.between(&begin, &newest).await;
    assert_eq!(between.lineage, Lineage::Follows(12));
    assert_eq!(between.took_out[&id(2)].subject.as_deref(), Some("Step 0"));
    site.repository.forget().await.unwrap();
    let newest = site.commit().await;
    site.repository.deeper = vec![4, 8];
    let Lineage::Unknown(why) = site.repository.between(&begin, &newest).await.lineage else {
        panic!("not known")
    };
    assert!(why.contains("not among the last 8"), "{why}");
    let short = Commit::of_id("--help");
    let unknown = site.repository.between(&short, &newest).await.lineage;
    assert!(matches!(unknown, Lineage::Unknown(_)), "{unknown:?}");
}

#[tokio::test]
async fn a_base_is_found_although_the_ref_has_moved_on_meanwhile() {
    let Some(site) = site() else { return };
    let begin = site.commit().await;
    for n in 0..5 {
        site.step("More", "m/c.yaml", Some(&n.to_string()));
    }
    site.repository.forget().await.unwrap();
    let newest = site.commit().await;
    site.upstream.git(&["reset", "-q", "--hard", &begin.id]);
    site.upstream.git(&["push", "-q", "--force", "origin", "main"]);
    let between = site.repository.between(&begin, &newest).await;
    assert_eq!(between.lineage, Lineage::Follows(5));
}

#[tokio::test]
async fn a_remote_that_hangs_is_not_waited_for_and_the_lineage_is_unknown() {
    let upstream = upstream::is_there().then(|| Upstream::of(&[("m/a.yaml", "1")]));
    let Some(upstream) = upstream else { return };
    let server = Server::of(upstream.root());
    let ours = Ours::of(&server.url, "main");
    let mut repository = ours.repository();
    let (begin, _) = repository.look().await.unwrap();
    upstream.change("m/a.yaml", "2");
    upstream.change("m/a.yaml", "3");
    // As after a loss of the copy: how it goes on has to be asked for.
    repository.forget().await.unwrap();
    let (newest, _) = repository.look().await.unwrap();
    server.trouble("", Trouble::Hang);
    repository.patience = Duration::from_secs(1);
    let asked = tokio::time::timeout(Duration::from_secs(20), repository.between(&begin, &newest));
    let Lineage::Unknown(why) = asked.await.unwrap().lineage else { panic!("not known") };
    assert!(why.contains("longer than 1 s"), "{why}");
}
