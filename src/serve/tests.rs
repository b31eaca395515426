//! The server over loopback, asked by hand.

use super::*;
use crate::attempt::{Lanes, Limits};
use crate::clock::{Moment, SystemClock};
use crate::journal::{Journal, Memory, PauseFile, StateDir};
use crate::ledger::Budget;
use crate::ledger::event::{Began, Cause, Event, Pause, Target};
use crate::metrics::{Counts, Sources};
use crate::plan::tests::{moment, scope};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

mod bounds;
mod streams;

/// Longest wait for anything.
const DEADLINE: Duration = Duration::from_secs(20);

struct Running {
    address: SocketAddr,
    board: Board,
    stop: CancellationToken,
    served: JoinHandle<()>,
    folder: tempfile::TempDir,
}

async fn running(limits: accept::Limits) -> Running {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::in_memory(Memory::default(), Arc::clone(&clock));
    let board = Board::new(Duration::from_secs(60));
    let metrics = Metrics::new(Sources {
        counts: Counts::default(),
        board: board.clone(),
        lanes: Arc::new(Lanes::new(Limits::default(), Arc::clone(&clock), 7)),
        accounts: [scope().account].into(),
        journal: journal.clone(),
        pause_file: PauseFile::default(),
        budget: Budget { hour: 50, day: 200 }.into(),
        notifications: Default::default(),
        interval: Duration::from_secs(60),
        started: clock.now().wall,
        clock: Arc::clone(&clock),
    });
    let shown = Shown {
        board: board.clone(),
        metrics,
        clock: Arc::clone(&clock),
        interval: Duration::from_secs(60),
        circumstances: Circumstances {
            bounds: Arc::default(),
            books: journal.books().clone(),
            pause_file: PauseFile::default(),
            clock,
        },
        quarantines: BTreeMap::new(),
        state: folder.path().join("state"),
        hosts: ["links.example".to_owned()].into(),
    };
    let (listener, address) = bind("127.0.0.1:0").await.unwrap();
    let stop = CancellationToken::new();
    let router = router(shown, address.ip(), stop.clone());
    let served = tokio::spawn(accept::serve(listener, router, limits, stop.clone()));
    Running { address, board, stop, served, folder }
}

impl Running {
    async fn connected(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a request whose connection is to be closed, and gives the whole answer.
    async fn said(&self, request: &str) -> String {
        let mut stream = self.connected().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        to_the_end(&mut stream).await
    }

    async fn get(&self, path: &str) -> String {
        self.said(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
            .await
    }

    /// Keeps what entries tell in a journal where the server looks for one.
    async fn journal(&self, events: Vec<Event>) {
        let state = self.folder.path().join("state");
        let state = StateDir::lock(&state).unwrap();
        let (journal, _) = Journal::open(&state, Arc::new(SystemClock::new())).unwrap();
        let written = events.into_iter().map(|event| journal.append(event));
        for result in futures_util::future::join_all(written).await {
            result.unwrap();
        }
    }
}

async fn to_the_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer)).await;
    read.expect("the server ends the connection").ok();
    String::from_utf8_lossy(&answer).into_owned()
}

fn code(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

fn body(answer: &str) -> serde_json::Value {
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

#[test]
fn the_routes_and_the_document_name_each_other() {
    let document: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
    let written: BTreeSet<&str> =
        document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let api = api();
    let routed: BTreeSet<&str> = api.iter().map(|(path, _)| *path).collect();
    assert_eq!(written, routed);
}

#[test]
fn every_schema_of_the_document_is_there_and_used() {
    let document: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
    let named: BTreeSet<&str> = OPENAPI
        .split("\"$ref\": \"#/components/schemas/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    assert_eq!(named, schemas.keys().map(String::as_str).collect());
}

#[tokio::test]
async fn of_a_journal_too_large_to_read_the_end_is_told_and_that_it_is_not_all() {
    let server = running(accept::LIMITS).await;
    let large =
        |n: usize| Event::Began(Began { command: n.to_string().repeat(1 << 20), by: "me".into() });
    server.journal((0..10).cycle().take(20).map(large).collect()).await;
    let runs = body(&server.get("/api/v1/runs").await);
    let rows = runs["runs"].as_array().unwrap();
    assert_eq!((rows.len(), &runs["complete"]), (15, &false.into()));
    assert_eq!(rows[14]["run"], "r20");
    let pages = body(&server.get("/api/v1/history?since=30d").await);
    assert_eq!(pages["complete"], false, "what lies before may have been asked for");
}

#[tokio::test]
async fn what_is_not_there_is_said_in_json() {
    let server = running(accept::LIMITS).await;
    for (path, expected, part) in [
        ("/api/v1/nonsense", "404", "openapi.json"),
        ("/api", "404", "openapi.json"),
        ("/nonsense", "404", "/nonsense"),
        ("/api/v1/scopes/default/cn-hangzhou/vpc-x", "404", "default/cn-hangzhou/vpc-x"),
        ("/api/v1/scopes/%00/%1b%5b/..", "404", "declares"),
        ("/api/v1/scopes/%ff/x/y", "404", "declares"),
        ("/api/v1/plan", "503", "no revision"),
        ("/api/v1/history?since=soon", "400", "24h"),
        ("/api/v1/history?limit=0", "400", "1000"),
        ("/api/v1/runs?limit=1001", "400", "1000"),
        ("/api/v1/runs?since=24h", "400", "`limit`"),
        ("/api/v1/history", "503", "there is none"),
    ] {
        let answer = server.get(path).await;
        assert_eq!(code(&answer), expected, "{path}: {answer}");
        let why = body(&answer)["error"].as_str().unwrap().to_owned();
        assert!(why.contains(part), "{path}: {why}");
        assert!(!why.contains(char::is_control), "{why:?}");
    }
}

#[tokio::test]
async fn before_the_first_pass_everything_else_is_answered() {
    let server = running(accept::LIMITS).await;
    for path in ["status", "scopes", "refusals", "trend", "openapi.json"] {
        let answer = server.get(&format!("/api/v1/{path}")).await;
        assert_eq!(code(&answer), "200", "{answer}");
        assert!(body(&answer).is_object());
    }
    assert_eq!(body(&server.get("/api/v1/status").await)["standing"], "waiting");
}

#[tokio::test]
async fn the_end_of_a_large_journal_is_told() {
    let server = running(accept::LIMITS).await;
    let began = |n: usize| Event::Began(Began { command: format!("run {n}"), by: "me".into() });
    let pause = Event::Paused(Pause {
        target: Target::Scope(scope()),
        cause: Cause::Operator,
        by: "me".into(),
        reason: None,
    });
    let mut events: Vec<Event> = (0..1500).map(began).collect();
    events.push(pause);
    server.journal(events).await;
    let runs = body(&server.get("/api/v1/runs").await);
    let rows = runs["runs"].as_array().unwrap();
    assert_eq!((rows.len(), &runs["complete"]), (100, &false.into()));
    assert_eq!(rows[99]["run"], "r1500", "the newest last");
    let all = body(&server.get("/api/v1/runs?limit=1000").await);
    assert_eq!(all["runs"].as_array().unwrap().len(), 1000);
    let history = body(&server.get("/api/v1/history?since=1h&limit=5").await);
    assert_eq!(history["complete"], true);
    let records = history["records"].as_array().unwrap();
    assert_eq!((records.len(), &records[0]["kind"]), (1, &"paused".into()));
}
