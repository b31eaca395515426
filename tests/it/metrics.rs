//! Metrics and health of the running daemon, as a scraper and a probe see them.

use crate::harness::{Cloud, Daemon, Place, manifest, until};
use classiclinkd::metrics::{CONTENT_TYPE, Family};
use classiclinkd::sim::seed::{ACCESS_KEY_ID, ACCESS_KEY_SECRET};
use exposition::Exposition;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

mod exposition;

/// `four` goes, `stuck` cannot, and of `c` too many would.
const LINKS: &[(&str, &str)] = &[
    ("a", "one"),
    ("a", "two"),
    ("a", "three"),
    ("a", "four"),
    ("b", "x"),
    ("b", "y"),
    ("b", "stuck"),
    ("c", "c1"),
    ("c", "c2"),
    ("c", "c3"),
    ("c", "c4"),
    ("c", "c5"),
    ("c", "c6"),
];
const DESCRIBE: &str = "DescribeClassicLinkInstances";
const DETACH: &str = "DetachClassicLinkVpc";

struct World {
    place: Place,
    cloud: Cloud,
    daemon: Daemon,
    address: String,
}

impl World {
    fn new() -> Self {
        let (place, cloud) = (Place::new(), Cloud::with(LINKS));
        cloud.set("stuck", "i-stuck:OperationDenied");
        place.write("a.yaml", &manifest("a", "detach", &["one", "two", "three"], ""));
        place.write("b.yaml", &manifest("b", "detach", &["x", "y"], ""));
        place.write("c.yaml", &manifest("c", "detach", &["c1"], ""));
        let mut command = place.command(&cloud, &["run", "--manifests", "manifests"]);
        command.args(["--interval", "1s", "--listen", "127.0.0.1:0"]);
        let daemon = Daemon::start(command, place.path().join("log"));
        daemon.says("the status page listens");
        let log = daemon.log();
        let after = log.split("http://").nth(1).unwrap();
        let address = after.split('/').next().unwrap().to_owned();
        Self { place, cloud, daemon, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Status, head and body of an answer.
    fn get(&self, path: &str, host: &str) -> (u16, String, String) {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), body.to_owned())
    }

    fn scrape(&self) -> Exposition {
        let (status, head, body) = self.get("/metrics", &self.address);
        assert_eq!(status, 200, "{body}");
        assert!(head.contains(&format!("content-type: {CONTENT_TYPE}")), "{head}");
        Exposition::of(&body)
    }

    /// Scrapes until a sample is as wanted.
    fn comes(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        wanted: impl Fn(f64) -> bool,
    ) -> Exposition {
        let mut last = self.scrape();
        let what = format!("{name} {labels:?}");
        until(
            &what,
            || {
                last = self.scrape();
                last.sum(name, labels).is_some_and(&wanted)
            },
            || self.daemon.log(),
        );
        last
    }

    fn health(&self, path: &str) -> (u16, serde_json::Value) {
        let (status, _, body) = self.get(path, &self.address);
        (status, serde_json::from_str(&body).unwrap())
    }
}

