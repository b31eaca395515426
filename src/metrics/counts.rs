//! What is counted as it happens.

use super::Operation;
use crate::apply::Applied;
use crate::clock::Timings;
use crate::cloud::{Class, CloudError};
use crate::desired::keep_declared;
use crate::gate::Rule;
use crate::model::{AccountName, Lane, Region, Scope, Verb};
use crate::outcome::Outcome;
use crate::report::{ScopeReport, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Verdicts of a pass, as labels.
pub(super) const VERDICTS: [&str; 5] = ["approved", "held", "inSync", "partial", "failed"];

/// Bounds of a call's duration, in seconds: a read of the cloud takes some 100 ms, and is given up
/// after 15 s, a change after 30 s.
const CALL_BOUNDS: &[f64] = &[0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 7.5, 15.0, 30.0];

/// The label for a verdict.
pub(super) fn verdict(of: &Verdict) -> &'static str {
    let [approved, held, in_sync, partial, failed] = VERDICTS;
    match of {
        Verdict::Approved => approved,
        Verdict::Held => held,
        Verdict::InSync => in_sync,
        Verdict::Partial => partial,
        Verdict::Failed(_) => failed,
    }
}

/// Counts since the process began. Cheap to clone; clones share.
#[derive(Debug, Clone, Default)]
pub struct Counts(Arc<Mutex<Counted>>);

type Action = (Lane, Verb, &'static str, &'static str);

#[derive(Debug, Clone, Default)]
pub(super) struct Counted {
    passes: BTreeMap<Scope, BTreeMap<&'static str, u64>>,
    refused: BTreeMap<Lane, BTreeMap<Rule, u64>>,
    actions: BTreeMap<Action, u64>,
    calls: BTreeMap<(AccountName, Operation, &'static str), u64>,
    throttled: BTreeMap<Lane, BTreeMap<Operation, u64>>,
    durations: BTreeMap<Operation, Timings>,
    /// Where the cloud refuses a credential, or what it asks for, and with which code.
    refusing: BTreeMap<(AccountName, Option<Region>), &'static str>,
}

impl Counts {
    /// Forgets what is counted by VPC of those that no manifest declares any more.
    pub fn keep_only<T>(&self, declared: &BTreeMap<Scope, T>) {
        let mut counted = self.lock();
        keep_declared(&mut counted.passes, declared);
        counted.refusing.retain(|(account, region), _| {
            let is_of =
                |scope: &Scope| (&scope.account, Some(&scope.region)) == (account, region.as_ref());
            region.is_none() || declared.keys().any(is_of)
        });
    }

    /// A pass over a declared scope ended.
    pub fn passed(&self, report: &ScopeReport) {
        let rules: BTreeSet<Rule> = report.refusals.iter().map(|refusal| refusal.rule).collect();
        let mut counted = self.lock();
        let passes = counted.passes.entry(report.scope.clone()).or_default();
        *passes.entry(verdict(&report.verdict)).or_default() += 1;
        let refused = counted.refused.entry(report.scope.lane()).or_default();
        for rule in rules {
            *refused.entry(rule).or_default() += 1;
        }
    }

    /// Actions ended, of a scope that may not be declared any more.
    pub fn applied(&self, scope: &Scope, applied: &[Applied]) {
        if applied.is_empty() {
            return;
        }
        let lane = scope.lane();
        let mut counted = self.lock();
        for Applied { action, outcome, .. } in applied {
            let key = (lane.clone(), action.verb, outcome.as_str(), class(outcome));
            *counted.actions.entry(key).or_default() += 1;
        }
    }

    /// A call was answered, or was not; `code` is one of ours or of a table.
    pub(super) fn called(
        &self,
        account: &AccountName,
        operation: Operation,
        code: &'static str,
        took: Duration,
    ) {
        let mut counted = self.lock();
        *counted.calls.entry((account.clone(), operation, code)).or_default() += 1;
        let durations = counted.durations.entry(operation);
        durations.or_insert_with(|| Timings::new(CALL_BOUNDS)).record(took);
    }

