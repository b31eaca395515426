//! A simulated cloud on loopback, a folder of manifests, and the built binary.

use classiclinkd::clock::{Clock, SystemClock};
use classiclinkd::model::{InstanceId, Link, Region, VpcId};
use classiclinkd::sim::seed::{ACCESS_KEY_ID, ACCESS_KEY_SECRET, default_account};
use classiclinkd::sim::{Seed, Sim, http};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longest wait for anything.
const DEADLINE: Duration = Duration::from_secs(30);

pub struct Cloud {
    pub sim: Sim,
    pub url: String,
    stop: CancellationToken,
    served: Option<std::thread::JoinHandle<()>>,
}

pub fn region() -> Region {
    Region::parse("cn-hangzhou").unwrap()
}

pub fn vpc(name: &str) -> VpcId {
    VpcId::parse(&format!("vpc-{name}")).unwrap()
}

pub fn id(name: &str) -> InstanceId {
    InstanceId::parse(&format!("i-{name}")).unwrap()
}

impl Cloud {
    /// A cloud with these links (`vpc`, `instance`); instances with an empty VPC are linked nowhere.
    pub fn with(links: &[(&str, &str)]) -> Self {
        let account = default_account().unwrap();
        let mut seed = Seed::new();
        for (of, instance) in links {
            seed = if of.is_empty() {
                seed.instance(&account, &region(), &id(instance))
            } else {
                let link = Link { instance: id(instance), vpc: vpc(of) };
                seed.vpc(&account, &region(), &vpc(of)).link(&account, &region(), &link)
            };
        }
        Self::serve(&seed)
    }

    pub fn serve(seed: &Seed) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let sim = Sim::new(seed, clock, 7);
        let stop = CancellationToken::new();
        let (send, receive) = std::sync::mpsc::channel();
        let (served_sim, served_stop) = (sim.clone(), stop.clone());
        let served = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                send.send(listener.local_addr().unwrap()).unwrap();
                http::serve(served_sim, listener, served_stop).await.unwrap();
            });
        });
        let url = format!("http://{}", receive.recv().unwrap());
        Self { sim, url, stop, served: Some(served) }
    }

    pub fn links(&self, of: &str) -> Vec<String> {
        let links = self.sim.links(&region(), &vpc(of));
        links.iter().map(|link| link.instance.as_str()[2..].to_owned()).collect()
    }

    pub fn attach_by_hand(&self, of: &str, instance: &str) {
        let link = Link { instance: id(instance), vpc: vpc(of) };
        assert!(self.sim.attach_by_hand(&region(), &link));
    }

    pub fn set(&self, name: &str, value: &str) {
        self.sim.set(name, value).unwrap();
    }

    pub fn calls(&self, action: &str) -> usize {
        self.sim.calls().iter().filter(|call| call.action == action).count()
    }

    pub fn writes(&self) -> usize {
        self.calls("DetachClassicLinkVpc") + self.calls("AttachClassicLinkVpc")
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(served) = self.served.take() {
            let _ended = served.join();
        }
    }
}

/// A working folder with `manifests/` and `state/`.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(place.manifests()).unwrap();
        place
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn manifests(&self) -> PathBuf {
        self.path().join("manifests")
    }

    pub fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// Writes a file below `manifests/`, by rename.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.manifests().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let partial = path.with_extension("partial");
        std::fs::write(&partial, text).unwrap();
        std::fs::rename(partial, path).unwrap();
    }

    /// The binary, pointed at a cloud, with this place's state and a quick source.
    pub fn command(&self, cloud: &Cloud, arguments: &[&str]) -> Command {
        let mut command = binary(arguments);
        command
            .current_dir(self.path())
            .env("ALIBABA_CLOUD_ACCESS_KEY_ID", ACCESS_KEY_ID)
            .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ACCESS_KEY_SECRET)
            .env("CLASSICLINKD_ENDPOINT", &cloud.url)
            .env("CLASSICLINKD_STATE", self.state())
            .args(["--set", "source.settle=100ms", "--set", "source.poll=300ms"]);
        command
    }

    pub fn run(&self, cloud: &Cloud, arguments: &[&str]) -> Ran {
        Ran::of(self.command(cloud, arguments).output().unwrap())
    }

    /// The daemon with an interval of a second.
    pub fn daemon(&self, cloud: &Cloud, more: &[&str]) -> Daemon {
        let mut command = self.command(cloud, &["run", "--manifests", "manifests"]);
        command.args(["--interval", "1s", "--listen", "none"]).args(more);
        Daemon::start(command, self.path().join("log"))
    }
}

/// The binary, with nothing of this process's own settings.
pub fn binary(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_classiclinkd"));
    let ours = |name: &str| name.starts_with("CLASSICLINKD_") || name.starts_with("ALIBABA_");
    for (name, _) in std::env::vars().filter(|(name, _)| ours(name)) {
        command.env_remove(name);
    }
    // What this machine has of keys is nobody's business here.
    command.env("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
    command.env("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "true");
    command.args(arguments).stdin(Stdio::null());
    command
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A daemon that is ended with the test.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    pub fn start(mut command: Command, log: PathBuf) -> Self {
        let file = std::fs::File::create(&log).unwrap();
        let child = command.stdout(Stdio::null()).stderr(file).spawn().unwrap();
        Self { child, log }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until the log says something.
    pub fn says(&self, what: &str) {
        until(&format!("the daemon says `{what}`"), || self.log().contains(what), || self.log());
    }

    pub fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Asks it to end, and gives its exit code.
    pub fn end(mut self) -> i32 {
        self.signal("-TERM");
        self.wait()
    }

    pub fn wait(&mut self) -> i32 {
        let mut code = None;
        until(
            "the daemon ends",
            || {
                code = self.child.try_wait().unwrap().map(|status| status.code().unwrap_or(-1));
                code.is_some()
            },
            String::new,
        );
        code.unwrap()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Polls until `holds`, and fails with `detail` when it does not within the deadline.
pub fn until(what: &str, mut holds: impl FnMut() -> bool, detail: impl Fn() -> String) {
    let clock = SystemClock::new();
    let begun = clock.now();
    while !holds() {
        assert!(
            clock.now().since(begun) < DEADLINE,
            "not within {DEADLINE:?}: {what}\n{}",
            detail()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A manifest in the VPC `vpc-{of}` that lists instances.
pub fn manifest(of: &str, mode: &str, instances: &[&str], more: &str) -> String {
    let mut text = format!(
        "apiVersion: classiclinkd/v1\nkind: ClassicLinkSet\nmetadata:\n  name: {of}\nspec:\n  \
         regionId: cn-hangzhou\n  vpcId: vpc-{of}\n  mode: {mode}\n"
    );
    if instances.is_empty() {
        text.push_str("  instances: []\n");
    } else {
        text.push_str("  instances:\n");
        for instance in instances {
            let _ = writeln!(text, "    - i-{instance}");
        }
    }
    text.push_str(more);
    text
}
