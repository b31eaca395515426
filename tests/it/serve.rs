//! The status API of a running daemon, from outside: each answer as its document says, events live,
//! hostile requests refused.

use crate::harness::{Cloud, Daemon, Place, manifest, until};
use serde_json::Value;

pub mod http;
mod schema;

use http::{Stream, ask};

const LINKS: &[(&str, &str)] = &[("a", "one"), ("a", "two"), ("a", "three"), ("b", "x")];
const MORE: &str = "  windows:\n    - {allow: \"*\", timezone: Asia/Shanghai}\n";

struct Running {
    daemon: Daemon,
    address: String,
    cloud: Cloud,
    place: Place,
}

/// A daemon that serves, over a cloud of these links.
fn running(cloud: Cloud, manifests: &[(&str, String)], more: &[&str]) -> Running {
    let place = Place::new();
    for (name, text) in manifests {
        place.write(name, text);
    }
    let mut command = place.command(&cloud, &["run", "--manifests", "manifests"]);
    command.args(["--interval", "1s", "--listen", "127.0.0.1:0"]).args(more);
    let daemon = Daemon::start(command, place.path().join("log"));
    daemon.says("the status page listens");
    let log = daemon.log();
    let address = log.split("http://").nth(1).and_then(|rest| rest.split('/').next());
    let address = address.unwrap_or_else(|| panic!("{log}")).to_owned();
    Running { daemon, address, cloud, place }
}

impl Running {
    /// What a path answers, held to the document that the server itself serves.
    fn get(&self, path: &str) -> Value {
        let (code, value) = self.answer(path);
        assert_eq!(code, 200, "{path}: {value}");
        value
    }

    fn answer(&self, path: &str) -> (u16, Value) {
        let answer = ask(&self.address, path, &[]);
        let document = ask(&self.address, "/api/v1/openapi.json", &[]).json();
        let value = answer.json();
        schema::hold(&document, path, answer.code, &value);
        (answer.code, value)
    }

    fn stands(&self, standing: &str) {
        until(
            &format!("it stands {standing}"),
            || self.get("/api/v1/status").get("standing").is_some_and(|is| is == standing),
            || format!("{:#}\n{}", self.get("/api/v1/status"), self.daemon.log()),
        );
    }

    /// Every answer there is, each held to the document.
    fn all(&self) -> Vec<Value> {
        let paths = ["status", "scopes", "plan", "refusals", "runs", "history", "trend"];
        let mut answers: Vec<Value> =
            paths.iter().map(|path| self.get(&format!("/api/v1/{path}"))).collect();
        let rows = answers.get(1).and_then(|scopes| scopes.get("scopes")).and_then(Value::as_array);
        let details: Vec<Value> = rows.unwrap().iter().map(|row| self.get(&path_of(row))).collect();
        answers.extend(details);
        self.get("/api/v1/history?since=7d&limit=3");
        self.get("/api/v1/runs?limit=1");
        answers
    }
}

fn path_of(scope: &Value) -> String {
    let part = |key: &str| scope.get(key).and_then(Value::as_str).unwrap();
    format!("/api/v1/scopes/{}/{}/{}", part("account"), part("regionId"), part("vpcId"))
}

const A: &str = "/api/v1/scopes/default/cn-hangzhou/vpc-a";

