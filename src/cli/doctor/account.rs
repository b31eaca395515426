//! One account: its key, whose that is, and what it may do, one after the other.

use super::finding::Finding;
use super::{Case, credentials, identity, permissions};
use crate::cli::keys::Keys;
use crate::cli::setup;
use crate::model::AccountName;
use std::sync::Arc;

const ADVICE: &str =
    "mend what it names, or say in `accounts.<name>.credentials` where the key comes from";

pub(super) async fn look(case: &Case, name: &AccountName) -> Vec<Finding> {
    let Some(account) = case.config.accounts.get(name) else { return Vec::new() };
    let credentials = match Keys::new(&case.config, &case.clock) {
        Ok(mut keys) => keys.of(name, account).map_err(|error| error.parts()),
        Err(why) => Err((why.0, None)),
    };
    let credentials = match credentials {
        Ok(credentials) => credentials,
        Err(why) => return vec![without(case, name, why)],
    };
    let provenance = match credentials.provenance().await {
        Ok(provenance) => provenance,
        Err(error) => return vec![without(case, name, error.parts())],
    };
    let now = case.clock.now().wall;
    let mut findings = credentials::judge(name, &provenance, now);
    let client = match setup::client(&case.config, account, credentials, &case.clock) {
        Ok(client) => Arc::new(client),
        Err(why) => {
            let advice = "mend what it names, and run `doctor` again";
            findings.push(Finding::of_error("identity", &why.0, advice).about(name.as_str()));
            return findings;
        }
    };
    let (caller, read) =
        tokio::join!(client.identity(), permissions::read(case, name, client.as_ref()));
    findings.extend(identity::judge(name, account.account_id.as_ref(), &caller));
    findings.extend(permissions::judge(name, &read));
    findings
}

/// An account that nobody configured needs no key where others have one.
fn without(case: &Case, name: &AccountName, why: (String, Option<String>)) -> Finding {
    let implied = |name: &AccountName| {
        case.config.accounts.get(name).is_some_and(|account| setup::is_implied(name, account))
    };
    let others = case.config.accounts.keys().any(|other| !implied(other));
    let used = case.scopes().iter().any(|scope| scope.account == *name);
    if implied(name) && others && !used {
        let found = "no key, and nobody configured or uses this account";
        return Finding::note("credentials", found).about(name.as_str());
    }
    let (found, advice) = why;
    Finding::fail("credentials", found, advice.as_deref().unwrap_or(ADVICE)).about(name.as_str())
}
