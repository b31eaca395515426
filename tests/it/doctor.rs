//! `doctor`: each thing that can be wrong around the daemon is found, alone, with what to do.

use crate::harness::{Cloud, Daemon, Place, Ran, binary, manifest, until};
use classiclinkd::sim::seed::{ACCESS_KEY_ID, ACCESS_KEY_SECRET, ACCOUNT_ID};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const LINKS: &[(&str, &str)] = &[("a", "one"), ("a", "two"), ("a", "stale")];
const CHECKS: [&str; 11] = [
    "configuration",
    "manifests",
    "credentials",
    "identity",
    "permissions",
    "endpoint",
    "clock",
    "state",
    "journal",
    "watch",
    "daemon",
];

/// Where nothing is wrong.
fn healthy() -> (Place, Cloud) {
    let (place, cloud) = (Place::new(), Cloud::with(LINKS));
    cloud.set("identity", "user");
    place.write("a.yaml", &manifest("a", "detach", &["one", "two"], ""));
    (place, cloud)
}

fn command(place: &Place, cloud: &Cloud, more: &[&str]) -> std::process::Command {
    let mut command = place.command(cloud, &["doctor", "--manifests", "manifests"]);
    let pin = format!("accounts.default.accountId=\"{ACCOUNT_ID}\"");
    if !more.contains(&"--listen") {
        command.args(["--listen", "none"]);
    }
    command.args(["--set", &pin]).args(more);
    command
}

/// What was found, and the exit code.
struct Found(Value, i32);

impl Found {
    fn of(mut command: std::process::Command) -> Self {
        let ran = Ran::of(command.args(["--output", "json"]).output().unwrap());
        let json = ran.json();
        assert_eq!(json.get("formatVersion"), Some(&1.into()));
        let failed = json.get("worst").unwrap() == "fail";
        assert_eq!(ran.code, i32::from(failed), "{ran:?}");
        Self(json, ran.code)
    }

    fn all(&self) -> &Vec<Value> {
        self.0.get("findings").unwrap().as_array().unwrap()
    }

    /// Checks with something of this level, in order.
    fn checks(&self, level: &str) -> Vec<&str> {
        let of = self.all().iter().filter(|finding| finding["level"] == level);
        let mut checks: Vec<&str> = of.map(|finding| finding["check"].as_str().unwrap()).collect();
        checks.dedup();
        // Whether temporary folders lie in memory is the host's business.
        checks.retain(|check| *check != "state" || !self.text("state").contains("lies in memory"));
        checks
    }

    /// Everything that a check says.
    fn text(&self, check: &str) -> String {
        let of = self.all().iter().filter(|finding| finding["check"] == check);
        of.map(|finding| format!("{} -> {}\n", finding["found"], finding["advice"])).collect()
    }

    /// Only this check fails, and says these things.
    fn fails(&self, check: &str, parts: &[&str]) {
        assert_eq!(self.checks("fail"), [check], "{:#}", self.0);
        assert_eq!(self.1, 1);
        self.says(check, parts);
    }

    fn says(&self, check: &str, parts: &[&str]) {
        let text = self.text(check);
        for part in parts {
            assert!(text.contains(part), "`{part}` is not in {text}");
        }
    }
}

#[test]
fn nothing_is_wrong_and_nothing_is_changed() {
    let (place, cloud) = healthy();
    let found = Found::of(command(&place, &cloud, &[]));
    assert_eq!((found.checks("fail"), found.checks("warn")), (vec![], vec![]), "{:#}", found.0);
    for check in CHECKS {
        assert!(!found.text(check).is_empty(), "{check} says nothing: {:#}", found.0);
    }
    found.says("permissions", &["no dry run", "deploy/ram/detach.json", "`classiclinkd policy`"]);
    found.says("endpoint", &["plain http", "a simulator"]);
    assert_eq!(cloud.writes(), 0);
    assert!(!place.state().exists(), "looking makes no folder");
    let text = Ran::of(command(&place, &cloud, &[]).output().unwrap());
    assert_eq!((text.code, text.err.as_str()), (0, ""), "{text:?}");
    assert!(text.out.starts_with("ok    configuration "), "{text:?}");
    assert!(text.out.ends_with("0 failures, 0 warnings\n") || text.out.contains("lies in memory"));
    assert!(!text.out.contains('\u{1b}'), "no colour in a pipe");
}

