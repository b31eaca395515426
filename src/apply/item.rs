//! One link on its way: which stage it is in, and what moves it to the next.

use super::Applied;
use super::call::Call;
use super::unsettled::Carried;
use crate::clock::Moment;
use crate::cloud::{Class, CloudError};
use crate::forecast::FIRST_LOOK;
use crate::gate::Denial;
use crate::model::{InstanceId, Scope, Verb};
use crate::observed::{Listed, Standing};
use crate::outcome::{self, Attempted, How, Outcome, Step, VISIBLE_WITHIN, Verdict, Why};
use crate::plan::Action;
use std::collections::BTreeMap;
use std::time::Duration;

/// Later ones; ECS asks to be polled every one to two seconds at most (`api-contract.md` 6.1).
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A permit that was denied for a passing reason is asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// A link whose slot is far off is confirmed so long before it.
const CONFIRM_BEFORE: Duration = Duration::from_secs(5);
/// Denials for passing reasons in a row before the link is left to the next pass: 15 s.
const DENIALS_MAX: u32 = 150;
/// How often a way to the cloud that is not ready is asked again; each time it takes its 10 s itself.
const UNREADY_MAX: u32 = 6;

/// Where a link is on its way. Moments are on the monotonic clock.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stage {
    /// To be confirmed by id, from `due` on.
    Waiting { due: Duration },
    /// Confirmed: may be called.
    Ready { confirmed_at: Moment },
    /// A call is being prepared or under way.
    Calling,
    /// Called: to be read by id, from `due` on.
    Verifying { due: Duration },
    /// Over.
    Done(Outcome),
}

/// What a verification saw.
pub(super) struct Seen {
    pub standings: BTreeMap<InstanceId, Standing>,
    /// Asked for only when an id is unknown: is the link gone with its instance?
    pub listed: Option<Listed>,
}

/// How far the meaning of an answer reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spread {
    /// This link.
    Link,
    /// Every link of this pass; why.
    Pass(String),
    /// Every link of the scope, for a while; why.
    Scope(String),
    /// Every write with the credential; why.
    Credential(String),
}

#[derive(Debug)]
pub(super) struct Item {
    pub action: Action,
    pub stage: Stage,
    pub attempts: u32,
    /// The last answer, if it was an error.
    pub failure: Option<CloudError>,
    /// When the last attempt ended.
    ended: Option<Moment>,
    denials: u32,
    /// When a call that was left to the next pass may be repeated.
    repeat: Option<Duration>,
    /// Whether its final word is, or is on the way to be, in the journal.
    pub recorded: bool,
}

impl Item {
    pub fn new(action: Action) -> Self {
        Self {
            action,
            stage: Stage::Waiting { due: Duration::ZERO },
            attempts: 0,
            failure: None,
            ended: None,
            denials: 0,
            repeat: None,
            recorded: false,
        }
    }

    /// Takes up a call of an earlier pass: it is read before anything else.
    pub fn resumed(action: Action, carried: Carried) -> Self {
        let Carried { attempts, failure, ended, repeat } = carried;
        let stage = match repeat {
            Some(due) => Stage::Waiting { due },
            None => Stage::Verifying { due: Duration::ZERO },
        };
        Self { attempts, failure, ended: Some(ended), stage, ..Self::new(action) }
    }

    /// Leaves a link that only waits to the next pass.
    pub fn leave(&mut self) {
        self.repeat = match self.stage {
            Stage::Waiting { due } => Some(due),
            Stage::Verifying { .. } => None,
            _ => return,
        };
        self.stage = Stage::Done(match (&self.failure, self.attempts) {
            (_, 0) => self.unattempted("left to the next pass"),
            (Some(error), _) => Outcome::Settling(error.to_string()),
            (None, _) => Outcome::Settling(
                "the cloud accepted the call, and does not show its result yet".to_owned(),
            ),
        });
    }

    /// What the next pass has to know of a call that is not settled, however the pass ended.
    pub fn carried(&self) -> Option<Carried> {
        let Stage::Done(Outcome::Settling(_)) = self.stage else { return None };
        let (attempts, failure, repeat) = (self.attempts, self.failure.clone(), self.repeat);
        Some(Carried { attempts, failure, ended: self.ended?, repeat })
    }

