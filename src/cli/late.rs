//! A client that waits for its account's credentials, so that one account without any holds up neither
//! the daemon nor the other accounts.

use super::Failure;
use crate::aliyun::Client;
use crate::cloud::{
    Accepted, Class, CloudError, Identify, Page, Query, ReadLinks, Ticket, WriteLinks,
};
use crate::model::{AccountId, AccountName};
use jiff::Timestamp;
use std::sync::OnceLock;
use std::time::Duration;

/// Makes the client of one account.
type Make = Box<dyn Fn() -> Result<Client, Failure> + Send + Sync>;

/// The client of an account, made as soon as it can be. Until then every call fails with the reason, and
/// tries again: scopes that fail back off, so that is seldom.
pub(super) struct Late {
    account: AccountName,
    make: Make,
    made: OnceLock<Client>,
}

impl Late {
    /// Tries at once, and says why it fails if it does.
    pub fn new(account: &AccountName, make: Make) -> (Self, Result<(), Failure>) {
        let late = Self { account: account.clone(), make, made: OnceLock::new() };
        let tried = (late.make)().map(|client| drop(late.made.set(client)));
        (late, tried)
    }

    fn client(&self) -> Result<&Client, CloudError> {
        if let Some(client) = self.made.get() {
            return Ok(client);
        }
        let client = (self.make)()
            .map_err(|Failure(why)| CloudError::new(Class::Unauthenticated, "credentials", why))?;
        tracing::info!(account = %self.account, "the account has credentials now");
        Ok(self.made.get_or_init(|| client))
    }
}

impl ReadLinks for Late {
    async fn describe(&self, query: &Query) -> Result<Page, CloudError> {
        self.client()?.describe(query).await
    }
}

impl WriteLinks for Late {
    async fn carry_out(&self, ticket: &Ticket) -> Result<Accepted, CloudError> {
        self.client()?.carry_out(ticket).await
    }

    fn clock_off(&self) -> Duration {
        self.made.get().map(WriteLinks::clock_off).unwrap_or_default()
    }
}

impl Identify for Late {
    async fn caller(&self) -> Result<AccountId, CloudError> {
        self.client()?.caller().await
    }

    fn expires(&self) -> Option<Timestamp> {
        self.made.get().and_then(Identify::expires)
    }

    /// What was found out without a client does not hold for one.
    fn generation(&self) -> u64 {
        self.made.get().map_or(0, |client| client.generation().wrapping_add(1))
    }
}
