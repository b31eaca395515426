//! How a line of progress reads, at any width.

use super::{Calling, Shown};
use std::time::Duration;

/// One line of at most `width` columns; `slowed` where the cloud throttles. What matters less is left out
/// first.
pub(super) fn render(shown: &Shown, slowed: bool, width: usize) -> String {
    let mut parts = match shown {
        Shown::Waiting(what) => vec![(0, (*what).to_owned())],
        Shown::Reading { done, of } => {
            let percent = format!("{} %", share(*done, *of));
            vec![(0, format!("reading {done} of {of} VPCs")), (1, percent)]
        }
        Shown::Calling(calling) => told(calling, slowed),
    };
    while columns(&parts) > width {
        let last = parts.iter().enumerate().max_by_key(|(_, (rank, _))| *rank);
        match last {
            Some((index, (1.., _))) => drop(parts.remove(index)),
            _ => break,
        }
    }
    // All characters are of one column.
    joined(&parts).chars().take(width).collect()
}

/// What is done, of a hundred; `None` where nothing can be counted.
pub(super) fn percent(shown: &Shown) -> Option<usize> {
    match shown {
        Shown::Waiting(_) => None,
        Shown::Reading { done, of } => Some(share(*done, *of)),
        Shown::Calling(Calling { so_far, of, .. }) => Some(share(so_far.settled, *of)),
    }
}

/// The parts of a line, each with a rank: the highest is left out first.
fn told(calling: &Calling, slowed: bool) -> Vec<(u8, String)> {
    let Calling { so_far, of, elapsed, .. } = calling;
    let calls = if so_far.calls == 1 { "call" } else { "calls" };
    let mut parts = vec![
        (0, format!("{} of {of} links settled", so_far.settled)),
        (3, format!("{} %", share(so_far.settled, *of))),
        (4, format!("{} {calls}", so_far.calls)),
    ];
    if !elapsed.is_zero() {
        let calls = u32::try_from(so_far.calls).unwrap_or(u32::MAX);
        parts.push((5, format!("{:.1} a second", f64::from(calls) / elapsed.as_secs_f64())));
    }
    parts.extend(left(calling).map(|left| (2, format!("about {} left", spelled(left)))));
    if slowed {
        parts.push((1, "the cloud throttles".to_owned()));
    } else if so_far.settling > 0 && so_far.settling + so_far.settled >= *of {
        parts.push((1, format!("waiting for {} to show", so_far.settling)));
    }
    parts
}

/// By the forecast; once that is over, by the pace so far.
fn left(calling: &Calling) -> Option<Duration> {
    let Calling { so_far, of, elapsed, lasts } = calling;
    let open = u32::try_from(of.saturating_sub(so_far.settled)).ok().filter(|open| *open > 0)?;
    let foretold = lasts.and_then(|lasts| lasts.checked_sub(*elapsed));
    let paced = || {
        let settled = u32::try_from(so_far.settled).ok().filter(|settled| *settled > 0)?;
        elapsed.checked_mul(open).map(|all| all / settled)
    };
    foretold.filter(|left| !left.is_zero()).or_else(paced)
}

/// Two units at most, seconds rounded up: `7 s`, `3 min`, `2 h 5 min`.
fn spelled(time: Duration) -> String {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

fn share(done: usize, of: usize) -> usize {
    done.saturating_mul(100).checked_div(of).unwrap_or(100).min(100)
}

fn joined(parts: &[(u8, String)]) -> String {
    parts.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(", ")
}

fn columns(parts: &[(u8, String)]) -> usize {
    joined(parts).chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::SoFar;

    fn calling(settled: usize, elapsed: u64, lasts: Option<u64>) -> Calling {
        let so_far = SoFar { calls: 41, settled, settling: 0, throttled: 0 };
        let lasts = lasts.map(Duration::from_secs);
        Calling { so_far, of: 120, elapsed: Duration::from_secs(elapsed), lasts }
    }

    #[test]
    fn everything_is_told_where_there_is_room() {
        let line = render(&Shown::Calling(calling(37, 10, Some(27))), false, 200);
        assert_eq!(line, "37 of 120 links settled, 30 %, 41 calls, 4.1 a second, about 17 s left");
        let slowed = render(&Shown::Calling(calling(37, 10, Some(27))), true, 200);
        assert!(slowed.ends_with(", the cloud throttles"), "{slowed}");
        let reading = render(&Shown::Reading { done: 3, of: 12 }, false, 200);
        assert_eq!(reading, "reading 3 of 12 VPCs, 25 %");
    }

    #[test]
    fn links_that_only_have_to_show_are_what_it_waits_for() {
        let mut of = calling(100, 10, None);
        of.so_far.settling = 19;
        assert!(
            !render(&Shown::Calling(of), false, 200).contains("to show"),
            "one is not called yet"
        );
        of.so_far.settling = 20;
        let line = render(&Shown::Calling(of), false, 200);
        assert!(line.ends_with(", waiting for 20 to show"), "{line}");
    }

    #[test]
    fn a_narrow_terminal_is_told_what_matters_most() {
        let shown = Shown::Calling(calling(37, 10, Some(27)));
        let mut last = String::new();
        for width in (0..90).rev() {
            let line = render(&shown, true, width);
            assert!(line.chars().count() <= width, "{width}: {line}");
            last = if width == 45 { line } else { last };
        }
        assert_eq!(last, "37 of 120 links settled, the cloud throttles");
        assert_eq!(render(&shown, true, 9), "37 of 120");
        assert_eq!(render(&shown, true, 0), "");
    }

    #[test]
    fn what_is_left_is_foretold_and_later_taken_from_the_pace() {
        let seconds = |of: Calling| left(&of).map(|left| left.as_secs());
        assert_eq!(seconds(calling(0, 10, Some(27))), Some(17));
        assert_eq!(seconds(calling(60, 30, Some(27))), Some(30));
        assert_eq!(seconds(calling(60, 30, None)), Some(30));
        assert_eq!(seconds(calling(0, 30, Some(27))), None);
        assert_eq!(seconds(calling(120, 10, Some(27))), None);
    }

    #[test]
    fn times_are_as_exact_as_they_deserve() {
        let spelled = |seconds| spelled(Duration::from_secs(seconds));
        assert_eq!([7, 119, 121, 7500].map(spelled), ["7 s", "119 s", "3 min", "2 h 5 min"]);
    }
}
