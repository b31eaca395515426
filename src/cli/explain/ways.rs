//! What would change how a link stands: the next steps of a person.

use super::Question;
use crate::model::{Mode, Scope};
use crate::plan::Missing;
use crate::report::explanation::{Decision, Explanation, Fate, Listing};
use crate::report::history::text::time;
use crate::source;

pub(super) fn of(question: &Question<'_>, explanation: &Explanation) -> Vec<String> {
    let mut ways = Vec::new();
    if !explanation.is_known() {
        ways.push(format!(
            "check the id {}, the account and the region; to link it, list it in a manifest with \
             `mode: sync`",
            explanation.instance
        ));
        return ways;
    }
    for decision in &explanation.decisions {
        ways.extend(by_decision(question, explanation, decision));
    }
    for concern in &explanation.declared.concerns {
        let refused = explanation.decisions.iter().flat_map(|decision| &decision.refusals);
        if refused.clone().all(|(rule, _, _)| !is_about(concern.kind, rule)) {
            ways.push(format!("it is {}: {}", concern.kind, concern.way_out));
        }
    }
    if explanation.observed.not_asked.is_some() {
        ways.push(
            "to know how it stands now, ask the cloud: without --offline, and with credentials"
                .to_owned(),
        );
    }
    let mut seen = std::collections::BTreeSet::new();
    ways.retain(|way| seen.insert(way.clone()));
    ways
}

/// Whether the refusal says already what the concern would.
fn is_about(concern: &str, rule: &str) -> bool {
    concern == rule || (concern, rule) == ("paused", "pause")
}

fn by_decision(
    question: &Question<'_>,
    explanation: &Explanation,
    decision: &Decision,
) -> Vec<String> {
    let scope = &decision.scope;
    let listing = explanation.declared.listings.iter().find(|listing| listing.scope == *scope);
    let file = file(question, scope);
    match &decision.fate {
        Fate::Stays => listing.map(to_let_go).unwrap_or_default(),
        Fate::Goes => vec![to_keep(listing, &file), taken_by(explanation)],
        Fate::Held => {
            let mut ways: Vec<String> =
                decision.refusals.iter().map(|(rule, _, way)| format!("{rule}: {way}")).collect();
            if !decision.refusals.iter().any(|(_, _, way)| way.contains("list it in")) {
                ways.push(to_keep(listing, &file));
            }
            ways
        }
        Fate::Comes => {
            let mut ways = vec![taken_by(explanation)];
            ways.extend(
                listing.map(|listing| {
                    format!("to leave it unlinked: remove it from {}", listing.place)
                }),
            );
            ways
        }
        Fate::Missing(state) => missing(state, listing, &file),
        Fate::NotOurs => vec![format!(
            "to manage it: declare its VPC, beginning with: classiclinkd import --account {} --region {} \
             --vpc {}",
            scope.account, scope.region, scope.vpc
        )],
        Fate::Went => {
            let run = question.last_deed(scope).and_then(|deed| deed.run);
            let undo =
                run.map(|run| format!(", or give back what {run} took: classiclinkd undo {run}"));
            let undo = undo.unwrap_or_default();
            vec![format!("to have it back: list it in {file} with `mode: sync`{undo}")]
        }
        Fate::NotLinked => vec![format!("to link it: list it in {file} with `mode: sync`")],
        Fate::Undecided => {
            decision.refusals.iter().map(|(rule, _, way)| format!("{rule}: {way}")).collect()
        }
    }
}

fn to_let_go(listing: &Listing) -> Vec<String> {
    let place = &listing.place;
    let mut ways = vec![match listing.protected {
        true => format!(
            "to let it go: take `protected: true` away at {place}, let that revision be accepted, and \
             remove it in a later one"
        ),
        false => format!("to let it go: remove it from {place}"),
    }];
    if listing.mode == Mode::Observe {
        ways.push("and nothing is detached in mode `observe`: set `mode: detach`".to_owned());
    }
    if let Some(until) = listing.until {
        ways.push(format!("or wait: its exception ends at {}", time(until)));
    }
    ways
}

/// An exception that is over is listed already.
fn to_keep(listing: Option<&Listing>, file: &str) -> String {
    match listing {
        Some(listing) => format!("to keep it: write a later `until` at {}", listing.place),
        None => format!("to keep it: list it in {file}"),
    }
}

fn taken_by(explanation: &Explanation) -> String {
    let source = explanation.declared.source.as_ref();
    let root = source.map(|source| source::options(&source.root)).unwrap_or_default();
    match source.is_some_and(|source| source.accepted.is_some()) {
        true => format!(
            "to have it done: the next pass of the daemon does it, or classiclinkd apply {root}"
        ),
        false => format!(
            "to have it done: let this revision be accepted, by the daemon or by classiclinkd apply \
             {root}"
        ),
    }
}

fn missing(state: &Missing, listing: Option<&Listing>, file: &str) -> Vec<String> {
    let mut ways = Vec::new();
    let sync = listing.is_some_and(|listing| listing.mode == Mode::Sync);
    match state {
        Missing::Unlinked if sync => ways.push("wait: the next pass attaches it".to_owned()),
        Missing::Unlinked => {
            ways.push(format!(
                "to have it linked: set `mode: sync` in {file}, or attach it by hand"
            ));
        }
        Missing::Elsewhere(vpc) => {
            ways.push(format!("to have it linked: its link to {vpc} has to go first"));
        }
        Missing::Unknown => {
            ways.push("to have it linked: correct its id, region or account".to_owned());
        }
    }
    ways.extend(
        listing.map(|listing| format!("to stop asking for it: remove it from {}", listing.place)),
    );
    ways
}

/// The manifest that declares a scope, for a person to edit.
fn file(question: &Question<'_>, scope: &Scope) -> String {
    let desired = question.tree.and_then(|tree| tree.scopes.get(scope));
    let origin = desired.and_then(|desired| desired.origins.first());
    origin.map_or_else(|| format!("a manifest of {}", scope.vpc), |of| of.place.file.to_string())
}
