//! The plan as Markdown, for a pull request's comment.

use super::{Report, ScopeReport, Verdict, foreseen, text};
use crate::model::is_unprintable;
use std::fmt::Write as _;

/// Rows shown of one scope; the rest is counted.
const ROWS_MAX: usize = 200;

/// A space of no width. Mentions and bare URLs are looked for in the text that is shown, where an escape or
/// an entity is the sign itself again: something has to stand between.
const NOTHING: &str = "&#8203;";

/// The report as Markdown, with a final newline.
pub fn render(report: &Report) -> String {
    let mut out = String::from("## classiclinkd plan\n\n");
    let _ = writeln!(out, "{}\n", text::sentence(report.summary()));
    if let Some(whole) = &report.forecast {
        let _ = writeln!(out, "Forecast over all: {}\n", foreseen::of_all(whole));
    }
    for scope in &report.scopes {
        write_scope(&mut out, scope);
    }
    let _ = writeln!(out, "Revision `{}`", report.revision);
    out
}

fn write_scope(out: &mut String, report: &ScopeReport) {
    let word = match &report.verdict {
        Verdict::Approved => "approved",
        Verdict::Held => "**held**",
        Verdict::InSync => "in sync",
        Verdict::Partial => "**not completely read**",
        Verdict::Failed(_) => "**not readable**",
    };
    let _ = writeln!(
        out,
        "### `{}`: {word}\n\nMode `{}`, {} observed, {} desired.\n",
        report.scope, report.mode, report.observed, report.desired
    );
    if let Some(forecast) = &report.forecast {
        let _ = writeln!(out, "Forecast: {}\n", foreseen::of_plan(forecast));
    }
    for refusal in &report.refusals {
        let _ = writeln!(
            out,
            "> **{}**: {}\n>\n> {}\n",
            refusal.rule,
            escape(&refusal.message),
            escape(&refusal.way_out)
        );
    }
    let says_nothing = report.actions.is_empty()
        && report.missing.is_empty()
        && report.unconfirmed.is_empty()
        && report.expiring.is_empty();
    if says_nothing {
        return;
    }
    out.push_str("| | instance | why |\n|---|---|---|\n");
    let actions = report.actions.iter();
    let missing = report.missing.iter();
    let rows = actions
        .map(|action| (action.verb.as_str(), &action.link.instance, action.reason.to_string()))
        .chain(missing.map(|(instance, state)| ("missing", instance, state.to_string())))
        .chain(report.unconfirmed.iter().map(|id| ("unclear", id, "unknown by id".to_owned())))
        .chain(report.expiring.iter().map(|of| ("expires", &of.instance, of.to_string())));
    let all: Vec<_> = rows.collect();
    for (what, instance, why) in all.iter().take(ROWS_MAX) {
        let _ = writeln!(out, "| {what} | `{instance}` | {} |", escape(why));
    }
    if all.len() > ROWS_MAX {
        let _ = writeln!(out, "| | | and {} more |", all.len() - ROWS_MAX);
    }
    out.push('\n');
}

/// Keeps text of manifests and of the cloud from being read as Markdown or HTML, from naming anybody and from
/// linking anywhere.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '@' => {
                safe.push('@');
                safe.push_str(NOTHING);
            }
            '/' if safe.ends_with(':') => {
                safe.push_str(NOTHING);
                safe.push('/');
            }
            '.' if safe.to_ascii_lowercase().ends_with("www") => {
                safe.push_str(NOTHING);
                safe.push('.');
            }
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '|' | '[' | ']' | '\\' | '*' | '_' | '#' | '!' | '~' | '`' => {
                safe.push('\\');
                safe.push(c);
            }
            c if is_unprintable(c) => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn text_of_others_is_not_read_as_markup() {
        assert_eq!(escape("<img src=x>|[a](b)\n"), "&lt;img src=x&gt;\\|\\[a\\](b) ");
        assert_eq!(escape("~~gone~~ `code`"), "\\~\\~gone\\~\\~ \\`code\\`");
    }

    #[test]
    fn text_of_others_names_nobody_links_nowhere_and_keeps_its_order() {
        assert_eq!(escape("@example/team a@b.example"), "@&#8203;example/team a@&#8203;b.example");
        assert_eq!(escape("see https://a.example/b"), "see https:&#8203;//a.example/b");
        assert_eq!(escape("wWw.a.example"), "wWw&#8203;.a.example");
        assert_eq!(escape("a\u{202e}b\u{2066}c\u{200b}d"), "a b c d");
        assert_eq!(escape("12:30 on 2026/11/23, a.b"), "12:30 on 2026/11/23, a.b");
    }
}
