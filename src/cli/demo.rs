//! `demo`: simulator, daemon and status page in one process, on the manifests of the repository.

use super::{Exit, Failure, Globals, logging, run, setup, simulate, terminal};
use crate::config::accounts;
use crate::daemon::{Signals, stop_on_signals};
use crate::sim::seed::{ACCESS_KEY_ID, ACCESS_KEY_SECRET};
use crate::sim::{Sim, Switches, http};
use crate::source::Origin;
use clap::Args;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Try it: a simulated cloud, the daemon and its status page, in one process
///
/// Every link of the manifests exists in the simulated cloud, and a few that nobody lists. Edit a
/// manifest while it runs and watch a link go; Ctrl-C ends it. Nothing outside this machine is
/// touched; credentials, configuration and state of a real daemon are neither needed nor used.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Folder with the manifests
    #[arg(long, value_name = "DIR", default_value = "manifests")]
    manifests: PathBuf,
    /// Stale links in each VPC at the start
    #[arg(long, value_name = "N", default_value_t = 2)]
    stale: usize,
}

pub(super) async fn main(options: Options, globals: Globals) -> Result<Exit, Failure> {
    // A demo must not become the last accepted revision of a real daemon.
    let own = Globals { config: None, set: Vec::new(), endpoint: None, state: None, ..globals };
    let mut config = setup::config(&own)?;
    logging::start(&config, "info")?;
    if !options.manifests.is_dir() {
        return Err(Failure(format!(
            "find the manifests: there is no folder {} here; name yours with --manifests, or run this in \
             the repository, which has some to try",
            options.manifests.display()
        )));
    }
    let origin = Origin::Folder(options.manifests.clone());
    let tree = setup::tree(&origin, &config).await?;
    let sim = Sim::new(&simulate::world(&tree, options.stale, 1), setup::clock(), 1);
    let mut switches = Switches::realistic();
    // Short enough to watch, long enough to see that a detach is verified and not believed.
    switches.set("detach-delay", "0s..3s")?;
    sim.configure(|current| *current = switches);
    let listener = simulate::listen("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signals(Signals::take_over()?, stop.clone()));
    // The cloud outlives the daemon: calls in flight at the end want their answer.
    let cloud_stop = CancellationToken::new();
    let cloud = tokio::spawn(http::serve(sim, listener, cloud_stop.clone()));
    let scratch = Scratch::make()?;
    config.endpoint = Some(url.clone());
    config.interval = config.interval.min(Duration::from_secs(5));
    config.source.poll = config.source.poll.min(Duration::from_secs(2));
    config.state = Some(scratch.0.join("state"));
    for account in config.accounts.values_mut() {
        account.credentials = accounts::Source {
            from: accounts::From::File { path: scratch.credentials()?, section: None },
            assume: None,
        };
    }
    let manifests = options.manifests.clone();
    let ended = run::daemon(&origin, config, stop, |page| {
        terminal::note(&greeting(&manifests, page.as_deref(), &url));
    })
    .await;
    cloud_stop.cancel();
    let _ended = cloud.await;
    ended
}

fn greeting(manifests: &Path, page: Option<&str>, cloud: &str) -> String {
    let folder = manifests.display();
    let page = page.unwrap_or("(none, as asked)");
    format!(
        "\n  status page      {page}\n  manifests        {folder}\n  simulated cloud  {cloud}/_sim/state\n\n\
         Take an instance out of a manifest in {folder} and watch its link go. Ctrl-C ends this.\n"
    )
}

/// A private folder that goes with the process.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> Result<Self, Failure> {
        use std::os::unix::fs::DirBuilderExt as _;
        let path = std::env::temp_dir().join(format!("classiclinkd-demo-{:016x}", setup::seed()));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// The simulator's key, in a file: the operator's own credentials are not even looked at.
    fn credentials(&self) -> Result<PathBuf, Failure> {
        let path = self.0.join("credentials.json");
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        let key =
            serde_json::json!({"AccessKeyId": ACCESS_KEY_ID, "AccessKeySecret": ACCESS_KEY_SECRET});
        file.write_all(key.to_string().as_bytes())?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}
