//! What was done: `/api/v1/history` and `/api/v1/runs`, from the journal.
//!
//! A journal can be large, and many may ask: only its end is read, off the threads that passes run on,
//! by one at a time, and what was read a moment ago is not read again.

use super::Server;
use super::answer::{self, refuse};
use crate::clock::Clock;
use crate::history::{self, Deed, Record, What, When};
use crate::journal;
use crate::model::{RunId, printable};
use crate::report::history::json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Entries of the journal looked at.
const ENTRIES_MAX: u64 = 20_000;
/// Characters of them.
const CHARACTERS_MAX: u64 = 16 << 20;
/// How long what was read is good enough, at least.
const FRESH: Duration = Duration::from_secs(2);
/// And at least so many times as long as reading took, so that reading takes little of a processor.
const RESTS: u32 = 10;
/// How far back a history goes where nobody says otherwise.
const USUALLY: When = When::Ago(SignedDuration::from_hours(24));
/// Most rows of an answer.
const ROWS_MAX: usize = 1000;
/// Rows of an answer where nobody says otherwise.
const ROWS: usize = 100;

type Asked = Query<Vec<(String, String)>>;

pub(super) async fn history(State(server): State<Arc<Server>>, Query(asked): Asked) -> Response {
    let (since, limit) = match (asked_of(&asked, &["since", "limit"])).and_then(|()| terms(&asked))
    {
        Ok((since, limit)) => (since.unwrap_or(USUALLY), limit),
        Err(why) => return refuse(StatusCode::BAD_REQUEST, why),
    };
    let past = match server.shelf.look(&*server.shown.clock).await {
        Ok(past) => past,
        Err(why) => return refuse(StatusCode::SERVICE_UNAVAILABLE, why),
    };
    answer::value(&server, move |shown| {
        let since = since.from(shown.clock.now().wall);
        let asked = |record: &&Record| record.ended() >= since && is_usual(record);
        let found: Vec<&Record> = past.records.iter().filter(asked).collect();
        let cut = found.len().saturating_sub(limit);
        let reaches = past.complete || past.from.is_some_and(|from| from <= since);
        json!({
            "formatVersion": json::FORMAT_VERSION,
            "since": since.to_string(),
            "complete": cut == 0 && reaches,
            "records": found.into_iter().skip(cut).map(json::record).collect::<Vec<_>>(),
        })
    })
    .await
}

pub(super) async fn runs(State(server): State<Arc<Server>>, Query(asked): Asked) -> Response {
    let limit = match asked_of(&asked, &["limit"]).and_then(|()| terms(&asked)) {
        Ok((_, limit)) => limit,
        Err(why) => return refuse(StatusCode::BAD_REQUEST, why),
    };
    let past = match server.shelf.look(&*server.shown.clock).await {
        Ok(past) => past,
        Err(why) => return refuse(StatusCode::SERVICE_UNAVAILABLE, why),
    };
    answer::value(&server, move |_| {
        let rows = rows(&past.records);
        let cut = rows.len().saturating_sub(limit);
        json!({
            "complete": cut == 0 && past.complete,
            "runs": rows.into_values().skip(cut).map(Row::value).collect::<Vec<_>>(),
        })
    })
    .await
}

/// As `history` has it without `--all`.
fn is_usual(record: &Record) -> bool {
    match record {
        Record::Deed(_) => true,
        Record::Happening(of) => {
            !matches!(of.what, What::Began(..) | What::Held(_) | What::Pruned(_))
        }
    }
}

fn asked_of(asked: &[(String, String)], known: &[&str]) -> Result<(), String> {
    match asked.iter().find(|(key, _)| !known.contains(&key.as_str())) {
        Some((key, _)) => {
            let (shown, known) = (printable(key), known.join("`, `"));
            Err(format!("`{shown}` cannot be asked for here; what can: `{known}`"))
        }
        None => Ok(()),
    }
}

