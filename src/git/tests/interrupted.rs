//! Fetches that are killed at any moment, and copies that are broken.

use super::*;
use rustix::process::{Pid, Signal, kill_process};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Processes that work in a folder.
fn working_in(folder: &Path) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let here =
        |pid: &i32| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == folder);
    pids.filter(here).filter_map(Pid::from_raw).collect()
}

fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let mut left = files(folder);
    left.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("tmp_")
            || name.ends_with(".keep")
            || name.ends_with(".lock") && name != "classiclinkd.lock"
    });
    left
}

fn grown(n: usize) -> Upstream {
    let upstream = Upstream::of(&[("m/a.yaml", "0")]);
    for n in 0..n {
        upstream.put(&format!("m/{n}.yaml"), &format!("{n}"));
    }
    upstream.push("Grow");
    upstream
}

#[tokio::test]
async fn a_fetch_that_is_given_up_at_any_moment_ends_and_harms_nothing() {
    if !upstream::is_there() {
        return;
    }
    let upstream = grown(200);
    let ours = Ours::of(&upstream.url(), "main");
    let repository = ours.repository();
    let mut random = fastrand::Rng::with_seed(1);
    let (mut cut, mut done) = (0, 0);
    for n in 0..40 {
        upstream.change("m/a.yaml", &n.to_string());
        let moment = Duration::from_micros(random.u64(0..80_000));
        match timeout(moment, repository.look()).await {
            Ok(read) => {
                read.unwrap();
                done += 1;
            }
            Err(_) => cut += 1,
        }
        if n % 8 == 0 {
            let (commit, found) = repository.look().await.unwrap();
            assert_eq!((commit.id, found.len()), (upstream.tip(), 201));
        }
    }
    assert!(cut > 5, "{cut} of {} were cut off", cut + done);
    repository.look().await.unwrap();
    assert_eq!(leftovers(&ours.copy()), Vec::<PathBuf>::new());
    assert_eq!(working_in(&ours.copy()), [], "nobody lives on");
}

#[tokio::test]
async fn git_may_be_killed_under_us_at_any_moment() {
    if !upstream::is_there() {
        return;
    }
    let upstream = grown(200);
    let ours = Ours::of(&upstream.url(), "main");
    let repository = ours.repository();
    repository.look().await.unwrap();
    let mut random = fastrand::Rng::with_seed(2);
    let mut failed = 0;
    for n in 0..30 {
        let newest = upstream.change("m/a.yaml", &n.to_string());
        let folder = ours.copy();
        let wait = Duration::from_micros(random.u64(0..60_000));
        let killer = async move {
            sleep(wait).await;
            for pid in working_in(&folder) {
                let _ended = kill_process(pid, Signal::KILL);
            }
        };
        let (read, ()) = tokio::join!(repository.look(), killer);
        match read {
            Ok((commit, found)) => assert_eq!((commit.id, found.len()), (newest, 201)),
            Err(Fault::Passing(_)) => failed += 1,
            Err(Fault::Broken(_)) => {
                failed += 1;
                repository.forget().await.unwrap();
            }
            Err(Fault::Lasting(why)) => panic!("nobody has to do anything: {why}"),
        }
        if n % 5 == 0 {
            assert_eq!(repository.look().await.unwrap().0.id, upstream.tip());
        }
    }
    assert!(failed > 3, "{failed} failed");
    repository.look().await.unwrap();
    assert_eq!(leftovers(&ours.copy()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn what_a_killed_fetch_left_is_cleared_away() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "1")]);
    let ours = Ours::of(&upstream.url(), "main");
    ours.repository().look().await.unwrap();
    let copy = ours.copy();
    let ref_name = files(&copy.join("refs/classiclinkd")).remove(0);
    let mut lock = ref_name.into_os_string();
    lock.push(".lock");
    let left = [
        copy.join("shallow.lock"),
        copy.join("packed-refs.lock"),
        copy.join("config.lock"),
        copy.join("objects/pack/tmp_pack_x"),
        copy.join("objects/pack/tmp_idx_x"),
        copy.join("objects/pack/.tmp-1-pack-x.pack"),
        copy.join("objects/pack/pack-x.keep"),
        PathBuf::from(lock),
    ];
    left.iter().for_each(|path| std::fs::write(path, "x").unwrap());
    let newest = upstream.change("m/a.yaml", "2");
    ours.repository().shows(&newest, &["a.yaml=2"]).await;
    assert!(left.iter().all(|path| !path.exists()));
    assert!(copy.join("classiclinkd.lock").exists());
}

