//! The rules that a call must keep, at the moment at which it leaves.

use super::told::covers;
use super::{Book, Content, DAY, FLAPS, HOUR, Key, Known, When, share};
use crate::cloud::Ticket;
use crate::model::{Amount, InstanceId, Mode, Scope, Verb};
use crate::simulation::estate::Wish;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a folder has to rest at least.
const SETTLE: Duration = Duration::from_millis(500);
/// How long a change that nobody told of may go unnoticed: the poll and the longest settling.
const NOTICED: Duration = Duration::from_secs(52);
/// Oldest read by id that a call may be made on.
const CONFIRMED: Duration = Duration::from_secs(10);
/// How long reads have to show the old state before a call is repeated that may have had an effect.
const SETTLED: Duration = Duration::from_secs(15);
/// How soon a pause is in force.
const PAUSED: Duration = Duration::from_secs(1);
/// How long an answer about the credential counts, with the pass that asked.
const IDENTIFIED: Duration = Duration::from_secs(20 * 60);
/// How long a plan that does not empty a scope may go on after somebody else changed it.
pub(super) const UNDISTURBED: Duration = Duration::from_secs(30 * 60);

impl Book {
    pub(super) fn sends(&mut self, now: When, ticket: &Ticket, linked: &BTreeSet<InstanceId>) {
        let key = (ticket.scope().clone(), ticket.link().instance.clone());
        self.calls += 1;
        self.writes += 1;
        let mut broken = self.evidence(now, ticket, &key);
        broken.extend(self.wanted(now, ticket, &key));
        broken.extend(self.goes_its_course(now, ticket, &key));
        if ticket.verb() == Verb::Detach {
            broken.extend(self.bounded(now, ticket, &key, linked));
        }
        for what in broken {
            self.accuse(now, format!("{what} ({} {} at {})", ticket.verb(), key.1, key.0));
        }
        let (intent, scope) = (ticket.intent().0, key.0.clone());
        self.used.insert(intent);
        if ticket.verb() == Verb::Detach {
            self.sent.push(self.intended.get(&intent).copied().unwrap_or((now, self.life)));
            if let Some((_, _, plan, _)) = self.intents.get(&intent) {
                self.by_plan.entry(plan.clone()).or_default().insert(key.1.clone());
            }
        }
        *self.sent_since_resumed.entry(scope).or_default() += 1;
        let known = self.link(&key.0, &key.1);
        known.under_way = true;
        known.sent = Some((now, ticket.verb()));
    }

