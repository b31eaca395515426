//! Whether the manifests are valid, within the ceilings, and about to change by themselves.

use super::finding::Finding;
use super::{CHECK_MAX, Case, blocking};
use crate::desired::{Ceilings, Tree};
use crate::manifest::{self, Diagnostic};
use crate::model::Revision;
use crate::source::{self, Unreadable};
use jiff::Timestamp;
use std::path::Path;

const CHECK: &str = "manifests";
/// Mistakes that are told one by one.
const TOLD_MAX: usize = 5;

/// Why there is no tree.
enum Refused {
    Unreadable(Unreadable),
    Invalid(Vec<Diagnostic>),
}

pub(super) async fn look(case: &Case) -> (Option<Tree>, Vec<Finding>) {
    let Some(folder) = case.manifests.clone() else {
        let found = "not looked at: give --manifests";
        return (None, vec![Finding::note(CHECK, found)]);
    };
    let ceilings = case.config.ceilings();
    let read = blocking({
        let folder = folder.clone();
        move || read(&folder, &ceilings)
    });
    match tokio::time::timeout(CHECK_MAX, read).await {
        Ok(Ok(Ok((tree, files)))) => {
            let findings = accepted(&tree, files, case.clock.now().wall);
            (Some(tree), findings)
        }
        Ok(Ok(Err(refused))) => (None, told(&refused, &folder)),
        _ => {
            let found = format!("{} could not be read in time", folder.display());
            (None, vec![Finding::fail(CHECK, found, "look for a mount that hangs")])
        }
    }
}

fn read(folder: &Path, ceilings: &Ceilings) -> Result<(Tree, usize), Refused> {
    let snapshot = source::read(folder).map_err(Refused::Unreadable)?;
    let revision = Revision::of_content(snapshot.digest.clone());
    let tree = manifest::accept(&snapshot.files, revision, Some(ceilings));
    Ok((tree.map_err(Refused::Invalid)?, snapshot.files.len()))
}

fn told(refused: &Refused, folder: &Path) -> Vec<Finding> {
    let (mut findings, count): (Vec<Finding>, usize) = match refused {
        Refused::Unreadable(Unreadable { problems }) => {
            let told = problems.iter().take(TOLD_MAX).map(|problem| {
                let found = format!("{}: {}", problem.path.display(), problem.why);
                Finding::fail(CHECK, found, &problem.help)
            });
            (told.collect(), problems.len())
        }
        Refused::Invalid(mistakes) => {
            let told = mistakes.iter().take(TOLD_MAX).map(|mistake| {
                let place = match mistake.place.line {
                    0 => String::new(),
                    _ => format!("{}: ", mistake.place),
                };
                Finding::fail(CHECK, format!("{place}{}", mistake.message), &mistake.help)
            });
            (told.collect(), mistakes.len())
        }
    };
    if count > TOLD_MAX {
        let found = format!("{} more mistakes", count - TOLD_MAX);
        let advice = format!("classiclinkd validate {}", folder.display());
        findings.push(Finding::fail(CHECK, found, advice));
    }
    findings
}

fn accepted(tree: &Tree, files: usize, now: Timestamp) -> Vec<Finding> {
    let links: usize = tree.scopes.values().map(|desired| desired.links.len()).sum();
    let counts = [(files, "file"), (tree.scopes.len(), "VPC"), (links, "link")];
    let counted = counts.map(|(n, noun)| format!("{n} {noun}{}", if n == 1 { "" } else { "s" }));
    let mut findings = vec![Finding::ok(CHECK, format!("valid: {}", counted.join(", ")))];
    let mut ending: Vec<_> = tree
        .scopes
        .values()
        .flat_map(|desired| desired.expiring_at(now).into_iter().map(|of| (of, &desired.scope)))
        .collect();
    ending.sort_by_key(|(expiring, _)| expiring.until);
    if let Some((first, scope)) = ending.first() {
        let more = match ending.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let found = format!(
            "{scope}: the link of {} ends {first}{more}, and is detached then",
            first.instance
        );
        findings.push(Finding::warn(
            CHECK,
            found,
            "move or drop its `until` if it should stay; `plan` names all of them",
        ));
    }
    findings
}
