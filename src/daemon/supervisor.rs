//! What systemd is told: that the daemon is up, how it stands, that its loop turns, that it ends.
//!
//! The protocol is sd_notify(3): lines in a datagram to the socket that `NOTIFY_SOCKET` names. Nothing here
//! holds up the loop: it runs beside it, and looks at what the loop says on the [`Board`].

use crate::board::{Board, Said};
use crate::clock::Moment;
use crate::report::Standing;
use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it is looked at what there is to tell, where the watchdog does not ask for more.
const LOOK: Duration = Duration::from_secs(1);

/// The service manager that started this process, if one did.
#[derive(Debug)]
pub struct Supervisor {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// The process is killed when it was silent for that long.
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// What the environment says of a service manager; `own` is the number of this process.
    ///
    /// # Errors
    /// Why `NOTIFY_SOCKET` cannot be used: a service that is waited for must not start in silence.
    pub fn find(lookup: impl Fn(&str) -> Option<OsString>, own: u32) -> Result<Self, String> {
        let Some(name) = lookup("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Ok(Self { socket: None, watchdog: None });
        };
        let fail =
            |error: std::io::Error| format!("use NOTIFY_SOCKET ({}): {error}", name.display());
        let address = match name.as_bytes().strip_prefix(b"@") {
            Some(hidden) => SocketAddr::from_abstract_name(hidden),
            None => SocketAddr::from_pathname(&name),
        };
        let address = address.map_err(fail)?;
        let socket = UnixDatagram::unbound().map_err(fail)?;
        // A manager that does not read must not stop us.
        socket.set_nonblocking(true).map_err(fail)?;
        let number = |name: &str| lookup(name)?.to_str()?.parse::<u64>().ok();
        let meant = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(own));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| meant && *usec > 0);
        let watchdog = watchdog.map(Duration::from_micros);
        Ok(Self { socket: Some((socket, address)), watchdog })
    }

    /// How often the loop has to turn, so that it is not taken for stuck.
    pub fn beat(&self, usual: Duration) -> Duration {
        self.watchdog.map_or(usual, |watchdog| (watchdog / 4).min(usual))
    }

    /// Tells what the board says, until stopped.
    ///
    /// Ready is a daemon whose page listens and that acts by a revision, or has refused what is on disk: one that
    /// waits for somebody to mend a manifest is up, and restarting it mends nothing. The watchdog is fed only
    /// by a heartbeat of the loop that it was not fed by before.
    pub async fn follow(self, board: Board, stop: CancellationToken) {
        let look = self.watchdog.map_or(LOOK, |watchdog| (watchdog / 4).min(LOOK));
        let mut told = Told::default();
        while self.socket.is_some() {
            for line in told.news(&board) {
                self.send(&line, &mut told);
            }
            if stop.run_until_cancelled(tokio::time::sleep(look)).await.is_none() {
                break;
            }
        }
        self.send(&Line::Stopping, &mut told);
    }

    fn send(&self, line: &Line, told: &mut Told) {
        let Some((socket, address)) = &self.socket else { return };
        match socket.send_to_addr(line.text().as_bytes(), address) {
            Ok(_) => told.heard(line),
            // What matters is said again at the next look.
            Err(error) => tracing::debug!(%error, "the service manager does not hear"),
        }
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Ready,
    Status(String),
    Alive(Moment),
    Stopping,
}

impl Line {
    fn text(&self) -> String {
        match self {
            Self::Ready => "READY=1\n".to_owned(),
            Self::Status(status) => format!("STATUS={status}\n"),
            Self::Alive(_) => "WATCHDOG=1\n".to_owned(),
            Self::Stopping => {
                "STOPPING=1\nSTATUS=ending; calls in flight are waited for\n".to_owned()
            }
        }
    }
}

/// What the manager has heard.
#[derive(Debug, Default)]
struct Told {
    ready: bool,
    status: String,
    heartbeat: Option<Moment>,
}

impl Told {
    /// What the manager does not know yet.
    fn news(&self, board: &Board) -> Vec<Line> {
        let said = board.said();
        let (heartbeat, status) = (said.heartbeat, status(&said));
        let taken = said.revision.is_some() || said.trouble.is_some();
        drop(said);
        let mut news = Vec::new();
        if status != self.status {
            news.push(Line::Status(status));
        }
        if taken && !self.ready {
            news.push(Line::Ready);
        }
        if let Some(beat) = heartbeat.filter(|beat| self.heartbeat != Some(*beat)) {
            news.push(Line::Alive(beat));
        }
        news
    }

    fn heard(&mut self, line: &Line) {
        match line {
            Line::Ready => self.ready = true,
            Line::Status(status) => self.status.clone_from(status),
            Line::Alive(beat) => self.heartbeat = Some(*beat),
            Line::Stopping => (),
        }
    }
}

