//! A ref of a repository that is followed.

use super::*;
use crate::clock::SystemClock;
use crate::git::tests::Ours;
use crate::git::tests::server::{Server, Trouble};
use crate::git::tests::upstream::{self, Upstream};
use std::process::Command;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(30);

/// Followed with an interval so long that only a wake-up makes it look.
struct Followed {
    receiver: watch::Receiver<Reading>,
    wake: Wake,
    _cancel: tokio_util::sync::DropGuard,
}

impl Followed {
    fn of(ours: &Ours) -> Self {
        Self::every(ours, Duration::from_secs(3_600))
    }

    fn every(ours: &Ours, interval: Duration) -> Self {
        let cancel = CancellationToken::new();
        let mut settings = ours.settings.clone();
        settings.interval = interval;
        let repository = crate::git::Repository::new(settings, ours.state.path());
        let origin = Origin::Git(Arc::new(repository));
        let clock = Arc::new(SystemClock::new());
        let random = fastrand::Rng::with_seed(1);
        let (receiver, wake) = origin.watch(Settings::default(), clock, random, cancel.clone());
        Self { receiver, wake, _cancel: cancel.drop_guard() }
    }

    async fn until(&mut self, what: &str, wanted: impl FnMut(&Reading) -> bool) -> Reading {
        let mut receiver = self.receiver.clone();
        match timeout(DEADLINE, receiver.wait_for(wanted)).await {
            Ok(reading) => reading.unwrap().clone(),
            Err(_) => panic!("not seen: {what}; last {:?}", self.receiver.borrow()),
        }
    }

    async fn shows(&mut self, wanted: &str) {
        let matches = |reading: &Reading| match &reading.state {
            State::Settled(snapshot) => !reading.unsettled && contents(snapshot) == wanted,
            _ => false,
        };
        self.until(wanted, matches).await;
    }

    /// Whether nobody may act meanwhile.
    async fn says(&mut self, wanted: &str) -> bool {
        let matches = |reading: &Reading| match &reading.state {
            State::Unreadable(why) => why.to_string().contains(wanted),
            _ => false,
        };
        self.until(wanted, matches).await.unsettled
    }
}

#[tokio::test]
async fn a_wake_up_looks_at_once_and_otherwise_the_interval_does() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "1")]);
    let ours = Ours::of(&upstream.url(), "main");
    let mut followed = Followed::of(&ours);
    followed.shows("a.yaml=1").await;
    upstream.change("m/a.yaml", "2");
    followed.receiver.borrow_and_update();
    let unseen = timeout(Duration::from_millis(300), followed.receiver.changed()).await;
    assert!(unseen.is_err(), "the interval is an hour");
    followed.wake.now();
    followed.shows("a.yaml=2").await;
    let sequence = followed.receiver.borrow_and_update().sequence;
    followed.wake.now();
    let quiet = timeout(Duration::from_millis(300), followed.receiver.changed()).await;
    assert!(quiet.is_err(), "nothing is published where nothing is new");
    assert_eq!(followed.receiver.borrow().sequence, sequence);
    let mut other = Followed::every(&ours, Duration::from_millis(200));
    other.shows("a.yaml=2").await;
    upstream.change("m/a.yaml", "3");
    other.shows("a.yaml=3").await;
}

#[tokio::test]
async fn a_new_commit_that_cannot_be_had_yet_stops_what_is_done_on_the_old_one() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "1")]);
    let server = Server::of(upstream.root());
    let mut followed = Followed::of(&Ours::of(&server.url, "main"));
    followed.shows("a.yaml=1").await;
    server.trouble("info/refs", Trouble::Answer(500, "oops".into()));
    followed.wake.now();
    assert!(!followed.says("500").await, "of a remote that is away nothing newer is known");
    server.trouble("", Trouble::None);
    followed.wake.now();
    followed.shows("a.yaml=1").await;
    let noise: String =
        (0..500_u64).map(|n| format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    upstream.put("m/noise.txt", &noise);
    upstream.change("m/a.yaml", "2");
    // The answer that names the new commit is short, and comes whole; the pack does not.
    server.trouble("POST", Trouble::Cut(2_000));
    followed.wake.now();
    assert!(followed.says("fetch refs/heads/main").await, "nobody may act on what is older");
    server.trouble("", Trouble::None);
    followed.wake.now();
    followed.shows("a.yaml=2").await;
}

#[tokio::test]
async fn a_ref_that_is_gone_and_a_commit_that_is_wrong_are_said_and_nothing_waits_for_them() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "1")]);
    let mut followed = Followed::of(&Ours::of(&upstream.url(), "main"));
    followed.shows("a.yaml=1").await;
    upstream.at(&upstream.bare(), &["update-ref", "-d", "refs/heads/main"]);
    followed.wake.now();
    assert!(!followed.says("has no branch or tag main").await, "what was accepted stays in force");
    upstream.git(&["push", "-q", "origin", "main"]);
    followed.wake.now();
    followed.shows("a.yaml=1").await;
    upstream.put("m/b.YAML", "2");
    upstream.push("Loud");
    followed.wake.now();
    assert!(!followed.says("small letters").await);
    upstream.remove("m/b.YAML");
    upstream.change("m/a.yaml", "3");
    followed.wake.now();
    followed.shows("a.yaml=3").await;
}

#[tokio::test]
async fn an_unsigned_commit_is_refused_and_let_in_without_a_push_once_its_signer_is_believed() {
    if !upstream::is_there() || !upstream::has_file("ssh-keygen") {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "1")]);
    let mut ours = Ours::of(&upstream.url(), "main");
    let list = ours.secret("signers", "");
    let keys = ["ann", "bob"].map(|name| {
        let path = ours.state.path().join(name);
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path);
        assert!(command.status().unwrap().success());
        let public = fs::read_to_string(path.with_extension("pub")).unwrap();
        (path.display().to_string(), format!("{name}@example.com {public}"))
    });
    let push = |text: &str, key: &str| {
        upstream.put("m/a.yaml", text);
        let key = format!("user.signingkey={key}");
        upstream.git(&["add", "-A"]);
        upstream.git(&["-c", "gpg.format=ssh", "-c", &key, "commit", "-q", "-S", "-m", "Signed"]);
        upstream.git(&["push", "-q", "origin", "main"]);
    };
    fs::write(&list, &keys[0].1).unwrap();
    ours.settings.signers.ssh = Some(list.clone());
    push("2", &keys[0].0);
    let mut followed = Followed::of(&ours);
    followed.shows("a.yaml=2").await;
    upstream.change("m/a.yaml", "3");
    followed.wake.now();
    assert!(!followed.says("carries no signature").await, "what was accepted stays in force");
    push("4", &keys[1].0);
    followed.wake.now();
    assert!(!followed.says("not signed by anybody in the list").await);
    fs::write(&list, format!("{}{}", keys[0].1, keys[1].1)).unwrap();
    followed.wake.now();
    followed.shows("a.yaml=4").await;
}

#[tokio::test]
async fn a_copy_that_breaks_while_it_is_followed_heals() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "1")]);
    let ours = Ours::of(&upstream.url(), "main");
    let mut followed = Followed::of(&ours);
    followed.shows("a.yaml=1").await;
    for (n, name) in ["objects", "refs", "HEAD", "shallow"].into_iter().enumerate() {
        let path = ours.copy().join(name);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else {
            fs::write(&path, "nonsense").unwrap();
        }
        upstream.change("m/a.yaml", &format!("after {name} {n}"));
        followed.wake.now();
        followed.shows(&format!("a.yaml=after {name} {n}")).await;
    }
}
