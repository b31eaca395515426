//! Records for a terminal: aligned, one line each, the newest last.

use crate::history::{Deed, Happening, Record, What};
use crate::ledger::event::Cause as PauseCause;
use crate::model::{Revision, is_unprintable, printable};
use jiff::Timestamp;
use std::fmt::Write as _;

/// Columns: time, run, what, about, how it ended, revision, more.
const COLUMNS: usize = 7;
/// Those that happenings have, too; what they tell in the next one is longer than any column.
const SHARED: usize = 3;

/// Records as text, with a final newline. With `closely`, each deed has a second line: why, by which
/// plan, and under which ids the cloud knows it.
pub fn render<'a>(records: impl IntoIterator<Item = &'a Record>, closely: bool) -> String {
    let rows: Vec<(&Record, [String; COLUMNS])> =
        records.into_iter().map(|record| (record, row(record))).collect();
    let mut widths = [0; COLUMNS];
    for (record, cells) in &rows {
        let columns = if record.deed().is_some() { COLUMNS } else { SHARED };
        for (width, cell) in widths.iter_mut().zip(cells).take(columns) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for (record, cells) in &rows {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        let _ = writeln!(out, "{}", line.trim_end());
        if let (Some(deed), true) = (record.deed(), closely) {
            let _ = writeln!(out, "    {}", closer(deed));
        }
    }
    out
}

/// A time as people compare it with other logs: UTC, to the second.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Text that is partly somebody else's, whole, and safe to print.
pub fn safe(text: &str) -> String {
    let escape = |c: char| match is_unprintable(c) {
        true => c.escape_unicode().collect::<String>(),
        false => c.to_string(),
    };
    text.chars().map(escape).collect()
}

/// The revision in the words of whoever has to be asked: commit and author where they are known.
pub fn revision(revision: &Revision) -> String {
    let mut text = match &revision.commit {
        Some(commit) => format!("commit {}", printable(commit.short())),
        None => format!("revision {}", revision.digest.short()),
    };
    if let Some(author) = revision.commit.as_ref().and_then(|commit| commit.author.as_ref()) {
        let _ = write!(text, " by {}", printable(author));
    }
    text
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn row(record: &Record) -> [String; COLUMNS] {
    match record {
        Record::Deed(of) => deed(of),
        Record::Happening(of) => happening(of),
    }
}

fn deed(deed: &Deed) -> [String; COLUMNS] {
    let cause = deed.cause.as_ref();
    [
        time(deed.at),
        deed.run.map_or_else(|| "-".to_owned(), |run| run.to_string()),
        deed.verb.to_string(),
        format!("{} -> {}", deed.instance, deed.scope.vpc),
        safe(&deed.outcome),
        cause.map(|cause| revision(&cause.revision)).unwrap_or_default(),
        cause
            .and_then(|cause| cause.approver.as_deref())
            .map(|by| format!("approved by {}", printable(by)))
            .unwrap_or_default(),
    ]
}

/// The second line of a deed.
pub fn closer(deed: &Deed) -> String {
    let mut parts = Vec::new();
    match &deed.cause {
        Some(cause) => {
            parts.push(printable(&cause.reason));
            parts.push(format!("plan {}", cause.plan.short()));
        }
        None => parts.push("why is forgotten: the entries before its end are pruned".to_owned()),
    }
    let requests: Vec<String> = deed.request_ids().map(printable).collect();
    match requests.as_slice() {
        [] => parts.push("no request id".to_owned()),
        [only] => parts.push(format!("request {only}")),
        several => parts.push(format!("requests {}", several.join(", "))),
    }
    parts.push(counted(deed.sent as usize, "attempt"));
    let codes = deed.attempts.iter().filter_map(|attempt| attempt.code.as_deref());
    let codes: Vec<String> = codes.map(printable).collect();
    if !codes.is_empty() {
        parts.push(format!("errors {}", codes.join(", ")));
    }
    if let Some(began) = &deed.began {
        parts.push(format!("{} by {}", printable(&began.command), printable(&began.by)));
    }
    if let Some(run) = deed.ended_by {
        parts.push(format!("ended by {run}"));
    }
    parts.push(format!("in {}", deed.scope.lane()));
    parts.push(safe(&deed.detail));
    parts.join("; ")
}

fn happening(happening: &Happening) -> [String; COLUMNS] {
    let run = match &happening.what {
        What::Began(run, _) => run.to_string(),
        What::Restored(restored) => restored.run.to_string(),
        _ => "-".to_owned(),
    };
    let told = told(&happening.what);
    let none = String::new;
    [time(happening.at), run, happening.what.kind().to_owned(), told, none(), none(), none()]
}

fn told(what: &What) -> String {
    let why = |reason: &Option<String>| {
        reason.as_deref().map(|reason| format!(": {}", printable(reason))).unwrap_or_default()
    };
    match what {
        What::Accepted(accepted, before) => {
            let lost: usize = accepted.shrunk.iter().map(|shrunk| shrunk.lost.len()).sum();
            let counts = [
                (accepted.released.len(), "VPC", "released"),
                (accepted.protected.len(), "link", "protected"),
                (lost.saturating_sub(before.len()), "link", "lost"),
                (before.len(), "link", "lost before and still held"),
            ];
            let said = counts.iter().filter(|(count, ..)| *count > 0);
            let said = said.map(|(count, of, what)| format!("; {} {what}", counted(*count, of)));
            let said: String = said.collect();
            let from = printable(&accepted.root);
            format!("{} of {from}{said}", revision(&accepted.revision))
        }
        What::Approved(approval) => {
            let of = approval.of.as_ref().map(|of| format!(" of {}", of.scope)).unwrap_or_default();
            format!(
                "plan {}{of} by {}, until {}{}",
                approval.plan.short(),
                printable(&approval.by),
                time(approval.until),
                why(&approval.reason)
            )
        }
        What::Paused(pause) => {
            let by = match pause.cause {
                PauseCause::Operator => "",
                PauseCause::Budget => " (budget)",
                PauseCause::WrongPlace => " (wrong place)",
            };
            format!("{} by {}{by}{}", pause.target, printable(&pause.by), why(&pause.reason))
        }
        What::Resumed(resume) => {
            format!("{} by {}{}", resume.target, printable(&resume.by), why(&resume.reason))
        }
        What::Restored(restored) => format!(
            "{} given back, undo of {} by {}",
            counted(restored.links.len(), "link"),
            printable(&restored.of),
            printable(&restored.by)
        ),
        What::Pruned(pruned) => format!("entries up to {} forgotten", pruned.up_to),
        What::Began(_, began) => {
            format!("{} by {}", printable(&began.command), printable(&began.by))
        }
        What::Held(passed) => {
            let rules: Vec<&str> = passed.refusals.iter().map(|(rule, _, _)| &**rule).collect();
            let plan = passed.plan.as_ref().map(|plan| format!(", plan {}", plan.short()));
            let plan = plan.unwrap_or_default();
            format!("{}: {}{plan}", passed.scope, safe(&rules.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Attempt, Filter};
    use crate::journal::Item;
    use crate::ledger::Event;
    use crate::ledger::event::{Accepted, Shrunk};
    use crate::model::{Commit, Digest, RunId, Verb};
    use crate::plan::tests::{id, moment, scope};

    fn deed(n: usize, outcome: &str, commit: Option<&str>) -> Record {
        let revision = Revision {
            digest: Digest::of([]),
            commit: commit.map(|id| Commit {
                author: Some("Eve \u{1b}[2J\u{202e}".to_owned()),
                ..Commit::of_id(id)
            }),
        };
        let attempt = |number| Attempt {
            intent: 1,
            at: moment(1).wall,
            number,
            result: Some("accepted".into()),
            code: None,
            request_id: Some(format!("REQ-{number}")),
            latency_ms: Some(3),
        };
        Record::Deed(Box::new(Deed {
            seq: 1,
            at: moment(1).wall,
            ended: None,
            verb: Verb::Detach,
            scope: scope(),
            instance: id(n),
            outcome: outcome.into(),
            detail: "gone\u{1b}[0m".into(),
            attempts: vec![attempt(1), attempt(2)],
            sent: 2,
            cause: Some(crate::history::Cause {
                reason: "why\n".into(),
                plan: Digest::of([]),
                revision,
                approver: Some("ann".into()),
            }),
            run: Some(RunId(7)),
            began: None,
            ended_by: Some(RunId(9)),
        }))
    }

    #[test]
    fn text_of_others_neither_moves_the_cursor_nor_breaks_a_line() {
        let text = render(&[deed(1, "converged", Some("0123456789abcdef"))], true);
        assert_eq!(text.lines().count(), 2, "{text:?}");
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
        assert!(text.contains("commit 0123456789ab by Eve \\u{1b}"), "{text}");
    }

    #[test]
    fn columns_stand_below_each_other_and_a_closer_line_has_the_rest() {
        let records = [deed(1, "open", None), deed(2, "converged", None)];
        let text = render(&records, false);
        let columns: Vec<_> = text.lines().map(|line| line.find("approved by ann")).collect();
        assert!(columns.len() == 2 && columns[0].is_some() && columns[0] == columns[1], "{text}");
        assert!(
            text.starts_with("1970-01-01T00:00:01Z  r7  detach  i-0001 -> vpc-a  open"),
            "{text}"
        );
        let close = render(&records, true);
        assert!(
            close.contains("requests REQ-1, REQ-2; 2 attempts; ended by r9; in default/"),
            "{close}"
        );
    }

    #[test]
    fn a_revision_is_charged_with_what_it_lost_itself() {
        let accepted = |lost: &[usize]| {
            let lost = lost.iter().map(|n| id(*n)).collect();
            let shrunk = Shrunk { scope: scope(), from: 9, lost, by: None, doubtful: false };
            Event::Accepted(Accepted {
                root: "/m".into(),
                revision: Revision::of_content(Digest::of([])),
                files: vec![],
                released: vec![],
                protected: [].into(),
                shrunk: vec![shrunk],
                taken_out: vec![],
            })
        };
        let mut items = Vec::new();
        for lost in [&[1, 2][..], &[1, 2, 3], &[1, 3], &[1, 2]] {
            let seq = items.len() as u64 + 1;
            items.push(Item { seq, at: moment(seq).wall, event: accepted(lost) });
        }
        let records = crate::history::of(&items);
        let text = render(&records, false);
        let told: Vec<&str> =
            text.lines().filter_map(|line| line.split_once("; ")).map(|it| it.1).collect();
        assert_eq!(
            told,
            [
                "2 links lost",
                "1 link lost; 2 links lost before and still held",
                "2 links lost before and still held",
                "1 link lost; 1 link lost before and still held",
            ],
            "{text}"
        );
        let of_link = |n| records.iter().filter(|it| Filter::of_instance(&id(n)).takes(it)).count();
        assert_eq!((of_link(1), of_link(2), of_link(3), of_link(4)), (1, 2, 1, 0));
        let json = super::super::json::render(&records);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let second = &json["records"][1]["lost"][0];
        let (all, before) = (&second["instances"], &second["lostBefore"]);
        assert_eq!(
            (all.as_array().unwrap().len(), before.as_array().unwrap().len()),
            (3, 2),
            "{json}"
        );
    }
}
