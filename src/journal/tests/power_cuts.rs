//! Cuts of the power: what was synced stays, what was written since is torn.
//!
//! Between two copies of the files, taken after one append and after the next, SQLite did this, in this
//! order (its `wal.html` and `fileformat2.html`, section 4, under `synchronous = FULL`):
//!
//! 1. where the log begins anew, because all of it is in the database: a header, and synced it;
//! 2. the frames of the commit behind those of the last one, and synced them; the append is acknowledged
//!    after that at the earliest;
//! 3. where the log is long enough, its pages into the database, and synced that; the log stays.
//!
//! So a cut leaves everything of the steps before, and of the bytes that one step wrote each sector new,
//! old, zero or garbage, and the file as long as before, as after, or in between. Bytes beside them in a
//! sector stay, which SQLite assumes of every disk (`psow.html`). The index (`-shm`) is never synced and
//! may be anything. No other state is built here.
//!
//! What this shows: an acknowledged entry is in a state that survives, the chain goes on from every such
//! state, and none is refused. It notices an acknowledgement before the commit, and a mode of SQLite's that
//! does not survive a torn page. What it cannot show: that a sync was asked for (a test of `schema` does)
//! and that the disk obeys it. A batch of entries is torn as the texts of a revision are: both are one
//! commit of many pages.

use super::*;
use std::fs;
use std::ops::{Range, RangeInclusive};
use std::path::Path;

mod first;

const SECTOR: usize = 512;
const PAGE: usize = 4096;
const LOG_HEADER: usize = 32;
/// Appends, some of them of revisions so large that the log is checkpointed several times.
const APPENDS: usize = 100;

/// The files as they would be found.
#[derive(Debug, Clone, Default)]
struct Disk {
    database: Vec<u8>,
    log: Option<Vec<u8>>,
    marker: bool,
}

impl Disk {
    fn of(folder: &Path) -> Self {
        Self {
            database: fs::read(folder.join(FILE)).unwrap(),
            log: fs::read(folder.join(format!("{FILE}-wal"))).ok(),
            marker: folder.join(MARKER).exists(),
        }
    }

    fn log(&self) -> &[u8] {
        self.log.as_deref().unwrap_or_default()
    }

    fn put(&self, folder: &Path, random: &mut fastrand::Rng) {
        fs::write(folder.join(FILE), &self.database).unwrap();
        if let Some(log) = &self.log {
            fs::write(folder.join(format!("{FILE}-wal")), log).unwrap();
            if random.bool() {
                let mut index = vec![0; 32 * 1024];
                random.fill(&mut index);
                fs::write(folder.join(format!("{FILE}-shm")), index).unwrap();
            }
        }
        if self.marker {
            fs::write(folder.join(MARKER), "").unwrap();
        }
    }
}

/// A folder in memory where there is one: what is tested is what is read, not whether it is synced.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.unwrap()
}

fn cuts() -> usize {
    let said = std::env::var("CLASSICLINKD_POWER_CUTS").ok();
    said.map_or(300, |count| count.parse().expect("CLASSICLINKD_POWER_CUTS is a number"))
}

/// `after` on the way from `before`, with the sectors of `written` in any state.
fn torn(
    before: &[u8],
    after: &[u8],
    written: &[Range<usize>],
    random: &mut fastrand::Rng,
) -> Vec<u8> {
    let mut found = before.to_vec();
    found.resize(after.len().max(before.len()), 0);
    let sectors: Vec<Range<usize>> =
        written.iter().flat_map(|range| sectors(range.clone())).collect();
    // One that is lost finds other mistakes than all but one.
    let lost = [1, 16, 128, 250][random.usize(..4)];
    let only = random.usize(..sectors.len().max(1));
    for (n, sector) in sectors.into_iter().enumerate() {
        let is_lost = if lost == 1 { n == only } else { random.usize(..256) < lost };
        match (is_lost, random.u8(..4)) {
            (false, _) => found[sector.clone()].copy_from_slice(&after[sector]),
            (true, 0) => found[sector].fill(0),
            (true, 1) => random.fill(&mut found[sector]),
            (true, _) => {}
        }
    }
    let (short, long) = (before.len(), found.len());
    let length = [short, long, random.usize(short..=long)][random.usize(..3)];
    found.truncate(length);
    found
}