#[test]
fn what_happened_is_counted() {
    let world = World::new();
    let converged = [("verb", "detach"), ("outcome", "converged"), ("class", "none")];
    world.comes("classiclinkd_actions_total", &converged, |n| n == 1.0);
    let blocked = [("outcome", "blocked"), ("class", "blocked")];
    world.comes("classiclinkd_actions_total", &blocked, |n| n == 1.0);
    world.comes("classiclinkd_links_quarantined", &[], |n| n == 1.0);
    world
        .comes("classiclinkd_passes_total", &[("vpc", "vpc-c"), ("verdict", "held")], |n| n >= 2.0);
    let seen = world.comes("classiclinkd_passes_total", &[("vpc", "vpc-a")], |n| n >= 2.0);
    let of =
        |name: &str, labels: &[(&str, &str)]| seen.sum(&format!("classiclinkd_{name}"), labels);
    assert_eq!(of("refusals", &[("vpc", "vpc-c"), ("rule", "perPlan")]), Some(1.0));
    assert_eq!(of("refusals", &[("vpc", "vpc-a")]), None);
    assert!(of("passes_refused_total", &[("rule", "perPlan")]).unwrap() >= 2.0);
    let drift = |vpc| of("links_drifted", &[("vpc", vpc), ("kind", "unexpected")]);
    assert_eq!((drift("vpc-a"), drift("vpc-b"), drift("vpc-c")), (Some(0.0), Some(1.0), Some(5.0)));
    assert_eq!(of("links_observed", &[("vpc", "vpc-c")]), Some(6.0));
    assert_eq!(of("links_desired", &[("vpc", "vpc-a")]), Some(3.0));
    assert_eq!(of("detach_budget_used", &[("window", "hour")]), Some(2.0));
    assert_eq!(of("detach_budget_limit", &[("window", "day")]), Some(200.0));
    let detaches = |code| of("calls_total", &[("action", DETACH), ("code", code)]);
    assert_eq!((detaches("ok"), detaches("operationdenied")), (Some(1.0), Some(1.0)));
    assert_eq!(world.cloud.calls(DETACH), 2);
    let made = of("call_duration_seconds_count", &[("action", DETACH)]);
    assert_eq!(made, Some(2.0));
    assert_eq!(of("journal_writable", &[]), Some(1.0));
    assert!(of("journal_size_bytes", &[]).unwrap() > 1000.0);
    let entries = of("journal_entries_total", &[]).unwrap();
    let commits = of("journal_commit_duration_seconds_count", &[]).unwrap();
    assert!(1.0 <= commits && commits <= entries, "{commits} of {entries}");
    assert!(of("observation_age_seconds", &[("vpc", "vpc-a")]).unwrap() < 30.0);
    assert!(of("happenings_total", &[("kind", "passed")]).unwrap() >= 4.0);
    // What the cloud has counted meanwhile.
    let before = world.cloud.calls(DESCRIBE) as f64;
    let seen = world.comes("classiclinkd_calls_total", &[("action", DESCRIBE)], |n| n >= before);
    let counted = seen.sum("classiclinkd_calls_total", &[("action", DESCRIBE)]).unwrap();
    assert!(counted <= world.cloud.calls(DESCRIBE) as f64);
}

#[test]
fn throttles_and_errors_are_counted_by_code() {
    let world = World::new();
    world.comes("classiclinkd_links_quarantined", &[], |n| n == 1.0);
    let throttled = [("action", DESCRIBE), ("region", "cn-hangzhou")];
    let before = world.scrape();
    assert_eq!(before.sum("classiclinkd_calls_throttled_total", &throttled), Some(0.0));
    world.cloud.set("only-actions", DESCRIBE);
    world.cloud.set("error-code", "Throttling.User");
    world.cloud.set("error-before", "next:1");
    let after = world.comes("classiclinkd_calls_throttled_total", &throttled, |n| n == 1.0);
    let code = [("action", DESCRIBE), ("code", "throttling.*")];
    assert_eq!(after.sum("classiclinkd_calls_total", &code), Some(1.0));
    let rate = |read: &Exposition| {
        read.sum("classiclinkd_limiter_calls_per_second", &[("action", DESCRIBE)]).unwrap()
    };
    assert!(rate(&after) < rate(&before), "{} {}", rate(&after), rate(&before));
    assert!(after.sum("classiclinkd_retry_budget_left", &[]).unwrap() <= 500.0);
    world.cloud.set("error-code", "InternalError");
    world.cloud.set("error-before", "next:1");
    world.comes("classiclinkd_calls_total", &[("code", "internalerror")], |n| n == 1.0);
    world.cloud.set("error-code", "Invented.By.Somebody");
    world.cloud.set("error-before", "next:1");
    let after = world.comes("classiclinkd_calls_total", &[("code", "other")], |n| n >= 1.0);
    assert!(!after.text.contains("Invented") && !after.text.contains("invented"));
}

#[test]
fn every_family_is_as_documented_and_no_label_names_an_instance_or_a_key() {
    let world = World::new();
    world.comes("classiclinkd_links_quarantined", &[], |n| n == 1.0);
    world.comes("classiclinkd_refusals", &[("rule", "perPlan")], |n| n == 1.0);
    let seen = world.scrape();
    let documented: Vec<_> =
        Family::all().map(|family| (family.name, (family.kind.as_str(), family.unit))).collect();
    let mut sorted = documented.clone();
    sorted.sort_unstable();
    assert_eq!(seen.families().into_iter().collect::<Vec<_>>(), sorted);
    for family in Family::all() {
        for labels in seen.label_names(family.name) {
            assert_eq!(labels, family.labels, "{}", family.name);
        }
    }
    let with_samples =
        Family::all().filter(|family| !seen.label_names(family.name).is_empty()).count();
    let absent = "no credential here has an end, and nobody is told";
    assert_eq!(with_samples, documented.len() - 2, "{absent}");
    for (_, instance) in LINKS {
        assert!(!seen.text.contains(&format!("i-{instance}")), "{instance}");
    }
    for value in seen.label_values() {
        assert!(!value.starts_with("i-") && value.len() < 64, "{value}");
    }
    for secret in [ACCESS_KEY_ID, ACCESS_KEY_SECRET] {
        assert!(!seen.text.contains(secret));
    }
}

