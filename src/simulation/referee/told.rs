//! What reads and the journal tell.

use super::{Book, Key, Known, When};
use crate::cloud::{Page, Query};
use crate::ledger::event::{Accepted, Answered, Cause, Event, Pause, Resume, Settled, Target};
use crate::model::{InstanceId, Link, Scope, Verb, VpcId};
use std::collections::BTreeSet;
use std::time::Duration;

/// What kind of an entry it is.
pub(super) fn word(event: &Event) -> String {
    match event {
        Event::Accepted(accepted) => format!("accepted {}", accepted.revision.digest.short()),
        Event::Began(_) => "began".to_owned(),
        Event::Passed(passed) => {
            let rules: Vec<&str> = passed.refusals.iter().map(|(rule, _, _)| &**rule).collect();
            format!("passed {} {} {}", passed.scope.vpc, passed.verdict, rules.join(","))
        }
        Event::Intent(intent) => format!("intent {} {}", intent.verb, intent.instance),
        Event::Answered(answered) => format!("answered {} {}", answered.intent, answered.result),
        Event::Settled(settled) => format!("settled {} {}", settled.instance, settled.outcome),
        Event::Approved(approval) => format!("approved {}", approval.plan.short()),
        Event::Paused(pause) => format!("paused {} by {}", pause.target, pause.cause.as_str()),
        Event::Resumed(resume) => format!("resumed {}", resume.target),
        Event::Restored(restored) => format!("restored {}", restored.links.len()),
        Event::Pruned(_) | Event::Other => "other".to_owned(),
    }
}

impl Book {
    pub(super) fn read(&mut self, begun: Duration, query: &Query, page: &Page) {
        match query {
            Query::OfInstances { instances, .. } => self.read_by_ids(begun, instances, page),
            Query::OfVpc { vpc, page: number, .. } => {
                // Of a long list, all pages together show what is not on it, as of the first of them.
                let (mut since, mut listed, _) = self.pages.remove(vpc).unwrap_or_default();
                if *number == 1 {
                    self.course.listed(vpc);
                    (since, listed) = (begun, Vec::new());
                }
                let of_vpc = page.links.iter().filter(|link| link.vpc == *vpc);
                listed.extend(of_vpc.map(|link| link.instance.clone()));
                listed.sort_unstable();
                listed.dedup();
                // An answer that counts more than it shows says nothing about the rest.
                if listed.len() >= page.total as usize {
                    self.absent_but(since, vpc, &listed);
                }
                self.pages.insert(vpc.clone(), (since, listed, page.total.into()));
            }
        }
    }

    fn read_by_ids(&mut self, begun: Duration, instances: &[InstanceId], page: &Page) {
        // As with a list: an answer that counts more than it shows says nothing about the rest.
        let says_all = page.total as usize == page.links.len();
        for vpc in self.names.vpcs.iter().filter(|_| says_all) {
            let links = self.links.entry(self.names.scope(vpc)).or_default();
            for instance in instances {
                let shown = |link: &Link| link.instance == *instance && link.vpc == *vpc;
                if !page.links.iter().any(shown) {
                    let known = links.entry(instance.clone()).or_default();
                    known.absent = known.absent.max(Some(begun));
                    known.missed = known.missed.max(Some(begun));
                }
            }
        }
        // A list shows a link as well as a read by id; for a call only the latter counts.
        for link in &page.links {
            let known = self.link(&self.names.scope(&link.vpc), &link.instance);
            known.listed = known.listed.max(Some(begun));
        }
    }

    /// All instances but those `listed`, which are sorted, are not linked to the VPC.
    fn absent_but(&mut self, begun: Duration, vpc: &VpcId, listed: &[InstanceId]) {
        let links = self.links.entry(self.names.scope(vpc)).or_default();
        if links.len() < self.names.instances.len() {
            let new = self.names.instances.iter().filter(|id| !links.contains_key(*id));
            let new: Vec<_> = new.map(|id| (id.clone(), Known::default())).collect();
            links.extend(new);
        }
        let mut listed = listed.iter().peekable();
        for (instance, known) in links {
            while listed.next_if(|next| *next < instance).is_some() {}
            if listed.next_if(|next| *next == instance).is_none() {
                known.absent = known.absent.max(Some(begun));
            }
        }
    }

