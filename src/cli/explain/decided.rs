//! What is decided about an instance: by the gate where the cloud can be asked, else by what the
//! last pass found.

use super::Question;
use crate::cli::{Failure, proposals, setup};
use crate::cloud::{Identify, ReadLinks};
use crate::desired::Tree;
use crate::gate::{Refusal, Rule};
use crate::ledger::event::{Passed, Settled};
use crate::model::{AccountName, InstanceId, Scope, Verb};
use crate::observe::Reads;
use crate::reconcile::Proposal;
use crate::report::Verdict;
use crate::report::explanation::{Decision, Fate, Sighting};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Observes, plans and asks the gate about every scope concerned, as a pass would.
pub(super) async fn now<R: ReadLinks + Identify>(
    question: &Question<'_>,
    scopes: &BTreeSet<Scope>,
    sightings: &[Sighting],
    reads: &BTreeMap<AccountName, Reads<R>>,
) -> Result<Vec<Decision>, Failure> {
    let (config, clock) = (question.config, question.clock);
    let circumstances = match (question.tree, question.manifests) {
        (Some(tree), Some(origin)) => setup::supposed(tree, origin, config, clock).await?,
        _ => setup::as_of(question.past.ledger.clone(), config, clock),
    };
    let mut decisions = Vec::new();
    if let Some(tree) = question.tree {
        let concerned = tree.scopes.iter().filter(|(scope, _)| scopes.contains(*scope));
        let part = Tree {
            revision: Arc::clone(&tree.revision),
            scopes: concerned.map(|(scope, of)| (scope.clone(), Arc::clone(of))).collect(),
        };
        let proposed = proposals::all(&part, reads, &circumstances, config.workers).await;
        decisions.extend(proposed.iter().map(|proposal| by_gate(question, proposal)));
    }
    for scope in scopes.iter().filter(|scope| !declares(question, scope)) {
        let here = |sighting: &&Sighting| sighting.lane == scope.lane();
        let sighting = sightings.iter().find(here);
        let linked = sighting.is_some_and(|sighting| sighting.vpc() == Some(&scope.vpc));
        let (fate, reason) = match sighting.map(|sighting| &sighting.standing) {
            Some(Ok(_)) if linked => {
                (Fate::NotOurs, "linked, and its VPC is declared by nobody".to_owned())
            }
            Some(Ok(_)) => gone(question, scope),
            Some(Err(why)) => (Fate::Undecided, format!("it could not be read: {why}")),
            None => (Fate::Undecided, "it was not asked about there".to_owned()),
        };
        decisions.push(plain(scope, fate, reason));
    }
    Ok(decisions)
}

fn declares(question: &Question<'_>, scope: &Scope) -> bool {
    question.tree.is_some_and(|tree| tree.scopes.contains_key(scope))
}

fn plain(scope: &Scope, fate: Fate, reason: String) -> Decision {
    let scope = scope.clone();
    Decision { scope, fate, reason, plan: None, refusals: Vec::new(), found: None }
}

fn by_gate(question: &Question<'_>, proposal: &Proposal) -> Decision {
    let (id, report) = (question.instance, &proposal.report);
    let scope = &report.scope;
    let all = |refusals: &[Refusal]| refusals.iter().map(said).collect::<Vec<_>>();
    if matches!(report.verdict, Verdict::Partial | Verdict::Failed(_)) {
        let reason = "its VPC could not be read completely, so there is no plan".to_owned();
        let refusals = all(&report.refusals);
        return Decision { refusals, ..plain(scope, Fate::Undecided, reason) };
    }
    if let Some(action) = report.actions.iter().find(|action| action.link.instance == *id) {
        let withheld = proposal.approved.as_ref().and_then(|plan| plan.withheld().get(id));
        let refusals: Vec<_> = match (&report.verdict, withheld) {
            (Verdict::Held, _) => all(&report.refusals),
            (_, withheld) => withheld.into_iter().map(said).collect(),
        };
        let refusals: Vec<_> = refusals.into_iter().filter(|said| concerns(said, id)).collect();
        let fate = match (refusals.is_empty(), action.verb) {
            (false, _) => Fate::Held,
            (true, Verb::Detach) => Fate::Goes,
            (true, Verb::Attach) => Fate::Comes,
        };
        let plan = report.digest.clone();
        let reason = action.reason.to_string();
        return Decision { plan, refusals, ..plain(scope, fate, reason) };
    }
    if report.unconfirmed.contains(id) {
        let why = "listed for the VPC, and unknown to the cloud by id: left alone";
        return plain(scope, Fate::Undecided, why.to_owned());
    }
    if let Some(state) = report.missing.get(id) {
        let reason = format!("listed, and {state}");
        return plain(scope, Fate::Missing(state.clone()), reason);
    }
    match place(question, scope) {
        Some(place) => plain(scope, Fate::Stays, format!("linked, and {place} lists it")),
        None => {
            let (fate, reason) = gone(question, scope);
            plain(scope, fate, reason)
        }
    }
}

