//! Board, watcher, queues and couriers together, against receivers on loopback and paused time.

use super::sink::tests::sink;
use super::*;
use crate::clock::TokioClock;
use crate::desired::Tree;
use crate::model::{Digest, Revision};
use std::collections::BTreeMap;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A receiver that answers the first requests with these, then always with the last.
struct Receiver {
    url: String,
    heard: Arc<Mutex<Vec<(tokio::time::Duration, serde_json::Value)>>>,
}

impl Receiver {
    async fn with(answers: &'static [&'static str], clock: Arc<dyn Clock>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook/s3cretcanary", listener.local_addr().unwrap());
        let heard: Arc<Mutex<Vec<_>>> = Arc::default();
        let told = Arc::clone(&heard);
        tokio::spawn(async move {
            let mut answers = answers.iter().copied();
            let mut answer = "200 OK\r\n";
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                answer = answers.next().unwrap_or(answer);
                let body = body(&mut stream).await;
                told.lock().unwrap().push((clock.now().monotonic, body));
                let text =
                    format!("HTTP/1.1 {answer}content-length: 0\r\nconnection: close\r\n\r\n");
                let _gone = stream.write_all(text.as_bytes()).await;
            }
        });
        Self { url, heard }
    }

    fn count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

async fn body(stream: &mut tokio::net::TcpStream) -> serde_json::Value {
    let mut read = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let size = stream.read(&mut chunk).await.unwrap_or(0);
        read.extend(&chunk[..size]);
        let text = String::from_utf8_lossy(&read);
        if let Some((_, body)) = text.split_once("\r\n\r\n")
            && let Ok(value) = serde_json::from_str(body)
        {
            return value;
        }
        assert!(size > 0, "no whole request: {text}");
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(TokioClock::starting_at(jiff::Timestamp::UNIX_EPOCH))
}

/// Lets time pass until it holds; bounded by virtual time.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..200_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not in time: {what}");
}

fn notifier(sinks: &[Sink], board: &Board, clock: &Arc<dyn Clock>) -> Notifier {
    Notifier::start(sinks, board, &Sender::default(), clock, 1).unwrap()
}

fn board() -> Board {
    Board::new(Duration::from_secs(60))
}

