//! The status for a terminal: one word a line in front, what it is about behind.

use super::super::findings::Waiting;
use super::super::resume::{second, told};
use super::super::target::quoted;
use super::Status;
use super::standing::Row;
use crate::gate;
use crate::journal::PauseFile;
use crate::ledger::event::{Approval, Passed, RestoredHold};
use crate::model::{InstanceId, Scope, Verb, printable};
use anstyle::{AnsiColor, Style};
use jiff::SignedDuration;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const RED: Style = AnsiColor::Red.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const BOLD: Style = Style::new().bold();

/// Width of the words in front.
const WIDTH: usize = 10;

/// The status as text, with a final newline. With `colour` it holds ANSI sequences.
pub(super) fn render(status: &Status<'_>, colour: bool) -> String {
    let mut sheet = Sheet { out: String::new(), colour };
    let used = match status.in_use {
        Some(true) => "a process uses it",
        Some(false) => "no process uses it now",
        None => "whether a process uses it cannot be told",
    };
    standing(&mut sheet, status);
    sheet.row(BOLD, "state", &format!("{} ({used})", status.folder.display()));
    sheet.row(BOLD, "revision", &revision(status));
    paused(&mut sheet, status);
    budgets(&mut sheet, status);
    for waiting in &status.waiting {
        held(&mut sheet, waiting, status.is_approved(waiting));
    }
    if status.waiting.is_empty() {
        sheet.row(BOLD, "held", "no plan");
    }
    for (approval, used) in &status.approvals {
        let gone = if *used { "; each of its links was detached since" } else { "" };
        let word = if *used { "used" } else { "approved" };
        sheet.row(BOLD, word, &format!("{}{gone}", approved(approval)));
    }
    kept(&mut sheet, &status.kept);
    sheet.row(BOLD, "protected", &links(status.protected()));
    for call in &status.unsettled {
        let (verb, instance, scope, at) = (call.verb, &call.instance, &call.scope, second(call.at));
        let said = if call.accepted { "accepted" } else { "without an answer" };
        let line = format!("{verb} of {instance} at {scope}, {said} since {at}; a read settles it");
        sheet.row(YELLOW, "unsettled", &line);
    }
    sheet.out
}

struct Sheet {
    out: String,
    colour: bool,
}

impl Sheet {
    fn row(&mut self, style: Style, word: &str, text: &str) {
        let gap = " ".repeat(WIDTH.saturating_sub(word.len()));
        let word = if self.colour { format!("{style}{word}{style:#}") } else { word.to_owned() };
        let _ = writeln!(self.out, "{word}{gap}  {text}");
    }

    fn more(&mut self, text: &str) {
        let _ = writeln!(self.out, "{:WIDTH$}  {text}", "");
    }
}

fn standing(sheet: &mut Sheet, status: &Status<'_>) {
    let (known, all) = (&status.standing, status.standing.rows.len());
    let counted =
        format!("{} of {all} {} in sync", known.in_sync(), if all == 1 { "VPC" } else { "VPCs" });
    let (style, said) = match known.is_converged() {
        Some(true) => (BOLD, format!("converged: {counted}")),
        Some(false) => (YELLOW, format!("not converged: {counted}")),
        None => (YELLOW, "not known: no VPC is declared by a revision in force".to_owned()),
    };
    let age = known.known_at.map_or_else(String::new, |at| {
        let ago = SignedDuration::from_secs(status.now.duration_since(at).as_secs().max(0));
        format!(", as the journal knows since {} ({ago:#} ago)", second(at))
    });
    sheet.row(style, "standing", &format!("{said}{age}"));
    if let Some(page) = &status.page {
        let whose = if status.is_page_told {
            "by the configuration given here"
        } else {
            "by this command's own default; give --config of the daemon for the daemon's"
        };
        sheet.more(&format!(
            "a running daemon knows more, and shows it on its page: {page} {whose}"
        ));
    }
    let width = known.rows.keys().map(|scope| scope.to_string().len()).max().unwrap_or(0);
    for (scope, row) in &known.rows {
        let style = if row.is_in_sync() { BOLD } else { YELLOW };
        sheet.row(style, "vpc", &format!("{:width$}  {}", scope.to_string(), vpc(row)));
    }
}

