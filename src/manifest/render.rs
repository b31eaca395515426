//! Mistakes as people read them: the place, the line itself with a caret, what to write instead.

use super::File;
use super::diagnostic::{Diagnostic, is_hidden, shown};
use crate::desired::Place;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::collections::HashMap;

/// Widest output; the renderer cuts longer lines around the caret.
const WIDTH: usize = 140;
/// Longer lines are cut before the renderer sees them: it would copy megabytes for each mistake.
const LINE_MAX: usize = 2_000;
/// How many characters stand before the caret in a line that was cut here.
const BEFORE_CARET: usize = 40;
/// Most characters that are underlined.
const UNDERLINED_MAX: usize = 80;

/// All of them, for a terminal or a log. Everything of the files' content that could move the
/// cursor or hide text is escaped; `colour` adds the terminal's own sequences and nothing else.
pub fn render(diagnostics: &[Diagnostic], files: &[File], colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(WIDTH);
    let mut lines = Lines::new(files);
    let mut text = String::new();
    for diagnostic in diagnostics {
        text.push_str(&one(diagnostic, &mut lines, &renderer));
        text.push_str("\n\n");
    }
    text
}

fn one(diagnostic: &Diagnostic, lines: &mut Lines<'_>, renderer: &Renderer) -> String {
    let Diagnostic { place, length, message, help, other } = diagnostic;
    let mut group = Level::ERROR.primary_title(shown(message)).elements(None::<Origin<'_>>);
    if place.line > 0 {
        let kind = AnnotationKind::Primary;
        group = excerpt(group, place, *length, lines.find(place), kind, None);
    }
    if let Some((place, label)) = other {
        let kind = AnnotationKind::Context;
        group = excerpt(group, place, 0, lines.find(place), kind, Some(shown(label)));
    }
    let group = group.element(Level::HELP.message(shown(help)));
    renderer.render(&[group])
}

fn excerpt<'g>(
    group: Group<'g>,
    place: &Place,
    length: u32,
    line: Option<&str>,
    kind: AnnotationKind,
    label: Option<String>,
) -> Group<'g> {
    let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let path = shown(&place.file);
    let Some(line) = line else {
        let origin = Origin::path(path).line(size(place.line));
        return group.element(origin.char_column(size(place.column)));
    };
    let cut = Cut::of(line, size(place.column).saturating_sub(1), size(length));
    let annotation = kind.span(cut.start..cut.end).label(label);
    let snippet = Snippet::source(cut.text).line_start(size(place.line)).annotation(annotation);
    if cut.whole {
        return group.element(snippet.path(path));
    }
    // The renderer counts columns in what it is given, which here is only a part of the line.
    let origin = Origin::path(path).line(size(place.line)).char_column(size(place.column));
    group.element(origin).element(snippet)
}

/// A line fit to be shown, with the bytes to underline.
struct Cut {
    text: String,
    start: usize,
    end: usize,
    whole: bool,
}

impl Cut {
    fn of(line: &str, column: usize, length: usize) -> Self {
        let all = line.chars().count();
        let column = column.min(all);
        let length = if length == 0 { word_length(line, column) } else { length };
        let whole = all <= LINE_MAX;
        let from = if whole { 0 } else { column.saturating_sub(BEFORE_CARET) };
        let to = if whole { all } else { all.min(from.saturating_add(WIDTH)) };
        let last = column.saturating_add(length.min(UNDERLINED_MAX)).min(to);
        let mut cut = Self { text: String::new(), start: 0, end: 0, whole };
        let visible = line.chars().enumerate().skip(from).take(to.saturating_sub(from));
        for (index, c) in visible {
            if index == column {
                cut.start = cut.text.len();
            }
            cut.text.push(visibly(c));
            if index < last {
                cut.end = cut.text.len();
            }
        }
        if column >= to {
            cut.start = cut.text.len();
        }
        cut.end = cut.end.max(cut.start);
        cut
    }
}

/// One character for one, so that columns stay true.
fn visibly(c: char) -> char {
    match c {
        '\t' => '→',
        '\u{7f}' => '␡',
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        _ if is_hidden(c) => '\u{fffd}',
        _ => c,
    }
}

/// The characters of the word at `column`, at least one.
fn word_length(line: &str, column: usize) -> usize {
    let ends = |c: &char| c.is_whitespace() || matches!(c, ',' | ']' | '}' | ':');
    line.chars().skip(column).take_while(|c| !ends(c)).count().max(1)
}

/// The lines of the files, split when first asked for.
struct Lines<'f> {
    files: HashMap<&'f str, &'f File>,
    split: HashMap<&'f str, Vec<&'f str>>,
}

impl<'f> Lines<'f> {
    fn new(files: &'f [File]) -> Self {
        Self {
            files: files.iter().map(|file| (&*file.path, file)).collect(),
            split: HashMap::new(),
        }
    }

    fn find(&mut self, place: &Place) -> Option<&'f str> {
        let (path, file) = self.files.get_key_value(&*place.file)?;
        let lines = self.split.entry(path).or_insert_with(|| file.body().lines().collect());
        let index = usize::try_from(place.line).ok()?.checked_sub(1)?;
        // A file cut right after a line break ends on an empty line that `lines` does not count.
        lines.get(index).copied().or_else(|| (index == lines.len()).then_some(""))
    }
}
