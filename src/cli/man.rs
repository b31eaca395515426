//! `man`: manual pages, for those who package the program.

use super::{Exit, Failure, completions, terminal};
use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::fs;
use std::path::{Path, PathBuf};

const NAME: &str = "classiclinkd";

/// Write manual pages: one of the whole, and one of each command
///
/// Pages of the same name are overwritten; nothing else in the folder is touched.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  classiclinkd man --out /usr/local/share/man/man1")]
pub(super) struct Options {
    /// Folder for the pages; it is made where it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn main(options: &Options) -> Result<Exit, Failure> {
    let out = &options.out;
    let fail = |path: &Path, error: &std::io::Error| {
        Failure(format!("write manual pages to {}: {error}", path.display()))
    };
    fs::create_dir_all(out).map_err(|error| fail(out, &error))?;
    let pages = pages(completions::command())?;
    for (file, page) in &pages {
        let path = out.join(file);
        fs::write(&path, page).map_err(|error| fail(&path, &error))?;
    }
    terminal::note(&format!("{} pages written to {}", pages.len(), out.display()));
    Ok(Exit::Clean)
}

/// Every page, by the name of its file.
fn pages(mut whole: Command) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    whole.build();
    let mut pages = vec![(format!("{NAME}.1"), page(&whole, NAME, false)?)];
    for command in whole.get_subcommands().filter(|command| command.get_name() != "help") {
        let name = format!("{NAME}-{}", command.get_name());
        pages.push((format!("{name}.1"), page(command, &name, true)?));
    }
    Ok(pages)
}

/// A page. Examples and what all commands share are in sections of their own, where the renderer would
/// put them under `EXTRA`, without their lines.
fn page(command: &Command, name: &str, is_part: bool) -> Result<Vec<u8>, Failure> {
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let man = Man::new(command.clone())
        .title(name.to_uppercase())
        .source(format!("{NAME} {}", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut more = Roff::default();
    commands(&mut more, command, is_part);
    examples(&mut more, &after);
    others(&mut more, is_part);
    more.to_writer(&mut page)?;
    Ok(page)
}

/// What a command consists of. Those of the whole have a page each, and are called as that is.
fn commands(more: &mut Roff, command: &Command, is_part: bool) {
    let parts = command.get_subcommands().filter(|part| part.get_name() != "help");
    let mut parts = parts.peekable();
    if parts.peek().is_some() {
        more.control("SH", ["COMMANDS"]);
    }
    for part in parts {
        let name = part.get_name();
        more.control("TP", []);
        more.text(if is_part {
            vec![bold(name)]
        } else {
            vec![bold(format!("{NAME}-{name}")), roman("(1)")]
        });
        more.text([roman(part.get_about().map(ToString::to_string).unwrap_or_default())]);
    }
}

/// `Examples:` and indented lines become a section of lines as they are; what follows, paragraphs.
fn examples(more: &mut Roff, after: &str) {
    let mut paragraphs = after.split("\n\n");
    let lines: Vec<_> = paragraphs.next().unwrap_or_default().lines().skip(1).collect();
    if !lines.is_empty() {
        more.control("SH", ["EXAMPLES"]);
        more.control("nf", []);
        for line in lines {
            more.text([roman(line.trim())]);
        }
        more.control("fi", []);
    }
    for paragraph in paragraphs {
        more.control("SH", ["CREDENTIALS AND EXIT CODES"]);
        more.text([roman(paragraph.replace('\n', " "))]);
    }
}

fn others(more: &mut Roff, is_part: bool) {
    more.control("SH", ["SEE ALSO"]);
    if is_part {
        more.text([bold(NAME), roman("(1)")]);
    } else {
        let about = "docs/operations.md: running it, holds, incidents, alerts. \
                     docs/reference: manifests, configuration, commands, refusals, metrics.";
        more.text([roman(about)]);
    }
}
