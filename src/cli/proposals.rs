//! Plans for every scope of a tree, some at a time.

use super::progress::{Live, Shown};
use super::setup;
use crate::apply::Circumstances;
use crate::cloud::{Class, CloudError, Identify, ReadLinks};
use crate::desired::Tree;
use crate::forecast;
use crate::model::{AccountName, Lane};
use crate::observe::Reads;
use crate::reconcile::{Proposal, propose};
use crate::report::{Report, ScopeReport};
use futures_util::{StreamExt as _, stream};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Observes, plans and gates every scope of a tree; in the order of the scopes.
pub(super) async fn all<R: ReadLinks + Identify>(
    tree: &Tree,
    reads: &BTreeMap<AccountName, Reads<R>>,
    circumstances: &Circumstances,
    workers: usize,
) -> Vec<Proposal> {
    let (done, of) = (Arc::new(AtomicUsize::new(0)), tree.scopes.len());
    let counted = Arc::clone(&done);
    let _live = Live::start(setup::clock(), move |_| Shown::Reading {
        done: counted.load(Ordering::Relaxed),
        of,
    });
    let done = &done;
    let wanted = tree.scopes.values().map(|desired| {
        let proposing = async move {
            let proposal = match reads.get(&desired.scope.account) {
                Some(reads) => propose(reads, circumstances, desired).await,
                None => {
                    let why = format!("account `{}` has no credentials", desired.scope.account);
                    let error = CloudError::new(Class::Unauthenticated, "credentials", why);
                    let report = ScopeReport::of_failure(desired, error);
                    Proposal::without_plan(report)
                }
            };
            done.fetch_add(1, Ordering::Relaxed);
            proposal
        };
        (desired.scope.lane(), proposing)
    });
    let mut proposals = side_by_side(wanted.collect(), workers).await;
    proposals.sort_by(|a, b| a.report.scope.cmp(&b.report.scope));
    proposals
}

/// Waits for everything, `workers` at the same time of each account and region: those whose calls hang
/// hold up no others. In the order in which they end.
pub(super) async fn side_by_side<T>(
    wanted: Vec<(Lane, impl Future<Output = T>)>,
    workers: usize,
) -> Vec<T> {
    let mut lanes: BTreeMap<Lane, Vec<_>> = BTreeMap::new();
    for (lane, work) in wanted {
        lanes.entry(lane).or_default().push(work);
    }
    let lanes = lanes
        .into_values()
        .map(|works| Box::pin(stream::iter(works).buffer_unordered(workers.max(1))));
    stream::select_all(lanes).collect().await
}

/// The report of proposals that were not carried out.
pub(super) fn report(tree: &Tree, proposals: &[Proposal]) -> Report {
    let scopes = proposals.iter().map(|proposal| proposal.report.clone()).collect();
    let asks = proposals.iter().filter_map(|of| Some((of.report.scope.lane(), of.ask.as_ref()?)));
    let forecast = forecast::together(asks);
    Report { forecast, ..Report::new(Arc::clone(&tree.revision), scopes) }
}
