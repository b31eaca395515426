//! Folders that change while they are watched.

use super::*;
use crate::clock::{Clock as _, TokioClock};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Polls so rarely that only events can make a test pass.
const FAST: Settings = Settings {
    settle: Duration::from_millis(60),
    settle_max: Duration::from_millis(1_500),
    poll: Duration::from_secs(600),
};
const DEADLINE: Duration = Duration::from_secs(20);

struct Watched {
    receiver: watch::Receiver<Reading>,
    cancel: CancellationToken,
}

impl Watched {
    fn of(root: &Path, settings: Settings) -> Self {
        let cancel = CancellationToken::new();
        Self {
            receiver: watch(
                root.to_owned(),
                settings,
                Arc::new(crate::clock::SystemClock::new()),
                cancel.clone(),
            ),
            cancel,
        }
    }

    async fn until(&mut self, what: &str, wanted: impl FnMut(&Reading) -> bool) -> Reading {
        let mut receiver = self.receiver.clone();
        let waited = timeout(DEADLINE, receiver.wait_for(wanted)).await;
        match waited {
            Ok(reading) => reading.unwrap().clone(),
            Err(_) => panic!("not seen: {what}; last {:?}", self.receiver.borrow()),
        }
    }

    async fn shows(&mut self, wanted: &str) {
        let matches = |reading: &Reading| match &reading.state {
            State::Settled(snapshot) => !reading.unsettled && contents(snapshot) == wanted,
            _ => false,
        };
        self.until(wanted, matches).await;
    }

