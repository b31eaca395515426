//! Manifests of a Git repository: the built binary, and servers of this machine.

use crate::harness::{Cloud, Daemon, Place, Ran, manifest, until};
use classiclinkd::clock::{Clock as _, SystemClock};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

#[path = "../../src/git/tests/server.rs"]
#[expect(dead_code, reason = "shared with the tests of the library, which need more of it")]
mod server;
#[path = "../../src/git/tests/upstream.rs"]
#[expect(dead_code, reason = "shared with the tests of the library, which need more of it")]
mod upstream;

mod access;
mod killed;
mod many;

use server::{Server, Trouble};
use upstream::Upstream;

const LINKS: &[(&str, &str)] = &[("a", "one"), ("a", "two"), ("b", "x")];

/// A repository, a cloud that agrees with it, and where the binary works.
struct Site {
    upstream: Upstream,
    server: Server,
    cloud: Cloud,
    place: Place,
}

fn site() -> Option<Site> {
    upstream::is_there().then(|| {
        let upstream = Upstream::of(&[
            ("m/a.yaml", &manifest("a", "detach", &["one", "two"], "")),
            ("m/b.yaml", &manifest("b", "detach", &["x"], "")),
        ]);
        let server = Server::of(upstream.root());
        Site { upstream, server, cloud: Cloud::with(LINKS), place: Place::new() }
    })
}

impl Site {
    fn run(&self, command: &str, url: &str, more: &[&str]) -> Ran {
        let arguments = [&[command, "--git", url, "--ref", "main", "--path", "m"], more].concat();
        self.place.run(&self.cloud, &arguments)
    }

    fn daemon(&self, more: &[&str]) -> Daemon {
        self.daemon_every("1s", more)
    }

    /// The daemon that asks the repository so often.
    fn daemon_every(&self, interval: &str, more: &[&str]) -> Daemon {
        let arguments = ["run", "--git", &self.server.url, "--ref", "main", "--path", "m"];
        let arguments = [&arguments[..], &["--interval", "1h", "--listen", "none"], more].concat();
        let mut command = self.place.command(&self.cloud, &arguments);
        command.args(["--set", &format!("source.git.interval={interval}")]);
        Daemon::start(command, self.place.path().join("log"))
    }

    /// A file of ours that only we can read.
    fn secret(&self, name: &str, text: &str) -> PathBuf {
        let path = self.place.path().join(name);
        fs::write(&path, text).unwrap();
        mode(&path, 0o600);
        path
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_commit_is_planned_carried_out_and_named() {
    let Some(site) = site() else { return };
    let daemon = site.daemon(&[]);
    until(
        "both VPCs are read",
        || site.cloud.calls("DescribeClassicLinkInstances") >= 2,
        || daemon.log(),
    );
    site.upstream.put("m/a.yaml", &manifest("a", "detach", &["one"], ""));
    let id = site.upstream.push("Two is retired");
    until("the link is gone", || site.cloud.links("a") == ["one"], || daemon.log());
    assert_eq!(site.cloud.calls("DetachClassicLinkVpc"), 1);
    let explained = || site.place.run(&site.cloud, &["explain", "i-two"]);
    let named =
        |ran: &Ran| ran.out.contains(&id[..12]) && ran.out.contains("Ann <ann@example.com>");
    until("the deed is in the journal", || named(&explained()), || format!("{:?}", explained()));
    assert_eq!(daemon.end(), 0);
}

#[test]
fn whoever_pushed_can_have_it_looked_at_at_once() {
    let Some(site) = site() else { return };
    let daemon = site.daemon_every("1h", &[]);
    let reads = || site.cloud.calls("DescribeClassicLinkInstances");
    until("both VPCs are read", || reads() >= 2, || daemon.log());
    site.upstream.put("m/a.yaml", &manifest("a", "detach", &["one"], ""));
    site.upstream.push("Two is retired");
    assert_eq!(site.cloud.writes(), 0, "the interval is an hour");
    let asked = site.place.run(&site.cloud, &["reconcile"]);
    assert_eq!(asked.code, 0, "{asked:?}");
    until("the link is gone", || site.cloud.links("a") == ["one"], || daemon.log());
    assert_eq!(daemon.end(), 0);
}

#[test]
fn what_is_broken_leaves_what_was_accepted_in_force() {
    let Some(site) = site() else { return };
    let daemon = site.daemon(&[]);
    until(
        "both VPCs are read",
        || site.cloud.calls("DescribeClassicLinkInstances") >= 2,
        || daemon.log(),
    );
    site.server.trouble("", Trouble::Answer(500, "oops".into()));
    daemon.says("error: 500");
    site.server.trouble("", Trouble::None);
    site.upstream.remove("m/b.yaml");
    site.upstream.put("m/a.yaml", "{{ nonsense");
    site.upstream.push("Broken");
    daemon.says("{{ nonsense");
    site.upstream.put("m/a.yaml", &manifest("a", "detach", &["one", "two"], "# kept\n"));
    site.upstream.put("m/b.yaml", &manifest("b", "detach", &["x"], ""));
    let mended = site.upstream.push("Mended");
    daemon.says(&format!("(commit {})", &mended[..12]));
    assert_eq!(site.cloud.writes(), 0);
    site.upstream.git(&["reset", "-q", "--hard", "HEAD~1"]);
    site.upstream.put("m/a.yaml", &manifest("a", "detach", &["one"], ""));
    site.upstream.put("m/b.yaml", &manifest("b", "detach", &["x"], ""));
    site.upstream.push("Another history");
    daemon.says("does not continue");
    let held = || site.place.run(&site.cloud, &["status", "--output", "json"]);
    until("it is held", || held().json().pointer("/held/0/plan").is_some(), || daemon.log());
    assert_eq!(site.cloud.writes(), 0, "a person has to look");
    assert_eq!(daemon.end(), 0);
}

#[test]
fn a_repository_is_planned_by_one_command_and_by_the_environment() {
    let Some(site) = site() else { return };
    site.upstream.put("m/a.yaml", &manifest("a", "detach", &["one"], ""));
    site.upstream.push("Two is retired");
    let ran = site.run("plan", &site.upstream.url(), &[]);
    assert!(ran.out.contains("i-two"), "{ran:?}");
    let mut command = site.place.command(&site.cloud, &["plan"]);
    command.env("CLASSICLINKD_GIT", &site.server.url).env("CLASSICLINKD_GIT_PATH", "m");
    let by_environment = Ran::of(command.output().unwrap());
    assert_eq!(by_environment.code, ran.code, "{by_environment:?}");
    assert!(by_environment.out.contains("i-two"), "{by_environment:?}");
    let policy = site.run("policy", &site.upstream.url(), &[]);
    assert_eq!(policy.code, 0, "{policy:?}");
    let none = site.run("plan", &site.upstream.url().replace("links", "none"), &[]);
    assert!(none.code == 1 && none.out.is_empty(), "{none:?}");
}