    pub(super) fn wrote(&mut self, now: When, seq: u64, event: &Event) {
        match event {
            Event::Accepted(accepted) => self.accepted_by(now, accepted),
            Event::Intent(intent) => {
                if self.is_of_an_old_plan(intent) {
                    let what = "S5: a call of a plan that is of before its link was done with";
                    self.accuse(now, format!("{what} ({} {})", intent.verb, intent.instance));
                }
                self.course.intended(intent);
                let key = (intent.scope.clone(), intent.instance.clone());
                let revision = intent.revision.digest.clone();
                let of = (key, intent.verb, intent.plan.clone(), revision);
                if intent.verb == Verb::Detach {
                    self.intended.insert(seq, (now, self.life));
                    (self.sent_lately, self.in_vain) = (true, 0);
                }
                self.intents.insert(seq, of);
            }
            Event::Answered(answered) => self.answered_by(now, answered),
            Event::Settled(settled) => {
                self.course.settled(now, seq, settled);
                if self.is_stopped_quietly(now, settled) {
                    let what = "a spent budget stopped a call and paused nothing";
                    self.accuse(now, format!("{what} ({})", settled.instance));
                }
                self.settled_by(now, settled);
            }
            Event::Approved(approval) => {
                self.said = now.mono;
                if let Some(of) = &approval.of {
                    let key = (of.scope.clone(), of.revision.digest.clone());
                    let taken = of.actions.iter().filter(|(verb, _)| *verb == Verb::Detach);
                    let links = taken.map(|(_, instance)| instance.clone()).collect();
                    self.approved.entry(key).or_default().push((approval.until, links));
                }
            }
            Event::Paused(pause) => {
                if self.is_paused_too_early(now, pause) {
                    self.accuse(now, "paused for a budget that is not spent".to_owned());
                }
                self.paused_in_vain(now, pause);
                self.pauses.push((now.mono, pause.clone()));
            }
            Event::Resumed(resume) => {
                self.said = now.mono;
                self.resumed_by(resume);
            }
            Event::Restored(restored) => {
                let links = restored.links.iter().map(|link| (link.clone(), now.mono));
                self.holds.extend(links);
                let of = |link: &Key| (link.clone(), restored.revision.clone());
                self.given_back.extend(restored.links.iter().map(of));
            }
            Event::Passed(passed) => {
                self.course.passed(seq, passed);
                self.passed_by(now, passed);
            }
            Event::Began(_) | Event::Pruned(_) | Event::Other => (),
        }
    }

    /// A budget of which nothing was sent since somebody resumed is no news. A review that was under way
    /// at that moment knows of no resume: once in a row.
    fn paused_in_vain(&mut self, now: When, pause: &Pause) {
        if pause.cause != Cause::Budget || self.sent_lately {
            return;
        }
        self.in_vain += 1;
        if self.in_vain > 1 {
            self.accuse(now, "paused again for a budget of which nothing was sent".to_owned());
        }
    }

    fn accepted_by(&mut self, now: When, accepted: &Accepted) {
        let digest = accepted.revision.digest.clone();
        let Some(wishes) = self.known.get(&digest).cloned() else {
            return self.accuse(now, "D4: a revision is accepted that nobody meant".to_owned());
        };
        let before = self.accepted.replace((digest.clone(), wishes.clone()));
        // What it was given back under may come into force again.
        self.given_back.retain(|_, of| *of == digest);
        let same = before.as_ref().is_some_and(|(of, _)| *of == digest);
        if !same {
            self.holds.clear();
        }
        for (vpc, wish) in wishes.iter() {
            // Lifted by a revision that lists the link without it.
            self.protected.retain(|(of, instance)| {
                of != vpc || !wish.keep.contains(instance) || wish.protected.contains(instance)
            });
            let own = wish.protected.iter().map(|instance| (vpc.clone(), instance.clone()));
            self.protected.extend(own);
        }
        let Some((_, before)) = before.filter(|_| !same) else { return };
        for vpc in self.names.vpcs.clone() {
            // A loss that was too large stays one until it is listed again, or gone with leave.
            let mut there = self.lost_too_many(&vpc).cloned().unwrap_or_default();
            let kept = |id: &InstanceId| wishes.get(&vpc).is_some_and(|it| it.keep.contains(id));
            there.retain(|instance| !kept(instance));
            there.extend(before.get(&vpc).into_iter().flat_map(|older| older.keep.iter().cloned()));
            let from = there.len() as u64;
            there.retain(|instance| !kept(instance));
            self.shrunk.insert(vpc, (from, there));
        }
    }

