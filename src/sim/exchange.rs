//! One call from its arrival to its answer: faults of the way, throttling, permissions, the
//! operation, and the log.
//!
//! Authentication stands before this, in `http`; the seams have none but ask for the key's state.

use super::problem::{Action, Problem, Refusal};
use super::semantics::{Answer, Operation};
use super::state::{Call, Params, State};
use super::switches::{Chance, Names, Switches};
use crate::clock::Moment;
use crate::model::AccountId;
use std::time::Duration;

/// What comes back on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A success.
    Answer(Answer),
    /// An error of the cloud.
    Refused(Refusal),
    /// A proxy's page with that status.
    Html(u16),
    /// Nothing: the connection breaks. The call may have been carried out.
    Lost,
    /// Nothing could be sent.
    Unreachable,
}

/// A reply, and when it arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Which the caller may quote.
    pub request_id: String,
    /// How long after the request.
    pub delay: Duration,
    /// What.
    pub reply: Reply,
}

/// What the dice said about one call, all drawn at once so that one switch does not move the draws
/// of another within a call.
struct Fate {
    unreachable: bool,
    reset: bool,
    html: bool,
    error_before: bool,
    error_after: bool,
    lost: bool,
}

/// How a call ended, for the log.
struct Ending {
    code: String,
    answered: bool,
    changed: bool,
    reply: Reply,
}

impl Ending {
    fn refused(refusal: Refusal) -> Self {
        Self {
            code: refusal.code.clone(),
            answered: true,
            changed: false,
            reply: Reply::Refused(refusal),
        }
    }

    fn broken(code: &str, reply: Reply) -> Self {
        Self { code: code.to_owned(), answered: false, changed: false, reply }
    }
}

impl State {
    /// Answers one call of the account.
    pub fn exchange(
        &mut self,
        now: Moment,
        account: &AccountId,
        action: &str,
        params: &Params,
    ) -> Verdict {
        self.catch_up(now);
        let request_id = self.request_id();
        let delay = self.delay(account, action);
        let fate = self.fate(account, action);
        let ending = match self.on_the_way(&fate, params) {
            Some(ending) => ending,
            None => self.inside(now, account, action, params, &fate),
        };
        self.record(now, account.as_str(), action, params, &ending, &request_id);
        Verdict { request_id, delay, reply: ending.reply }
    }

    /// Refuses before the call is anybody's, and writes that down.
    pub fn turn_away(
        &mut self,
        now: Moment,
        action: &str,
        params: &Params,
        refusal: Refusal,
    ) -> Verdict {
        self.catch_up(now);
        let request_id = self.request_id();
        let ending = Ending::refused(refusal);
        self.record(now, "", action, params, &ending, &request_id);
        Verdict { request_id, delay: Duration::ZERO, reply: ending.reply }
    }

    fn delay(&mut self, account: &AccountId, action: &str) -> Duration {
        let delay = self.switches.latency.draw(&mut self.rng);
        let slow = self.happens(account, action, |switches| &mut switches.slow);
        if slow { delay.saturating_add(self.switches.slow_by) } else { delay }
    }

    fn happens(
        &mut self,
        account: &AccountId,
        action: &str,
        chance: fn(&mut Switches) -> &mut Chance,
    ) -> bool {
        let Switches { only_actions, only_accounts, .. } = &self.switches;
        let among = |only: &Names, name: &str| only.0.is_empty() || only.contains(name);
        let eligible = among(only_actions, action) && among(only_accounts, account.as_str());
        eligible && chance(&mut self.switches).draw(&mut self.rng)
    }

    fn fate(&mut self, account: &AccountId, action: &str) -> Fate {
        let mut happens = |chance| self.happens(account, action, chance);
        Fate {
            unreachable: happens(|s| &mut s.unreachable),
            reset: happens(|s| &mut s.reset),
            html: happens(|s| &mut s.html),
            error_before: happens(|s| &mut s.error_before),
            error_after: happens(|s| &mut s.error_after),
            lost: happens(|s| &mut s.lost),
        }
    }

    /// What stops the call before anything is carried out.
    fn on_the_way(&self, fate: &Fate, params: &Params) -> Option<Ending> {
        let switches = &self.switches;
        let region = params.get("RegionId").map_or("", String::as_str);
        if fate.unreachable {
            return Some(Ending::broken("unreachable", Reply::Unreachable));
        }
        if fate.reset {
            return Some(Ending::broken("reset", Reply::Lost));
        }
        if fate.html {
            return Some(Ending::broken("html", Reply::Html(switches.html_status)));
        }
        if fate.error_before {
            return Some(Ending::refused(Refusal::with_code(&switches.error_code)));
        }
        if switches.regions_down.contains(region) {
            return Some(Ending::refused(Refusal::of(Problem::RegionDown)));
        }
        None
    }

    fn inside(
        &mut self,
        now: Moment,
        account: &AccountId,
        action: &str,
        params: &Params,
        fate: &Fate,
    ) -> Ending {
        let operation = match self.admit(now, account, action, params) {
            Ok(operation) => operation,
            Err(refusal) => return Ending::refused(refusal),
        };
        let outcome =
            Operation { state: self, now, account, action: operation, params }.carry_out();
        let mut ending = match outcome {
            Ok((answer, changed)) => Ending {
                code: "OK".to_owned(),
                answered: true,
                changed,
                reply: Reply::Answer(answer),
            },
            Err(refusal) => Ending::refused(refusal),
        };
        if fate.lost {
            ending.answered = false;
            ending.reply = Reply::Lost;
        } else if fate.error_after {
            ending.answered = false;
            ending.reply = Reply::Refused(Refusal::with_code(&self.switches.error_code));
        }
        ending
    }

    /// The checks between authentication and the operation (`api-contract.md` 11): throttle, RAM.
    fn admit(
        &mut self,
        now: Moment,
        account: &AccountId,
        action: &str,
        params: &Params,
    ) -> Result<Action, Refusal> {
        let known = Action::parse(action);
        let operation = known.filter(|_| !self.switches.retired_actions.contains(action));
        let operation = operation.ok_or_else(|| Refusal::of(Problem::ActionUnknown))?;
        let region = params.get("RegionId").map_or("", String::as_str);
        let counted = (account.as_str(), region, action);
        let wall = self.server_time(now);
        let counting = self.throttle.count(wall, now.monotonic, counted, &self.switches);
        if let Err(wait) = counting {
            let mut refusal = Refusal::with_code(&self.switches.throttle_code);
            refusal.status = self.switches.throttle_status;
            refusal.message = "Request was denied due to request throttling.".to_owned();
            refusal.wait = Some(wait);
            return Err(refusal);
        }
        if self.switches.deny_actions.contains(action) {
            let code = self.switches.deny_code;
            return Err(Refusal::denied(code, action, account.as_str()));
        }
        Ok(operation)
    }

    fn record(
        &mut self,
        now: Moment,
        account: &str,
        action: &str,
        params: &Params,
        ending: &Ending,
        request_id: &str,
    ) {
        // The token is somebody's proof of who he is, and anybody can read the log.
        let params = params.iter().filter(|(name, _)| name.as_ref() != "OIDCToken");
        self.log.push(|| Call {
            number: 0,
            at: now.wall,
            monotonic: now.monotonic,
            account: account.to_owned(),
            action: action.to_owned(),
            params: params.map(|(name, value)| (name.clone(), value.clone())).collect(),
            code: ending.code.clone(),
            answered: ending.answered,
            changed: ending.changed,
            request_id: request_id.to_owned(),
        });
    }
}
