//! Counts the calls that go through one of the cloud's seams.

use super::{Counts, Operation};
use crate::aliyun::codes;
use crate::clock::Clock;
use crate::cloud::{
    Accepted, Class, CloudError, Identify, Page, Query, ReadLinks, Ticket, WriteLinks,
};
use crate::model::{AccountId, AccountName, Lane, Verb};
use jiff::Timestamp;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// A client whose calls are counted, each repetition for itself, by action and code.
#[derive(Clone)]
pub struct Metered<C> {
    client: C,
    account: AccountName,
    counts: Counts,
    clock: Arc<dyn Clock>,
}

impl<C> Metered<C> {
    /// Counts for itself.
    pub fn new(client: C, account: AccountName, clock: Arc<dyn Clock>) -> Self {
        Self { client, account, counts: Counts::default(), clock }
    }

    /// The same client, counted with others.
    #[must_use]
    pub fn counted_by(self, counts: &Counts) -> Self {
        Self { counts: counts.clone(), ..self }
    }

    async fn count<T>(
        &self,
        operation: Operation,
        lane: Option<Lane>,
        call: impl Future<Output = Result<T, CloudError>>,
    ) -> Result<T, CloudError> {
        let begun = self.clock.now();
        let answer = call.await;
        let took = self.clock.now().since(begun);
        let code = match &answer {
            Ok(_) => "ok",
            Err(error) => codes::label(&error.code),
        };
        self.counts.called(&self.account, operation, code, took);
        let region = lane.as_ref().map(|lane| lane.region.clone());
        let refused = answer.as_ref().err().map(|error| (error, code));
        self.counts.judged(&self.account, region, operation, refused);
        if let (Some(lane), Err(CloudError { class: Class::Throttled, .. })) = (lane, &answer) {
            self.counts.throttled(&lane, operation);
        }
        answer
    }
}

impl<C: ReadLinks> ReadLinks for Metered<C> {
    async fn describe(&self, query: &Query) -> Result<Page, CloudError> {
        let lane = query.lane(&self.account);
        self.count(Operation::Describe, Some(lane), self.client.describe(query)).await
    }
}

impl<C: WriteLinks> WriteLinks for Metered<C> {
    async fn carry_out(&self, ticket: &Ticket) -> Result<Accepted, CloudError> {
        let operation = match ticket.verb() {
            Verb::Detach => Operation::Detach,
            Verb::Attach => Operation::Attach,
        };
        let lane = ticket.scope().lane();
        self.count(operation, Some(lane), self.client.carry_out(ticket)).await
    }

    fn ready(&self) -> impl Future<Output = Result<(), CloudError>> + Send {
        self.client.ready()
    }

    fn clock_off(&self) -> Duration {
        self.client.clock_off()
    }
}

impl<C: Identify> Identify for Metered<C> {
    async fn caller(&self) -> Result<AccountId, CloudError> {
        self.count(Operation::Identify, None, self.client.caller()).await
    }

    fn expires(&self) -> Option<Timestamp> {
        self.client.expires()
    }

    fn generation(&self) -> u64 {
        self.client.generation()
    }
}
