use super::*;
use crate::clock::SystemClock;
use crate::desired::Tree;
use crate::gate::{Facts, permit, tests::Setting};
use crate::ledger::event::{Answered, Cause, Pause, Target};
use crate::model::{Commit, Mode, Revision};
use crate::plan::tests::{desired, moment, plan_of, scope};
use std::os::unix::fs::PermissionsExt as _;

mod others;
mod power_cuts;
mod tail;

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

fn a_permit() -> Permit {
    let desired = desired(Mode::Detach, &[1]);
    let newest = Tree {
        revision: Arc::clone(&desired.revision),
        scopes: [(scope(), Arc::new(desired.clone()))].into(),
    };
    let setting = Setting::default();
    let approved = setting.review(plan_of(desired, &[1, 2]), 0).unwrap();
    let facts = Facts {
        confirmed_at: moment(0),
        newest: &newest,
        unsettled: false,
        stopping: false,
        clock_off: std::time::Duration::ZERO,
        rekeyed: false,
        counted: false,
    };
    permit(&approved, &approved.plan().actions()[0], &facts, &setting.at(moment(1))).unwrap()
}

fn files() -> Vec<File> {
    let file = |path: &str, text: &str| File::new(path, text);
    vec![file("a.yaml", "one"), file("b.yaml", "two"), file("c.yaml", "one")]
}

fn revision() -> Revision {
    Revision {
        digest: Digest::of([b"x".as_slice()]),
        commit: Some(Commit { author: Some("me".into()), ..Commit::of_id("abc") }),
    }
}

fn an_accepted() -> Accepted {
    Accepted {
        root: "/srv/manifests".into(),
        revision: revision(),
        files: files(),
        released: vec![scope()],
        protected: [].into(),
        shrunk: vec![],
        taken_out: vec![],
    }
}

fn pause() -> Event {
    Event::Paused(Pause {
        target: Target::All,
        cause: Cause::Operator,
        by: "me".into(),
        reason: None,
    })
}

fn open(folder: &std::path::Path) -> (Journal, Option<Accepted>) {
    // The writer of the journal before holds no lock on the folder, only on the file.
    Journal::open(&StateDir::lock(folder).unwrap(), clock()).unwrap()
}

fn open_intents(journal: &Journal) -> usize {
    journal.books().read(|ledger| ledger.open_intents().count())
}

fn answered(ticket: &Ticket) -> Event {
    Event::Answered(Answered::without_answer(ticket.intent().0, Answered::UNKNOWN))
}

#[tokio::test]
async fn what_is_written_is_remembered_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, accepted) = open(folder.path());
    assert_eq!(accepted, None);
    journal.accepted(&an_accepted()).await.unwrap();
    let first = journal.intent(a_permit(), 1, None).await.unwrap();
    journal.append(answered(&first)).await.unwrap();
    let open_one = journal.intent(a_permit(), 2, Some(RunId(7))).await.unwrap();
    assert_eq!(open_one.link().instance.as_str(), "i-0002");
    let spent = |journal: &Journal| {
        journal.books().read(|ledger| ledger.spent(&scope().lane(), clock().now()).hour)
    };
    assert_eq!(spent(&journal), 2);
    drop(journal);

    let (journal, accepted) = open(folder.path());
    assert_eq!(accepted, Some(an_accepted()));
    let open = journal
        .books()
        .read(|ledger| ledger.open_intents().map(|(seq, ..)| seq).collect::<Vec<_>>());
    assert_eq!((open, spent(&journal)), (vec![open_one.intent().0], 2));
}

#[tokio::test(start_paused = true)]
async fn a_journal_without_text_tells_what_one_with_it_does() {
    let begin = jiff::Timestamp::new(1_700_000_000, 123_456_789).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(crate::clock::TokioClock::starting_at(begin));
    let mut told = Vec::new();
    for memory in [Memory::default(), Memory::unwritten()] {
        let journal = Journal::in_memory(memory.clone(), Arc::clone(&clock));
        journal.accepted(&an_accepted()).await.unwrap();
        let first = journal.intent(a_permit(), 1, None).await.unwrap();
        journal.append(answered(&first)).await.unwrap();
        let beside = Journal::in_memory(memory.clone(), Arc::clone(&clock));
        assert_eq!(beside.append(pause()).await.unwrap(), 4, "it reads what others wrote");
        assert_eq!(memory.recover(clock.now()).unwrap().1, Some(an_accepted()));
        told.push(memory.items().unwrap());
    }
    assert_eq!(told[0].len(), 4);
    assert_eq!(told[0], told[1]);
}

