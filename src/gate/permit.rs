//! Leave to make one call now, asked right before it.

use super::review::withhold;
use super::wrong_place;
use super::{
    Approved, Pin, Purpose, Situation, account_pin, budget, ceiling, newest_revision, pause,
    windows,
};
use crate::clock::Moment;
use crate::desired::{Place, Tree};
use crate::ledger::event::Pause;
use crate::model::{Digest, Mode, Revision, Scope, Verb};
use crate::plan::Action;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What is true of one call at this moment.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// When the read by id began that shows the link as the action expects it.
    pub confirmed_at: Moment,
    /// The newest accepted revision.
    pub newest: &'a Tree,
    /// Whether the manifests changed and are not read yet: nothing may be done on old knowledge.
    pub unsettled: bool,
    /// Whether the process is ending.
    pub stopping: bool,
    /// How far our clock is off, as the cloud's answers tell.
    pub clock_off: Duration,
    /// Whether the ledger counts this very call already.
    pub counted: bool,
    /// Whether the key is another than that whose account was asked for.
    pub rekeyed: bool,
}

/// Leave to make one call. Made only by [`permit`]; the journal turns it into a ticket.
#[derive(Debug, PartialEq, Eq)]
pub struct Permit {
    scope: Scope,
    action: Action,
    plan: Digest,
    revision: Arc<Revision>,
    approver: Option<String>,
}

impl Permit {
    /// Account, region and VPC.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The one action it is for.
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// Digest of the plan it belongs to.
    pub fn plan(&self) -> &Digest {
        &self.plan
    }

    /// The revision that plan was made from.
    pub fn revision(&self) -> &Revision {
        &self.revision
    }

    /// Who released the plan, where a rule held it.
    pub fn approver(&self) -> Option<&str> {
        self.approver.as_deref()
    }
}

/// Why a call may not be made now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// The process is ending: leave the link to the next one.
    Stopping,
    /// The manifests are changing: ask again once they are read.
    Unsettled,
    /// The confirmation is too old: read the link again.
    Unconfirmed,
    /// The newest accepted revision does not declare the scope any more.
    Released,
    /// The newest accepted revision does not allow this verb.
    Mode(Mode),
    /// The newest accepted revision keeps the link.
    Kept(Place),
    /// The newest accepted revision has other limits than the plan was approved with.
    Limits,
    /// The newest accepted revision lost the link together with too many others, and was not in force when
    /// the plan was reviewed.
    Lost,
    /// It depends on a date - the end of an exception, of an approval, a window - and the cloud's own time
    /// contradicts our clock.
    Clock(Duration),
    /// The newest accepted revision does not want the link that would be attached.
    Unwanted,
    /// The action is not one of the approved plan.
    Foreign,
    /// A rule about the link holds its action back; why.
    Withheld(String),
    /// The approval of the plan is void by now.
    Unapproved,
    /// Calls are paused; by what, and until what.
    Paused(String),
    /// It is not the time for changes; which window says so.
    Closed(String),
    /// The credential is not, or not evidently, of the pinned account; why.
    Pin(String),
    /// The configuration does not give the account that place; which.
    Ceiling(String),
    /// The key was exchanged since it was asked whose it is: ask again.
    Rekeyed,
    /// The budget of the account and region is spent.
    Budget,
    /// Too many calls of the scope missed their instance.
    WrongPlace(u64),
}

