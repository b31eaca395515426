//! What tends to come together: deeds of which one makes another one dangerous, close enough in time.
//!
//! Drawn one by one, three deeds of sixty meet within two seconds once in a million worlds. Incidents
//! are not like that: a disk that is full makes somebody edit, restart and edit again.

use super::deed::Deed::{self, *};
use super::trial::Step;
use std::time::Duration;

/// How long after the last thing.
#[derive(Debug, Clone, Copy)]
enum After {
    /// While a call is under way, or an entry is being written.
    Blink,
    /// Before the manifests count as settled, or right after.
    Moment,
    /// In the middle of a pass, and before a call may be repeated.
    Soon,
    /// A pass or two later.
    Passes,
    /// When an hour is over, or nearly.
    Hour,
}

use After::{Blink, Hour, Moment, Passes, Soon};

impl After {
    fn draw(self, random: &mut fastrand::Rng) -> Duration {
        Duration::from_millis(match self {
            Self::Blink => random.u64(0..150),
            Self::Moment => random.u64(0..2_500),
            Self::Soon => random.u64(1_000..20_000),
            Self::Passes => random.u64(60_000..330_000),
            Self::Hour => random.u64(3_400_000..3_700_000),
        })
    }
}

type Plot = &'static [(After, Deed)];

/// Each has a safety rule of its own to break.
const PLOTS: [Plot; 53] = [
    // A call whose answer is lost, and a process that knows of it from the journal alone.
    &[(Soon, LostAnswers), (Blink, EditMany), (Soon, Restart)],
    &[(Soon, ServerErrors), (Blink, EditMany), (Soon, KillNow), (Soon, KillNow)],
    // What the disk does not take, and what is done meanwhile.
    &[(Soon, EditMany), (Moment, DiskFull), (Blink, Rollback), (Soon, Calm)],
    &[(Soon, EditMass), (Soon, DiskFull), (Blink, Rollback), (Soon, Calm)],
    &[
        (Soon, Latency),
        (Blink, DiskFlaky),
        (Blink, EditMany),
        (Moment, Rollback),
        (Moment, EditMany),
    ],
    &[(Soon, DiskFlaky), (Soon, LostAnswers), (Blink, EditMany), (Passes, EditMany)],
    &[(Soon, LostAnswers), (Blink, DiskFlaky), (Blink, EditMany), (Soon, Calm)],
    &[(Soon, DiskSlow), (Blink, EditMany), (Moment, Rollback), (Moment, Restart)],
    // A disk that is slow, and loses what it was given.
    &[(Soon, DiskSlow), (Blink, EditMany), (Moment, PowerCut)],
    &[(Soon, DiskSlow), (Blink, EditMass), (Soon, Approve), (Blink, PowerCut), (Soon, PowerCut)],
    &[(Soon, LostAnswers), (Blink, EditMany), (Soon, PowerCut), (Moment, KillNow)],
    &[(Soon, Latency), (Blink, EditMove), (Moment, PowerCut), (Blink, Rollback), (Soon, PowerCut)],
    // A loss, and what makes it look smaller.
    &[(Soon, EditMass), (Soon, EditOne), (Passes, EditOne)],
    &[(Soon, EditMass), (Soon, Approve), (Passes, EditMass), (Passes, Approve)],
    &[(Soon, EditMany), (Soon, Rollback), (Passes, EditMass)],
    &[(Soon, EditMass), (Soon, Rollback), (Soon, EditMass), (Soon, EditAway)],
    // A manifest that says less may be done than the one that a plan under way was made by.
    &[(Soon, Latency), (Blink, EditMany), (Moment, EditMode), (Soon, EditMode)],
    &[(Soon, SecondQuota), (Blink, EditMass), (Moment, EditMode), (Soon, Approve)],
    // Links that only seem to be there, while all others go.
    &[(Soon, StaleReads), (Blink, Reattaching), (Blink, EditMass), (Soon, Approve)],
    &[(Soon, EditMass), (Soon, HandDetach), (Blink, PoisonId), (Soon, Approve)],
    // Somebody who attaches again what is detached, and gives up after an hour.
    &[(Soon, Reattaching), (Blink, EditMany), (Hour, Restart), (Passes, Approve)],
    // A list of another place, and somebody who approves what it asks for.
    &[(Soon, EditReplace), (Passes, Approve), (Passes, Approve)],
    // An undo while its links are taken, and what ends what it holds.
    &[(Soon, Unreachable), (Blink, EditMany), (Moment, Undo), (Soon, Undo)],
    &[(Soon, LostAnswers), (Blink, EditMany), (Soon, Undo), (Blink, Undo)],
    &[(Soon, EditMany), (Passes, Undo), (Passes, EditOne), (Passes, Rollback)],
    &[(Soon, Undo), (Passes, Resume), (Soon, Resume), (Passes, Restart)],
    // Budgets: spent, renewed by the hour, and by clocks that nobody should believe.
    &[(Soon, Salami), (Soon, Salami), (Soon, Resume), (Passes, Resume)],
    &[(Soon, EditMany), (Hour, EditMany), (Passes, Resume), (Soon, EditMany)],
    &[(Soon, EditMany), (Passes, EditMany), (Passes, Resume), (Hour, EditOne)],
    &[(Soon, EditMass), (Soon, HandAttach), (Passes, Approve), (Passes, EditMany)],
    &[(Soon, EditMany), (Passes, ClockForward), (Blink, EditMany), (Soon, Resume)],
    &[(Soon, SlowAnswers), (Blink, Salami), (Blink, Salami), (Soon, Salami)],
    // A count of long ago, or of a clock that nobody should believe: what a share is a share of.
    &[(Soon, HostAway), (Blink, EditMany), (Soon, EditMany)],
    &[
        (Soon, ClockAhead),
        (Blink, EditOne),
        (Passes, EditOne),
        (Passes, Calm),
        (Blink, EditMass),
        (Passes, Approve),
        (Passes, HostAway),
        (Soon, HandAttach),
        (Blink, HandAttach),
        (Blink, HandAttach),
    ],
    // An approval that is older than the last thing that anybody remembers of its links.
    &[
        (Soon, HandAttach),
        (Blink, HandAttach),
        (Passes, Approve),
        (Passes, HostAway),
        (Soon, HandAttach),
    ],
    // A checkout that is half done while there is work, while a process starts, and while nobody is told.
    &[(Soon, Latency), (Blink, EditMany), (Moment, SlowCheckout), (Soon, SlowCheckout)],
    &[(Soon, EditSpread), (Soon, HandAttach), (Blink, SlowCheckout), (Soon, FileAway)],
    &[(Soon, EditSpread), (Blink, KillSoon), (Blink, SlowCheckout), (Soon, EditMany)],
    &[(Soon, EditSpread), (Blink, EventsLost), (Soon, SlowCheckout), (Soon, SlowCheckout)],
    // A manifest that is away for a moment, and one that contradicts another.
    &[(Soon, FileAway), (Passes, Rollback), (Passes, EditMany)],
    &[(Soon, HandAttach), (Blink, Contradiction), (Passes, EditMove), (Soon, Contradiction)],
    // Limits that are others while a plan is carried out.
    &[(Soon, Latency), (Blink, EditMany), (Moment, EditLimits), (Soon, EditLimits)],
    // Links that nobody can say are there, while all others go.
    &[(Soon, PoisonId), (Blink, EditReplace), (Passes, EditReplace)],
    &[(Soon, DetachLag), (Blink, EditMany), (Moment, PoisonId), (Blink, PoisonId)],
    // Links of elsewhere, and an instance that is to move from there.
    &[(Soon, ForeignLink), (Blink, EditMove), (Passes, EditMove)],
    // A call without an answer, the next one refused, and a process that ends before reads tell.
    &[
        (Soon, DetachLag),
        (Blink, LostAnswers),
        (Blink, EditMany),
        (Soon, SecondQuota),
        (Soon, KillNow),
    ],
    // An instance on its way from one VPC to another, over calls that take long.
    &[(Soon, SlowAnswers), (Blink, EditMove), (Blink, EditMove), (Soon, EditMove)],
    // Links that go while they are being taken.
    &[(Soon, Latency), (Blink, EditMany), (Moment, HandDetach), (Moment, HandDetach)],
    &[(Soon, SecondQuota), (Blink, EditMass), (Moment, HandDetach), (Soon, HandDetach)],
    // A call that was made, and an edit that wants its link back.
    &[(Soon, Unreachable), (Blink, EditMany), (Moment, Rollback), (Soon, Restart)],
    // Instances that are not known here, again and again.
    &[(Soon, NotFound), (Blink, EditMany), (Soon, KillNow), (Soon, EditMany)],
    // A pause of one part, and a resume of another.
    &[(Soon, Pause), (Blink, EditMany), (Soon, Resume), (Blink, Resume)],
    &[(Soon, Latency), (Blink, EditMany), (Moment, PauseFile), (Soon, Restart), (Passes, Resume)],
];

/// One of them.
pub(super) fn draw(random: &mut fastrand::Rng) -> Vec<Step> {
    let plot = random.choice(PLOTS).unwrap_or_default();
    plot.iter().map(|(after, deed)| (after.draw(random), *deed)).collect()
}
