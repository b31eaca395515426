//! What one check found.

use crate::model::is_unprintable;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// Nothing to look at, or it cannot be known.
    Note,
    /// It works, and should not stay so.
    Warn,
    /// It does not work.
    Fail,
}

impl Level {
    /// The word in front of a line, and in JSON.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One line of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// Which check, in one word.
    pub(super) check: &'static str,
    /// What it looked at, where there are several.
    pub(super) about: Option<String>,
    /// What was found.
    pub(super) found: String,
    /// What to do; every warning and failure says it.
    pub(super) advice: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, found: impl AsRef<str>) -> Self {
        Self::new(Level::Ok, check, found.as_ref(), None)
    }

    pub(super) fn note(check: &'static str, found: impl AsRef<str>) -> Self {
        Self::new(Level::Note, check, found.as_ref(), None)
    }

    pub(super) fn warn(
        check: &'static str,
        found: impl AsRef<str>,
        advice: impl AsRef<str>,
    ) -> Self {
        Self::new(Level::Warn, check, found.as_ref(), Some(advice.as_ref()))
    }

    pub(super) fn fail(
        check: &'static str,
        found: impl AsRef<str>,
        advice: impl AsRef<str>,
    ) -> Self {
        Self::new(Level::Fail, check, found.as_ref(), Some(advice.as_ref()))
    }

    /// Of an error whose text says, after the first `; `, what to do.
    pub(super) fn of_error(check: &'static str, error: &str, otherwise: &str) -> Self {
        match error.split_once("; ") {
            Some((found, advice)) => Self::fail(check, found, advice),
            None => Self::fail(check, error, otherwise),
        }
    }

    /// The same, said of one thing of several.
    #[must_use]
    pub(super) fn about(self, what: impl AsRef<str>) -> Self {
        Self { about: Some(line(what.as_ref())), ..self }
    }

    fn new(level: Level, check: &'static str, found: &str, advice: Option<&str>) -> Self {
        Self { level, check, about: None, found: line(found), advice: advice.map(line) }
    }

    /// Check and what it looked at.
    pub(super) fn name(&self) -> String {
        match &self.about {
            Some(about) => format!("{} {about}", self.check),
            None => self.check.to_owned(),
        }
    }
}

/// One line that moves no cursor, whatever a file name or a server put into it.
fn line(text: &str) -> String {
    let escaped = |c: char| match c {
        '\n' => vec![' '],
        c if is_unprintable(c) => c.escape_default().collect(),
        c => vec![c],
    };
    text.trim().chars().flat_map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays_on_its_line() {
        let finding = Finding::warn("state", "a\nb\u{1b}[31m\u{202e}", "x\ny").about("c\rd");
        assert_eq!(finding.found, "a b\\u{1b}[31m\\u{202e}");
        assert_eq!(finding.name(), "state c\\rd");
        assert_eq!(finding.advice.as_deref(), Some("x y"));
    }

    #[test]
    fn an_error_that_says_what_to_do_is_taken_apart() {
        let finding = Finding::of_error("journal", "read it: broken; restore it; or not", "-");
        assert_eq!(finding.found, "read it: broken");
        assert_eq!(finding.advice.as_deref(), Some("restore it; or not"));
        let plain = Finding::of_error("journal", "broken", "look");
        assert_eq!(plain.advice.as_deref(), Some("look"));
    }
}
