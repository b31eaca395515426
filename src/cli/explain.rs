//! `explain`: why one link stays, goes or went.

use super::form::Form;
use super::{Exit, Failure, Globals, Manifests, logging, setup, terminal};
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::older;
use crate::desired::Tree;
use crate::history::{self, Deed, Filter, Record};
use crate::journal::Past;
use crate::ledger::event::Passed;
use crate::model::{AccountName, InstanceId, Scope};
use crate::observe::Reads;
use crate::report::explanation::{Explanation, json, text};
use crate::report::history::text::time;
use crate::source::Origin;
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

mod declared;
mod decided;
mod observed;
mod ways;

/// Say why a link stays, goes or went, with the evidence
///
/// In five parts: where it is declared; how it stands in the cloud, by one read; what is decided about
/// it, by the gate itself; what was done to it, from the journal, with the cloud's request ids; and
/// what would change it. It goes by the last accepted revision, unless others are given. Changes nothing, and works beside a running daemon. Exit codes: 0 where
/// something is known of it, 1 where nothing is.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    classiclinkd explain i-bp67acfmxazb4p0001\n  \
    classiclinkd explain i-bp67acfmxazb4p0001 --manifests manifests/\n  \
    classiclinkd explain i-bp67acfmxazb4p0001 --offline --output json")]
pub(super) struct Options {
    /// The instance
    #[arg(value_name = "INSTANCE")]
    instance: InstanceId,
    #[command(flatten)]
    manifests: Manifests,
    /// Only in this account of the configuration
    #[arg(long, value_name = "A")]
    account: Option<AccountName>,
    /// Ask the journal only, not the cloud
    #[arg(long)]
    offline: bool,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    output: Form,
}

/// What is asked, and what there is to answer by.
struct Question<'a> {
    instance: &'a InstanceId,
    account: Option<&'a AccountName>,
    manifests: Option<&'a Origin>,
    config: &'a Config,
    clock: &'a Arc<dyn Clock>,
    past: &'a Past,
    /// None where there are no manifests to go by.
    tree: Option<&'a Tree>,
    /// What was done to its link, oldest first.
    deeds: Vec<&'a Deed>,
}

pub(super) async fn main(options: Options, globals: Globals) -> Result<Exit, Failure> {
    let mut config = setup::config(&globals)?;
    logging::start(&config, "warn")?;
    let clock = setup::clock();
    let Options { instance, manifests, account, offline, output } = options;
    // First, because it finds out which accounts there are.
    let clients = match offline {
        true => Err(Failure("--offline was given".to_owned())),
        false => setup::clients(&mut config, &clock).await,
    };
    let past = setup::past(&config, clock.now())?;
    // Without a flag by what is in force, and not by what somebody may be writing.
    let manifests = manifests.are_given().then(|| manifests.origin(&config)).transpose()?;
    let tree = match &manifests {
        Some(origin) => Some(Arc::new(setup::tree(origin, &config).await?)),
        None => past.accepted.as_ref().and_then(older),
    };
    let records = history::of(&past.items);
    let filter = Filter { account: account.clone(), ..Filter::of_instance(&instance) };
    let told: Vec<&Record> = records.iter().filter(|record| filter.takes(record)).collect();
    let question = Question {
        instance: &instance,
        account: account.as_ref(),
        manifests: manifests.as_ref(),
        config: &config,
        clock: &clock,
        past: &past,
        tree: tree.as_deref(),
        deeds: told.iter().filter_map(|record| record.deed()).collect(),
    };
    let reads = clients.map(|clients| setup::reads(&config, &clients, &clock).1);
    let explanation = question.explain(reads).await?;
    terminal::out(&match output {
        Form::Text => text::render(&explanation),
        Form::Json => json::render(&explanation),
    })?;
    if explanation.is_known() {
        return Ok(Exit::Clean);
    }
    if output == Form::Json {
        terminal::note(&format!("nobody has ever heard of {instance}"));
    }
    Ok(Exit::Error)
}