/// From when on, and how many rows.
fn terms(asked: &[(String, String)]) -> Result<(Option<When>, usize), String> {
    let mut terms = (None, ROWS);
    for (key, value) in asked {
        match key.as_str() {
            "since" => terms.0 = Some(When::parse(value).map_err(|why| format!("since: {why}"))?),
            _ => {
                let limit = value.parse().ok().filter(|limit| (1..=ROWS_MAX).contains(limit));
                terms.1 = limit.ok_or_else(|| {
                    let shown = printable(value);
                    format!("limit: `{shown}` is none; write a whole number from 1 to {ROWS_MAX}")
                })?;
            }
        }
    }
    Ok(terms)
}

/// A run, as its entries tell.
struct Row<'r> {
    run: RunId,
    at: Timestamp,
    /// None where its beginning was not looked at.
    began: Option<&'r crate::ledger::event::Began>,
    last: Timestamp,
    outcomes: BTreeMap<&'r str, u64>,
}

impl Row<'_> {
    fn value(self) -> Value {
        json!({
            "run": self.run.to_string(),
            "at": self.at.to_string(),
            "command": self.began.map(|began| &began.command),
            "by": self.began.map(|began| &began.by),
            "lastAt": self.last.to_string(),
            "deeds": self.outcomes.values().sum::<u64>(),
            "outcomes": self.outcomes,
        })
    }
}

fn rows(records: &[Record]) -> BTreeMap<RunId, Row<'_>> {
    let mut rows = BTreeMap::new();
    let new = |run, at, began| Row { run, at, began, last: at, outcomes: BTreeMap::new() };
    for record in records {
        match record {
            Record::Happening(of) => {
                if let What::Began(run, began) = &of.what {
                    rows.insert(*run, new(*run, of.at, Some(began)));
                }
            }
            Record::Deed(deed) => {
                let Some(run) = deed.run else { continue };
                let row = rows.entry(run).or_insert_with(|| new(run, deed.at, None));
                row.last = row.last.max(deed_ended(deed));
                *row.outcomes.entry(deed.outcome.as_str()).or_default() += 1;
            }
        }
    }
    rows
}

fn deed_ended(deed: &Deed) -> Timestamp {
    deed.ended.unwrap_or(deed.at)
}

/// The end of the journal, as it was read last.
#[derive(Debug, Default)]
struct Past {
    /// On the monotonic clock.
    fresh_until: Duration,
    /// The number of the last entry.
    last: Option<u64>,
    /// The time of the first entry that was looked at.
    from: Option<Timestamp>,
    /// Whether there is none before it.
    complete: bool,
    records: Vec<Record>,
}

/// Keeps what was read.
pub(super) struct Shelf {
    folder: PathBuf,
    /// Held while somebody reads: who comes meanwhile wants the same.
    past: tokio::sync::Mutex<Arc<Past>>,
}

impl Shelf {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, past: tokio::sync::Mutex::default() }
    }

    /// The end of the journal.
    ///
    /// # Errors
    /// Why it cannot be read.
    async fn look(&self, clock: &dyn Clock) -> Result<Arc<Past>, String> {
        let mut past = self.past.lock().await;
        let begun = clock.now();
        if begun.monotonic < past.fresh_until {
            return Ok(Arc::clone(&past));
        }
        let (folder, last) = (self.folder.clone(), past.last);
        let read = tokio::task::spawn_blocking(move || {
            let Some(tail) = journal::tail(&folder, last, ENTRIES_MAX, CHARACTERS_MAX)? else {
                return Ok(None);
            };
            let records = history::of(&tail.items);
            let (first, last) = (tail.items.first(), tail.items.last());
            Ok(Some(Past {
                fresh_until: Duration::ZERO,
                last: last.map(|item| item.seq),
                from: first.map(|item| item.at),
                complete: tail.complete,
                records,
            }))
        });
        let read = read.await.map_err(|error| error.to_string())?;
        let read = read.map_err(|error: journal::JournalError| error.to_string())?;
        if let Some(read) = read {
            let ended = clock.now();
            let fresh_until = ended.monotonic + FRESH.max(ended.since(begun) * RESTS);
            *past = Arc::new(Past { fresh_until, ..read });
        }
        Ok(Arc::clone(&past))
    }
}
