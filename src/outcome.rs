//! Answer -> next step of one link. No error code alone ever counts as success: a link is
//! *converged* only when a read begun after the last attempt shows it (`reliability.md` S8).

use crate::cloud::{Accepted, Class, CloudError};
use crate::model::{Verb, VpcId};
use crate::observed::Standing;
use std::fmt;
use std::time::Duration;

/// How long a cloud that accepted a change may take to show it, before the link is left to the next
/// pass (`api-contract.md` 14, question 1).
pub const VISIBLE_WITHIN: Duration = Duration::from_secs(60);

/// How long the reads must keep showing the old state after an ambiguous answer before the call is
/// repeated: a lagging read must not make one detach into two (`reliability.md` A5).
pub const SETTLED_AFTER: Duration = Duration::from_secs(15);

/// The cloud accepted, and does not show it.
const NOT_VISIBLE: &str = "not-visible";
/// The cloud says that there is nothing to do, and shows that there is.
const CONTRADICTION: &str = "contradiction";

/// How a link got to where it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// We detached it, and a read shows it gone.
    Detached,
    /// It was gone already.
    AlreadyGone,
    /// We attached it, and a read shows it.
    Attached,
    /// It was there already.
    AlreadyAttached,
}

/// The result of one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A read begun after the last attempt shows the link as it should be.
    Converged(How),
    /// The cloud refuses this link; a person has to look.
    Blocked(Why),
    /// It cannot succeed, or its tries are used up: the link goes into quarantine.
    Failed(Why),
    /// We cannot know; the next pass observes.
    Unknown(Why),
    /// Called, and no read has shown the result yet: the next pass looks again.
    Settling(String),
    /// No call was made, and the link may be tried again by a later pass.
    Skipped(String),
    /// No call was made: the newest revision does not ask for it any more.
    Withdrawn(String),
    /// The journal could not be written, so no (further) call was made.
    Unjournaled(String),
}

/// Why an action did not converge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// What it means.
    pub class: Class,
    /// The cloud's code.
    pub code: String,
    /// Redacted text.
    pub message: String,
}

impl From<&CloudError> for Why {
    fn from(error: &CloudError) -> Self {
        Self { class: error.class, code: error.code.clone(), message: error.to_string() }
    }
}

impl Why {
    /// Whether the cloud's answer and its reads contradict each other for good.
    pub fn is_disputed(&self) -> bool {
        matches!(self.code.as_str(), NOT_VISIBLE | CONTRADICTION)
    }

    fn ours(class: Class, code: &str, message: &str) -> Self {
        Self { class, code: code.to_owned(), message: message.to_owned() }
    }
}

impl Outcome {
    /// The word in reports, metrics and the journal.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Converged(_) => "converged",
            Self::Blocked(_) => "blocked",
            Self::Failed(_) => "failed",
            Self::Unknown(_) => "unknown",
            Self::Settling(_) => "settling",
            Self::Skipped(_) => "skipped",
            Self::Withdrawn(_) => "withdrawn",
            Self::Unjournaled(_) => "unjournaled",
        }
    }

    /// Whether the link is as it should be.
    pub fn is_converged(&self) -> bool {
        matches!(self, Self::Converged(_))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Converged(How::Detached) => f.write_str("detached, and seen to be gone"),
            Self::Converged(How::AlreadyGone) => f.write_str("was gone already"),
            Self::Converged(How::Attached) => f.write_str("attached, and seen"),
            Self::Converged(How::AlreadyAttached) => f.write_str("was attached already"),
            Self::Blocked(why) => write!(f, "blocked: {}", why.message),
            Self::Failed(why) => write!(f, "failed: {}", why.message),
            Self::Unknown(why) => write!(f, "unknown, left to the next pass: {}", why.message),
            Self::Settling(why) => write!(f, "not settled yet: {why}"),
            Self::Skipped(why) => write!(f, "not attempted: {why}"),
            Self::Withdrawn(why) => write!(f, "not attempted, and not asked for any more: {why}"),
            Self::Unjournaled(why) => write!(f, "not recorded: failed to {why}"),
        }
    }
}

/// What to do after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Read the link until it shows.
    Verify,
    /// Read the link; repeat the call only after [`SETTLED_AFTER`] of the old state.
    Settle,
    /// Certainly not carried out: repeat after a wait, if the retry rules allow.
    Retry,
    /// Over, for this link.
    Done(Outcome),
    /// Over, for every link of the scope.
    StopScope(Outcome),
    /// Over, for every write with this credential.
    StopCredential(Outcome),
}

