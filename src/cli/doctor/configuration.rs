//! Whether the configuration can be read, and what it names.

use super::finding::Finding;
use crate::cli::run::LISTEN;
use crate::config::Config;
use crate::model::printable;
use crate::notification::Place;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
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

/// What a configuration without mistakes gives away.
pub(super) fn exposed(config: &Config, file: Option<&Path>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let listen = config.listen.as_deref().unwrap_or(LISTEN);
    if !is_near(listen) {
        let found = format!(
            "the page listens on {}, beyond this machine, and has no login",
            printable(listen)
        );
        let advice =
            "listen on 127.0.0.1, or put a proxy with a login or a network policy before it";
        findings.push(Finding::warn(CHECK, found, advice));
    }
    let inline = config.notifications.iter().find(|sink| matches!(sink.place, Place::Here(_)));
    let mode = file.and_then(|path| std::fs::metadata(path).ok());
    let mode = mode.map(|metadata| metadata.permissions().mode() & 0o7777);
    if let (Some(sink), Some(path), Some(mode)) = (inline, file, mode)
        && mode & 0o007 != 0
    {
        let (path, name) = (path.display(), &sink.name);
        let found = format!(
            "everybody may read {path} (mode {mode:04o}), and the `url` of the sink {name} in it is a secret"
        );
        let advice = format!(
            "move it to a file with mode 600 and name that in `urlFile`; or chmod 600 {path}"
        );
        findings.push(Finding::warn(CHECK, found, advice));
    }
    findings
}

/// Whether an address to listen on is reached from this machine only.
fn is_near(listen: &str) -> bool {
    let by_name = listen == "none" || listen.starts_with("localhost:");
    by_name || listen.parse().is_ok_and(|address: SocketAddr| address.ip().is_loopback())
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
    fn a_page_that_others_reach_is_told() {
        let on = |listen: &str| {
            let config = Config { listen: Some(listen.to_owned()), ..Config::default() };
            exposed(&config, None).len()
        };
        for near in ["none", "127.0.0.1:9108", "[::1]:0", "localhost:9108", "127.9.9.9:1"] {
            assert_eq!(on(near), 0, "{near}");
        }
        for far in ["0.0.0.0:9108", "[::]:9108", "10.1.2.3:1", "links.example:9108"] {
            assert_eq!(on(far), 1, "{far}");
        }
        assert!(exposed(&Config::default(), None).is_empty());
    }

    #[test]
    fn file_and_accounts_are_named() {
        let found = judge(&Config::default(), Some(Path::new("/etc/c.yaml"))).found;
        assert_eq!(found, "/etc/c.yaml; account default");
    }
}
