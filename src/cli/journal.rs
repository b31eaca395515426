//! `journal`: the record itself.

use super::resume::second;
use super::{Exit, Failure, Globals, logging, setup, terminal};
use crate::journal::{self, JournalError, Verified};
use clap::{Args, Subcommand};
use std::path::Path;

/// Check the journal
///
/// `journal verify` recomputes the hash of every entry. Each holds the hash of the one before, so that
/// nothing can be changed, added or taken out in between without being seen. Keep the head that it
/// prints somewhere else: entries cut off at the end show only against that. Exit codes: 0 the chain
/// holds, 1 it does not, or there is none.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  classiclinkd journal verify --state /var/lib/classiclinkd")]
pub(super) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Check that no entry was changed, added or taken out
    #[command(after_help = "Example:\n  classiclinkd journal verify")]
    Verify,
}

pub(super) fn main(options: &Options, globals: &Globals) -> Result<Exit, Failure> {
    let config = setup::config(globals)?;
    logging::start(&config, "warn")?;
    let folder = setup::state_folder(&config)?;
    match options.what {
        What::Verify => match journal::verify(&folder) {
            Ok(verified) => terminal::out(&found(&verified))?,
            Err(error) => return Err(broken(&folder, &error)),
        },
    }
    Ok(Exit::Clean)
}

fn found(verified: &Verified) -> String {
    let Verified { entries, forgotten, first, last } = verified;
    let (Some((_, from)), Some((seq, to, head))) = (first, last) else {
        return format!("no entries, {forgotten} older ones forgotten\n");
    };
    let entries = if *entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") };
    let (from, to) = (second(*from), second(*to));
    format!(
        "{entries}, from {from} to {to}, {forgotten} older ones forgotten; the chain holds; head {head} \
         (entry {seq})\n"
    )
}

fn broken(folder: &Path, error: &JournalError) -> Failure {
    let JournalError::Broken(seq) = error else { return Failure(error.to_string()) };
    let file = folder.join(journal::FILE);
    Failure(format!(
        "verify the journal {}: entry {seq} is the first that does not fit the chain, so the file was \
         changed or damaged from there on; stop the daemon, keep the file and its -wal and -shm for \
         inspection, and put back a copy that verifies, or move them away to start a new one (which \
         forgets budgets, pauses and protected links)",
        file.display()
    ))
}