#[tokio::test(start_paused = true)]
async fn what_comes_together_is_one_message() {
    let (clock, board) = (clock(), board());
    let receiver = Receiver::with(&[], Arc::clone(&clock)).await;
    let notifier = notifier(&[sink(Kind::Json, &receiver.url)], &board, &clock);
    board.trouble(Some("bad".into()), clock.now());
    board.trouble(None, clock.now());
    until("a message", || receiver.count() == 1).await;
    let events = receiver.heard.lock().unwrap()[0].1["events"].clone();
    let words: Vec<_> =
        events.as_array().unwrap().iter().map(|event| event["event"].clone()).collect();
    assert_eq!(words, ["source-refused", "source-accepted-again"]);
    until("it is counted", || notifier.stats()[0].sent == 2).await;
    assert_eq!(notifier.stats()[0].messages, 1);
    notifier.end().await;
    assert_eq!(receiver.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_fails_is_tried_again_and_its_wish_to_wait_is_followed() {
    let (clock, board) = (clock(), board());
    let answers = &["503 No\r\n", "429 Slow\r\nretry-after: 300\r\n", "200 OK\r\n"];
    let receiver = Receiver::with(answers, Arc::clone(&clock)).await;
    let notifier = notifier(&[sink(Kind::Slack, &receiver.url)], &board, &clock);
    board.trouble(Some("bad".into()), clock.now());
    until("three attempts", || receiver.count() == 3).await;
    until("it is counted", || notifier.stats()[0].sent == 1).await;
    let at: Vec<_> = receiver.heard.lock().unwrap().iter().map(|(at, _)| *at).collect();
    assert!(at[2] - at[1] >= Duration::from_secs(300), "{at:?}");
    assert_eq!(notifier.stats()[0].retries, 2);
}

/// Goes on by a second between any two looks at it, and fails once, at a look of the courier's own.
struct Failing {
    good: Arc<dyn Clock>,
    looks: AtomicU64,
    fails_at: u64,
}

impl Clock for Failing {
    fn now(&self) -> Moment {
        let look = self.looks.fetch_add(1, Ordering::SeqCst);
        assert!(look != self.fails_at, "on purpose");
        self.good.now().after(Duration::from_secs(look))
    }
}

fn failing(good: &Arc<dyn Clock>, fails_at: u64) -> Arc<dyn Clock> {
    Arc::new(Failing { good: Arc::clone(good), looks: AtomicU64::new(0), fails_at })
}

#[tokio::test(start_paused = true)]
async fn a_wish_to_wait_for_ever_costs_no_more_than_the_message() {
    let (clock, board) = (clock(), board());
    let answers = &["429 Slow\r\nretry-after: 18446744073709551615\r\n", "200 OK\r\n"];
    let receiver = Receiver::with(answers, Arc::clone(&clock)).await;
    let notifier = notifier(&[sink(Kind::Json, &receiver.url)], &board, &failing(&clock, u64::MAX));
    board.trouble(Some("bad".into()), clock.now());
    until("it is judged", || notifier.stats()[0].failed + notifier.stats()[0].retries > 0).await;
    board.trouble(None, clock.now());
    until("the sink lives", || notifier.stats()[0].sent > 0).await;
    let first_try = receiver.heard.lock().unwrap()[0].0;
    assert!(clock.now().monotonic <= first_try + Duration::from_secs(2 * 3600));
}

#[tokio::test(start_paused = true)]
async fn a_courier_that_fails_loses_its_message_says_so_and_goes_on() {
    let (good, board) = (clock(), board());
    // The first is asked before the news leave the queue, the second after.
    for (fails_at, lost) in [(0, 0), (1, 1)] {
        let receiver = Receiver::with(&[], Arc::clone(&good)).await;
        let clock = failing(&good, fails_at);
        let notifier = notifier(&[sink(Kind::Json, &receiver.url)], &board, &clock);
        board.trouble(Some("bad".into()), good.now());
        until("a message is lost or sent", || {
            notifier.stats()[0].failed + notifier.stats()[0].sent == 1
        })
        .await;
        board.trouble(None, good.now());
        until("the next one is told", || notifier.stats()[0].sent + lost == 2).await;
        assert_eq!(notifier.stats()[0].failed, lost);
        assert_eq!(receiver.heard.lock().unwrap()[0].1["lost"], lost);
        notifier.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_given_up_and_the_next_one_says_so() {
    let (clock, board) = (clock(), board());
    let answers = &["404 Gone\r\n", "302 Found\r\nlocation: http://127.0.0.1:1/\r\n", "200 OK\r\n"];
    let receiver = Receiver::with(answers, Arc::clone(&clock)).await;
    let notifier = notifier(&[sink(Kind::Json, &receiver.url)], &board, &clock);
    for (n, why) in ["a", "b", "c"].iter().enumerate() {
        board.trouble(Some((*why).into()), clock.now());
        until("an attempt", || receiver.count() == n + 1).await;
        until("it is judged", || {
            notifier.stats()[0].failed + notifier.stats()[0].sent == n as u64 + 1
        })
        .await;
    }
    assert_eq!((notifier.stats()[0].failed, notifier.stats()[0].sent), (2, 1));
    assert_eq!(receiver.heard.lock().unwrap()[2].1["lost"], 2);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_sent_more_messages_a_minute_than_configured() {
    let (clock, board) = (clock(), board());
    let receiver = Receiver::with(&[], Arc::clone(&clock)).await;
    let mut sink = sink(Kind::Json, &receiver.url);
    (sink.batch, sink.per_minute) = (Duration::ZERO, 3);
    let _notifier = notifier(&[sink], &board, &clock);
    for n in 0..40 {
        board.trouble(Some(n.to_string()), clock.now());
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    until("all told", || {
        let heard = receiver.heard.lock().unwrap();
        heard.iter().map(|(_, body)| body["events"].as_array().unwrap().len()).sum::<usize>() == 40
    })
    .await;
    let at: Vec<_> = receiver.heard.lock().unwrap().iter().map(|(at, _)| *at).collect();
    for three in at.windows(4) {
        assert!(three[3] - three[0] >= Duration::from_secs(59), "{at:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_receiver_grows_nothing_and_is_told_what_it_missed() {
    let (clock, board) = (clock(), board());
    // Takes connections and never answers: the backlog of a listener that nobody accepts from.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", silent.local_addr().unwrap());
    let notifier = notifier(&[sink(Kind::Json, &url)], &board, &clock);
    for n in 0..3000 {
        board.trouble(Some(n.to_string()), clock.now());
        tokio::task::yield_now().await;
    }
    until("the queue is full", || notifier.stats()[0].dropped > 0).await;
    let stats = notifier.stats()[0].clone();
    assert!(stats.queued <= 512, "{stats:?}");
    let begun = clock.now();
    notifier.end().await;
    assert!(clock.now().since(begun) <= FLUSH, "the end waits no longer than that");
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_lags_says_so() {
    let (clock, board) = (clock(), board());
    let receiver = Receiver::with(&[], Arc::clone(&clock)).await;
    let notifier = notifier(&[sink(Kind::Json, &receiver.url)], &board, &clock);
    // Nothing is waited for here, so the follower does not run.
    for n in 0..2000 {
        board.trouble(Some(n.to_string()), clock.now());
    }
    until("a message", || receiver.count() > 0).await;
    let first = receiver.heard.lock().unwrap()[0].1.clone();
    assert!(first["lost"].as_u64().unwrap() > 0, "{}", first["lost"]);
    drop(notifier);
}

#[tokio::test(start_paused = true)]
async fn what_happened_before_the_end_is_told_without_waiting_for_more() {
    let (clock, board) = (clock(), board());
    let receiver = Receiver::with(&[], Arc::clone(&clock)).await;
    let mut sink = sink(Kind::Json, &receiver.url);
    sink.batch = Duration::from_secs(600);
    let notifier = notifier(&[sink], &board, &clock);
    let revision = Arc::new(Revision::of_content(Digest::of([b"x".as_slice()])));
    board.accepted(
        &Arc::new(Tree { revision: Arc::clone(&revision), scopes: BTreeMap::new() }),
        clock.now(),
    );
    board.trouble(Some("bad".into()), clock.now());
    notifier.end().await;
    assert_eq!(receiver.count(), 1);
    let event = receiver.heard.lock().unwrap()[0].1["events"][0].clone();
    assert_eq!(event["event"], "source-refused");
    assert_eq!(event["revision"], serde_json::Value::Null, "what is refused is another one");
}
