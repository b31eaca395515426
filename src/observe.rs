//! Drives the reads of one scope; what they prove is for `observed` to say. [`Callers`] asks whose
//! credential an account uses.

use crate::attempt::Lanes;
use crate::clock::{Clock, Moment};
use crate::cloud::{Class, CloudError, IDS_MAX, Identify, PAGE_SIZE_MAX, Page, Query, ReadLinks};
use crate::desired::Desired;
use crate::model::{AccountName, InstanceId, Mode, Region, Scope};
use crate::observed::{
    Complete, Gap, Listed, Observed, Partial, Standing, Sweep, judge, plausible,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tracing::field::{Empty, display};
use tracing::{Instrument as _, Span};

mod caller;
pub use caller::{Caller, Callers, Checked, Pins};

/// Tries at listing a VPC with overlapping pages.
const SWEEPS: u32 = 3;
/// Tries at a whole observation whose list and ids disagree.
const TRIES: u32 = 3;
/// Halvings of a chunk of ids that are only reported: enough for one that is unknown.
const HALVINGS_MAX: u32 = 8;
/// Chunks of ids read at the same time.
const CHUNKS_AT_ONCE: usize = 4;

/// Reads of one account.
#[derive(Clone)]
pub struct Reads<R> {
    /// The way to the cloud.
    pub reader: R,
    /// The limits it shares.
    pub lanes: Arc<Lanes>,
    /// Whose credential it uses.
    pub account: AccountName,
    /// Whose credential that should be.
    pub pins: Pins,
    /// Tells when a read began.
    pub clock: Arc<dyn Clock>,
}

/// Why a scope could not be observed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Failed {
    /// The answers contradict each other: read again.
    Gap(Gap),
    /// The cloud or the way to it fails, retries and all: leave it to the next pass.
    Failing(CloudError),
    /// It cannot succeed as things are configured.
    Error(CloudError),
}

impl From<Gap> for Failed {
    fn from(gap: Gap) -> Self {
        Self::Gap(gap)
    }
}

impl From<CloudError> for Failed {
    fn from(error: CloudError) -> Self {
        match error.class {
            Class::Denied | Class::Unauthenticated | Class::Misconfigured | Class::Retired => {
                Self::Error(error)
            }
            _ => Self::Failing(error),
        }
    }
}

impl<R: Identify> Reads<R> {
    /// How the credential in use compares with the configuration.
    pub async fn identity(&self) -> Checked {
        self.pins.of(&self.account, &self.reader).await
    }
}

impl<R: ReadLinks> Reads<R> {
    /// Observes one scope: lists its VPC, then reads every instance that differs by id.
    ///
    /// # Errors
    /// [`CloudError`] where no later try can help: no permission, a refused credential, a wrong
    /// region or VPC. Everything else that goes wrong is [`Observed::Partial`].
    pub async fn observe(&self, desired: &Desired) -> Result<Observed, CloudError> {
        let scope = &desired.scope;
        let mut gaps = Vec::new();
        let mut candidates = BTreeSet::new();
        for _ in 0..TRIES {
            match self.try_once(desired, &mut candidates).await {
                Ok(complete) => return Ok(Observed::Complete(complete)),
                Err(Failed::Error(error)) => return Err(error),
                Err(Failed::Failing(error)) => {
                    gaps.push(Gap(error.to_string()));
                    break;
                }
                Err(Failed::Gap(gap)) => {
                    tracing::debug!(%scope, %gap, "an observation is not complete");
                    gaps.push(gap);
                }
            }
        }
        gaps.dedup();
        Ok(Observed::Partial(Partial { scope: scope.clone(), gaps, seen: candidates.len() }))
    }

    /// Lists every link of a VPC, proven.
    ///
    /// # Errors
    /// As [`Reads::observe`]; an unproven list is a [`Class::Ambiguous`] error.
    pub async fn list(&self, scope: &Scope) -> Result<Listed, CloudError> {
        self.proven(scope, &mut BTreeSet::new()).await.map_err(|failed| match failed {
            Failed::Error(error) | Failed::Failing(error) => error,
            Failed::Gap(gap) => CloudError::new(Class::Ambiguous, "incomplete", gap.to_string()),
        })
    }

