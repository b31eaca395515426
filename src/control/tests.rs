use super::*;
use crate::clock::{Clock, SystemClock};
use crate::journal::Memory;
use crate::ledger::event::{Pause, Resume};
use std::path::Path;
use std::sync::Arc;

struct Served {
    folder: tempfile::TempDir,
    journal: Journal,
    orders: mpsc::Receiver<Order>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<io::Result<()>>,
}

impl Served {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let journal = Journal::in_memory(Memory::default(), clock);
        let stop = CancellationToken::new();
        let (sender, orders) = mpsc::channel(1);
        // One that is left over is in nobody's way.
        drop(UnixListener::bind(folder.path().join(FILE)).unwrap());
        let path = folder.path().to_owned();
        let task = tokio::spawn(serve(
            path,
            journal.clone(),
            sender,
            Arc::new(SystemClock::new()),
            stop.clone(),
        ));
        while UnixStream::connect(folder.path().join(FILE)).await.is_err() {
            tokio::task::yield_now().await;
        }
        Self { folder, journal, orders, stop, task }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
        assert!(!self.folder.path().join(FILE).exists(), "the socket goes with the daemon");
    }
}

fn pause(by: &str, cause: Cause) -> Event {
    let (target, by) = (Target::All, by.to_owned());
    Event::Paused(Pause { target, cause, by, reason: None })
}

#[tokio::test]
async fn a_pause_is_in_force_once_it_is_answered_and_bears_the_name_the_kernel_knows() {
    let served = Served::new().await;
    let request = Request::Record(Box::new(pause("somebody else", Cause::Operator)));
    assert_eq!(
        ask(served.path(), request, PATIENCE, &SystemClock::new()).await.unwrap(),
        Answer::Recorded
    );
    let by = served.journal.books().read(|ledger| {
        let mut pauses = ledger.pauses();
        pauses.next().map(|(_, pause)| pause.by.clone())
    });
    assert_eq!(by, Some(name_of(rustix::process::geteuid().as_raw())));
    let mode = std::fs::metadata(served.path().join(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let resume = Resume { target: Target::All, by: String::new(), reason: None };
    let request = Request::Record(Box::new(Event::Resumed(resume)));
    assert_eq!(
        ask(served.path(), request, PATIENCE, &SystemClock::new()).await.unwrap(),
        Answer::Recorded
    );
    assert_eq!(served.journal.books().read(|ledger| ledger.pauses().count()), 0);
    served.end().await;
}

#[tokio::test]
async fn nothing_but_what_operators_say_is_written_down() {
    let served = Served::new().await;
    let began = crate::ledger::event::Began { command: "undo".to_owned(), by: String::new() };
    for event in [pause("x", Cause::Budget), Event::Began(began)] {
        let answer =
            ask(served.path(), Request::Record(Box::new(event)), PATIENCE, &SystemClock::new())
                .await
                .unwrap();
        assert!(
            matches!(&answer, Answer::Refused(why) if why.contains("only pauses")),
            "{answer:?}"
        );
    }
    assert_eq!(served.journal.books().read(|ledger| ledger.pauses().count()), 0);
    served.end().await;
}

#[tokio::test]
async fn the_loop_is_asked_to_look_and_says_at_how_much() {
    let mut served = Served::new().await;
    let path = served.path().to_owned();
    let asking = tokio::spawn(async move {
        ask(&path, Request::Reconcile(Target::All), PATIENCE, &SystemClock::new()).await.unwrap()
    });
    let order = served.orders.recv().await.unwrap();
    assert_eq!(order.target, Target::All);
    order.looking.send(3).unwrap();
    assert_eq!(asking.await.unwrap(), Answer::Looking(3));
    served.end().await;
}

#[tokio::test]
async fn nonsense_and_silence_harm_nobody() {
    let served = Served::new().await;
    let mut silent = Vec::new();
    for _ in 0..2 * ASKERS_MAX {
        silent.push(UnixStream::connect(served.path().join(FILE)).await.unwrap());
    }
    let mut nonsense = UnixStream::connect(served.path().join(FILE)).await.unwrap();
    nonsense.write_all(b"\x00\xff{\n").await.unwrap();
    let mut answer = String::new();
    nonsense.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("refused"), "{answer}");
    let request = Request::Record(Box::new(pause("x", Cause::Operator)));
    assert_eq!(
        ask(served.path(), request, PATIENCE, &SystemClock::new()).await.unwrap(),
        Answer::Recorded
    );
    drop(silent);
    served.end().await;
}

#[tokio::test]
async fn where_nobody_listens_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let request = Request::Reconcile(Target::All);
    assert!(matches!(
        ask(folder.path(), request.clone(), PATIENCE, &SystemClock::new()).await,
        Err(Failed::Nobody)
    ));
    drop(UnixListener::bind(folder.path().join(FILE)).unwrap());
    assert!(matches!(
        ask(folder.path(), request.clone(), PATIENCE, &SystemClock::new()).await,
        Err(Failed::Nobody)
    ));
    let long = folder.path().join("x".repeat(120));
    assert!(matches!(
        ask(&long, request, PATIENCE, &SystemClock::new()).await,
        Err(Failed::Nobody)
    ));
}

#[test]
fn the_daemons_user_and_root_may_ask_and_nobody_else() {
    assert!(may_ask(1001, 1001) && may_ask(0, 1001) && may_ask(0, 0));
    assert!(!may_ask(1002, 1001) && !may_ask(1001, 0));
}

/// A daemon that was stopped for a while finds requests of people who have given up, or said the opposite
/// since.
#[tokio::test]
async fn what_is_not_meant_any_more_is_not_done() {
    let served = Served::new().await;
    let what = Request::Record(Box::new(pause("x", Cause::Operator)));
    let until = SystemClock::new().now().before(Duration::from_secs(1)).wall;
    let mut stream = UnixStream::connect(served.path().join(FILE)).await.unwrap();
    stream.write_all(wire::asked(&Asked { what, until }).as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("given up"), "{answer}");
    assert_eq!(served.journal.books().read(|ledger| ledger.pauses().count()), 0);
    served.end().await;
}