    /// How it ended, so far.
    pub fn applied(&self) -> Applied {
        let outcome = match &self.stage {
            Stage::Done(outcome) => outcome.clone(),
            _ => Outcome::Settling("the pass ended before the link was settled".to_owned()),
        };
        Applied { action: self.action.clone(), outcome, attempts: self.attempts }
    }

    /// The end of a link that gets no (further) call: skipped if it never had one.
    pub fn unattempted(&self, why: &str) -> Outcome {
        match &self.failure {
            // Without a final word in the journal, the next process settles it by reading.
            Some(error) if matches!(error.class, Class::Ambiguous | Class::Unknown) => {
                Outcome::Settling(format!("{error}; not tried again: {why}"))
            }
            Some(error) => Outcome::Unknown(Why {
                message: format!("{error}; not tried again: {why}"),
                ..Why::from(error)
            }),
            None => Outcome::Skipped(why.to_owned()),
        }
    }

    /// A read by id says whether the link still is as the action expects it.
    pub fn confirmed(
        &mut self,
        answer: &Result<(BTreeMap<InstanceId, Standing>, Moment), CloudError>,
        scope: &Scope,
    ) {
        self.stage = match answer {
            Err(error) => {
                Stage::Done(self.unattempted(&format!("it could not be confirmed: {error}")))
            }
            Ok((standings, began)) => match standings.get(&self.action.link.instance) {
                Some(standing) => self.judge_confirmation(standing, *began, scope),
                None => Stage::Done(self.unattempted("it was not read by id")),
            },
        };
    }

    fn judge_confirmation(&self, standing: &Standing, began: Moment, scope: &Scope) -> Stage {
        let here = matches!(standing, Standing::Linked(vpc) if *vpc == scope.vpc);
        let ready = Stage::Ready { confirmed_at: began };
        match (self.action.verb, standing) {
            (_, Standing::Unknown { code }) => Stage::Done(
                self.unattempted(&format!("the cloud does not know the instance ({code})")),
            ),
            (Verb::Detach, _) if here => ready,
            (Verb::Detach, _) => {
                let ours = self.attempts > 0;
                let how = if ours { How::Detached } else { How::AlreadyGone };
                Stage::Done(Outcome::Converged(how))
            }
            (Verb::Attach, Standing::Unlinked) => ready,
            (Verb::Attach, _) if here => Stage::Done(Outcome::Converged(How::AlreadyAttached)),
            (Verb::Attach, Standing::Linked(other)) => {
                Stage::Done(self.unattempted(&format!("the instance is linked to {other}")))
            }
        }
    }

    /// A call came back, or was not allowed.
    pub fn called(
        &mut self,
        call: Call,
        now: Moment,
        retry: impl Fn(u32, &CloudError) -> Option<Duration>,
    ) -> Spread {
        match call {
            Call::Denied(denial) => {
                self.denied(&denial, now);
                Spread::Link
            }
            Call::Busy => {
                self.stage = Stage::Waiting { due: now.monotonic + LOOK_AGAIN };
                Spread::Link
            }
            Call::Later(wait) => {
                let wait = wait.saturating_sub(CONFIRM_BEFORE).max(ASK_AGAIN);
                self.stage = Stage::Waiting { due: now.monotonic + wait };
                Spread::Link
            }
            Call::NotReady(error) => {
                self.denials += 1;
                self.stage = if self.denials > UNREADY_MAX {
                    Stage::Done(self.unattempted(&error.to_string()))
                } else {
                    Stage::Waiting { due: now.monotonic + ASK_AGAIN }
                };
                Spread::Link
            }
            Call::Unjournaled(error) => {
                let why = error.to_string();
                self.stage = Stage::Done(Outcome::Unjournaled(why.clone()));
                Spread::Pass(why)
            }
            Call::Answered { answer, journaled } => {
                self.attempts += 1;
                self.denials = 0;
                self.ended = Some(now);
                let step = outcome::next(self.action.verb, &answer);
                self.failure = answer.err();
                let spread = self.step(step, now, retry);
                match journaled {
                    Ok(()) => spread,
                    Err(error) => Spread::Pass(error.to_string()),
                }
            }
        }
    }

