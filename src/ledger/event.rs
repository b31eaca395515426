//! What can happen, as the journal records it. The words and the format on disk are the journal's.

use crate::cloud::{self, CloudError};
use crate::model::{Digest, InstanceId, Mode, Revision, RunId, Scope, TakenOut, Verb};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;

mod operator;

pub use operator::{Approval, Cause, Pause, Resume, Target};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A revision was accepted.
    Accepted(Accepted),
    /// A run began; its id is the number of this entry.
    Began(Began),
    /// A pass looked at a scope, and found something else than the one before.
    Passed(Passed),
    /// A call is about to be made.
    Intent(Intent),
    /// The cloud answered the call of an intent.
    Answered(Answered),
    /// An action has ended.
    Settled(Settled),
    /// A person approved a held plan.
    Approved(Approval),
    /// Calls are to stop.
    Paused(Pause),
    /// Calls may go on.
    Resumed(Resume),
    /// An undo gives links back, which are not to be taken again.
    Restored(Restored),
    /// Old entries were forgotten.
    Pruned(Pruned),
    /// A kind of a later version: kept, and of no meaning here.
    Other,
}

/// A revision in force, and what acceptance made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The folder it was read from, absolute.
    pub root: String,
    /// Which state of it.
    pub revision: Revision,
    /// Its manifests: path, and digest of the text.
    pub files: Vec<(String, Digest)>,
    /// Scopes that it does not declare any more.
    pub released: Vec<Scope>,
    /// Links that stay protected from now on.
    pub protected: BTreeSet<(Scope, InstanceId)>,
    /// What scopes lost against the revision before.
    pub shrunk: Vec<Shrunk>,
    /// Which commits took which links out, where the manifests come from commits.
    pub taken_out: Vec<((Scope, InstanceId), TakenOut)>,
}

/// What a scope lost when a revision was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    /// Account, region and VPC.
    pub scope: Scope,
    /// Links desired before.
    pub from: u64,
    /// Those of them that are not desired any more.
    pub lost: BTreeSet<InstanceId>,
    /// By which commits, in words, where that is known.
    pub by: Option<String>,
    /// They do not continue what was accepted before, or nobody knows: however little was lost, a person
    /// has to look.
    pub doubtful: bool,
}

/// The beginning of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Began {
    /// `run`, `apply` or `undo`.
    pub command: String,
    /// The operating system's user.
    pub by: String,
}

/// What a pass found and decided about a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Account, region and VPC.
    pub scope: Scope,
    /// The revision it went by.
    pub revision: Revision,
    /// What the manifests allow.
    pub mode: Mode,
    /// Links observed.
    pub observed: u64,
    /// Those of them that an earlier detach may have ended; none in entries of before it was asked.
    pub leaving: u64,
    /// Links desired.
    pub desired: u64,
    /// `approved`, `held`, `inSync` or `partial`.
    pub verdict: String,
    /// Digest of the plan, if there was one.
    pub plan: Option<Digest>,
    /// What the plan proposes.
    pub actions: BTreeSet<(Verb, InstanceId)>,
    /// Why it, or an action of it, is held: rule, message, way out.
    pub refusals: Vec<(String, String, String)>,
}

/// A call that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Detach or attach.
    pub verb: Verb,
    /// Account, region and VPC.
    pub scope: Scope,
    /// Which instance.
    pub instance: InstanceId,
    /// Why.
    pub reason: String,
    /// Digest of the plan.
    pub plan: Digest,
    /// The revision the plan was made from.
    pub revision: Revision,
    /// Counts from 1.
    pub attempt: u32,
    /// Which run; none in entries of the first format.
    pub run: Option<RunId>,
    /// Who approved the plan, where that was needed.
    pub approver: Option<String>,
}

/// What the cloud answered to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Number of the intent.
    pub intent: u64,
    /// `accepted`, `not-sent`, or the class of the error.
    pub result: String,
    /// The cloud's code, for an error.
    pub code: Option<String>,
    /// For the cloud's audit trail.
    pub request_id: Option<String>,
    /// How long the call took.
    pub latency_ms: u64,
}

impl Answered {
    /// From what came back of a call.
    pub fn of(
        intent: u64,
        answer: &Result<cloud::Accepted, CloudError>,
        latency: Duration,
    ) -> Self {
        let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        let (result, code, request_id) = match answer {
            Ok(accepted) => (Self::ACCEPTED.to_owned(), None, &accepted.request_id),
            Err(error) => (error.class.to_string(), Some(error.code.clone()), &error.request_id),
        };
        Self { intent, result, code, request_id: request_id.clone(), latency_ms }
    }

    /// For an intent whose call had no answer: nothing was sent, or its process died.
    pub fn without_answer(intent: u64, result: &str) -> Self {
        Self { intent, result: result.to_owned(), code: None, request_id: None, latency_ms: 0 }
    }

    /// `result` of a call that the cloud took.
    pub const ACCEPTED: &'static str = "accepted";
    /// `result` of an intent whose leave was withdrawn before anything was sent.
    pub const NOT_SENT: &'static str = "not-sent";
    /// `result` of a call whose process died, and of a code that nobody documented.
    pub const UNKNOWN: &'static str = "unknown";

    /// Whether the call may have had an effect that no answer tells of.
    pub fn leaves_open(&self) -> bool {
        matches!(self.result.as_str(), Self::ACCEPTED | Self::UNKNOWN | "ambiguous")
    }

    /// Whether the cloud says that the instance is not of this account and region, which many calls
    /// in a row say where the region or the account is the wrong one (`api-contract.md` 8.4).
    pub fn misses_the_instance(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default().to_ascii_lowercase();
        code.contains("notfound") || code.contains("notbelong")
    }
}