#[test]
fn in_sync_every_answer_is_as_the_document_says() {
    let listed = manifest("a", "detach", &["one", "two"], MORE)
        + "---\n"
        + &manifest("b", "observe", &["x"], "");
    let listed = listed.replace("    - i-two\n", "    - {id: i-two, reason: \"until moved\", until: 2999-01-01T00:00:00Z, protected: true}\n");
    let windows = "windows=[{deny: \"2020-01-01\", timezone: UTC}]";
    let running = running(Cloud::with(LINKS), &[("a.yaml", listed)], &["--set", windows]);
    running.stands("converged");
    until(
        "the cut is told",
        || {
            running.get("/api/v1/history")["records"]
                .as_array()
                .unwrap()
                .iter()
                .any(|record| record["outcome"] == "converged")
        },
        || running.daemon.log(),
    );
    running.all();
    let status = running.get("/api/v1/status");
    assert_eq!(status["intervalSeconds"], 1.0);
    assert_eq!(
        (&status["windows"][0]["kind"], &status["changes"]["allowed"]),
        (&"deny".into(), &true.into())
    );
    assert_eq!(
        (&status["budgets"][0]["hourUsed"], &status["budgets"][0]["hourLimit"]),
        (&1.into(), &50.into())
    );
    let samples = running.get("/api/v1/trend")["samples"].as_array().unwrap().clone();
    assert!(samples.iter().map(|sample| sample["converged"].as_u64().unwrap()).sum::<u64>() == 1);
    let scope = running.get(A);
    let two = scope["links"]
        .as_array()
        .unwrap()
        .iter()
        .find(|link| link["instanceId"] == "i-two")
        .unwrap();
    assert_eq!(two["reason"], "until moved");
    assert_eq!((&two["protected"], &two["until"]), (&true.into(), &"2999-01-01T00:00:00Z".into()));
    assert_eq!((&two["file"], &two["line"]), (&"a.yaml".into(), &11.into()));
    assert_eq!(scope["windows"][0]["timezone"], "Asia/Shanghai");
    let runs = running.get("/api/v1/runs");
    assert_eq!(runs["runs"][0]["outcomes"]["converged"], 1, "{runs}");
    assert_eq!(running.daemon.end(), 0);
}

#[test]
fn what_is_held_is_told_with_the_way_out() {
    let links: Vec<(&str, &str)> =
        vec![("a", "one"), ("a", "two"), ("a", "three"), ("a", "four"), ("a", "five")];
    let listed = manifest("a", "detach", &["one"], "");
    let running = running(Cloud::with(&links), &[("a.yaml", listed)], &[]);
    running.stands("held");
    running.all();
    let refusals = running.get("/api/v1/refusals");
    let held = &refusals["refusals"][0];
    assert_eq!((&held["rule"], &held["vpcId"]), (&"perPlan".into(), &"vpc-a".into()), "{refusals}");
    let digest = held["digest"].as_str().unwrap();
    assert_eq!(held["approve"], format!("classiclinkd approve {}", &digest[..12]));
    let planned = running
        .place
        .run(&running.cloud, &["plan", "--manifests", "manifests", "--output", "json"])
        .json();
    let told = running.get("/api/v1/plan");
    assert_eq!(
        (&told["scopes"][0]["digest"], &told["revision"]),
        (&planned["scopes"][0]["digest"], &planned["revision"])
    );
    assert_eq!(told["scopes"][0]["actions"], planned["scopes"][0]["actions"]);
    assert_eq!(
        running.get("/api/v1/trend")["samples"].as_array().unwrap().last().unwrap()["unexpected"],
        4
    );
    let paused = running.place.run(&running.cloud, &["pause", "--reason", "test"]);
    assert_eq!(paused.code, 0, "{paused:?}");
    until(
        "the pause is told",
        || running.get("/api/v1/status")["paused"].as_array().is_some_and(|all| !all.is_empty()),
        || running.daemon.log(),
    );
    running.all();
    let approve = ["approve", &digest[..12]];
    assert_eq!(running.place.run(&running.cloud, &approve).code, 0);
    until(
        "history tells both",
        || {
            let told = running.get("/api/v1/history").to_string();
            told.contains("\"approved\"") && told.contains("\"paused\"")
        },
        || running.daemon.log(),
    );
}

#[test]
fn what_could_not_be_read_is_told_as_that() {
    let listed = manifest("a", "sync", &["one", "nine"], "")
        + "---\n"
        + &manifest("b", "detach", &["x"], "");
    let cloud = Cloud::with(LINKS);
    cloud.set("deny-actions", "DescribeClassicLinkInstances");
    let running = running(cloud, &[("a.yaml", listed)], &[]);
    running.stands("error");
    let all = running.all();
    assert_eq!(all[2]["scopes"][0]["error"]["class"], "denied", "{:#}", all[2]);
    running.cloud.set("foreign-link", "100%");
    running.cloud.set("deny-actions", "");
    running.stands("partial");
    let all = running.all();
    let refusals = all[3]["refusals"].as_array().unwrap();
    assert!(!refusals.is_empty() && refusals.iter().all(|of| of["rule"] == "coverage"));
    assert!(refusals.iter().all(|of| of["approve"].is_null()), "no approval makes it readable");
    // The cloud refuses to cut `two`, and does not know `nine`.
    running.cloud.set("stuck", "i-two:OperationDenied");
    running.cloud.set("foreign-link", "0%");
    let told = |list: &str, instance: &str| {
        let scope = running.get(A);
        scope[list].as_array().unwrap().iter().any(|link| link["instanceId"] == instance)
    };
    let both = || told("missingLinks", "i-nine") && told("quarantined", "i-two");
    until("both are told", both, || format!("{:#}\n{}", running.get(A), running.daemon.log()));
    running.all();
}

