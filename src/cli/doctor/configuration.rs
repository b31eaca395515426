//! Whether the configuration can be read, and what it names.

use super::finding::Finding;
use crate::config::Config;
use std::path::Path;

const CHECK: &str = "configuration";

/// What a configuration without mistakes says.
pub(super) fn judge(config: &Config, file: Option<&Path>) -> Finding {
    let from = match file {
        Some(path) => path.display().to_string(),
        None => "no file, so the defaults, options and environment".to_owned(),
    };
    let names: Vec<&str> = config.accounts.keys().map(crate::model::AccountName::as_str).collect();
    let accounts = if names.len() == 1 { "account" } else { "accounts" };
    Finding::ok(CHECK, format!("{from}; {accounts} {}", names.join(", ")))
}

/// Every mistake; nothing else can be looked at.
pub(super) fn broken(why: &str) -> Vec<Finding> {
    let advice = "mend it, and run `doctor` again; every key: docs/reference/configuration.md";
    let mut lines = why.lines();
    let head = lines.next().unwrap_or_default();
    let mut findings: Vec<Finding> =
        lines.map(|mistake| Finding::fail(CHECK, mistake.trim(), advice)).collect();
    if findings.is_empty() {
        findings.push(Finding::fail(CHECK, head, advice));
    }
    findings.push(Finding::note("others", "not looked at: they depend on the configuration"));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Level;

    #[test]
    fn each_mistake_has_its_line() {
        let found = broken("read the configuration (c.yaml):\n  `a`: is wrong\n  `b`: too");
        let said: Vec<&str> = found.iter().map(|finding| finding.found.as_str()).collect();
        assert_eq!(said[..2], ["`a`: is wrong", "`b`: too"]);
        assert_eq!((found.len(), found[2].level), (3, Level::Note));
        assert_eq!(broken("read it: no such file")[0].found, "read it: no such file");
    }

    #[test]
    fn file_and_accounts_are_named() {
        let found = judge(&Config::default(), Some(Path::new("/etc/c.yaml"))).found;
        assert_eq!(found, "/etc/c.yaml; account default");
    }
}