/// How the daemon stands, in one line of its own words: nothing of a manifest or of an answer is in it.
fn status(said: &Said) -> String {
    let standings = || said.scopes.values().map(|(_, report)| report.standing());
    let count = |standing| standings().filter(|found| *found == standing).count();
    let mut parts = vec![match &said.revision {
        Some(revision) => format!("revision {revision} in force"),
        None => "no revision in force, so nothing is cut".to_owned(),
    }];
    parts.push(match said.scopes.len() {
        1 => "1 VPC".to_owned(),
        number => format!("{number} VPCs"),
    });
    for (standing, words) in [
        (Standing::Clean, "converged"),
        (Standing::Pending, "with changes pending"),
        (Standing::Held, "held"),
        (Standing::Partial, "not read completely"),
        (Standing::Error, "failing"),
    ] {
        let number = count(standing);
        if number > 0 {
            parts.push(format!("{number} {words}"));
        }
    }
    let stops = [
        (said.trouble.is_some(), "what is on disk cannot be accepted"),
        (!said.paused.is_empty(), "calls are paused"),
        (said.journal_trouble.is_some(), "the journal cannot be written"),
    ];
    parts.extend(stops.iter().filter(|(so, _)| *so).map(|(_, words)| (*words).to_owned()));
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Vitals;
    use crate::clock::{Clock as _, TokioClock};
    use crate::desired::Tree;
    use crate::model::{Digest, Revision};
    use std::collections::BTreeMap;
    use std::sync::Arc;

    /// A manager that listens, and what it heard since it was last asked.
    struct Manager {
        socket: UnixDatagram,
        folder: tempfile::TempDir,
    }

    impl Manager {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
            socket.set_nonblocking(true).unwrap();
            Self { socket, folder }
        }

        fn supervisor(&self, watchdog: Option<&str>, pid: Option<&str>) -> Supervisor {
            let mut set = BTreeMap::new();
            set.insert("NOTIFY_SOCKET", self.folder.path().join("notify").into_os_string());
            set.extend(watchdog.map(|usec| ("WATCHDOG_USEC", usec.into())));
            set.extend(pid.map(|pid| ("WATCHDOG_PID", pid.into())));
            Supervisor::find(|name| set.get(name).cloned(), 7).unwrap()
        }

        fn heard(&self) -> String {
            let mut heard = String::new();
            let mut buffer = [0; 1024];
            while let Ok(size) = self.socket.recv(&mut buffer) {
                heard.push_str(std::str::from_utf8(&buffer[..size]).unwrap());
            }
            heard
        }
    }

    async fn after(seconds: f64) {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn ready_is_who_took_a_revision_or_refused_one() {
        for refused in [false, true] {
            let (manager, clock) =
                (Manager::new(), TokioClock::starting_at(jiff::Timestamp::UNIX_EPOCH));
            let (board, stop) = (Board::new(LOOK), CancellationToken::new());
            let follower = manager.supervisor(None, None).follow(board.clone(), stop.clone());
            let follower = tokio::spawn(follower);
            after(3.1).await;
            assert!(!manager.heard().contains("READY"));
            if refused {
                board.trouble(Some("broken".to_owned()), clock.now());
            } else {
                let revision = Arc::new(Revision::of_content(Digest::of([])));
                let scopes = std::collections::BTreeMap::new();
                board.accepted(&Arc::new(Tree { revision, scopes }), clock.now());
            }
            after(1.1).await;
            let heard = manager.heard();
            assert_eq!(heard.matches("READY=1\n").count(), 1, "{heard}");
            assert_eq!(heard.contains("cannot be accepted"), refused, "{heard}");
            after(5.0).await;
            assert_eq!(manager.heard(), "", "what was heard is not said again");
            stop.cancel();
            follower.await.unwrap();
            assert!(manager.heard().starts_with("STOPPING=1\n"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_is_silent_does_not_feed_the_watchdog() {
        let (manager, clock) =
            (Manager::new(), TokioClock::starting_at(jiff::Timestamp::UNIX_EPOCH));
        let (board, stop) = (Board::new(LOOK), CancellationToken::new());
        let supervisor = manager.supervisor(Some("2000000"), Some("7"));
        assert_eq!(supervisor.beat(Duration::from_secs(5)), Duration::from_millis(500));
        tokio::spawn(supervisor.follow(board.clone(), stop.clone()));
        for _ in 0..3 {
            board.beat(clock.now(), Vitals::default());
            after(0.6).await;
            assert!(manager.heard().contains("WATCHDOG=1\n"));
        }
        after(30.0).await;
        assert_eq!(manager.heard(), "");
        stop.cancel();
    }

    #[test]
    fn a_watchdog_of_another_process_is_not_ours_and_a_broken_socket_is_no_silence() {
        let manager = Manager::new();
        let usual = Duration::from_secs(5);
        assert_eq!(manager.supervisor(Some("2000000"), Some("8")).beat(usual), usual);
        assert_eq!(manager.supervisor(Some("0"), None).beat(usual), usual);
        assert_eq!(manager.supervisor(None, None).beat(usual), usual);
        let long = OsString::from("/".repeat(300));
        let why = Supervisor::find(|name| (name == "NOTIFY_SOCKET").then(|| long.clone()), 7);
        assert!(why.unwrap_err().contains("NOTIFY_SOCKET"));
        assert!(Supervisor::find(|_| None, 7).unwrap().socket.is_none());
    }
}
