use super::*;
use crate::clock::SystemClock;
use crate::journal::{Journal, Memory, PauseFile};
use crate::sim::SimAccount;
use crate::source::{Reading, State};

mod isolation;
mod wakes;

#[tokio::test]
async fn an_end_in_order_is_not_a_reader_that_has_stopped() {
    // Both are seen in the same turn; which of them counts must not be a matter of luck.
    for _ in 0..64 {
        let (reader, stop) = (nothing_read(), CancellationToken::new());
        let daemon = daemon(reader.subscribe(), stop.clone());
        stop.cancel();
        drop(reader);
        assert_eq!(daemon.run().await, Ok(()));
    }
}

#[tokio::test]
async fn a_reader_that_has_stopped_ends_the_daemon() {
    let reader = nothing_read();
    let daemon = daemon(reader.subscribe(), CancellationToken::new());
    drop(reader);
    assert!(daemon.run().await.is_err_and(|error| error.contains("reader")));
}

/// A full disk must not make it deaf to operators and passes, nor keep it from asking the disk again.
#[tokio::test(start_paused = true)]
async fn a_revision_that_cannot_be_written_down_holds_up_nothing_else() {
    let (memory, stop) = (Memory::default(), CancellationToken::new());
    memory.fail(true);
    let reader = watch::Sender::new(intake::tests::reading("[i-one]"));
    let (orders, asked) = tokio::sync::mpsc::channel(1);
    let mut daemon = Daemon {
        intake: intake::tests::intake(&memory, None),
        orders: asked,
        clock: Arc::new(crate::clock::TokioClock::starting_at(jiff::Timestamp::UNIX_EPOCH)),
        ..daemon(reader.subscribe(), stop.clone())
    };
    daemon.readings.mark_changed();
    let newest = daemon.intake.newest();
    let running = tokio::spawn(daemon.run());
    for _ in 0..3 {
        let (looking, answered) = tokio::sync::oneshot::channel();
        let target = crate::ledger::event::Target::All;
        orders.send(Order { target, looking }).await.unwrap();
        let answered = tokio::time::timeout(Duration::from_secs(30), answered).await;
        assert_eq!(answered.unwrap().unwrap(), 0);
    }
    assert!(newest.borrow().tree.scopes.is_empty());
    memory.fail(false);
    let mut followed = newest.clone();
    let accepted = followed.wait_for(|current| !current.tree.scopes.is_empty());
    tokio::time::timeout(Duration::from_secs(30), accepted).await.unwrap().unwrap();
    stop.cancel();
    running.await.unwrap().unwrap();
}

fn nothing_read() -> watch::Sender<Reading> {
    watch::Sender::new(Reading { state: State::Reading, unsettled: true, sequence: 0 })
}

fn daemon(
    readings: watch::Receiver<Reading>,
    stop: CancellationToken,
) -> Daemon<Arc<SimAccount>, Arc<SimAccount>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let journal = Journal::in_memory(Memory::default(), Arc::clone(&clock));
    let circumstances = Circumstances {
        bounds: Arc::default(),
        books: journal.books().clone(),
        pause_file: PauseFile::default(),
        clock: Arc::clone(&clock),
    };
    let board = Board::new(Duration::from_secs(60));
    Daemon {
        estate: Estate { accounts: BTreeMap::new() },
        intake: intake::tests::intake(&Memory::default(), None),
        readings,
        wake: crate::source::Wake::default(),
        interval: Duration::from_secs(60),
        beat: BEAT,
        workers: 1,
        board,
        counts: crate::metrics::Counts::default(),
        clock,
        random: fastrand::Rng::with_seed(1),
        stop,
        said: Said::new(),
        circumstances,
        heard: journal.books().follow(),
        orders: tokio::sync::mpsc::channel(1).1,
        warned: Warned::default(),
    }
}