    async fn says(&mut self, wanted: &str) {
        let matches = |reading: &Reading| match &reading.state {
            State::Unreadable(why) => !reading.unsettled && why.to_string().contains(wanted),
            _ => false,
        };
        self.until(wanted, matches).await;
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn replace_link(target: &str, link: &Path) {
    let new = link.with_file_name("..new");
    symlink(target, &new).unwrap();
    fs::rename(new, link).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_of_every_kind_are_noticed_by_events_alone() {
    let root = folder();
    let file = root.path().join("a.yaml");
    put(&file, "0");
    let mut watched = Watched::of(root.path(), FAST);
    watched.shows("a.yaml=0").await;
    for text in ["1", "2"] {
        fs::write(&file, text).unwrap();
        watched.shows(&format!("a.yaml={text}")).await;
    }
    for text in ["3", "4"] {
        let temporary = root.path().join(".a.yaml.tmp");
        fs::write(&temporary, text).unwrap();
        fs::rename(&temporary, &file).unwrap();
        watched.shows(&format!("a.yaml={text}")).await;
    }
    for text in ["5", "6"] {
        // vim: a probe, the old file as a backup, the new file in its place.
        fs::write(root.path().join("4913"), "").unwrap();
        fs::remove_file(root.path().join("4913")).unwrap();
        fs::rename(&file, root.path().join("a.yaml~")).unwrap();
        fs::write(&file, text).unwrap();
        fs::remove_file(root.path().join("a.yaml~")).unwrap();
        watched.shows(&format!("a.yaml={text}")).await;
    }
    put(root.path().join("x/y/z/b.yaml"), "7");
    watched.shows("a.yaml=6 x/y/z/b.yaml=7").await;
    put(root.path().join("x/y/z/b.yaml"), "8");
    watched.shows("a.yaml=6 x/y/z/b.yaml=8").await;
    fs::remove_dir_all(root.path().join("x")).unwrap();
    watched.shows("a.yaml=6").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swaps_of_kubernetes_and_git_sync_are_noticed_every_time() {
    let base = folder();
    let config = base.path().join("config");
    let link = base.path().join("current");
    for n in 0..4 {
        put(config.join(format!("..{n}/web.yaml")), &n.to_string());
        put(base.path().join(format!("rev-{n}/manifests/web.yaml")), &n.to_string());
    }
    symlink("..0", config.join("..data")).unwrap();
    symlink("..data/web.yaml", config.join("web.yaml")).unwrap();
    symlink("rev-0", &link).unwrap();
    let mut kubernetes = Watched::of(&config, FAST);
    let mut git_sync = Watched::of(&link.join("manifests"), FAST);
    kubernetes.shows("web.yaml=0").await;
    git_sync.shows("web.yaml=0").await;
    for n in 1..4 {
        replace_link(&format!("..{n}"), &config.join("..data"));
        replace_link(&format!("rev-{n}"), &link);
        kubernetes.shows(&format!("web.yaml={n}")).await;
        git_sync.shows(&format!("web.yaml={n}")).await;
        fs::remove_dir_all(base.path().join(format!("rev-{}", n - 1))).unwrap();
    }
    fs::write(base.path().join("rev-3/manifests/web.yaml"), "edited").unwrap();
    git_sync.shows("web.yaml=edited").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_that_goes_and_comes_is_followed() {
    let base = folder();
    let root = base.path().join("a/manifests");
    let mut watched = Watched::of(&root, FAST);
    watched.says("no such folder").await;
    put(root.join("a.yaml"), "1");
    watched.shows("a.yaml=1").await;
    for text in ["2", "3"] {
        fs::remove_dir_all(base.path().join("a")).unwrap();
        watched.says("no such folder").await;
        put(root.join("a.yaml"), text);
        watched.shows(&format!("a.yaml={text}")).await;
    }
    for text in ["4", "5"] {
        let next = base.path().join("a/next");
        put(next.join("a.yaml"), text);
        fs::rename(&root, base.path().join(format!("a/old-{text}"))).unwrap();
        fs::rename(&next, &root).unwrap();
        watched.shows(&format!("a.yaml={text}")).await;
        fs::write(root.join("a.yaml"), format!("{text}-edited")).unwrap();
        watched.shows(&format!("a.yaml={text}-edited")).await;
    }
    fs::remove_file(root.join("a.yaml")).unwrap();
    watched.says("no manifest in it").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_half_written_is_never_published() {
    let root = folder();
    let path = root.path().join("a.yaml");
    put(&path, "whole-0");
    let settings = Settings { settle_max: Duration::from_secs(10), ..FAST };
    let mut watched = Watched::of(root.path(), settings);
    watched.shows("a.yaml=whole-0").await;
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(b"whole").unwrap();
    file.flush().unwrap();
    // The writer pauses for many settling times with the first half on disk.
    let half = |reading: &Reading| match &reading.state {
        State::Settled(snapshot) => contents(snapshot) == "a.yaml=whole",
        _ => false,
    };
    assert!(timeout(FAST.settle * 12, watched.receiver.wait_for(half)).await.is_err());
    assert!(watched.receiver.borrow().unsettled);
    file.write_all(b"-1").unwrap();
    drop(file);
    let either = |reading: &Reading| half(reading) || !reading.unsettled;
    let reading = watched.until("the whole file", either).await;
    assert!(!half(&reading));
    watched.shows("a.yaml=whole-1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_never_ends_is_named_and_what_it_wrote_never_counts() {
    let root = folder();
    let path = root.path().join("a.yaml");
    put(&path, "0");
    let settings =
        Settings { settle_max: FAST.settle * 4, poll: Duration::from_millis(300), ..FAST };
    let mut watched = Watched::of(root.path(), settings);
    watched.shows("a.yaml=0").await;
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(b"1").unwrap();
    watched.says("has it open").await;
    // Several polls long, with a valid half on disk.
    let settled = |reading: &Reading| matches!(reading.state, State::Settled(_));
    let early = tokio::time::timeout(Duration::from_secs(2), watched.until("settled", settled));
    assert!(early.await.is_err(), "half a file counted");
    file.write_all(b"2").unwrap();
    drop(file);
    watched.shows("a.yaml=12").await;
}

/// Touches something again and again until dropped, whatever the runtime is busy with.
struct Noise(Arc<AtomicBool>, Option<JoinHandle<()>>);

impl Noise {
    fn of(mut touch: impl FnMut(u32) + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let run = move || {
            for n in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                touch(n);
                std::thread::sleep(Duration::from_millis(3));
            }
        };
        Self(stop, Some(std::thread::spawn(run)))
    }
}

impl Drop for Noise {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.take().unwrap().join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_delays_a_reading_and_does_not_prevent_it() {
    let root = folder();
    put(root.path().join("a.yaml"), "0");
    let noisy = root.path().join("noise.txt");
    let noise = Noise::of(move |n| {
        // Comes and goes: no manifest, but it could have been a folder of them.
        if n % 2 == 0 { fs::write(&noisy, "x").unwrap() } else { fs::remove_file(&noisy).unwrap() }
    });
    let settings = Settings { settle_max: FAST.settle * 6, ..FAST };
    let mut watched = Watched::of(root.path(), settings);
    watched.shows("a.yaml=0").await;
    fs::write(root.path().join("a.yaml"), "1").unwrap();
    watched.shows("a.yaml=1").await;
    drop(noise);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tree_that_changes_all_the_time_does_not_come_to_rest() {
    let root = folder();
    let path = root.path().join("a.yaml");
    put(&path, "0");
    // Long, so that on a busy machine the noise is not mistaken for rest.
    let settle = Duration::from_millis(250);
    let settings = Settings { settle, settle_max: settle * 4, ..FAST };
    let mut watched = Watched::of(root.path(), settings);
    watched.shows("a.yaml=0").await;
    let temporary = root.path().join(".tmp");
    let noise = Noise::of(move |n| {
        fs::write(&temporary, n.to_string()).unwrap();
        fs::rename(&temporary, &path).unwrap();
    });
    let restless = |reading: &Reading| match &reading.state {
        // And nothing is done by what was meant before.
        State::Unreadable(why) => reading.unsettled && why.to_string().contains("come to rest"),
        _ => false,
    };
    watched.until("does not come to rest", restless).await;
    let once = settled(root.path().to_owned(), settings).await;
    assert!(once.unwrap_err().to_string().contains("does not come to rest"));
    drop(noise);
    fs::write(root.path().join("a.yaml"), "end").unwrap();
    watched.shows("a.yaml=end").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_ends_in_one_reading_of_its_last_state() {
    let root = folder();
    put(root.path().join("a.yaml"), "0");
    let mut watched = Watched::of(root.path(), FAST);
    watched.shows("a.yaml=0").await;
    let before = watched.receiver.borrow().sequence;
    for n in 1..=500 {
        fs::write(root.path().join("a.yaml"), n.to_string()).unwrap();
    }
    watched.shows("a.yaml=500").await;
    // Unsettled once, settled once; a slow machine may settle within the burst.
    assert!(watched.receiver.borrow().sequence - before < 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_manifest_disturbs_nobody() {
    let root = folder();
    put(root.path().join("a.yaml"), "0");
    put(root.path().join("log.txt"), "");
    put(root.path().join(".a.yaml.swp"), "");
    let mut watched = Watched::of(root.path(), FAST);
    watched.shows("a.yaml=0").await;
    let before = watched.receiver.borrow().sequence;
    let mut log = fs::OpenOptions::new().append(true).open(root.path().join("log.txt")).unwrap();
    log.write_all(b"line\n").unwrap();
    put(root.path().join(".a.yaml.swp"), "typing");
    fs::read(root.path().join("a.yaml")).unwrap();
    let neighbour = root.path().with_extension("neighbour.yaml");
    put(&neighbour, "x");
    fs::remove_file(&neighbour).unwrap();
    let disturbed = |reading: &Reading| reading.sequence != before;
    assert!(timeout(FAST.settle * 5, watched.receiver.wait_for(disturbed)).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_poll_notices_what_no_event_told() {
    let elsewhere = folder();
    put(elsewhere.path().join(".git/index.lock"), "");
    put(elsewhere.path().join("m/a.yaml"), "1");
    let settings = Settings { poll: Duration::from_millis(100), ..FAST };
    let mut watched = Watched::of(&elsewhere.path().join("m"), settings);
    watched.says("git operation").await;
    // Nobody watches `.git`.
    fs::remove_file(elsewhere.path().join(".git/index.lock")).unwrap();
    watched.shows("a.yaml=1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_ends_when_it_is_cancelled_or_nobody_listens() {
    let root = folder();
    put(root.path().join("a.yaml"), "0");
    let mut watched = Watched::of(root.path(), FAST);
    watched.shows("a.yaml=0").await;
    watched.cancel.cancel();
    let ended = async { while watched.receiver.changed().await.is_ok() {} };
    timeout(DEADLINE, ended).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_shot_readings_take_two_looks_a_settling_time_apart() {
    let root = folder();
    put(root.path().join("a.yaml"), "0");
    let clock = TokioClock::starting_at(jiff::Timestamp::UNIX_EPOCH);
    let start = clock.now();
    let snapshot = settled(root.path().to_owned(), Settings::default()).await.unwrap();
    assert_eq!(contents(&snapshot), "a.yaml=0");
    let took = clock.now().since(start);
    assert!(took >= Settings::default().settle && took < Settings::default().settle * 2);
    let missing: PathBuf = root.path().join("missing");
    assert!(settled(missing, Settings::default()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn one_shot_readings_wait_for_git() {
    let root = folder();
    let lock = root.path().join(".git/index.lock");
    put(root.path().join("a.yaml"), "0");
    put(&lock, "");
    let reading = settled(root.path().to_owned(), Settings::default());
    let git = async {
        sleep(Duration::from_secs(2)).await;
        fs::remove_file(&lock).unwrap();
    };
    let (snapshot, ()) = tokio::join!(reading, git);
    assert_eq!(contents(&snapshot.unwrap()), "a.yaml=0");
    put(&lock, "");
    let said = settled(root.path().to_owned(), Settings::default()).await.unwrap_err();
    assert!(said.to_string().contains("git operation"), "{said}");
}