/// Looks, and makes the copy anew as a reader does who is told that it is broken.
async fn heals(repository: &Repository) -> Result<String, Fault> {
    match repository.look().await {
        Err(Fault::Broken(_)) => {
            repository.forget().await?;
            Ok(repository.look().await?.0.id)
        }
        other => Ok(other?.0.id),
    }
}

#[tokio::test]
async fn a_copy_that_is_broken_anywhere_heals_at_once() {
    if !upstream::is_there() {
        return;
    }
    let upstream = grown(50);
    let mut n = 0;
    let mut breaks: Vec<(String, Option<usize>)> = Vec::new();
    for name in ["HEAD", "config", "shallow", ".pack", ".idx", "refs/classiclinkd/"] {
        breaks.extend([None, Some(0), Some(10), Some(40)].map(|left| (name.to_owned(), left)));
    }
    for (name, left) in breaks {
        let ours = Ours::of(&upstream.url(), "main");
        let repository = ours.repository();
        repository.look().await.unwrap();
        let mut hit = 0;
        for path in files(&ours.copy()) {
            let text = path.display().to_string();
            let below = text.strip_prefix(&format!("{}/", ours.copy().display())).unwrap();
            if !(below == name
                || name.starts_with('.') && below.ends_with(&name)
                || below.starts_with(&name))
            {
                continue;
            }
            hit += 1;
            match left {
                None => std::fs::remove_file(&path).unwrap(),
                Some(left) => {
                    let bytes = std::fs::read(&path).unwrap();
                    std::fs::remove_file(&path).unwrap();
                    std::fs::write(&path, &bytes[..left.min(bytes.len())]).unwrap();
                }
            }
        }
        assert!(hit > 0, "{name}");
        // Whether or not there is anything new.
        if n % 2 == 0 {
            upstream.change("m/a.yaml", &n.to_string());
        }
        n += 1;
        let healed = heals(&repository).await;
        assert_eq!(healed.as_deref(), Ok(upstream.tip().as_str()), "{name} cut to {left:?}");
        let again = heals(&repository).await;
        assert_eq!(again, healed, "{name} cut to {left:?}: and stays well");
    }
}

#[tokio::test]
async fn a_first_fetch_that_never_ended_is_forgotten() {
    if !upstream::is_there() {
        return;
    }
    let upstream = grown(10);
    let ours = Ours::of(&upstream.url(), "main");
    let repository = ours.repository();
    repository.look().await.unwrap();
    // Packs are here, and broken, and no ref leads to them.
    std::fs::remove_dir_all(ours.copy().join("refs")).unwrap();
    for path in files(&ours.copy().join("objects/pack")) {
        if path.to_string_lossy().ends_with(".pack") {
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, "nothing").unwrap();
        }
    }
    assert_eq!(repository.look().await.unwrap().0.id, upstream.tip());
}

#[tokio::test]
async fn several_fetch_into_one_copy_at_once() {
    if !upstream::is_there() {
        return;
    }
    let upstream = grown(20);
    let ours = Ours::of(&upstream.url(), "main");
    let (one, other, third) = (ours.repository(), ours.repository(), ours.repository());
    for n in 0..8 {
        let newest = upstream.change("m/a.yaml", &n.to_string());
        let seen = tokio::join!(one.look(), other.look(), third.look());
        for seen in [seen.0, seen.1, seen.2] {
            assert_eq!(seen.unwrap().0.id, newest);
        }
    }
}

#[tokio::test]
async fn who_fetches_too_long_is_waited_for_and_the_lock_outlives_us() {
    if !upstream::is_there() {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "1")]);
    let server = Server::of(upstream.root());
    let ours = Ours::of(&server.url, "main");
    let repository = ours.repository();
    repository.look().await.unwrap();
    let tip = repository.tip().await.unwrap();
    server.trouble("POST", Trouble::Hang);
    let other = ours.repository();
    let second = other.copy.lock();
    let lock = repository.copy.lock().await.unwrap();
    assert!(timeout(Duration::from_millis(300), second).await.is_err(), "one at a time");
    drop(lock);
    // A fetch holds it through its own standard input: it would go on doing so if we were killed.
    let fetch = repository.fetch(&tip);
    tokio::pin!(fetch);
    let lock_name = ours.copy().join("classiclinkd.lock");
    let held = async {
        loop {
            let holds = |pid: &Pid| {
                let input = format!("/proc/{}/fd/0", pid.as_raw_nonzero());
                std::fs::read_link(input).is_ok_and(|path| path == lock_name)
            };
            if working_in(&ours.copy()).iter().any(holds) {
                break;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        biased;
        () = held => {}
        ended = &mut fetch => panic!("{ended:?}"),
        () = sleep(Duration::from_secs(20)) => panic!("git does not hold the lock"),
    }
}
