//! Whose key it is, against the account that the configuration pins.

use super::finding::Finding;
use crate::aliyun::{Identity, Kind};
use crate::cloud::CloudError;
use crate::model::{AccountId, AccountName};

const CHECK: &str = "identity";

/// What `GetCallerIdentity` answered.
pub(super) fn judge(
    name: &AccountName,
    pinned: Option<&AccountId>,
    said: &Result<Identity, CloudError>,
) -> Vec<Finding> {
    let key = format!("accounts.{name}.accountId");
    let mut findings = Vec::new();
    match said {
        Err(error) => {
            let found = format!("the cloud does not tell whose key it is: {error}");
            let advice = if pinned.is_some() {
                "check key and network: while that is so, the rule `accountPin` holds every plan"
            } else {
                "check key and network"
            };
            findings.push(Finding::fail(CHECK, found, advice));
        }
        Ok(Identity { account, .. }) if pinned == Some(account) => {
            findings.push(Finding::ok(CHECK, format!("account {account}, as `{key}` says")));
        }
        Ok(Identity { account, .. }) => match pinned {
            Some(pinned) => {
                let found = format!("the key is of account {account}, and `{key}` says {pinned}");
                let advice = "give the key of that account; until then nothing is sent";
                findings.push(Finding::fail(CHECK, found, advice));
            }
            None => {
                let found = format!("account {account}, and nothing says that it should be");
                let advice =
                    format!("if it should, pin it in the configuration: {key}: \"{account}\"");
                findings.push(Finding::warn(CHECK, found, advice));
            }
        },
    }
    findings.extend(said.as_ref().ok().map(|identity| too_much(identity.kind)));
    findings.into_iter().map(|finding| finding.about(name.as_str())).collect()
}

/// What can be known of too many permissions: the answer names a kind and no policies.
fn too_much(kind: Kind) -> Finding {
    let check = "permissions";
    let unknown = "whether it may do more than it needs cannot be known from here";
    match kind {
        Kind::Account => Finding::warn(
            check,
            "the key is of the account itself, which may do everything",
            "make a RAM user or role with what `classiclinkd policy` prints, or with \
             deploy/ram/detach.json, and use its key",
        ),
        Kind::User => Finding::note(check, format!("the key is of a RAM user; {unknown}")),
        Kind::Role => Finding::note(check, format!("the key is of a RAM role; {unknown}")),
        Kind::Unknown => {
            Finding::note(check, format!("the cloud does not name its kind; {unknown}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Level;
    use crate::cloud::Class;

    fn id(text: &str) -> AccountId {
        AccountId::parse(text).unwrap()
    }

    fn levels(pinned: Option<&str>, kind: Kind) -> [Level; 2] {
        let said = Ok(Identity { account: id("1"), kind });
        let found = judge(&AccountName::parse("prod").unwrap(), pinned.map(id).as_ref(), &said);
        [found[0].level, found[1].level]
    }

    #[test]
    fn a_key_is_held_against_its_pin() {
        assert_eq!(levels(Some("1"), Kind::User), [Level::Ok, Level::Note]);
        assert_eq!(levels(None, Kind::Role), [Level::Warn, Level::Note]);
        assert_eq!(levels(Some("2"), Kind::Unknown), [Level::Fail, Level::Note]);
    }

    #[test]
    fn the_key_of_the_account_itself_may_do_too_much() {
        assert_eq!(levels(Some("1"), Kind::Account), [Level::Ok, Level::Warn]);
    }

    #[test]
    fn a_cloud_that_does_not_tell_is_a_failure() {
        let said = Err(CloudError::new(Class::Unauthenticated, "InvalidAccessKeyId", "no"));
        let found = judge(&AccountName::parse("prod").unwrap(), None, &said);
        assert_eq!((found.len(), found[0].level), (1, Level::Fail));
    }
}
