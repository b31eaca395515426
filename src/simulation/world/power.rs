//! The power goes: the process and a command beside it end, and so does what the disk was about to write.

use super::World;
use crate::journal::Journal;
use std::sync::Arc;
use std::time::Duration;

/// How slow a disk is that the power leaves in the middle of something, in milliseconds.
const SLOW: std::ops::Range<u64> = 20..4_000;
/// How long at most until the disk writes something, if it does, in milliseconds.
const LATER: u64 = 30_000;

impl World {
    /// The power goes, while the disk takes an entry if it does so soon, and is back a while later. Entries
    /// that the disk does not have for good are gone, from any of them on.
    pub(super) async fn power_cut(&mut self) {
        self.ground.referee.power_may_go();
        let usual = self.sync();
        if usual.is_zero() {
            let slow = self.random.u64(SLOW);
            self.sync_takes(Duration::from_millis(slow));
        }
        let mut left = self.random.u64(0..LATER);
        while left > 0 {
            let some = self.random.u64(1..500).min(left);
            self.wait(Duration::from_millis(some)).await;
            left -= some;
            if self.ground.referee.is_writing() && self.random.bool() {
                break;
            }
        }
        self.goes_dark().await;
        self.sync_takes(usual);
        let away = Duration::from_millis(self.away());
        tokio::time::sleep(away).await;
        self.start(u64::MAX);
    }

    /// What is not on the disk for good is lost, and nobody is left who has read it.
    pub async fn goes_dark(&mut self) {
        self.kill().await;
        let now = self.ground.clock.when();
        if let Some(first) = self.ground.referee.power_goes(now, &mut self.random) {
            self.ground.memory.lose_from(first);
        }
        let clock = Arc::new(self.ground.clock.clone());
        self.operator = Journal::in_memory(self.ground.memory.clone(), clock);
    }
}
