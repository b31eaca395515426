//! One mistake, with its place and what to write instead.

use crate::desired::{Conflict, Place};
use std::fmt;

/// What is wrong with a manifest, for the person who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Where. The line is 0 when it is about no file in particular.
    pub place: Place,
    /// How many characters to underline; 0 for the word that stands there.
    pub length: u32,
    /// What is wrong and why.
    pub message: String,
    /// What to write instead, or what to do.
    pub help: String,
    /// Another place that belongs to it, with a word on what is there.
    pub other: Option<(Place, String)>,
}

impl fmt::Display for Diagnostic {
    /// One line: `file:line:column: message (other:line label); help`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.line > 0 {
            let Place { file, line, column } = &self.place;
            write!(f, "{}:{line}:{column}: ", shown(file))?;
        }
        f.write_str(&shown(&self.message))?;
        if let Some((place, label)) = &self.other {
            write!(f, " ({}:{} {})", shown(&place.file), place.line, shown(label))?;
        }
        write!(f, "; {}", shown(&self.help))
    }
}

impl From<Conflict> for Diagnostic {
    fn from(conflict: Conflict) -> Self {
        let Conflict { place, message, other, help } = conflict;
        Self { place, length: 0, message, help, other }
    }
}

/// The mistake of files that hold no manifest at all.
pub(super) fn nothing_declared() -> Diagnostic {
    Diagnostic {
        place: Place { file: "".into(), line: 0, column: 0 },
        length: 0,
        message: "no manifest: there is no ClassicLinkSet in any file".to_owned(),
        help: "check the folder and its checkout; to empty a VPC, keep its manifest with \
               `instances: []` and `allowEmpty: true`"
            .to_owned(),
        other: None,
    }
}

/// Whether `c` must not reach a terminal as it is: it moves the cursor, or reorders or hides text.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{feff}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// The text with everything hidden escaped, at any length.
pub(super) fn shown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) { safe.extend(c.escape_unicode()) } else { safe.push(c) }
    }
    safe
}