    /// What an answer tells of a credential: none that is accepted, or a read that is not permitted. It
    /// stands until a call to the same region succeeds.
    pub(super) fn judged(
        &self,
        account: &AccountName,
        region: Option<Region>,
        operation: Operation,
        refused: Option<(&CloudError, &'static str)>,
    ) {
        let reads = matches!(operation, Operation::Describe | Operation::Identify);
        let mut counted = self.lock();
        match refused {
            None => drop(counted.refusing.remove(&(account.clone(), region))),
            Some((error, code)) => {
                let refuses = match error.class {
                    Class::Unauthenticated => true,
                    Class::Denied => reads,
                    _ => false,
                };
                if refuses {
                    counted.refusing.insert((account.clone(), region), code);
                }
            }
        }
    }

    /// The accounts whose credential the cloud refuses, with a code that is ours or of a table.
    pub fn refusing(&self) -> BTreeMap<AccountName, &'static str> {
        let counted = self.lock();
        let refusing = counted.refusing.iter();
        refusing.map(|((account, _), code)| (account.clone(), *code)).collect()
    }

    /// The cloud turned a call away for exceeding a quota.
    pub(super) fn throttled(&self, lane: &Lane, operation: Operation) {
        let mut counted = self.lock();
        let throttled = counted.throttled.entry(lane.clone()).or_default();
        *throttled.entry(operation).or_default() += 1;
    }

    /// A copy, for whoever takes his time.
    pub(super) fn so_far(&self) -> Counted {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The class of the error behind an outcome.
fn class(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Blocked(why) | Outcome::Failed(why) | Outcome::Unknown(why) => why.class.as_str(),
        _ => "none",
    }
}

impl Counted {
    pub fn passes(&self, scope: &Scope, verdict: &str) -> u64 {
        let of = self.passes.get(scope).and_then(|passes| passes.get(verdict));
        of.copied().unwrap_or_default()
    }

    pub fn refused(&self, lane: &Lane, rule: Rule) -> u64 {
        let of = self.refused.get(lane).and_then(|refused| refused.get(&rule));
        of.copied().unwrap_or_default()
    }

    pub fn throttled(&self, lane: &Lane, operation: Operation) -> u64 {
        let of = self.throttled.get(lane).and_then(|throttled| throttled.get(&operation));
        of.copied().unwrap_or_default()
    }

    /// What ended, and what could have, at 0: a rise from nothing is none to whoever asks for
    /// increases. `kinds` are the accounts and regions of the manifests, with what may be done there.
    pub fn actions(&self, kinds: &BTreeSet<(Lane, Verb)>) -> BTreeMap<Action, u64> {
        let with_class = Class::ALL.map(|class| class.as_str());
        let mut all = BTreeMap::new();
        for (lane, verb) in kinds {
            for outcome in ["converged", "settling", "skipped", "withdrawn", "unjournaled"] {
                all.insert((lane.clone(), *verb, outcome, "none"), 0);
            }
            for outcome in ["blocked", "failed", "unknown"] {
                all.extend(with_class.map(|class| ((lane.clone(), *verb, outcome, class), 0)));
            }
        }
        all.extend(self.actions.iter().map(|(action, count)| (action.clone(), *count)));
        all
    }

    /// Calls, likewise: of each account, reads and detaches that were answered.
    pub fn calls<'a>(
        &self,
        accounts: impl Iterator<Item = &'a AccountName>,
    ) -> BTreeMap<(AccountName, Operation, &'static str), u64> {
        let operations = [Operation::Describe, Operation::Detach];
        let at_0 =
            accounts.flat_map(|account| operations.map(|of| ((account.clone(), of, "ok"), 0)));
        let mut all: BTreeMap<_, _> = at_0.collect();
        all.extend(self.calls.iter().map(|(call, count)| (call.clone(), *count)));
        all
    }

    pub fn refuses(&self, account: &AccountName) -> bool {
        self.refusing.keys().any(|(of, _)| of == account)
    }

    pub fn durations(&self) -> impl Iterator<Item = (&Operation, &Timings)> {
        self.durations.iter()
    }

    /// Accounts and regions of which anything is counted.
    pub fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.refused.keys().chain(self.throttled.keys())
    }
}
