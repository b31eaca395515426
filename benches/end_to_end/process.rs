//! The processes: a simulated cloud, and the program. Each ends with its value.

use crate::estate;
use classiclinkd::sim::seed::{ACCESS_KEY_ID, ACCESS_KEY_SECRET};
use jiff::Timestamp;
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for anything.
const DEADLINE: Duration = Duration::from_secs(150);

pub const DETACH: &str = "DetachClassicLinkVpc";

/// Limits that hold nothing back, for rows that are about something else.
pub const UNLIMITED: [&str; 9] = [
    "limits.readsPerSecond.start=100000",
    "limits.readsPerSecond.max=100000",
    "limits.writesPerSecond.start=100000",
    "limits.writesPerSecond.max=100000",
    "limits.budget.hour=1000000",
    "limits.budget.day=1000000",
    "limits.maxDetach=100%",
    "limits.maxShrink=100%",
    "source.settle=100ms",
];

/// Manifests and state, gone with the value.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new(scopes: usize, mode: &str, links: usize) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(place.manifests()).unwrap();
        (0..scopes).for_each(|scope| place.save(scope, mode, 0..links));
        place
    }

    pub fn manifests(&self) -> PathBuf {
        self.folder.path().join("manifests")
    }

    pub fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Writes a manifest as a checkout does: whole, by rename.
    pub fn save(&self, scope: usize, mode: &str, links: Range<usize>) {
        let path = self.manifests().join(estate::file_name(scope));
        let partial = path.with_extension("partial");
        fs::write(&partial, estate::manifest(scope, mode, links)).unwrap();
        fs::rename(partial, path).unwrap();
    }

    /// The program, against a cloud.
    pub fn start(&self, cloud: &Cloud, arguments: &[&str], sets: &[&str]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_classiclinkd"));
        command.args(arguments).arg("--manifests").arg(self.manifests());
        command.arg("--state").arg(self.folder.path().join("state"));
        for set in sets {
            command.args(["--set", *set]);
        }
        command.env("CLASSICLINKD_ENDPOINT", &cloud.url);
        command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", ACCESS_KEY_ID);
        command.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ACCESS_KEY_SECRET);
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Process(command.spawn().unwrap())
    }

    pub fn logged(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }
}

/// A process of ours.
pub struct Process(Child);

impl Process {
    pub fn running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// Waits for its end; the most memory it had, in MB.
    pub fn ends(&mut self) -> f64 {
        let mut most = 0.0_f64;
        until("a process to end", || {
            most = most.max(self.megabytes("VmHWM:"));
            !self.running()
        });
        most
    }

    /// Memory as the kernel counts it: `VmRSS:` now, `VmHWM:` at most.
    pub fn megabytes(&self, field: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
        kilobytes.unwrap_or_default() * 1_024.0 / 1_000_000.0
    }

    /// Time on a processor so far, in hundredths of a second.
    pub fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let fields: Vec<&str> = fields.split_whitespace().collect();
        fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// One call, as the cloud saw it.
pub struct Call {
    pub number: u64,
    pub at: Timestamp,
    pub action: String,
    pub vpc: Option<String>,
    pub ok: bool,
}

/// A simulated cloud that has the links of a tree, and stale ones.
pub struct Cloud {
    pub url: String,
    _process: Process,
}

impl Cloud {
    pub fn of(place: &Place, stale: usize, faults: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_classiclinkd"));
        command.args(["simulate", "--listen", "127.0.0.1:0", "--log-level", "error"]);
        command.args(["--stale", &stale.to_string(), "--manifests"]).arg(place.manifests());
        let quick = ["order=stable", "detach-delay=0s"];
        for fault in quick.iter().chain(faults) {
            command.args(["--fault", *fault]);
        }
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = said.find_map(|line| {
            let line = line.unwrap();
            line.split_once("listens at ").map(|(_, url)| url.trim().to_owned())
        });
        Self { url: url.expect("the simulator says where it listens"), _process: Process(child) }
    }

    /// The calls after number `since`.
    pub fn calls(&self, since: u64) -> Vec<Call> {
        let (_, body) = get(&self.url, &format!("/_sim/calls?since={since}"));
        let value: Value = serde_json::from_str(&body).unwrap();
        let call = |call: &Value| Call {
            number: call["number"].as_u64().unwrap(),
            at: call["at"].as_str().unwrap().parse().unwrap(),
            action: call["action"].as_str().unwrap().to_owned(),
            vpc: call["params"]["VpcId"].as_str().map(str::to_owned),
            ok: call["code"] == "OK",
        };
        value["calls"].as_array().unwrap().iter().map(call).collect()
    }

    /// Number of the last call once none has come for a while.
    pub fn at_rest(&self) -> u64 {
        let (mut last, mut since) = (0, Instant::now());
        until("the calls to end", || {
            let newest = self.calls(last).last().map(|call| call.number);
            if let Some(newest) = newest {
                (last, since) = (newest, Instant::now());
            }
            last > 0 && since.elapsed() > Duration::from_millis(1_500)
        });
        last
    }
}

/// Status and body of an answer on loopback; status 0 where nobody answers.
pub fn get(url: &str, path: &str) -> (u16, String) {
    let address = url.trim_start_matches("http://");
    let Ok(mut stream) = TcpStream::connect(address) else { return (0, String::new()) };
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    if stream
        .write_all(request.as_bytes())
        .and_then(|()| stream.read_to_string(&mut answer))
        .is_err()
    {
        return (0, String::new());
    }
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    (status.unwrap_or_default(), body.unwrap_or_default())
}

/// An address on loopback that was free a moment ago.
pub fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Polls, quickly.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < DEADLINE, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// From one time to another.
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// Size of the binary, in MB.
pub fn binary_megabytes() -> f64 {
    fs::metadata(Path::new(env!("CARGO_BIN_EXE_classiclinkd"))).unwrap().len() as f64 / 1_000_000.0
}
