//! How plans of one account and region go, side by side: every detach of a plan, then its attaches, each
//! when its windows are open, the budget has room and the rate allows.

use super::pace::Pace;
use super::reads::{FIRST_LOOK, Reads};
use super::sends::Sends;
use super::{Ask, Terms, Wait};
use crate::model::Verb;
use crate::window::{HORIZON, State, Windows, state_of_all};
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How one plan goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Course {
    pub begins: Option<Timestamp>,
    pub waits_for: Option<Wait>,
    pub interrupted_by: Option<Wait>,
    pub done: Option<Timestamp>,
    pub confirm: u64,
    pub verify: u64,
}

impl Course {
    /// In the order of `asks`.
    pub fn of(terms: &Terms, asks: &[&Ask]) -> Vec<Self> {
        let now = rounded(terms.now, RoundMode::Floor);
        let mut lane = Lane { terms, now, sends: Sends::of(terms) };
        let mut courses: Vec<Self> = asks.iter().map(|ask| lane.begin(ask)).collect();
        let mut reached: Vec<Option<Timestamp>> = courses.iter().map(|of| of.begins).collect();
        for verb in [Verb::Detach, Verb::Attach] {
            lane.carry_out(verb, asks, &mut courses, &mut reached);
        }
        for (course, reached) in courses.iter_mut().zip(reached) {
            course.done = reached.map(|at| rounded(at, RoundMode::Ceil));
        }
        courses
    }
}

fn rounded(at: Timestamp, mode: RoundMode) -> Timestamp {
    at.round(TimestampRound::new().smallest(Unit::Second).mode(mode)).unwrap_or(at)
}

struct Lane<'a> {
    terms: &'a Terms,
    now: Timestamp,
    sends: Sends,
}

/// One verb of one plan.
struct Leg<'a> {
    plan: usize,
    windows: &'a [Windows],
    left: usize,
    /// When its links are confirmed.
    ready: Duration,
    closes: Option<Timestamp>,
    reads: Reads,
    ended: Duration,
    interrupted_by: Option<Wait>,
}

enum Step {
    Called,
    /// Not before its `ready`.
    Later,
    Never,
}

