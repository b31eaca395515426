//! Cuts while a journal is made: a state folder is never left so that nobody can go on.
//!
//! The file is made empty. Turning the log on writes its first page, under a rollback journal that is
//! synced before the page and removed after it; the tables are the first commit in the log. The note that
//! there is a journal comes last, when the folder with the file and its log in it was synced with the
//! log (SQLite does that with the first sync of a file that it made).

use super::*;

/// A rollback journal of a file that was empty before, as it was synced before the first page.
fn rollback_journal() -> Vec<u8> {
    let maker = folder();
    let file = rusqlite::Connection::open(maker.path().join(FILE)).unwrap();
    // Pages that do not fit into its cache are written, and the journal synced before them.
    file.execute_batch(
        "PRAGMA cache_size = 1; BEGIN; CREATE TABLE begun (it);
         INSERT INTO begun VALUES (zeroblob(100000));",
    )
    .unwrap();
    fs::read(maker.path().join(format!("{FILE}-journal"))).unwrap()
}

/// The first page in any state, and the rollback journal beside it whole; or the journal in any state,
/// and nothing in the file yet.
fn half_made(page: &[u8], journal: &[u8], random: &mut fastrand::Rng) -> (Disk, Vec<u8>) {
    if random.bool() {
        let whole = 0..page.len();
        (Disk { database: torn(&[], page, &[whole], random), ..Disk::default() }, journal.to_vec())
    } else {
        let whole = 0..journal.len();
        (Disk::default(), torn(&[], journal, &[whole], random))
    }
}

#[tokio::test]
async fn a_power_cut_while_the_journal_is_made_leaves_one_that_can_be_opened() {
    let mut random = fastrand::Rng::with_seed(0xf1_4e57);
    let place = folder();
    let (journal, _) = open(place.path());
    let made = Disk::of(place.path());
    journal.append(pause()).await.unwrap();
    let written = Disk::of(place.path());
    assert!(written.marker && !made.marker);
    let turned_on = Disk { database: made.database.clone(), ..Disk::default() };
    let rollback = rollback_journal();
    let said = vec![(pause(), None)];
    for _ in 0..cuts().div_ceil(6) {
        let seed = random.u64(..);
        eprintln!("a cut at the start, seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let (disk, journal) = half_made(&made.database, &rollback, &mut random);
        let begun = folder();
        disk.put(begun.path(), &mut random);
        fs::write(begun.path().join(format!("{FILE}-journal")), journal).unwrap();
        let (journal, accepted) = open(begun.path());
        assert_eq!((accepted, journal.append(pause()).await.unwrap()), (None, 1));

        // The tables: there is no entry in whatever is left of them.
        for step in steps(&turned_on, &made) {
            let (disk, _) = cut((&turned_on, &made), 0, step, &mut random);
            survives(&disk, &said, 0..=0, &mut random).await;
        }
        for step in steps(&made, &written) {
            let (disk, may) = cut((&made, &written), 0, step, &mut random);
            survives(&disk, &said, may, &mut random).await;
        }
    }
}

/// No order of writes leaves this; a disk that does not obey can.
#[test]
fn a_state_that_is_refused_says_the_way_out() {
    let way_out = |folder: &Path| {
        let error = Journal::open(&StateDir::lock(folder).unwrap(), clock()).err().unwrap();
        assert_eq!(look(folder, clock().now()).unwrap_err().to_string(), error.to_string());
        error.to_string()
    };
    let noted = folder();
    fs::write(noted.path().join(MARKER), "").unwrap();
    let said = way_out(noted.path());
    assert!(said.contains(&format!("remove {}", noted.path().join(MARKER).display())), "{said}");
    fs::remove_file(noted.path().join(MARKER)).unwrap();
    open(noted.path());

    let garbage = folder();
    fs::write(garbage.path().join(FILE), [7; PAGE]).unwrap();
    let said = way_out(garbage.path());
    assert!(said.contains("restore it; or move the state folder away"), "{said}");
}
