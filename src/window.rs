//! When changes may be made: allow and deny windows, in the local time of a named zone.
//!
//! A window is a rule about what a clock on the wall shows: it is open whenever that clock shows a
//! time inside. So a span inside the spring gap does not exist that day, and one in the hour that
//! autumn repeats is open both times. Zones come from the database built into the binary: one
//! manifest means the same on every host, and nothing is read.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::fmt;

mod parse;
mod rule;
mod search;

use rule::Rule;

/// Most windows in one place. Each is looked at before each call.
pub const WINDOWS_MAX: usize = 32;
/// How far ahead the next opening or closing is looked for.
pub const HORIZON: SignedDuration = SignedDuration::from_hours(366 * 24);

/// What a window does while it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Changes may be made, and at no time outside of every allow window.
    Allow,
    /// No changes may be made, whatever else says so.
    Deny,
}

impl Kind {
    /// The word in manifests and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// One window, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    kind: Kind,
    text: String,
    zone: TimeZone,
    rule: Rule,
}

impl Window {
    /// Parses text such as `Mon-Fri 09:00-17:00` in a zone such as `Asia/Shanghai`.
    ///
    /// Days are `Mon` to `Sun`, ranges (`Sat-Mon` goes over the end of the week), comma lists, or
    /// `*`; or a date, or dates such as `2026-12-24..2027-01-02`, both included. Days alone are
    /// whole days, a span alone is every day. A span that ends before or at its start ends on the
    /// day after, and belongs to the day on which it starts.
    ///
    /// # Errors
    /// [`WindowError`] says what is wrong and what to write instead.
    pub fn parse(kind: Kind, text: &str, zone: &str) -> Result<Self, WindowError> {
        let zone = parse::zone(zone)?;
        let rule = parse::rule(text)?;
        let words: Vec<&str> = text.split_whitespace().collect();
        Ok(Self { kind, text: words.join(" "), zone, rule })
    }

    /// Checks days and span alone, for those who report every mistake at once.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn check_text(text: &str) -> Result<(), WindowError> {
        parse::rule(text).map(|_| ())
    }

    /// Checks the zone alone.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn check_zone(zone: &str) -> Result<(), WindowError> {
        parse::zone(zone).map(|_| ())
    }

    /// What it does while it is open.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Days and span, as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name of its zone in the IANA list.
    pub fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or_default()
    }

    /// Whether the clock of its zone shows a time inside.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.rule.holds(self.zone.to_offset(now).to_datetime(now))
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.kind.as_str(), self.text, self.zone())
    }
}

/// Why a text is no window. `Display` is a fragment that fits after "the value".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {help}")]
pub struct WindowError {
    message: String,
    help: String,
}

impl WindowError {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to write instead.
    pub fn help(&self) -> &str {
        &self.help
    }
}

/// The windows of one place: the configuration, or one manifest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Windows(Vec<Window>);

/// Whether changes may be made, and until when that stays so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// They may.
    Open {
        /// The next moment at which they may not; `None` if there is none within [`HORIZON`].
        closes: Option<Timestamp>,
    },
    /// They may not.
    Closed {
        /// Which window, in words.
        by: String,
        /// The next moment at which they may; `None` if there is none within [`HORIZON`].
        opens: Option<Timestamp>,
    },
}

impl Windows {
    /// The windows of one place, in the order written.
    pub fn new(windows: Vec<Window>) -> Self {
        Self(windows)
    }

    /// Whether nothing is said, so that it is always open.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// When a window of these opens or closes next, by itself; `None` if not within [`HORIZON`].
    pub fn next_change_of(window: &Window, now: Timestamp) -> Option<Timestamp> {
        let alone = Self(vec![window.clone()]);
        search::next_change([&alone], now)
    }

    /// In the order written.
    pub fn iter(&self) -> impl Iterator<Item = &Window> {
        self.0.iter()
    }

    /// Deny wins; where there is an allow window, one has to be open; without any, it is open.
    ///
    /// The next change is searched for, which takes longer than the question
    /// [`closed_by`](Self::closed_by) answers.
    pub fn state(&self, now: Timestamp) -> State {
        state_of_all([self], now)
    }

    /// What keeps it closed at `now`, in words; `None` while it is open. Cheap: asked before each
    /// call.
    pub fn closed_by(&self, now: Timestamp) -> Option<String> {
        let open = |kind| self.0.iter().find(|of| of.kind == kind && of.is_open(now));
        if let Some(deny) = open(Kind::Deny) {
            return Some(deny.to_string());
        }
        let allowed: Vec<String> =
            self.0.iter().filter(|of| of.kind == Kind::Allow).map(Window::to_string).collect();
        let outside = !allowed.is_empty() && open(Kind::Allow).is_none();
        outside.then(|| format!("outside every allow window: {}", allowed.join(", ")))
    }
}

/// Over several places: open only where all are open, so that a manifest can narrow what the
/// configuration allows, and never widen it.
pub fn state_of_all<'a>(
    all: impl IntoIterator<Item = &'a Windows> + Clone,
    now: Timestamp,
) -> State {
    let mut closed: Vec<String> = Vec::new();
    for by in all.clone().into_iter().filter_map(|windows| windows.closed_by(now)) {
        if !closed.contains(&by) {
            closed.push(by);
        }
    }
    let change = search::next_change(all, now);
    if closed.is_empty() {
        State::Open { closes: change }
    } else {
        State::Closed { by: closed.join("; "), opens: change }
    }
}

#[cfg(test)]
mod tests;
