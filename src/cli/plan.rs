//! `plan`: what would be done, and why. Holds no way to change anything.

use super::{Exit, Failure, Globals, Manifests, logging, planfile, proposals, setup, terminal};
use crate::report::{Report, Standing, json, markdown, text};
use crate::source::{self, Origin};
use clap::{Args, ValueEnum};
use std::io::IsTerminal as _;
use std::path::PathBuf;

/// Show what would be done, and why; change nothing
///
/// Reads the manifests and the cloud, compares, and asks the gate. The exit code says what was
/// found: 0 nothing to do, 2 changes pending, 3 held by the gate, 4 observation incomplete, 1 error.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    classiclinkd plan --manifests manifests/\n  \
    classiclinkd plan --manifests manifests/ --output markdown > comment.md\n  \
    classiclinkd plan --manifests manifests/ --out plan.json; classiclinkd apply --plan plan.json")]
pub(super) struct Options {
    #[command(flatten)]
    manifests: Manifests,
    /// How the plan is printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
    /// Save the plan, for `apply --plan`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How a plan is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For a terminal
    #[default]
    Text,
    /// Versioned and stable
    Json,
    /// For a pull request's comment
    Markdown,
}

impl Output {
    /// Prints a report; what could not be read is said on stderr, too, unless a person has just read it.
    pub fn print(self, report: &Report) -> Result<(), Failure> {
        let unread = self != Self::Text || !std::io::stdout().is_terminal();
        for scope in report.scopes.iter().filter(|of| unread && of.standing() >= Standing::Partial)
        {
            for refusal in &scope.refusals {
                terminal::error(&format!("{}: {refusal}", scope.scope));
            }
        }
        terminal::out(&match self {
            Self::Text => text::render(report, terminal::colour()),
            Self::Json => json::render(report),
            Self::Markdown => markdown::render(report),
        })
    }
}

/// The journal knows no plan by its first digits that only this command has seen: `approve` needs all.
fn spell_out(report: &mut Report) {
    for scope in &mut report.scopes {
        let Some(digest) = &scope.digest else { continue };
        let (short, whole) = (format!("approve {}", digest.short()), format!("approve {digest}"));
        for refusal in &mut scope.refusals {
            refusal.way_out = refusal.way_out.replace(&short, &whole);
        }
    }
}

pub(super) async fn main(options: Options, globals: Globals) -> Result<Exit, Failure> {
    let mut config = setup::config(&globals)?;
    logging::start(&config, "warn")?;
    let clock = setup::clock();
    let origin = options.manifests.origin(&config)?;
    // First, because it finds out which accounts there are.
    let clients = setup::clients(&mut config, &clock).await?;
    let tree = setup::tree(&origin, &config).await?;
    let circumstances = setup::supposed(&tree, &origin, &config, &clock).await?;
    let (_, reads) = setup::reads(&config, &clients, &clock);
    let found = proposals::all(&tree, &reads, &circumstances, config.workers).await;
    let mut report = proposals::report(&tree, &found);
    spell_out(&mut report);
    if let Some(path) = &options.out {
        planfile::save(path, &report, &origin, config.endpoint.as_deref())?;
        let from = match &origin {
            // A repository is never taken from the file.
            Origin::Git(_) => format!(" {}", source::options(&origin.name()?)),
            Origin::Folder(_) => String::new(),
        };
        terminal::note(&format!(
            "saved; carry it out with: classiclinkd apply --plan {}{from}",
            path.display()
        ));
    }
    options.output.print(&report)?;
    Ok(report.standing().into())
}
