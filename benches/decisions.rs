//! What the decisions cost, without files, network or processes: `cargo bench --bench decisions`.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on should stop loudly")]

use classiclinkd::clock::{Clock, SystemClock};
use classiclinkd::cloud::Class;
use classiclinkd::desired::{Desired, Tree, assemble};
use classiclinkd::gate::{Bounds, Pin, Situation, review};
use classiclinkd::journal::{Journal, StateDir};
use classiclinkd::ledger::Ledger;
use classiclinkd::ledger::event::{Answered, Event, Intent};
use classiclinkd::manifest::{self, File};
use classiclinkd::model::{Amount, Link, Verb};
use classiclinkd::observed::Complete;
use classiclinkd::plan;
use divan::{Bencher, black_box};
use futures_util::future::join_all;
use std::sync::Arc;

#[path = "estate.rs"]
mod estate;

/// Links of one VPC: small, large, and as many as one can have.
const SIZES: [usize; 3] = [20, 200, 1_000];

fn main() {
    divan::main();
}

fn accepted(files: &[File]) -> Tree {
    manifest::accept(files, estate::revision(), None).unwrap()
}

/// One scope of that size, and what is observed of it with a tenth as many stale links.
fn scope(size: usize) -> (Arc<Desired>, Vec<Link>, Complete) {
    let tree = accepted(&estate::files(1, size));
    let desired = Arc::clone(tree.scopes.values().next().unwrap());
    let links = estate::links(&desired, size / 10);
    let observed = estate::observed(&desired, &links);
    (desired, links, observed)
}

/// Text to an accepted tree.
#[divan::bench(args = SIZES)]
fn accept(bencher: Bencher<'_, '_>, size: usize) {
    let files = estate::files(1, size);
    bencher.bench(|| accepted(black_box(&files)));
}

/// Documents to a tree.
#[divan::bench(args = SIZES)]
fn desired(bencher: Bencher<'_, '_>, size: usize) {
    let documents = manifest::parse(&estate::files(1, size)).unwrap();
    bencher.bench(|| assemble(black_box(&documents), estate::revision(), None));
}

/// Pages to a proven observation.
#[divan::bench(args = SIZES)]
fn observed(bencher: Bencher<'_, '_>, size: usize) {
    let (desired, links, _) = scope(size);
    bencher.bench(|| estate::observed(black_box(&desired), black_box(&links)));
}

#[divan::bench(args = SIZES)]
fn compute(bencher: Bencher<'_, '_>, size: usize) {
    let (desired, _, observed) = scope(size);
    let now = estate::now().wall;
    bencher.bench(|| plan::compute(black_box(&desired), black_box(&observed), now));
}

#[divan::bench(args = SIZES, name = "review")]
fn gate(bencher: Bencher<'_, '_>, size: usize) {
    let (desired, _, observed) = scope(size);
    let plan = plan::compute(&desired, &observed, estate::now().wall);
    let bounds = Bounds { max_detach: Amount::Percent(100), ..Bounds::default() };
    let (ledger, pin) = (Ledger::default(), Pin::Absent);
    let situation = Situation {
        now: estate::now(),
        bounds: &bounds,
        ledger: &ledger,
        pin: &pin,
        pause_file: None,
        journal: None,
    };
    let input = bencher.with_inputs(|| plan.clone());
    input.bench_values(|plan| review(plan, black_box(&situation)).is_ok());
}

/// So many intents at once, and their answers: two commits, each with its sync.
#[divan::bench(args = [1, 16], sample_count = 50)]
fn journal(bencher: Bencher<'_, '_>, batch: usize) {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::lock(folder.path()).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (journal, _) = Journal::open(&state, clock).unwrap();
    let (desired, links, _) = scope(200);
    let intents: Vec<Event> = links.iter().take(batch).map(|link| intent(&desired, link)).collect();
    bencher.bench_local(|| {
        runtime.block_on(async {
            let written = intents.iter().map(|intent| journal.append(intent.clone()));
            let numbers = join_all(written).await.into_iter().map(Result::unwrap);
            let answered = numbers.map(|number| journal.append(answer(number)));
            join_all(answered).await.into_iter().map(Result::unwrap).count()
        })
    });
}

fn intent(desired: &Desired, link: &Link) -> Event {
    Event::Intent(Intent {
        verb: Verb::Detach,
        scope: desired.scope.clone(),
        instance: link.instance.clone(),
        reason: "linked, and no manifest of this VPC lists it".to_owned(),
        plan: desired.revision.digest.clone(),
        revision: (*desired.revision).clone(),
        attempt: 1,
        run: None,
        approver: None,
    })
}

fn answer(intent: u64) -> Event {
    Event::Answered(Answered::without_answer(intent, Class::Ambiguous.as_str()))
}

/// A million links in a thousand VPCs, all of which agree with the cloud but for one link each.
mod million {
    use super::*;

    const SCOPES: usize = 1_000;
    const LINKS: usize = 1_000;

    /// Text to a tree.
    #[divan::bench(sample_count = 3, sample_size = 1)]
    fn accept(bencher: Bencher<'_, '_>) {
        let files = estate::files(SCOPES, LINKS);
        bencher.bench_local(|| accepted(black_box(&files)));
    }

    /// Text to the plan of every scope.
    #[divan::bench(sample_count = 3, sample_size = 1)]
    fn parse_to_plan(bencher: Bencher<'_, '_>) {
        let files = estate::files(SCOPES, LINKS);
        let observe =
            |desired: &Arc<Desired>| estate::observed(desired, &estate::links(desired, 1));
        let observed: Vec<Complete> = accepted(&files).scopes.values().map(observe).collect();
        bencher.bench_local(|| {
            let tree = accepted(black_box(&files));
            let both = tree.scopes.values().zip(&observed);
            both.map(|(desired, observed)| {
                plan::compute(desired, observed, estate::now().wall).actions().len()
            })
            .sum::<usize>()
        });
    }
}
