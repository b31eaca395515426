use super::*;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

const FAST: Settings = Settings {
    settle: Duration::from_millis(60),
    settle_max: Duration::from_millis(1_500),
    poll: Duration::from_secs(600),
};
const DEADLINE: Duration = Duration::from_secs(20);

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn put(path: impl AsRef<Path>, text: &str) {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// `path=text` of every file.
fn contents(snapshot: &Snapshot) -> String {
    let shown = snapshot.files.iter().map(|file| format!("{}={}", file.path, file.text));
    shown.collect::<Vec<_>>().join(" ")
}

fn problems(root: &Path) -> String {
    read(root).unwrap_err().to_string()
}

// ---- one reading

#[test]
fn manifests_are_read_in_order_and_others_left_out() {
    let root = folder();
    put(root.path().join("b.yml"), "2");
    put(root.path().join("a/z.yaml"), "1");
    put(root.path().join("README.md"), "no");
    put(root.path().join(".hidden.yaml"), "no");
    put(root.path().join(".git/x.yaml"), "no");
    let first = read(root.path()).unwrap();
    assert_eq!(contents(&first), "a/z.yaml=1 b.yml=2");
    fs::rename(root.path().join("b.yml"), root.path().join("c.yml")).unwrap();
    let renamed = read(root.path()).unwrap();
    assert_ne!(first.digest, renamed.digest);
    put(root.path().join("c.yml"), "3");
    assert_ne!(read(root.path()).unwrap().digest, renamed.digest);
}

#[test]
fn every_reason_is_said_at_once() {
    let root = folder();
    let at = |name: &str| root.path().join(name);
    put(at("good.yaml"), "1");
    fs::write(at("latin.yaml"), b"a\nb\xe4\n").unwrap();
    fs::create_dir(at("folder.yaml")).unwrap();
    symlink("nowhere", at("dangling.yaml")).unwrap();
    symlink("nowhere", at("dangling-folder")).unwrap();
    symlink("loop2.yaml", at("loop1.yaml")).unwrap();
    symlink("loop1.yaml", at("loop2.yaml")).unwrap();
    symlink("/etc/hostname", at("out.yaml")).unwrap();
    symlink("/etc", at("out")).unwrap();
    symlink("..", at("up")).unwrap();
    fs::create_dir(at("sub")).unwrap();
    symlink("../sub", at("sub/again")).unwrap();
    put(at("LOUD.YAML"), "1");
    let _socket = UnixListener::bind(at("socket.yaml")).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(at("fifo.yaml")).status().unwrap();
    assert!(fifo.success());
    let large = fs::File::create(at("large.yaml")).unwrap();
    large.set_len(crate::manifest::FILE_BYTES_MAX + 1).unwrap();
    let said = read(root.path()).unwrap_err();
    let reasons = [
        ("LOUD.YAML", "only *.yaml and *.yml"),
        ("dangling-folder", "symbolic link to nothing"),
        ("dangling.yaml", "symbolic link to nothing"),
        ("fifo.yaml", "it is a fifo"),
        ("folder.yaml", "it is a folder"),
        ("large.yaml", "bytes, more than"),
        ("latin.yaml", "not UTF-8 text (line 2)"),
        ("loop1.yaml", "form a loop"),
        ("loop2.yaml", "form a loop"),
        ("out", "leaves the folder"),
        ("out.yaml", "leaves the folder"),
        ("socket.yaml", "it is a socket"),
        ("sub/again", "a folder that holds it"),
        ("up", "leaves the folder"),
    ];
    let found: Vec<_> = said.problems.iter().map(|problem| problem.path.clone()).collect();
    assert_eq!(found, reasons.map(|(name, _)| at(name)), "{said}");
    for (problem, (name, why)) in said.problems.iter().zip(reasons) {
        assert!(problem.why.contains(why), "{name}: {problem}");
    }
}

#[test]
fn a_root_that_is_no_folder_of_manifests_is_an_error() {
    let root = folder();
    assert!(problems(root.path()).contains("no manifest in it"));
    assert!(problems(&root.path().join("missing")).contains("no such folder"));
    put(root.path().join("a.yaml"), "1");
    assert!(problems(&root.path().join("a.yaml")).contains("not a folder"));
    if rustix_is_root() {
        return;
    }
    let closed = root.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    assert!(problems(root.path()).contains("permission denied"));
}

/// Root reads everything, so that modes cannot be tested.
fn rustix_is_root() -> bool {
    fs::read_to_string("/proc/self/status").unwrap().contains("\nUid:\t0\t")
}

#[test]
fn too_deep_is_an_error_and_just_deep_enough_is_not() {
    let root = folder();
    let mut path = root.path().to_owned();
    (0..crate::manifest::DEPTH_MAX).for_each(|_| path.push("d"));
    put(path.join("a.yaml"), "1");
    assert!(read(root.path()).is_ok());
    put(path.join("d/a.yaml"), "1");
    assert!(problems(root.path()).contains("deeper than 32"));
}

#[test]
fn links_may_pass_through_hidden_folders() {
    let root = folder();
    put(root.path().join("..2026/web.yaml"), "1");
    put(root.path().join("..2026/more/x.yaml"), "2");
    symlink("..2026", root.path().join("..data")).unwrap();
    symlink("..data/web.yaml", root.path().join("web.yaml")).unwrap();
    symlink("..data/more", root.path().join("more")).unwrap();
    symlink("web.yaml", root.path().join("zz-again.yaml")).unwrap();
    let snapshot = read(root.path()).unwrap();
    assert_eq!(contents(&snapshot), "more/x.yaml=2 web.yaml=1");
}

#[test]
fn git_at_work_is_an_error() {
    let repository = folder();
    let root = repository.path().join("deploy/manifests");
    put(root.join("a.yaml"), "1");
    fs::create_dir(repository.path().join(".git")).unwrap();
    assert!(read(&root).is_ok());
    for mark in ["index.lock", "MERGE_HEAD", "rebase-merge", "rebase-apply"] {
        let mark = repository.path().join(".git").join(mark);
        fs::create_dir(&mark).unwrap();
        assert!(problems(&root).contains("git operation is in progress"), "{}", mark.display());
        fs::remove_dir(&mark).unwrap();
    }
    let worktree = folder();
    let real = worktree.path().join("git/worktrees/w");
    put(real.join("index.lock"), "");
    put(worktree.path().join("tree/.git"), &format!("gitdir: {}\n", real.display()));
    put(worktree.path().join("tree/a.yaml"), "1");
    assert!(problems(&worktree.path().join("tree")).contains("git operation"));
}

#[test]
fn byte_order_mark_and_carriage_returns_are_kept() {
    let root = folder();
    put(root.path().join("a.yaml"), "\u{feff}a\r\n");
    assert_eq!(contents(&read(root.path()).unwrap()), "a.yaml=\u{feff}a\r\n");
}

// ---- watching

struct Watched {
    receiver: watch::Receiver<Reading>,
    cancel: CancellationToken,
}

impl Watched {
    fn of(root: &Path, settings: Settings) -> Self {
        let cancel = CancellationToken::new();
        Self { receiver: watch(root.to_owned(), settings, cancel.clone()), cancel }
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
async fn a_writer_that_never_ends_is_named_and_then_taken_for_gone() {
    let root = folder();
    let path = root.path().join("a.yaml");
    put(&path, "0");
    let settings =
        Settings { settle_max: FAST.settle * 4, poll: Duration::from_millis(300), ..FAST };
    let mut watched = Watched::of(root.path(), settings);
    watched.shows("a.yaml=0").await;
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(b"1").unwrap();
    watched.says("writing it all the time").await;
    watched.shows("a.yaml=1").await;
    drop(file);
}

/// Touches a file again and again until dropped.
struct Noise(tokio::task::JoinHandle<()>);

impl Noise {
    fn of(mut touch: impl FnMut(u32) + Send + 'static) -> Self {
        Self(tokio::spawn(async move {
            for n in 0.. {
                touch(n);
                sleep(Duration::from_millis(5)).await;
            }
        }))
    }
}

impl Drop for Noise {
    fn drop(&mut self) {
        self.0.abort();
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
    let mut watched = Watched::of(root.path(), Settings { settle_max: FAST.settle * 6, ..FAST });
    watched.shows("a.yaml=0").await;
    let temporary = root.path().join(".tmp");
    let noise = Noise::of(move |n| {
        fs::write(&temporary, n.to_string()).unwrap();
        fs::rename(&temporary, &path).unwrap();
    });
    watched.says("does not come to rest").await;
    let settings = Settings { settle_max: FAST.settle * 3, ..FAST };
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
    // A folder that is bound over another raises no event. Here: a tree that is not armed yet.
    let root = folder();
    put(root.path().join("a.yaml"), "0");
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
    let start = tokio::time::Instant::now();
    let snapshot = settled(root.path().to_owned(), Settings::default()).await.unwrap();
    assert_eq!(contents(&snapshot), "a.yaml=0");
    assert!(start.elapsed() >= Settings::default().settle);
    assert!(start.elapsed() < Settings::default().settle * 2);
    let missing: PathBuf = root.path().join("missing");
    assert!(settled(missing, Settings::default()).await.is_err());
}
