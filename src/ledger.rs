//! What the past means for the present: a fold over what the journal holds, into the values that
//! decisions ask for.
//!
//! Every event goes through [`Ledger::take`], at the time it is written and again at every start, so
//! that recovering is the normal path. Nothing here reads a clock or a file.

use crate::clock::Moment;
use crate::model::{InstanceId, Lane, Scope, TakenOut, Verb};
use crate::plan::{Action, Plan};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

mod acceptance;
mod approvals;
mod baseline;
mod calls;
pub mod event;
mod past;
mod sends;
pub mod taken;

pub use acceptance::By;
pub use calls::Unsettled;
pub use event::Event;
pub use past::Past;
pub use sends::{Budget, DAY, HOUR, Spent};

use event::{Accepted, Approval, Passed, Pause, RestoredHold, Settled, Shrunk, Target};

/// Detaches of one link within an hour that make it flap.
pub const FLAPS: usize = 3;
/// How long detaches of a link are remembered: longer than any approval lives.
const DETACHES_KEPT: Duration = Duration::from_secs(8 * 24 * 3600);

type LinkKey = (Scope, InstanceId);

/// The fold. Cloning it is how a command asks "what if".
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    accepted: Option<(u64, Accepted)>,
    sends: sends::Sends,
    calls: calls::Calls,
    approvals: approvals::Approvals,
    baseline: baseline::Baseline,
    pauses: BTreeMap<Target, (u64, Past, Pause)>,
    resumed: BTreeMap<Target, u64>,
    holds: BTreeMap<LinkKey, (u64, RestoredHold)>,
    /// Which commits took which links out of the manifests.
    taken_out: BTreeMap<LinkKey, TakenOut>,
    detached: BTreeMap<LinkKey, VecDeque<(u64, Past)>>,
    misses: VecDeque<(u64, Past, Scope)>,
    passes: BTreeMap<Scope, (Timestamp, Passed)>,
    /// Scopes of which an action that the last pass proposed was seen to be done since.
    overtaken: BTreeSet<Scope>,
}

impl Ledger {
    /// Takes the next event, number `seq` of the journal; `now` is the present, not the event's.
    pub fn take(&mut self, seq: u64, at: Past, event: &Event, now: Moment) {
        match event {
            Event::Accepted(accepted) => {
                let digest = &accepted.revision.digest;
                self.holds.retain(|_, (_, hold)| hold.revision == *digest);
                self.taken_out.extend(accepted.taken_out.iter().cloned());
                self.accepted = Some((seq, accepted.clone()));
            }
            Event::Passed(passed) => {
                if passed.verdict != Passed::PARTIAL {
                    let there = passed.observed.saturating_sub(passed.leaving);
                    self.baseline.take(&passed.scope, there, at, now);
                }
                self.overtaken.remove(&passed.scope);
                self.passes.insert(passed.scope.clone(), (at.wall, passed.clone()));
            }
            Event::Intent(intent) => {
                if intent.verb == Verb::Detach {
                    self.sends.sent(seq, at, &intent.scope, now);
                }
                self.calls.intended(seq, intent, at.wall);
            }
            Event::Answered(answered) => {
                if answered.result == event::Answered::NOT_SENT {
                    self.sends.not_sent(answered.intent);
                }
                let scope = self.calls.answered(answered, at.wall);
                if let (Some(scope), true) = (scope, answered.misses_the_instance()) {
                    self.misses.push_back((seq, at, scope));
                    let is_over = |(_, at, _): &(u64, Past, Scope)| !at.within(sends::KEPT, now);
                    while self.misses.len() > sends::KEPT_ANYHOW
                        && self.misses.front().is_some_and(is_over)
                    {
                        self.misses.pop_front();
                    }
                }
            }
            Event::Settled(settled) => self.settled(seq, at, settled, now),
            Event::Approved(approval) => self.approvals.take(seq, approval, now),
            Event::Paused(pause) => {
                self.pauses.insert(pause.target.clone(), (seq, at, pause.clone()));
            }
            Event::Resumed(resume) => {
                self.pauses.retain(|target, (_, _, pause)| !resume.ends(target, pause));
                self.holds.retain(|(scope, _), _| !resume.ends_hold_of(scope));
                self.resumed.insert(resume.target.clone(), seq);
            }
            Event::Restored(restored) => {
                let hold = RestoredHold {
                    run: restored.run,
                    of: restored.of.clone(),
                    by: restored.by.clone(),
                    since: at.wall,
                    revision: restored.revision.clone(),
                };
                let links = restored.links.iter().map(|link| (link.clone(), (seq, hold.clone())));
                self.holds.extend(links);
            }
            Event::Began(_) | Event::Pruned(_) | Event::Other => (),
        }
    }

