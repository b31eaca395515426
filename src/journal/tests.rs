use super::*;
use crate::clock::SystemClock;
use crate::gate::{Bounds, Facts, permit, review};
use crate::model::{Mode, Revision};
use crate::plan::tests::{desired, moment, plan_of, scope};
use std::os::unix::fs::PermissionsExt as _;

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

fn a_permit() -> Permit {
    let desired = desired(Mode::Detach, &[1]);
    let newest = crate::desired::Tree {
        revision: Arc::clone(&desired.revision),
        scopes: [(scope(), Arc::new(desired.clone()))].into(),
    };
    let approved =
        Arc::new(review(plan_of(desired, &[1, 2]), &Bounds::default(), moment(0)).unwrap());
    let facts = Facts {
        now: moment(1),
        confirmed_at: moment(0),
        newest: &newest,
        unsettled: false,
        stopping: false,
        clock_off: std::time::Duration::ZERO,
    };
    permit(&approved, &approved.plan().actions()[0], &Bounds::default(), &facts).unwrap()
}

fn files() -> Vec<File> {
    let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
    vec![file("a.yaml", "one"), file("b.yaml", "two"), file("c.yaml", "one")]
}

fn revision() -> Revision {
    Revision {
        digest: Digest::of([b"x".as_slice()]),
        commit: Some("abc".into()),
        author: Some("me".into()),
    }
}

fn an_accepted() -> Accepted {
    Accepted {
        root: "/srv/manifests".into(),
        revision: revision(),
        files: files(),
        released: vec![scope()],
    }
}

fn open(folder: &std::path::Path) -> (Journal, Recovered) {
    // The writer of the journal before holds no lock on the folder, only on the file.
    Journal::open(&StateDir::lock(folder).unwrap(), clock()).unwrap()
}

#[tokio::test]
async fn what_is_written_is_remembered_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, recovered) = open(folder.path());
    assert_eq!(recovered, Recovered::default());
    journal.accepted(&an_accepted()).await.unwrap();
    let answered = journal.intent(a_permit(), 1).await.unwrap();
    journal.answered(answered.intent(), Answer::lost()).await.unwrap();
    let open_one = journal.intent(a_permit(), 2).await.unwrap();
    assert_eq!(open_one.link().instance.as_str(), "i-0002");
    drop(journal);

    let (_journal, recovered) = open(folder.path());
    assert_eq!(recovered.accepted, Some(Accepted { released: vec![], ..an_accepted() }));
    assert_eq!(recovered.open_intents.len(), 1);
    assert_eq!(recovered.open_intents[0].id, open_one.intent());
    assert!(recovered.open_intents[0].what.contains("detach i-0002"));
}

#[tokio::test]
async fn a_call_without_a_final_word_is_unsettled_unless_it_certainly_had_no_effect() {
    let answer = |result: &str| Answer { result: result.into(), ..Answer::lost() };
    let unsettled = |answered: Option<Answer>, settle: bool| async move {
        let memory = Memory::default();
        let journal = Journal::in_memory(memory.clone(), clock());
        let ticket = journal.intent(a_permit(), 3).await.unwrap();
        if let Some(answer) = answered {
            journal.answered(ticket.intent(), answer).await.unwrap();
        }
        if settle {
            let (link, verb) = (ticket.link(), ticket.verb());
            let settled = Settled { scope: &scope(), link, verb, plan: None, attempts: 3 };
            journal.settled(settled, &Outcome::Skipped(String::new())).await.unwrap();
        }
        memory.recover().unwrap().unsettled
    };
    let open = unsettled(None, false).await;
    assert_eq!((open.len(), open[0].accepted, open[0].attempts), (1, false, 3));
    assert_eq!((&open[0].scope, open[0].instance.as_str()), (&scope(), "i-0002"));
    assert!(unsettled(Some(answer("accepted")), false).await[0].accepted);
    for result in ["ambiguous", "unknown"] {
        assert!(!unsettled(Some(answer(result)), false).await[0].accepted);
    }
    assert!(unsettled(Some(answer("throttled")), false).await.is_empty());
    assert!(unsettled(Some(answer("accepted")), true).await.is_empty());
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
        journal.intent(a_permit(), 1).await.unwrap();
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
    }
}

#[tokio::test]
async fn a_manifest_text_that_was_changed_is_not_an_accepted_revision() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path());
    journal.accepted(&an_accepted()).await.unwrap();
    drop(journal);
    let file = rusqlite::Connection::open(folder.path().join("journal.sqlite")).unwrap();
    file.execute_batch("UPDATE manifest SET text = 'three' WHERE text = 'two'").unwrap();
    assert_eq!(open(folder.path()).1.accepted, None);
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
    let appends = (0..300).map(|_| journal.intent(a_permit(), 1));
    let tickets = futures_util::future::join_all(appends).await;
    let mut numbers: Vec<u64> =
        tickets.into_iter().map(|ticket| ticket.unwrap().intent().0).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=300).collect::<Vec<_>>());
    drop(journal);
    assert_eq!(open(folder.path()).1.open_intents.len(), 300);
}

#[tokio::test]
async fn without_a_durable_intent_there_is_no_ticket() {
    let memory = Memory::default();
    let journal = Journal::in_memory(memory.clone(), clock());
    memory.fail(true);
    let error = journal.intent(a_permit(), 1).await.unwrap_err();
    assert!(error.to_string().contains("nothing is sent"), "{error}");
    memory.fail(false);
    journal.intent(a_permit(), 1).await.unwrap();
    assert_eq!(memory.entries().len(), 1);
    assert_eq!(memory.recover().unwrap().open_intents.len(), 1);
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
