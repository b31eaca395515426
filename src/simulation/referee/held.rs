//! What a pass found: neither may a plan be let through that some rule holds, nor may one be held for a
//! rule that it keeps. A hold without a reason costs a person, and the next one is not believed.

use super::rules::UNDISTURBED;
use super::told::covers;
use super::{Book, DAY, FLAPS, HOUR, Known, Leave, When};
use crate::ledger::event::Passed;
use crate::model::{InstanceId, Scope, Verb, VpcId};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;

/// How soon a daemon hears what an operator said.
const HEARD: Duration = Duration::from_secs(1);
/// From then on people have raised what the budget allows, and an earlier process may not know.
const RAISED: u64 = 1_000;

/// How many links a pass saw.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    at: When,
    /// Those that no call may have ended.
    there: u64,
    /// Those but for what a list shows of calls that nobody knows the end of.
    at_most: u64,
    /// The process that saw them.
    life: u64,
}

impl Seen {
    /// Whether a clock that was ahead said when that was: `at` is what is left of it.
    fn is_made_up(self, at: When, now: When) -> bool {
        self.at.wall > at.wall.min(now.wall)
    }
}

impl Book {
    pub(super) fn passed_by(&mut self, now: When, passed: &Passed) {
        let going: Vec<&InstanceId> = passed
            .actions
            .iter()
            .filter(|(verb, _)| *verb == Verb::Detach)
            .map(|(_, instance)| instance)
            .collect();
        let newest = self.accepted.as_ref().map(|(digest, _)| digest);
        let is_newest = newest == Some(&passed.revision.digest);
        let mut broken = Vec::new();
        if passed.verdict == "approved" && self.is_beyond_the_budget(now, passed, &going) {
            broken.push("S4: a plan is let through that the budget does not bear".to_owned());
        }
        if passed.verdict == "approved" {
            broken.extend(self.is_more_than_a_plan_may(now, passed, &going));
        }
        broken.extend(self.overlooks(now, passed));
        if self.is_stale(now, passed) {
            broken.push("S3: a plan is let through that is made of an old list".to_owned());
        }
        let settled = now.mono.saturating_sub(self.said) > HEARD;
        if is_newest && settled && passed.plan.is_some() {
            let rules = passed.refusals.iter().map(|(rule, _, _)| rule.as_str());
            let needless = rules.filter(|rule| !self.may_hold(rule, now, passed, &going));
            broken.extend(needless.map(|rule| format!("held needlessly by {rule}")));
        }
        for what in broken {
            self.accuse(now, format!("{what} ({})", passed.scope.vpc));
        }
        if let Some(plan) = &passed.plan {
            if passed.verdict == "approved" {
                // The same plan again, of links that are back, is another one.
                self.by_plan.remove(plan);
                let limit = self.limit(&passed.scope, &passed.revision.digest, now);
                self.course.limits.insert(plan.clone(), limit);
            }
            let (there, at_most) = (self.certainly_there(passed), self.perhaps_there(passed));
            let of = self.observed.entry(passed.scope.vpc.clone()).or_default();
            of.push(Seen { at: now, there, at_most, life: self.life });
        }
    }

    fn is_beyond_the_budget(&self, now: When, passed: &Passed, going: &[&InstanceId]) -> bool {
        let sent_already = |id: &&&InstanceId| {
            let known = self.links.get(&passed.scope).and_then(|links| links.get(*id));
            known.is_none_or(|known| known.sent.is_none())
        };
        let withheld = passed.refusals.len() as u64;
        let wanted = (going.iter().filter(sent_already).count() as u64).saturating_sub(withheld);
        let fits = |span, most: u64| self.certainly_sent(span, now).saturating_add(wanted) <= most;
        wanted > 0 && !(fits(HOUR, self.law.budget.hour) && fits(DAY, self.law.budget.day))
    }

    /// A plan that nobody approved is within its limit, and leaves a link.
    fn is_more_than_a_plan_may(
        &self,
        now: When,
        passed: &Passed,
        going: &[&InstanceId],
    ) -> Option<String> {
        let (scope, revision) = (&passed.scope, &passed.revision.digest);
        let approvals = self.approved.get(&(scope.clone(), revision.clone()));
        let covered = |instance: &InstanceId| {
            let covers = |(until, links): &Leave| *until > now.wall && links.contains(instance);
            approvals.is_some_and(|approvals| approvals.iter().any(covers))
        };
        // What is withheld from the plan does not go; which of them that is, it does not say.
        let withheld = passed.refusals.len() as u64;
        let wanted = (going.len() as u64).saturating_sub(withheld);
        if wanted == 0 || going.iter().all(|instance| covered(instance)) {
            return None;
        }
        if wanted > self.limit(scope, revision, now) {
            return Some("S4: a plan is let through that is larger than a plan may be".to_owned());
        }
        let wishes = self.known.get(revision);
        let wish = wishes.and_then(|wishes| wishes.get(&scope.vpc));
        let undisturbed = |at: &Duration| now.mono.saturating_sub(*at) > UNDISTURBED;
        let goes = |instance: &InstanceId| going.contains(&instance);
        let there = self.there.get(&scope.vpc).filter(|links| !links.is_empty());
        let empties = withheld == 0
            && there.zip(wishes).is_some_and(|(links, wishes)| {
                links.iter().all(|id| goes(id) || self.is_doubtful(scope, id, wishes))
            })
            && wish.is_some_and(|wish| !wish.allow_empty)
            && self.touched.get(&scope.vpc).is_none_or(undisturbed);
        empties.then(|| "S4: a plan is let through that leaves no link".to_owned())
    }

