//! The plan as JSON: versioned and stable; members are added, never renamed.

use super::{Report, ScopeReport, Verdict, history};
use crate::forecast::Whole;
use serde::Serialize;
use serde_json::Value;

mod forecast;
use forecast::Foreseen;

/// Version of the format.
pub const FORMAT_VERSION: u32 = 1;

/// The report as JSON text, pretty-printed, with a final newline.
pub fn render(report: &Report) -> String {
    // Strings, numbers and lists always serialise.
    render_of(&report.revision, &report.scopes.iter().collect::<Vec<_>>(), report.forecast.as_ref())
}

/// As [`render`], for scopes that somebody else keeps, in order.
pub fn render_of(
    revision: &crate::model::Revision,
    scopes: &[&ScopeReport],
    forecast: Option<&Whole>,
) -> String {
    let document = Document::of(revision, scopes, forecast);
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// The report as a JSON value, for a file that says more than the plan.
pub fn value(report: &Report) -> serde_json::Value {
    let scopes: Vec<&ScopeReport> = report.scopes.iter().collect();
    value_of(&report.revision, &scopes, report.forecast.as_ref())
}

/// As [`value`], for scopes that somebody else keeps, in order.
pub fn value_of(
    revision: &crate::model::Revision,
    scopes: &[&ScopeReport],
    forecast: Option<&Whole>,
) -> serde_json::Value {
    serde_json::to_value(Document::of(revision, scopes, forecast)).unwrap_or_default()
}

/// What a document says about one scope.
pub fn scope(report: &ScopeReport) -> serde_json::Value {
    serde_json::to_value(Scope::of(report)).unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    format_version: u32,
    revision: Value,
    scopes: Vec<Scope<'a>>,
    summary: Summary<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Scope<'a> {
    account: &'a str,
    region_id: &'a str,
    vpc_id: &'a str,
    mode: &'a str,
    observed: usize,
    desired: usize,
    digest: Option<&'a str>,
    verdict: &'a str,
    actions: Vec<Action<'a>>,
    missing: Vec<&'a str>,
    unconfirmed: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    expiring: Vec<Expiring<'a>>,
    refusals: Vec<Refusal<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forecast: Option<Foreseen<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    outcomes: Vec<Outcome<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Action<'a> {
    action: &'a str,
    instance_id: &'a str,
    vpc_id: &'a str,
    reason: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Expiring<'a> {
    instance_id: &'a str,
    until: String,
    days_left: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Refusal<'a> {
    rule: &'a str,
    message: String,
    way_out: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Error<'a> {
    code: &'a str,
    class: &'a str,
    message: &'a str,
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    action: &'a str,
    instance_id: &'a str,
    outcome: &'a str,
    detail: String,
    attempts: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    detach: usize,
    attach: usize,
    missing: usize,
    in_sync: usize,
    held: usize,
    partial: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    converged: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forecast: Option<Foreseen<'a>>,
}

impl<'a> Document<'a> {
    fn of(
        revision: &'a crate::model::Revision,
        scopes: &[&'a ScopeReport],
        forecast: Option<&'a Whole>,
    ) -> Self {
        let summary = super::Summary::of(scopes.iter().copied());
        let carried_out = scopes.iter().any(|scope| !scope.applied.is_empty());
        Self {
            format_version: FORMAT_VERSION,
            revision: history::json::revision(revision),
            scopes: scopes.iter().map(|scope| Scope::of(scope)).collect(),
            summary: Summary {
                detach: summary.detach,
                attach: summary.attach,
                missing: summary.missing,
                in_sync: summary.in_sync,
                held: summary.held,
                partial: summary.partial,
                converged: carried_out.then_some(summary.converged),
                left: carried_out.then_some(summary.left),
                forecast: forecast.map(Foreseen::of_all),
            },
        }
    }
}

impl<'a> Scope<'a> {
    fn of(report: &'a ScopeReport) -> Self {
        let error = match &report.verdict {
            Verdict::Failed(error) => Some(Error {
                code: &error.code,
                class: error.class.as_str(),
                message: &error.message,
                request_id: error.request_id.as_deref(),
            }),
            _ => None,
        };
        Self {
            account: report.scope.account.as_str(),
            region_id: report.scope.region.as_str(),
            vpc_id: report.scope.vpc.as_str(),
            mode: report.mode.as_str(),
            observed: report.observed,
            desired: report.desired,
            digest: report.digest.as_ref().map(|digest| digest.as_str()),
            verdict: report.verdict.as_str(),
            actions: report.actions.iter().map(Action::of).collect(),
            missing: report.missing.keys().map(|id| id.as_str()).collect(),
            unconfirmed: report.unconfirmed.iter().map(|id| id.as_str()).collect(),
            expiring: report.expiring.iter().map(Expiring::of).collect(),
            refusals: report.refusals.iter().map(Refusal::of).collect(),
            forecast: report.forecast.as_ref().map(Foreseen::of),
            error,
            outcomes: report.applied.iter().map(Outcome::of).collect(),
        }
    }
}

impl<'a> Action<'a> {
    fn of(action: &'a crate::plan::Action) -> Self {
        Self {
            action: action.verb.as_str(),
            instance_id: action.link.instance.as_str(),
            vpc_id: action.link.vpc.as_str(),
            reason: action.reason.to_string(),
        }
    }
}

impl<'a> Expiring<'a> {
    fn of(expiring: &'a crate::desired::Expiring) -> Self {
        Self {
            instance_id: expiring.instance.as_str(),
            until: expiring.until.to_string(),
            days_left: expiring.days_left,
        }
    }
}

impl<'a> Refusal<'a> {
    fn of(refusal: &'a crate::gate::Refusal) -> Self {
        Self {
            rule: refusal.rule.as_str(),
            message: refusal.to_string(),
            way_out: &refusal.way_out,
        }
    }
}

impl<'a> Outcome<'a> {
    fn of(applied: &'a crate::apply::Applied) -> Self {
        Self {
            action: applied.action.verb.as_str(),
            instance_id: applied.action.link.instance.as_str(),
            outcome: applied.outcome.as_str(),
            detail: applied.outcome.to_string(),
            attempts: applied.attempts,
        }
    }
}
