//! One plan on its way: what is started when, and what comes back.

use super::call::{Call, Caller};
use super::item::{self, Item, Seen, Stage};
use super::quarantine::Frost;
use super::{Applied, Run, Writes};
use crate::attempt::Kind;
use crate::clock::{Clock as _, Moment};
use crate::cloud::{Class, CloudError, IDS_MAX, Identify, ReadLinks, WriteLinks};
use crate::forecast::confirm_ahead;
use crate::gate::Approved;
use crate::journal::JournalError;
use crate::model::{InstanceId, Lane, Verb};
use crate::observe::Reads;
use crate::observed::Standing;
use crate::outcome::Outcome;
use crate::retry::Policy;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// Links whose verification is due this soon share a read.
const VERIFY_TOGETHER: Duration = Duration::from_millis(250);

/// What came back from something that was under way.
enum Event {
    Confirmed(Vec<usize>, Result<(BTreeMap<InstanceId, Standing>, Moment), CloudError>),
    Called(usize, Call),
    Verified(Vec<usize>, Result<Seen, CloudError>),
    Recorded(usize, Result<(), JournalError>),
}

/// The links of one plan and one verb, and everything under way for them.
pub(super) struct Running<'a, R, W> {
    writes: &'a Writes<W>,
    reads: &'a Reads<R>,
    approved: &'a Arc<Approved>,
    lane: Lane,
    verb: Verb,
    of: &'a Arc<Run>,
    items: Vec<Item>,
    under_way: FuturesUnordered<BoxFuture<'a, Event>>,
    calls: usize,
    confirming: bool,
    verifying: bool,
    settled: usize,
    settling: usize,
    /// When there last was a link that was not tried yet.
    active: Moment,
}

impl<'a, R: ReadLinks + Identify, W: WriteLinks> Running<'a, R, W> {
    pub fn new(
        writes: &'a Writes<W>,
        reads: &'a Reads<R>,
        approved: &'a Arc<Approved>,
        verb: Verb,
        of: &'a Arc<Run>,
    ) -> Self {
        let scope = approved.plan().scope();
        let actions = approved.actions().filter(|action| action.verb == verb);
        let items = actions.cloned().map(|action| match writes.unsettled.take(scope, &action) {
            Some(carried) => Item::resumed(action, carried),
            None => Item::new(action),
        });
        Self {
            writes,
            reads,
            approved,
            lane: scope.lane(),
            verb,
            of,
            items: items.collect(),
            under_way: FuturesUnordered::new(),
            calls: 0,
            confirming: false,
            verifying: false,
            settled: 0,
            settling: 0,
            active: writes.clock.now(),
        }
    }

    pub fn skip_quarantined(&mut self) {
        let now = self.writes.clock.now();
        let scope = self.approved.plan().scope();
        let frost = self.writes.quarantine.frost(scope, now);
        let mut probed = false;
        for item in &mut self.items {
            // A call of an earlier pass is read, whatever holds further calls.
            if matches!(item.stage, Stage::Verifying { .. }) {
                continue;
            }
            let held = self.writes.quarantine.holds(scope, &item.action, now);
            let why = held.or_else(|| match &frost {
                Frost::None => None,
                Frost::Frozen(why) => Some(why.clone()),
                Frost::Probe if probed => {
                    Some("another link of this scope is tried first".to_owned())
                }
                Frost::Probe => {
                    probed = true;
                    None
                }
            });
            if let Some(why) = why {
                item.stage = Stage::Done(item.unattempted(&why));
            }
        }
    }

    /// Starts what can be started and takes what comes back; `false` when all links are done.
    pub async fn advance(&mut self) -> bool {
        let now = self.writes.clock.now();
        if self.writes.stop.is_cancelled() {
            self.skip_the_rest("the process is ending");
        } else if self.writes.lanes.is_halted(&self.lane.account) {
            self.skip_the_rest("writes of this account rest: its credential was refused");
        }
        self.confirm(now);
        self.call();
        self.verify(now);
        self.leave_to_the_next_pass(now);
        self.record();
        let pause = self.pause(now);
        if self.under_way.is_empty() && pause.is_none() {
            return false;
        }
        tokio::select! {
            biased;
            Some(event) = self.under_way.next() => self.take(event),
            () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => (),
            () = self.writes.stop.cancelled(), if !self.writes.stop.is_cancelled() => (),
            else => (),
        }
        let settled = self.count(|stage| matches!(stage, Stage::Done(_)));
        self.writes.progress.settled(settled.saturating_sub(self.settled));
        self.settled = settled;
        let settling = self.count(|stage| matches!(stage, Stage::Verifying { .. }));
        self.writes.progress.settling(self.settling, settling);
        self.settling = settling;
        true
    }