#[test]
fn a_wrong_key_is_refused_wherever_it_is_used_and_shown_nowhere() {
    let (place, cloud) = healthy();
    let mut wrong = command(&place, &cloud, &[]);
    wrong.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "canary-secret");
    let found = Found::of(wrong);
    assert_eq!(found.checks("fail"), ["identity", "permissions"], "{:#}", found.0);
    found.says("identity", &["SignatureDoesNotMatch", "accountPin"]);
    found.says("permissions", &["give a key that is active"]);
    let mut none = command(&place, &cloud, &[]);
    none.env_remove("ALIBABA_CLOUD_ACCESS_KEY_ID").env_remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET");
    Found::of(none).fails("credentials", &["set ALIBABA_CLOUD_ACCESS_KEY_ID"]);
    // Half of a key is mended; nothing of what was found stands in the advice.
    let mut half = command(&place, &cloud, &[]);
    half.env_remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET");
    half.env_remove("ALIBABA_CLOUD_ECS_METADATA_DISABLED");
    let half = Found::of(half);
    half.fails("credentials", &["(env: use the credentials of the environment"]);
    let finding = half.all().iter().find(|one| one.get("check").unwrap() == "credentials").unwrap();
    let text = |name: &str| finding.get(name).unwrap().as_str().unwrap();
    assert!(text("found").ends_with("ALIBABA_CLOUD_CREDENTIALS_URI is not set)"), "{finding:#}");
    assert!(text("advice").starts_with("mend what is said of `env`, for no key"), "{finding:#}");
}

#[test]
fn a_clock_that_is_off_is_told_by_the_cloud_s() {
    let (place, cloud) = healthy();
    cloud.set("clock-skew", "10m");
    Found::of(command(&place, &cloud, &[])).fails("clock", &["s behind the cloud's", "NTP"]);
    cloud.set("clock-skew", "-20s");
    let found = Found::of(command(&place, &cloud, &[]));
    assert_eq!((found.checks("warn"), found.1), (vec!["clock"], 0), "{:#}", found.0);
    found.says("clock", &["s ahead of the cloud's"]);
}

#[test]
fn a_read_that_is_denied_names_the_permission() {
    let (place, cloud) = healthy();
    cloud.set("deny-actions", "DescribeClassicLinkInstances");
    let found = Found::of(command(&place, &cloud, &[]));
    found.fails("permissions", &["vpc-a", "grant ecs:DescribeClassicLinkInstances"]);
}

#[test]
fn a_key_is_held_against_the_pin_and_against_its_kind() {
    let (place, cloud) = healthy();
    let other = Found::of(command(&place, &cloud, &["--set", "accounts.default.accountId=\"42\""]));
    other.fails("identity", &[ACCOUNT_ID, "says 42"]);
    let unpinned =
        Found::of(command(&place, &cloud, &["--set", "accounts.default.accountId=null"]));
    assert_eq!((unpinned.checks("warn"), unpinned.1), (vec!["identity"], 0), "{:#}", unpinned.0);
    cloud.set("identity", "account");
    let root = Found::of(command(&place, &cloud, &[]));
    assert_eq!((root.checks("warn"), root.1), (vec!["permissions"], 0), "{:#}", root.0);
    root.says("permissions", &["may do everything"]);
}

