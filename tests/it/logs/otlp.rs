//! A collector on loopback that reads what the built binary exports.

use crate::harness::{Cloud, Place, Ran, manifest, until};
use classiclinkd::clock::{Clock as _, SystemClock};
use classiclinkd::sim::seed::{ACCESS_KEY_ID, ACCESS_KEY_SECRET};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The fields of a message that are texts, bytes or messages, as Protocol Buffers write them.
fn parts(mut bytes: &[u8]) -> Vec<(u64, &[u8])> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (first, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                break;
            }
        }
        value
    }
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let size = match key & 7 {
            0 => {
                varint(&mut bytes);
                continue;
            }
            1 => 8,
            2 => usize::try_from(varint(&mut bytes)).unwrap(),
            5 => 4,
            other => panic!("wire type {other}"),
        };
        let (part, rest) = bytes.split_at(size);
        bytes = rest;
        if key & 7 == 2 {
            found.push((key >> 3, part));
        }
    }
    found
}

fn below(message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    parts(message).into_iter().filter(move |(own, _)| *own == number).map(|(_, part)| part)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Attributes whose values are texts.
fn attributes(message: &[u8], number: u64) -> BTreeMap<String, String> {
    let pair = |pair: &[u8]| {
        let value = below(pair, 2).next()?;
        Some((text(below(pair, 1).next()?), text(below(value, 1).next()?)))
    };
    below(message, number).filter_map(pair).collect()
}

#[derive(Debug, Clone)]
struct Span {
    id: Vec<u8>,
    parent: Vec<u8>,
    name: String,
    attributes: BTreeMap<String, String>,
}

/// `ExportTraceServiceRequest` of opentelemetry-proto 1.x: spans, and the names of services.
fn spans(body: &[u8]) -> (Vec<Span>, Vec<String>) {
    let (mut spans, mut services) = (Vec::new(), Vec::new());
    for of_resource in below(body, 1) {
        for resource in below(of_resource, 1) {
            services.extend(attributes(resource, 1).remove("service.name"));
        }
        for span in below(of_resource, 2).flat_map(|scope| below(scope, 2).collect::<Vec<_>>()) {
            spans.push(Span {
                id: below(span, 2).next().unwrap().to_vec(),
                parent: below(span, 4).next().unwrap_or_default().to_vec(),
                name: text(below(span, 5).next().unwrap()),
                attributes: attributes(span, 9),
            });
        }
    }
    (spans, services)
}

/// Head and body.
type Post = (String, Vec<u8>);

#[derive(Clone, Default)]
struct Received(Arc<Mutex<Vec<Post>>>);

impl Received {
    fn all(&self) -> Vec<Post> {
        self.0.lock().unwrap().clone()
    }

    fn spans(&self) -> Vec<Span> {
        self.all().iter().flat_map(|(_, body)| spans(body).0).collect()
    }
}

fn take(stream: TcpStream, received: &Received) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(size) = line.to_lowercase().strip_prefix("content-length:") {
                length = size.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        received.0.lock().unwrap().push((head, body));
        reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()?;
    }
}

/// A collector, for as long as the process lives: its threads end with their connections.
fn collector() -> (String, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let received = Received::default();
    let shared = received.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let received = shared.clone();
            std::thread::spawn(move || take(stream.unwrap(), &received));
        }
    });
    (url, received)
}

#[test]
fn spans_of_a_pass_reach_the_collector_with_their_calls_below_and_no_secret() {
    let cloud = Cloud::with(&[("a", "stray"), ("a", "one")]);
    let place = Place::new();
    place.write("a.yaml", &manifest("a", "detach", &["one"], ""));
    let (url, received) = collector();
    let mut command = place.command(&cloud, &["run", "--manifests", "manifests"]);
    command.args(["--interval", "1s", "--listen", "none"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &url);
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=t0kencanary");
    let daemon = crate::harness::Daemon::start(command, place.path().join("log"));
    daemon.says("converged");
    let log = daemon.log();
    // What has not been sent yet is sent at the end.
    assert_eq!(daemon.end(), 0);
    let found = received.spans();
    let called =
        found.iter().find(|span| span.name == "call").unwrap_or_else(|| panic!("{found:?}"));
    let of = |name: &str| called.attributes.get(name).map(String::as_str);
    assert_eq!(
        (of("instance"), of("verb"), of("code")),
        (Some("i-stray"), Some("detach"), Some("ok"))
    );
    assert!(of("request_id").is_some() && of("run").is_some(), "{called:?}");
    let above = |span: &Span| found.iter().find(|other| other.id == span.parent).cloned();
    let applied = above(called).unwrap();
    let pass = above(&applied).unwrap();
    assert_eq!((applied.name.as_str(), pass.name.as_str()), ("apply", "pass"));
    assert!(applied.attributes.contains_key("plan"), "{applied:?}");
    assert_eq!(pass.attributes["scope"], "default/cn-hangzhou/vpc-a");
    assert!(pass.attributes.contains_key("revision") && above(&pass).is_none(), "{pass:?}");
    assert!(found.iter().any(|span| span.name == "read"), "{found:?}");

    for (head, body) in received.all() {
        assert!(head.starts_with("POST /v1/traces HTTP/1.1"), "{head}");
        assert!(head.contains("authorization: t0kencanary"), "{head}");
        assert_eq!(spans(&body).1, ["classiclinkd"]);
        let raw = String::from_utf8_lossy(&body);
        for secret in [ACCESS_KEY_SECRET, ACCESS_KEY_ID, "t0kencanary"] {
            assert!(!raw.contains(secret), "{secret}");
        }
    }
    assert!(!log.contains("t0kencanary"), "{log}");
}

#[test]
fn a_collector_that_hangs_costs_no_pass_and_two_seconds_at_the_end() {
    let cloud = Cloud::with(&[("a", "stray"), ("a", "one")]);
    let place = Place::new();
    place.write("a.yaml", &manifest("a", "detach", &["one"], ""));
    // It takes connections in, and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = place.command(&cloud, &["run", "--manifests", "manifests"]);
    command.args(["--interval", "1s", "--listen", "none"]);
    let url = format!("http://{}", listener.local_addr().unwrap());
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", url).env("OTEL_BSP_SCHEDULE_DELAY", "100");
    let daemon = crate::harness::Daemon::start(command, place.path().join("log"));
    daemon.says("converged");
    let (_open, _) = listener.accept().unwrap();
    let reads = || cloud.calls("DescribeClassicLinkInstances");
    let before = reads();
    until("passes go on while it hangs", || reads() >= before + 3, || daemon.log());
    let clock = SystemClock::new();
    let asked = clock.now();
    assert_eq!(daemon.end(), 0);
    let took = clock.now().since(asked);
    assert!(took < Duration::from_secs(6), "{took:?}");
}

#[test]
fn an_address_that_is_refused_is_said_and_stops_nothing() {
    let cloud = Cloud::with(&[("a", "stray"), ("a", "one")]);
    let place = Place::new();
    place.write("a.yaml", &manifest("a", "detach", &["one"], ""));
    let mut command = place.command(&cloud, &["run", "--once", "--manifests", "manifests"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.example/s3cret");
    let ran = Ran::of(command.output().unwrap());
    assert_eq!((ran.code, cloud.links("a")), (0, vec!["one".to_owned()]), "{ran:?}");
    assert!(ran.err.contains("traces are not exported") && !ran.err.contains("s3cret"), "{ran:?}");
}