impl Denial {
    /// Whether asking again in a moment can help; else the action is dropped.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unsettled | Self::Unconfirmed | Self::Rekeyed)
    }

    /// The pause that it calls for: what spent a budget or missed its instances should be looked at by a
    /// person.
    pub fn latch(&self, scope: &Scope) -> Option<Pause> {
        match self {
            Self::Budget => Some(budget::latch(scope)),
            Self::WrongPlace(_) => Some(wrong_place::latch(scope)),
            _ => None,
        }
    }

    /// Whether the newest revision does not ask for the action any more.
    pub fn is_withdrawal(&self) -> bool {
        matches!(self, Self::Released | Self::Mode(_) | Self::Kept(_) | Self::Unwanted)
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopping => write!(f, "the process is ending"),
            Self::Unsettled => write!(f, "the manifests are changing"),
            Self::Unconfirmed => write!(f, "the link was not confirmed recently enough"),
            Self::Released => write!(f, "the newest revision does not declare this VPC any more"),
            Self::Mode(mode) => write!(f, "the newest revision says `mode: {mode}`"),
            Self::Kept(place) => write!(f, "the newest revision keeps the link ({place})"),
            Self::Limits => {
                write!(f, "the newest revision has other limits; the next pass plans by them")
            }
            Self::Lost => write!(
                f,
                "the newest revision lost the link together with many others, which a person has to look at"
            ),
            Self::Clock(off) => write!(
                f,
                "it depends on the date, and our clock is {} s off; set this host's clock",
                off.as_secs()
            ),
            Self::Unwanted => write!(f, "the newest revision does not list the link any more"),
            Self::Foreign => write!(f, "the action is not part of the approved plan"),
            Self::Withheld(why) | Self::Paused(why) | Self::Pin(why) | Self::Ceiling(why) => {
                f.write_str(why)
            }
            Self::Closed(by) => write!(f, "no changes are made now: {by}"),
            Self::Rekeyed => write!(f, "the key was exchanged since it was asked whose it is"),
            Self::Unapproved => write!(f, "the approval of the plan is void by now"),
            Self::Budget => write!(f, "the budget of detaches of this account and region is spent"),
            Self::WrongPlace(missed) => write!(
                f,
                "{missed} calls within the hour met instances that the cloud does not know here"
            ),
        }
    }
}

/// Asks for leave to carry out `action` of an approved plan now. The one place where everything that
/// may have changed since the plan was approved is looked at again.
///
/// # Errors
/// [`Denial`]: no call may be made.
pub fn permit(
    approved: &Approved,
    action: &Action,
    facts: &Facts<'_>,
    situation: &Situation<'_>,
) -> Result<Permit, Denial> {
    if facts.stopping {
        return Err(Denial::Stopping);
    }
    if !approved.actions().any(|of| of == action) {
        return Err(Denial::Foreign);
    }
    if let Some(refusal) = account_pin::check(situation) {
        return Err(Denial::Pin(refusal.message));
    }
    if let Some(refusal) = ceiling::check(approved.plan.scope(), situation) {
        return Err(Denial::Ceiling(refusal.message));
    }
    if facts.rekeyed && *situation.pin != Pin::Absent {
        return Err(Denial::Rekeyed);
    }
    if approved.purpose == Purpose::Reconcile {
        reconciling(approved, action, facts, situation)?;
    }
    if situation.now.since(facts.confirmed_at) > situation.bounds.confirmation_max_age {
        return Err(Denial::Unconfirmed);
    }
    Ok(Permit {
        scope: approved.plan.scope().clone(),
        action: action.clone(),
        plan: approved.plan.digest().clone(),
        revision: Arc::clone(&approved.plan.desired().revision),
        approver: approved.approver.clone(),
    })
}

/// What does not hold up an undo: pauses, budgets, and the manifests that it goes against.
fn reconciling(
    approved: &Approved,
    action: &Action,
    facts: &Facts<'_>,
    situation: &Situation<'_>,
) -> Result<(), Denial> {
    let scope = approved.plan.scope();
    if let Some((why, _)) = pause::paused(scope, situation) {
        return Err(Denial::Paused(why));
    }
    if facts.unsettled {
        return Err(Denial::Unsettled);
    }
    newest_revision::check(approved, action, facts, situation)?;
    let newest = facts.newest.scopes.get(scope);
    if let Some(by) = newest.and_then(|desired| windows::closed_by(desired, situation)) {
        return Err(Denial::Closed(by));
    }
    let is_approved = approved.approver.is_some();
    if is_approved && !situation.ledger.approves(&approved.plan, action, situation.now) {
        return Err(Denial::Unapproved);
    }
    if let Some(refusal) = withhold(&approved.plan, action, is_approved, situation) {
        return Err(Denial::Withheld(refusal.message));
    }
    if let Some(missed) = wrong_place::burst(scope, situation) {
        return Err(Denial::WrongPlace(missed));
    }
    if action.verb == Verb::Detach && !budget::allows(scope, facts.counted, situation) {
        return Err(Denial::Budget);
    }
    Ok(())
}