#[test]
fn a_broken_tree_and_a_broken_journal_are_told() {
    let world = World::new();
    world.comes("classiclinkd_links_quarantined", &[], |n| n == 1.0);
    until("it is ready", || world.health("/readyz").0 == 200, || world.daemon.log());
    let (_, ready) = world.health("/readyz");
    assert_eq!(ready["status"], "ok");
    for check in ["loop", "journal", "revision", "observations", "credentials"] {
        assert_eq!(ready["checks"][check]["status"], "ok", "{ready}");
    }
    world.place.write("d.yaml", "kind: [\n");
    world.comes("classiclinkd_source_problem", &[], |n| n == 1.0);
    std::fs::remove_file(world.place.manifests().join("d.yaml")).unwrap();
    world.comes("classiclinkd_source_problem", &[], |n| n == 0.0);

    let journal = world.place.state().join("journal.sqlite");
    std::fs::rename(&journal, world.place.path().join("elsewhere")).unwrap();
    world.cloud.attach_by_hand("a", "four");
    let seen = world.comes("classiclinkd_journal_writable", &[], |n| n == 0.0);
    assert_eq!(seen.sum("classiclinkd_journal_size_bytes", &[]), None);
    until("it is not ready", || world.health("/readyz").0 == 503, || world.daemon.log());
    let (_, ready) = world.health("/readyz");
    assert_eq!(ready["status"], "failing");
    assert!(ready["reason"].as_str().unwrap().contains("the journal cannot be written"), "{ready}");
    assert_eq!(ready["checks"]["journal"]["status"], "failing");
    assert_eq!(ready["checks"]["loop"]["status"], "ok");
    let failing = world.scrape().sum("classiclinkd_health_check", &[("check", "journal")]);
    assert_eq!(failing, Some(0.0));
    assert_eq!(world.health("/livez").0, 200, "restarting mends no disk");
}

#[test]
fn probes_are_answered_whatever_they_call_the_host_and_names_learn_little() {
    let world = World::new();
    until("it is ready", || world.health("/readyz").0 == 200, || world.daemon.log());
    for host in ["10.1.2.3:9108", "[2001:db8::7]:80"] {
        let (status, _, body) = world.get("/readyz", host);
        assert!(status == 200 && body.contains("\"checks\""), "{host}: {body}");
    }
    for host in ["classiclinkd.ops.svc", "", "evil.example:80"] {
        for path in ["/livez", "/readyz"] {
            let (status, head, body) = world.get(path, host);
            assert_eq!((status, body.as_str()), (200, "{\"status\":\"ok\"}"), "{host}");
            assert!(head.contains("cache-control: no-store"), "{head}");
        }
    }
    assert_eq!(world.get("/metrics", "evil.example").0, 421, "a page may not read along");
}

#[test]
fn scrapers_that_are_gone_before_the_answer_disturb_nothing() {
    let world = World::new();
    let before = world.comes("classiclinkd_passes_total", &[("vpc", "vpc-a")], |n| n >= 1.0);
    let passes = before.sum("classiclinkd_passes_total", &[("vpc", "vpc-a")]).unwrap();
    for bytes in [0, 1, 100].into_iter().cycle().take(60) {
        let mut stream = world.connect();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut some = vec![0; bytes];
        stream.read_exact(&mut some).unwrap();
    }
    let wanted = [("vpc", "vpc-a"), ("verdict", "inSync")];
    world.comes("classiclinkd_passes_total", &wanted, |n| n >= passes + 2.0);
    assert!(!world.daemon.log().contains("ERROR"), "{}", world.daemon.log());
    assert_eq!(world.daemon.end(), 0);
}