    /// How instances stand, read in chunks of one page each, and when the first read began. A chunk
    /// that fails on an id the cloud does not know is halved until that id stands alone.
    ///
    /// # Errors
    /// [`CloudError`]; an answer that does not fit the question is a [`Class::Ambiguous`] one.
    pub async fn by_ids(
        &self,
        region: &Region,
        instances: &BTreeSet<InstanceId>,
    ) -> Result<(BTreeMap<InstanceId, Standing>, Moment), CloudError> {
        self.by_ids_halving(region, instances, u32::MAX).await
    }

    /// As [`Reads::by_ids`], where a chunk is halved so many times at most; what is left then counts
    /// as unknown to the cloud.
    async fn by_ids_halving(
        &self,
        region: &Region,
        instances: &BTreeSet<InstanceId>,
        halvings: u32,
    ) -> Result<(BTreeMap<InstanceId, Standing>, Moment), CloudError> {
        let began = self.clock.now();
        let all: Vec<InstanceId> = instances.iter().cloned().collect();
        if all.len() <= IDS_MAX {
            return Ok((self.chunk(region, all, halvings).await?, began));
        }
        let chunks: Vec<Vec<InstanceId>> = all.chunks(IDS_MAX).map(<[_]>::to_vec).collect();
        let reads =
            stream::iter(chunks.into_iter().map(|chunk| self.chunk(region, chunk, halvings)));
        let standings: Vec<BTreeMap<_, _>> =
            reads.buffer_unordered(CHUNKS_AT_ONCE).try_collect().await?;
        Ok((standings.into_iter().flatten().collect(), began))
    }

    async fn try_once(
        &self,
        desired: &Desired,
        candidates: &mut BTreeSet<InstanceId>,
    ) -> Result<Complete, Failed> {
        let scope = &desired.scope;
        let began = self.clock.now();
        let listed = self.proven(scope, candidates).await?;
        let kept = desired.instances_at(began.wall);
        let differing = listed.differing(&kept);
        let (unexpected, missing): (BTreeSet<_>, BTreeSet<_>) =
            differing.into_iter().partition(|id| listed.contains(id));
        // Released instances stay in manifests for years; in these modes nothing is done about them.
        let halvings = if desired.mode == Mode::Sync { u32::MAX } else { HALVINGS_MAX };
        let mut standings = self.by_ids(&scope.region, &unexpected).await?.0;
        standings.extend(self.by_ids_halving(&scope.region, &missing, halvings).await?.0);
        Ok(Complete::award(scope.clone(), listed, &kept, standings, began)?)
    }

    async fn proven(
        &self,
        scope: &Scope,
        candidates: &mut BTreeSet<InstanceId>,
    ) -> Result<Listed, Failed> {
        for _ in 0..SWEEPS {
            let mut sweep = Sweep::new(scope.clone());
            let swept = self.sweep(scope, &mut sweep).await;
            candidates.append(&mut sweep.seen().clone());
            match swept {
                Ok(()) => match sweep.finish() {
                    Ok(listed) => return Ok(listed),
                    Err(gap) => tracing::debug!(%scope, %gap, "a sweep proves nothing"),
                },
                Err(Failed::Gap(gap)) => tracing::debug!(%scope, %gap, "a sweep proves nothing"),
                Err(error) => return Err(error),
            }
        }
        self.by_count_and_ids(scope, candidates).await
    }

    async fn sweep(&self, scope: &Scope, sweep: &mut Sweep) -> Result<(), Failed> {
        while let Some(ask) = sweep.ask() {
            let page = self.page(scope, ask.page, ask.page_size).await?;
            sweep.take(&page)?;
        }
        Ok(())
    }