#[test]
fn without_a_revision_every_answer_says_so() {
    let running = running(Cloud::with(LINKS), &[("a.yaml", "kind: [\n".to_owned())], &[]);
    running.daemon.says("cannot be accepted");
    for path in ["status", "scopes", "refusals", "trend", "runs", "history"] {
        running.get(&format!("/api/v1/{path}"));
    }
    for (path, expected) in [("/api/v1/plan", 503), (A, 404), ("/api/v1/history?since=x", 400)] {
        assert_eq!(running.answer(path).0, expected, "{path}");
    }
}

#[test]
fn a_live_detach_is_seen_on_the_stream() {
    let listed = manifest("a", "detach", &["one", "two", "three"], "");
    let running = running(Cloud::with(LINKS), &[("a.yaml", listed)], &[]);
    running.stands("converged");
    let document = ask(&running.address, "/api/v1/openapi.json", &[]).json();
    let mut stream = Stream::open(&running.address, "/api/v1/events");
    running.place.write("a.yaml", &manifest("a", "detach", &["one", "two"], ""));
    let mut names = Vec::new();
    loop {
        let event = stream.next();
        schema::hold_event(&document, &event.name, &event.data);
        names.push(event.name.clone());
        assert_eq!(event.id, names.len().to_string(), "ids count");
        if event.name == "passed" && event.data["converged"] == 1 {
            assert_eq!((&event.data["vpcId"], &event.data["left"]), (&"vpc-a".into(), &0.into()));
            break;
        }
    }
    assert!(names.contains(&"accepted".to_owned()), "{names:?}");
    assert_eq!(running.cloud.links("a"), ["one", "two"]);
    // A stream that nobody closes does not hold up the end.
    assert_eq!(running.daemon.end(), 0);
    drop(stream);
}

#[test]
fn hostile_requests_are_refused_by_the_built_program() {
    let listed = manifest("a", "detach", &["one", "two", "three"], "");
    let running =
        running(Cloud::with(LINKS), &[("a.yaml", listed)], &["--set", "hosts=[links.example]"]);
    let hosts = [
        "evil.example",
        "evil.example:80",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "192.0.2.1",
        "[2001:db8::1]",
        "a@localhost",
        "localhost:1:1",
        "0.0.0.0",
        "xlinks.example",
    ];
    let mut refused = 0;
    for host in hosts {
        assert_eq!(ask(&running.address, "/api/v1/status", &[("Host", host)]).code, 421, "{host}");
        refused += 1;
    }
    let own = running.address.clone();
    let origins = [
        "http://evil.example",
        "null",
        "http://127.0.0.1",
        "http://localhost:3000",
        "file://",
        "https://127.0.0.1.evil.example",
        "http://links.example",
        "chrome-extension://x",
    ];
    for origin in origins {
        let answer = ask(&own, "/api/v1/status", &[("Host", &own), ("Origin", origin)]);
        assert_eq!(answer.code, 403, "{origin}");
        refused += 1;
    }
    for site in ["cross-site", "same-site"] {
        let answer = ask(&own, "/api/v1/events", &[("Host", &own), ("Sec-Fetch-Site", site)]);
        assert_eq!(answer.code, 403, "{site}");
        refused += 1;
    }
    assert_eq!(refused, 20);
    let known = ask(
        &own,
        "/api/v1/status",
        &[("Host", "links.example:443"), ("Origin", "https://links.example:443")],
    );
    assert_eq!(known.code, 200);
    for header in [
        "content-security-policy: default-src 'none'",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
    ] {
        assert!(known.head.contains(header), "{}", known.head);
    }
}
