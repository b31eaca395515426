//! Where a key comes from, and whether it is kept well. Nothing of the key itself is ever said.

use super::finding::Finding;
use crate::aliyun::Provenance;
use crate::model::AccountName;
use jiff::{SignedDuration, Timestamp};

const CHECK: &str = "credentials";

/// The SDKs renew a key this long before it ends (`api-contract.md` 9): one that is nearer to its end has
/// nobody who renews it.
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_mins(15);

/// What is said of a key that was found.
pub(super) fn judge(account: &AccountName, of: &Provenance, now: Timestamp) -> Vec<Finding> {
    let kind = if of.temporary { "a temporary key" } else { "a permanent key" };
    let from = match &of.file {
        Some(path) => format!("the file {}", path.display()),
        None => "the environment".to_owned(),
    };
    let what = format!("{kind} from {from}");
    let mut findings = Vec::new();
    if let (Some(path), Some(mode)) = (&of.file, of.open_mode()) {
        let found = format!("{what}; others than its owner may read it (mode {mode:04o})");
        findings.push(Finding::warn(CHECK, found, format!("chmod 600 {}", path.display())));
    }
    match of.ends {
        Some(end) if end <= now => {
            let advice = "renew it; have a sidecar write the file anew before the key ends";
            findings.push(Finding::fail(CHECK, format!("{what}; it ended at {end}"), advice));
        }
        Some(end) if end.duration_since(now) < RENEWED_BEFORE => {
            let advice = "see that whoever renews the file still runs";
            findings.push(Finding::warn(CHECK, format!("{what}; it ends at {end}"), advice));
        }
        _ => {}
    }
    if of.temporary && of.file.is_none() {
        let found = format!("{what}; it ends some time, and the environment cannot be renewed");
        let advice = "for a daemon, let a sidecar write it to a file, and name that in \
                      `accounts.<name>.credentialsFile`";
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

    fn levels(mode: Option<u32>, temporary: bool, ends: Option<&str>) -> Vec<Level> {
        let file = mode.map(|_| "/run/key".into());
        let ends = ends.map(|end| end.parse().unwrap());
        let of = Provenance { file, mode, temporary, ends };
        let now = "2026-05-01T12:00:00Z".parse().unwrap();
        let found = judge(&AccountName::parse("prod").unwrap(), &of, now);
        assert!(found.iter().all(|finding| finding.name() == "credentials prod"));
        found.iter().map(|finding| finding.level).collect()
    }

    #[test]
    fn a_key_is_kept_from_others_and_renewed_in_time() {
        assert_eq!(levels(Some(0o600), false, None), [Level::Ok]);
        assert_eq!(levels(None, false, None), [Level::Ok]);
        assert_eq!(levels(Some(0o640), false, None), [Level::Warn]);
        assert_eq!(levels(Some(0o440), false, None), [Level::Ok], "as systemd hands it out");
        assert_eq!(levels(Some(0o400), true, Some("2026-05-01T13:00:00Z")), [Level::Ok]);
        assert_eq!(levels(Some(0o600), true, Some("2026-05-01T12:14:59Z")), [Level::Warn]);
        assert_eq!(levels(Some(0o600), true, Some("2026-05-01T12:00:00Z")), [Level::Fail]);
        assert_eq!(levels(Some(0o604), true, Some("2026-05-01T11:00:00Z")).len(), 2);
        assert_eq!(levels(None, true, None), [Level::Warn], "the environment stays as it is");
    }
}
