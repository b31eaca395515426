//! Whose credential it is, and of which kind.

use super::Client;
use super::request::Call;
use crate::aliyun::codes::Operation;
use crate::aliyun::credentials::{InUse, Need};
use crate::aliyun::wire;
use crate::cloud::{Class, CloudError, Identify};
use crate::model::AccountId;
use jiff::Timestamp;

/// Whose credential it is (`api-contract.md` 2.8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account that it belongs to.
    pub account: AccountId,
    /// Of which kind it is.
    pub kind: Kind,
}

/// What a credential stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The account itself: nothing can be denied to it.
    Account,
    /// A RAM user, who may do what policies say.
    User,
    /// A RAM role that somebody assumed, likewise.
    Role,
    /// The answer does not say, or says what nobody documented.
    Unknown,
}

impl Client {
    /// Whose credential is in use now. Asks once.
    ///
    /// # Errors
    /// [`CloudError`], classified.
    pub async fn identity(&self) -> Result<Identity, CloudError> {
        let key = self.key(Need::Read).await?;
        let generation = key.generation;
        let identity = self.identity_of(key).await?;
        let account = identity.account.clone();
        *self.owner.lock().await = Some(Owner { generation, account });
        Ok(identity)
    }

    async fn identity_of(&self, key: InUse) -> Result<Identity, CloudError> {
        let call = Call { operation: Operation::Identify, region: None, parameters: Vec::new() };
        let limit = self.settings.read_timeout;
        let (_, identity) = self.call_with(key, &call, wire::caller, limit).await?;
        Ok(identity)
    }

    /// That a key belongs to the account that is pinned. A key that was renewed is asked about anew, for a
    /// renewal can bring another account's (`reliability.md` A24), and the answer about the last one proves
    /// nothing about this one.
    pub(super) async fn vouch(&self, key: &InUse) -> Result<(), CloudError> {
        let Some(pinned) = &self.settings.pinned else { return Ok(()) };
        let mut owner = self.owner.lock().await;
        let known = owner.as_ref().filter(|owner| owner.generation == key.generation);
        let account = match known {
            Some(owner) => owner.account.clone(),
            None => {
                let account = self.identity_of(key.clone()).await.map_err(unproven)?.account;
                *owner = Some(Owner { generation: key.generation, account: account.clone() });
                account
            }
        };
        if account == *pinned {
            return Ok(());
        }
        let message = format!(
            "the key belongs to account {account}, and {pinned} is pinned; give a key of the account that \
             `accountId` names"
        );
        Err(CloudError::new(Class::Unauthenticated, "account-pin", message))
    }
}

/// Whose a key is.
pub(super) struct Owner {
    generation: u64,
    account: AccountId,
}

/// The question got no answer: the change that waited for it was not sent.
fn unproven(error: CloudError) -> CloudError {
    let class = match error.class {
        Class::Ambiguous | Class::Throttled => Class::Unreachable,
        class => class,
    };
    CloudError { class, ..error }
}

impl Identify for Client {
    async fn caller(&self) -> Result<AccountId, CloudError> {
        self.identity().await.map(|identity| identity.account)
    }

    fn expires(&self) -> Option<Timestamp> {
        self.settings.credentials.expires()
    }

    fn generation(&self) -> u64 {
        self.settings.credentials.generation()
    }
}
