//! Estates of any size: manifests, and what a cloud that agrees with them answers.

use classiclinkd::clock::Moment;
use classiclinkd::cloud::Page;
use classiclinkd::desired::Desired;
use classiclinkd::manifest::File;
use classiclinkd::model::{InstanceId, Link, Revision};
use classiclinkd::observed::{Complete, Standing, Sweep};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

/// The time at which everything happens.
pub fn now() -> Moment {
    Moment { wall: Timestamp::UNIX_EPOCH, monotonic: Duration::from_secs(60) }
}

/// An id as long as real ones. Neighbours in a list are no neighbours in order, as in a cloud.
pub fn instance(scope: usize, link: usize) -> String {
    // A bijection on 32 bits, so that no two are the same.
    format!("i-bp{scope:08x}{:08x}", (link as u32).wrapping_mul(0x9e37_79b1))
}

pub fn vpc(scope: usize) -> String {
    format!("vpc-bp{scope:016x}")
}

/// The manifest of one VPC.
pub fn manifest(scope: usize, mode: &str, links: Range<usize>) -> String {
    let mut text = format!(
        "apiVersion: classiclinkd/v1\nkind: ClassicLinkSet\nmetadata: {{name: s{scope}}}\nspec:\n  \
         regionId: cn-hangzhou\n  vpcId: {}\n  mode: {mode}\n  instances:\n",
        vpc(scope)
    );
    for link in links {
        let _ = writeln!(text, "    - {}", instance(scope, link));
    }
    text
}

/// The name of the file that holds it.
pub fn file_name(scope: usize) -> String {
    format!("s{scope:05}.yaml")
}

/// A tree in memory: so many scopes of so many links each.
pub fn files(scopes: usize, links: usize) -> Vec<File> {
    let file = |scope| File::new(file_name(scope), manifest(scope, "detach", 0..links));
    (0..scopes).map(file).collect()
}

pub fn revision() -> Revision {
    Revision::of_content(classiclinkd::model::Digest::of([b"estate".as_slice()]))
}

/// The links of a scope as a cloud has them: those desired, and `stale` others.
pub fn links(desired: &Desired, stale: usize) -> Vec<Link> {
    let stale = (0..stale).map(|n| InstanceId::parse(&format!("i-stale{n:08}")).unwrap());
    let ids: BTreeSet<InstanceId> = desired.links.keys().cloned().chain(stale).collect();
    ids.into_iter().map(|instance| desired.scope.link(instance)).collect()
}

/// The proven observation of these links, as `observe` makes it of pages.
pub fn observed(desired: &Desired, links: &[Link]) -> Complete {
    let mut sweep = Sweep::new(desired.scope.clone());
    while let Some(ask) = sweep.ask() {
        let (page, size) = (ask.page as usize, ask.page_size as usize);
        let shown = links.iter().skip((page - 1) * size).take(size).cloned().collect();
        sweep.take(&Page { links: shown, total: links.len() as u32, request_id: None }).unwrap();
    }
    let listed = sweep.finish().unwrap();
    let kept = desired.instances_at(now().wall);
    let differing = listed.differing(&kept);
    let here = |id: InstanceId| (id, Standing::Linked(desired.scope.vpc.clone()));
    let standings: BTreeMap<_, _> = differing.into_iter().map(here).collect();
    Complete::award(desired.scope.clone(), listed, &kept, standings, now()).unwrap()
}
