//! Collects the mistakes of one file.

use super::{Diagnostic, FINDINGS_MAX};
use crate::desired::Place;
use std::sync::Arc;

/// A stretch of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// In characters; 0 for the word that stands there.
    pub length: u32,
}

impl Spot {
    pub(super) const START: Self = Self { line: 1, column: 1, length: 0 };

    pub(super) fn place(self, file: &Arc<str>) -> Place {
        Place { file: Arc::clone(file), line: self.line, column: self.column }
    }
}

/// The mistakes of one file, at most [`FINDINGS_MAX`]; further ones are counted.
#[derive(Debug)]
pub(super) struct Findings {
    file: Arc<str>,
    list: Vec<Diagnostic>,
    left_out: usize,
}

impl Findings {
    pub(super) fn new(file: &Arc<str>) -> Self {
        Self { file: Arc::clone(file), list: Vec::new(), left_out: 0 }
    }

    pub(super) fn file(&self) -> &Arc<str> {
        &self.file
    }

    pub(super) fn count(&self) -> usize {
        self.list.len().saturating_add(self.left_out)
    }

    pub(super) fn add(&mut self, spot: Spot, message: impl Into<String>, help: impl Into<String>) {
        self.push(spot, message.into(), help.into(), None);
    }

    /// A mistake that another place has a part in.
    pub(super) fn add_with(
        &mut self,
        spot: Spot,
        message: impl Into<String>,
        help: impl Into<String>,
        other: (Spot, &str),
    ) {
        let other = Some((other.0.place(&self.file), other.1.to_owned()));
        self.push(spot, message.into(), help.into(), other);
    }

    fn push(&mut self, spot: Spot, message: String, help: String, other: Option<(Place, String)>) {
        if self.list.len() >= FINDINGS_MAX {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let place = spot.place(&self.file);
        self.list.push(Diagnostic { place, length: spot.length, message, help, other });
    }

    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        if let Some(last) = self.list.last_mut().filter(|_| self.left_out > 0) {
            let more = format!("; {} more mistakes of this file are not shown", self.left_out);
            last.help.push_str(&more);
        }
        self.list
    }
}
