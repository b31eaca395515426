//! Watches a simulated world from the outside and says which safety rule was broken.
//!
//! It knows what the manifests say because it is told before their text is written, what the cloud
//! did because it stands beside every call, and what the journal holds because it stands behind the
//! disk. It shares no code with the gate, the ledger or the plan: its rules are those of
//! `reliability.md` section 3, said again.

use super::estate::{Names, Wishes};
use crate::cloud::{CloudError, Page, Query, Ticket};
use crate::ledger::Budget;
use crate::ledger::event::{Event, Pause};
use crate::model::{Digest, InstanceId, Scope, Verb, VpcId};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

mod course;
mod held;
mod host;
mod keys;
mod power;
mod rules;
mod seen;
mod told;

/// Answers of calls that may have been carried out.
const MAY_HAVE_EFFECT: [&str; 6] =
    ["OK", "timeout", "connection-lost", "malformed-body", "InternalError", "ServiceUnavailable"];

/// What the world is bounded by, as the configuration has it.
#[derive(Debug, Clone)]
pub struct Law {
    /// Detaches sent, per account and region.
    pub budget: Budget,
    /// What a small scope may always lose.
    pub min_detach: u64,
    /// Most detaches of one plan, in percent.
    pub max_detach: u64,
    /// Most links that a revision may lose, in percent.
    pub max_shrink: u64,
    /// An hour of the day, UTC, in which nothing may be done.
    pub closed: Option<i8>,
    /// Oldest observation that a plan may be made of.
    pub fresh: Duration,
}

/// A time on the true clock, and what the host's clock showed.
#[derive(Debug, Clone, Copy)]
pub(super) struct When {
    /// On the true clock; also the order of what happens.
    pub mono: Duration,
    /// On the host's clock.
    pub wall: Timestamp,
}

impl When {
    /// Whether it may have been less than `span` ago, as either clock has it, or lies ahead.
    fn perhaps_within(self, span: Duration, now: Self) -> bool {
        let walls = now.wall.duration_since(self.wall);
        let wall = Duration::try_from(walls).unwrap_or_default();
        now.mono.saturating_sub(self.mono) < span || wall < span
    }

    /// Whether it was less than `span` ago by both clocks: what a process that was restarted must
    /// count in any case.
    fn within(self, span: Duration, now: Self) -> bool {
        let walls = now.wall.duration_since(self.wall);
        let wall = Duration::try_from(walls).unwrap_or_default();
        now.mono.saturating_sub(self.mono) < span && wall < span
    }
}

/// What the folder of manifests holds.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// What somebody meant.
    Whole(Arc<Wishes>),
    /// Anything else: half written, broken, unreadable.
    Broken,
}

struct Folder {
    since: Duration,
    content: Content,
    /// Whether the reader was told of the last change.
    heard: bool,
}

/// What is known of one link.
#[derive(Debug, Default)]
struct Known {
    /// When the last call for it was sent, unless it certainly had no effect, or its effect was seen.
    sent: Option<(When, Verb)>,
    /// When the last call for it ended; unless one is under way.
    ended: Option<Duration>,
    under_way: bool,
    /// When the last read by id began that listed it, and that did not.
    listed: Option<Duration>,
    absent: Option<Duration>,
    /// When the last read by id began that did not list it.
    missed: Option<Duration>,
    /// When the last read by id of it alone began that the cloud refused.
    refused: Option<Duration>,
    /// When it was seen to have been detached by us.
    taken: Vec<When>,
    /// The revision by which it was attached last.
    attached_by: Option<Digest>,
}

type Key = (Scope, InstanceId);
/// What the budget counts by, in words of its own: a mistake in the program's must not be one here.
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Detaches of one link within an hour that are a fight.
const FLAPS: usize = 3;
/// Until when which links may be taken.
type Leave = (Timestamp, BTreeSet<InstanceId>);

