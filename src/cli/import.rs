//! `import`: a manifest of what exists.

use super::{Exit, Failure, Globals, logging, setup, terminal};
use crate::manifest;
use crate::model::{AccountName, Mode, Region, Scope, VpcId};
use crate::observed::Observed;
use clap::Args;
use std::sync::Arc;

/// Write a manifest of what exists, to stdout
///
/// The manifest lists every link of the VPC and says `mode: observe`, so that adopting it changes
/// nothing. Take lines out and set `mode: detach` to have links removed.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    classiclinkd import --region cn-hangzhou --vpc vpc-bp67acfmxazb4p1a2b > manifests/shop.yaml")]
pub(super) struct Options {
    /// Region of the VPC
    #[arg(long, value_name = "R")]
    region: Region,
    /// The VPC
    #[arg(long, value_name = "V")]
    vpc: VpcId,
    /// Account of the configuration
    #[arg(long, value_name = "A", default_value = "default")]
    account: AccountName,
    /// Name of the manifest [default: the VPC's id]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

pub(super) async fn main(options: Options, globals: Globals) -> Result<Exit, Failure> {
    let mut config = setup::config(&globals)?;
    logging::start(&config, "warn")?;
    let clock = setup::clock();
    let clients = setup::clients(&mut config, &clock).await?;
    let (_, reads) = setup::reads(&config, &clients, &clock);
    let Options { region, vpc, account, name } = options;
    let reads = reads.get(&account).ok_or_else(|| {
        Failure(format!(
            "find account `{account}`: it is not in the configuration; add it under `accounts:`"
        ))
    })?;
    let scope = Scope { account, region, vpc };
    if !config.bounds.of(&scope.account).ceiling.allows(&scope) {
        return Err(Failure(format!(
            "import {scope}: it is outside of what the configuration gives the account, so its manifest would \
             be refused; add region and VPC to `regions` and `vpcs` of `accounts.{}` first",
            scope.account
        )));
    }
    let nothing_desired = Arc::new(crate::desired::Desired {
        scope: scope.clone(),
        mode: Mode::Observe,
        links: crate::desired::Links::default(),
        max_detach: Vec::new(),
        allow_empty: false,
        windows: Vec::new(),
        origins: Vec::new(),
        revision: Arc::new(crate::model::Revision::of_content(crate::model::Digest::of([]))),
    });
    let observed = reads.observe(&nothing_desired).await.map_err(|error| {
        Failure(format!("read the links of {scope}: {error}; check account, region and VPC"))
    })?;
    match observed {
        Observed::Partial(partial) => {
            let refusal = crate::gate::refuse_partial(&partial);
            terminal::error(&refusal.message);
            Ok(Exit::Partial)
        }
        Observed::Complete(complete) => {
            let instances: Vec<_> = complete.links().iter().cloned().collect();
            let name = name.unwrap_or_else(|| scope.vpc.to_string());
            terminal::out(&manifest::write(&name, &scope, Mode::Observe, &instances))?;
            terminal::note(&format!(
                "{} links written; the mode is `observe`, so nothing is changed",
                instances.len()
            ));
            Ok(Exit::Clean)
        }
    }
}
