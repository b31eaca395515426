//! What operators ask a running daemon for, over a socket in its state folder: both ends of it.
//!
//! A line of JSON asks, a line answers. The socket is in a folder that only the daemon's user may
//! enter, and is for that user and root; who asks is what the kernel says, and not what is written.

use crate::clock::Clock;
use crate::journal::{self, Journal, StateDir, name_of};
use crate::ledger::Event;
use crate::ledger::event::{Cause, Target};
use jiff::Timestamp;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

mod ask;
mod wire;

pub use ask::{Failed, ask};

/// The socket, in the state folder.
pub const FILE: &str = StateDir::CONTROL;

/// Longest line either way: a plan that is approved is told with all of its links.
const LINE_MAX: u64 = 16 * 1024 * 1024;
/// How long either side waits for the other.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How long who asks may take to say what.
const SAID_WITHIN: Duration = Duration::from_millis(500);
/// Askers at the same time.
const ASKERS_MAX: usize = 16;

/// A request, and until when it is meant: a daemon that stood still must not do what somebody asked for
/// long ago and has given up.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    what: Request,
    until: Timestamp,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// To write down a pause, a resume or an approval, and act by it.
    Record(Box<Event>),
    /// To look at the manifests and at these VPCs now.
    Reconcile(Target),
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is written down, and in force.
    Recorded,
    /// So many VPCs are looked at now.
    Looking(usize),
    /// It was not done, and why.
    Refused(String),
}

/// Asks the loop to look at VPCs now; it answers how many there are.
#[derive(Debug)]
pub struct Order {
    /// Which.
    pub target: Target,
    /// Where to say how many.
    pub looking: oneshot::Sender<usize>,
}

/// Answers whoever asks, until `stop`. The journal is the daemon's.
///
/// # Errors
/// When the socket cannot be made: then operators write beside the daemon, as they do where none runs.
pub async fn serve(
    folder: PathBuf,
    journal: Journal,
    orders: mpsc::Sender<Order>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> io::Result<()> {
    let path = folder.join(FILE);
    // Nobody listens on one that an earlier process left: the folder is locked.
    let _none = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    let mut asked = JoinSet::new();
    loop {
        let stream = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = asked.join_next() => continue,
            accepted = listener.accept(), if asked.len() < ASKERS_MAX => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "the control socket cannot take anybody in");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                }
            },
        };
        let attended = attend(stream, journal.clone(), orders.clone(), Arc::clone(&clock));
        asked.spawn(timeout(PATIENCE, attended));
    }
    let _gone = std::fs::remove_file(&path);
    // Who asked already is answered: at most as long as one is waited for.
    while asked.join_next().await.is_some() {}
    Ok(())
}

async fn attend(
    mut stream: UnixStream,
    journal: Journal,
    orders: mpsc::Sender<Order>,
    clock: Arc<dyn Clock>,
) {
    let answer = match peer(&stream) {
        Err(why) => Answer::Refused(why),
        Ok(uid) => {
            let (reader, _) = stream.split();
            // Who says nothing takes no place from others.
            let said = timeout(SAID_WITHIN, line(reader)).await;
            match said.ok().and_then(Result::ok).as_deref().and_then(wire::request) {
                Some(Asked { until, .. }) if clock.now().wall > until => {
                    tracing::warn!("not done: who asked has given up meanwhile");
                    Answer::Refused("who asked has given up meanwhile".to_owned())
                }
                Some(Asked { what, .. }) => carry_out(what, &name_of(uid), &journal, &orders).await,
                None => Answer::Refused("the daemon does not understand the request".to_owned()),
            }
        }
    };
    // Who does not wait for the answer does not get it.
    let _gone = stream.write_all(wire::answer(&answer).as_bytes()).await;
}

fn peer(stream: &UnixStream) -> Result<u32, String> {
    let peer = stream.peer_cred().map_err(|error| format!("who asks cannot be told: {error}"))?;
    let own = rustix::process::geteuid().as_raw();
    if may_ask(peer.uid(), own) {
        return Ok(peer.uid());
    }
    tracing::warn!(uid = peer.uid(), "a user that may not asked over the control socket");
    Err("only the daemon's own user and root may ask".to_owned())
}

fn may_ask(uid: u32, own: u32) -> bool {
    uid == own || uid == 0
}

async fn line(reader: impl tokio::io::AsyncRead + Unpin) -> io::Result<String> {
    let mut text = String::new();
    BufReader::new(reader.take(LINE_MAX)).read_line(&mut text).await?;
    Ok(text)
}

async fn carry_out(
    request: Request,
    by: &str,
    journal: &Journal,
    orders: &mpsc::Sender<Order>,
) -> Answer {
    match request {
        Request::Record(event) => {
            let Some(event) = said_by(*event, by) else {
                let why = "only pauses, resumes and approvals are written down for others";
                return Answer::Refused(why.to_owned());
            };
            let (kind, _) = journal::written(&event);
            match journal.append(event).await {
                Ok(_) => {
                    tracing::info!(kind, by, "written down for an operator");
                    // A plan may be approved now, or calls may go on. A full queue looks soon anyway.
                    let (looking, _) = oneshot::channel();
                    let _full = orders.try_send(Order { target: Target::All, looking });
                    Answer::Recorded
                }
                Err(error) => Answer::Refused(error.to_string()),
            }
        }
        Request::Reconcile(target) => {
            let (looking, answered) = oneshot::channel();
            tracing::info!(subject = %target, by, "asked to look now");
            let sent = orders.send(Order { target, looking }).await;
            match (sent, answered.await) {
                (Ok(()), Ok(count)) => Answer::Looking(count),
                _ => Answer::Refused("the daemon is ending".to_owned()),
            }
        }
    }
}

/// What an operator may have written down, in the name of who asks.
fn said_by(event: Event, by: &str) -> Option<Event> {
    let by = by.to_owned();
    match event {
        Event::Paused(mut pause) if pause.cause == Cause::Operator => {
            pause.by = by;
            Some(Event::Paused(pause))
        }
        Event::Resumed(mut resume) => {
            resume.by = by;
            Some(Event::Resumed(resume))
        }
        Event::Approved(mut approval) => {
            approval.by = by;
            Some(Event::Approved(approval))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
