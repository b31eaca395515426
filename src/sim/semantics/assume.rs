//! `AssumeRole` and `AssumeRoleWithOIDC` (`api-contract.md` 9): every role of an account that exists is there,
//! trusts every caller and may do everything.

use super::Operation;
use crate::model::AccountId;
use crate::sim::problem::{Action, Problem, Refusal};
use crate::sim::state::credentials::Issued;

impl Operation<'_> {
    pub(super) fn assume(&mut self) -> Result<Issued, Refusal> {
        let required = |name: &'static str| {
            self.param(name).ok_or_else(|| self.refuse(Problem::Missing(name)))
        };
        let arn = required("RoleArn")?;
        required("RoleSessionName")?;
        if self.action == Action::AssumeWithOidc {
            required("OIDCProviderArn")?;
            let token = required("OIDCToken")?;
            // A token has three parts; whose signature it is nobody here can know.
            if token.split('.').filter(|part| !part.is_empty()).count() != 3 {
                return Err(self.refuse(Problem::OidcToken));
            }
        }
        let account = role_s_account(arn).filter(|account| self.state.keys.of(account).is_some());
        let account = account.ok_or_else(|| self.refuse(Problem::RoleUnknown))?;
        Ok(self.state.issue(self.now, account))
    }
}

/// Whose role `acs:ram::<account>:role/<name>` is.
fn role_s_account(arn: &str) -> Option<AccountId> {
    let (account, name) = arn.strip_prefix("acs:ram::")?.split_once(":role/")?;
    (!name.is_empty()).then(|| AccountId::parse(account).ok()).flatten()
}
