//! Whose credential it is, and of which kind.

use super::Client;
use super::request::Call;
use crate::aliyun::codes::Operation;
use crate::aliyun::credentials::InUse;
use crate::aliyun::wire;
use crate::cloud::{CloudError, Identify};
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
        let key = self.keyring.for_read().await?;
        let generation = key.generation;
        let identity = self.identity_of(key).await?;
        self.keyring.told(generation, identity.account.clone());
        Ok(identity)
    }

    async fn identity_of(&self, key: InUse) -> Result<Identity, CloudError> {
        let call = Call { operation: Operation::Identify, region: None, parameters: Vec::new() };
        let limit = self.settings.read_timeout;
        let (_, identity) = self.call_with(key, &call, wire::caller, limit).await?;
        Ok(identity)
    }

    pub(super) async fn account_of(&self, key: InUse) -> Result<AccountId, CloudError> {
        self.identity_of(key).await.map(|identity| identity.account)
    }
}

impl Identify for Client {
    async fn caller(&self) -> Result<AccountId, CloudError> {
        self.identity().await.map(|identity| identity.account)
    }

    fn expires(&self) -> Option<Timestamp> {
        self.keyring.expires()
    }

    fn generation(&self) -> u64 {
        self.keyring.generation()
    }
}