    fn settled(&mut self, seq: u64, at: Past, settled: &Settled, now: Moment) {
        self.calls.settled(settled);
        let proposed = |(_, passed): &(Timestamp, Passed)| passed.proposes(settled);
        if settled.outcome == Settled::CONVERGED
            && self.passes.get(&settled.scope).is_some_and(proposed)
        {
            self.overtaken.insert(settled.scope.clone());
        }
        if settled.verb == Verb::Detach && settled.is_ours() {
            let accepted = self.accepted.as_ref().map(|(_, accepted)| accepted.shrunk.as_slice());
            let lost = |(scope, instance): &LinkKey| {
                let of = |shrunk: &Shrunk| shrunk.scope == *scope && shrunk.lost.contains(instance);
                accepted.unwrap_or_default().iter().any(of)
            };
            let then = at.no_later_than(now);
            self.detached.retain(|link, times| {
                times.back().is_some_and(|(_, at)| at.within(DETACHES_KEPT, then)) || lost(link)
            });
            let key = (settled.scope.clone(), settled.instance.clone());
            let times = self.detached.entry(key).or_default();
            times.push_back((seq, at));
            if times.len() > FLAPS {
                times.pop_front();
            }
        }
    }

    /// The last accepted revision.
    pub fn accepted(&self) -> Option<&Accepted> {
        self.accepted.as_ref().map(|(_, accepted)| accepted)
    }

    /// How many detaches of an account and region were sent.
    pub fn spent(&self, lane: &Lane, now: Moment) -> Spent {
        self.sends.spent(lane, now)
    }

    /// When the detaches of an account and region within the last day were sent, in any order.
    pub fn sent_at(&self, lane: &Lane, now: Moment) -> Vec<Timestamp> {
        self.sends.times(lane, DAY, now).collect()
    }

    /// When `wanted` more detaches will fit into a budget; `None` where they never will.
    pub fn fits_at(
        &self,
        lane: &Lane,
        wanted: u64,
        budget: Budget,
        now: Moment,
    ) -> Option<Timestamp> {
        self.sends.fits_at(lane, wanted, budget, now)
    }

    /// Counts a leave to detach, so that calls side by side do not each take the last one. The
    /// intent makes it a send; [`Ledger::free`] takes it back.
    pub fn reserve(&mut self, lane: &Lane) {
        self.sends.reserve(lane);
    }

    /// Takes back a leave that came to nothing.
    pub fn free(&mut self, lane: &Lane) {
        self.sends.free(lane);
    }

    /// Whether detaches were sent since somebody last resumed an account and region: then a budget
    /// that does not suffice is news, and worth a pause.
    pub fn sent_since_resumed(&self, lane: &Lane) -> bool {
        let resumed = self.last_resumed(|target| target.contains(&Target::Lane(lane.clone())));
        self.sends.last(lane).is_some_and(|last| last > resumed)
    }

    /// What stops the calls of a scope, and since when; the widest pause, where there are several.
    pub fn paused(&self, scope: &Scope) -> Option<(Timestamp, &Pause)> {
        let mut covering = self.pauses.iter().filter(|(target, _)| target.covers(scope));
        covering.next().map(|(_, (_, since, pause))| (since.wall, pause))
    }

