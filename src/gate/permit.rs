//! Leave to make one call now, asked right before it.

use super::{Approved, Bounds};
use crate::clock::Moment;
use crate::desired::{Place, Tree};
use crate::model::{Mode, Verb};
use crate::plan::{Action, Reason};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A clock that is further off decides nothing about dates.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// What is true at this moment.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Now.
    pub now: Moment,
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
}

/// Leave to make one call. Made only by [`permit`]; the journal turns it into a ticket.
#[derive(Debug, PartialEq, Eq)]
pub struct Permit {
    approved: Arc<Approved>,
    action: Action,
}

impl Permit {
    /// The plan it belongs to.
    pub fn approved(&self) -> &Approved {
        &self.approved
    }

    /// The one action it is for.
    pub fn action(&self) -> &Action {
        &self.action
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
    /// The exception ended by a clock that the cloud's own time contradicts.
    Clock(Duration),
    /// The newest accepted revision does not want the link that would be attached.
    Unwanted,
    /// The action is not one of the approved plan.
    Foreign,
}

impl Denial {
    /// Whether asking again in a moment can help; else the action is dropped.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unsettled | Self::Unconfirmed)
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
            Self::Clock(off) => write!(
                f,
                "its exception ended by our clock, which is {} s off; set this host's clock",
                off.as_secs()
            ),
            Self::Unwanted => write!(f, "the newest revision does not list the link any more"),
            Self::Foreign => write!(f, "the action is not part of the approved plan"),
        }
    }
}

/// Asks for leave to carry out `action` of an approved plan now.
///
/// # Errors
/// [`Denial`]: no call may be made.
pub fn permit(
    approved: &Arc<Approved>,
    action: &Action,
    bounds: &Bounds,
    facts: &Facts<'_>,
) -> Result<Permit, Denial> {
    if facts.stopping {
        return Err(Denial::Stopping);
    }
    if !approved.plan.actions().contains(action) {
        return Err(Denial::Foreign);
    }
    if facts.unsettled {
        return Err(Denial::Unsettled);
    }
    newest_revision(approved, action, facts)?;
    if facts.now.since(facts.confirmed_at) > bounds.confirmation_max_age {
        return Err(Denial::Unconfirmed);
    }
    Ok(Permit { approved: Arc::clone(approved), action: action.clone() })
}

/// A link that the newest accepted revision keeps is not cut, whatever the plan says.
fn newest_revision(approved: &Approved, action: &Action, facts: &Facts<'_>) -> Result<(), Denial> {
    let Some(desired) = facts.newest.scopes.get(approved.plan.scope()) else {
        return Err(Denial::Released);
    };
    let allowed = match action.verb {
        Verb::Detach => desired.mode != Mode::Observe,
        Verb::Attach => desired.mode == Mode::Sync,
    };
    if !allowed {
        return Err(Denial::Mode(desired.mode));
    }
    let said = desired.links.get(&action.link.instance);
    let kept = said.filter(|said| said.holds_at(facts.now.wall));
    match (action.verb, kept) {
        (Verb::Detach, Some(said)) => return Err(Denial::Kept(said.place.clone())),
        (Verb::Attach, None) => return Err(Denial::Unwanted),
        _ => (),
    }
    let planned = approved.plan.desired();
    if (&desired.max_detach, desired.allow_empty) != (&planned.max_detach, planned.allow_empty) {
        return Err(Denial::Limits);
    }
    if matches!(action.reason, Reason::Expired { .. }) && facts.clock_off >= CLOCK_TOLERANCE {
        return Err(Denial::Clock(facts.clock_off));
    }
    Ok(())
}