    /// Ends a pass in which links only wait, where the caller comes back soon: a link that is slow to
    /// show or to come free must not hold up the others of its scope.
    fn leave_to_the_next_pass(&mut self, now: Moment) {
        let Some(patience) = self.writes.patience else { return };
        let untried = self
            .items
            .iter()
            .any(|item| item.attempts == 0 && !matches!(item.stage, Stage::Done(_)));
        let busy = self.confirming || self.verifying || self.calls > 0;
        if untried {
            self.active = now;
        } else if !busy && now.since(self.active) >= patience {
            self.items.iter_mut().for_each(Item::leave);
        }
    }

    /// Time until a link is due, or `None` when nothing waits for time. What is due already waits
    /// for something under way, if anything is.
    fn pause(&self, now: Moment) -> Option<Duration> {
        let idle = self.under_way.is_empty();
        let due = self.items.iter().filter_map(|item| match item.stage {
            Stage::Waiting { due } | Stage::Verifying { due } => Some(due),
            _ => None,
        });
        let next = due.filter(|due| idle || *due > now.monotonic).min()?;
        Some(next.saturating_sub(now.monotonic).max(Duration::from_millis(1)))
    }

    /// Reads the next links by id, as many as can be called while the confirmation is fresh.
    fn confirm(&mut self, now: Moment) {
        let ready = self.count(|stage| matches!(stage, Stage::Ready { .. }));
        if self.confirming || ready >= self.writes.lanes.concurrency(&self.lane) {
            return;
        }
        let rate = self.writes.lanes.rate(&self.lane, Kind::Write(self.verb));
        let chosen = self.choose(
            confirm_ahead(rate).saturating_sub(ready),
            |stage| matches!(stage, Stage::Waiting { due } if *due <= now.monotonic),
        );
        if chosen.is_empty() {
            return;
        }
        self.confirming = true;
        let ids = self.ids(&chosen);
        let (reads, region) = (self.reads, &self.approved.plan().scope().region);
        let stop = &self.writes.stop;
        self.under_way.push(Box::pin(async move {
            Event::Confirmed(chosen, unless_stopped(stop, reads.by_ids(region, &ids)).await)
        }));
    }

    fn call(&mut self) {
        let free = self.writes.lanes.concurrency(&self.lane).saturating_sub(self.calls);
        for index in self.choose(free, |stage| matches!(stage, Stage::Ready { .. })) {
            let Some(item) = self.items.get_mut(index) else { continue };
            let Stage::Ready { confirmed_at } = item.stage else { continue };
            item.stage = Stage::Calling;
            self.calls += 1;
            let caller = Caller {
                writes: self.writes,
                approved: self.approved,
                lane: self.lane.clone(),
                action: item.action.clone(),
                confirmed_at,
                attempt: item.attempts + 1,
                retried_after: item.failure.as_ref().map(|error| error.class),
                run: self.of,
                reads: self.reads,
            };
            let span = caller.span();
            let call = async move { Event::Called(index, caller.run().await) };
            self.under_way.push(Box::pin(call.instrument(span)));
        }
    }

    fn verify(&mut self, now: Moment) {
        let first_due = self
            .items
            .iter()
            .any(|item| matches!(item.stage, Stage::Verifying { due } if due <= now.monotonic));
        if self.verifying || !first_due {
            return;
        }
        let horizon = now.monotonic + VERIFY_TOGETHER;
        let chosen = self
            .choose(IDS_MAX, |stage| matches!(stage, Stage::Verifying { due } if *due <= horizon));
        self.verifying = true;
        let ids = self.ids(&chosen);
        let (reads, scope) = (self.reads, self.approved.plan().scope());
        let stop = &self.writes.stop;
        self.under_way.push(Box::pin(async move {
            let seen = async {
                let (standings, _) = reads.by_ids(&scope.region, &ids).await?;
                let unknown = standings.values().any(|s| matches!(s, Standing::Unknown { .. }));
                let listed = if unknown { Some(reads.list(scope).await?) } else { None };
                Ok(Seen { standings, listed })
            };
            Event::Verified(chosen, unless_stopped(stop, seen).await)
        }));
    }

    /// Gives every link that is over its final word in the journal, as soon as it is over.
    fn record(&mut self) {
        for (index, item) in self.items.iter_mut().enumerate() {
            let Stage::Done(outcome) = &item.stage else { continue };
            if item.attempts == 0 || item.recorded || matches!(outcome, Outcome::Settling(_)) {
                continue;
            }
            item.recorded = true;
            let (journal, plan) = (&self.writes.journal, self.approved.plan());
            let entry = item.applied().event(plan.scope(), Some(plan.digest()), self.of.id());
            self.under_way.push(Box::pin(async move {
                Event::Recorded(index, journal.append(entry).await.map(|_| ()))
            }));
        }
    }