    /// Every pause, widest first.
    pub fn pauses(&self) -> impl Iterator<Item = (Timestamp, &Pause)> {
        self.pauses.values().map(|(_, since, pause)| (since.wall, pause))
    }

    /// Calls of a scope within the last hour that missed their instance, and all that were sent, both
    /// since somebody last resumed it.
    pub fn misses(&self, scope: &Scope, now: Moment) -> (u64, u64) {
        let since = self.last_resumed(|target| target.covers(scope));
        let missed = self
            .misses
            .iter()
            .filter(|(seq, at, of)| of == scope && *seq > since && at.within(HOUR, now))
            .count();
        (missed as u64, self.sends.of_scope(scope, since, now))
    }

    /// When a link was detached [`FLAPS`] times within an hour, the last time within a day: then
    /// somebody else wants it, and taking it again is no remedy.
    pub fn flapping(&self, scope: &Scope, instance: &InstanceId, now: Moment) -> Option<Timestamp> {
        let times = self.detached.get(&(scope.clone(), instance.clone()))?;
        let ((_, first), (_, last)) = (times.front()?, times.back()?);
        let fights = times.len() == FLAPS && last.since(*first) <= HOUR && last.within(DAY, now);
        fights.then_some(last.wall)
    }

    /// The number of the entry by which a link was last seen to be detached by us.
    pub fn last_detach(&self, scope: &Scope, instance: &InstanceId) -> Option<u64> {
        let times = self.detached.get(&(scope.clone(), instance.clone()))?;
        times.back().map(|(seq, _)| *seq)
    }

    /// The undo that gave a link back and keeps it, if one does.
    pub fn restored(&self, scope: &Scope, instance: &InstanceId) -> Option<&RestoredHold> {
        self.holds.get(&(scope.clone(), instance.clone())).map(|(_, hold)| hold)
    }

    /// Every link that an undo keeps.
    pub fn holds(&self) -> impl Iterator<Item = (&Scope, &InstanceId, &RestoredHold)> {
        self.holds.iter().map(|((scope, instance), (_, hold))| (scope, instance, hold))
    }

    /// Whether a link is protected, by a revision that is not necessarily the newest.
    pub fn is_protected(&self, scope: &Scope, instance: &InstanceId) -> bool {
        let key = (scope.clone(), instance.clone());
        self.accepted().is_some_and(|accepted| accepted.protected.contains(&key))
    }

    /// The commit that took a link out of the manifests, if one did. It is remembered whatever becomes of the link: somebody
    /// may attach it by hand, and it goes again for the same reason.
    pub fn taken_out(&self, scope: &Scope, instance: &InstanceId) -> Option<&TakenOut> {
        self.taken_out.get(&(scope.clone(), instance.clone()))
    }

    /// Every link that a commit took out, with that commit.
    pub fn all_taken_out(&self) -> impl Iterator<Item = (&LinkKey, &TakenOut)> {
        self.taken_out.iter()
    }

    /// What a scope lost when the revision in force was accepted, as far as it was not detached
    /// since.
    pub fn shrunk(&self, scope: &Scope) -> Option<Shrunk> {
        let (seq, accepted) = self.accepted.as_ref()?;
        let mut shrunk = accepted.shrunk.iter().find(|shrunk| shrunk.scope == *scope)?.clone();
        let before = shrunk.lost.len();
        shrunk.lost.retain(|id| self.last_detach(scope, id).is_none_or(|at| at < *seq));
        // What went with leave is no part of what the rest is measured by.
        let gone = before.saturating_sub(shrunk.lost.len()) as u64;
        shrunk.from = shrunk.from.saturating_sub(gone);
        Some(shrunk)
    }

