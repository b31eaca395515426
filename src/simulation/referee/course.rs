//! The course of calls: in which order they come, how often, which plan each belongs to, and what the journal
//! says of each in the end.

use super::told::covers;
use super::{Book, DAY, HOUR, Key, Referee, When};
use crate::cloud::Ticket;
use crate::ledger::event::{Answered, Cause, Intent, Passed, Pause, Settled};
use crate::model::{Digest, InstanceId, Mode, Scope, Verb, VpcId};
use crate::simulation::estate::Wishes;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Most calls for one link until the journal says how that ended.
const TRIES: u32 = 8;
/// How long a link is left alone that the cloud refused, or whose tries are used up.
const LEFT_ALONE: Duration = Duration::from_secs(15 * 60);
/// What the journal says of a call that a spent budget stopped.
const SPENT: &str = "the budget of detaches of this account and region is spent";
/// A resume so long ago came before such a call was stopped, and not after it.
const STOPPED: Duration = Duration::from_secs(60);
/// From then on people have raised what the budget allows.
const RAISED: u64 = 1_000;

type Call = (Key, Verb);

/// What is known of it.
#[derive(Debug, Default, Clone)]
pub(super) struct Course {
    /// Calls of this process for a link, since the journal said how they ended.
    tries: BTreeMap<Call, u32>,
    /// When the journal said that a link is given up, for this process.
    given_up: BTreeMap<Call, Duration>,
    /// VPCs to which something was attached since they were listed last.
    filling: BTreeSet<VpcId>,
    /// Calls of which the journal does not say how they ended, and whether they may have had an effect.
    open: BTreeMap<Call, bool>,
    /// Detaches that the journal says the cloud took, and not yet how they ended.
    taken: BTreeSet<Key>,
    /// By which entry a plan was let through last.
    let_through: BTreeMap<Digest, u64>,
    /// What it might detach then.
    pub(super) limits: BTreeMap<Digest, u64>,
    /// By which entry a link was last seen to be as a call wanted it.
    done: BTreeMap<Call, u64>,
    /// Scopes whose last plan was held by the budget.
    over_budget: BTreeSet<Scope>,
    /// Whether some entry may be missing.
    gaps: bool,
    /// When the clock was set days ahead: what processes before that one did is of long ago then, and a
    /// process may forget it.
    ahead: Option<Duration>,
}

impl Course {
    /// A process has another memory than the one before.
    pub(super) fn restarted(&mut self) {
        self.tries.clear();
        self.given_up.clear();
        self.filling.clear();
        // It knows what the journal has, and nothing else.
        self.gaps = false;
    }

    /// Whether nobody has to remember what happened then.
    pub(super) fn is_forgotten(&self, at: When) -> bool {
        self.ahead.is_some_and(|ahead| at.mono <= ahead)
    }

    /// A VPC is listed, as at the beginning of a pass.
    pub(super) fn listed(&mut self, vpc: &VpcId) {
        self.filling.remove(vpc);
    }

    /// Whether the cloud took a detach of the link, and nobody has seen yet what came of it.
    pub(super) fn was_taken(&self, key: &Key) -> bool {
        self.taken.contains(key)
    }

    /// The links of a scope of which a detach was intended, and the journal does not say yet how that ended.
    pub(super) fn open_detaches(&self, scope: &Scope) -> impl Iterator<Item = &InstanceId> {
        let open = self.open.keys().filter(|(_, verb)| *verb == Verb::Detach);
        open.filter(move |((of, _), _)| of == scope).map(|((_, instance), _)| instance)
    }

    /// Those of them that may have had an effect.
    pub(super) fn doubtful_detaches(&self, scope: &Scope) -> impl Iterator<Item = &InstanceId> {
        let doubtful =
            self.open.iter().filter(|((_, verb), effect)| **effect && *verb == Verb::Detach);
        doubtful
            .filter(move |(((of, _), _), _)| of == scope)
            .map(|(((_, instance), _), _)| instance)
    }

    pub(super) fn intended(&mut self, intent: &Intent) {
        let key = (intent.scope.clone(), intent.instance.clone());
        self.open.entry((key, intent.verb)).or_default();
    }

    pub(super) fn answered(&mut self, key: &Key, verb: Verb, answered: &Answered) {
        let accepted = answered.result == Answered::ACCEPTED;
        // An answer that could not be written at its time may be written after the end.
        if let Some(effect) = self.open.get_mut(&(key.clone(), verb)) {
            *effect |= accepted || matches!(answered.result.as_str(), "unknown" | "ambiguous");
        }
        if accepted && verb == Verb::Detach {
            self.taken.insert(key.clone());
        }
    }

    pub(super) fn settled(&mut self, now: When, seq: u64, settled: &Settled) {
        let Settled { verb, scope, instance, .. } = settled;
        let key = (scope.clone(), instance.clone());
        let of = (key.clone(), *verb);
        let converged = settled.outcome == Settled::CONVERGED;
        self.tries.remove(&of);
        self.open.remove(&of);
        if *verb == Verb::Detach || converged {
            self.taken.remove(&key);
        }
        if converged {
            self.open.remove(&(key, verb.opposite()));
            self.given_up.remove(&of);
            self.done.insert(of, seq);
        } else if matches!(settled.outcome.as_str(), "blocked" | "failed") {
            self.given_up.insert(of, now.mono);
        }
    }

    pub(super) fn passed(&mut self, seq: u64, passed: &Passed) {
        // Somebody else did what a plan does not ask for any more, or a revision wants it otherwise.
        self.given_up.retain(|((scope, instance), verb), _| {
            *scope != passed.scope || passed.actions.contains(&(*verb, instance.clone()))
        });
        if let (Some(plan), "approved") = (&passed.plan, passed.verdict.as_str()) {
            self.let_through.insert(plan.clone(), seq);
        }
        if passed.refusals.iter().any(|(rule, ..)| rule == "budget") {
            self.over_budget.insert(passed.scope.clone());
        } else {
            self.over_budget.remove(&passed.scope);
        }
    }
}

