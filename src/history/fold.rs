//! Joins the entries of one action.

use super::{Attempt, Cause, Deed, Happening, Record, What};
use crate::journal::Item;
use crate::ledger::Event;
use crate::ledger::event::{Accepted, Answered, Began, Intent, Passed, Settled};
use crate::model::{InstanceId, Region, RunId, Scope, Verb, VpcId};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

type Key = (Verb, Scope, InstanceId);

#[derive(Default)]
pub(super) struct Fold {
    records: Vec<Record>,
    /// The records of actions without a final word.
    open: BTreeMap<Key, usize>,
    /// The records that intents belong to.
    intents: BTreeMap<u64, usize>,
    runs: BTreeMap<RunId, Began>,
    /// What the last accepted revision lost, by itself or before.
    lost: BTreeSet<(Region, VpcId, InstanceId)>,
}

impl Fold {
    pub fn take(&mut self, item: &Item) {
        let Item { seq, at, event } = item;
        let (seq, at) = (*seq, *at);
        let what = match event {
            Event::Intent(intent) => return self.intended(seq, at, intent),
            Event::Answered(answered) => return self.answered(answered),
            Event::Settled(settled) => return self.settled(seq, at, settled),
            Event::Began(began) => {
                self.runs.insert(RunId(seq), began.clone());
                What::Began(RunId(seq), began.clone())
            }
            Event::Passed(passed) if passed.verdict == Passed::PARTIAL => return,
            Event::Passed(passed) if passed.refusals.is_empty() => return,
            Event::Passed(passed) => What::Held(passed.clone()),
            Event::Accepted(accepted) => self.accepted(accepted),
            Event::Approved(approval) => What::Approved(approval.clone()),
            Event::Paused(pause) => What::Paused(pause.clone()),
            Event::Resumed(resume) => What::Resumed(resume.clone()),
            Event::Restored(restored) => What::Restored(restored.clone()),
            Event::Pruned(pruned) => What::Pruned(pruned.clone()),
            Event::Other => return,
        };
        self.records.push(Record::Happening(Box::new(Happening { seq, at, what })));
    }

    pub fn finish(mut self) -> Vec<Record> {
        for deed in self.records.iter_mut().filter_map(deed_of) {
            conclude(deed);
        }
        self.records
    }

    /// What the revision before does not list either, this one did not take out. Accounts may have got
    /// other names in between, and a VPC belongs to one.
    fn accepted(&mut self, accepted: &Accepted) -> What {
        let mut lost = BTreeSet::new();
        let mut before = BTreeSet::new();
        for shrunk in &accepted.shrunk {
            for id in &shrunk.lost {
                let key = (shrunk.scope.region.clone(), shrunk.scope.vpc.clone(), id.clone());
                if self.lost.contains(&key) {
                    before.insert((shrunk.scope.clone(), id.clone()));
                }
                lost.insert(key);
            }
        }
        self.lost = lost;
        What::Accepted(accepted.clone(), before)
    }

    fn intended(&mut self, seq: u64, at: Timestamp, intent: &Intent) {
        let Intent { verb, scope, instance, reason, plan, revision, attempt, run, approver } =
            intent;
        let key = (*verb, scope.clone(), instance.clone());
        let attempt = Attempt {
            intent: seq,
            at,
            number: *attempt,
            result: None,
            code: None,
            request_id: None,
            latency_ms: None,
        };
        if let Some(index) = self.open.get(&key).copied()
            && let Some(deed) = self.deed(index)
        {
            let same_plan = deed.cause.as_ref().is_some_and(|cause| cause.plan == *plan);
            if deed.run == *run && same_plan {
                deed.attempts.push(attempt);
                self.intents.insert(seq, index);
                return;
            }
            continued(deed, *run);
        }
        let deed = Deed {
            seq,
            at,
            ended: None,
            verb: *verb,
            scope: scope.clone(),
            instance: instance.clone(),
            outcome: String::new(),
            detail: String::new(),
            attempts: vec![attempt],
            sent: 0,
            cause: Some(Cause {
                reason: reason.clone(),
                plan: plan.clone(),
                revision: revision.clone(),
                approver: approver.clone(),
            }),
            run: *run,
            began: run.and_then(|run| self.runs.get(&run).cloned()),
            ended_by: None,
        };
        let index = self.push(deed);
        self.open.insert(key, index);
        self.intents.insert(seq, index);
    }