impl Lane<'_> {
    /// When the gate lets a plan through: its windows are open, and all of it fits into the budget.
    fn begin(&self, ask: &Ask) -> Course {
        let room = if ask.detach > 0 { self.sends.room(ask.detach) } else { Some(self.now) };
        let Some(room) = room else {
            return Course { waits_for: Some(Wait::Budget), ..Course::default() };
        };
        let from = rounded(room, RoundMode::Ceil).max(self.now);
        let opens = open_from(&ask.windows, from).map(|(opens, _)| opens);
        let waits_for = if opens != Some(from) {
            Some(Wait::Windows)
        } else {
            (from > self.now).then_some(Wait::Budget)
        };
        Course { begins: opens, waits_for, ..Course::default() }
    }

    /// Takes plans from where they are to where all calls of `verb` are verified.
    fn carry_out(
        &mut self,
        verb: Verb,
        asks: &[&Ask],
        courses: &mut [Course],
        reached: &mut [Option<Timestamp>],
    ) {
        let Terms { writes, concurrency, latency, .. } = *self.terms;
        let mut pace = Pace::beside_reads(writes, concurrency, latency);
        let mut later = BTreeMap::new();
        for (plan, (ask, from)) in asks.iter().zip(reached.iter_mut()).enumerate() {
            let left = if verb == Verb::Detach { ask.detach } else { ask.attach };
            let (Some(at), true) = (*from, left > 0) else { continue };
            // Until its leg is at the end, it is nowhere.
            *from = None;
            let mut leg = self.leg(plan, &ask.windows, left);
            match self.reopen(&mut leg, at) {
                Step::Never => courses.iter_mut().skip(plan).take(1).for_each(|of| of.took(&leg)),
                _ => drop(later.insert((leg.ready, plan), leg)),
            }
        }
        let mut active = VecDeque::new();
        loop {
            let until = match (active.is_empty(), later.first_key_value()) {
                (true, Some(((ready, _), _))) => pace.free().max(*ready),
                _ => pace.free(),
            };
            while let Some(first) = later.first_entry().filter(|of| of.key().0 <= until) {
                active.push_back(first.remove());
            }
            let Some(mut leg) = active.pop_front() else { break };
            match self.step(verb, &mut pace, &mut leg, active.len()) {
                Step::Called if leg.left > 0 => active.push_back(leg),
                Step::Later => drop(later.insert((leg.ready, leg.plan), leg)),
                Step::Called | Step::Never => {
                    if let Some(course) = courses.get_mut(leg.plan) {
                        course.took(&leg);
                    }
                    if let (0, Some(reached)) = (leg.left, reached.get_mut(leg.plan)) {
                        let tail = FIRST_LOOK.max(self.reads_apart()) + latency;
                        *reached = Some(self.at(leg.ended + tail));
                    }
                }
            }
        }
    }

    fn leg<'a>(&self, plan: usize, windows: &'a [Windows], left: usize) -> Leg<'a> {
        Leg {
            plan,
            windows,
            left,
            ready: Duration::ZERO,
            closes: None,
            reads: Reads::of(left, self.terms.concurrency, self.reads_apart()),
            ended: Duration::ZERO,
            interrupted_by: None,
        }
    }

    /// Begins, or goes on, as soon as windows are open from `at` on and links are confirmed.
    fn reopen(&self, leg: &mut Leg<'_>, at: Timestamp) -> Step {
        let Some((opens, closes)) = open_from(leg.windows, at) else {
            leg.interrupted_by = Some(Wait::Windows);
            return Step::Never;
        };
        if opens > at {
            leg.interrupted_by = leg.interrupted_by.or(Some(Wait::Windows));
        }
        leg.closes = closes;
        // What was read before, to plan, counts against the rate of reads.
        leg.ready = self.since(opens) + self.reads_apart();
        let horizon = Duration::try_from(HORIZON).unwrap_or_default();
        if leg.ready > horizon { Step::Never } else { Step::Later }
    }

    /// One call of a leg, with so many others beside it.
    fn step(&mut self, verb: Verb, pace: &mut Pace, leg: &mut Leg<'_>, others: usize) -> Step {
        let rate = pace.rate();
        let (entered, begins) = pace.call(leg.ready);
        let at = self.at(begins);
        if leg.closes.is_some_and(|closes| closes <= at) {
            return self.reopen(leg, at);
        }
        if verb == Verb::Detach {
            match self.sends.room(1) {
                Some(room) if room <= at => self.sends.sent(at),
                Some(room) => {
                    leg.interrupted_by = leg.interrupted_by.or(Some(Wait::Budget));
                    return self.reopen(leg, room);
                }
                None => return Step::Never,
            }
        }
        // Each of the others has about as many calls waiting as this one.
        let behind = others * leg.left.min(self.terms.concurrency);
        leg.left -= 1;
        leg.ended = begins + self.terms.latency;
        leg.reads.called(entered, rate, leg.ended, behind);
        Step::Called
    }

    /// At the starting rate: that it rises matters little where a verb's reads come one at a time.
    fn reads_apart(&self) -> Duration {
        let rate = self.terms.reads.start.max(1.0);
        self.terms.latency.max(Duration::from_secs_f64(1.0 / rate))
    }

    fn at(&self, since: Duration) -> Timestamp {
        let ahead = SignedDuration::try_from(since).unwrap_or(SignedDuration::MAX);
        self.now.checked_add(ahead).unwrap_or(Timestamp::MAX)
    }

    fn since(&self, at: Timestamp) -> Duration {
        Duration::try_from(at.duration_since(self.now)).unwrap_or_default()
    }
}

impl Course {
    fn took(&mut self, leg: &Leg<'_>) {
        self.confirm += leg.reads.confirm;
        self.verify += leg.reads.verify;
        self.interrupted_by = self.interrupted_by.or(leg.interrupted_by);
    }
}

/// The first moment from `at` on at which windows are open, and when they close next; `None` where that
/// is not within a year.
fn open_from(windows: &[Windows], at: Timestamp) -> Option<(Timestamp, Option<Timestamp>)> {
    let opens = match state_of_all(windows, at) {
        State::Open { closes } => return Some((at, closes)),
        State::Closed { opens, .. } => opens?,
    };
    match state_of_all(windows, opens) {
        State::Open { closes } => Some((opens, closes)),
        State::Closed { .. } => None,
    }
}
