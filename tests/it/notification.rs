//! Notifications of the built daemon, to a receiver on loopback that is well, broken, silent or gone.

use crate::harness::{Cloud, Daemon, Place, manifest, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

const LINKS: &[(&str, &str)] =
    &[("a", "one"), ("a", "two"), ("a", "three"), ("a", "four"), ("b", "x"), ("b", "y")];
const KEEP: &[&str] = &["one", "two", "three", "four"];
/// In the path and the query of every URL, and in the secret.
const CANARY: &str = "s3cr3t-canary-9c1f";

/// How a receiver behaves.
#[derive(Clone, Copy)]
enum Mood {
    /// Answers with this body.
    Takes(&'static str),
    /// Answers 503.
    Broken,
    /// Takes connections, reads, and says nothing.
    Silent,
}

struct Receiver {
    port: u16,
    heard: Arc<Mutex<Vec<(String, Value)>>>,
    mood: Arc<Mutex<Mood>>,
    over: Arc<AtomicBool>,
    serving: Option<JoinHandle<()>>,
}

impl Receiver {
    fn start(mood: Mood) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), mood)
    }

    fn on(listener: TcpListener, mood: Mood) -> Self {
        let port = listener.local_addr().unwrap().port();
        let (heard, over): (Arc<Mutex<Vec<_>>>, Arc<AtomicBool>) = Default::default();
        let mood = Arc::new(Mutex::new(mood));
        let (told, ended, now) = (Arc::clone(&heard), Arc::clone(&over), Arc::clone(&mood));
        let serving = std::thread::spawn(move || {
            // Those that are given no answer stay open until the end.
            let mut open = Vec::new();
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let mut stream = stream.unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                let Some(request) = request(&mut stream) else { continue };
                told.lock().unwrap().push(request);
                let answer = match *now.lock().unwrap() {
                    Mood::Takes(body) => {
                        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
                    }
                    Mood::Broken => "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n".to_owned(),
                    Mood::Silent => {
                        open.push(stream);
                        continue;
                    }
                };
                let _gone = stream.write_all(answer.as_bytes());
            }
        });
        Self { port, heard, mood, over, serving: Some(serving) }
    }

    fn becomes(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook/{CANARY}?access_token={CANARY}", self.port)
    }

    fn requests(&self) -> Vec<(String, Value)> {
        self.heard.lock().unwrap().clone()
    }

    /// The events that were told; generic JSON only.
    fn events(&self) -> Vec<(String, Value)> {
        let bodies = self.requests().into_iter().map(|(_, body)| body);
        let events = bodies.flat_map(|body| body.pointer("/events").cloned());
        let events = events.flat_map(|events| events.as_array().cloned().unwrap_or_default());
        let word =
            |event: &Value| event.pointer("/event").and_then(Value::as_str).map(str::to_owned);
        events.map(|event| (word(&event).unwrap(), event)).collect()
    }

    fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (word, _) in self.events() {
            *counts.entry(word).or_default() += 1;
        }
        counts
    }

    fn hears(&self, word: &str, daemon: &Daemon) -> Value {
        let found = || self.events().into_iter().find(|(heard, _)| heard == word);
        let detail = || format!("{:?}\n{}", self.counts(), daemon.log());
        until(&format!("`{word}` is told"), || found().is_some(), detail);
        found().unwrap().1
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _woken = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(serving) = self.serving.take() {
            let _ended = serving.join();
        }
    }
}

/// The first line and the body of a request.
fn request(stream: &mut TcpStream) -> Option<(String, Value)> {
    let mut read = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let size = stream.read(&mut chunk).ok().filter(|size| *size > 0)?;
        read.extend(chunk.iter().take(size));
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && let Ok(body) = serde_json::from_str(body)
        {
            return Some((head.lines().next().unwrap().to_owned(), body));
        }
    }
}

/// Writes a file that nobody else may read.
fn secret(place: &Place, name: &str, text: &str) -> String {
    let path = place.path().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.display().to_string()
}