    fn answered(&mut self, answered: &Answered) {
        let Some(index) = self.intents.get(&answered.intent).copied() else { return };
        let Some(deed) = self.deed(index) else { return };
        let of = |attempt: &&mut Attempt| attempt.intent == answered.intent;
        if let Some(attempt) = deed.attempts.iter_mut().find(of) {
            let answer_came = answered.code.is_some() || answered.result == Answered::ACCEPTED;
            attempt.result = Some(answered.result.clone());
            attempt.code = answered.code.clone();
            attempt.request_id = answered.request_id.clone();
            attempt.latency_ms = answer_came.then_some(answered.latency_ms);
        }
    }

    fn settled(&mut self, seq: u64, at: Timestamp, settled: &Settled) {
        let Settled { verb, scope, instance, plan: _, run, attempts, outcome, detail } = settled;
        let key = (*verb, scope.clone(), instance.clone());
        let index = self.open.remove(&key).unwrap_or_else(|| {
            // Its intents are forgotten.
            let began = run.and_then(|run| self.runs.get(&run).cloned());
            self.push(Deed {
                seq,
                at,
                ended: None,
                verb: *verb,
                scope: scope.clone(),
                instance: instance.clone(),
                outcome: String::new(),
                detail: String::new(),
                attempts: Vec::new(),
                sent: *attempts,
                cause: None,
                run: *run,
                began,
                ended_by: None,
            })
        });
        if let Some(deed) = self.deed(index) {
            deed.ended = Some(at);
            deed.outcome = outcome.clone();
            deed.detail = detail.clone();
            deed.ended_by = run.filter(|run| deed.run != Some(*run));
        }
    }

    fn push(&mut self, deed: Deed) -> usize {
        self.records.push(Record::Deed(Box::new(deed)));
        self.records.len() - 1
    }

    fn deed(&mut self, index: usize) -> Option<&mut Deed> {
        self.records.get_mut(index).and_then(deed_of)
    }
}

fn deed_of(record: &mut Record) -> Option<&mut Deed> {
    match record {
        Record::Deed(deed) => Some(deed),
        Record::Happening(_) => None,
    }
}

/// A later run makes calls for the same link: this action will have no final word of its own.
fn continued(deed: &mut Deed, by: Option<RunId>) {
    if deed.attempts.iter().any(was_sent) {
        Deed::CONTINUED.clone_into(&mut deed.outcome);
        deed.detail = match by {
            Some(run) => format!("{}; {run} went on with it", where_it_stands(deed)),
            None => format!("{}; a later plan went on with it", where_it_stands(deed)),
        };
    }
}

fn conclude(deed: &mut Deed) {
    if !deed.attempts.is_empty() {
        let sent = deed.attempts.iter().filter(|attempt| was_sent(attempt)).count();
        deed.sent = u32::try_from(sent).unwrap_or(u32::MAX);
    }
    if !deed.outcome.is_empty() {
        return;
    }
    if deed.sent == 0 {
        Deed::NOT_SENT.clone_into(&mut deed.outcome);
        "leave was withdrawn before the call".clone_into(&mut deed.detail);
    } else {
        Deed::OPEN.clone_into(&mut deed.outcome);
        deed.detail = where_it_stands(deed);
    }
}

/// What the last call that may have left tells, in words.
fn where_it_stands(deed: &Deed) -> String {
    let Some(last) = deed.attempts.iter().rev().find(|attempt| was_sent(attempt)) else {
        return "nothing was sent".to_owned();
    };
    match (last.result.as_deref(), &last.code) {
        (None, _) => {
            "no answer is recorded: the call is under way, or its process has ended".to_owned()
        }
        (Some(Answered::ACCEPTED), _) => {
            "the cloud took the call, and no read has shown its effect yet".to_owned()
        }
        (Some(_), Some(code)) => format!("the last answer was {code}"),
        (Some(_), None) => "the process ended before the answer came".to_owned(),
    }
}

/// Without an answer it may have left.
fn was_sent(attempt: &Attempt) -> bool {
    attempt.result.as_deref() != Some(Answered::NOT_SENT)
}
