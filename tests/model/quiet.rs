//! What happens when nothing goes wrong any more and nobody edits: L1 asks that every state leads to
//! the links that the files keep, and no further call.
//!
//! Stateright says of its own check of "eventually" that it is incomplete, so this is a reachability:
//! each state has one quiet successor, and following it must end. The successor is an ordinary step, so
//! it is itself a state that is checked, and each state costs one look-up.

use super::setup::System;
use super::state::{Flight, Stage, State, Tree};
use super::step::Step;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};

/// Most steps of a quiet run; more is a circle.
const STEPS_MAX: u16 = 200;

/// How far states are from rest, by fingerprint: those that were followed already.
#[derive(Debug, Default)]
pub struct Quiet(Mutex<HashMap<u64, u16>>);

impl System {
    /// Whether the quiet run of a state comes to rest, all links as the files have them.
    pub fn comes_to_rest(&self, state: &State) -> bool {
        let Some(quiet) = &self.quiet else { return true };
        let mut known = quiet.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut way = Vec::new();
        let mut at = *state;
        let rest = loop {
            let key = fingerprint(&at);
            if let Some(distance) = known.get(&key) {
                break *distance;
            }
            way.push(key);
            match self.quiet_step(&at) {
                None if self.is_at_rest(&at) => break 0,
                Some(step) if way.len() <= usize::from(STEPS_MAX) => at = self.after(&at, step),
                _ => return false,
            }
        };
        for (distance, key) in (rest..).zip(way.into_iter().rev()) {
            known.insert(key, distance);
        }
        true
    }

    /// The longest quiet run that was followed.
    pub fn longest_quiet_run(&self) -> u16 {
        let Some(quiet) = &self.quiet else { return 0 };
        let known = quiet.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().copied().max().unwrap_or_default()
    }

    /// As the files have it; and one more pass of each daemon finds nothing to do.
    fn is_at_rest(&self, state: &State) -> bool {
        let links = &state.links[..self.setup.links];
        let kept = links.iter().all(|link| link.kept || !link.linked);
        kept && self.daemons().filter(|daemon| state.daemons[*daemon].up).all(|daemon| {
            let planned = self.after(state, Step::Plan(daemon));
            self.daemons().all(|of| self.links().all(|l| planned.stage(of, l) == Stage::Idle))
        })
    }

    /// What happens next. Hours pass, a person looks at what paused.
    fn quiet_step(&self, state: &State) -> Option<Step> {
        for journal in self.journals() {
            if self.can_roll(state, journal) {
                return Some(Step::Roll(journal));
            }
            if state.journals[journal].paused {
                return Some(Step::Resume(journal));
            }
        }
        self.daemons().find_map(|daemon| self.quiet_step_of(state, daemon))
    }

    fn quiet_step_of(&self, state: &State, daemon: usize) -> Option<Step> {
        let (process, journal) = (&state.daemons[daemon], self.journal(daemon));
        if !process.up {
            return self.can_start(state, daemon).then_some(Step::Start(daemon));
        }
        if process.paused != state.journals[journal].paused {
            return Some(Step::Look(daemon));
        }
        match process.tree {
            Tree::Settled if self.is_unseen(state, daemon) => return Some(Step::Notice(daemon)),
            Tree::Settled => (),
            Tree::Changing | Tree::Neglected => return Some(Step::Accept(daemon)),
        }
        // Who holds a place goes first, so that everybody gets one.
        let busy = |link: &usize| state.stage(daemon, *link).is_busy();
        let active =
            |link: &usize| !matches!(state.stage(daemon, *link), Stage::Idle | Stage::Carried);
        let Some(link) = self.links().find(busy).or_else(|| self.links().find(active)) else {
            let carried = |link: usize| state.stage(daemon, link) == Stage::Carried;
            let wanted = |link: usize| state.links[link].linked && !state.links[link].kept;
            return self.links().any(|l| carried(l) || wanted(l)).then_some(Step::Plan(daemon));
        };
        Some(match state.stage(daemon, link) {
            Stage::Idle | Stage::Carried => return None,
            Stage::Waiting(_) => Step::Confirm(daemon, link),
            Stage::Ready(_) => Step::Permit(daemon, link),
            Stage::Permitted(_) => Step::Intend(daemon, link),
            Stage::Intended { .. } => Step::Send(daemon, link),
            Stage::Calling(Flight::Out) => Step::Land(daemon, link),
            Stage::Calling(_) => Step::Answer(daemon, link),
            Stage::Verifying(_) => Step::Verify(daemon, link),
        })
    }
}

fn fingerprint(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}