/// A configuration file with one sink, whose URL is in a file.
fn configured(place: &Place, url: &str, more: &Value) -> String {
    let mut sink = json!({
        "name": "ops", "kind": "json", "batch": "100ms", "perMinute": 600,
        "urlFile": secret(place, "url", &format!("{url}\n")),
    });
    sink.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let path = place.path().join("config.yaml");
    fs::write(&path, json!({ "notifications": [sink] }).to_string()).unwrap();
    path.display().to_string()
}

fn running(receiver: &Receiver, more: &Value) -> (Place, Cloud, Daemon) {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", KEEP, ""));
    let config = configured(&place, &receiver.url(), more);
    let daemon = place.daemon(&cloud, &["--config", &config, "--log-level", "trace"]);
    daemon.says("a revision is accepted");
    (place, cloud, daemon)
}

fn no_secret_shows(place: &Place, log: &str) {
    assert!(!log.contains(CANARY), "{log}");
    for name in ["state/journal.sqlite", "state/journal.sqlite-wal"] {
        let bytes = fs::read(place.path().join(name)).unwrap_or_default();
        assert!(!bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes()), "{name}");
    }
}

/// A link that nobody lists goes and is seen to be gone: passes go on.
fn drift_goes(cloud: &Cloud, daemon: &Daemon) {
    let seen =
        || daemon.log().matches("instance=i-x verb=detach attempt=1 outcome=\"detached").count();
    let before = seen();
    cloud.attach_by_hand("a", "x");
    until("x is seen to be gone", || seen() > before, || daemon.log());
    assert!(!cloud.links("a").contains(&"x".to_owned()));
}

#[test]
fn drift_is_told_once_when_found_and_once_when_repaired() {
    let receiver = Receiver::start(Mood::Takes("ok"));
    let (place, cloud, daemon) = running(&receiver, &json!({}));
    drift_goes(&cloud, &daemon);
    let repaired = receiver.hears("drift-repaired", &daemon);
    assert_eq!(repaired["links"], json!(["i-x"]));
    assert_eq!(repaired["scope"]["vpcId"], "vpc-a");
    assert_eq!(repaired["revision"]["digest"].as_str().unwrap().len(), 64);
    let reads = cloud.calls("DescribeClassicLinkInstances");
    let later = || cloud.calls("DescribeClassicLinkInstances") >= reads + 6;
    until("some passes later", later, || daemon.log());
    let log = daemon.log();
    assert_eq!(daemon.end(), 0);
    let expected =
        BTreeMap::from([("drift-found".to_owned(), 1), ("drift-repaired".to_owned(), 1)]);
    assert_eq!(receiver.counts(), expected);
    no_secret_shows(&place, &log);
}

#[test]
fn a_hold_is_told_once_with_its_way_out_and_so_is_its_end() {
    let receiver = Receiver::start(Mood::Takes("ok"));
    let more = json!({ "events": ["hold", "hold-ended"] });
    let (place, cloud, daemon) = running(&receiver, &more);
    place
        .write("a.yaml", &manifest("a", "observe", &["one", "two", "three"], "# reason: <@all>\n"));
    let hold = receiver.hears("hold", &daemon);
    assert!(hold["text"].as_str().unwrap().contains("[observeMode]"), "{hold}");
    assert!(hold["wayOut"].as_str().unwrap().contains("mode: detach"), "{hold}");
    let reads = cloud.calls("DescribeClassicLinkInstances");
    let later = || cloud.calls("DescribeClassicLinkInstances") >= reads + 6;
    until("some passes later", later, || daemon.log());
    place.write("a.yaml", &manifest("a", "detach", KEEP, ""));
    receiver.hears("hold-ended", &daemon);
    assert_eq!((daemon.end(), cloud.writes()), (0, 0));
    let expected = BTreeMap::from([("hold".to_owned(), 1), ("hold-ended".to_owned(), 1)]);
    assert_eq!(receiver.counts(), expected);
}

