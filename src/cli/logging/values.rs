//! The fields of an event or a span: escaped and capped while they are written, so that no text of
//! somebody else's is ever held whole.

use crate::model::is_unprintable;
use std::fmt::{self, Write as _};
use tracing::field::{Field, Visit};

/// Most bytes of a value that are shown.
const VALUE_MAX: usize = 2048;
/// Most bytes of a message: it holds what is wrong with manifests, with lines of them.
const MESSAGE_MAX: usize = 16 * 1024;

/// The value of one field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Yes(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    /// Printable but for line feeds and tabs.
    Text(String),
}

/// A message and fields, each name once.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub message: String,
    pub fields: Vec<(&'static str, Value)>,
}

impl Values {
    /// Adds the fields of a span around, unless something further inside has one of that name.
    pub fn and_around(&mut self, around: &Self) {
        for (name, value) in &around.fields {
            if !self.fields.iter().any(|(own, _)| own == name) {
                self.fields.push((name, value.clone()));
            }
        }
    }

    /// A text under a name of ours.
    pub fn record_str_named(&mut self, name: &'static str, text: &str) {
        self.put(name, Value::Text(Escaped::of(VALUE_MAX, &text)));
    }

    fn put(&mut self, name: &'static str, value: Value) {
        match self.fields.iter_mut().find(|(own, _)| *own == name) {
            Some((_, before)) => *before = value,
            None => self.fields.push((name, value)),
        }
    }

    fn text(&mut self, field: &Field, text: &dyn fmt::Display) {
        if field.name() == "message" {
            self.message = Escaped::of(MESSAGE_MAX, text);
        } else {
            self.put(field.name(), Value::Text(Escaped::of(VALUE_MAX, text)));
        }
    }
}

impl Visit for Values {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, &format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), Value::Yes(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), Value::Signed(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), Value::Unsigned(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), Value::Float(value));
    }
}

/// Takes text in and keeps what may be shown of it.
struct Escaped {
    kept: String,
    max: usize,
    /// Characters that did not fit.
    left_out: usize,
}

impl Escaped {
    fn of(max: usize, text: &dyn fmt::Display) -> String {
        let mut escaped = Self { kept: String::new(), max, left_out: 0 };
        // Only a `Display` that fails by itself can fail here; what it wrote is worth showing.
        let _partial = write!(escaped, "{text}");
        let Self { mut kept, left_out, .. } = escaped;
        if left_out > 0 {
            let _infallible = write!(kept, "…(+{left_out})");
        }
        kept
    }

    fn take(&mut self, c: char) {
        let before = self.kept.len();
        if self.left_out == 0 {
            match c {
                '\n' | '\t' => self.kept.push(c),
                _ if is_unprintable(c) => self.kept.extend(c.escape_unicode()),
                _ => self.kept.push(c),
            }
        }
        if self.left_out > 0 || self.kept.len() > self.max {
            self.kept.truncate(before);
            self.left_out += 1;
        }
    }
}

impl fmt::Write for Escaped {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().for_each(|c| self.take(c));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_or_reorders_text_is_escaped() {
        let hostile = "a\u{1b}[2Jb\rc\u{7}\u{7f}\u{9b}\u{202e}d\u{2028}\u{2066}\u{feff}\u{0}é\n\t";
        let shown = Escaped::of(VALUE_MAX, &hostile);
        assert_eq!(
            shown,
            "a\\u{1b}[2Jb\\u{d}c\\u{7}\\u{7f}\\u{9b}\\u{202e}d\\u{2028}\\u{2066}\\u{feff}\\u{0}é\n\t"
        );
    }

    #[test]
    fn a_long_value_is_cut_and_says_by_how_many_characters() {
        assert_eq!(Escaped::of(5, &"abcde"), "abcde");
        assert_eq!(Escaped::of(5, &"abcdef"), "abcde…(+1)");
        // Neither a character nor an escape is cut in two, and nothing is shown after what was left out.
        assert_eq!(Escaped::of(5, &"abcdéf"), "abcd…(+2)");
        assert_eq!(Escaped::of(5, &"ab\u{202e}cd"), "ab…(+3)");
        let long = Escaped::of(VALUE_MAX, &"\u{1b}".repeat(1_000_000));
        assert!(long.len() < VALUE_MAX + 16, "{}", long.len());
    }
}
