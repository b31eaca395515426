//! `simulate`: an ECS ClassicLink endpoint with faults to order.

use super::{Exit, Failure, Globals, logging, setup, terminal};
use crate::daemon::{Signals, stop_on_signals};
use crate::desired::Tree;
use crate::sim::seed::{ACCESS_KEY_ID, ACCESS_KEY_SECRET, default_account};
use crate::sim::{Seed, Sim, Switches, http, world_for};
use crate::source::Origin;
use clap::Args;
use std::path::PathBuf;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serve a simulated ECS ClassicLink endpoint
///
/// Verifies signatures V1 and V3, nonces and timestamps, and answers in JSON and XML as documented;
/// the official SDKs can talk to it. A page of curl commands for attaching by hand, releasing
/// instances and setting faults is printed at the start.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Address to listen on; loopback only
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9180")]
    listen: String,
    /// Make the links of these manifests, and stale ones beside them
    #[arg(long, value_name = "DIR")]
    manifests: Option<PathBuf>,
    /// Stale links in each VPC
    #[arg(long, value_name = "N", default_value_t = 2)]
    stale: usize,
    /// VPCs, where no manifests are given
    #[arg(long, value_name = "N", default_value_t = 3)]
    vpcs: u32,
    /// Links in each VPC, where no manifests are given
    #[arg(long, value_name = "N", default_value_t = 20)]
    links: u32,
    /// Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// A fault or a trait of the cloud, KEY=VALUE; may be repeated; `--fault help` lists them
    #[arg(long, value_name = "KEY=VALUE")]
    fault: Vec<String>,
}

pub(super) async fn main(options: Options, globals: Globals) -> Result<Exit, Failure> {
    let config = setup::config(&globals)?;
    if options.fault.iter().any(|fault| fault == "help") {
        terminal::out(&help())?;
        return Ok(Exit::Clean);
    }
    logging::start(&config, "info")?;
    let seed = match &options.manifests {
        Some(folder) => {
            let origin = Origin::Folder(folder.clone());
            world(&setup::tree(&origin, &config).await?, options.stale, options.seed)
        }
        None => grid(&options)?,
    };
    let sim = Sim::new(&seed, setup::clock(), options.seed);
    let mut switches = Switches::realistic();
    for fault in &options.fault {
        switches.set_pair(fault)?;
    }
    sim.configure(|current| *current = switches);
    let listener = listen(&options.listen).await?;
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signals(Signals::take_over()?, stop.clone()));
    terminal::note(&greeting(&format!("http://{}", listener.local_addr()?)));
    http::serve(sim, listener, stop).await?;
    Ok(Exit::Clean)
}

/// Binds a loopback address: the simulator has no business elsewhere.
pub(super) async fn listen(address: &str) -> Result<TcpListener, Failure> {
    let fail = |why: String| {
        Failure(format!("listen on {address}: {why}; give another loopback address with --listen"))
    };
    let listener = TcpListener::bind(address).await.map_err(|error| fail(error.to_string()))?;
    if listener.local_addr()?.ip().is_loopback() {
        Ok(listener)
    } else {
        Err(fail("it is not a loopback address".to_owned()))
    }
}

/// The world in which every link of a tree exists, with stale ones beside them.
pub(super) fn world(tree: &Tree, stale: usize, seed: u64) -> Seed {
    let scopes = tree.scopes.values().map(|desired| {
        let ids = desired.links.keys().cloned().collect();
        (desired.scope.region.clone(), desired.scope.vpc.clone(), ids)
    });
    world_for(&scopes.collect::<Vec<_>>(), stale, seed)
}

fn grid(options: &Options) -> Result<Seed, Failure> {
    let account = default_account().ok_or_else(|| Failure("no default account".to_owned()))?;
    let region = crate::model::Region::parse("cn-hangzhou")?;
    Ok(Seed::new().grid(&account, &region, options.vpcs, options.links))
}

fn greeting(url: &str) -> String {
    format!(
        "a simulated ECS endpoint listens at {url}\n\n  \
         export CLASSICLINKD_ENDPOINT={url}\n  \
         export ALIBABA_CLOUD_ACCESS_KEY_ID={ACCESS_KEY_ID}\n  \
         export ALIBABA_CLOUD_ACCESS_KEY_SECRET={ACCESS_KEY_SECRET}\n\n  \
         curl -s {url}/_sim/state\n  \
         curl -s {url}/_sim/calls\n  \
         curl -s {url}/_sim/attach -d region=cn-hangzhou -d vpc=vpc-… -d instance=i-…\n  \
         curl -s {url}/_sim/release -d instance=i-…\n  \
         curl -s {url}/_sim/fault -d latency=500ms\n  \
         curl -s {url}/_sim/    lists the rest\n"
    )
}

fn help() -> String {
    let width = Switches::HELP.iter().map(|switch| switch.name.len()).max().unwrap_or(0);
    let line = |switch: &crate::sim::switches::Switch| {
        format!("{:<width$}  {}\n", switch.name, switch.help)
    };
    Switches::HELP.iter().map(line).collect()
}
