//! `validate`: checks manifests; no credentials, no network.

use super::{Exit, Failure, Globals, setup, terminal};
use crate::desired::Tree;
use crate::manifest::{self, File};
use crate::model::{Digest, Revision};
use crate::source;
use clap::Args;
use std::path::{Path, PathBuf};

/// Check manifests; needs no credentials and no network
///
/// Every mistake of every file is reported at once, with file, line, column and what to write
/// instead. All paths together are taken for one tree, so contradictions between them are found.
/// With --config, the accounts and ceilings of the configuration count, too. Exit code 0 or 1.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    classiclinkd validate manifests/\n  \
    git diff --name-only --diff-filter=d main -- '*.yaml' | xargs -r classiclinkd validate")]
pub(super) struct Options {
    /// Manifest files, and folders of them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(super) fn main(options: &Options, globals: &Globals) -> Result<Exit, Failure> {
    let config = setup::config(globals)?;
    let ceilings = (globals.config.is_some() || !globals.set.is_empty()).then(|| config.ceilings());
    let mut files = Vec::new();
    let mut unreadable = Vec::new();
    for path in &options.paths {
        match read(path) {
            Ok(found) => files.extend(found),
            Err(why) => unreadable.push(why),
        }
    }
    if !unreadable.is_empty() {
        return Err(Failure(unreadable.join("\n")));
    }
    let revision = Revision::of_content(Digest::of([]));
    match manifest::accept(&files, revision, ceilings.as_ref()) {
        Ok(tree) => {
            note_expiring(&tree);
            let links: usize = tree.scopes.values().map(|desired| desired.links.len()).sum();
            let (files, scopes) = (files.len(), tree.scopes.len());
            let counts = [(files, "file"), (scopes, "VPC"), (links, "link")];
            let counted =
                counts.map(|(n, noun)| format!("{n} {noun}{}", if n == 1 { "" } else { "s" }));
            terminal::out(&format!("valid: {}\n", counted.join(", ")))?;
            Ok(Exit::Clean)
        }
        Err(diagnostics) => {
            terminal::note(&manifest::render(&diagnostics, &files, terminal::colour_on_stderr()));
            let count = diagnostics.len();
            let mistakes = if count == 1 { "mistake" } else { "mistakes" };
            terminal::error(&format!(
                "{count} {mistakes}; a tree with a mistake is not accepted as a whole"
            ));
            Ok(Exit::Error)
        }
    }
}

/// Says which links end soon: a review is the last time somebody looks before they do.
fn note_expiring(tree: &Tree) {
    let now = setup::clock().now().wall;
    for desired in tree.scopes.values() {
        for expiring in desired.expiring_at(now) {
            let (scope, instance) = (&desired.scope, &expiring.instance);
            terminal::note(&format!("note: {scope}: the link of {instance} ends {expiring}"));
        }
    }
}

/// The files of a path, named as the operator would name them.
fn read(path: &Path) -> Result<Vec<File>, String> {
    if path.is_dir() {
        let snapshot = source::read(path).map_err(|why| why.to_string())?;
        let named = |file: File| {
            let name = path.join(&*file.path).display().to_string();
            file.at(&name)
        };
        return Ok(snapshot.files.into_iter().map(named).collect());
    }
    let fail = |why: String| format!("read {}: {why}", path.display());
    let unread = |error: std::io::Error| {
        fail(format!("{error}; name manifest files, and folders of them, that this user may read"))
    };
    let size = std::fs::metadata(path).map_err(unread)?.len();
    if size > manifest::FILE_BYTES_MAX {
        return Err(fail(format!("it is larger than {} bytes", manifest::FILE_BYTES_MAX)));
    }
    let text = std::fs::read_to_string(path).map_err(unread)?;
    Ok(vec![File::new(path.display().to_string(), text)])
}
