//! Findings as JSON: versioned and stable; members are added, never renamed.

use super::Failure;
use super::finding::{Finding, Level};
use serde_json::{Value, json};

/// Version of the format.
const FORMAT_VERSION: u32 = 1;

/// The findings as JSON text, with a final newline.
pub(super) fn render(findings: &[Finding]) -> Result<String, Failure> {
    let worst = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok);
    let value = json!({
        "formatVersion": FORMAT_VERSION,
        "worst": worst.as_str(),
        "findings": findings.iter().map(finding).collect::<Vec<_>>(),
    });
    let mut text = serde_json::to_string_pretty(&value)?;
    text.push('\n');
    Ok(text)
}

fn finding(finding: &Finding) -> Value {
    json!({
        "level": finding.level.as_str(),
        "check": finding.check,
        "about": finding.about,
        "found": finding.found,
        "advice": finding.advice,
    })
}
