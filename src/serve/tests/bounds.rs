//! What the server takes on, and from whom.

use super::*;

/// The requests that a page of somebody else's, or a program that means ill, could send.
const HOSTILE: [(&str, &str); 24] = [
    ("Host: evil.example", "421"),
    ("Host: evil.example:9108", "421"),
    ("Host: localhost.evil.example", "421"),
    ("Host: 127.0.0.1.evil.example", "421"),
    ("Host: 192.0.2.1", "421"),
    ("Host: [2001:db8::1]", "421"),
    ("Host: evil@localhost", "421"),
    ("Host: localhost:80:80", "421"),
    ("Host:", "421"),
    ("X-Host: localhost", "421"),
    ("Host: localhost\r\nHost: evil.example", "421"),
    ("Host: sub.links.example", "421"),
    ("Host: localhost\r\nOrigin: http://evil.example", "403"),
    ("Host: localhost\r\nOrigin: null", "403"),
    ("Host: localhost\r\nOrigin: http://localhost:3000", "403"),
    ("Host: localhost\r\nOrigin: http://localhost.evil.example", "403"),
    ("Host: localhost\r\nOrigin: file://", "403"),
    ("Host: localhost\r\nOrigin: http://localhost\r\nOrigin: http://evil.example", "403"),
    ("Host: localhost\r\nOrigin: chrome-extension://localhost", "403"),
    ("Host: localhost\r\nSec-Fetch-Site: cross-site", "403"),
    ("Host: localhost\r\nSec-Fetch-Site: same-site", "403"),
    ("Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors", "403"),
    (
        "Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe",
        "403",
    ),
    ("Host: links.example\r\nOrigin: http://localhost", "403"),
];

#[tokio::test]
async fn hostile_requests_are_refused_on_every_route() {
    let server = running(accept::LIMITS).await;
    for path in ["/", "/page.js", "/api/v1/status", "/api/v1/events", "/nonsense"] {
        for (headers, expected) in HOSTILE {
            let request = format!("GET {path} HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n");
            let answer = server.said(&request).await;
            assert_eq!(code(&answer), expected, "{request}{answer}");
            assert!(answer.contains("default-src 'none'"), "{answer}");
            assert!(body(&answer)["error"].is_string());
        }
    }
    let other = "GET http://evil.example/api/v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(code(&server.said(other).await), "421");
}

#[tokio::test]
async fn what_is_not_hostile_is_answered() {
    let server = running(accept::LIMITS).await;
    for (path, headers) in [
        ("/api/v1/status", "Host: localhost:1"),
        ("/api/v1/status", "Host: [::1]"),
        ("/api/v1/status", "Host: Links.Example:8443"),
        ("/api/v1/status", "Host: localhost:1\r\nOrigin: http://localhost:1"),
        ("/api/v1/status", "Host: links.example\r\nOrigin: https://links.example"),
        ("/api/v1/status", "Host: localhost\r\nSec-Fetch-Site: same-origin"),
        ("/", "Host: localhost\r\nSec-Fetch-Site: none"),
        (
            "/",
            "Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document",
        ),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n");
        let answer = server.said(&request).await;
        assert_eq!(code(&answer), "200", "{request}{answer}");
    }
    let probe =
        "GET /livez HTTP/1.1\r\nHost: localhost\r\nOrigin: http://x\r\nConnection: close\r\n\r\n";
    assert_eq!(code(&server.said(probe).await), "503", "answered, and not alive");
}

#[tokio::test]
async fn it_only_tells() {
    let server = running(accept::LIMITS).await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "NONSENSE"] {
        for path in ["/api/v1/status", "/", "/nonsense"] {
            let request =
                format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            let answer = server.said(&request).await;
            assert_eq!(code(&answer), "405", "{answer}");
            assert!(answer.contains("allow: GET, HEAD"), "{answer}");
            assert!(body(&answer)["error"].is_string());
        }
    }
    for more in
        ["Content-Length: 3\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"]
    {
        let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}");
        assert_eq!(code(&server.said(&request).await), "413", "{more}");
    }
    let head = "HEAD /api/v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(code(&server.said(head).await), "200");
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(64 * 1024));
    let answer = server.said(&long).await;
    assert!(!answer.contains(" 200 "), "{answer}");
}

