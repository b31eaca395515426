//! Where a key comes from, and whether it is kept well. Nothing of the key itself is ever said.

use super::finding::Finding;
use crate::aliyun::Provenance;
use crate::model::AccountName;
use jiff::{SignedDuration, Timestamp};

const CHECK: &str = "credentials";

/// A key that comes from a file is renewed by somebody else, who should not wait until the daemon has to
/// stop changing things.
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_mins(5);

/// What is said of a key that was found.
pub(super) fn judge(account: &AccountName, of: &Provenance, now: Timestamp) -> Vec<Finding> {
    let kind = if of.temporary { "a temporary key" } else { "a permanent key" };
    let mut what = match of.provider {
        "file" => kind.to_owned(),
        "env" => format!("{kind} from the environment"),
        provider => format!("{kind} of `{provider}`"),
    };
    if let Some(path) = &of.file {
        what = format!("{what} from the file {}", path.display());
    }
    if let Some(mode) = of.mode {
        what = format!("{what} (mode {mode:04o})");
    }
    let mut findings = Vec::new();
    match of.ends {
        Some(end) if end <= now => {
            let advice = "renew it; have a sidecar write the file anew before the key ends";
            findings.push(Finding::fail(CHECK, format!("{what}; it ended at {end}"), advice));
        }
        Some(end) if of.file.is_some() && end.duration_since(now) < RENEWED_BEFORE => {
            let advice = "see that whoever renews the file still runs";
            findings.push(Finding::warn(CHECK, format!("{what}; it ends at {end}"), advice));
        }
        _ => {}
    }
    if of.temporary && of.provider == "env" {
        let found = format!("{what}; it ends some time, and the environment cannot be renewed");
        let advice = "for a daemon, let it come from a role, or let a sidecar write it to a file, and say \
                      so in `accounts.<name>.credentials`";
        findings.push(Finding::warn(CHECK, found, advice));
    }
    if findings.is_empty() {
        let end = match of.ends {
            Some(end) => format!("; it ends at {end}"),
            None if of.temporary => "; when it ends is not said".to_owned(),
            None => String::new(),
        };
        findings.push(Finding::ok(CHECK, format!("{what}{end}")));
    }
    findings.into_iter().map(|finding| finding.about(account.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Level;

    fn levels(provider: &'static str, temporary: bool, ends: Option<&str>) -> Vec<Level> {
        let file = (provider == "file").then(|| "/run/key".into());
        let mode = file.as_ref().map(|_| 0o440);
        let ends = ends.map(|end| end.parse().unwrap());
        let of = Provenance { provider, file, mode, temporary, ends };
        let now = "2026-05-01T12:00:00Z".parse().unwrap();
        let found = judge(&AccountName::parse("prod").unwrap(), &of, now);
        assert!(found.iter().all(|finding| finding.name() == "credentials prod"));
        found.iter().map(|finding| finding.level).collect()
    }

    #[test]
    fn a_key_is_renewed_in_time() {
        assert_eq!(levels("file", false, None), [Level::Ok]);
        assert_eq!(levels("env", false, None), [Level::Ok]);
        assert_eq!(levels("file", true, Some("2026-05-01T13:00:00Z")), [Level::Ok]);
        assert_eq!(levels("file", true, Some("2026-05-01T12:04:59Z")), [Level::Warn]);
        assert_eq!(levels("file", true, Some("2026-05-01T12:00:00Z")), [Level::Fail]);
        assert_eq!(levels("env", true, None), [Level::Warn], "the environment stays as it is");
        let renewed_by_us = levels("ecs_ram_role", true, Some("2026-05-01T12:04:59Z"));
        assert_eq!(renewed_by_us, [Level::Ok]);
    }
}
