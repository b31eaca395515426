//! What a scenario expects, beside what was found.

use super::format::{Expect, instances};
use super::parts::place;
use super::world::World;
use classiclinkd::cli::Exit;
use classiclinkd::gate::Rule;
use classiclinkd::model::Verb;
use classiclinkd::outcome::Outcome;
use classiclinkd::report::{Report, ScopeReport};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Instances by verb, rule or place.
type Named = BTreeMap<String, Vec<String>>;

/// Every difference, in words.
pub(super) fn differences(world: &World, expect: &Expect) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, expected: Value, seen: Value| {
        if expected != seen {
            found.push(format!("{what}: expected {expected}, found {seen}"));
        }
    };
    let Expect { accepted, released, verdict, refusals, says, actions, outcomes, .. } = expect;
    let Expect { withdrawn, calls, links, journal, paused, code, .. } = expect;
    if let Some(expected) = accepted {
        compare("accepted", json!(expected), json!(world.accepted()));
    }
    if let Some(expected) = released {
        compare("released", json!(expected), json!(released_scopes(world)));
    }
    if let Some(expected) = links {
        let all = |(vpc, ids): (&String, &Vec<String>)| (vpc.clone(), instances(ids));
        let expected: Named = expected.iter().map(all).collect();
        let seen: Named = expected.keys().map(|vpc| (vpc.clone(), linked(world, vpc))).collect();
        compare("links", json!(expected), json!(seen));
    }
    if let Some(expected) = calls {
        let count = |verb: &str| expected.get(verb).copied().unwrap_or_default();
        let expected = json!({"detach": count("detach"), "attach": count("attach")});
        compare("calls", expected, made(world));
    }
    if let Some(expected) = journal {
        let written = world.memory.entries().split_off(world.entries_before);
        let count = |kind: &str| written.iter().filter(|entry| entry.kind == kind).count();
        let seen: BTreeMap<&String, usize> = expected.keys().map(|k| (k, count(k))).collect();
        compare("journal", json!(expected), json!(seen));
    }
    if let Some(expected) = paused {
        let causes = world.ledger(|ledger| {
            let causes: Vec<&str> =
                ledger.pauses().map(|(_, pause)| pause.cause.as_str()).collect();
            json!(causes)
        });
        compare("paused", json!(expected), causes);
    }
    let Some(report) = &world.report else {
        let of_a_pass = (verdict, refusals, says, actions, outcomes, withdrawn, code);
        if of_a_pass != (&None, &None, &None, &None, &None, &None, &None) {
            found.push("no pass was made yet".to_owned());
        }
        return found;
    };
    if let Some(expected) = verdict {
        compare("verdict", expected.clone(), verdicts(report, expected));
    }
    if let Some(expected) = refusals {
        compare("refusals", json!(expected), json!(rules(report)));
    }
    for part in says.iter().flatten() {
        let texts = texts(report);
        if !texts.iter().any(|text| text.contains(part)) {
            compare("says", json!(part), json!(texts));
        }
    }
    if let Some(expected) = actions {
        let expected = |verb: &str| instances(expected.get(verb).map_or(&[], Vec::as_slice));
        let expected = json!({"detach": expected("detach"), "attach": expected("attach")});
        let seen = |verb| proposed(report, verb);
        let seen = json!({"detach": seen(Verb::Detach), "attach": seen(Verb::Attach)});
        compare("actions", expected, seen);
    }
    if let Some(expected) = outcomes {
        compare("outcomes", json!(expected), json!(ended(report)));
    }
    if let Some(expected) = withdrawn {
        let expected = expected.iter().map(|(rule, ids)| (rule.clone(), instances(ids)));
        compare("withdrawn", json!(expected.collect::<Named>()), json!(taken_back(report)));
    }
    if let Some(expected) = code {
        compare("code", json!(expected), json!(Exit::from(report.standing()).code()));
    }
    found
}

fn released_scopes(world: &World) -> Vec<String> {
    world.ledger(|ledger| {
        let released = ledger.accepted().into_iter().flat_map(|accepted| &accepted.released);
        released.map(|scope| scope.vpc.to_string()).collect()
    })
}

fn linked(world: &World, of: &str) -> Vec<String> {
    let (region, vpc) = place(of);
    world.sim.links(&region, &vpc).iter().map(|link| link.instance.to_string()).collect()
}

fn made(world: &World) -> Value {
    let calls = world.sim.calls();
    let count = |action: &str| calls.iter().filter(|call| call.action == action).count();
    json!({"detach": count("DetachClassicLinkVpc"), "attach": count("AttachClassicLinkVpc")})
}

/// By VPC where that is expected, else the one of all.
fn verdicts(report: &Report, expected: &Value) -> Value {
    let word = |scope: &ScopeReport| scope.verdict.as_str();
    let words: BTreeSet<&str> = report.scopes.iter().map(word).collect();
    match (expected, words.first()) {
        (Value::String(_), Some(only)) if words.len() == 1 => json!(only),
        _ => report.scopes.iter().map(|s| (s.scope.vpc.to_string(), json!(word(s)))).collect(),
    }
}

/// In the order in which rules are reported, each once.
fn rules(report: &Report) -> Vec<&'static str> {
    let said: BTreeSet<Rule> = report
        .scopes
        .iter()
        .flat_map(|scope| &scope.refusals)
        .map(|refusal| refusal.rule)
        .collect();
    Rule::ALL.iter().filter(|rule| said.contains(rule)).map(|rule| rule.as_str()).collect()
}

fn texts(report: &Report) -> Vec<String> {
    let refusals = report.scopes.iter().flat_map(|scope| &scope.refusals).map(ToString::to_string);
    let applied = report.scopes.iter().flat_map(|scope| &scope.applied);
    refusals.chain(applied.map(|applied| applied.outcome.to_string())).collect()
}

fn proposed(report: &Report, verb: Verb) -> Vec<String> {
    let actions = report.scopes.iter().flat_map(|scope| &scope.actions);
    let of = actions.filter(|action| action.verb == verb);
    of.map(|action| action.link.instance.to_string()).collect()
}

fn ended(report: &Report) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for applied in report.scopes.iter().flat_map(|scope| &scope.applied) {
        *counts.entry(applied.outcome.as_str()).or_default() += 1;
    }
    counts
}

/// Only one rule withdraws an action at its permit: what the newest revision says.
fn taken_back(report: &Report) -> Named {
    let applied = report.scopes.iter().flat_map(|scope| &scope.applied);
    let withdrawn = applied.filter(|applied| matches!(applied.outcome, Outcome::Withdrawn(_)));
    let ids: Vec<String> =
        withdrawn.map(|applied| applied.action.link.instance.to_string()).collect();
    if ids.is_empty() {
        return Named::new();
    }
    [(Rule::NewestRevision.to_string(), ids)].into()
}