/// The parts of `range` in each sector that it touches.
fn sectors(range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let first = range.start / SECTOR;
    let places = (first..).map(|n| n * SECTOR).take_while(move |at| *at < range.end);
    places.map(move |at| at.max(range.start)..(at + SECTOR).min(range.end))
}

/// From the first byte to the last that differ: what was appended in one piece.
fn appended(before: &[u8], after: &[u8]) -> Range<usize> {
    // Byte by byte only where that is worth it.
    let pages = pages(before, after);
    let (Some(first), Some(last)) = (pages.first(), pages.last()) else { return 0..0 };
    let differs = |at: &usize| before.get(*at) != after.get(*at);
    let from = first.clone().find(differs).unwrap();
    from..last.clone().rev().find(differs).unwrap() + 1
}

fn pages(before: &[u8], after: &[u8]) -> Vec<Range<usize>> {
    let all = (0..after.len()).step_by(PAGE).map(|at| at..(at + PAGE).min(after.len()));
    all.filter(|page| before.get(page.clone()) != after.get(page.clone())).collect()
}

/// What SQLite does on the way from `before` to `after`, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Header,
    Frames,
    Checkpoint,
    /// Noting that there is a journal, where there was none.
    Marker,
}

fn steps(before: &Disk, after: &Disk) -> Vec<Step> {
    let header = |disk: &Disk| disk.log().get(..LOG_HEADER).map(<[u8]>::to_vec);
    let mut steps = vec![Step::Frames];
    steps.extend((header(before) != header(after)).then_some(Step::Header));
    steps.extend((before.database != after.database).then_some(Step::Checkpoint));
    steps.extend((before.marker != after.marker).then_some(Step::Marker));
    steps
}

/// One cut during `step`, and how many entries it may leave. `known` are in `before`, and `after` has at
/// most one more.
fn cut(
    (before, after): (&Disk, &Disk),
    known: usize,
    step: Step,
    random: &mut fastrand::Rng,
) -> (Disk, RangeInclusive<usize>) {
    let (old, new) = (before.log(), after.log());
    let header = LOG_HEADER.min(new.len());
    // The log with the header that was synced before the frames.
    let mut begun = old.to_vec();
    begun.resize(begun.len().max(header), 0);
    begun[..header].copy_from_slice(&new[..header]);
    let mut written = appended(&begun, new);
    written.start = written.start.max(header);
    written.end = written.end.max(written.start);
    let (log, database, entries) = match step {
        Step::Header => (
            torn(old, &begun, std::slice::from_ref(&(0..header)), random),
            before.database.clone(),
            known..=known,
        ),
        Step::Frames => {
            (torn(&begun, new, &[written], random), before.database.clone(), known..=known + 1)
        }
        Step::Checkpoint => {
            let written = pages(&before.database, &after.database);
            let database = torn(&before.database, &after.database, &written, random);
            (new.to_vec(), database, known + 1..=known + 1)
        }
        Step::Marker => (new.to_vec(), after.database.clone(), known + 1..=known + 1),
    };
    let marker = before.marker || (step == Step::Marker && random.bool());
    (Disk { database, log: Some(log), marker }, entries)
}

/// How many of the cuts are made during one such step: there are few checkpoints, and many commits.
fn share(step: Step, cuts: usize) -> usize {
    match step {
        Step::Frames => (cuts / 2).div_ceil(APPENDS),
        Step::Checkpoint => cuts.div_ceil(8),
        Step::Header | Step::Marker => cuts.div_ceil(25),
    }
}

/// What was appended, and which revision was in force then.
type Said = Vec<(Event, Option<Accepted>)>;