/// A disk that takes five seconds for a write.
struct Slow;

impl Disk for Slow {
    fn writes(&self) -> futures_util::future::BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn wrote(&self, _: u64, _: &Event) -> futures_util::future::BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(std::time::Duration::from_secs(5)))
    }
}

/// Seed 700057576, as things were drawn then: asked to end meanwhile, a process took half a minute.
#[tokio::test(start_paused = true)]
async fn calls_without_an_answer_are_answered_at_once() {
    let begin = jiff::Timestamp::from_second(1_700_000_000).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(crate::clock::TokioClock::starting_at(begin));
    let memory = Memory::default();
    let journal = Journal::in_memory(memory.clone(), Arc::clone(&clock));
    for attempt in 1..=6 {
        journal.intent(a_permit(), attempt, None).await.unwrap();
    }
    let (next, _) = Journal::recovered(memory.on(Arc::new(Slow)), Arc::clone(&clock)).unwrap();
    assert_eq!(open_intents(&next), 6);
    let before = clock.now();
    next.answer_open().await.unwrap();
    assert_eq!((open_intents(&next), clock.now().since(before).as_secs()), (0, 5));
    let answered: Vec<u64> = memory.items().unwrap().into_iter().skip(6).filter_map(of).collect();
    assert_eq!(answered, [1, 2, 3, 4, 5, 6]);
}

/// A disk on which the first write fails, and no other.
struct FailsOnce(Memory, std::sync::atomic::AtomicBool);

impl Disk for FailsOnce {
    fn writes(&self) -> futures_util::future::BoxFuture<'_, ()> {
        self.0.fail(!self.1.swap(true, std::sync::atomic::Ordering::Relaxed));
        Box::pin(async {})
    }

    fn wrote(&self, _: u64, _: &Event) -> futures_util::future::BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// Seed 800072368, as things were drawn then.
#[tokio::test]
async fn a_journal_that_lacks_one_of_the_answers_is_in_trouble() {
    let memory = Memory::default();
    let journal = Journal::in_memory(memory.clone(), clock());
    for attempt in 1..=3 {
        journal.intent(a_permit(), attempt, None).await.unwrap();
    }
    let disk = Arc::new(FailsOnce(memory.clone(), false.into()));
    let (next, _) = Journal::recovered(memory.on(disk), clock()).unwrap();
    assert!(next.answer_open().await.is_err());
    assert_eq!(open_intents(&next), 1);
    assert!(next.books().trouble().is_some());
}

fn of(item: Item) -> Option<u64> {
    match item.event {
        Event::Answered(answered) => Some(answered.intent),
        _ => None,
    }
}

/// Only the texts that the last revision lacks are written: going back to an earlier one works, too.
#[tokio::test]
async fn every_text_of_the_last_revision_is_there_whichever_came_before() {
    let folder = tempfile::tempdir().unwrap();
    let changed = |text: &str| {
        let mut accepted = an_accepted();
        accepted.files[1] = File::new(accepted.files[1].path.clone(), text);
        accepted
    };
    for (text, texts) in [("two", 2), ("three", 3), ("three", 3), ("two", 3), ("four", 4)] {
        let (journal, _) = open(folder.path());
        journal.accepted(&changed(text)).await.unwrap();
        drop(journal);
        let (journal, accepted) = open(folder.path());
        assert_eq!(accepted, Some(changed(text)));
        drop(journal);
        let file = rusqlite::Connection::open(folder.path().join("journal.sqlite")).unwrap();
        let stored = file.query_row("SELECT count(*) FROM manifest", [], |row| row.get(0));
        assert_eq!(stored, Ok(texts), "{text}");
    }
}