/// The next step after the cloud answered a call (`api-contract.md` 8.4 and 8.5).
pub fn next(verb: Verb, answer: &Result<Accepted, CloudError>) -> Step {
    let error = match answer {
        Ok(_) => return Step::Verify,
        Err(error) => error,
    };
    let why = Why::from(error);
    match error.class {
        // Nobody documented what an unknown code leaves behind: read before anything else.
        Class::Ambiguous | Class::Unknown => Step::Settle,
        // Seen linked a moment ago: a read has to show that it is gone.
        Class::Gone => match verb {
            Verb::Detach => Step::Verify,
            Verb::Attach => Step::Done(Outcome::Failed(why)),
        },
        Class::Conflict => match verb {
            Verb::Attach => Step::Verify,
            Verb::Detach => Step::Done(Outcome::Blocked(why)),
        },
        Class::Unreachable | Class::Throttled | Class::Waiting => Step::Retry,
        Class::Blocked => Step::Done(Outcome::Blocked(why)),
        Class::Misconfigured => Step::Done(Outcome::Failed(why)),
        Class::Denied | Class::Retired => Step::StopScope(Outcome::Blocked(why)),
        Class::Unauthenticated => Step::StopCredential(Outcome::Blocked(why)),
    }
}

/// What a read by id, begun after the last attempt, says about that attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Over.
    Done(Outcome),
    /// Not shown yet: read again.
    Wait,
    /// Still as before, long enough after an ambiguous answer: the call may be repeated.
    Repeat,
    /// The cloud does not know the instance: list the VPC, to see whether the link is gone with it.
    List,
}

/// What was last tried on a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// Detach or attach.
    pub verb: Verb,
    /// Its VPC.
    pub vpc: VpcId,
    /// The class of the answer; `None` if the cloud accepted.
    pub class: Option<Class>,
    /// Time since the attempt ended.
    pub ago: Duration,
}

/// Judges a read.
pub fn verify(attempted: &Attempted, standing: &Standing) -> Verdict {
    let linked_here = matches!(standing, Standing::Linked(vpc) if *vpc == attempted.vpc);
    let how = match (attempted.verb, attempted.class) {
        (Verb::Detach, Some(Class::Gone)) => How::AlreadyGone,
        (Verb::Detach, _) => How::Detached,
        (Verb::Attach, Some(Class::Conflict)) => How::AlreadyAttached,
        (Verb::Attach, _) => How::Attached,
    };
    match (attempted.verb, standing) {
        (_, Standing::Unknown { .. }) => Verdict::List,
        (Verb::Detach, _) if !linked_here => Verdict::Done(Outcome::Converged(how)),
        (Verb::Attach, _) if linked_here => Verdict::Done(Outcome::Converged(how)),
        (Verb::Attach, Standing::Linked(other)) => Verdict::Done(Outcome::Blocked(Why::ours(
            Class::Conflict,
            "linked-elsewhere",
            &format!("the instance is linked to {other}"),
        ))),
        _ => still_as_before(attempted),
    }
}

/// Judges a complete list of the VPC, asked for after [`Verdict::List`].
pub fn verify_listed(attempted: &Attempted, listed: bool) -> Verdict {
    match (attempted.verb, listed) {
        (Verb::Detach, false) => Verdict::Done(Outcome::Converged(How::AlreadyGone)),
        (Verb::Detach, true) => still_as_before(attempted),
        (Verb::Attach, _) => Verdict::Done(Outcome::Failed(Why::ours(
            Class::Gone,
            "instance-not-found",
            "the cloud does not know the instance in this account and region",
        ))),
    }
}

