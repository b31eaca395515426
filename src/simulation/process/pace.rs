//! How often a process does what it does by itself.

use std::time::Duration;

/// How often a process does what it does whether or not anything happened. A day of waiting costs as
/// much as a day of work.
#[derive(Debug, Clone, Copy)]
pub(in crate::simulation) struct Pace {
    /// Full pass per scope.
    pub interval: Duration,
    /// Between two looks at the folder of which no event tells.
    pub poll: Duration,
    /// The loop turns at least that often.
    pub beat: Duration,
}

impl Pace {
    /// The defaults are a minute, and 15 s for a poll. Mostly it is less: passes that find what the last
    /// one found cost time, and show little.
    pub fn drawn(random: &mut fastrand::Rng) -> Self {
        let interval = match random.u32(0..24) {
            0 => 60,
            1..=6 => 300,
            7..=10 => 600,
            11..=16 => 900,
            _ => 1_800,
        };
        let poll = if random.u32(0..6) == 0 { 15 } else { 40 };
        let interval = Duration::from_secs(interval);
        Self { interval, poll: Duration::from_secs(poll), beat: interval }
    }

    /// Nothing but passes.
    pub fn slow(interval: Duration) -> Self {
        Self { interval, poll: interval, beat: interval }
    }
}
