//! Other processes, other versions, and other times.

use super::*;
use crate::ledger::event::{Restored, Resume};
use std::time::Duration;

fn paused(journal: &Journal) -> bool {
    journal.books().read(|ledger| ledger.paused(&scope()).is_some())
}

#[tokio::test]
async fn what_another_process_wrote_is_known_before_the_next_entry() {
    let folder = tempfile::tempdir().unwrap();
    let (daemon, _) = open(folder.path());
    daemon.accepted(&an_accepted()).await.unwrap();
    let (operator, accepted) = Journal::beside(folder.path(), clock()).unwrap();
    assert_eq!(accepted, Some(an_accepted()));
    operator.append(pause()).await.unwrap();
    let ticket = daemon.intent(a_permit(), 1, None).await.unwrap();
    assert_eq!(ticket.intent().0, 3);
    assert!(paused(&daemon), "it was read in the transaction of the intent");
    operator.append(pause()).await.unwrap();
    assert_eq!(open_intents(&operator), 1);
    assert_eq!(verify(folder.path()).unwrap().entries, 4);
}

#[test]
fn a_journal_whose_maker_was_killed_can_be_looked_at() {
    let (maker, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let place = |folder: &tempfile::TempDir, ending| folder.path().join(format!("{FILE}{ending}"));
    let file = rusqlite::Connection::open(place(&maker, "")).unwrap();
    // Pages that do not fit into its cache are on the disk before the transaction ends.
    let begun =
        "CREATE TABLE begun (it); INSERT INTO begun VALUES (1); PRAGMA cache_size = 2; BEGIN;
                 INSERT INTO begun VALUES (zeroblob(100000))";
    file.execute_batch(begun).unwrap();
    for ending in ["", "-journal"] {
        std::fs::copy(place(&maker, ending), place(&folder, ending)).unwrap();
    }
    let reading = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let looked = rusqlite::Connection::open_with_flags(place(&folder, ""), reading).unwrap();
    let version = looked.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
    assert!(version.is_err(), "SQLite reads nothing of it");
    drop(looked);
    assert_eq!(look(folder.path(), clock().now()).unwrap().items, []);
    assert_eq!(verify(folder.path()).unwrap().entries, 0);
}

#[tokio::test]
async fn what_another_process_wrote_is_heard_of_without_asking() {
    let folder = tempfile::tempdir().unwrap();
    let (daemon, _) = open(folder.path());
    daemon.append(pause()).await.unwrap();
    let mut heard = daemon.books().follow();
    let (operator, _) = Journal::beside(folder.path(), clock()).unwrap();
    let resume = Resume { target: Target::All, by: "me".into(), reason: None };
    operator.append(Event::Resumed(resume)).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), heard.changed()).await.unwrap().unwrap();
    assert!(!paused(&daemon));
}

#[tokio::test]
async fn a_chain_that_another_process_broke_takes_no_more_entries() {
    let folder = tempfile::tempdir().unwrap();
    let (daemon, _) = open(folder.path());
    daemon.append(pause()).await.unwrap();
    let file = rusqlite::Connection::open(folder.path().join(FILE)).unwrap();
    let forged = "INSERT INTO entry VALUES (2, '2026-11-23T00:00:00Z', 'resumed', '{\"by\":\"x\"}', lower(hex(randomblob(32))))";
    file.execute_batch(forged).unwrap();
    assert!(daemon.intent(a_permit(), 1, None).await.is_err());
    assert!(paused(&daemon) && daemon.books().trouble().is_some());
}

#[tokio::test]
async fn an_entry_that_was_rewritten_with_a_hash_of_its_own_is_missed_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path());
    for _ in 0..3 {
        journal.append(pause()).await.unwrap();
    }
    drop(journal);
    let file = rusqlite::Connection::open(folder.path().join(FILE)).unwrap();
    file.execute_batch("DROP TRIGGER entry_is_append_only_1").unwrap();
    let (at, kind, body) = ("2026-11-22T10:00:00Z", "resumed", r#"{"by":"x"}"#);
    let rewritten = Digest::of(["", "1", at, kind, body].map(str::as_bytes));
    let update = "UPDATE entry SET at = ?1, kind = ?2, body = ?3, hash = ?4 WHERE seq = 1";
    file.execute(update, [at, kind, body, rewritten.as_str()]).unwrap();
    drop(file);
    assert!(matches!(verify(folder.path()), Err(JournalError::Broken(2))));
}

#[tokio::test]
async fn a_removed_or_replaced_file_takes_no_more_entries() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path());
    journal.append(pause()).await.unwrap();
    std::fs::rename(folder.path().join(FILE), folder.path().join("elsewhere")).unwrap();
    assert!(journal.append(pause()).await.is_err());
    std::fs::write(folder.path().join(FILE), "").unwrap();
    let error = journal.append(pause()).await.unwrap_err().to_string();
    assert!(error.contains("replaced"), "{error}");
}