    fn denied(&mut self, denial: &Denial, now: Moment) {
        self.denials += 1;
        // A call that was made and may have had an effect is not withdrawn by a later edit.
        self.stage = if denial.is_withdrawal() && self.attempts == 0 {
            Stage::Done(Outcome::Withdrawn(denial.to_string()))
        } else if !denial.is_passing() || self.denials > DENIALS_MAX {
            Stage::Done(self.unattempted(&denial.to_string()))
        } else {
            let wait = if *denial == Denial::Unconfirmed { Duration::ZERO } else { ASK_AGAIN };
            Stage::Waiting { due: now.monotonic + wait }
        };
    }

    fn step(
        &mut self,
        step: Step,
        now: Moment,
        retry: impl Fn(u32, &CloudError) -> Option<Duration>,
    ) -> Spread {
        match step {
            Step::Verify | Step::Settle => {
                self.stage = Stage::Verifying { due: now.monotonic + FIRST_LOOK };
                Spread::Link
            }
            Step::Retry => {
                self.repeat(now, retry);
                Spread::Link
            }
            Step::Done(outcome) => {
                self.stage = Stage::Done(outcome);
                Spread::Link
            }
            Step::StopScope(outcome) => {
                let why = outcome.to_string();
                self.stage = Stage::Done(outcome);
                Spread::Scope(why)
            }
            Step::StopCredential(outcome) => {
                let why = outcome.to_string();
                self.stage = Stage::Done(outcome);
                Spread::Credential(why)
            }
        }
    }

    fn repeat(&mut self, now: Moment, retry: impl Fn(u32, &CloudError) -> Option<Duration>) {
        let Some(error) = &self.failure else {
            self.stage = Stage::Waiting { due: now.monotonic };
            return;
        };
        // The process that called is dead, and reads have shown the old state for long enough: this is no
        // storm, and a hundred such links must not spend the budget of retries.
        if error.code == CloudError::LOST {
            self.stage = Stage::Waiting { due: now.monotonic };
            return;
        }
        self.stage = match retry(self.attempts, error) {
            Some(wait) => Stage::Waiting { due: now.monotonic + wait },
            None => {
                let message = format!("{error}; {} calls were made", self.attempts);
                let why = Why { message, ..Why::from(error) };
                Stage::Done(match error.class {
                    Class::Unknown => Outcome::Blocked(why),
                    Class::Ambiguous => Outcome::Unknown(why),
                    _ => Outcome::Failed(why),
                })
            }
        };
    }

    /// A read by id, begun after the last attempt, came back.
    pub fn verified(
        &mut self,
        answer: &Result<Seen, CloudError>,
        now: Moment,
        stopping: bool,
        retry: impl Fn(u32, &CloudError) -> Option<Duration>,
    ) {
        let attempted = Attempted {
            verb: self.action.verb,
            vpc: self.action.link.vpc.clone(),
            class: self.failure.as_ref().map(|error| error.class),
            ago: self.ended.map_or(Duration::ZERO, |ended| now.since(ended)),
        };
        let verdict = match answer {
            Ok(seen) => self.verdict(seen, &attempted),
            Err(_) if attempted.ago < VISIBLE_WITHIN => Verdict::Wait,
            Err(error) => Verdict::Done(Outcome::Unknown(Why {
                message: format!("it could not be verified: {error}"),
                ..Why::from(error)
            })),
        };
        match verdict {
            Verdict::Done(outcome) => self.stage = Stage::Done(outcome),
            _ if stopping => {
                let why = "the process ended before a read showed the result";
                self.stage = Stage::Done(Outcome::Settling(why.to_owned()));
            }
            Verdict::Repeat => self.repeat(now, retry),
            Verdict::Wait | Verdict::List => {
                self.stage = Stage::Verifying { due: now.monotonic + LOOK_AGAIN };
            }
        }
    }

    fn verdict(&self, seen: &Seen, attempted: &Attempted) -> Verdict {
        let instance = &self.action.link.instance;
        let Some(standing) = seen.standings.get(instance) else { return Verdict::Wait };
        match (outcome::verify(attempted, standing), &seen.listed) {
            (Verdict::List, Some(listed)) => {
                outcome::verify_listed(attempted, listed.contains(instance))
            }
            (verdict, _) => verdict,
        }
    }
}