    /// The approval of a plan, if it has one.
    pub fn approval(&self, plan: &Plan, now: Moment) -> Option<&Approval> {
        self.approvals.of(plan, plan.actions().iter(), |id| self.last_detach(plan.scope(), id), now)
    }

    /// Whether one action of an approved plan is approved still: the others may be done by now.
    pub fn approves(&self, plan: &Plan, action: &Action, now: Moment) -> bool {
        let one = std::iter::once(action);
        self.approvals.of(plan, one, |id| self.last_detach(plan.scope(), id), now).is_some()
    }

    /// Approvals that are not void at `now`.
    pub fn approvals(&self, now: Moment) -> impl Iterator<Item = &Approval> {
        self.approvals.iter().filter(move |approval| approval.until > now.wall)
    }

    /// The most links that a scope had within the last day, `present` included.
    pub fn most_links(&self, scope: &Scope, present: u64, now: Moment) -> u64 {
        self.baseline.most(scope, present, now)
    }

    /// What the last pass over each scope found, and when that was first found.
    pub fn passes(&self) -> impl Iterator<Item = (Timestamp, &Passed)> {
        self.passes.values().map(|(at, passed)| (*at, passed))
    }

    /// What the last pass over a scope found, and when that was first found.
    pub fn last_pass(&self, scope: &Scope) -> Option<(Timestamp, &Passed)> {
        self.passes.get(scope).map(|(at, passed)| (*at, passed))
    }

    /// Whether what a pass found is what the last pass over its scope found, with nothing done in between:
    /// a link that went and is back makes the same plan again, and is news.
    pub fn knows(&self, found: &Passed) -> bool {
        let before = self.passes.get(&found.scope);
        !self.overtaken.contains(&found.scope)
            && before.is_some_and(|(_, before)| before.says_the_same_as(found))
    }

    /// Intents without an answer: number, verb, scope, instance.
    pub fn open_intents(&self) -> impl Iterator<Item = (u64, Verb, &Scope, &InstanceId)> {
        self.calls.open()
    }

    /// Calls that may have had an effect, and that no read has settled.
    pub fn unsettled(&self) -> impl Iterator<Item = &Unsettled> {
        self.calls.unsettled()
    }

    /// Whether the cloud took a detach of a link that no read has shown yet: it is sent, and another call
    /// is made only if this one had no effect.
    pub fn took_detach(&self, scope: &Scope, instance: &InstanceId) -> bool {
        self.calls.of(Verb::Detach, scope, instance).is_some_and(|call| call.accepted)
    }

    /// Links that a plan was shown, and that an earlier detach may have ended: reads lag
    /// (`api-contract.md` 14, 1), so they are no evidence that a link is there, or stays.
    pub fn leaving<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = &'a InstanceId> {
        let of_scope = |call: &&Unsettled| call.scope == *plan.scope();
        let detaches = self.unsettled().filter(|call| call.verb == Verb::Detach).filter(of_scope);
        detaches.map(|call| &call.instance).filter(|id| plan.shows(id))
    }

    /// The number of the oldest entry that means something still, however old it is, apart from the
    /// accepted revision: entries before it may be forgotten, if time allows.
    pub fn oldest_needed(&self) -> Option<u64> {
        let pauses = self.pauses.values().map(|(seq, _, _)| *seq);
        let holds = self.holds.values().map(|(seq, _)| *seq);
        pauses.chain(holds).min()
    }

    /// The number of the entry that accepted the revision in force.
    pub fn accepted_by(&self) -> Option<u64> {
        self.accepted.as_ref().map(|(seq, _)| *seq)
    }

    fn last_resumed(&self, covers: impl Fn(&Target) -> bool) -> u64 {
        let of = self.resumed.iter().filter(|(target, _)| covers(target));
        of.map(|(_, seq)| *seq).max().unwrap_or_default()
    }

    fn protected(&self) -> BTreeSet<LinkKey> {
        self.accepted().map(|accepted| accepted.protected.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
pub(crate) mod tests;