    /// Whether a rule may have held the plan, or an action of it.
    fn may_hold(&self, rule: &str, now: When, passed: &Passed, going: &[&InstanceId]) -> bool {
        let Scope { vpc, .. } = &passed.scope;
        let any = |is: &dyn Fn(&InstanceId) -> bool| going.iter().any(|instance| is(instance));
        let key = |instance: &InstanceId| (passed.scope.clone(), instance.clone());
        // What is withheld does not count against what a plan may do, and says so itself.
        let withheld = |(rule, ..): &&(String, String, String)| {
            matches!(rule.as_str(), "undone" | "protected" | "flapping")
        };
        let withheld = passed.refusals.iter().filter(withheld).count() as u64;
        let asked = (going.len() as u64).saturating_sub(withheld);
        match rule {
            // Not over with a revision that comes back as it was when the link was given back.
            "undone" => any(&|id| self.given_back.contains_key(&key(id))),
            "protected" => any(&|id| self.protected.contains(&(vpc.clone(), id.clone()))),
            "flapping" => {
                any(&|id| self.known(&key(id)).is_some_and(|known| known.taken.len() >= FLAPS))
            }
            "shrink" => {
                let lost = self.lost_too_many(vpc);
                any(&|id| lost.is_some_and(|lost| lost.contains(id)))
            }
            "perPlan" => asked > self.least_limit(now, passed),
            "budget" => {
                // A detach that the cloud took is sent already; it may be one of those withheld.
                let open = going.iter().filter(|id| !self.course.was_taken(&key(id)));
                self.may_be_spent(now, asked.min(open.count() as u64))
            }
            "windows" => {
                let hour = now.wall.to_zoned(jiff::tz::TimeZone::UTC).hour();
                self.law.closed == Some(hour)
            }
            "pause" => {
                let mut pauses = self.pauses.iter();
                self.pause_file.is_some()
                    || pauses.any(|(_, pause)| covers(&pause.target, &passed.scope))
            }
            _ => true,
        }
    }

    /// What a plan may detach at least: by what it says itself that it saw, and passes before it.
    fn least_limit(&self, now: When, passed: &Passed) -> u64 {
        let wishes = self.known.get(&passed.revision.digest);
        let wish = wishes.and_then(|wishes| wishes.get(&passed.scope.vpc));
        let mut most = self.certainly_there(passed);
        let mut held_lately = true;
        for (at, seen) in in_order(self.observed.get(&passed.scope.vpc)) {
            // What a clock that was ahead has dated loosens nothing.
            let is_ahead = at.wall > now.wall;
            let began_lately = at.within(DAY, now) && !self.course.is_forgotten(at);
            if !is_ahead && (began_lately || held_lately) {
                most = most.max(seen.there);
            }
            held_lately &= began_lately && !seen.is_made_up(at, now);
        }
        self.may_detach(wish, most)
    }

    /// Links that a pass saw, without those that a call may have ended: a list may show them for a while.
    fn certainly_there(&self, passed: &Passed) -> u64 {
        let links = self.links.get(&passed.scope).into_iter().flatten();
        let sent =
            |(_, known): &(&InstanceId, &Known)| matches!(known.sent, Some((_, Verb::Detach)));
        let mut leaving: BTreeSet<&InstanceId> =
            links.filter(sent).map(|(instance, _)| instance).collect();
        leaving.extend(self.course.open_detaches(&passed.scope));
        passed.observed.saturating_sub(leaving.len() as u64)
    }

    /// Links that a pass saw, without those of them that the journal knows to be on their way out.
    fn perhaps_there(&self, passed: &Passed) -> u64 {
        let listed = self.pages.get(&passed.scope.vpc).map(|(_, listed, _)| listed.as_slice());
        let shown = |id: &&InstanceId| listed.unwrap_or_default().contains(id);
        let leaving = self.course.doubtful_detaches(&passed.scope).filter(shown).count();
        passed.observed.saturating_sub(leaving as u64)
    }

    /// The most links that passes may have seen within the last day: what one saw holds until the next one
    /// that saw something else, however long nobody looked.
    pub(super) fn seen_lately(&self, vpc: &VpcId, now: When) -> u64 {
        let mut most = 0;
        let mut held_lately = true;
        for (at, seen) in in_order(self.observed.get(vpc)) {
            let is_own = seen.life == self.life;
            // Of what an earlier process saw, only the wall clock tells how old it is.
            let mono = if is_own { at.mono } else { now.mono };
            let lately = When { mono, ..at }.within(DAY, now);
            if at.wall <= now.wall && (held_lately || lately) {
                most = most.max(seen.at_most);
            }
            // And where that was made up, nobody knows until when what there was before held.
            held_lately &= lately && (is_own || !seen.is_made_up(at, now));
        }
        most
    }

    /// Whether the budget may not bear so many more. Plans of several scopes are carried out at once, and
    /// what they have leave for is not in the journal yet.
    fn may_be_spent(&self, now: When, wanted: u64) -> bool {
        let budget = self.law.budget;
        let counts = |span| {
            let intended = self.intended.values();
            let of = intended.filter(|(at, _)| at.perhaps_within(span, now));
            (of.count() as u64).saturating_add(wanted)
        };
        let several = self.names.vpcs.len() > 1;
        several || budget.hour >= RAISED || counts(HOUR) > budget.hour || counts(DAY) > budget.day
    }
}

/// The last one first, and none of them later than one that came after it, whatever the clock said.
fn in_order(seen: Option<&Vec<Seen>>) -> impl Iterator<Item = (When, &Seen)> {
    let mut later = Timestamp::MAX;
    seen.into_iter().flatten().rev().map(move |seen| {
        later = later.min(seen.at.wall);
        (When { wall: later, ..seen.at }, seen)
    })
}
