//! `reconcile`: look now.

use super::target::Which;
use super::{Exit, Failure, Globals, logging, setup, terminal};
use crate::control::{Answer, Failed, PATIENCE, Request, ask};
use clap::Args;

/// Make a running daemon look now, and not when its interval has passed
///
/// It looks at every VPC of the revision in force, or those of an account, a region or a VPC; what it
/// finds goes the usual way, gate included. Needs a daemon with the same state folder. Exit codes: 0
/// it looks, 1 there is none, or nothing to look at.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    classiclinkd reconcile\n  \
    classiclinkd reconcile --region cn-hangzhou --vpc vpc-bp67acfmxazb4p1a2b")]
pub(super) struct Options {
    #[command(flatten)]
    which: Which,
}

pub(super) async fn main(options: Options, globals: Globals) -> Result<Exit, Failure> {
    let config = setup::config(&globals)?;
    // What goes wrong is said once, as the command's own error.
    logging::start(&config, "off")?;
    let folder = setup::state_folder(&config)?;
    let target = options.which.target()?;
    let shown = folder.display();
    match ask(&folder, Request::Reconcile(target.clone()), PATIENCE, &*setup::clock()).await {
        Ok(Answer::Looking(0)) => Err(Failure(format!(
            "reconcile {target}: no manifest of the revision in force declares a VPC there; \
             `classiclinkd status` lists them"
        ))),
        Ok(Answer::Looking(vpcs)) => {
            let noun = if vpcs == 1 { "VPC" } else { "VPCs" };
            terminal::out(&format!("the daemon looks at {vpcs} {noun} now\n"))?;
            Ok(Exit::Clean)
        }
        Ok(Answer::Refused(why)) => Err(Failure(format!("reconcile {target}: {why}"))),
        Ok(Answer::Recorded) => Err(Failure(format!(
            "reconcile {target}: the daemon answers something else; is it of another version?"
        ))),
        Err(Failed::Nobody) => Err(Failure(format!(
            "reconcile {target}: no daemon listens in {shown}; name its state folder with --state, or \
             look once with: classiclinkd plan --manifests DIR"
        ))),
        Err(error @ Failed::Silent(_)) => Err(Failure(format!("reconcile {target}: {error}"))),
    }
}