impl Book {
    /// A17 to A19, and the order: a call more for this link.
    pub(super) fn goes_its_course(
        &mut self,
        now: When,
        ticket: &Ticket,
        key: &Key,
    ) -> Vec<&'static str> {
        let mut broken = Vec::new();
        let of = (key.clone(), ticket.verb());
        let seen = self.known(key).and_then(|known| match ticket.verb() {
            Verb::Detach => known.absent,
            Verb::Attach => known.listed,
        });
        let course = &mut self.course;
        let tries = course.tries.entry(of.clone()).or_default();
        *tries += 1;
        if *tries > TRIES && !course.gaps {
            broken.push("A18: a ninth call for the link, and no word of how the others ended");
        }
        // A link that went and is back is another matter.
        let since = course.given_up.get(&of).filter(|at| seen.is_none_or(|seen| seen < **at));
        if since.is_some_and(|at| now.mono.saturating_sub(*at) < LEFT_ALONE) && !course.gaps {
            broken
                .push("A18: a link that was given up is called again within a quarter of an hour");
        }
        match ticket.verb() {
            Verb::Attach => drop(course.filling.insert(key.0.vpc.clone())),
            Verb::Detach if course.filling.contains(&key.0.vpc) => {
                broken.push("order: something of the plan came before this went");
            }
            Verb::Detach => (),
        }
        broken
    }

    /// A call belongs to a plan that was let through since its link was last as the call wants it.
    pub(super) fn is_of_an_old_plan(&self, intent: &Intent) -> bool {
        let key = (intent.scope.clone(), intent.instance.clone());
        let done = self.course.done.get(&(key, intent.verb));
        let through = self.course.let_through.get(&intent.plan);
        !self.course.gaps && done.is_some_and(|done| through.is_none_or(|at| at < done))
    }

    /// Whether a spent budget stopped a call, and nobody was told: calls are not paused.
    pub(super) fn is_stopped_quietly(&self, now: When, settled: &Settled) -> bool {
        let mut pauses = self.pauses.iter();
        settled.detail.contains(SPENT)
            && !self.course.gaps
            && now.mono.saturating_sub(self.said) > STOPPED
            && !pauses.any(|(_, pause)| covers(&pause.target, &settled.scope))
    }

    /// A pause by the budget, where the last plan was within it and so much is not sent. Calls of several
    /// scopes are under way at once, and what they have leave for is not in the journal yet.
    pub(super) fn is_paused_too_early(&self, now: When, pause: &Pause) -> bool {
        let budget = self.law.budget;
        let counts = |span| {
            let intended = self.intended.values();
            intended.filter(|(at, _)| at.perhaps_within(span, now)).count() as u64
        };
        let explained = self.course.over_budget.iter().any(|scope| covers(&pause.target, scope));
        pause.cause == Cause::Budget
            && self.names.vpcs.len() == 1
            && budget.hour < RAISED
            && !self.course.gaps
            && !explained
            && counts(HOUR) < budget.hour
            && counts(DAY) < budget.day
    }
}

impl Referee {
    /// From now on entries may be missing, because the disk does not take them.
    pub(in crate::simulation) fn disk_fails(&self) {
        self.lock().course.gaps = true;
    }

    /// The clock is set days ahead.
    pub(in crate::simulation) fn clock_ahead(&self, now: When) {
        self.lock().course.ahead = Some(now.mono);
    }

    /// A call that may have had an effect, and of which nobody ever said how it ended, where the manifests
    /// have a say. A link that is protected since then is asked for by each plan and withheld from each: its
    /// call waits for as long.
    pub(in crate::simulation) fn left_open(&self, wishes: &Wishes) -> Option<String> {
        let book = self.lock();
        let has_a_say =
            |scope: &Scope| wishes.get(&scope.vpc).is_some_and(|wish| wish.mode != Mode::Observe);
        let open = book.course.open.iter().filter(|(_, effect)| **effect).map(|(call, _)| call);
        let is_withheld = |(scope, instance): &Key| {
            book.protected.contains(&(scope.vpc.clone(), instance.clone()))
        };
        let mut open = open.filter(|(key, _)| has_a_say(&key.0) && !is_withheld(key));
        open.next().map(|((scope, instance), verb)| format!("{verb} {instance} at {}", scope.vpc))
    }

    /// The instances of calls that may have had an effect which no read has shown yet.
    pub(in crate::simulation) fn in_doubt(&self) -> Vec<InstanceId> {
        let book = self.lock();
        let open = book.course.open.iter().filter(|(_, effect)| **effect);
        open.map(|(((_, instance), _), _)| instance.clone()).collect()
    }

    /// The links that were detached, and seen to be gone.
    pub(in crate::simulation) fn taken(&self) -> Vec<(VpcId, InstanceId)> {
        let book = self.lock();
        let done = book.course.done.keys().filter(|(_, verb)| *verb == Verb::Detach);
        done.map(|((scope, instance), _)| (scope.vpc.clone(), instance.clone())).collect()
    }

    /// Whether the revision in force lists a link.
    pub(in crate::simulation) fn is_in_force(&self, vpc: &VpcId, instance: &InstanceId) -> bool {
        let book = self.lock();
        let wishes = book.accepted.as_ref().map(|(_, wishes)| wishes);
        wishes.and_then(|wishes| wishes.get(vpc)).is_some_and(|wish| wish.keep.contains(instance))
    }
}