    fn take(&mut self, event: Event) {
        let now = self.writes.clock.now();
        match event {
            Event::Confirmed(chosen, answer) => {
                self.confirming = false;
                for index in chosen {
                    if let Some(item) = self.items.get_mut(index) {
                        item.confirmed(&answer, self.approved.plan().scope());
                    }
                }
            }
            Event::Called(index, call) => {
                self.calls -= 1;
                self.writes.progress.called(&call);
                self.called(index, call, now);
            }
            Event::Verified(chosen, answer) => {
                self.verifying = false;
                for index in chosen {
                    self.verified(index, &answer, now);
                }
            }
            Event::Recorded(index, answer) => self.recorded(index, answer),
        }
    }

    fn called(&mut self, index: usize, call: Call, now: Moment) {
        let (lanes, lane) = (&self.writes.lanes, &self.lane);
        let Some(item) = self.items.get_mut(index) else { return };
        let retry = |attempt, error: &CloudError| lanes.retry(lane, Policy::WRITES, attempt, error);
        match item.called(call, now, retry) {
            item::Spread::Link => (),
            item::Spread::Pass(why) => self.skip_the_rest(&why),
            item::Spread::Scope(why) => {
                let scope = self.approved.plan().scope();
                self.writes.quarantine.freeze(scope, &why, now, self.writes.lanes.jitter());
                self.skip_the_rest(&why);
            }
            item::Spread::Credential(why) => {
                self.writes.lanes.halt(&self.lane.account);
                self.skip_the_rest(&why);
            }
        }
    }

    fn verified(&mut self, index: usize, answer: &Result<Seen, CloudError>, now: Moment) {
        let (lanes, lane) = (&self.writes.lanes, &self.lane);
        let stopping = self.writes.stop.is_cancelled();
        let Some(item) = self.items.get_mut(index) else { return };
        let retry = |attempt, error: &CloudError| lanes.retry(lane, Policy::WRITES, attempt, error);
        item.verified(answer, now, stopping, retry);
    }

    fn recorded(&mut self, index: usize, answer: Result<(), JournalError>) {
        let scope = self.approved.plan().scope();
        let Some(item) = self.items.get_mut(index) else { return };
        if let Err(error) = answer {
            let outcome = item.applied().outcome;
            tracing::error!(%error, %scope, %outcome, verb = %self.verb, instance = %item.action.link.instance,
                "the result of an action is not journaled");
            item.stage = Stage::Done(Outcome::Unjournaled(error.to_string()));
        }
        super::log(scope, &item.applied());
    }

    fn skip_the_rest(&mut self, why: &str) {
        for item in &mut self.items {
            if matches!(item.stage, Stage::Waiting { .. } | Stage::Ready { .. }) {
                item.stage = Stage::Done(item.unattempted(why));
            }
        }
    }

    fn count(&self, wanted: impl Fn(&Stage) -> bool) -> usize {
        self.items.iter().filter(|item| wanted(&item.stage)).count()
    }

    fn choose(&self, most: usize, wanted: impl Fn(&Stage) -> bool) -> Vec<usize> {
        let found = self.items.iter().enumerate().filter(|(_, item)| wanted(&item.stage));
        found.map(|(index, _)| index).take(most).collect()
    }

    fn ids(&self, chosen: &[usize]) -> BTreeSet<InstanceId> {
        let items = chosen.iter().filter_map(|index| self.items.get(*index));
        items.map(|item| item.action.link.instance.clone()).collect()
    }

    /// How every link ended.
    pub fn finish(self) -> Vec<Applied> {
        let scope = self.approved.plan().scope();
        let (now, quarantine) = (self.writes.clock.now(), &self.writes.quarantine);
        let ended = self.items.iter().map(|item| {
            let applied = item.applied();
            let Applied { action, outcome, .. } = &applied;
            quarantine.settle(scope, action, outcome, now, self.writes.lanes.jitter());
            if let Some(carried) = item.carried() {
                self.writes.unsettled.put(scope, &action.link.instance, action.verb, carried);
            }
            if !item.recorded {
                super::log(scope, &applied);
            }
            applied
        });
        ended.collect()
    }
}

/// Reads are worth nothing to a process that ends: they are given up, unlike calls that change
/// something.
async fn unless_stopped<T>(
    stop: &CancellationToken,
    read: impl Future<Output = Result<T, CloudError>>,
) -> Result<T, CloudError> {
    let ending = || CloudError::new(Class::Ambiguous, "ending", "the process is ending");
    stop.run_until_cancelled(read).await.unwrap_or_else(|| Err(ending()))
}
