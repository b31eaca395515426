//! Times as people type them: how long ago, or when.

use crate::clock;
use crate::model::printable;
use jiff::{SignedDuration, Timestamp};

/// A time, relative to a present that is not known while the command line is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// So long before the present.
    Ago(SignedDuration),
    /// Then.
    At(Timestamp),
}

impl When {
    /// Takes what somebody typed.
    ///
    /// # Errors
    /// What to write instead, as a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(ago) = clock::duration(text).and_then(|ago| SignedDuration::try_from(ago).ok())
        {
            return Ok(Self::Ago(ago));
        }
        text.parse().map(Self::At).map_err(|_| {
            format!(
                "`{}` is no time; write how long ago, such as 15m, 24h or 7d, or when, such as \
                 2026-11-23T05:00:00Z",
                printable(text)
            )
        })
    }

    /// Which point in time that is.
    pub fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(ago) => now.checked_sub(ago).unwrap_or(Timestamp::MIN),
            Self::At(at) => at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_span_before_now_or_a_date() {
        let now: Timestamp = "2026-11-23T05:00:00Z".parse().unwrap();
        let from = |text| When::parse(text).unwrap().from(now).to_string();
        assert_eq!(from("15m"), "2026-11-23T04:45:00Z");
        assert_eq!(from("7d"), "2026-11-16T05:00:00Z");
        assert_eq!(from("2026-11-22T23:00:00+08:00"), "2026-11-22T15:00:00Z");
        for text in ["", "soon", "5", "-5m", "2026-11-22"] {
            let why = When::parse(text).unwrap_err();
            assert!(why.contains("15m"), "{text}: {why}");
        }
    }
}
