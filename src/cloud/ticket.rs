//! The right to make one mutating call.

use crate::model::{Link, Scope, Verb};

/// Number of an intent in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntentId(pub u64);

/// A durably written intent. Only the journal issues one (the architecture test sees to it), only
/// for a permit of the gate, and a mutating call takes nothing else.
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket {
    intent: IntentId,
    verb: Verb,
    scope: Scope,
    link: Link,
}

impl Ticket {
    /// For the journal alone, after the intent is durable.
    pub(crate) fn issue(intent: IntentId, verb: Verb, scope: Scope, link: Link) -> Self {
        Self { intent, verb, scope, link }
    }

    /// Which intent it stands for.
    pub fn intent(&self) -> IntentId {
        self.intent
    }

    /// Detach or attach.
    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// Account, region and VPC.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The one link it is for.
    pub fn link(&self) -> &Link {
        &self.link
    }
}
