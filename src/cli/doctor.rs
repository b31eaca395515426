//! `doctor`: everything that has to be right outside of the manifests, looked at once.

use super::form::Form;
use super::{Exit, Failure, Globals, Manifests, logging, setup, terminal};
use crate::clock::Clock;
use crate::config::Config;
use crate::desired::Tree;
use crate::model::{Region, Scope};
use crate::source::Origin;
use clap::Args;
use finding::{Finding, Level};
use futures_util::future::{BoxFuture, join_all};
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

mod account;
mod clock;
mod configuration;
mod credentials;
mod daemon;
mod endpoint;
mod finding;
mod identity;
mod journal;
mod json;
mod manifests;
mod permissions;
mod state;
mod text;
mod watch;

/// Longest time for one check.
const CHECK_MAX: Duration = Duration::from_secs(30);

/// Say what is wrong with configuration, key, network, clock and state folder, and what to do
///
/// One line a check: ok, note (cannot be known, or nothing to look at), warn or fail; below a warn or a
/// fail, what to do. It asks the cloud as the daemon would, and changes nothing; it works beside a running
/// daemon. Exit codes: 0 nothing fails, 1 something does.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    classiclinkd doctor --manifests manifests/\n  \
    classiclinkd doctor --manifests manifests/ --config /etc/classiclinkd/config.yaml --output json")]
pub(super) struct Options {
    #[command(flatten)]
    manifests: Manifests,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    output: Form,
}

pub(super) async fn main(options: Options, globals: Globals) -> Result<Exit, Failure> {
    // What would be logged is among the findings.
    let config =
        setup::config(&globals).and_then(|config| logging::start(&config, "off").map(|()| config));
    let findings = match config {
        Ok(config) => {
            let mut findings = vec![configuration::judge(&config, globals.config.as_deref())];
            findings.extend(configuration::exposed(&config, globals.config.as_deref()));
            let manifests = options.manifests.known(&config).unwrap_or_else(|Failure(why)| {
                findings.push(Finding::fail(
                    "manifests",
                    why,
                    "correct it, and run `doctor` again",
                ));
                None
            });
            findings.extend(examine(config, manifests).await);
            findings
        }
        Err(Failure(why)) => configuration::broken(&why),
    };
    terminal::out(&match options.output {
        Form::Text => text::render(&findings, terminal::colour()),
        Form::Json => json::render(&findings)?,
    })?;
    let failed = findings.iter().any(|finding| finding.level == Level::Fail);
    Ok(if failed { Exit::Error } else { Exit::Clean })
}

/// What the checks share.
#[derive(Clone)]
struct Case {
    config: Arc<Config>,
    manifests: Option<Origin>,
    /// What the manifests say, if they are valid.
    tree: Option<Arc<Tree>>,
    clock: Arc<dyn Clock>,
}

impl Case {
    /// The scopes in use: those of the manifests; without, those that the configuration spells out.
    fn scopes(&self) -> BTreeSet<Scope> {
        if let Some(tree) = &self.tree {
            return tree.scopes.keys().cloned().collect();
        }
        let mut scopes = BTreeSet::new();
        for (account, said) in &self.config.accounts {
            for region in &said.ceiling.regions {
                scopes.extend(said.ceiling.vpcs.iter().map(|vpc| Scope {
                    account: account.clone(),
                    region: region.clone(),
                    vpc: vpc.clone(),
                }));
            }
        }
        scopes
    }

    /// The regions in use, likewise.
    fn regions(&self) -> BTreeSet<Region> {
        match &self.tree {
            Some(tree) => tree.scopes.keys().map(|scope| scope.region.clone()).collect(),
            None => {
                let accounts = self.config.accounts.values();
                accounts.flat_map(|account| account.ceiling.regions.iter().cloned()).collect()
            }
        }
    }
}

async fn examine(config: Config, manifests: Option<Origin>) -> Vec<Finding> {
    let clock = setup::clock();
    let mut case = Case { config: Arc::new(config), manifests, tree: None, clock };
    let (tree, mut findings) = manifests::look(&case).await;
    case.tree = tree.map(Arc::new);
    let case = &case;
    let mut checks: Vec<BoxFuture<'_, Vec<Finding>>> = Vec::new();
    let accounts = case.config.accounts.keys();
    checks.extend(accounts.map(|name| bounded("credentials", account::look(case, name))));
    checks.push(bounded("endpoint", endpoint::look(case)));
    checks.push(bounded("state", state::look(case)));
    checks.push(bounded("journal", journal::look(case)));
    checks.push(bounded("watch", watch::look(case)));
    checks.push(bounded("daemon", daemon::look(case)));
    findings.extend(join_all(checks).await.into_iter().flatten());
    findings
}

/// A check that ends: a file system or a network that hangs is a finding, too.
fn bounded<'a>(
    check: &'static str,
    look: impl Future<Output = Vec<Finding>> + Send + 'a,
) -> BoxFuture<'a, Vec<Finding>> {
    Box::pin(async move {
        tokio::time::timeout(CHECK_MAX, look).await.unwrap_or_else(|_| {
            let found = format!("no result within {} s", CHECK_MAX.as_secs());
            let advice = "look for a network, a disk or a mount that hangs, and run `doctor` again";
            vec![Finding::fail(check, found, advice)]
        })
    })
}

/// Work that waits for a file system, away from the threads that wait for the network.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, tokio::task::JoinError> {
    tokio::task::spawn_blocking(work).await
}