#[tokio::test]
async fn an_entry_that_was_changed_is_found() {
    for change in [
        "UPDATE entry SET body = replace(body, 'i-0002', 'i-0009') WHERE kind = 'intent'",
        "UPDATE entry SET at = '2020-01-01T00:00:00Z' WHERE seq = 1",
        "DELETE FROM entry WHERE seq = 1",
        "UPDATE entry SET hash = 'x' WHERE seq = 2",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = open(folder.path());
        journal.accepted(&an_accepted()).await.unwrap();
        journal.intent(a_permit(), 1, None).await.unwrap();
        drop(journal);
        let file = rusqlite::Connection::open(folder.path().join("journal.sqlite")).unwrap();
        assert!(file.execute_batch(change).is_err(), "the journal is append-only");
        file.execute_batch(
            "DROP TRIGGER entry_is_append_only_1; DROP TRIGGER entry_is_append_only_2",
        )
        .unwrap();
        file.execute_batch(change).unwrap();
        drop(file);
        let state = StateDir::lock(folder.path()).unwrap();
        let opened = Journal::open(&state, clock());
        assert!(matches!(opened, Err(JournalError::Broken(1 | 2))), "{change}");
        assert!(matches!(verify(folder.path()), Err(JournalError::Broken(1 | 2))), "{change}");
    }
}

#[tokio::test]
async fn a_manifest_text_that_was_changed_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path());
    journal.accepted(&an_accepted()).await.unwrap();
    drop(journal);
    let file = rusqlite::Connection::open(folder.path().join("journal.sqlite")).unwrap();
    file.execute_batch("UPDATE manifest SET text = 'three' WHERE text = 'two'").unwrap();
    drop(file);
    let state = StateDir::lock(folder.path()).unwrap();
    assert!(matches!(Journal::open(&state, clock()), Err(JournalError::Text { .. })));
    assert!(matches!(look(folder.path(), clock().now()), Err(JournalError::Text { .. })));
    assert!(matches!(verify(folder.path()), Err(JournalError::Text { .. })));
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let file = rusqlite::Connection::open(folder.path().join("journal.sqlite")).unwrap();
    file.execute_batch("PRAGMA user_version = 99").unwrap();
    let state = StateDir::lock(folder.path()).unwrap();
    assert!(matches!(Journal::open(&state, clock()), Err(JournalError::Newer { found: 99, .. })));
}

#[tokio::test]
async fn many_appends_at_once_make_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path());
    let appends = (0..300).map(|_| journal.intent(a_permit(), 1, None));
    let tickets = futures_util::future::join_all(appends).await;
    let mut numbers: Vec<u64> =
        tickets.into_iter().map(|ticket| ticket.unwrap().intent().0).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=300).collect::<Vec<_>>());
    drop(journal);
    assert_eq!(open_intents(&open(folder.path()).0), 300);
}

#[tokio::test]
async fn without_a_durable_intent_there_is_no_ticket() {
    let memory = Memory::default();
    let journal = Journal::in_memory(memory.clone(), clock());
    memory.fail(true);
    let error = journal.intent(a_permit(), 1, None).await.unwrap_err();
    assert!(error.to_string().contains("nothing is sent"), "{error}");
    assert!(journal.books().trouble().is_some());
    memory.fail(false);
    journal.intent(a_permit(), 1, None).await.unwrap();
    assert_eq!((memory.entries().len(), journal.books().trouble()), (1, None));
    let (ledger, _) = memory.recover(clock().now()).unwrap();
    assert_eq!(ledger.open_intents().count(), 1);
    let down = Journal::down(&JournalError::Broken(3), clock());
    let error = down.intent(a_permit(), 1, None).await.unwrap_err();
    assert!(error.to_string().contains("entry 3"), "{error}");
    assert!(down.books().trouble().is_some());
}

#[test]
fn the_state_folder_is_private_and_for_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/state");
    std::fs::create_dir_all(&path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let held = StateDir::lock(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(matches!(StateDir::lock(&path), Err(JournalError::Locked { .. })));
    drop(held);
    assert!(StateDir::lock(&path).is_ok());
    let unusable = StateDir::lock(std::path::Path::new("/dev/null/state")).unwrap_err();
    assert!(unusable.to_string().contains("--state"), "{unusable}");
}
