//! Manifests: files in, documents with positions out, or every mistake of every file at once.
//!
//! The only module that names `serde_yaml`. It reads a strict subset of YAML through the parser's
//! events instead of through `serde`, because a person who wrote five mistakes wants to see five,
//! each with its place, and because what decides here is how a value was *written*: `"5"` is not
//! `5`, an absent list is not an empty one.

use crate::desired::{Ceilings, Conflict, Document, Tree};
use crate::model::{Digest, Revision};
use std::sync::Arc;

mod cut_off;
mod diagnostic;
mod document;
mod entry;
mod fields;
mod findings;
mod format;
mod header;
mod raw;
mod plain;
mod render;
mod scalar;
mod shelf;
mod syntax;
mod together;
mod windows;
mod yaml;

pub use cut_off::cut_off;
pub use diagnostic::Diagnostic;
pub use format::{schema, write};
pub use plain::value;
pub use render::render;
pub use shelf::Shelf;

/// The `apiVersion` of a manifest.
pub const API_VERSION: &str = "classiclinkd/v1";
/// The `kind` of a manifest.
pub const KIND: &str = "ClassicLinkSet";
/// Largest manifest file, in bytes.
pub const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Largest tree of manifests, in bytes over all files.
pub const TREE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Most manifest files in a tree.
pub const FILES_MAX: usize = 100_000;
/// Most folders between the root and a manifest.
pub const DEPTH_MAX: usize = 32;
/// Most YAML documents in one file.
pub const DOCUMENTS_MAX: usize = 10_000;
/// Most lists and maps within each other. The format needs four.
pub const YAML_DEPTH_MAX: usize = 16;
/// Most YAML nodes in one file: what fits into a file of [`FILE_BYTES_MAX`] if it is a manifest.
pub const NODES_MAX: usize = 1_000_000;
/// Most anchors (`&name`) in one file.
pub const ANCHORS_MAX: usize = 1_000;
/// Most aliases (`*name`) in one file.
pub const ALIASES_MAX: usize = 1_000;
/// Most nodes that anchors and aliases may copy in one file.
pub const COPIES_MAX: usize = 100_000;
/// Most mistakes reported for one file, and most conflicts between files.
pub const FINDINGS_MAX: usize = 1_000;

/// One manifest file, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path below the root, with `/`.
    pub path: Arc<str>,
    /// The whole content.
    text: Arc<str>,
    /// Of the content.
    digest: Digest,
}

impl File {
    /// A file with its content.
    pub fn new(path: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        Self { path: path.into(), digest: Digest::of([text.as_bytes()]), text }
    }

    /// The same content under another path.
    #[must_use]
    pub fn at(self, path: &str) -> Self {
        if *self.path == *path { self } else { Self { path: path.into(), ..self } }
    }

    /// The whole content.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The digest of the content.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The content without the byte order mark that some editors put in front.
    fn body(&self) -> &str {
        self.text.strip_prefix('\u{feff}').unwrap_or(&self.text)
    }
}

/// Every document of every file, in the order of the files.
///
/// What cannot be noticed here: a file cut between two entries of its list, or between two
/// documents, is a whole valid manifest with fewer links. That is why a source waits until the
/// files rest, and why the gate limits what one revision may take away.
///
/// # Errors
/// Every mistake of every file, ordered by place. A file without any document is a mistake, too:
/// an editor that truncates before it writes leaves one for a moment.
pub fn parse(files: &[File]) -> Result<Vec<Document>, Vec<Diagnostic>> {
    Shelf::default().parse(files)
}

/// The desired state that the files declare, or why they declare none.
///
/// # Errors
/// Every mistake of every file; if there is none, every contradiction between documents and with
/// the `ceilings`. Files without any `ClassicLinkSet` are an error and never an empty desired
/// state: nothing declared is how a missing checkout looks.
pub fn accept(
    files: &[File],
    revision: Revision,
    ceilings: Option<&Ceilings>,
) -> Result<Tree, Vec<Diagnostic>> {
    Shelf::default().accept(files, revision, ceilings, None)
}

fn from_conflicts(mut conflicts: Vec<Conflict>) -> Vec<Diagnostic> {
    conflicts.sort();
    let left_out = conflicts.len().saturating_sub(FINDINGS_MAX);
    conflicts.truncate(FINDINGS_MAX);
    let mut diagnostics: Vec<_> = conflicts.into_iter().map(Diagnostic::from).collect();
    if let Some(last) = diagnostics.last_mut().filter(|_| left_out > 0) {
        last.help.push_str(&format!("; {left_out} more conflicts are not shown"));
    }
    diagnostics
}

#[cfg(test)]
mod tests;
