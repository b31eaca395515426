//! The invariants of `docs/study/reliability.md`, section 3, by their names there.

use super::setup::System;
use super::state::{Flight, Memory, Rule, Stage, State};
use super::step::Step;
use stateright::{Model, Property};
use std::sync::atomic::Ordering;

pub const S1: &str = "S1 no send of a link that the newest accepted revision keeps";
pub const S3: &str = "S3 sent only after a confirmation begun after our last write ended";
pub const S4: &str = "S4 the budget is not overspent";
pub const S5: &str = "S5 an intent is durable before its call";
pub const S7: &str = "S7 one daemon acts by a state folder";
pub const S8: &str = "S8 converged only by a read after the last attempt that does not list it";
pub const S12: &str = "S12 no send while a pause is in force";
pub const S13: &str = "S13 no effect without an intent, and one unresolved intent a link";
pub const L1: &str = "L1 a quiet run converges, and stays";

impl Model for System {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![self.beginning()]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if self.only.is_some() || !state.broken.any() {
            self.possible(state, steps);
        }
    }

    fn next_state(&self, before: &State, step: Step) -> Option<State> {
        let after = self.after(before, step);
        (after != *before).then_some(after)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let all = vec![
            Property::always(S1, |system: &Self, state: &State| {
                system.holds(state.broken.holds(Rule::S1))
            }),
            Property::always(S3, |system: &Self, state: &State| {
                system.holds(state.broken.holds(Rule::S3))
            }),
            Property::always(S4, |system: &Self, state: &State| {
                system.holds(state.journals.iter().all(|of| of.sent <= system.setup.budget))
            }),
            Property::always(S5, |system: &Self, state: &State| {
                system.holds(state.broken.holds(Rule::S5))
            }),
            Property::always(S7, |system: &Self, state: &State| {
                let up = state.daemons.iter().filter(|daemon| daemon.up).count();
                system.holds(!system.setup.shared || up < 2)
            }),
            Property::always(S8, |system: &Self, state: &State| {
                system.holds(state.broken.holds(Rule::S8))
            }),
            Property::always(S12, |system: &Self, state: &State| {
                system.holds(state.broken.holds(Rule::S12))
            }),
            Property::always(S13, |system: &Self, state: &State| {
                system.holds(state.broken.holds(Rule::S13))
            }),
            Property::always(L1, |system: &Self, state: &State| {
                system.holds(system.comes_to_rest(state))
            }),
            // A model in which nothing happens keeps every promise.
            Property::sometimes("a link is cut", |system: &Self, state: &State| {
                let applied = |of: &Memory| of.stage == Stage::Calling(Flight::Applied);
                system.links().any(|link| state.links[link].memory.iter().any(applied))
            }),
        ];
        all.into_iter().filter(|of| self.only.is_none_or(|only| of.name == only)).collect()
    }
}

impl System {
    /// Whether an invariant holds, as far as the checker is to know.
    fn holds(&self, kept: bool) -> bool {
        kept || (self.only.is_some() && self.found.swap(true, Ordering::Relaxed))
    }
}