    /// S3, S5, S7: what must be known and written before.
    fn evidence(&self, now: When, ticket: &Ticket, key: &Key) -> Vec<&'static str> {
        let mut broken = Vec::new();
        let intent = ticket.intent().0;
        match self.intents.get(&intent) {
            Some((of, verb, _, _)) if of == key && *verb == ticket.verb() => (),
            _ => broken.push("S5: no durable intent for this call"),
        }
        if self.answered.contains(&intent) || self.used.contains(&intent) {
            broken.push("S5: one intent for two calls");
        }
        if !self.durable.contains(&intent) {
            broken.push("S5: the intent is not on the disk yet");
        }
        let silent = |of: &u64| !self.answered.contains(of) && self.used.contains(of);
        let earlier = self.intents.iter().filter(|(_, (of, ..))| of == key);
        if earlier.map(|(seq, _)| seq).any(silent) {
            broken.push("S5: the journal does not say how the last call for the link ended");
        }
        let Some(known) = self.known(key) else {
            broken.push("S3: the link was never read by id");
            return broken;
        };
        let of_instance = |links: &BTreeMap<InstanceId, Known>| {
            links.get(&key.1).is_some_and(|known| known.under_way)
        };
        if self.links.values().any(of_instance) {
            broken.push("S5: another call for the instance is under way");
        }
        let (seen, other) = match ticket.verb() {
            Verb::Detach => (known.listed, known.missed),
            Verb::Attach => (known.missed, known.listed),
        };
        // Of two VPCs each is read by its own pass, and neither knows what the other one saw.
        if self.names.vpcs.len() == 1 && other > seen {
            broken.push("S3: the last read by id shows the link otherwise");
        }
        // A link that comes and goes is another matter than one that is slow to go.
        let back = known.absent.is_some_and(|at| known.ended.is_some_and(|ended| at >= ended));
        let lately = |(at, verb): (When, Verb)| verb == ticket.verb() && at.within(SETTLED, now);
        if known.sent.is_some_and(lately) && !back {
            broken.push("A5: called again before reads have shown for long that nothing was done");
        }
        let seen = if ticket.verb() == Verb::Detach { known.listed } else { known.absent };
        match seen {
            None => broken.push("S3: no read by id shows the link as the call expects it"),
            Some(begun) if now.mono.saturating_sub(begun) > CONFIRMED => {
                broken.push("S3: the read by id is too old");
            }
            Some(begun) if known.ended.is_some_and(|ended| begun < ended) => {
                broken.push("S3: the read by id began before the last call for the link ended");
            }
            Some(_) => (),
        }
        if self.identified.is_none_or(|at| now.mono.saturating_sub(at) > IDENTIFIED) {
            broken.push("S2: nobody said lately that the credential is of the pinned account");
        }
        broken
    }

    /// S1, S2, S11: what the manifests say.
    fn wanted(&self, now: When, ticket: &Ticket, (scope, instance): &Key) -> Vec<&'static str> {
        let mut broken = Vec::new();
        let detach = ticket.verb() == Verb::Detach;
        let age = now.mono.saturating_sub(self.folder.since);
        if self.folder.heard && age < SETTLE {
            broken.push("S1: the manifests have just changed");
        }
        if let Content::Whole(wishes) = &self.folder.content
            && (self.folder.heard || age > NOTICED)
            && let Some(wish) = wishes.get(&scope.vpc)
            && wish.keep.contains(instance) == detach
        {
            broken.push("S1: the manifests say otherwise now");
        }
        if let (Content::Whole(wishes), Some((_, accepted))) =
            (&self.folder.content, &self.accepted)
            && self.folder.heard
            && wishes != accepted
        {
            broken.push("S1: the manifests say something newer than the revision in force");
        }
        let Some((revision, wishes)) = &self.accepted else {
            broken.push("S1: no revision is in force");
            return broken;
        };
        let Some(wish) = wishes.get(&scope.vpc) else {
            broken.push("S2: the revision in force does not declare the scope");
            return broken;
        };
        // The limits of a plan are those of the manifests as they are when it is carried out.
        let planned = self.intents.get(&ticket.intent().0).map(|(.., revision)| revision);
        let planned = planned.and_then(|of| self.known.get(of)?.get(&scope.vpc));
        let limits = |wish: &Wish| (wish.max_detach, wish.allow_empty);
        if planned.is_some_and(|planned| limits(planned) != limits(wish)) {
            broken.push("S4: the manifests have other limits than the plan was made by");
        }
        if wish.mode == Mode::Observe || (!detach && wish.mode != Mode::Sync) {
            broken.push("S2: the mode does not allow it");
        }
        if wish.keep.contains(instance) == detach {
            broken.push("S1: the revision in force says otherwise");
        }
        let attached = self.links.get(scope).and_then(|links| links.get(instance));
        if detach && attached.and_then(|it| it.attached_by.as_ref()) == Some(revision) {
            broken.push("S11: attached and detached by one revision");
        }
        let hour = now.wall.to_zoned(jiff::tz::TimeZone::UTC).hour();
        if self.law.closed == Some(hour) {
            broken.push("windows: it is the closed hour");
        }
        let paused = self.pauses.iter().any(|(since, pause)| {
            covers(&pause.target, scope) && now.mono.saturating_sub(*since) > PAUSED
        });
        let stopped = self.pause_file.is_some_and(|since| now.mono.saturating_sub(since) > PAUSED);
        if paused || stopped {
            broken.push("S12: calls are paused");
        }
        broken
    }

    /// S4 and what else bounds a detach.
    fn bounded(
        &self,
        now: When,
        ticket: &Ticket,
        key: &Key,
        linked: &BTreeSet<InstanceId>,
    ) -> Vec<&'static str> {
        let mut broken = Vec::new();
        let (scope, instance) = key;
        let within = |span| self.certainly_sent(span, now);
        if within(HOUR) >= self.law.budget.hour || within(DAY) >= self.law.budget.day {
            broken.push("S4: the budget is spent");
        }
        if self.protected.contains(&(scope.vpc.clone(), instance.clone())) {
            broken.push("the link is protected");
        }
        if self.holds.get(key).is_some_and(|at| now.mono.saturating_sub(*at) > PAUSED) {
            broken.push("an undo gave the link back, and no revision came since");
        }
        if self.is_misplaced(key, ticket.intent().0, now, linked) {
            broken.push("wrong place: nothing is linked of what the manifests list");
        }
        let missed = self.recent(scope, now);
        let sent = self.sent_since_resumed.get(scope).copied().unwrap_or_default();
        if missed > 3 && missed > share(5, sent) {
            broken.push("wrong place: too many calls missed their instance");
        }
        if self.approved(key, ticket.intent().0, now) {
            return broken;
        }
        if let Some((_, _, plan, revision)) = self.intents.get(&ticket.intent().0) {
            let mut of_plan = self.by_plan.get(plan).cloned().unwrap_or_default();
            of_plan.insert(instance.clone());
            // A clock that was set since the plan was let through makes it no larger.
            let then = self.course.limits.get(plan).copied().unwrap_or_default();
            if of_plan.len() as u64 > self.limit(scope, revision, now).max(then) {
                broken.push("S4: the plan detaches more than a plan may");
            }
        }
        let wish = self.accepted.as_ref().and_then(|(_, wishes)| wishes.get(&scope.vpc));
        let undisturbed = |at: &Duration| now.mono.saturating_sub(*at) > UNDISTURBED;
        let alone = linked.len() == 1 && linked.contains(instance);
        if alone
            && wish.is_some_and(|wish| !wish.allow_empty)
            && self.touched.get(&scope.vpc).is_none_or(undisturbed)
        {
            broken.push("S4: the last link of a scope goes");
        }
        if self.is_cut_short(now, key, linked) {
            broken
                .push("cut short: the manifests list the beginning of the id, which is not linked");
        }
        let lost = self.lost_too_many(&scope.vpc);
        if lost.is_some_and(|lost| lost.contains(instance)) {
            broken.push("shrink: a revision lost too many links of the scope");
        }
        let times = self.known(key).map(|known| known.taken.as_slice()).unwrap_or_default();
        if let Some(last) = times.len().checked_sub(FLAPS).and_then(|from| times.get(from..))
            && let ([first, ..], [.., third]) = (last, last)
            && first.within(HOUR, *third)
            && third.within(DAY, now)
        {
            broken.push("flapping: the link was taken three times within an hour");
        }
        broken
    }

    /// Whether nothing of what the plan's revision lists is linked, and nobody changed that lately: it
    /// looks like another VPC than was meant, which no approval makes right.
    fn is_misplaced(
        &self,
        (scope, _): &Key,
        intent: u64,
        now: When,
        linked: &BTreeSet<InstanceId>,
    ) -> bool {
        let revision = self.intents.get(&intent).map(|(_, _, _, revision)| revision);
        let wish = revision
            .and_then(|revision| self.known.get(revision))
            .and_then(|wishes| wishes.get(&scope.vpc));
        let undisturbed = |at: &Duration| now.mono.saturating_sub(*at) > UNDISTURBED;
        // A VPC that is to be filled begins empty, with instances that there are.
        let fills = |wish: &Wish| {
            wish.mode == Mode::Sync && wish.keep.iter().any(|id| self.names.instances.contains(id))
        };
        wish.is_some_and(|wish| {
            !fills(wish) && !wish.keep.is_empty() && wish.keep.is_disjoint(linked)
        }) && self.touched.get(&scope.vpc).is_none_or(undisturbed)
    }

    /// Which links of a VPC revisions lost that were too many to lose, and are not listed or detached
    /// since.
    pub(super) fn lost_too_many(&self, vpc: &crate::model::VpcId) -> Option<&BTreeSet<InstanceId>> {
        let (from, lost) = self.shrunk.get(vpc)?;
        let count = lost.len() as u64;
        let many = count > self.law.min_detach && count > share(self.law.max_shrink, *from);
        many.then_some(lost)
    }

    /// How many detaches the budget has to count in any case: those of this process by the clock that
    /// nobody sets, those of earlier ones where both clocks agree.
    pub(super) fn certainly_sent(&self, span: Duration, now: When) -> u64 {
        let counts = |(at, life): &&(When, u64)| {
            at.within(span, now) || *life == self.life && now.mono.saturating_sub(at.mono) < span
        };
        self.sent.iter().filter(counts).count() as u64
    }

    /// What one plan may detach of so many links: what the manifests say, a count or a share, else the
    /// share of the law. A share of a few links is nothing, so that there is a least, unless none may go.
    pub(super) fn may_detach(&self, said: Option<&Wish>, most: u64) -> u64 {
        let percent = match said.and_then(|wish| wish.max_detach) {
            Some(Amount::Count(count)) => return count,
            Some(Amount::Percent(0)) => return 0,
            Some(Amount::Percent(percent)) => u64::from(percent),
            None => self.law.max_detach,
        };
        self.law.min_detach.max(share(percent, most))
    }

    /// What one plan may detach of a scope.
    pub(super) fn limit(&self, scope: &Scope, revision: &crate::model::Digest, now: When) -> u64 {
        let said = self.known.get(revision).and_then(|wishes| wishes.get(&scope.vpc));
        let history = self.most.get(&scope.vpc).map(Vec::as_slice).unwrap_or_default();
        let old = |at: &Duration| now.mono.saturating_sub(*at) > DAY;
        // What there was when the day began counts, too.
        let before = history.iter().rposition(|(at, _)| old(at)).unwrap_or_default();
        let most = history.iter().skip(before).map(|(_, links)| *links).max().unwrap_or_default();
        let seen = self.seen_lately(&scope.vpc, now);
        self.may_detach(said, most.max(seen))
    }

    fn recent(&self, scope: &Scope, now: When) -> u64 {
        let of = |(at, missed): &&(When, Scope)| missed == scope && at.within(HOUR, now);
        self.misses.iter().filter(of).count() as u64
    }
}