/// A file as the first version of the program left it.
fn first_format(folder: &std::path::Path) {
    let file = rusqlite::Connection::open(folder.join(FILE)).unwrap();
    file.execute_batch(
        "CREATE TABLE entry (seq INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL,
             body TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
         CREATE TABLE manifest (digest TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT;
         CREATE TRIGGER entry_is_append_only_1 BEFORE UPDATE ON entry
             BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
         CREATE TRIGGER entry_is_append_only_2 BEFORE DELETE ON entry
             BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
         PRAGMA user_version = 1;",
    )
    .unwrap();
    let (at, kind, body) =
        ("2026-11-22T10:00:00Z", "answered", r#"{"intent":7,"result":"accepted","latencyMs":1}"#);
    let hash = Digest::of(["", "1", at, kind, body].map(str::as_bytes));
    file.execute("INSERT INTO entry VALUES (1, ?1, ?2, ?3, ?4)", [at, kind, body, hash.as_str()])
        .unwrap();
}

#[tokio::test]
async fn a_file_of_the_first_format_is_brought_up_to_date_and_goes_on() {
    for reader_first in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        first_format(folder.path());
        if reader_first {
            assert_eq!(look(folder.path(), clock().now()).unwrap().items.len(), 1);
        }
        let (journal, _) = open(folder.path());
        assert_eq!(journal.append(pause()).await.unwrap(), 2);
        drop(journal);
        let verified = verify(folder.path()).unwrap();
        assert_eq!((verified.entries, verified.forgotten), (2, 0));
    }
}

fn long_ago() -> Arc<dyn Clock> {
    Arc::new(crate::clock::TokioClock::starting_at("2020-01-01T00:00:00Z".parse().unwrap()))
}

#[tokio::test]
async fn old_entries_are_forgotten_and_the_chain_still_holds() {
    let folder = tempfile::tempdir().unwrap();
    let cutoff = "2021-01-01T00:00:00Z".parse().unwrap();
    let (old, _) = Journal::beside(folder.path(), long_ago()).unwrap();
    old.accepted(&Accepted { files: files()[..1].to_vec(), ..an_accepted() }).await.unwrap();
    for _ in 0..9 {
        old.intent(a_permit(), 1, None).await.unwrap();
    }
    let kept = Accepted { files: files()[1..].to_vec(), ..an_accepted() };
    old.accepted(&kept).await.unwrap();
    drop(old);
    let (journal, _) = open(folder.path());
    journal.intent(a_permit(), 1, None).await.unwrap();
    assert_eq!(journal.prune(cutoff).await.unwrap(), 11);
    assert_eq!(journal.prune(cutoff).await.unwrap(), 0);
    journal.intent(a_permit(), 2, None).await.unwrap();
    drop(journal);
    let verified = verify(folder.path()).unwrap();
    assert_eq!((verified.entries, verified.forgotten), (4, 11));
    let (journal, accepted) = open(folder.path());
    assert_eq!(accepted, Some(kept), "the revision in force was written down again");
    assert_eq!(open_intents(&journal), 2);
    let file = rusqlite::Connection::open(folder.path().join(FILE)).unwrap();
    let texts: i64 = file.query_row("SELECT count(*) FROM manifest", [], |row| row.get(0)).unwrap();
    assert_eq!(texts, 2, "the text that only the old revision had is gone");
}

#[tokio::test]
async fn what_a_pause_or_an_undo_depends_on_is_never_forgotten() {
    let restored = Event::Restored(Restored {
        run: RunId(1),
        of: "r0".into(),
        by: "me".into(),
        links: [(scope(), a_permit().action().link.instance.clone())].into(),
        revision: revision().digest,
    });
    for needed in [vec![pause()], vec![restored.clone()], vec![pause(), restored]] {
        let folder = tempfile::tempdir().unwrap();
        let (old, _) = Journal::beside(folder.path(), long_ago()).unwrap();
        old.intent(a_permit(), 1, None).await.unwrap();
        for event in needed {
            old.append(event).await.unwrap();
        }
        old.intent(a_permit(), 1, None).await.unwrap();
        drop(old);
        let (journal, _) = open(folder.path());
        assert_eq!(journal.prune("2021-01-01T00:00:00Z".parse().unwrap()).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn entries_that_somebody_else_forgot_are_missed() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path());
    for _ in 0..4 {
        journal.append(pause()).await.unwrap();
    }
    drop(journal);
    let file = rusqlite::Connection::open(folder.path().join(FILE)).unwrap();
    file.execute_batch(
        "INSERT INTO anchor SELECT 1, seq, hash FROM entry WHERE seq = 2;
         DELETE FROM entry WHERE seq <= 2;",
    )
    .unwrap();
    drop(file);
    assert!(matches!(verify(folder.path()), Err(JournalError::Broken(2))));
    let state = StateDir::lock(folder.path()).unwrap();
    assert!(matches!(Journal::open(&state, clock()), Err(JournalError::Broken(2))));
}

#[tokio::test]
async fn where_there_is_no_journal_looking_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let missing = look(folder.path(), clock().now());
    assert!(matches!(missing, Err(JournalError::Missing { .. })));
    assert!(!folder.path().join(FILE).exists());
}

#[test]
fn asking_whether_a_folder_is_used_keeps_nobody_from_using_it() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(StateDir::is_used(folder.path()), Some(false));
    assert!(!folder.path().join("lock").exists(), "asking makes nothing");
    let used = StateDir::lock(folder.path()).unwrap();
    assert_eq!(StateDir::is_used(folder.path()), Some(true));
    assert!(matches!(StateDir::lock(folder.path()), Err(JournalError::Locked { .. })));
    drop(used);
    let asking = std::fs::File::open(folder.path().join("lock")).unwrap();
    asking.lock_shared().unwrap();
    assert_eq!(StateDir::is_used(folder.path()), Some(false), "who asks is no user");
    let asked = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        drop(asking);
    });
    assert!(StateDir::lock(folder.path()).is_ok());
    asked.join().unwrap();
    std::fs::remove_file(folder.path().join("lock")).unwrap();
    std::os::unix::fs::symlink("/nowhere", folder.path().join("lock")).unwrap();
    assert_eq!(StateDir::is_used(folder.path()), None);
}

