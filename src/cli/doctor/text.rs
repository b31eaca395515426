//! Findings for a terminal: one aligned line each, and below it what to do.

use super::finding::{Finding, Level};
use anstyle::{AnsiColor, Style};
use std::fmt::Write as _;

/// Width of the level in front.
const LEVEL: usize = 4;

/// The findings as text, with a final newline. With `colour` it holds ANSI sequences.
pub(super) fn render(findings: &[Finding], colour: bool) -> String {
    let wide = |finding: &Finding| finding.name().chars().count();
    let width = findings.iter().map(wide).max().unwrap_or_default();
    let mut out = String::new();
    for finding in findings {
        let style = if colour { style(finding.level) } else { Style::new() };
        let (level, name) = (finding.level.as_str(), finding.name());
        let _ = writeln!(out, "{style}{level:LEVEL$}{style:#}  {name:width$}  {}", finding.found);
        if let Some(advice) = &finding.advice {
            let _ = writeln!(out, "{:LEVEL$}  -> {advice}", "");
        }
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (failures, warnings) = (count(Level::Fail), count(Level::Warn));
    let s = |n: usize| if n == 1 { "" } else { "s" };
    let _ = writeln!(out, "\n{failures} failure{}, {warnings} warning{}", s(failures), s(warnings));
    out
}

fn style(level: Level) -> Style {
    match level {
        Level::Ok => AnsiColor::Green.on_default(),
        Level::Note => AnsiColor::Cyan.on_default(),
        Level::Warn => AnsiColor::Yellow.on_default(),
        Level::Fail => AnsiColor::Red.on_default().bold(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_advice_stands_below() {
        let findings = [
            Finding::ok("clock", "agrees"),
            Finding::fail("endpoint", "down", "bring it up").about("cn-hangzhou"),
        ];
        assert_eq!(
            render(&findings, false),
            "ok    clock                 agrees\n\
             fail  endpoint cn-hangzhou  down\n      -> bring it up\n\n\
             1 failure, 0 warnings\n"
        );
        assert!(render(&findings, true).contains("\u{1b}[1m\u{1b}[31mfail\u{1b}[0m  endpoint"));
    }
}