#[tokio::test]
async fn who_sends_a_byte_now_and_then_is_not_waited_for() {
    let limits = accept::Limits { head: Duration::from_millis(300), ..accept::LIMITS };
    let server = running(limits).await;
    let (mut slow, mut silent) = (server.connected().await, server.connected().await);
    let mut idle = server.connected().await;
    idle.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let dripping = async {
        let mut sent = 0;
        for byte in b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nX: "
            .iter()
            .chain([b'x'; 400].iter())
        {
            if slow.write_all(&[*byte]).await.is_err() {
                break;
            }
            sent += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        sent
    };
    let sent = tokio::time::timeout(DEADLINE, dripping).await.unwrap();
    assert!(sent < 400, "it was taken in to the end");
    assert_eq!(to_the_end(&mut silent).await, "");
    assert_eq!(code(&to_the_end(&mut idle).await), "200", "and then its connection ends");
    assert_eq!(code(&server.get("/api/v1/status").await), "200");
}

#[tokio::test]
async fn more_connections_than_there_are_places_are_turned_away() {
    let limits = accept::Limits { connections: 3, ..accept::LIMITS };
    let server = running(limits).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(server.followed().await);
    }
    let answer = to_the_end(&mut server.connected().await).await;
    assert_eq!(code(&answer), "503", "{answer}");
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("content-length: {}", text.len())), "{answer}");
    assert!(body(&answer)["error"].is_string());
    open.pop();
    let again = async {
        while code(&server.get("/api/v1/status").await) != "200" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, again).await.expect("a place is free again");
}

#[tokio::test]
async fn who_takes_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let visit = guests::Visit::new(DEADLINE);
    let mut patient = patient::Patient::new(stream, Duration::from_millis(100), visit);
    let much = vec![0; 1 << 20];
    let writing = async {
        loop {
            if let Err(error) = patient.write_all(&much).await {
                break error.kind();
            }
        }
    };
    let ended = tokio::time::timeout(DEADLINE, writing).await;
    assert_eq!(ended.expect("it is given up"), std::io::ErrorKind::TimedOut);
    drop(peer);
}

#[tokio::test]
async fn who_only_sits_there_keeps_no_probe_out() {
    let server = running(accept::LIMITS).await;
    server.board.beat(SystemClock::new().now(), Default::default());
    let mut silent = Vec::new();
    for _ in 0..accept::LIMITS.connections + 20 {
        silent.push(server.connected().await);
    }
    let answer = server.get("/livez").await;
    assert_eq!(code(&answer), "200", "{answer}");
    assert_eq!(to_the_end(&mut silent[0]).await, "", "the one that sat there for longest went");
}

/// A server whose every answer is this large, with room for so much.
async fn generous(size: usize, room: usize, limits: accept::Limits) -> (SocketAddr, Stopped) {
    let hold = middleware::from_fn_with_state(held::Room::new(room), held::hold);
    let many = move || async move { "x".repeat(size) };
    let router = Router::new().route("/", get(many)).route("/small", get("small")).layer(hold);
    let (listener, address) = bind("127.0.0.1:0").await.unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(accept::serve(listener, router, limits, stop.clone()));
    (address, Stopped(stop.drop_guard()))
}

struct Stopped(
    #[expect(dead_code, reason = "it acts when it is dropped")] tokio_util::sync::DropGuard,
);

async fn ask(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn what_is_held_for_slow_readers_is_bounded_and_small_answers_go_on() {
    let size = 32 << 20;
    let (address, _stop) = generous(size, size + (1 << 20), accept::LIMITS).await;
    let mut slow = ask(address, "/").await;
    slow.readable().await.unwrap();
    let refused = to_the_end(&mut ask(address, "/").await).await;
    assert_eq!(code(&refused), "503", "{} bytes", refused.len());
    assert!(body(&refused)["error"].as_str().unwrap().contains("slowly"));
    assert_eq!(code(&to_the_end(&mut ask(address, "/small").await).await), "200");
    assert!(to_the_end(&mut slow).await.len() > size, "it is not cut off");
    let again = async {
        while code(&to_the_end(&mut ask(address, "/").await).await) != "200" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, again).await.expect("there is room again");
}

#[tokio::test]
async fn who_takes_a_little_now_and_then_is_given_up_too() {
    let size = 64 << 20;
    let limits = accept::Limits { answer: Duration::from_millis(500), ..accept::LIMITS };
    let (address, _stop) = generous(size, size * 2, limits).await;
    let mut slow = ask(address, "/").await;
    let mut part = vec![0; 64 << 10];
    let dripping = async {
        let mut taken = 0;
        loop {
            match slow.read(&mut part).await {
                Ok(0) | Err(_) => break taken,
                Ok(count) => taken += count,
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let taken = tokio::time::timeout(DEADLINE, dripping).await.expect("it ends");
    assert!(taken < size, "{taken}");
}