fn vpc(row: &Row<'_>) -> String {
    let (Some(passed), Some(since)) = (row.passed, row.since) else {
        return "not looked at by this revision yet".to_owned();
    };
    let rules: Vec<String> = row.rules().into_iter().map(printable).collect();
    let left =
        format!("{} to detach, {} to attach", row.left(Verb::Detach), row.left(Verb::Attach));
    let said = match rules.as_slice() {
        _ if row.is_partial() => "not read completely".to_owned(),
        _ if row.is_in_sync() => "in sync".to_owned(),
        _ if row.is_untold() => "approved by an older version, and not looked at since".to_owned(),
        [] => left,
        rules if passed.verdict == Passed::HELD => format!("held by {}: {left}", rules.join(", ")),
        rules => format!("partly held by {}: {left}", rules.join(", ")),
    };
    let done = match row.done() {
        0 => String::new(),
        done => format!(", {done} done since"),
    };
    let Passed { observed, desired, .. } = passed;
    format!("{said} since {}, {observed} observed, {desired} desired{done}", second(since))
}

fn revision(status: &Status<'_>) -> String {
    let Some((accepted, since)) = status.accepted else {
        return "none was accepted yet".to_owned();
    };
    let revision = &accepted.revision;
    let made = revision.made();
    let since = since.map_or_else(String::new, |at| format!(", accepted {}", second(at)));
    format!("{revision}{made}{since}, from {}", accepted.root)
}

fn paused(sheet: &mut Sheet, status: &Status<'_>) {
    if let Some(said) = &status.pause_file {
        let file = status.folder.join(PauseFile::NAME);
        let said = if said.is_empty() { String::new() } else { format!(": {}", printable(said)) };
        sheet.row(RED, "paused", &format!("everything, by the file {}{said}", file.display()));
        sheet.more(&format!("  -> rm {}", quoted(&file)));
    }
    for (since, pause) in &status.pauses {
        sheet.row(RED, "paused", &told(*since, pause));
        sheet.more(&format!("  -> {}", gate::resume(&pause.target)));
    }
    if status.pause_file.is_none() && status.pauses.is_empty() {
        sheet.row(BOLD, "paused", "nothing");
    }
}

fn budgets(sheet: &mut Sheet, status: &Status<'_>) {
    let width = status.spent.iter().map(|(lane, _)| lane.to_string().len()).max().unwrap_or(0);
    for (lane, spent) in &status.spent {
        let limit = status.budget.of(&lane.account);
        let left = limit.left(*spent);
        let style = if left == 0 { RED } else { BOLD };
        let line = format!(
            "{:width$}  {left} left: {} of {} detaches sent within the hour, {} of {} within the day",
            lane.to_string(),
            spent.hour,
            limit.hour,
            spent.day,
            limit.day
        );
        sheet.row(style, "budget", &line);
    }
    if !status.spent.is_empty() && !status.is_configured {
        sheet.more("by this command's own limits, the defaults; give --config of the daemon for the daemon's");
    }
}

fn held(sheet: &mut Sheet, waiting: &Waiting<'_>, is_approved: bool) {
    let (scope, plan, since) = (&waiting.passed.scope, waiting.plan.short(), second(waiting.since));
    let (detach, attach) = (waiting.count(Verb::Detach), waiting.count(Verb::Attach));
    let approved = if is_approved { "; approved, and waits for the next pass" } else { "" };
    let line = format!(
        "{scope}  plan {plan}  {detach} to detach, {attach} to attach, since {since}{approved}"
    );
    // Links may be held back while the rest of the plan goes on.
    let word = if waiting.is_whole() { "held" } else { "held back" };
    sheet.row(YELLOW, word, &line);
    for (rule, message, way_out) in &waiting.passed.refusals {
        sheet.more(&format!("  [{}] {message}", printable(rule)));
        sheet.more(&format!("    -> {way_out}"));
    }
}

fn approved(approval: &Approval) -> String {
    let scope = approval.of.as_ref().map_or_else(
        || "a plan that the journal did not know".to_owned(),
        |passed| passed.scope.to_string(),
    );
    let reason = approval.reason.as_deref();
    let reason = reason.map_or_else(String::new, |reason| format!(": {}", printable(reason)));
    let (plan, by) = (approval.plan.short(), printable(&approval.by));
    format!("plan {plan}  {scope}, by {by} until {}{reason}", second(approval.until))
}

/// A line for each undo: it may have given back thousands of links.
fn kept(sheet: &mut Sheet, holds: &[(&Scope, &InstanceId, &RestoredHold)]) {
    let mut undos: BTreeMap<_, (usize, &RestoredHold)> = BTreeMap::new();
    for (_, _, hold) in holds {
        undos.entry(hold.run).or_insert((0, hold)).0 += 1;
    }
    for (run, (count, hold)) in undos {
        let (of, by, since) = (printable(&hold.of), printable(&hold.by), second(hold.since));
        let line =
            format!("{}, which undo {run} of {of} gave back, by {by} since {since}", links(count));
        sheet.row(BOLD, "kept", &line);
    }
}

fn links(count: usize) -> String {
    if count == 1 { "1 link".to_owned() } else { format!("{count} links") }
}
