//! Plans for every scope of a tree, some at a time.

use crate::apply::Circumstances;
use crate::cloud::{Class, CloudError, Identify, ReadLinks};
use crate::desired::Tree;
use crate::forecast;
use crate::model::AccountName;
use crate::observe::Reads;
use crate::reconcile::{Proposal, propose};
use crate::report::{Report, ScopeReport};
use futures_util::{StreamExt as _, stream};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Observes, plans and gates every scope of a tree; in the order of the scopes.
pub(super) async fn all<R: ReadLinks + Identify>(
    tree: &Tree,
    reads: &BTreeMap<AccountName, Reads<R>>,
    circumstances: &Circumstances,
    workers: usize,
) -> Vec<Proposal> {
    let wanted = tree.scopes.values().map(|desired| async move {
        match reads.get(&desired.scope.account) {
            Some(reads) => propose(reads, circumstances, desired).await,
            None => {
                let why = format!("account `{}` has no credentials", desired.scope.account);
                let error = CloudError::new(Class::Unauthenticated, "credentials", why);
                let report = ScopeReport::of_failure(desired, error);
                Proposal::without_plan(report)
            }
        }
    });
    let wanted: Vec<_> = wanted.collect();
    let count = wanted.len();
    let mut proposals = Vec::with_capacity(count);
    let mut running = stream::iter(wanted).buffered(workers);
    while let Some(proposal) = running.next().await {
        proposals.push(proposal);
        super::terminal::progress(&format!("reading {} of {count} VPCs", proposals.len()));
    }
    super::terminal::progress("");
    proposals
}

/// The report of proposals that were not carried out.
pub(super) fn report(tree: &Tree, proposals: &[Proposal]) -> Report {
    let scopes = proposals.iter().map(|proposal| proposal.report.clone()).collect();
    let asks = proposals.iter().filter_map(|of| Some((of.report.scope.lane(), of.ask.as_ref()?)));
    let forecast = forecast::together(asks);
    Report { forecast, ..Report::new(Arc::clone(&tree.revision), scopes) }
}