    fn answered_by(&mut self, now: When, answered: &Answered) {
        self.answered.insert(answered.intent);
        if answered.result == Answered::NOT_SENT {
            self.intended.remove(&answered.intent);
        }
        let Some(((scope, instance), verb, _, revision)) = self.intents.get(&answered.intent)
        else {
            return self.accuse(now, "S5: an answer without an intent".to_owned());
        };
        let code = answered.code.as_deref().unwrap_or_default();
        let (scope, instance, revision) = (scope.clone(), instance.clone(), revision.clone());
        self.course.answered(&(scope.clone(), instance.clone()), *verb, answered);
        if code.contains("NotFound") || code.contains("NotBelong") {
            self.misses.push((now, scope.clone()));
        }
        if *verb == Verb::Attach && answered.result == Answered::ACCEPTED {
            self.link(&scope, &instance).attached_by = Some(revision);
        }
    }

    /// Whether links that were shown since a call for this one ended are as many as the cloud counts.
    fn is_counted_out(&self, scope: &Scope, instance: &InstanceId) -> bool {
        let Some(links) = self.links.get(scope) else { return false };
        let Some(ended) = links.get(instance).and_then(|known| known.ended) else { return false };
        let Some((_, listed, total)) =
            self.pages.get(&scope.vpc).filter(|(since, ..)| *since >= ended)
        else {
            return false;
        };
        let mut shown: BTreeSet<&InstanceId> = listed.iter().collect();
        let by_id = links.iter().filter(|(_, known)| known.listed >= Some(ended));
        shown.extend(by_id.map(|(instance, _)| instance));
        !shown.contains(instance) && shown.len() as u64 >= *total
    }

    fn settled_by(&mut self, now: When, settled: &Settled) {
        if settled.outcome != Settled::CONVERGED {
            if settled.outcome == "withdrawn" && settled.attempts > 0 {
                self.accuse(now, format!("S8: withdrawn after a call ({})", settled.instance));
            }
            return;
        }
        let is_counted_out = self.is_counted_out(&settled.scope, &settled.instance);
        let links = self.links.entry(settled.scope.clone()).or_default();
        let known = links.entry(settled.instance.clone()).or_default();
        known.sent = None;
        if settled.verb == Verb::Attach {
            return;
        }
        let seen = known.absent.zip(known.ended).is_none_or(|(absent, ended)| absent >= ended);
        let believed = settled.attempts > 0 && (!seen || known.absent.is_none());
        if settled.attempts > 0 {
            known.taken.push(now);
            let of_scope = self.approved.iter_mut().filter(|((of, _), _)| *of == settled.scope);
            for (_, links) in of_scope.flat_map(|(_, approvals)| approvals) {
                links.remove(&settled.instance);
            }
            // What went with leave is no part of what the rest is measured by.
            if let Some((from, lost)) = self.shrunk.get_mut(&settled.scope.vpc)
                && lost.remove(&settled.instance)
            {
                *from = from.saturating_sub(1);
            }
        }
        if believed && !is_counted_out {
            let instance = &settled.instance;
            let what = "S8: converged, and no read begun after the last call shows it";
            self.accuse(now, format!("{what} ({instance})"));
        }
    }

    fn resumed_by(&mut self, resume: &Resume) {
        let of = &resume.target;
        // A part ends what was paused as that part, and what paused itself inside it.
        self.pauses.retain(|(_, pause)| {
            let latched = pause.cause != Cause::Operator && is_within(&pause.target, of);
            *of != Target::All && *of != pause.target && !latched
        });
        self.holds.retain(|(scope, _), _| *of != Target::Scope(scope.clone()));
        self.given_back.retain(|(scope, _), _| *of != Target::Scope(scope.clone()));
        self.misses.retain(|(_, scope)| !covers(of, scope));
        self.sent_lately &= matches!(of, Target::Scope(_));
        self.sent_since_resumed.retain(|scope, _| !covers(of, scope));
    }
}

/// Whether a pause or a resume is about a scope.
pub(super) fn covers(target: &Target, scope: &Scope) -> bool {
    match target {
        Target::All => true,
        Target::Account(account) => scope.account == *account,
        Target::Lane(lane) => scope.account == lane.account && scope.region == lane.region,
        Target::Scope(of) => of == scope,
    }
}

/// Whether one target lies within another.
fn is_within(target: &Target, whole: &Target) -> bool {
    match (target, whole) {
        (_, Target::All) => true,
        (Target::Scope(scope), _) => covers(whole, scope),
        (Target::Lane(lane), Target::Account(account)) => lane.account == *account,
        (target, whole) => target == whole,
    }
}
