//! The end of a journal, read beside its writer.

use super::*;
use crate::journal::tail;
use crate::ledger::event::Began;

fn began(n: usize) -> Event {
    Event::Began(Began { command: format!("{n:05}"), by: "me".into() })
}

async fn of(count: usize) -> (tempfile::TempDir, Journal) {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::lock(&folder.path().join("state")).unwrap();
    let (journal, _) = Journal::open(&state, clock()).unwrap();
    for n in 1..=count {
        journal.append(began(n)).await.unwrap();
    }
    (folder, journal)
}

#[tokio::test]
async fn it_is_the_last_entries_within_both_bounds() {
    let (folder, journal) = of(9).await;
    let state = folder.path().join("state");
    let seen = |most, characters| {
        let tail = tail(&state, None, most, characters).unwrap().unwrap();
        let numbers: Vec<u64> = tail.items.iter().map(|item| item.seq).collect();
        (numbers.first().copied(), numbers.last().copied(), tail.complete)
    };
    assert_eq!(seen(100, 100_000), (Some(1), Some(9), true));
    assert_eq!(seen(9, 100_000), (Some(1), Some(9), true));
    assert_eq!(seen(8, 100_000), (Some(2), Some(9), false));
    assert_eq!(seen(100, 0), (Some(9), Some(9), false), "the last one, whatever its length");
    let whole = crate::journal::look(&state, moment(0)).unwrap().items;
    let end = tail(&state, None, 4, 100_000).unwrap().unwrap().items;
    assert_eq!(end, whole[5..]);
    drop(journal);
}

#[tokio::test]
async fn what_is_known_is_not_read_again_and_an_empty_journal_is_read() {
    let (folder, journal) = of(0).await;
    let state = folder.path().join("state");
    assert_eq!(tail(&state, None, 9, 999).unwrap().unwrap().items, []);
    journal.append(began(1)).await.unwrap();
    assert_eq!(tail(&state, Some(1), 9, 999).unwrap(), None);
    journal.append(began(2)).await.unwrap();
    assert_eq!(tail(&state, Some(1), 9, 999).unwrap().unwrap().items.len(), 2);
    let nowhere = tail(&folder.path().join("nowhere"), None, 9, 999);
    assert!(matches!(nowhere, Err(JournalError::Missing { .. })));
}

#[tokio::test]
async fn an_entry_that_was_changed_is_found_among_them() {
    let (folder, journal) = of(9).await;
    drop(journal);
    let state = folder.path().join("state");
    let file = rusqlite::Connection::open(state.join(crate::journal::FILE)).unwrap();
    file.execute_batch("DROP TRIGGER entry_is_append_only_1").unwrap();
    let changed = "UPDATE entry SET body = replace(body, '00007', '00000') WHERE seq = 7";
    assert_eq!(file.execute(changed, []).unwrap(), 1);
    assert!(matches!(tail(&state, None, 4, 9999), Err(JournalError::Broken(7))));
    assert_eq!(tail(&state, None, 2, 9999).unwrap().unwrap().items.len(), 2, "behind it");
}
