//! What the parser's errors mean to the person who wrote the file.

use super::findings::{Findings, Spot};
use serde_yaml::granit_parser::{ErrorKind, ScanError};

pub(super) fn report(error: &ScanError, text: &str, findings: &mut Findings) {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let line = number(error.marker().line()).max(1);
    let column = number(error.marker().col().saturating_add(1));
    let spot = Spot { line, column, length: 1 };
    if line_has(text, line, "{{") || line_has(text, line, "{%") {
        return report_template(spot, findings);
    }
    if let Some(tab) = is_about_tabs(error.kind()).then(|| tab_from(text, line)).flatten() {
        return findings.add(tab, "a tab where only spaces may stand", "indent with spaces");
    }
    let (message, help) = explain(error.kind());
    let help = missing_space(error.kind(), text, line).unwrap_or(help);
    findings.add(spot, format!("not valid YAML: {message}"), help);
}

fn is_about_tabs(kind: &ErrorKind) -> bool {
    use ErrorKind as E;
    matches!(
        kind,
        E::TabNotAllowed
            | E::TabInBlockIndentation
            | E::TabInIndentation
            | E::TabInPlainScalar
            | E::TabAtBlockScalarStart
    )
}

/// The first tab that indents a line, from `line` on: the parser names the value before it.
fn tab_from(text: &str, line: u32) -> Option<Spot> {
    let from = usize::try_from(line).ok()?.saturating_sub(1);
    let indented = text.lines().skip(from).zip(line..).find_map(|(found, line)| {
        let margin = found.chars().take_while(|c| c.is_whitespace());
        let (index, _) = margin.enumerate().find(|(_, c)| *c == '\t')?;
        Some((line, index))
    });
    let (line, index) = indented?;
    let column = u32::try_from(index).ok()?.saturating_add(1);
    Some(Spot { line, column, length: 1 })
}

/// A dash or a colon that nothing separates from what follows.
fn missing_space(kind: &ErrorKind, text: &str, line: u32) -> Option<&'static str> {
    if !matches!(kind, ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey) {
        return None;
    }
    let index = usize::try_from(line).ok()?.saturating_sub(1);
    let found = text.lines().nth(index)?.trim_start();
    if found.starts_with('-') && !found.starts_with("- ") {
        return Some("write a space after the `-`");
    }
    found.contains(':').then_some("write a space after the `:`")
}

pub(super) fn report_template(spot: Spot, findings: &mut Findings) {
    findings.add(
        spot,
        "a template that was not rendered",
        "point the daemon at rendered manifests: `{{ … }}` means nothing here",
    );
}

/// Whether the line, counted from 1, contains the word.
pub(super) fn line_has(text: &str, line: u32, word: &str) -> bool {
    let index = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
    text.lines().nth(index).is_some_and(|found| found.contains(word))
}

fn explain(kind: &ErrorKind) -> (String, &'static str) {
    use ErrorKind as E;
    let cut = "close it; or the file was cut off here: write the rest";
    let indent = "indent the fields of one map, and the `-` of one list, by the same \
                  spaces; or close the bracket";
    let (message, help) = match kind {
        kind if is_about_tabs(kind) => ("a tab where only spaces may stand", "indent with spaces"),
        E::UnclosedQuotedScalar => ("a quote that is never closed", cut),
        E::UnclosedFlowCollection { .. }
        | E::UnexpectedEofFlowSequence
        | E::UnexpectedEofFlowMapping
        | E::UnexpectedEofImplicitFlowMapping => ("a bracket that is never closed", cut),
        E::UnexpectedEof | E::UnexpectedEofBlockSequence | E::UnexpectedEofBlockMapping => {
            ("the file ends too early", cut)
        }
        E::SimpleKeyExpected | E::InvalidSimpleKey => (
            "text where a field belongs",
            "write `name: value`; or the file was cut off here: write the rest",
        ),
        E::InvalidIndentation
        | E::ExpectedBlockMappingKey
        | E::ExpectedBlockSequenceEntry
        | E::BlockSequenceEntryNotAllowed => {
            ("this does not line up, or a bracket above is not closed", indent)
        }
        E::InvalidQuotedScalarIndent | E::InvalidFlowScalarIndent => {
            ("this is indented too little, or a quote above is not closed", "close the quote")
        }
        E::MappingValueNotAllowed | E::MappingKeyNotAllowed | E::InvalidColonPlacement => (
            "a `:` where no field may begin",
            "line it up with the fields above; put text that holds `: ` in quotes",
        ),
        E::MisplacedFlowCollectionEnd | E::MismatchedFlowCollectionEnd { .. } => {
            ("a bracket that closes nothing, or the wrong one", "match the brackets")
        }
        E::ExpectedFlowMappingSeparator | E::ExpectedFlowSequenceSeparator => {
            ("a `,` or a closing bracket is missing", cut)
        }
        E::DirectiveDisallowed => ("a `%` directive: manifests have none", "remove the line"),
        E::ExpectedDocumentStart | E::InvalidDocumentEnd => (
            "text where a document has to begin",
            "write `---` between two documents, on a line of its own",
        ),
        E::RecursionLimitExceeded => {
            ("too many lists and maps within each other", "a manifest needs no more than four")
        }
        E::BomInsideDocument => {
            ("a byte order mark inside the file", "remove it: two files were joined here")
        }
        E::UnexpectedCharacter { .. } => {
            ("a character that cannot begin a value", "put the value in quotes")
        }
        _ => return (kind.to_string(), "correct the YAML here"),
    };
    (message.to_owned(), help)
}
