//! How an instance stands: by one read where the cloud can be asked, else by the journal.

use super::Question;
use crate::cloud::ReadLinks;
use crate::model::{AccountName, Lane, Scope};
use crate::observe::Reads;
use crate::observed::Standing;
use crate::report::explanation::{Observed, Sighting};
use std::collections::{BTreeMap, BTreeSet};

/// Asks in every account and region that it has to do with, else in all that are declared.
pub(super) async fn ask<R: ReadLinks>(
    question: &Question<'_>,
    scopes: &BTreeSet<Scope>,
    reads: &BTreeMap<AccountName, Reads<R>>,
) -> Observed {
    let lanes = lanes(question, scopes);
    let mut sightings = Vec::new();
    for lane in lanes {
        let Some(reads) = reads.get(&lane.account) else {
            let at = question.clock.now().wall;
            let standing = Err(format!("account `{}` has no credentials", lane.account));
            sightings.push(Sighting { lane, at, standing });
            continue;
        };
        let wanted = [question.instance.clone()].into();
        let sighting = match reads.by_ids(&lane.region, &wanted).await {
            Ok((standings, began)) => {
                let standing = standings.get(question.instance).cloned();
                let standing = standing.unwrap_or(Standing::Unlinked);
                Sighting { lane, at: began.wall, standing: Ok(standing) }
            }
            Err(error) => {
                let at = question.clock.now().wall;
                Sighting { lane, at, standing: Err(error.to_string()) }
            }
        };
        sightings.push(sighting);
    }
    let not_asked = sightings.is_empty().then(|| {
        "neither manifests nor journal name an account and region to ask in; give --manifests"
            .into()
    });
    Observed { not_asked, sightings, findings: Vec::new() }
}

/// What the last passes found of the scopes it has to do with, else of all of them.
pub(super) fn remembered(question: &Question<'_>, scopes: &BTreeSet<Scope>, why: &str) -> Observed {
    let concerned = |scope: &Scope| {
        let account = question.account.is_none_or(|account| scope.account == *account);
        account && (scopes.is_empty() || scopes.contains(scope))
    };
    let passes = question.past.ledger.passes().filter(|(_, passed)| concerned(&passed.scope));
    let findings = passes.map(|(at, passed)| (at, passed.clone())).collect();
    Observed { not_asked: Some(why.to_owned()), sightings: Vec::new(), findings }
}

/// The scopes that it was seen linked to.
pub(super) fn linked(sightings: &[Sighting]) -> Vec<Scope> {
    let scope = |sighting: &Sighting| {
        let Lane { account, region } = sighting.lane.clone();
        Some(Scope { account, region, vpc: sighting.vpc()?.clone() })
    };
    sightings.iter().filter_map(scope).collect()
}

/// What was looked at, for an instance that nobody has heard of.
pub(super) fn looked_at(observed: &Observed) -> Vec<String> {
    let mut said: Vec<String> = observed.sightings.iter().map(sight).collect();
    said.extend(observed.not_asked.iter().map(|why| format!("the cloud was not asked: {why}")));
    said
}

fn sight(sighting: &Sighting) -> String {
    let Sighting { lane, standing, .. } = sighting;
    match standing {
        Ok(Standing::Linked(vpc)) => format!("the cloud, in {lane}: linked to {vpc}"),
        Ok(Standing::Unlinked) => format!("the cloud, in {lane}: it is linked to nothing"),
        Ok(Standing::Unknown { code }) => format!("the cloud, in {lane}: unknown there ({code})"),
        Err(why) => format!("the cloud, in {lane}: it could not be read: {why}"),
    }
}

fn lanes(question: &Question<'_>, scopes: &BTreeSet<Scope>) -> BTreeSet<Lane> {
    if !scopes.is_empty() {
        return scopes.iter().map(Scope::lane).collect();
    }
    let declared = question.tree.into_iter().flat_map(|tree| tree.scopes.keys());
    let passed = question.past.ledger.passes().map(|(_, passed)| &passed.scope);
    let wanted = |scope: &&Scope| question.account.is_none_or(|of| scope.account == *of);
    declared.chain(passed).filter(wanted).map(Scope::lane).collect()
}