#[test]
fn an_action_that_fails_is_told_once_and_its_link_rests() {
    let receiver = Receiver::start(Mood::Takes("ok"));
    let (_place, cloud, daemon) = running(&receiver, &json!({}));
    cloud.set("stuck", "i-x:OperationDenied");
    cloud.attach_by_hand("a", "x");
    let failed = receiver.hears("action-failed", &daemon);
    assert_eq!(failed["links"], json!(["i-x"]));
    receiver.hears("quarantine", &daemon);
    let reads = cloud.calls("DescribeClassicLinkInstances");
    let later = || cloud.calls("DescribeClassicLinkInstances") >= reads + 6;
    until("some passes later", later, || daemon.log());
    assert_eq!(daemon.end(), 0);
    for word in ["action-failed", "quarantine", "drift-found"] {
        assert_eq!(receiver.counts().get(word), Some(&1), "{word}: {:?}", receiver.counts());
    }
}

#[test]
fn a_refused_tree_and_a_pause_are_told_when_they_begin_and_end() {
    let receiver = Receiver::start(Mood::Takes("ok"));
    let (place, cloud, daemon) = running(&receiver, &json!({}));
    place.write("b.yaml", "kind: [\n");
    let refused = receiver.hears("source-refused", &daemon);
    assert!(refused["text"].as_str().unwrap().contains("b.yaml"), "{refused}");
    fs::remove_file(place.manifests().join("b.yaml")).unwrap();
    receiver.hears("source-accepted-again", &daemon);
    assert_eq!(place.run(&cloud, &["pause", "--reason", "incident-7"]).code, 0);
    let paused = receiver.hears("paused", &daemon);
    assert!(paused["text"].as_str().unwrap().contains("incident-7"), "{paused}");
    assert_eq!(place.run(&cloud, &["resume"]).code, 0);
    receiver.hears("resumed", &daemon);
    assert_eq!(daemon.end(), 0);
}

#[test]
fn a_receiver_that_comes_back_hears_what_happened_meanwhile() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", KEEP, ""));
    let url = format!("http://127.0.0.1:{port}/hook/{CANARY}");
    let config = configured(&place, &url, &json!({}));
    let daemon = place.daemon(&cloud, &["--config", &config, "--log-level", "trace"]);
    daemon.says("a revision is accepted");
    drift_goes(&cloud, &daemon);
    daemon.says("it is tried again");
    // Broken, and then well.
    let receiver = Receiver::on(TcpListener::bind(("127.0.0.1", port)).unwrap(), Mood::Broken);
    until("it is tried again", || !receiver.requests().is_empty(), || daemon.log());
    receiver.becomes(Mood::Takes("ok"));
    daemon.says("the notification is delivered");
    receiver.hears("drift-repaired", &daemon);
    no_secret_shows(&place, &daemon.log());
    assert_eq!(daemon.end(), 0);
}

#[test]
fn a_receiver_that_never_answers_holds_up_no_pass_and_no_end() {
    let receiver = Receiver::start(Mood::Silent);
    let (_place, cloud, mut daemon) = running(&receiver, &json!({}));
    drift_goes(&cloud, &daemon);
    until("a message hangs", || !receiver.requests().is_empty(), || daemon.log());
    // More than three times within an hour would be a dispute, and held.
    for _ in 0..2 {
        drift_goes(&cloud, &daemon);
    }
    assert!(!daemon.log().contains("notification delivered"), "{}", daemon.log());
    daemon.signal("-TERM");
    daemon.says("the last notifications were not taken in time");
    assert_eq!(daemon.wait(), 0);
}

#[test]
fn a_receiver_that_dies_holds_up_no_pass() {
    let receiver = Receiver::start(Mood::Takes("ok"));
    let (place, cloud, daemon) = running(&receiver, &json!({}));
    drift_goes(&cloud, &daemon);
    receiver.hears("drift-repaired", &daemon);
    drop(receiver);
    // More than three times within an hour would be a dispute, and held.
    for _ in 0..2 {
        drift_goes(&cloud, &daemon);
    }
    daemon.says("it is tried again");
    no_secret_shows(&place, &daemon.log());
    assert_eq!(daemon.end(), 0);
}

