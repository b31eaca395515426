//! Which links a run, or a span of time, took: what an undo gives back.

use super::event::Event;
use crate::model::{InstanceId, RunId, Scope, Verb};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What is to be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// One run.
    Run(RunId),
    /// Everything sent from then on.
    Since(Timestamp),
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(run) => write!(f, "{run}"),
            Self::Since(at) => write!(f, "everything since {at}"),
        }
    }
}

/// Links by scope.
pub type Taken = BTreeMap<Scope, BTreeSet<InstanceId>>;

/// The links that were detached within a span, as far as the answers tell: those whose call was
/// accepted, and those whose call may have been. Whether they are gone now is for a read to say. Links
/// that were gone before the call, or whose call was refused, were not taken by it.
pub fn taken<'a>(
    events: impl IntoIterator<Item = (u64, Timestamp, &'a Event)>,
    span: Span,
) -> Taken {
    let mut open: BTreeMap<u64, (&Scope, &InstanceId)> = BTreeMap::new();
    let mut taken = Taken::new();
    for (seq, at, event) in events {
        match event {
            Event::Intent(intent) if intent.verb == Verb::Detach => {
                let inside = match span {
                    Span::Run(run) => intent.run == Some(run),
                    Span::Since(since) => at >= since,
                };
                if inside {
                    open.insert(seq, (&intent.scope, &intent.instance));
                }
            }
            Event::Answered(answered) => {
                let Some((scope, instance)) = open.remove(&answered.intent) else { continue };
                if answered.leaves_open() {
                    taken.entry(scope.clone()).or_default().insert(instance.clone());
                }
            }
            _ => (),
        }
    }
    // The process died between the two.
    for (scope, instance) in open.into_values() {
        taken.entry(scope.clone()).or_default().insert(instance.clone());
    }
    taken
}

/// Whether the journal knows a run.
pub fn is_known<'a>(events: impl IntoIterator<Item = (u64, &'a Event)>, run: RunId) -> bool {
    events.into_iter().any(|(seq, event)| seq == run.0 && matches!(event, Event::Began(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::event::{Began, Intent};
    use crate::ledger::tests::{answered, intent};
    use crate::plan::tests::{id, moment, scope};
    use std::collections::BTreeSet;

    #[test]
    fn what_was_taken_is_what_was_answered_as_taken_or_not_at_all() {
        let mut events = vec![Event::Began(Began { command: "apply".into(), by: "me".into() })];
        let mut call = |n: usize, run: u64, result: Option<&str>| {
            events.push(Event::Intent(Intent { run: Some(RunId(run)), ..intent(n) }));
            let seq = events.len() as u64;
            if let Some(result) = result {
                events.push(Event::Answered(answered(seq, result, None)));
            }
        };
        call(1, 1, Some("accepted"));
        call(2, 1, Some("ambiguous"));
        call(3, 1, Some("gone"));
        call(4, 1, Some("blocked"));
        call(5, 1, Some("not-sent"));
        call(6, 2, Some("accepted"));
        call(7, 1, Some("throttled"));
        call(7, 1, Some("accepted"));
        call(8, 1, None);
        let attach = Intent { verb: Verb::Attach, run: Some(RunId(1)), ..intent(9) };
        events.push(Event::Intent(attach));
        let at = |n: usize| moment(n as u64).wall;
        let all = || {
            let numbered = events.iter().enumerate();
            numbered.map(|(n, event)| (n as u64 + 1, at(n + 1), event))
        };
        let of = |span| -> BTreeSet<InstanceId> {
            taken(all(), span).remove(&scope()).unwrap_or_default()
        };
        assert_eq!(of(Span::Run(RunId(1))), [id(1), id(2), id(7), id(8)].into());
        assert_eq!(of(Span::Run(RunId(2))), [id(6)].into());
        assert_eq!(of(Span::Run(RunId(3))), [].into());
        assert_eq!(of(Span::Since(at(12))), [id(6), id(7), id(8)].into());
        let known = |run| is_known(all().map(|(seq, _, event)| (seq, event)), RunId(run));
        assert!(known(1) && !known(2), "2 is an intent");
    }
}