/// An action that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Detach or attach.
    pub verb: Verb,
    /// Account, region and VPC.
    pub scope: Scope,
    /// Which instance.
    pub instance: InstanceId,
    /// Digest of the plan; none for a call of an earlier pass.
    pub plan: Option<Digest>,
    /// Which run, if one carried it to its end.
    pub run: Option<RunId>,
    /// Calls made.
    pub attempts: u32,
    /// One word.
    pub outcome: String,
    /// In words.
    pub detail: String,
}

impl Settled {
    /// `outcome` of an action whose link is as it should be.
    pub const CONVERGED: &'static str = "converged";

    /// Whether we changed the link, and a read showed it.
    pub fn is_ours(&self) -> bool {
        self.outcome == Self::CONVERGED && self.attempts > 0
    }
}

/// Entries that were forgotten because of their age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// The last of them.
    pub up_to: u64,
    /// Its hash, from which the chain goes on.
    pub hash: Digest,
}

/// Links that an undo gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The run of the undo.
    pub run: RunId,
    /// What it undoes, in words.
    pub of: String,
    /// The operating system's user.
    pub by: String,
    /// Which links.
    pub links: BTreeSet<(Scope, InstanceId)>,
    /// The revision in force, which they are held against.
    pub revision: Digest,
}

impl Passed {
    /// `verdict` of a scope that could not be read completely.
    pub const PARTIAL: &'static str = "partial";
    /// `verdict` of a plan that the gate holds.
    pub const HELD: &'static str = "held";
    /// `verdict` of a plan that may be carried out, apart from what is withheld of it.
    pub const APPROVED: &'static str = "approved";
    /// `verdict` of a plan without an action.
    pub const IN_SYNC: &'static str = "inSync";

    /// Whether its plan holds the action that ended.
    pub fn proposes(&self, settled: &Settled) -> bool {
        let Settled { verb, scope, instance, .. } = settled;
        self.scope == *scope && self.actions.contains(&(*verb, instance.clone()))
    }

    /// Whether it is the finding of `later` too, apart from numbers in what refusals say that change
    /// by themselves.
    pub fn says_the_same_as(&self, later: &Self) -> bool {
        let rules = |passed: &Self| -> Vec<String> {
            passed.refusals.iter().map(|(rule, _, _)| rule.clone()).collect()
        };
        let bare = |passed: &Self| Self { refusals: Vec::new(), ..passed.clone() };
        rules(self) == rules(later) && bare(self) == bare(later)
    }
}

/// Why a link that an undo gave back is not taken again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredHold {
    /// The run of the undo.
    pub run: RunId,
    /// What it undid, in words.
    pub of: String,
    /// Who.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
    /// The revision that it is held against: the next one ends it.
    pub revision: Digest,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Class;
    use crate::ledger::tests::{answered, passed, settled};
    use crate::plan::tests::id;

    #[test]
    fn an_entry_about_an_answer_keeps_what_the_cloud_said() {
        let second = Duration::from_secs(1);
        let request_id = Some("r-1".to_owned());
        let accepted = cloud::Accepted { request_id: request_id.clone() };
        let taken = Answered::of(7, &Ok(accepted), second);
        assert_eq!((taken.intent, taken.result.as_str()), (7, Answered::ACCEPTED));
        assert_eq!((taken.code, taken.request_id, taken.latency_ms), (None, request_id, 1000));
        let error = CloudError::new(Class::Throttled, "Throttling.User", "slow down");
        let refused = Answered::of(8, &Err(error), Duration::MAX);
        assert_eq!((refused.intent, refused.result.as_str()), (8, "throttled"));
        assert_eq!(refused.code.as_deref(), Some("Throttling.User"));
        assert_eq!(refused.latency_ms, u64::MAX);
        let died = Answered::without_answer(9, Answered::UNKNOWN);
        assert_eq!(died, Answered { latency_ms: 0, ..answered(9, "unknown", None) });
    }

    #[test]
    fn an_instance_that_is_not_found_or_not_ours_is_missed_and_no_other() {
        let misses =
            |code: Option<&str>| answered(1, "gone", code.map(str::to_owned)).misses_the_instance();
        assert!(misses(Some("InvalidInstanceId.NotFound")));
        assert!(misses(Some("InstanceIdNotBelongToUser")));
        assert!(!misses(Some("InvalidVpcId.Mismatch")) && !misses(None));
    }

    #[test]
    fn ours_is_what_we_called_for_and_a_read_showed() {
        let ours = |outcome: &str, attempts| {
            Settled { outcome: outcome.into(), attempts, ..settled(1) }.is_ours()
        };
        assert!(ours(Settled::CONVERGED, 1) && ours(Settled::CONVERGED, 2));
        assert!(!ours(Settled::CONVERGED, 0) && !ours("unknown", 1));
    }

    #[test]
    fn a_finding_is_the_same_as_long_as_only_the_words_of_refusals_differ() {
        let refused = |rule: &str, message: &str| Passed {
            refusals: vec![(rule.into(), message.into(), "wait".into())],
            ..passed(9)
        };
        let before = refused("per-plan", "3 of 9");
        assert!(before.says_the_same_as(&before));
        assert!(before.says_the_same_as(&refused("per-plan", "4 of 9")));
        assert!(!before.says_the_same_as(&refused("emptying", "3 of 9")));
        assert!(!before.says_the_same_as(&passed(9)), "a refusal that is over");
        let actions = [(Verb::Detach, id(2))].into();
        for later in
            [Passed { observed: 8, ..before.clone() }, Passed { actions, ..before.clone() }]
        {
            assert!(!before.says_the_same_as(&later));
        }
    }
}
