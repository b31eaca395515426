//! What happens, as it happens: `/api/v1/events`, server-sent events.
//!
//! A stream is told what the board tells every follower; nobody waits for it. One that does not keep
//! up loses the oldest and hears how many.

use super::Server;
use super::answer::{self, refuse};
use crate::board::Happening;
use crate::clock::Moment;
use crate::model::Verb;
use crate::report::ScopeReport;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

/// Streams at a time: well below the connections, so that they leave room for everything else.
pub(super) const STREAMS_MAX: usize = 64;
/// Silence after which a comment says that the stream is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a browser waits before it connects again.
const RECONNECT: Duration = Duration::from_secs(3);
/// Longest text told, in characters: the rest is in the status.
const TEXT_MAX: usize = 500;

pub(super) async fn events(State(server): State<Arc<Server>>) -> Response {
    let Ok(place) = Arc::clone(&server.streams).try_acquire_owned() else {
        let why = format!(
            "{STREAMS_MAX} event streams are open already; close one, or ask /api/v1/status again \
             and again"
        );
        return refuse(StatusCode::SERVICE_UNAVAILABLE, why);
    };
    let follower = Follower {
        heard: server.shown.board.follow(),
        told: None,
        stop: server.stop.clone(),
        _place: place,
    };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("alive")).into_response()
}

struct Follower {
    heard: Receiver<(Moment, Happening)>,
    /// Events of this stream so far, those it missed included; none before the greeting.
    told: Option<u64>,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// The next event; `None` at the end of the daemon.
    async fn next(&mut self) -> Option<Event> {
        let Some(told) = &mut self.told else {
            self.told = Some(0);
            return Some(Event::default().retry(RECONNECT).comment("following"));
        };
        let heard = tokio::select! {
            biased;
            () = self.stop.cancelled() => return None,
            heard = self.heard.recv() => heard,
        };
        let (name, data) = match heard {
            Ok((at, happening)) => {
                *told += 1;
                said(at, &happening)
            }
            Err(RecvError::Lagged(missed)) => {
                *told += missed;
                ("missed", json!({"count": missed}))
            }
            Err(RecvError::Closed) => return None,
        };
        Some(Event::default().id(told.to_string()).event(name).data(data.to_string()))
    }
}

/// The name of an event, and what is told of it: little, whatever the size of the estate.
fn said(at: Moment, happening: &Happening) -> (&'static str, Value) {
    let (name, mut data) = match happening {
        Happening::Accepted(revision) => {
            ("accepted", json!({"revision": answer::revision(Some(revision))}))
        }
        Happening::Trouble(why) => ("trouble", json!({"problem": why.as_deref().map(short)})),
        Happening::Passed(report) => ("passed", passed(report)),
        Happening::Expiring(scope, expiring) => (
            "expiring",
            answer::of_scope(
                scope,
                json!({
                    "instanceId": expiring.instance.as_str(),
                    "until": expiring.until.to_string(),
                    "daysLeft": expiring.days_left,
                }),
            ),
        ),
        Happening::Stopped { paused, journal, latched: _ } => (
            "stopped",
            json!({
                "paused": paused.iter().map(|why| short(why)).collect::<Vec<_>>(),
                "journalProblem": journal.as_deref().map(short),
            }),
        ),
    };
    answer::extend(&mut data, json!({"at": at.wall.to_string()}));
    (name, data)
}

fn passed(report: &ScopeReport) -> Value {
    let converged = report.applied.iter().filter(|applied| applied.outcome.is_converged()).count();
    let more = json!({
        "verdict": report.verdict.as_str(),
        "observed": report.observed,
        "desired": report.desired,
        "detach": report.count(Verb::Detach),
        "attach": report.count(Verb::Attach),
        "missing": report.missing.len(),
        "refusals": report.refusals.len(),
        "converged": converged,
        "left": report.applied.len() - converged,
    });
    answer::of_scope(&report.scope, more)
}

fn short(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "…",
        None => text.to_owned(),
    }
}
