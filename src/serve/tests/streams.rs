//! Server-sent events.

use super::*;
use crate::model::Mode;
use crate::report::ScopeReport;

fn report() -> Arc<ScopeReport> {
    let error = crate::cloud::CloudError::new(crate::cloud::Class::Denied, "Forbidden", "no");
    Arc::new(ScopeReport::of_failure(&crate::plan::tests::desired(Mode::Detach, &[1]), error))
}

impl Running {
    /// A stream that is being followed.
    pub(super) async fn followed(&self) -> (TcpStream, String) {
        let mut stream = self.connected().await;
        let request = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut heard = String::new();
        until(&mut stream, &mut heard, "following").await;
        (stream, heard)
    }
}

async fn until(stream: &mut TcpStream, heard: &mut String, what: &str) {
    let mut buffer = [0; 4096];
    let all = async {
        while !heard.contains(what) {
            let count = stream.read(&mut buffer).await.unwrap();
            assert_ne!(count, 0, "ended before `{what}`: {heard}");
            heard.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    };
    tokio::time::timeout(DEADLINE, all).await.unwrap_or_else(|_| panic!("no `{what}`"));
}

#[tokio::test]
async fn what_happens_is_told_in_order_and_little_of_it() {
    let server = running(accept::LIMITS).await;
    let (mut stream, mut heard) = server.followed().await;
    assert!(heard.contains("text/event-stream") && heard.contains("retry: 3000"), "{heard}");
    assert!(heard.contains("default-src 'none'"));
    server.board.trouble(Some("why\nand ".to_owned() + &"x".repeat(100_000)), moment(1));
    server.board.passed(&report(), moment(2));
    server.board.stopped_by(vec!["everything".into()], vec![], None, moment(3));
    until(&mut stream, &mut heard, "event: stopped").await;
    until(&mut stream, &mut heard, "everything").await;
    let order = ["id: 1\nevent: trouble\n", "id: 2\nevent: passed\n", "id: 3\nevent: stopped\n"];
    let at: Vec<_> =
        order.iter().map(|part| heard.find(part).unwrap_or_else(|| panic!("{heard}"))).collect();
    assert!(at.is_sorted());
    assert!(
        heard.contains(r#""verdict":"partial""#) && heard.contains(r#""vpcId":"vpc-a""#),
        "{heard}"
    );
    assert!(heard.len() < 4000, "{} characters", heard.len());
}

#[tokio::test]
async fn the_end_of_the_daemon_is_the_end_of_its_streams() {
    // The stream has to end by itself, and not because nobody waits for it any longer.
    let server = running(accept::Limits { grace: DEADLINE * 10, ..accept::LIMITS }).await;
    let (mut stream, _) = server.followed().await;
    server.stop.cancel();
    to_the_end(&mut stream).await;
    tokio::time::timeout(DEADLINE, server.served).await.expect("it ends").unwrap();
}

#[tokio::test]
async fn there_are_so_many_streams_and_each_that_ends_makes_room() {
    let server = running(accept::LIMITS).await;
    let mut open = Vec::new();
    for _ in 0..events::STREAMS_MAX {
        open.push(server.followed().await);
    }
    let answer = server.get("/api/v1/events").await;
    assert_eq!(code(&answer), "503", "{answer}");
    assert!(body(&answer)["error"].as_str().unwrap().contains("64"));
    assert_eq!(code(&server.get("/api/v1/status").await), "200");
    open.clear();
    let again = async {
        loop {
            let mut stream = server.connected().await;
            let request = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut start = [0; 16];
            stream.read_exact(&mut start).await.unwrap();
            if start.starts_with(b"HTTP/1.1 200") {
                break;
            }
        }
    };
    tokio::time::timeout(DEADLINE, again).await.expect("there is room again");
}

#[tokio::test]
async fn who_does_not_keep_up_hears_how_much_it_missed() {
    let server = running(accept::LIMITS).await;
    let (mut stream, mut heard) = server.followed().await;
    // More than the board keeps, before the stream gets its turn: nothing here waits.
    for at in 0..3000 {
        server.board.passed(&report(), moment(at));
    }
    until(&mut stream, &mut heard, "event: missed").await;
    until(&mut stream, &mut heard, "id: 3000\n").await;
    let missed = heard.split(r#"{"count":"#).nth(1).unwrap().split('}').next().unwrap();
    let told = heard.matches("event: passed").count();
    assert_eq!(missed.parse::<usize>().unwrap() + told, 3000);
}

#[tokio::test]
async fn a_reader_that_sleeps_holds_nobody_up() {
    let server = running(accept::LIMITS).await;
    let sleeping = server.followed().await;
    let far = Moment { wall: moment(9).wall, monotonic: Duration::from_secs(9) };
    for _ in 0..200_000 {
        server.board.passed(&report(), far);
    }
    assert_eq!(server.board.said().passes, 200_000);
    assert_eq!(code(&server.get("/api/v1/status").await), "200");
    drop(sleeping);
}