#[test]
fn a_test_message_says_which_receiver_took_it() {
    let (place, cloud) = (Place::new(), Cloud::with(&[]));
    let taken = Receiver::start(Mood::Takes(r#"{"errcode":0,"errmsg":"ok"}"#));
    let refused = Receiver::start(Mood::Takes(
        r#"{"code":19021,"msg":"sign match fail s3cr3t-canary-9c1f"}"#,
    ));
    let sink = |name: &str, kind: &str, receiver: &Receiver| {
        json!({
            "name": name, "kind": kind,
            "urlFile": secret(&place, &format!("{name}.url"), &receiver.url()),
            "secretFile": secret(&place, &format!("{name}.key"), CANARY),
        })
    };
    let sinks = json!([sink("ding", "dingtalk", &taken), sink("fei", "lark", &refused)]);
    let config = place.path().join("config.yaml");
    fs::write(&config, json!({ "notifications": sinks }).to_string()).unwrap();
    let test = |names: &[&str]| {
        let arguments =
            [&["notify-test", "--config", "config.yaml", "--log-level", "trace"], names];
        place.run(&cloud, &arguments.concat())
    };
    let both = test(&[]);
    assert_eq!(both.code, 1, "{both:?}");
    let lines: Vec<&str> = both.out.lines().collect();
    assert!(lines[0].starts_with("ding") && lines[0].ends_with("taken"), "{both:?}");
    assert!(lines[1].contains("NOT taken") && lines[1].contains("19021"), "{both:?}");
    assert!(!both.out.contains(CANARY) && !both.err.contains(CANARY), "{both:?}");
    assert_eq!(test(&["ding"]).code, 0);
    let unknown = test(&["nobody"]);
    assert!(unknown.code == 1 && unknown.err.contains("ding, fei"), "{unknown:?}");
    let (line, _) = &taken.requests()[0];
    assert!(line.contains("&timestamp=") && line.contains("&sign="), "{line}");
    let (_, body) = &refused.requests()[0];
    assert!(body["sign"].is_string() && body["timestamp"].is_string(), "{body}");
}

#[test]
fn a_daemon_does_not_start_with_a_secret_that_others_can_read() {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", KEEP, ""));
    let config = configured(&place, &format!("http://127.0.0.1:1/{CANARY}"), &json!({}));
    let file = place.path().join("url");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = place
        .run(&cloud, &["run", "--manifests", "manifests", "--listen", "none", "--config", &config]);
    assert!(ran.code == 1 && ran.err.contains("chmod 600"), "{ran:?}");
    assert!(!ran.err.contains(CANARY), "{ran:?}");
}

#[test]
fn mistakes_in_sinks_are_told_at_once_and_no_url_with_them() {
    let (place, cloud) = (Place::new(), Cloud::with(&[]));
    let one = |rest: &str| format!("notifications: [{{name: a, kind: dingtalk, {rest}}}]");
    for (text, expected) in [
        (
            format!(
                "notifications: [{{name: a, kind: slack, url: 'http://example.com/{CANARY}', batch: 1, typo: 1}}]"
            ),
            3,
        ),
        (
            format!(
                "notifications: [{{name: 'https://x/{CANARY}', kind: json, url: '{CANARY}', secretFile: k}}]"
            ),
            3,
        ),
        (one(&format!("urlFile: 'https://x/{CANARY}', secretFile: 'x://{CANARY}'")), 2),
        // There are no such files.
        (one(&format!("urlFile: '{CANARY}', secretFile: '{CANARY}'")), 1),
        // A mistake of YAML right beside the URL.
        (format!("notifications:\n- name: a\n  url: https://example.com/{CANARY}\n kind: [\n"), 1),
    ] {
        fs::write(place.path().join("config.yaml"), text).unwrap();
        let ran = place.run(&cloud, &["notify-test", "--config", "config.yaml"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(!ran.err.contains(CANARY) && !ran.out.contains(CANARY), "{ran:?}");
        let told = ran.err.lines().filter(|line| line.contains("`notifications")).count();
        assert!(told == expected || expected == 1, "{ran:?}");
    }
}