fn still_as_before(attempted: &Attempted) -> Verdict {
    match attempted.class {
        Some(Class::Ambiguous | Class::Unknown) if attempted.ago >= SETTLED_AFTER => {
            Verdict::Repeat
        }
        _ if attempted.ago < VISIBLE_WITHIN => Verdict::Wait,
        None => Verdict::Done(Outcome::Unknown(Why::ours(
            Class::Ambiguous,
            NOT_VISIBLE,
            "the cloud accepted the call, and 60 s later a read still shows the old state",
        ))),
        Some(class) => Verdict::Done(Outcome::Unknown(Why::ours(
            class,
            CONTRADICTION,
            "the cloud answers that there is nothing to do, and a read still shows the old state",
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(class: Class) -> Result<Accepted, CloudError> {
        Err(CloudError::new(class, "Code", "text"))
    }

    fn vpc() -> VpcId {
        VpcId::parse("vpc-a").unwrap()
    }

    fn tried(verb: Verb, class: Option<Class>, ago: u64) -> Attempted {
        Attempted { verb, vpc: vpc(), class, ago: Duration::from_secs(ago) }
    }

    #[test]
    fn no_answer_at_all_is_a_success() {
        for verb in [Verb::Detach, Verb::Attach] {
            let answers = Class::ALL.into_iter().map(answer).chain([Ok(Accepted::default())]);
            for answer in answers {
                let converged = match next(verb, &answer) {
                    Step::Done(outcome)
                    | Step::StopScope(outcome)
                    | Step::StopCredential(outcome) => outcome.is_converged(),
                    _ => false,
                };
                assert!(!converged, "{verb} {answer:?}");
            }
        }
    }

    #[test]
    fn only_what_was_certainly_not_carried_out_is_repeated_unread() {
        let repeated: Vec<_> = Class::ALL
            .into_iter()
            .filter(|class| next(Verb::Detach, &answer(*class)) == Step::Retry)
            .collect();
        assert_eq!(repeated, [Class::Unreachable, Class::Throttled, Class::Waiting]);
        assert_eq!(next(Verb::Detach, &answer(Class::Ambiguous)), Step::Settle);
        assert_eq!(next(Verb::Detach, &answer(Class::Gone)), Step::Verify);
    }

    #[test]
    fn permission_stops_the_scope_and_a_bad_key_stops_the_credential() {
        assert!(matches!(next(Verb::Detach, &answer(Class::Denied)), Step::StopScope(_)));
        assert!(matches!(next(Verb::Detach, &answer(Class::Retired)), Step::StopScope(_)));
        assert!(matches!(
            next(Verb::Detach, &answer(Class::Unauthenticated)),
            Step::StopCredential(_)
        ));
    }

    #[test]
    fn a_read_that_does_not_list_the_link_converges_it() {
        let gone = Verdict::Done(Outcome::Converged(How::Detached));
        assert_eq!(verify(&tried(Verb::Detach, None, 0), &Standing::Unlinked), gone);
        let other = Standing::Linked(VpcId::parse("vpc-b").unwrap());
        assert_eq!(verify(&tried(Verb::Detach, None, 0), &other), gone);
        let already = Verdict::Done(Outcome::Converged(How::AlreadyGone));
        assert_eq!(
            verify(&tried(Verb::Detach, Some(Class::Gone), 0), &Standing::Unlinked),
            already
        );
    }

    #[test]
    fn an_accepted_detach_is_waited_for_and_then_left_to_the_next_pass() {
        let here = Standing::Linked(vpc());
        assert_eq!(verify(&tried(Verb::Detach, None, 59), &here), Verdict::Wait);
        let late = verify(&tried(Verb::Detach, None, 60), &here);
        assert!(matches!(late, Verdict::Done(Outcome::Unknown(_))), "{late:?}");
    }

    #[test]
    fn an_ambiguous_detach_is_repeated_only_after_the_settling_time() {
        let here = Standing::Linked(vpc());
        let lost = Some(Class::Ambiguous);
        assert_eq!(verify(&tried(Verb::Detach, lost, 14), &here), Verdict::Wait);
        assert_eq!(verify(&tried(Verb::Detach, lost, 15), &here), Verdict::Repeat);
    }

    #[test]
    fn gone_by_code_and_listed_by_a_read_is_a_contradiction_and_not_a_success() {
        let verdict = verify(&tried(Verb::Detach, Some(Class::Gone), 61), &Standing::Linked(vpc()));
        assert!(matches!(verdict, Verdict::Done(Outcome::Unknown(_))), "{verdict:?}");
    }

    #[test]
    fn only_an_answer_that_the_reads_deny_for_good_is_disputed() {
        let here = Standing::Linked(vpc());
        let why = |class| match verify(&tried(Verb::Detach, class, 61), &here) {
            Verdict::Done(Outcome::Unknown(why)) => why,
            other => panic!("{other:?}"),
        };
        assert!(why(None).is_disputed(), "accepted, and still there");
        assert!(why(Some(Class::Gone)).is_disputed(), "gone, and still there");
        assert!(!Why::from(&answer(Class::Blocked).unwrap_err()).is_disputed());
    }

    #[test]
    fn nothing_but_what_a_read_shows_counts_as_converged() {
        let why = Why::from(&answer(Class::Blocked).unwrap_err());
        assert!(Outcome::Converged(How::AlreadyGone).is_converged());
        for outcome in [
            Outcome::Blocked(why.clone()),
            Outcome::Failed(why.clone()),
            Outcome::Unknown(why),
            Outcome::Settling("x".into()),
        ] {
            assert!(!outcome.is_converged(), "{outcome}");
        }
    }

    #[test]
    fn an_instance_the_cloud_does_not_know_is_settled_by_listing_the_vpc() {
        let unknown = Standing::Unknown { code: "InvalidInstanceId.NotFound".into() };
        let tried_detach = tried(Verb::Detach, Some(Class::Gone), 0);
        assert_eq!(verify(&tried_detach, &unknown), Verdict::List);
        assert!(matches!(
            verify_listed(&tried_detach, false),
            Verdict::Done(Outcome::Converged(_))
        ));
        assert_eq!(verify_listed(&tried_detach, true), Verdict::Wait);
        let attach = verify_listed(&tried(Verb::Attach, None, 0), false);
        assert!(matches!(attach, Verdict::Done(Outcome::Failed(_))));
    }

    #[test]
    fn an_attach_converges_when_it_is_seen_and_blocks_when_linked_elsewhere() {
        let seen = verify(&tried(Verb::Attach, None, 0), &Standing::Linked(vpc()));
        assert_eq!(seen, Verdict::Done(Outcome::Converged(How::Attached)));
        assert_eq!(verify(&tried(Verb::Attach, None, 0), &Standing::Unlinked), Verdict::Wait);
        let other = Standing::Linked(VpcId::parse("vpc-b").unwrap());
        let blocked = verify(&tried(Verb::Attach, Some(Class::Conflict), 0), &other);
        assert!(matches!(blocked, Verdict::Done(Outcome::Blocked(_))));
    }
}
