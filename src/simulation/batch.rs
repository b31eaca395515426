//! Many schedules: a range of seeds, or every combination of deeds.

use super::deed::Deed;
use super::trial::{Trial, Verdict};
use super::world::Size;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Which schedules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Those of these seeds, from the first to before the second.
    Seeds(u64, u64),
    /// Every deed alone, so many times over, each at other moments.
    Singles(u64),
    /// Every ordered pair of deeds, so many times over.
    Pairs(u64),
    /// So many ordered triples of deeds, drawn from all of them.
    Triples(u64),
}

impl Which {
    /// How many there are.
    pub fn count(&self) -> u64 {
        let deeds = Deed::ALL.len() as u64;
        match self {
            Self::Seeds(from, to) => to.saturating_sub(*from),
            Self::Singles(times) => deeds.saturating_mul(*times),
            Self::Pairs(times) => deeds.saturating_mul(deeds).saturating_mul(*times),
            Self::Triples(count) => *count,
        }
    }

    /// One of them.
    pub fn get(&self, index: u64) -> Trial {
        let deeds = Deed::ALL.len() as u64;
        let pick = |number: u64| {
            let index = usize::try_from(number % deeds).unwrap_or_default();
            Deed::ALL.get(index).copied()
        };
        // Each meets a daemon that has something to do.
        let of = |chosen: Vec<Option<Deed>>| Trial {
            seed: index,
            deeds: Some(
                chosen.into_iter().flatten().flat_map(|deed| [deed, work(index)]).collect(),
            ),
        };
        match self {
            Self::Seeds(from, _) => Trial::of(from.saturating_add(index)),
            Self::Singles(_) => of(vec![pick(index)]),
            Self::Pairs(_) => of(vec![pick(index / deeds), pick(index)]),
            Self::Triples(_) => {
                // A step that shares no factor with the number of triples meets each of them once.
                let number = index.wrapping_mul(78_901);
                of(vec![pick(number / deeds / deeds), pick(number / deeds), pick(number)])
            }
        }
    }
}

/// Work for what is wrong to meet.
fn work(index: u64) -> Deed {
    match index % 3 {
        0 => Deed::EditMany,
        1 => Deed::HandAttach,
        _ => Deed::Salami,
    }
}

/// What many schedules came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Schedules.
    pub trials: u64,
    /// Time that passed in their worlds.
    pub simulated: Duration,
    /// Calls to the cloud.
    pub calls: u64,
    /// Those that were to change something.
    pub writes: u64,
    /// How often each deed happened.
    pub deeds: BTreeMap<Deed, u64>,
    /// Schedules that broke a rule: at most so many as were asked for, lowest first.
    pub failed: Vec<(Trial, Vec<String>)>,
}

impl Tally {
    fn add(&mut self, trial: Trial, verdict: Verdict) {
        self.trials += 1;
        self.simulated += verdict.simulated;
        self.calls += verdict.findings.calls;
        self.writes += verdict.findings.writes;
        for (_, deed) in &verdict.steps {
            *self.deeds.entry(*deed).or_default() += 1;
        }
        if !verdict.findings.violations.is_empty() {
            self.failed.push((trial, verdict.findings.violations));
        }
    }

    fn join(&mut self, other: Self) {
        self.trials += other.trials;
        self.simulated += other.simulated;
        self.calls += other.calls;
        self.writes += other.writes;
        for (deed, count) in other.deeds {
            *self.deeds.entry(deed).or_default() += count;
        }
        self.failed.extend(other.failed);
    }
}

/// Runs the first of every `step` of them on so many threads, until `enough` says so or so many have
/// failed.
///
/// # Errors
/// A mistake of the simulation itself.
pub fn run(
    which: &Which,
    step: u64,
    size: Size,
    jobs: usize,
    failures: usize,
    enough: impl Fn() -> bool + Sync,
) -> Result<Tally, String> {
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let tally = Mutex::new(Tally::default());
    let work = || -> Result<(), String> {
        let mut own = Tally::default();
        while !stop.load(Ordering::Relaxed) && !enough() {
            let index = next.fetch_add(step.max(1), Ordering::Relaxed);
            if index >= which.count() {
                break;
            }
            let trial = which.get(index);
            // What it holds is dropped with it; a panic is what S10 forbids.
            let one = AssertUnwindSafe(|| trial.run(size, false));
            match std::panic::catch_unwind(one) {
                Ok(verdict) => own.add(trial, verdict?),
                Err(_) => own.failed.push((trial, vec!["S10: a panic".to_owned()])),
            }
            if own.failed.len() >= failures {
                stop.store(true, Ordering::Relaxed);
            }
        }
        tally.lock().unwrap_or_else(PoisonError::into_inner).join(own);
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err("a schedule panicked".to_owned()))
        })
    })?;
    let mut tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    tally.failed.sort_by_key(|(trial, _)| trial.seed);
    tally.failed.truncate(failures);
    Ok(tally)
}
