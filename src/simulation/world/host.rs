//! What goes wrong on the host: its clock, its disk, and processes that die.

use super::World;
use crate::simulation::deed::Deed;
use jiff::SignedDuration;
use std::time::Duration;

impl World {
    pub(super) async fn disturb_host(&mut self, deed: Deed) {
        let now = self.ground.clock.when();
        match deed {
            Deed::ClockForward => {
                self.ground.clock.set(SignedDuration::from_secs(self.random.i64(60..7200)));
            }
            Deed::ClockBack => {
                self.ground.clock.set(SignedDuration::from_secs(-self.random.i64(60..7200)));
            }
            Deed::ClockSkew => {
                let off = self.random.i64(1..60);
                let off = if self.random.bool() { off } else { -off };
                self.ground.clock.set(SignedDuration::from_secs(off));
            }
            Deed::ClockAhead => {
                self.ground.referee.clock_ahead(now);
                self.ground.clock.set(SignedDuration::from_hours(self.random.i64(26..100)));
            }
            Deed::DiskFull => {
                self.ground.referee.disk_fails();
                self.ground.memory.fail(true);
            }
            Deed::DiskFlaky => self.flaky(true),
            Deed::DiskSlow => {
                let time = Duration::from_millis(self.random.u64(50..8000));
                self.sync_takes(time);
            }
            Deed::KillSoon => {
                self.kill().await;
                let effects = self.random.u64(0..80);
                self.start(effects);
            }
            Deed::KillNow | Deed::EditAway => {
                self.kill().await;
                if deed == Deed::EditAway {
                    self.edit_somehow();
                }
                let away = Duration::from_millis(self.away());
                tokio::time::sleep(away).await;
                self.start(u64::MAX);
            }
            Deed::PowerCut => self.power_cut().await,
            Deed::HostAway => {
                self.kill().await;
                self.meanwhile();
                let away = Duration::from_secs(self.random.u64(72_000..144_000));
                tokio::time::sleep(away).await;
                self.start(u64::MAX);
            }
            Deed::Restart => {
                self.end().await;
                self.start(u64::MAX);
            }
            Deed::Calm => self.calm(),
            Deed::EventsLost => {
                self.finish_writing();
                self.events_lost = true;
                self.ground.folder.lose_events(true);
            }
            _ => (),
        }
    }

    /// How long nobody starts the process again, in milliseconds: often somebody is quick.
    pub(super) fn away(&mut self) -> u64 {
        let most = self.random.choice([500, 3_000, 30_000]).unwrap_or(30_000);
        self.random.u64(0..most)
    }

    pub(super) fn flaky(&mut self, on: bool) {
        if on {
            self.ground.referee.disk_fails();
        }
        let seed = self.random.u64(..);
        let random = on.then(|| fastrand::Rng::with_seed(seed));
        *self.ground.flaky.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = random;
    }

    pub(super) fn sync_takes(&self, time: Duration) {
        *self.ground.sync.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = time;
    }

    pub(super) fn sync(&self) -> Duration {
        *self.ground.sync.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
