//! Processes that end at any moment, and several at once.

use super::*;
use std::process::Stdio;
use std::time::Duration;

/// How many processes are killed.
const KILLS: u64 = 25;

#[test]
fn a_process_may_be_killed_at_any_moment_of_a_fetch() {
    let Some(site) = site() else { return };
    for n in 0..200 {
        site.upstream.put(&format!("m/more/{n}.txt"), &n.to_string());
    }
    site.upstream.push("Grow");
    let clock = SystemClock::new();
    let begun = clock.now();
    let whole = site.run("plan", &site.server.url, &[]);
    let took = clock.now().since(begun);
    assert_eq!(whole.code, 0, "{whole:?}");
    let mut random = fastrand::Rng::with_seed(3);
    let mut killed = 0;
    for n in 0..KILLS {
        if n % 4 == 0 {
            // A git whose starter was killed may still be writing its last.
            let copies = site.place.state().join("git");
            let gone = || fs::remove_dir_all(&copies).is_ok() || !copies.exists();
            until("the copy is gone", gone, String::new);
        }
        site.upstream.put("m/more/0.txt", &format!("again {n}"));
        site.upstream.push("More");
        let arguments = ["plan", "--git", &site.server.url, "--path", "m"];
        let mut command = site.place.command(&site.cloud, &arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let moment = took.mul_f64(random.f64());
        let at = clock.now();
        until("its moment has come", || clock.now().since(at) >= moment, String::new);
        killed += u64::from(child.try_wait().unwrap().is_none());
        let _ended = child.kill();
        child.wait().unwrap();
        if n % 3 == 0 {
            let ran = site.run("plan", &site.server.url, &["--output", "json"]);
            assert_eq!(ran.code, 0, "after {n} kills: {ran:?}");
            assert!(ran.out.contains(&site.upstream.tip()), "after {n} kills: {ran:?}");
        }
    }
    assert!(killed > KILLS / 3, "{killed} of {KILLS} were at work");
}

#[test]
fn two_processes_read_one_repository_into_one_state_folder() {
    let Some(site) = site() else { return };
    for n in 0..4 {
        site.upstream.put("m/note.txt", &n.to_string());
        site.upstream.push("More");
        let arguments = ["plan", "--git", &site.server.url, "--path", "m", "--output", "json"];
        let children: Vec<_> = (0..3)
            .map(|_| {
                let mut command = site.place.command(&site.cloud, &arguments);
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        for child in children {
            let ran = Ran::of(child.wait_with_output().unwrap());
            assert_eq!(ran.code, 0, "{ran:?}");
            assert!(ran.out.contains(&site.upstream.tip()), "{ran:?}");
        }
    }
}

#[test]
fn a_daemon_that_waits_for_a_silent_host_ends_when_it_is_asked_to() {
    let Some(site) = site() else { return };
    let daemon = site.daemon(&[]);
    until(
        "both VPCs are read",
        || site.cloud.calls("DescribeClassicLinkInstances") >= 2,
        || daemon.log(),
    );
    let before = site.server.seen().len();
    site.server.trouble("", Trouble::Hang);
    until("it waits", || site.server.seen().len() > before, || daemon.log());
    let clock = SystemClock::new();
    let begun = clock.now();
    assert_eq!(daemon.end(), 0);
    assert!(clock.now().since(begun) < Duration::from_secs(20));
}
