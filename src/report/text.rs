//! The report for a terminal: aligned, coloured where asked for.

use super::{Report, ScopeReport, Standing, Summary, Verdict, foreseen};
use crate::model::Verb;
use anstyle::{AnsiColor, Style};
use std::fmt::Write as _;

const RED: Style = AnsiColor::Red.on_default();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// The report as text, with a final newline. With `colour` it holds ANSI sequences.
pub fn render(report: &Report, colour: bool) -> String {
    let pen = Pen { colour };
    let mut out = String::new();
    for scope in &report.scopes {
        write_scope(&mut out, pen, scope);
    }
    let _ = writeln!(out, "revision {}{}", report.revision, report.revision.made());
    if let Some(whole) = &report.forecast {
        let _ = writeln!(out, "forecast over all  {}", foreseen::of_all(whole));
    }
    let _ = writeln!(out, "{}", pen.draw(BOLD, &sentence(report.summary())));
    out
}

/// The summary in one sentence.
pub fn sentence(summary: Summary) -> String {
    let Summary { detach, attach, missing, in_sync, held, partial, converged, left } = summary;
    let vpcs = plural(in_sync);
    let mut text = if converged + left > 0 {
        format!("{converged} converged, {left} not; {in_sync} {vpcs} had nothing to do, ")
    } else {
        format!(
            "{detach} to detach, {attach} to attach, {missing} missing; {in_sync} {vpcs} in sync, "
        )
    };
    let _ = write!(text, "{held} held");
    if partial > 0 {
        let _ = write!(text, ", {partial} not readable");
    }
    text
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "VPC" } else { "VPCs" }
}

#[derive(Clone, Copy)]
struct Pen {
    colour: bool,
}

impl Pen {
    fn draw(self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

fn write_scope(out: &mut String, pen: Pen, report: &ScopeReport) {
    let (style, word) = match &report.verdict {
        Verdict::Approved if report.applied.is_empty() => (YELLOW, "approved"),
        Verdict::Approved if report.standing() == Standing::Clean => (GREEN, "converged"),
        Verdict::Approved => (YELLOW, "not converged"),
        Verdict::Held => (RED, "held"),
        Verdict::InSync => (GREEN, "in sync"),
        Verdict::Partial => (RED, "not completely read"),
        Verdict::Failed(_) => (RED, "not readable"),
    };
    let _ = writeln!(
        out,
        "{}  {}  mode {}, {} observed, {} desired",
        pen.draw(BOLD, &report.scope.to_string()),
        pen.draw(style, word),
        report.mode,
        report.observed,
        report.desired,
    );
    write_actions(out, pen, report);
    for (instance, state) in &report.missing {
        let _ = writeln!(out, "  {} missing  {instance}  {state}", pen.draw(YELLOW, "?"));
    }
    for instance in &report.unconfirmed {
        let why = "listed for the VPC, and unknown to the cloud by id: left alone";
        let _ = writeln!(out, "  {} unclear  {instance}  {why}", pen.draw(YELLOW, "?"));
    }
    for expiring in &report.expiring {
        let sign = pen.draw(YELLOW, "!");
        let _ = writeln!(out, "  {sign} expires  {}  {expiring}", expiring.instance);
    }
    for refusal in &report.refusals {
        let _ = writeln!(
            out,
            "  {} {}",
            pen.draw(RED, &format!("[{}]", refusal.rule)),
            refusal.message
        );
        let _ = writeln!(out, "    {} {}", pen.draw(DIM, "->"), refusal.way_out);
    }
    if let Some(forecast) = &report.forecast {
        let _ = writeln!(out, "  forecast  {}", foreseen::of_plan(forecast));
    }
    if let (Some(digest), false) = (&report.digest, report.actions.is_empty()) {
        let _ = writeln!(out, "  {}", pen.draw(DIM, &format!("plan {}", digest.short())));
    }
    out.push('\n');
}

fn write_actions(out: &mut String, pen: Pen, report: &ScopeReport) {
    let width = report.actions.iter().map(|a| a.link.instance.as_str().len()).max().unwrap_or(0);
    let mut ended = report.applied.iter();
    for action in &report.actions {
        let sign = match action.verb {
            Verb::Detach => pen.draw(RED, "-"),
            Verb::Attach => pen.draw(GREEN, "+"),
        };
        let applied = ended.find(|applied| applied.action == *action);
        let said = match applied {
            None => action.reason.to_string(),
            Some(applied) if applied.outcome.is_converged() => {
                pen.draw(GREEN, &applied.outcome.to_string())
            }
            Some(applied) => pen.draw(RED, &applied.outcome.to_string()),
        };
        let (verb, instance) = (action.verb, &action.link.instance);
        let _ = writeln!(out, "  {sign} {verb:<7}  {instance:<width$}  {said}");
    }
}