/// Opens what a cut left, and goes on from there.
async fn survives(
    disk: &Disk,
    said: &Said,
    may: RangeInclusive<usize>,
    random: &mut fastrand::Rng,
) {
    let folder = folder();
    disk.put(folder.path(), random);
    // Whoever comes first brings the file into order, a reader or a writer.
    if random.u8(..8) == 0 {
        let items = look(folder.path(), clock().now()).unwrap().items;
        assert!(may.contains(&items.len()), "{} entries, and not {may:?}", items.len());
        for (item, (event, _)) in items.iter().zip(said) {
            assert_eq!(&item.event, event);
        }
    }
    let (journal, accepted) = open(folder.path());
    let found = usize::try_from(journal.append(pause()).await.unwrap()).unwrap() - 1;
    assert!(may.contains(&found), "{found} entries, and not {may:?}");
    let expected = found.checked_sub(1).and_then(|last| said[last].1.clone());
    assert!(accepted == expected, "another revision is in force");
    // Every text of every revision is read for this, which takes long.
    if random.u8(..32) == 0 {
        assert_eq!(verify(folder.path()).unwrap().entries, found as u64 + 1);
    }
}

/// Texts that fill many pages. Revisions share them, so that the log grows faster than the file.
fn texts(random: &mut fastrand::Rng) -> Vec<Arc<str>> {
    let mut line = |_| format!("    - i-{:012x}\n", random.u64(..));
    (1..=4).map(|n| (0..n * 5_000).map(&mut line).collect::<String>().into()).collect()
}

fn a_revision(n: usize, texts: &[Arc<str>], random: &mut fastrand::Rng) -> Accepted {
    let file = |m: usize, text: &Arc<str>| File::new(format!("{m}.yaml"), text.clone());
    let files = texts.iter().enumerate().filter(|_| random.bool());
    let files = files.map(|(m, text)| file(m, text)).collect();
    let revision = Revision::of_content(Digest::of([n.to_string().as_bytes()]));
    Accepted { revision, files, ..an_accepted() }
}

#[tokio::test]
async fn a_power_cut_at_any_moment_loses_no_acknowledged_entry() {
    let mut random = fastrand::Rng::with_seed(0x0c07_0ff5);
    let (place, cuts, texts) = (folder(), cuts(), texts(&mut random));
    let (journal, _) = open(place.path());
    let (mut said, mut made) = (Said::new(), [0; 4]);
    let mut before = Disk::of(place.path());
    for n in 0..APPENDS {
        if n % 2 == 0 {
            let accepted = a_revision(n, &texts, &mut random);
            journal.accepted(&accepted).await.unwrap();
            said.push((accepted.event(), Some(accepted)));
        } else {
            let in_force = said.last().and_then(|(_, accepted)| accepted.clone());
            journal.append(pause()).await.unwrap();
            said.push((pause(), in_force));
        }
        let after = Disk::of(place.path());
        for step in steps(&before, &after) {
            for _ in 0..share(step, cuts) {
                let seed = random.u64(..);
                eprintln!("append {n}, a cut during {step:?}, seed {seed}");
                let mut random = fastrand::Rng::with_seed(seed);
                let (disk, may) = cut((&before, &after), n, step, &mut random);
                survives(&disk, &said, may, &mut random).await;
                made[step as usize] += 1;
            }
        }
        before = after;
    }
    closed(journal, &before, place.path(), &said, cuts.div_ceil(25), &mut random).await;
    eprintln!("cuts during each step: {made:?}");
    assert!(made.iter().sum::<usize>() >= cuts, "{made:?}");
    assert!(made[Step::Checkpoint as usize] >= 3 * share(Step::Checkpoint, cuts), "{made:?}");
}

/// The last one that closes the file carries the log into the database, syncs that, and removes the log.
async fn closed(
    journal: Journal,
    before: &Disk,
    place: &Path,
    said: &Said,
    cuts: usize,
    random: &mut fastrand::Rng,
) {
    drop(journal);
    let deadline = std::time::Duration::from_secs(20);
    let gone = async {
        while place.join(format!("{FILE}-wal")).exists() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(deadline, gone).await.expect("the log is removed");
    let after = Disk::of(place);
    for _ in 0..cuts {
        let written = pages(&before.database, &after.database);
        let database = torn(&before.database, &after.database, &written, random);
        let disk = Disk { database, ..before.clone() };
        survives(&disk, said, said.len()..=said.len(), random).await;
    }
}
