//! An explanation for a terminal: five parts, each with its evidence.

use super::{Decision, Declared, Explanation, Fate, Listing, Observed, Sighting};
use crate::model::{Revision, printable};
use crate::observed::Standing;
use crate::report::history::text::{self as past, revision, safe, time};
use std::fmt::Write as _;

/// The explanation as text, with a final newline.
pub fn render(explanation: &Explanation) -> String {
    let Explanation { instance, at, looked_at, .. } = explanation;
    let mut out = format!("{instance}, asked about at {}\n", time(*at));
    if !explanation.is_known() {
        let _ = writeln!(out, "\nnobody has ever heard of it; what was looked at:");
        lines(&mut out, looked_at);
        let _ = writeln!(out, "\nwhat would change it");
        lines(&mut out, &explanation.ways);
        return out;
    }
    declared(&mut out, &explanation.declared);
    observed(&mut out, &explanation.observed, instance.as_str());
    let _ = writeln!(out, "\ndecision");
    if explanation.decisions.is_empty() {
        let _ = writeln!(out, "  none: it has to do with no VPC that is declared");
    }
    for decision in &explanation.decisions {
        decided(&mut out, decision);
    }
    let _ = writeln!(out, "\npast actions, newest first");
    if explanation.deeds.is_empty() {
        let _ = writeln!(out, "  none in the journal");
    }
    for line in past::render(&explanation.deeds, true).lines() {
        let _ = writeln!(out, "  {line}");
    }
    let _ = writeln!(out, "\nwhat would change it");
    lines(&mut out, &explanation.ways);
    out
}

fn lines(out: &mut String, lines: &[String]) {
    for line in lines {
        let _ = writeln!(out, "  - {}", safe(line));
    }
}

fn declared(out: &mut String, declared: &Declared) {
    let _ = writeln!(out, "\ndeclared");
    for listing in &declared.listings {
        let _ = writeln!(out, "  {}", listed(listing));
    }
    if declared.listings.is_empty() {
        let _ = writeln!(out, "  no manifest lists it");
    }
    match &declared.source {
        None => {
            let _ = writeln!(out, "  there are no manifests to go by: none was accepted yet");
        }
        Some(source) => {
            let accepted = match source.accepted {
                Some(at) => format!("accepted at {}", time(at)),
                None => "not accepted, as far as the journal knows".to_owned(),
            };
            let Revision { digest, commit, .. } = &source.revision;
            let commit = commit.as_ref().map(|_| format!(", {}", revision(&source.revision)));
            let _ = writeln!(
                out,
                "  by {}, revision {}{}, {accepted}",
                safe(&source.root),
                digest.short(),
                commit.unwrap_or_default()
            );
        }
    }
    for concern in &declared.concerns {
        let _ = writeln!(out, "  [{}] {}", concern.kind, safe(&concern.message));
    }
}

fn listed(listing: &Listing) -> String {
    let Listing { scope, mode, place, until, holds, protected, reason } = listing;
    let mut line = format!("{} lists it for {scope}, mode {mode}", safe(&place.to_string()));
    match until {
        Some(until) if *holds => {
            let _ = write!(line, ", until {}", time(*until));
        }
        Some(until) => {
            let _ = write!(line, ", until {}, which is over", time(*until));
        }
        None => (),
    }
    if *protected {
        line.push_str(", protected");
    }
    if let Some(reason) = reason {
        let _ = write!(line, ": {}", printable(reason));
    }
    line
}

fn observed(out: &mut String, observed: &Observed, instance: &str) {
    let _ = writeln!(out, "\nobserved");
    if let Some(why) = &observed.not_asked {
        let _ = writeln!(out, "  the cloud was not asked: {}", safe(why));
    }
    for Sighting { lane, at, standing } in &observed.sightings {
        let said = match standing {
            Ok(Standing::Linked(vpc)) => format!("linked to {vpc}"),
            Ok(Standing::Unlinked) => "not linked".to_owned(),
            Ok(Standing::Unknown { code }) => format!("unknown to the cloud ({})", safe(code)),
            Err(why) => format!("could not be read: {}", safe(why)),
        };
        let _ = writeln!(out, "  {said}, in {lane} at {}", time(*at));
    }
    for (at, passed) in &observed.findings {
        let about = passed.actions.iter().find(|(_, id)| id.as_str() == instance);
        let about = about.map(|(verb, _)| format!("; the plan holds a {verb} of it"));
        let _ = writeln!(
            out,
            "  the last pass over {}, as found since {}: {}, {} observed, {} desired{}",
            passed.scope,
            time(*at),
            safe(&passed.verdict),
            passed.observed,
            passed.desired,
            about.unwrap_or_default()
        );
    }
}

fn decided(out: &mut String, decision: &Decision) {
    let word = match &decision.fate {
        Fate::Stays => "stays",
        Fate::Goes => "goes",
        Fate::Comes => "is to be attached",
        Fate::Held => "held",
        Fate::Missing(_) => "missing",
        Fate::NotOurs => "not ours",
        Fate::Went => "went",
        Fate::NotLinked => "not linked, and not to be",
        Fate::Undecided => "undecided",
    };
    let plan = decision.plan.as_ref().map(|plan| format!("; plan {}", plan.short()));
    let found = decision.found.map(|at| format!("; as found since {}", time(at)));
    let _ = writeln!(
        out,
        "  {}: {word}: {}{}{}",
        decision.scope,
        safe(&decision.reason),
        plan.unwrap_or_default(),
        found.unwrap_or_default()
    );
    for (rule, message, _) in &decision.refusals {
        let _ = writeln!(out, "    [{}] {}", safe(rule), safe(message));
    }
}