/// Everything that counts against the rules.
struct Book {
    names: Names,
    law: Law,
    folder: Folder,
    known: BTreeMap<Digest, Arc<Wishes>>,
    accepted: Option<(Digest, Arc<Wishes>)>,
    protected: BTreeSet<(VpcId, InstanceId)>,
    /// What a revision lost of a scope, and how many links there were.
    shrunk: BTreeMap<VpcId, (u64, BTreeSet<InstanceId>)>,
    /// Intents of detaches that count for the budget, and their process.
    intended: BTreeMap<u64, (When, u64)>,
    /// How many processes there were.
    life: u64,
    /// When an operator last resumed or approved.
    said: Duration,
    /// What passes saw of a VPC.
    observed: BTreeMap<VpcId, Vec<held::Seen>>,
    intents: BTreeMap<u64, (Key, Verb, Digest, Digest)>,
    answered: BTreeSet<u64>,
    used: BTreeSet<u64>,
    /// Of the detaches that were sent: when their intents were written, and by which process.
    sent: Vec<(When, u64)>,
    by_plan: BTreeMap<Digest, BTreeSet<InstanceId>>,
    /// What is approved of a scope by a revision: until when, and which links are to be taken once each.
    approved: BTreeMap<(Scope, Digest), Vec<Leave>>,
    pauses: Vec<(Duration, Pause)>,
    misses: Vec<(When, Scope)>,
    sent_since_resumed: BTreeMap<Scope, u64>,
    /// A detach is intended since somebody resumed the region, or more.
    sent_lately: bool,
    /// Entries that the disk has for good.
    durable: BTreeSet<u64>,
    power: power::Power,
    /// The links of each VPC as of its last pass.
    there: BTreeMap<VpcId, BTreeSet<InstanceId>>,
    /// Since when the pause file is there.
    pause_file: Option<Duration>,
    /// Pauses by the budget in a row while that was not so.
    in_vain: u32,
    /// What undos gave back, and since when.
    holds: BTreeMap<Key, Duration>,
    /// The same, whatever revisions came since.
    given_back: BTreeMap<Key, Digest>,
    links: BTreeMap<Scope, BTreeMap<InstanceId, Known>>,
    /// When the last list of a VPC began, what its pages showed so far, and how many links the last one counted.
    pages: BTreeMap<VpcId, (Duration, Vec<InstanceId>, u64)>,
    most: BTreeMap<VpcId, Vec<(Duration, u64)>>,
    touched: BTreeMap<VpcId, Duration>,
    identified: Option<Duration>,
    keys: keys::Keys,
    course: course::Course,
    /// Whether reads leave out links, or did.
    hidden: bool,
    calls: u64,
    writes: u64,
    violations: Vec<String>,
    lines: Option<Vec<String>>,
}

/// Shared by everything that it watches.
#[derive(Clone)]
pub struct Referee(Arc<Mutex<Book>>);

/// What a referee saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// Each broken rule: which, when, what.
    pub violations: Vec<String>,
    /// Everything that happened, where that was asked for.
    pub lines: Vec<String>,
    /// Calls to the cloud.
    pub calls: u64,
    /// Those that were to change something.
    pub writes: u64,
}

/// The share of a whole, rounded down.
fn share(percent: u64, of: u64) -> u64 {
    percent.saturating_mul(of) / 100
}

impl Referee {
    /// Watches a world of these names under this law; `lines` says whether to remember everything.
    pub fn new(names: Names, law: Law, lines: bool) -> Self {
        let folder = Folder { since: Duration::ZERO, content: Content::Broken, heard: true };
        Self(Arc::new(Mutex::new(Book {
            names,
            law,
            folder,
            known: BTreeMap::new(),
            accepted: None,
            protected: BTreeSet::new(),
            shrunk: BTreeMap::new(),
            intended: BTreeMap::new(),
            life: 0,
            said: Duration::ZERO,
            observed: BTreeMap::new(),
            intents: BTreeMap::new(),
            answered: BTreeSet::new(),
            used: BTreeSet::new(),
            sent: Vec::new(),
            by_plan: BTreeMap::new(),
            approved: BTreeMap::new(),
            pauses: Vec::new(),
            misses: Vec::new(),
            sent_since_resumed: BTreeMap::new(),
            holds: BTreeMap::new(),
            given_back: BTreeMap::new(),
            sent_lately: false,
            in_vain: 0,
            durable: BTreeSet::new(),
            power: power::Power::default(),
            there: BTreeMap::new(),
            pause_file: None,
            links: BTreeMap::new(),
            pages: BTreeMap::new(),
            most: BTreeMap::new(),
            touched: BTreeMap::new(),
            identified: None,
            keys: keys::Keys::default(),
            course: course::Course::default(),
            hidden: false,
            calls: 0,
            writes: 0,
            violations: Vec::new(),
            lines: lines.then(Vec::new),
        })))
    }

    /// A call is about to leave.
    pub(super) fn sends(&self, now: When, ticket: &Ticket, linked: &BTreeSet<InstanceId>) {
        let mut book = self.lock();
        book.note(now, &|| format!("send {} {}", ticket.verb(), ticket.link().instance));
        book.sends(now, ticket, linked);
    }

