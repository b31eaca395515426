//! Our clock against the cloud's. The bounds are the daemon's own.

use super::finding::Finding;
use crate::aliyun::{Probed, TOLERANCE, off};
use jiff::SignedDuration;

const CHECK: &str = "clock";

/// More than a clock that is kept by NTP is ever off; still harmless.
const LARGE: SignedDuration = SignedDuration::from_secs(5);

/// By the answer that contradicts our clock most.
pub(super) fn judge<'a>(probed: impl Iterator<Item = &'a Probed>) -> Finding {
    let offs = probed.filter_map(|of| Some(off(of.date?, of.began, of.ended)));
    of(offs.max_by_key(|off| off.unsigned_abs()))
}

fn of(off: Option<SignedDuration>) -> Finding {
    let Some(off) = off else {
        return Finding::note(CHECK, "cannot be compared: nothing answered with its time");
    };
    let seconds = off.unsigned_abs().as_secs();
    let side = if off.is_negative() { "behind" } else { "ahead of" };
    let found = format!("{seconds} s {side} the cloud's");
    let advice = "keep this host's clock with NTP (timedatectl set-ntp true)";
    if seconds >= TOLERANCE {
        let found = format!(
            "{found}; from {TOLERANCE} s on nothing is done by a date, and from 15 minutes on the cloud \
             refuses what is signed"
        );
        Finding::fail(CHECK, found, advice)
    } else if off.unsigned_abs() > LARGE.unsigned_abs() {
        Finding::warn(CHECK, found, advice)
    } else {
        Finding::ok(CHECK, "agrees with the cloud's within 5 s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Level;

    #[test]
    fn a_minute_fails_because_the_daemon_stops_by_then() {
        let level = |seconds| of(Some(SignedDuration::from_secs(seconds))).level;
        for (seconds, expected) in
            [(0, Level::Ok), (5, Level::Ok), (6, Level::Warn), (59, Level::Warn), (60, Level::Fail)]
        {
            assert_eq!((level(seconds), level(-seconds)), (expected, expected), "{seconds}");
        }
        assert_eq!(of(None).level, Level::Note);
        assert!(of(Some(SignedDuration::from_secs(-90))).found.starts_with("90 s behind"));
    }
}
