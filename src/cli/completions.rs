//! `completions`: for the shell.

use super::{Cli, Exit, Failure, terminal};
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

/// Write completions for a shell, to stdout
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  classiclinkd completions bash > /etc/bash_completion.d/classiclinkd"
)]
pub(super) struct Options {
    /// Which shell
    shell: Shell,
}

pub(super) fn main(options: &Options) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(options.shell, &mut command(), "classiclinkd", &mut text);
    terminal::out(&String::from_utf8(text)?)?;
    Ok(Exit::Clean)
}

/// The whole command line, for the reference.
pub fn command() -> clap::Command {
    Cli::command()
}