    /// The answer to a call is there, or will never be.
    pub(super) fn answered(&self, now: When, scope: &Scope, instance: &InstanceId, code: &str) {
        let mut book = self.lock();
        book.note(now, &|| format!("answer {instance} {code}"));
        let known = book.link(scope, instance);
        known.under_way = false;
        known.ended = Some(now.mono);
        if !MAY_HAVE_EFFECT.contains(&code) {
            known.sent = None;
        }
    }

    /// A read that began at `begun` has an answer.
    pub(super) fn read(
        &self,
        now: When,
        begun: Duration,
        query: &Query,
        answer: &Result<Page, CloudError>,
    ) {
        let mut book = self.lock();
        book.calls += 1;
        book.note(now, &|| match answer {
            Ok(page) => format!("read {} of {}", page.links.len(), page.total),
            Err(error) => format!("read {}", error.code),
        });
        match answer {
            Ok(page) => book.read(begun, query, page),
            Err(error) => book.refused(begun, query, error),
        }
    }

    /// The cloud said whose credential it is, of a key.
    pub(super) fn identified(&self, now: When, key: &str, ours: bool) {
        let mut book = self.lock();
        book.note(now, &|| format!("identity {ours}"));
        book.identified = ours.then_some(now.mono);
        book.keys.are_of(key, ours);
    }

    /// An entry of the journal is written. It lasts, unless the power goes, once it is [`Referee::durable`].
    pub(super) fn wrote(&self, now: When, seq: u64, event: &Event) {
        let mut book = self.lock();
        book.note(now, &|| format!("entry {seq} {}", told::word(event)));
        book.may_lose(seq);
        book.wrote(now, seq, event);
    }

    /// So many links a VPC truly has; `by_hand` says that a person changed that.
    pub(super) fn truly(&self, now: When, vpc: &VpcId, links: u64, by_hand: bool) {
        let mut book = self.lock();
        let history = book.most.entry(vpc.clone()).or_default();
        if history.last().is_none_or(|(_, last)| *last != links) {
            history.push((now.mono, links));
            if by_hand {
                book.touched.insert(vpc.clone(), now.mono);
            }
        }
    }

    /// From now on so much may be sent.
    pub(super) fn allow(&self, budget: Budget) {
        self.lock().law.budget = budget;
    }

    /// Anything else that happens.
    pub(super) fn remark(&self, now: When, what: &dyn Fn() -> String) {
        self.lock().note(now, what);
    }

    /// A rule that the world itself saw broken.
    pub(super) fn accuse(&self, now: When, what: String) {
        self.lock().accuse(now, what);
    }

    /// Calls so far that were to change something.
    pub(super) fn writes(&self) -> u64 {
        self.lock().writes
    }

    /// Calls so far.
    pub(super) fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// The links that stay protected, whatever the manifests list.
    pub(super) fn protected(&self, vpc: &VpcId) -> BTreeSet<InstanceId> {
        let book = self.lock();
        let of = book.protected.iter().filter(|(of, _)| of == vpc);
        of.map(|(_, instance)| instance.clone()).collect()
    }

    /// Whether the revision in force is what the folder holds.
    pub(super) fn is_up_to_date(&self) -> bool {
        let book = self.lock();
        let accepted = book.accepted.as_ref().map(|(_, wishes)| wishes);
        matches!((&book.folder.content, accepted), (Content::Whole(now), Some(then)) if now == then)
    }

    /// What it saw.
    pub fn findings(&self) -> Findings {
        let mut book = self.lock();
        Findings {
            violations: book.violations.clone(),
            lines: book.lines.as_mut().map(std::mem::take).unwrap_or_default(),
            calls: book.calls,
            writes: book.writes,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn link(&mut self, scope: &Scope, instance: &InstanceId) -> &mut Known {
        self.links.entry(scope.clone()).or_default().entry(instance.clone()).or_default()
    }

    fn known(&self, (scope, instance): &Key) -> Option<&Known> {
        self.links.get(scope).and_then(|links| links.get(instance))
    }

    fn note(&mut self, now: When, what: &dyn Fn() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>12.3} {}", now.mono.as_secs_f64(), what()));
        }
    }

    fn accuse(&mut self, now: When, what: String) {
        self.note(now, &|| format!("VIOLATION {what}"));
        self.violations.push(format!("at {:.3} s: {what}", now.mono.as_secs_f64()));
    }

    fn approved(&self, (scope, instance): &Key, intent: u64, now: When) -> bool {
        let Some((_, _, _, revision)) = self.intents.get(&intent) else { return false };
        let approvals = self.approved.get(&(scope.clone(), revision.clone()));
        let covers = |(until, links): &Leave| *until > now.wall && links.contains(instance);
        approvals.is_some_and(|approvals| approvals.iter().any(covers))
    }
}
