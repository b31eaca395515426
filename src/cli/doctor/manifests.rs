//! Whether the manifests are valid, within the ceilings, and about to change by themselves.

use super::finding::Finding;
use super::{CHECK_MAX, Case};
use crate::desired::{Ceilings, Tree};
use crate::manifest::{self, Diagnostic};
use crate::source::{Origin, Unreadable};
use jiff::Timestamp;

const CHECK: &str = "manifests";
/// Mistakes that are told one by one.
const TOLD_MAX: usize = 5;

/// Why there is no tree.
enum Refused {
    Unreadable(Unreadable),
    Invalid(Vec<Diagnostic>),
}

pub(super) async fn look(case: &Case) -> (Option<Tree>, Vec<Finding>) {
    let Some(origin) = case.manifests.clone() else {
        let found = "not looked at: give --manifests or --git";
        return (None, vec![Finding::note(CHECK, found)]);
    };
    let ceilings = case.config.ceilings();
    // A folder may be on a mount that hangs.
    let read = tokio::spawn({
        let origin = origin.clone();
        async move { read(&origin, &ceilings).await }
    });
    match tokio::time::timeout(CHECK_MAX, read).await {
        Ok(Ok(Ok((tree, files)))) => {
            let findings = accepted(&tree, files, case.clock.now().wall);
            (Some(tree), findings)
        }
        Ok(Ok(Err(refused))) => (None, told(&refused, &origin)),
        _ => {
            let found = format!("{origin} could not be read in time");
            (None, vec![Finding::fail(CHECK, found, "look for a mount or a host that hangs")])
        }
    }
}

async fn read(origin: &Origin, ceilings: &Ceilings) -> Result<(Tree, usize), Refused> {
    let snapshot = origin.read().await.map_err(Refused::Unreadable)?;
    let tree = manifest::accept(&snapshot.files, snapshot.revision(), Some(ceilings));
    Ok((tree.map_err(Refused::Invalid)?, snapshot.files.len()))
}

fn told(refused: &Refused, origin: &Origin) -> Vec<Finding> {
    let (mut findings, count): (Vec<Finding>, usize) = match refused {
        Refused::Unreadable(Unreadable { problems, commit: _ }) => {
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
        let advice = match origin {
            Origin::Folder(folder) => format!("classiclinkd validate {}", folder.display()),
            Origin::Git(_) => "classiclinkd validate, in a checkout of it".to_owned(),
        };
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