impl Question<'_> {
    async fn explain(
        &self,
        reads: Result<BTreeMap<AccountName, Reads<setup::Way>>, Failure>,
    ) -> Result<Explanation, Failure> {
        let mut scopes = self.scopes();
        let (observed, decisions) = match &reads {
            Ok(reads) => {
                let observed = observed::ask(self, &scopes, reads).await;
                scopes.extend(observed::linked(&observed.sightings));
                let decisions = decided::now(self, &scopes, &observed.sightings, reads).await?;
                (observed, decisions)
            }
            Err(Failure(why)) => {
                let observed = observed::remembered(self, &scopes, why);
                let decisions = decided::by_findings(self, &scopes);
                (observed, decisions)
            }
        };
        let mut explanation = Explanation {
            instance: self.instance.clone(),
            at: self.clock.now().wall,
            declared: declared::by_manifests(self, &scopes),
            observed,
            decisions,
            deeds: self.deeds.iter().rev().map(|deed| record(deed)).collect(),
            ways: Vec::new(),
            looked_at: Vec::new(),
        };
        if !explanation.is_known() {
            explanation.looked_at = self.looked_at();
            explanation.looked_at.extend(observed::looked_at(&explanation.observed));
        }
        explanation.ways = ways::of(self, &explanation);
        Ok(explanation)
    }

    /// The scopes that it has to do with, as far as manifests and journal tell.
    fn scopes(&self) -> BTreeSet<Scope> {
        let (id, ledger) = (self.instance, &self.past.ledger);
        let mut scopes: BTreeSet<Scope> =
            self.deeds.iter().map(|deed| deed.scope.clone()).collect();
        let listing = self.tree.into_iter().flat_map(|tree| &tree.scopes);
        let listing = listing.filter(|(_, desired)| desired.links.contains_key(id));
        scopes.extend(listing.map(|(scope, _)| scope.clone()));
        let held = ledger.holds().filter(|(_, instance, _)| *instance == id);
        scopes.extend(held.map(|(scope, _, _)| scope.clone()));
        let protected = ledger.accepted().into_iter().flat_map(|accepted| &accepted.protected);
        let protected = protected.filter(|(_, instance)| instance == id);
        scopes.extend(protected.map(|(scope, _)| scope.clone()));
        let named = |passed: &Passed| passed.actions.iter().any(|(_, instance)| instance == id);
        let found = ledger.passes().filter(|(_, passed)| named(passed));
        scopes.extend(found.map(|(_, passed)| passed.scope.clone()));
        scopes.retain(|scope| self.account.is_none_or(|account| scope.account == *account));
        scopes
    }

    /// The last thing done to its link in a scope.
    fn last_deed(&self, scope: &Scope) -> Option<&Deed> {
        self.deeds.iter().rev().find(|deed| deed.scope == *scope).copied()
    }

    fn looked_at(&self) -> Vec<String> {
        let journal = match self.past.items.first() {
            Some(first) => format!(
                "the journal: {} entries since {}, none about it",
                self.past.items.len(),
                time(first.at)
            ),
            None => "the journal: there is none, or it is empty; name another with --state".into(),
        };
        let manifests = match (self.tree, self.manifests) {
            (Some(tree), Some(origin)) => {
                format!("the manifests in {origin}: none lists it for {}", vpcs(tree))
            }
            (Some(tree), None) => format!(
                "the last accepted revision, {}: no manifest lists it for {}",
                tree.revision,
                vpcs(tree)
            ),
            (None, _) => {
                "no manifests: none was accepted yet; give a folder with --manifests".to_owned()
            }
        };
        vec![manifests, journal]
    }
}

fn vpcs(tree: &Tree) -> String {
    match tree.scopes.len() {
        1 => "the one VPC declared".to_owned(),
        several => format!("any of {several} VPCs"),
    }
}

fn record(deed: &Deed) -> Record {
    Record::Deed(Box::new(deed.clone()))
}