#[test]
fn a_pause_file_counts_whatever_it_is_and_says_its_first_line() {
    let folder = tempfile::tempdir().unwrap();
    let (file, path) = (PauseFile::of(folder.path()), folder.path().join("pause"));
    assert_eq!((file.said(), PauseFile::default().said()), (None, None));
    std::fs::write(&path, "incident 7\nmore\n").unwrap();
    assert_eq!(file.said().as_deref(), Some("incident 7"));
    std::fs::write(&path, [0xff; 9000]).unwrap();
    assert!(file.said().is_some());
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert_eq!(file.said().as_deref(), Some(""));
    std::fs::remove_dir(&path).unwrap();
    std::os::unix::fs::symlink("/nowhere", &path).unwrap();
    assert!(file.said().is_some(), "a dangling link is a file, too");
    let unreadable = PauseFile::of(std::path::Path::new("/dev/null"));
    assert!(unreadable.said().unwrap().contains("cannot be looked at"));
}

#[tokio::test]
async fn a_journal_that_was_lost_or_emptied_is_missed() {
    for empty in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = open(folder.path());
        journal.append(pause()).await.unwrap();
        drop(journal);
        for side in ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"] {
            let _absent = std::fs::remove_file(folder.path().join(side));
        }
        if empty {
            std::fs::write(folder.path().join(FILE), "").unwrap();
        }
        let state = StateDir::lock(folder.path()).unwrap();
        assert!(matches!(Journal::open(&state, clock()), Err(JournalError::Lost { .. })));
        assert!(matches!(look(folder.path(), clock().now()), Err(JournalError::Lost { .. })));
        assert!(matches!(verify(folder.path()), Err(JournalError::Lost { .. })));
        std::fs::remove_file(folder.path().join("journal.made")).unwrap();
        Journal::open(&state, clock()).unwrap();
    }
}

#[tokio::test]
async fn forgetting_old_entries_misses_no_word_of_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let (old, _) = Journal::beside(folder.path(), long_ago()).unwrap();
    old.accepted(&an_accepted()).await.unwrap();
    drop(old);
    let (daemon, _) = open(folder.path());
    let (operator, _) = Journal::beside(folder.path(), clock()).unwrap();
    operator.append(pause()).await.unwrap();
    assert_eq!(daemon.prune("2021-01-01T00:00:00Z".parse().unwrap()).await.unwrap(), 1);
    assert!(paused(&daemon), "a pause that was written right before");
    daemon.append(pause()).await.unwrap();
    verify(folder.path()).unwrap();
}

#[tokio::test]
async fn looking_at_a_file_of_the_first_format_leaves_it_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    first_format(folder.path());
    assert_eq!(verify(folder.path()).unwrap().entries, 1);
    let file = rusqlite::Connection::open(folder.path().join(FILE)).unwrap();
    let format: i64 = file.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(format, 1);
}
