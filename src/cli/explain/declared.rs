//! What manifests, and what was said beside them, say of an instance.

use super::Question;
use crate::cli::setup;
use crate::desired::Tree;
use crate::journal::PauseFile;
use crate::ledger::FLAPS;
use crate::ledger::event::{Pause, Target};
use crate::model::{Revision, Scope, printable};
use crate::report::explanation::{Concern, Declared, Listing, Source};
use crate::report::history::text::time;
use jiff::Timestamp;
use std::collections::BTreeSet;

pub(super) fn by_manifests(question: &Question<'_>, scopes: &BTreeSet<Scope>) -> Declared {
    let tree = question.tree;
    let listings = tree.into_iter().flat_map(|tree| listings(question, tree)).collect();
    let mut concerns: BTreeSet<Concern> =
        scopes.iter().flat_map(|scope| of_link(question, scope)).collect();
    concerns.extend(scopes.iter().filter_map(|scope| paused(question, scope)));
    if let (Some(concern), false) = (pause_file(question), scopes.is_empty()) {
        concerns.insert(concern);
    }
    Declared {
        source: tree.map(|tree| source(question, tree)),
        listings,
        concerns: concerns.into_iter().collect(),
    }
}

fn source(question: &Question<'_>, tree: &Tree) -> Source {
    let (accepted, at) = match question.past.ledger.accepted() {
        Some(accepted) if accepted.revision.digest == tree.revision.digest => {
            (Some(accepted), accepted_at(question))
        }
        _ => (None, None),
    };
    let given = question.manifests.and_then(|origin| origin.name().ok());
    let revision: &Revision = accepted.map_or(&tree.revision, |accepted| &accepted.revision);
    Source {
        root: given.or(accepted.map(|accepted| accepted.root.clone())).unwrap_or_default(),
        revision: revision.clone(),
        accepted: at,
    }
}

fn accepted_at(question: &Question<'_>) -> Option<Timestamp> {
    let seq = question.past.ledger.accepted_by()?;
    let item = question.past.items.iter().find(|item| item.seq == seq)?;
    Some(item.at)
}

fn listings(question: &Question<'_>, tree: &Tree) -> Vec<Listing> {
    let now = question.clock.now().wall;
    let wanted = |scope: &Scope| question.account.is_none_or(|of| scope.account == *of);
    let scopes = tree.scopes.iter().filter(|(scope, _)| wanted(scope));
    let listed = scopes.filter_map(|(scope, desired)| {
        let said = desired.links.get(question.instance)?;
        Some(Listing {
            scope: scope.clone(),
            mode: desired.mode,
            place: said.place.clone(),
            until: said.until,
            holds: said.holds_at(now),
            protected: said.protected,
            reason: said.reason.clone(),
        })
    });
    listed.collect()
}

/// What protects it, gave it back, or makes it a dispute, in one scope.
fn of_link(question: &Question<'_>, scope: &Scope) -> Vec<Concern> {
    let (ledger, id) = (&question.past.ledger, question.instance);
    let mut found = Vec::new();
    if ledger.is_protected(scope, id) {
        found.push(Concern {
            kind: "protected",
            message: format!("an accepted revision protects it for {scope}"),
            way_out:
                "list it without `protected: true`, let that revision be accepted, and remove \
                      it in a later one"
                    .to_owned(),
        });
    }
    if let Some(hold) = ledger.restored(scope, id) {
        found.push(Concern {
            kind: "undone",
            message: format!(
                "{} gave it back for {scope} at {} (undo of {}, by {}), and holds it",
                hold.run,
                time(hold.since),
                printable(&hold.of),
                printable(&hold.by)
            ),
            way_out: "let another revision be accepted, or run `classiclinkd resume`".to_owned(),
        });
    }
    if let Some(last) = ledger.flapping(scope, id, question.clock.now()) {
        found.push(Concern {
            kind: "flapping",
            message: format!(
                "it was detached from {} {FLAPS} times within an hour, the last time at {}",
                scope.vpc,
                time(last)
            ),
            way_out: "find out who attaches it; a day after the last time it is detached again"
                .to_owned(),
        });
    }
    found
}

fn paused(question: &Question<'_>, scope: &Scope) -> Option<Concern> {
    let (since, pause) = question.past.ledger.paused(scope)?;
    let Pause { target, by, reason, .. } = pause;
    let reason = reason.as_deref().map(|why| format!(": {}", printable(why))).unwrap_or_default();
    Some(Concern {
        kind: "paused",
        message: format!(
            "calls of {target} are paused by {} since {}{reason}",
            printable(by),
            time(since)
        ),
        way_out: format!("classiclinkd resume{}", options(target)),
    })
}

/// The options that name a target.
fn options(target: &Target) -> String {
    match target {
        Target::All => String::new(),
        Target::Account(account) => format!(" --account {account}"),
        Target::Lane(lane) => format!(" --account {} --region {}", lane.account, lane.region),
        Target::Scope(Scope { account, region, vpc }) => {
            format!(" --account {account} --region {region} --vpc {vpc}")
        }
    }
}

fn pause_file(question: &Question<'_>) -> Option<Concern> {
    let folder = setup::state_folder(question.config).ok()?;
    let said = PauseFile::of(&folder).said()?;
    let said = if said.is_empty() { String::new() } else { format!(": {}", printable(&said)) };
    Some(Concern {
        kind: "paused",
        message: format!("calls are paused by the file `pause` in the state folder{said}"),
        way_out: "remove the file".to_owned(),
    })
}
