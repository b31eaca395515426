//! The built binary under a service manager, as sd_notify(3) has it.

use crate::harness::{Cloud, Daemon, Place, manifest, until};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;

/// Listens as systemd does.
struct Manager {
    socket: UnixDatagram,
    heard: std::cell::RefCell<Vec<String>>,
}

impl Manager {
    fn on(socket: UnixDatagram) -> Self {
        socket.set_nonblocking(true).unwrap();
        Self { socket, heard: std::cell::RefCell::default() }
    }

    /// How often a message with this line was heard by now.
    fn heard(&self, line: &str) -> usize {
        let mut buffer = [0; 4096];
        while let Ok(size) = self.socket.recv(&mut buffer) {
            let message = std::str::from_utf8(buffer.get(..size).unwrap()).unwrap();
            self.heard.borrow_mut().extend(message.lines().map(str::to_owned));
        }
        self.heard.borrow().iter().filter(|heard| heard.starts_with(line)).count()
    }

    fn waits_for(&self, line: &str, times: usize, daemon: &Daemon) {
        let what = format!("{line} is heard {times} times");
        until(
            &what,
            || self.heard(line) >= times,
            || format!("{:?}\n{}", self.heard, daemon.log()),
        );
    }
}

fn run(place: &Place, cloud: &Cloud, socket: &str, watchdog: &str) -> Command {
    let mut command = place.command(cloud, &["run", "--manifests", "manifests"]);
    command.args(["--interval", "1s", "--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", socket).env("WATCHDOG_USEC", watchdog).env_remove("WATCHDOG_PID");
    command
}

#[test]
fn it_is_ready_feeds_the_watchdog_and_says_that_it_ends() {
    let (place, cloud) = (Place::new(), Cloud::with(&[("a", "one")]));
    place.write("a.yaml", &manifest("a", "detach", &["one"], ""));
    let path = place.path().join("notify");
    let manager = Manager::on(UnixDatagram::bind(&path).unwrap());
    let command = run(&place, &cloud, path.to_str().unwrap(), "800000");
    let daemon = Daemon::start(command, place.path().join("log"));
    manager.waits_for("READY=1", 1, &daemon);
    assert!(daemon.log().contains("the status page listens"), "{}", daemon.log());
    manager.waits_for("WATCHDOG=1", 5, &daemon);
    manager.waits_for("STATUS=revision", 1, &daemon);
    assert_eq!(manager.heard("STOPPING"), 0);
    assert_eq!(daemon.end(), 0);
    assert_eq!((manager.heard("STOPPING=1"), manager.heard("READY=1")), (1, 1));
}

#[test]
fn one_that_waits_for_a_manifest_to_be_mended_is_up() {
    let (place, cloud) = (Place::new(), Cloud::with(&[("a", "one")]));
    place.write("a.yaml", "kind: [\n");
    let name = format!("classiclinkd-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let manager = Manager::on(UnixDatagram::bind_addr(&address).unwrap());
    let command = run(&place, &cloud, &format!("@{name}"), "800000");
    let daemon = Daemon::start(command, place.path().join("log"));
    manager.waits_for("READY=1", 1, &daemon);
    assert!(daemon.log().contains("cannot be accepted"), "{}", daemon.log());
    assert_eq!(manager.heard("STATUS=no revision in force"), manager.heard("STATUS="));
    assert_eq!(daemon.end(), 0);
}

#[test]
fn a_stopped_process_is_silent_so_that_it_can_be_killed() {
    let (place, cloud) = (Place::new(), Cloud::with(&[("a", "one")]));
    place.write("a.yaml", &manifest("a", "detach", &["one"], ""));
    let path = place.path().join("notify");
    let manager = Manager::on(UnixDatagram::bind(&path).unwrap());
    let daemon = Daemon::start(
        run(&place, &cloud, path.to_str().unwrap(), "400000"),
        place.path().join("log"),
    );
    manager.waits_for("WATCHDOG=1", 2, &daemon);
    daemon.signal("-STOP");
    // What it had sent before may still be on its way: twice the watchdog's time without a word.
    let clock = classiclinkd::clock::SystemClock::new();
    let now = || classiclinkd::clock::Clock::now(&clock);
    let mut last = (manager.heard("WATCHDOG=1"), now());
    until(
        "it is silent",
        || {
            let heard = manager.heard("WATCHDOG=1");
            if heard != last.0 {
                last = (heard, now());
            }
            now().since(last.1) > std::time::Duration::from_millis(800)
        },
        || daemon.log(),
    );
    daemon.signal("-CONT");
    manager.waits_for("WATCHDOG=1", last.0 + 1, &daemon);
    assert_eq!(daemon.end(), 0);
}
