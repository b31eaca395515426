//! Keys that end, and those that come after them.

use super::World;
use crate::clock::Clock as _;
use crate::simulation::deed::Deed;
use crate::simulation::process::keys::{Away, Temporary};
use std::time::Duration;

/// So long there is none, unless somebody mends it.
const FOR_GOOD: Duration = Duration::from_secs(30 * 24 * 3600);

impl World {
    /// Whether it was a deed of this kind.
    pub(super) fn disturb_keys(&mut self, deed: Deed) -> bool {
        let foreign = deed == Deed::ForeignRenewal;
        if !foreign && deed != Deed::KeyEnds {
            return false;
        }
        let now = self.ground.clock.now().monotonic;
        let seconds = |of: u64| Duration::from_secs(of);
        let random = &mut self.random;
        // Some live for seconds, most for minutes.
        let most = random.choice([90, 900, 900]).unwrap_or(900);
        let first = seconds(random.u64(5..=most));
        let life = seconds(random.choice([70, 120, 600, 3600]).unwrap_or(3600));
        let later = now + first + seconds(random.u64(0..900));
        let until = if random.u32(0..4) == 0 { FOR_GOOD } else { later };
        let how = random.choice([None, Some(Away::Silent), Some(Away::Refused), Some(Away::Same)]);
        let away = how.flatten().filter(|_| !foreign).map(|how| (until, how));
        let foreign = if foreign { later } else { Duration::ZERO };
        self.ground.service.give(Some(Temporary { first, life, away, foreign }), true);
        true
    }

    /// From now on there is a key that does not end.
    pub(super) fn keys_last(&self) {
        if self.ground.service.is_temporary() {
            self.ground.service.give(None, true);
        }
    }
}
