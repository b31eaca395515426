//! How far it is: a line that is painted over on a terminal, lines that stay elsewhere.

use crate::harness::{Cloud, Place, Ran, manifest};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

const LINKS: &[(&str, &str)] =
    &[("a", "one"), ("a", "two"), ("a", "three"), ("a", "four"), ("a", "stale")];
const KEEP: &[&str] = &["one", "two", "three", "four"];
const ERASE: &str = "\r\u{1b}[2K";

fn place() -> (Place, Cloud) {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    place.write("a.yaml", &manifest("a", "detach", KEEP, ""));
    (place, cloud)
}

/// Runs a command with stdin and stderr on a terminal of so many columns, types a line once it asks for
/// one, and gives its exit code and every byte that the terminal got.
fn on_terminal(mut command: Command, columns: u16, answer: &str) -> (i32, String) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&terminal, size).unwrap();
    let path = std::ffi::OsStr::from_bytes(name.as_bytes());
    let inside = File::options().read(true).write(true).open(path).unwrap();
    command.stdin(inside.try_clone().unwrap()).stderr(inside).stdout(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    // As long as this process has it open, there is no end of it.
    drop(command);
    let mut terminal = File::from(terminal);
    let (mut seen, mut part, mut asked) = (Vec::new(), [0; 4096], false);
    while let Ok(size @ 1..) = terminal.read(&mut part) {
        seen.extend(part.iter().take(size));
        if !asked && String::from_utf8_lossy(&seen).contains("consent: ") {
            asked = true;
            writeln!(terminal, "{answer}").unwrap();
        }
    }
    let code = child.wait().unwrap().code().unwrap_or(-1);
    (code, String::from_utf8(seen).unwrap())
}

/// What is left to be seen of it.
fn screen(bytes: &str) -> Vec<String> {
    bytes
        .replace("\r\n", "\n")
        .split('\n')
        .map(|line| line.rsplit(ERASE).next().unwrap().to_owned())
        .collect()
}

#[test]
fn on_a_terminal_a_line_is_painted_over_and_gone_in_the_end() {
    let (place, cloud) = place();
    cloud.set("latency", "800ms");
    cloud.set("detach-delay", "3s");
    let mut apply = place.command(&cloud, &["apply", "--manifests", "manifests"]);
    apply.env("TERM", "xterm").env("NO_COLOR", "1");
    let (code, bytes) = on_terminal(apply, 100, "yes");
    assert_eq!((code, cloud.writes()), (0, 1), "{bytes}");
    for part in [
        "reading 0 of 1 VPCs, 0 %",
        "0 of 1 links settled, 0 %",
        "1 call,",
        "waiting for 1 to show",
    ] {
        assert!(bytes.contains(part), "{part}: {bytes:?}");
    }
    let left = screen(&bytes);
    for line in &left {
        assert!(!line.contains("reading") && !line.contains("settled"), "{line:?} of {bytes:?}");
    }
    let starts = |what: &str| left.iter().any(|line| line.starts_with(what));
    assert!(starts("Carry this out?"), "{left:?}");
    let logged = left.iter().find(|line| line.contains("INFO")).unwrap();
    assert!(logged.starts_with("20"), "a log line has its own: {logged:?}");
    assert_eq!(left.last().map(String::as_str), Some(""), "{left:?}");
}

#[test]
fn a_narrow_terminal_is_not_overrun() {
    let (place, cloud) = place();
    cloud.set("latency", "900ms");
    let mut plan = place.command(&cloud, &["plan", "--manifests", "manifests"]);
    plan.env("TERM", "xterm");
    let (code, bytes) = on_terminal(plan, 16, "");
    assert_eq!(code, 2, "{bytes}");
    let painted: Vec<&str> = bytes.split(ERASE).collect();
    assert!(painted.contains(&"reading 0 of 1 "), "{bytes:?}");
    assert!(painted.iter().all(|line| line.chars().count() < 16), "{bytes:?}");
}

#[test]
fn elsewhere_lines_stay() {
    let (place, cloud) = place();
    cloud.set("latency", "900ms");
    let plan = ["plan", "--manifests", "manifests", "--output", "json"];
    let piped = place.run(&cloud, &plan);
    assert_eq!(piped.code, 2, "{piped:?}");
    assert_eq!(piped.err, "reading 0 of 1 VPCs, 0 %\n", "one within ten seconds");
    assert!(piped.json()["scopes"].is_array());
    let mut dumb = place.command(&cloud, &plan);
    dumb.env("TERM", "dumb");
    let (code, bytes) = on_terminal(dumb, 80, "");
    assert_eq!((code, bytes.as_str()), (2, "reading 0 of 1 VPCs, 0 %\r\n"));
}

#[test]
fn nothing_stands_between_log_lines_that_programs_read() {
    let (place, cloud) = place();
    cloud.set("latency", "900ms");
    let mut plan = place.command(&cloud, &["plan", "--manifests", "manifests"]);
    plan.args(["--log-format", "json", "--log-level", "debug"]);
    let ran = Ran::of(plan.output().unwrap());
    assert!(ran.code == 2 && ran.err.lines().count() > 1, "{ran:?}");
    for line in ran.err.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
}

#[test]
fn what_is_done_at_once_needs_no_line() {
    let (place, cloud) = place();
    let mut plan = place.command(&cloud, &["plan", "--manifests", "manifests"]);
    plan.env("TERM", "xterm");
    let (code, bytes) = on_terminal(plan, 80, "");
    assert_eq!((code, bytes.as_str()), (2, ""));
}
