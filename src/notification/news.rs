//! One thing worth telling somebody, whatever the form.

use crate::clock::Moment;
use crate::model::{Digest, InstanceId, Revision, Scope, is_unprintable};
use jiff::Timestamp;
use std::sync::Arc;

/// Links named in one piece of news.
const LINKS_MAX: usize = 20;
/// Lines of a text, and characters of a line.
const LINES_MAX: usize = 12;
const LINE_MAX: usize = 600;
/// Characters of a whole text.
const TEXT_MAX: usize = 1500;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know, or over.
    Info,
    /// Somebody should look.
    Warning,
    /// Something does not work, or is stopped.
    Error,
}

impl Severity {
    /// The word in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident $word:literal $severity:ident $meaning:literal,)*) => {
        /// What happened. The words are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Event {
            $($(#[$doc])* #[doc = $meaning] $name,)*
        }

        impl Event {
            /// Every event, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word in configuration and messages.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// When it is told, for the documentation.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }

            /// How bad it is at least.
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }
        }
    };
}

events! {
    Hold "hold" Warning "a rule of the gate holds a plan, or withholds links of it; again when plan or reasons change",
    HoldEnded "hold-ended" Info "nothing holds the plan any more, or there is none",
    PauseLatched "pause-latched" Error "a rule of the gate paused calls, until somebody resumes",
    Paused "paused" Warning "an operator or the pause file paused calls",
    Resumed "resumed" Info "a pause has ended",
    ActionFailed "action-failed" Error "a detach or attach did not converge; again when the reason changes",
    Quarantine "quarantine" Warning "a link used up its tries and rests; it is probed every 15 minutes or so",
    QuarantineLeft "quarantine-left" Info "a link left the quarantine: it converged, or nothing is to be done about it any more",
    DriftFound "drift-found" Warning "links are unexpected or missing that were not before",
    DriftRepaired "drift-repaired" Info "links that differed were put right, or differ no longer",
    ExceptionExpiring "exception-expiring" Warning "the `until` of a link comes near: 14, 7 and 1 days ahead",
    CredentialFailing "credential-failing" Error "the cloud does not accept a key, or denies what it needs",
    CredentialWorking "credential-working" Info "it does again",
    JournalFailing "journal-failing" Error "the journal cannot be written, so nothing is sent",
    JournalWorking "journal-working" Info "it can be written again",
    SourceRefused "source-refused" Error "the manifests cannot be accepted; the last accepted revision stays in force",
    SourceAcceptedAgain "source-accepted-again" Info "the manifests are accepted again",
    Unreadable "unreadable" Error "the links of a VPC cannot be read: an error that time will not mend, or three passes in a row",
    ReadableAgain "readable-again" Info "they can again",
    Retired "retired" Error "the cloud says that the action or region is gone for good",
    Missed "missed" Warning "more happened than could be followed or kept; told to every sink, whatever its `events`",
    Test "test" Info "`classiclinkd notify-test`; told to every sink, whatever its `events`",
}

impl Event {
    /// The event of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|event| event.as_str() == word)
    }
}

/// Something worth telling. All text is printable: control characters are escaped, and everything
/// has a bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// What happened.
    pub event: Event,
    /// When.
    pub at: Timestamp,
    /// How bad it is.
    pub severity: Severity,
    /// Where, if it is about one VPC.
    pub scope: Option<Scope>,
    /// One line, of our own words, numbers and ids.
    pub title: String,
    /// Lines of explanation; may quote manifests and the cloud.
    pub text: String,
    /// What a person can do.
    pub way_out: Option<String>,
    /// The first of the instances it is about.
    pub links: Vec<InstanceId>,
    /// How many there are in all.
    pub links_total: usize,
    /// The plan it is about.
    pub plan: Option<Digest>,
    /// The revision in force.
    pub revision: Option<Arc<Revision>>,
}

impl News {
    /// News without details.
    pub fn new(event: Event, at: Moment, title: impl Into<String>) -> Self {
        let severity = event.severity();
        Self {
            event,
            at: at.wall,
            severity,
            scope: None,
            title: line(&title.into(), LINE_MAX),
            text: String::new(),
            way_out: None,
            links: Vec::new(),
            links_total: 0,
            plan: None,
            revision: None,
        }
    }

    /// With an explanation, made printable.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.text = lines(text);
        self
    }

    /// With what a person can do, made printable.
    #[must_use]
    pub fn way_out(mut self, way_out: &str) -> Self {
        self.way_out = Some(lines(way_out));
        self
    }

    /// About these instances.
    #[must_use]
    pub fn links<'i>(mut self, links: impl IntoIterator<Item = &'i InstanceId>) -> Self {
        for instance in links {
            self.links_total += 1;
            if self.links.len() < LINKS_MAX {
                self.links.push(instance.clone());
            }
        }
        self
    }

    /// The instances as text, if there are any.
    pub fn links_text(&self) -> Option<String> {
        let shown: Vec<&str> = self.links.iter().map(InstanceId::as_str).collect();
        let more = self.links_total.saturating_sub(shown.len());
        match (shown.is_empty(), more) {
            (true, _) => None,
            (false, 0) => Some(shown.join(", ")),
            (false, more) => Some(format!("{} and {more} more", shown.join(", "))),
        }
    }
}

/// Text of somebody else's as one line of at most `most` characters.
pub(super) fn line(text: &str, most: usize) -> String {
    let mut shown = String::new();
    let mut length = 0;
    for c in text.chars() {
        let piece: Vec<char> =
            if is_unprintable(c) { c.escape_unicode().collect() } else { vec![c] };
        length += piece.len();
        if length >= most {
            shown.push('…');
            break;
        }
        shown.extend(piece);
    }
    shown
}

/// Text of several lines, each printable, with a bound on all of it.
pub(super) fn lines(text: &str) -> String {
    let mut shown: Vec<String> = Vec::new();
    let mut left = TEXT_MAX;
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    for one in &all {
        if shown.len() == LINES_MAX || left < 2 {
            break;
        }
        let one = line(one, LINE_MAX.min(left));
        left = left.saturating_sub(one.chars().count() + 1);
        shown.push(one);
    }
    match all.len().saturating_sub(shown.len()) {
        0 => (),
        1 => shown.push("… and 1 more line".to_owned()),
        more => shown.push(format!("… and {more} more lines")),
    }
    shown.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_kebab_case_and_lead_back_to_their_event() {
        for event in Event::ALL {
            let word = event.as_str();
            assert!(word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{word}");
            assert_eq!(Event::parse(word), Some(*event));
        }
        assert_eq!(Event::parse("Hold"), None);
    }

    #[test]
    fn a_text_is_short_printable_and_says_what_is_left_out() {
        assert_eq!(lines("a\u{1b}[31m\n\n  b\u{202e}"), "a\\u{1b}[31m\n  b\\u{202e}");
        let many = lines(&"x\n".repeat(14));
        assert!(many.ends_with("… and 2 more lines"), "{many}");
        assert_eq!(line(&"é".repeat(700), 10).chars().count(), 10);
    }

    proptest! {
        #[test]
        fn no_text_is_long_or_moves_a_cursor(text in any::<String>(), times in 1usize..400) {
            let shown = lines(&text.repeat(times));
            prop_assert!(shown.chars().count() <= TEXT_MAX + 60, "{}", shown.chars().count());
            prop_assert!(shown.lines().count() <= LINES_MAX + 1);
            prop_assert!(!shown.replace('\n', "").chars().any(is_unprintable));
        }
    }
}