fn key_file(path: &Path, secret: &str, more: &str) {
    let text = format!(
        "{{\"AccessKeyId\": \"{ACCESS_KEY_ID}\", \"AccessKeySecret\": \"{secret}\"{more}}}"
    );
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_key_file_is_private_and_not_at_its_end() {
    let (place, cloud) = healthy();
    let path = place.path().join("key.json");
    key_file(&path, ACCESS_KEY_SECRET, "");
    let set = ["--set", "accounts.default.credentialsFile=key.json"];
    let good = Found::of(command(&place, &cloud, &set));
    assert_eq!((good.checks("fail"), good.checks("warn")), (vec![], vec![]), "{:#}", good.0);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = Found::of(command(&place, &cloud, &set));
    open.fails("credentials", &["others than its owner", "chmod 600 key.json"]);
    key_file(&path, ACCESS_KEY_SECRET, ", \"Expiration\": \"2024-05-01T12:00:00Z\"");
    Found::of(command(&place, &cloud, &set)).fails("credentials", &["it ended at 2024-05-01"]);
    std::fs::write(&path, "{\"AccessKeyId\": \"canary-secret\"").unwrap();
    let broken = Found::of(command(&place, &cloud, &set));
    broken.fails("credentials", &["JSON is not of the known form"]);
    assert!(!broken.0.to_string().contains("canary"), "{:#}", broken.0);
}

#[test]
fn a_page_for_everybody_and_a_webhook_for_everybody_are_told() {
    let (place, cloud) = healthy();
    let path = place.path().join("c.yaml");
    let url = "https://hooks.example/canary";
    let sink = format!("notifications:\n  - {{name: ops, kind: slack, url: '{url}'}}\n");
    std::fs::write(&path, sink).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let closed = Found::of(command(&place, &cloud, &["--config", "c.yaml"]));
    assert_eq!(closed.checks("warn"), Vec::<&str>::new(), "{:#}", closed.0);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = Found::of(command(&place, &cloud, &["--config", "c.yaml"]));
    assert_eq!((open.checks("warn"), open.1), (vec!["configuration"], 0), "{:#}", open.0);
    open.says("configuration", &["sink ops", "mode 0644", "`urlFile`"]);
    assert!(!open.0.to_string().contains("canary"), "{:#}", open.0);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let far = Found::of(command(&place, &cloud, &["--listen", &format!("0.0.0.0:{free}")]));
    assert_eq!((far.checks("warn"), far.1), (vec!["configuration"], 0), "{:#}", far.0);
    far.says("configuration", &["no login", "127.0.0.1"]);
}

#[test]
fn a_state_folder_that_cannot_be_made_is_a_failure_and_an_open_one_a_warning() {
    let (place, cloud) = healthy();
    std::fs::write(place.path().join("file"), "").unwrap();
    let mut below = command(&place, &cloud, &[]);
    below.env("CLASSICLINKD_STATE", place.path().join("file").join("state"));
    let found = Found::of(below);
    assert!(found.checks("fail").contains(&"state"), "{:#}", found.0);
    found.says("state", &["--state"]);
    std::fs::create_dir(place.state()).unwrap();
    std::fs::set_permissions(place.state(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let found = Found::of(command(&place, &cloud, &[]));
    assert_eq!(found.1, 0, "{:#}", found.0);
    found.says("state", &["others may enter it (mode 0755)", "chmod 700"]);
    let mode = std::fs::metadata(place.state()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755, "it is said, and not mended");
}

#[test]
fn manifests_are_held_to_everything_that_validate_and_the_ceilings_say() {
    let (place, cloud) = healthy();
    let outside = Found::of(command(&place, &cloud, &["--set", "accounts.default.vpcs=[vpc-b]"]));
    outside.fails("manifests", &["a.yaml:", "accounts.default.vpcs"]);
    place.write("b.yaml", &manifest("b", "destroy", &["ONE"], "  extra: 1\n"));
    let broken = Found::of(command(&place, &cloud, &[]));
    broken.fails("manifests", &["b.yaml:", "destroy", "extra"]);
    place.write("b.yaml", &manifest("b", "observe", &[], ""));
    let until = "    - { id: i-late, until: 2124-01-01T00:00:00Z, reason: moves }\n";
    let listed = manifest("c", "observe", &["x"], "").replace("    - i-x\n", until);
    place.write("c.yaml", &listed);
    let unknown = Found::of(command(&place, &cloud, &[]));
    unknown.fails("permissions", &["vpc-b", "and 1 more alike"]);
    unknown.says("manifests", &["valid: 3 files, 3 VPCs, 3 links"]);
    std::fs::remove_dir_all(place.manifests()).unwrap();
    let gone = Found::of(command(&place, &cloud, &[]));
    gone.says("manifests", &["no such folder"]);
    assert_eq!(gone.1, 1);
}

#[test]
fn an_endpoint_that_nobody_is_at_is_a_failure() {
    let (place, cloud) = healthy();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    let found = Found::of(command(&place, &cloud, &["--endpoint", &url]));
    assert_eq!(found.checks("fail"), ["identity", "permissions", "endpoint"], "{:#}", found.0);
    found.says("endpoint", &["no connection to 127.0.0.1", "firewall"]);
    found.says("clock", &["cannot be compared"]);
    let portal = Stranger::portal();
    let url = format!("http://127.0.0.1:{}", portal.port);
    let found = Found::of(command(&place, &cloud, &["--endpoint", &url]));
    found.says("endpoint", &["not as the cloud does", "not JSON", "correct `endpoint`"]);
}

/// Listens in place of the cloud.
struct Stranger {
    port: u16,
    over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Stranger {
    fn start(serve: impl Fn(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if seen.load(Ordering::Relaxed) {
                    return;
                }
                serve(stream.unwrap());
            }
        });
        Self { port, over, thread: Some(thread) }
    }

    /// Answers with the page of a network that wants to be logged in to.
    fn portal() -> Self {
        Self::start(|mut stream| {
            let _read = stream.read(&mut [0; 4096]);
            let page = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>";
            let _gone = stream.write_all(page.as_bytes());
        })
    }

    /// Speaks TLS with a certificate that nobody vouches for.
    fn secure() -> Self {
        let read = |name: &str| {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/tls");
            std::fs::read(folder.join(name)).unwrap()
        };
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(read("stranger.key.der"));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![read("stranger.cert.der").into()], key.into())
            .unwrap();
        let config = Arc::new(config);
        Self::start(move |mut stream| {
            let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let _refused = connection.complete_io(&mut stream);
        })
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _woken = TcpStream::connect(("127.0.0.1", self.port));
        let _ended = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_named() {
    let (place, cloud) = healthy();
    let stranger = Stranger::secure();
    let url = format!("https://127.0.0.1:{}", stranger.port);
    let mut command = command(&place, &cloud, &["--endpoint", &url]);
    let authority = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/tls/authority.pem");
    let found = Found::of({
        command.env("SSL_CERT_FILE", authority).env_remove("SSL_CERT_DIR");
        command
    });
    assert!(found.checks("fail").contains(&"endpoint"), "{:#}", found.0);
    found.says("endpoint", &["no secure connection", "UnknownIssuer", "SSL_CERT_FILE"]);
}

#[test]
fn a_damaged_journal_is_found() {
    let (place, cloud) = healthy();
    let applied = place.run(&cloud, &["apply", "--manifests", "manifests", "--yes"]);
    assert_eq!(applied.code, 0, "{applied:?}");
    let found = Found::of(command(&place, &cloud, &[]));
    assert_eq!(found.1, 0, "{:#}", found.0);
    found.says("journal", &["the chain holds"]);
    let file = rusqlite::Connection::open(place.state().join("journal.sqlite")).unwrap();
    file.execute_batch(
        "DROP TRIGGER entry_is_append_only_1;
         UPDATE entry SET body = replace(body, 'i-stale', 'i-other');",
    )
    .unwrap();
    drop(file);
    let found = Found::of(command(&place, &cloud, &[]));
    found.fails("journal", &["does not fit the chain", "restore it"]);
}

#[test]
fn a_running_daemon_is_found_and_not_disturbed() {
    let (place, cloud) = healthy();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let nobody = Found::of(command(&place, &cloud, &["--listen", &free]));
    nobody.says("daemon", &["none answers"]);
    nobody.says("state", &["nobody"]);
    let run = ["run", "--manifests", "manifests", "--interval", "1s", "--listen", &free];
    let daemon = Daemon::start(place.command(&cloud, &run), place.path().join("log"));
    daemon.says("the status page listens");
    until(
        "the daemon is found ready",
        || {
            let found = Found::of(command(&place, &cloud, &["--listen", &free]));
            found.text("daemon").contains("and is ready")
        },
        || daemon.log(),
    );
    let found = Found::of(command(&place, &cloud, &["--listen", &free]));
    assert_eq!(found.checks("fail"), Vec::<&str>::new(), "{:#}", found.0);
    found.says("state", &["in use"]);
    found.says("journal", &["the chain holds"]);
    assert_eq!(daemon.end(), 0);
    let portal = Stranger::portal();
    let address = format!("127.0.0.1:{}", portal.port);
    let other = Found::of(command(&place, &cloud, &["--listen", &address]));
    other.says("daemon", &["something else answers"]);
}

#[test]
fn every_mistake_of_the_configuration_has_its_line() {
    let (place, cloud) = healthy();
    std::fs::write(place.path().join("c.yaml"), "interval: soon\ntypo: 1\n").unwrap();
    let found = Found::of(command(&place, &cloud, &["--config", "c.yaml"]));
    found.fails("configuration", &["interval", "typo", "docs/reference/configuration.md"]);
    assert_eq!(found.all().len(), 3, "{:#}", found.0);
    assert_eq!(cloud.sim.calls().len(), 0);
    let loud = Found::of(command(&place, &cloud, &["--log-level", "loud"]));
    loud.fails("configuration", &["--log-level", "loud"]);
    let gone = Found::of(command(&place, &cloud, &["--config", "nowhere.yaml"]));
    gone.fails("configuration", &["nowhere.yaml"]);
}

#[test]
fn nothing_of_a_key_shows_even_at_trace() {
    let (place, cloud) = healthy();
    let token = "canary-token-0123456789";
    key_file(
        &place.path().join("key.json"),
        "canary-secret",
        &format!(", \"SecurityToken\": \"{token}\""),
    );
    for from_file in [true, false] {
        for level in ["trace", "debug"] {
            let mut command = command(&place, &cloud, &["--log-level", level]);
            if from_file {
                command.args(["--set", "accounts.default.credentialsFile=key.json"]);
            }
            command
                .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "canary-secret")
                .env("ALIBABA_CLOUD_SECURITY_TOKEN", token);
            let ran = Ran::of(command.output().unwrap());
            assert_eq!(ran.code, 1, "{ran:?}");
            for part in ["canary", ACCESS_KEY_ID] {
                assert!(!ran.out.contains(part) && !ran.err.contains(part), "{part}: {ran:?}");
            }
        }
    }
}

#[test]
fn an_account_that_nobody_configured_needs_no_key_where_others_have_one() {
    let (place, cloud) = healthy();
    key_file(&place.path().join("key.json"), ACCESS_KEY_SECRET, "");
    let mut command = place.command(&cloud, &["doctor", "--listen", "none"]);
    command.env_remove("ALIBABA_CLOUD_ACCESS_KEY_ID").env_remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET");
    command.args(["--set", "accounts.prod.credentialsFile=key.json"]);
    command.args([
        "--set",
        "accounts.prod.regions=[cn-hangzhou]",
        "--set",
        "accounts.prod.vpcs=[vpc-a]",
    ]);
    let found = Found::of(command);
    assert_eq!((found.checks("fail"), found.checks("warn")), (vec![], vec!["identity"]));
    found.says("credentials", &["nobody configured", "permanent key from the file key.json"]);
    found.says("permissions", &["every VPC may be read (1)"]);
    found.says("configuration", &["accounts default, prod"]);
}

#[test]
fn it_needs_nothing_to_begin_with() {
    let place = Place::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = format!("http://{free}");
    let state = place.state().display().to_string();
    let arguments = ["doctor", "--endpoint", &endpoint, "--state", &state, "--listen", "none"];
    let found = Found::of(binary(&arguments));
    assert_eq!(found.checks("fail"), ["credentials", "endpoint"], "{:#}", found.0);
}
