//! What is wrong with a file before any YAML is read: bounds, invisible characters, merge markers.
//!
//! A parser may take a NUL for the end, or a lone carriage return for a line break; a person who
//! reviewed the file saw neither. Whatever reads differently than it looks is refused.

use super::findings::{Findings, Spot};
use super::{FILE_BYTES_MAX, diagnostic::is_hidden};

/// Reports what makes the text unfit for reading at all.
pub(super) fn check(text: &str, findings: &mut Findings) {
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        let message = format!("the file is larger than {} MiB", FILE_BYTES_MAX / 1024 / 1024);
        findings.add(Spot::START, message, "split it");
        return;
    }
    if text.bytes().any(is_suspicious) {
        hidden_characters(text, findings);
    }
    merge_markers(text, findings);
}

fn is_suspicious(byte: u8) -> bool {
    (byte < b' ' && !matches!(byte, b'\n' | b'\t')) || byte >= 0x7f
}

fn hidden_characters(text: &str, findings: &mut Findings) {
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if !line.bytes().any(is_suspicious) {
            continue;
        }
        for (column, c) in line.chars().enumerate() {
            if is_refused(c) {
                let spot = spot(index, column, 1);
                let message = format!("a character that cannot be seen: {}", name(c));
                findings.add(spot, message, "remove it: the file reads differently than it looks");
            }
        }
    }
}

/// Joiners and soft hyphens belong to scripts and emoji in comments; ids are ASCII anyway.
fn is_refused(c: char) -> bool {
    let joins = matches!(c, '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{e0000}'..='\u{e007f}');
    is_hidden(c) && c != '\t' && !joins
}

fn name(c: char) -> String {
    let known = match c {
        '\0' => " (NUL)",
        '\r' => " (carriage return)",
        '\u{1b}' => " (escape)",
        '\u{feff}' => " (byte order mark)",
        '\u{200b}' => " (zero-width space)",
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => " (changes the direction of text)",
        _ => "",
    };
    format!("U+{:04X}{known}", u32::from(c))
}

fn merge_markers(text: &str, findings: &mut Findings) {
    let markers = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let marked = markers.iter().any(|marker| {
            line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        });
        if marked {
            let length = line.chars().count();
            let help = "resolve the conflict and commit the result";
            findings.add(spot(index, 0, length), "a merge conflict that was not resolved", help);
        }
    }
}

fn spot(line: usize, column: usize, length: usize) -> Spot {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Spot {
        line: number(line.saturating_add(1)),
        column: number(column.saturating_add(1)),
        length: number(length),
    }
}