    /// For clouds whose order changes from call to call: gather candidates until they are as many
    /// as the cloud counts, then confirm each by id.
    async fn by_count_and_ids(
        &self,
        scope: &Scope,
        candidates: &mut BTreeSet<InstanceId>,
    ) -> Result<Listed, Failed> {
        let mut total = self.gather(scope, 1, candidates).await?;
        let mut calls_left = 10 + 8 * total.div_ceil(PAGE_SIZE_MAX);
        let mut page = 1;
        let mut gap = Gap(format!("{} was not listed", scope.vpc));
        while calls_left > 0 {
            if candidates.len() >= total as usize {
                let (standings, _) = self.by_ids(&scope.region, candidates).await?;
                let after = self.gather(scope, 1, candidates).await?;
                match Listed::by_count_and_ids(scope, &standings, total, after) {
                    Ok(listed) => return Ok(listed),
                    Err(unproven) => gap = unproven,
                }
                candidates.retain(|id| !matches!(standings.get(id), Some(Standing::Unlinked)));
                total = after;
            } else {
                page = page % total.div_ceil(PAGE_SIZE_MAX).max(1) + 1;
                total = self.gather(scope, page, candidates).await?;
                gap = Gap(format!(
                    "{} links of {} were seen, and the cloud counts {total}",
                    candidates.len(),
                    scope.vpc
                ));
            }
            calls_left -= 1;
        }
        Err(Failed::Gap(gap))
    }

    async fn gather(
        &self,
        scope: &Scope,
        page: u32,
        candidates: &mut BTreeSet<InstanceId>,
    ) -> Result<u32, Failed> {
        let page = self.page(scope, page, PAGE_SIZE_MAX).await?;
        if let Some(foreign) = page.links.iter().find(|link| link.vpc != scope.vpc) {
            return Err(
                Gap(format!("asked for {}, the cloud answers with {foreign}", scope.vpc)).into()
            );
        }
        plausible(scope, page.total)?;
        candidates.extend(page.links.into_iter().map(|link| link.instance));
        Ok(page.total)
    }

    async fn page(&self, scope: &Scope, page: u32, page_size: u32) -> Result<Page, CloudError> {
        let (region, vpc) = (scope.region.clone(), scope.vpc.clone());
        let span = self.span(&region);
        span.record("vpc", display(&vpc)).record("page", page);
        let query = Query::OfVpc { region, vpc, page, page_size };
        self.read(&query).instrument(span).await
    }

    fn span(&self, region: &Region) -> Span {
        tracing::debug_span!(
            "read", account = %self.account, %region, vpc = Empty, page = Empty, instances = Empty,
            request_id = Empty, code = Empty
        )
    }

    /// Asks, and records in the span what came back.
    async fn read(&self, query: &Query) -> Result<Page, CloudError> {
        let answer = self.lanes.describe(&self.reader, &self.account, query).await;
        let (code, request_id) = match &answer {
            Ok(page) => ("ok", page.request_id.as_deref()),
            Err(error) => (error.code.as_str(), error.request_id.as_deref()),
        };
        Span::current().record("code", code).record("request_id", request_id);
        answer
    }

    async fn chunk(
        &self,
        region: &Region,
        chunk: Vec<InstanceId>,
        mut halvings: u32,
    ) -> Result<BTreeMap<InstanceId, Standing>, CloudError> {
        let mut standings = BTreeMap::new();
        let mut left = vec![chunk];
        while let Some(mut instances) = left.pop() {
            if instances.is_empty() {
                continue;
            }
            let query = Query::OfInstances { region: region.clone(), instances: instances.clone() };
            let span = self.span(region);
            span.record("instances", instances.len());
            match self.read(&query).instrument(span).await {
                Ok(page) => match judge(&instances, &page) {
                    Ok(judged) => standings.extend(judged),
                    Err(gap) => {
                        return Err(CloudError::new(
                            Class::Ambiguous,
                            "incomplete",
                            gap.to_string(),
                        ));
                    }
                },
                Err(error) if !error.blames_an_instance() => return Err(error),
                Err(error) => match instances.as_slice() {
                    [alone] => {
                        let unknown = Standing::Unknown { code: error.code };
                        standings.insert(alone.clone(), unknown);
                    }
                    _ if halvings == 0 => {
                        let unknown = |id| (id, Standing::Unknown { code: error.code.clone() });
                        standings.extend(instances.into_iter().map(unknown));
                    }
                    _ => {
                        halvings -= 1;
                        left.push(instances.split_off(instances.len() / 2));
                        left.push(instances);
                    }
                },
            }
        }
        Ok(standings)
    }
}