/// Where it is listed, if that counts now.
fn place(question: &Question<'_>, scope: &Scope) -> Option<String> {
    let said = question.tree?.scopes.get(scope)?.links.get(question.instance)?;
    said.holds_at(question.clock.now().wall).then(|| said.place.to_string())
}

/// Why it is not linked, where it is not.
fn gone(question: &Question<'_>, scope: &Scope) -> (Fate, String) {
    match went(question, scope) {
        Some(reason) => (Fate::Went, reason),
        None => (Fate::NotLinked, format!("not linked to {}, and not listed for it", scope.vpc)),
    }
}

/// By which deed it was cut, if the last one about it cut it.
fn went(question: &Question<'_>, scope: &Scope) -> Option<String> {
    let deed = question.last_deed(scope)?;
    let cut = deed.verb == Verb::Detach && deed.outcome == Settled::CONVERGED;
    let by = deed.run.map(|run| format!(" by {run}")).unwrap_or_default();
    let why = deed.cause.as_ref().map(|cause| format!(": {}", cause.reason)).unwrap_or_default();
    cut.then(|| format!("detached{by}{why}"))
}

/// By what the last pass over each scope found.
pub(super) fn by_findings(question: &Question<'_>, scopes: &BTreeSet<Scope>) -> Vec<Decision> {
    scopes.iter().map(|scope| by_finding(question, scope)).collect()
}

fn by_finding(question: &Question<'_>, scope: &Scope) -> Decision {
    let id = question.instance;
    let found = question.past.ledger.last_pass(scope);
    let deed = question.last_deed(scope);
    let listed = place(question, scope);
    // What a pass found by other manifests says nothing against these.
    let outdated = |passed: &Passed| listed.is_some() && !current(question, passed);
    if let Some((at, passed)) = found
        && !outdated(passed)
        && deed.is_none_or(|deed| deed.ended.unwrap_or(deed.at) < at)
        && let Some((verb, _)) = passed.actions.iter().find(|(_, instance)| instance == id)
    {
        let refusals = passed.refusals.iter().filter(|said| concerns(said, id));
        let refusals: Vec<_> = refusals.cloned().collect();
        let fate = match (refusals.is_empty(), verb) {
            (false, _) => Fate::Held,
            (true, Verb::Detach) => Fate::Goes,
            (true, Verb::Attach) => Fate::Comes,
        };
        let plan = passed.plan.clone();
        let reason = format!("the last pass proposed to {verb} it");
        return Decision { plan, refusals, found: Some(at), ..plain(scope, fate, reason) };
    }
    if let Some(place) = listed {
        let reason = format!("{place} lists it; whether it is linked was not asked");
        return plain(scope, Fate::Stays, reason);
    }
    if let Some(reason) = went(question, scope) {
        return plain(scope, Fate::Went, reason);
    }
    match found {
        Some((at, passed)) if passed.verdict == Passed::IN_SYNC && current(question, passed) => {
            let reason = format!("not linked to {} when that was last in sync", scope.vpc);
            Decision { found: Some(at), ..plain(scope, Fate::NotLinked, reason) }
        }
        _ => {
            let reason = "not listed; whether it is linked is not known, and if it is, it goes";
            plain(scope, Fate::Undecided, reason.to_owned())
        }
    }
}

/// Whether a pass went by the manifests that are gone by here.
fn current(question: &Question<'_>, passed: &Passed) -> bool {
    question.tree.is_some_and(|tree| tree.revision.digest == passed.revision.digest)
}

fn said(refusal: &Refusal) -> (String, String, String) {
    (refusal.rule.to_string(), refusal.message.clone(), refusal.way_out.clone())
}

/// Whether a refusal is about the whole plan, or about this very link.
fn concerns((rule, message, _): &(String, String, String), instance: &InstanceId) -> bool {
    let of_links = Rule::parse(rule).is_some_and(Rule::withholds_links);
    !of_links || message.starts_with(&format!("{instance} "))
}
