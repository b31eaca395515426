//! Any text as a journal: as the body of one entry of each kind, and each line of it as an entry
//! (`KIND BODY`, or `@TIME KIND BODY`) of a chain whose hashes are right.

use classiclinkd::clock::{Clock, Moment};
use classiclinkd::journal::{Entry, Item, Journal, Memory};
use classiclinkd::ledger::{Event, Ledger};
use classiclinkd::model::{Digest, InstanceId, Scope};
use classiclinkd::{history, journal};
use futures_util::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;

const KINDS: [&str; 12] = [
    "accepted",
    "passed",
    "began",
    "intent",
    "answered",
    "settled",
    "approved",
    "paused",
    "resumed",
    "restored",
    "pruned",
    "teleported",
];
/// Entries of one chain: what a longer one finds, a shorter one does, too.
const ENTRIES_MAX: usize = 200;

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for kind in KINDS {
        alone(kind, text);
    }
    let mut entries: Vec<Entry> = Vec::new();
    for line in text.lines().take(ENTRIES_MAX) {
        let second = SignedDuration::from_secs(entries.len().try_into().unwrap());
        let at = begin() + second;
        let (at, line) = match line.strip_prefix('@').and_then(|line| line.split_once(' ')) {
            Some((at, rest)) => (at.to_owned(), rest),
            None => (at.to_string(), line),
        };
        let (kind, body) = line.split_once(' ').unwrap_or((line, ""));
        let next = chained(entries.last(), &at, kind, body);
        // What cannot be read ends a chain; here it only would end the test.
        if Memory::of(vec![chained(None, &at, kind, body)]).items().is_ok() {
            entries.push(next);
        }
    }
    if !entries.is_empty() {
        folded(&entries);
        changed(&entries, data);
    }
}

fn begin() -> Timestamp {
    "2026-11-23T00:00:00Z".parse().unwrap()
}

/// The entry after `last`, by the format's own rule.
fn chained(last: Option<&Entry>, at: &str, kind: &str, body: &str) -> Entry {
    let (seq, previous) = last.map_or((1, ""), |last| (last.seq + 1, last.hash.as_str()));
    let hash = Digest::of([previous, &seq.to_string(), at, kind, body].map(str::as_bytes));
    Entry { seq, at: at.to_owned(), kind: kind.to_owned(), body: body.to_owned(), hash }
}

/// What is read of a body is written so that the same is read again.
fn alone(kind: &str, body: &str) {
    let entry = chained(None, &begin().to_string(), kind, body);
    let Ok(items) = Memory::of(vec![entry]).items() else { return };
    let [Item { event, .. }] = &items[..] else { panic!("one entry is {} items", items.len()) };
    let memory = Memory::default();
    let journal = Journal::in_memory(memory.clone(), Arc::new(Standing));
    let written = journal.append(event.clone()).now_or_never().expect("memory does not wait");
    assert_eq!(written.unwrap(), 1);
    assert_eq!(&memory.items().unwrap()[0].event, event, "{:?}", memory.entries());
}

struct Standing;

impl Clock for Standing {
    fn now(&self) -> Moment {
        Moment {
            wall: begin() + SignedDuration::from_hours(1),
            monotonic: Duration::from_secs(7200),
        }
    }
}

/// The chain holds, is read twice to the same, and answers whatever it is asked.
fn folded(entries: &[Entry]) {
    let memory = Memory::of(entries.to_vec());
    let items = memory.items().expect("every hash is right");
    assert_eq!(items.len(), entries.len());
    let now = Standing.now();
    // A text of a manifest may be missing; that is not what this is about.
    if let Ok((ledger, _)) = memory.recover(now) {
        let (again, _) = memory.recover(now).expect("it was just read");
        assert_eq!(format!("{ledger:?}"), format!("{again:?}"));
    }
    let mut ledger = Ledger::default();
    let past = |at| classiclinkd::ledger::Past { wall: at, monotonic: None };
    for Item { seq, at, event } in &items {
        ledger.take(*seq, past(*at), event, now);
        if let Some((scope, id)) = link(event) {
            asked(&mut ledger, scope, id, now);
        }
    }
    for record in history::of(&items) {
        record.at();
        record.ended();
    }
    let books = journal::Books::of(ledger);
    for Item { event, .. } in &items {
        books.supposing(event, now);
    }
}

fn link(event: &Event) -> Option<(&Scope, &InstanceId)> {
    match event {
        Event::Intent(intent) => Some((&intent.scope, &intent.instance)),
        Event::Settled(settled) => Some((&settled.scope, &settled.instance)),
        Event::Restored(restored) => restored.links.first().map(|(scope, id)| (scope, id)),
        Event::Passed(passed) => Some((&passed.scope, &passed.actions.first()?.1)),
        _ => None,
    }
}

fn asked(ledger: &mut Ledger, scope: &Scope, id: &InstanceId, now: Moment) {
    let lane = scope.lane();
    let spent = ledger.spent(&lane, now);
    assert!(spent.hour <= spent.day, "{spent:?}");
    ledger.misses(scope, now);
    assert!(ledger.most_links(scope, 3, now) >= 3, "the present counts, too");
    ledger.sent_at(&lane, now);
    ledger.reserve(&lane);
    ledger.free(&lane);
    ledger.sent_since_resumed(&lane);
    ledger.paused(scope);
    ledger.flapping(scope, id, now);
    ledger.is_protected(scope, id);
    ledger.restored(scope, id);
    ledger.shrunk(scope);
    assert!(ledger.approvals(now).all(|approval| approval.until > now.wall));
    assert!(ledger.open_intents().all(|(seq, ..)| seq > 0));
    ledger.unsettled().count();
    ledger.oldest_needed();
}

/// No entry can be changed, left out or moved, but for the last ones left out.
fn changed(entries: &[Entry], data: &[u8]) {
    let noise: usize = data.iter().map(|byte| usize::from(*byte)).sum();
    let at = noise % entries.len();
    let with = |change: &dyn Fn(&mut Entry)| {
        let mut entries = entries.to_vec();
        change(&mut entries[at]);
        Memory::of(entries).items().is_err()
    };
    assert!(with(&|entry| entry.body.push(' ')), "a changed body");
    assert!(with(&|entry| entry.body.insert(0, ' ')), "a changed body");
    assert!(with(&|entry| entry.kind.push('x')), "a changed kind");
    assert!(with(&|entry| entry.at.push('0')), "a changed time");
    assert!(with(&|entry| entry.seq += 1), "a changed number");
    let other = Digest::of([data]);
    assert!(with(&|entry| entry.hash = other.clone()), "a changed hash");
    // The border between two members moves.
    assert!(
        with(&|entry| entry.kind.push_str(&std::mem::take(&mut entry.body)))
            || entries[at].body.is_empty(),
        "a moved border"
    );
    if at + 1 < entries.len() {
        let mut swapped = entries.to_vec();
        swapped.swap(at, at + 1);
        assert!(Memory::of(swapped).items().is_err(), "two in the wrong order");
        let mut without = entries.to_vec();
        without.remove(at);
        assert!(Memory::of(without).items().is_err(), "one is missing");
    }
}
