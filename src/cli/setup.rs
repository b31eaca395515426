//! From options to parts: configuration, clients, journal.

use super::keys::Keys;
use super::{Failure, Globals};
use crate::aliyun::credentials::Need;
use crate::aliyun::{Client, Credentials, Endpoint, EndpointError, Settings, SignatureVersion};
use crate::apply::{Circumstances, Newest, Progress, Quarantine, Serial, Unsettled, Writes};
use crate::attempt::Lanes;
use crate::clock::{Clock, Moment, SystemClock};
use crate::config::{self, Account, Config, Signature};
use crate::daemon::{Estate, acceptance, between, older};
use crate::desired::Tree;
use crate::journal::{self, Accepted, Books, Journal, JournalError, Past, PauseFile, StateDir};
use crate::ledger::Ledger;
use crate::manifest;
use crate::metrics::Metered;
use crate::model::AccountName;
use crate::notification::Sender;
use crate::observe::{Pins, Reads};
use crate::source::Origin;
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long the start waits for the first key of an account.
const FIRST_KEY: Duration = Duration::from_secs(10);

/// A way to the cloud.
pub(super) type Way = Metered<Arc<Client>>;
/// The clients by account.
pub(super) type Clients = BTreeMap<AccountName, Way>;

/// Reads configuration file, `--set` and flags; flags win over everything.
pub(super) fn config(globals: &Globals) -> Result<Config, Failure> {
    let value = match &globals.config {
        None => serde_json::Value::Null,
        Some(path) => read_config(path)?,
    };
    let mut sets = globals.set.clone();
    if let Some(interval) = &globals.interval {
        sets.push(format!("interval={interval}"));
    }
    let value = config::overlay(value, &sets)
        .map_err(|mistake| Failure(format!("read --set: {mistake}")))?;
    let mut config = Config::from_value(&value).map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(|mistake| format!("  {mistake}")).collect();
        let from =
            globals.config.as_ref().map_or("the options".into(), |path| path.display().to_string());
        Failure(format!("read the configuration ({from}):\n{}", lines.join("\n")))
    })?;
    let Globals { endpoint, state, listen, log_format, log_level, .. } = globals.clone();
    config.endpoint = endpoint.or(config.endpoint);
    config.state = state.or(config.state);
    config.listen = listen.or(config.listen);
    config.log_format = log_format.or(config.log_format);
    config.log_level = log_level.or(config.log_level);
    Ok(config)
}

fn read_config(path: &Path) -> Result<serde_json::Value, Failure> {
    let shown = path.display();
    let fail =
        |why: &str| Failure(format!("read the configuration file {shown}: {why}; check --config"));
    let metadata = std::fs::metadata(path).map_err(|error| fail(&error.to_string()))?;
    if !metadata.is_file() {
        return Err(fail("it is not a file"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| fail(&error.to_string()))?;
    manifest::value(&text)
        .map_err(|why| Failure(format!("read the configuration file {shown}: {why}")))
}

/// The system's clock.
pub(super) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

/// A seed for jitter, from the operating system's randomness.
pub(super) fn seed() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().1
}

/// Who sends notifications.
pub(super) fn sender() -> Sender {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host =
        host.map(|name| crate::model::printable(name.trim())).filter(|name| !name.is_empty());
    Sender { host }
}

/// A client for every account of the configuration, asked for a key once. The account `default`, which
/// exists without being configured, is left out where only others have credentials. Of those that are
/// configured, one without credentials fails in its own scopes, and asks again, as long as there is another
/// that has some.
pub(super) async fn clients(
    config: &mut Config,
    clock: &Arc<dyn Clock>,
) -> Result<Clients, Failure> {
    let mut keys = Keys::new(config, clock)?;
    let accounts = config.accounts.iter();
    let all: Vec<_> =
        accounts.map(|(name, account)| (name, account, keys.or_none(name, account))).collect();
    // Who is slow to answer is asked again by the first call: the others need not wait for that.
    let soon = all.iter().map(|(_, _, keys)| timeout(FIRST_KEY, keys.key(Need::Read)));
    let tried = join_all(soon).await;
    let (mut clients, mut without) = (Clients::new(), Vec::new());
    for ((name, account, credentials), tried) in all.into_iter().zip(tried) {
        match tried {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                without.push((is_implied(name, account), name.clone(), error.to_string()));
            }
            Err(_) => tracing::warn!(account = %name, "no key came yet; its calls wait for one"),
        }
        let client = Arc::new(client(config, account, credentials, clock)?);
        clients.insert(name.clone(), Metered::new(client, name.clone(), Arc::clone(clock)));
    }
    // What the operator wrote is reported before what is only implied.
    without.sort();
    if let Some((_, name, why)) = without.first().filter(|_| without.len() == clients.len()) {
        return Err(Failure(format!("account `{name}`: {why}")));
    }
    for (implied, name, why) in without {
        if implied {
            config.accounts.remove(&name);
            clients.remove(&name);
        } else {
            tracing::error!(account = %name, reason = why, "the account cannot be used; the others can");
        }
    }
    Ok(clients)
}

/// Whether an account is there without being configured.
pub(super) fn is_implied(name: &AccountName, account: &Account) -> bool {
    *account == Account::default() && name.as_str() == "default"
}

/// The endpoint that replaces all others, if there is one.
pub(super) fn endpoint(config: &Config) -> Result<Option<Endpoint>, EndpointError> {
    config.endpoint.as_deref().map(Endpoint::parse).transpose()
}

/// The client of one account.
pub(super) fn client(
    config: &Config,
    account: &Account,
    credentials: Credentials,
    clock: &Arc<dyn Clock>,
) -> Result<Client, Failure> {
    let mut settings = Settings::new(credentials);
    settings.pinned = account.account_id.clone();
    settings.endpoint_override = endpoint(config)?;
    settings.vpc_endpoint = config.vpc_endpoint;
    // Endpoints inside a VPC reach that region only, so an account has but one there.
    settings.home_region = account.ceiling.regions.iter().next().cloned();
    settings.signature = match config.signature {
        Signature::V1 => SignatureVersion::V1,
        Signature::V3 => SignatureVersion::V3,
    };
    Ok(Client::new(settings, Arc::clone(clock))?)
}

/// The reads of every account.
pub(super) fn reads(
    config: &Config,
    clients: &Clients,
    clock: &Arc<dyn Clock>,
) -> (Arc<Lanes>, BTreeMap<AccountName, Reads<Way>>) {
    let lanes = Arc::new(Lanes::new(config.limits.clone(), Arc::clone(clock), seed()));
    let pinned = config.accounts.iter();
    let pinned = pinned.filter_map(|(name, said)| Some((name.clone(), said.account_id.clone()?)));
    let pins = Pins::new(pinned.collect(), Arc::clone(clock));
    let reads = clients.iter().map(|(account, client)| {
        let reads = Reads {
            reader: client.clone(),
            lanes: Arc::clone(&lanes),
            account: account.clone(),
            pins: pins.clone(),
            clock: Arc::clone(clock),
        };
        (account.clone(), reads)
    });
    let reads = reads.collect();
    (lanes, reads)
}

/// The journal with its state folder, which stays locked as long as this lives.
pub(super) struct State {
    pub journal: Journal,
    pub accepted: Option<Accepted>,
    pub pause_file: PauseFile,
    folder: Option<StateDir>,
}

impl State {
    /// The folder, where it is this process's own.
    pub fn folder(&self) -> Option<&StateDir> {
        self.folder.as_ref()
    }

    /// Whether a daemon holds the state folder, too.
    pub fn is_shared(&self) -> bool {
        self.folder.is_none()
    }

    /// How things stand, as this journal knows.
    pub fn circumstances(&self, config: &Config, clock: &Arc<dyn Clock>) -> Circumstances {
        Circumstances {
            bounds: Arc::new(config.bounds.clone()),
            books: self.journal.books().clone(),
            pause_file: self.pause_file.clone(),
            clock: Arc::clone(clock),
        }
    }
}

/// Opens the journal, and settles what an earlier process left open.
pub(super) async fn state(config: &Config, clock: &Arc<dyn Clock>) -> Result<State, Failure> {
    locked(StateDir::lock(&state_folder(config)?)?, clock).await
}

async fn locked(folder: StateDir, clock: &Arc<dyn Clock>) -> Result<State, Failure> {
    let (journal, accepted) = Journal::open(&folder, Arc::clone(clock))?;
    journal.answer_open().await?;
    Ok(of(folder, journal, accepted))
}

/// As [`state`], for the daemon: where the journal cannot be opened, reading and planning go on
/// without it, and nothing is sent.
pub(super) async fn state_if_possible(
    config: &Config,
    clock: &Arc<dyn Clock>,
) -> Result<State, Failure> {
    let folder = StateDir::lock(&state_folder(config)?)?;
    let opened = match Journal::open(&folder, Arc::clone(clock)) {
        Ok((journal, accepted)) => journal.answer_open().await.map(|()| (journal, accepted)),
        Err(error) => Err(error),
    };
    match opened {
        Ok((journal, accepted)) => Ok(of(folder, journal, accepted)),
        Err(error) => {
            tracing::error!(%error, "nothing is sent until the journal is mended and the daemon restarted");
            let journal = Journal::down(&error, Arc::clone(clock));
            Ok(of(folder, journal, None))
        }
    }
}

/// As [`state`], for an operator's command that makes calls: where a daemon holds the state folder, its
/// journal is written beside it.
pub(super) async fn state_or_beside(
    config: &Config,
    clock: &Arc<dyn Clock>,
) -> Result<State, Failure> {
    let path = state_folder(config)?;
    match StateDir::lock(&path) {
        Ok(folder) => locked(folder, clock).await,
        Err(JournalError::Locked { .. }) => {
            let (journal, accepted) = Journal::beside(&path, Arc::clone(clock))?;
            Ok(State { journal, accepted, pause_file: PauseFile::of(&path), folder: None })
        }
        Err(error) => Err(error.into()),
    }
}

fn of(folder: StateDir, journal: Journal, accepted: Option<Accepted>) -> State {
    let pause_file = PauseFile::of(folder.path());
    State { journal, accepted, pause_file, folder: Some(folder) }
}

/// How things would stand if a tree were accepted, for commands that change nothing: by the journal as
/// it is now, which another process may be writing, or by none.
pub(super) async fn supposed(
    tree: &Tree,
    origin: &Origin,
    config: &Config,
    clock: &Arc<dyn Clock>,
) -> Result<Circumstances, Failure> {
    let now = clock.now();
    let past = past(config, now)?;
    let mut circumstances = as_of(past.ledger, config, clock);
    let older = past.accepted.as_ref().and_then(older);
    let between = between(&origin.history(), older.as_deref(), tree).await;
    let root = origin.name()?;
    let accepted = acceptance(&circumstances, older.as_deref(), tree, &between, &root, &[]);
    circumstances.books = circumstances.books.supposing(&accepted.event(), now);
    Ok(circumstances)
}

/// What the journal holds, which another process may be writing; nothing where there is none.
pub(super) fn past(config: &Config, now: Moment) -> Result<Past, Failure> {
    let Ok(state) = state_folder(config) else { return Ok(Past::default()) };
    match journal::look(&state, now) {
        Ok(past) => Ok(past),
        Err(JournalError::Missing { .. }) => Ok(Past::default()),
        Err(error) => Err(error.into()),
    }
}

/// How things stand by what a journal holds, for commands that change nothing.
pub(super) fn as_of(ledger: Ledger, config: &Config, clock: &Arc<dyn Clock>) -> Circumstances {
    Circumstances {
        bounds: Arc::new(config.bounds.clone()),
        books: Books::of(ledger),
        pause_file: state_folder(config).map(|state| PauseFile::of(&state)).unwrap_or_default(),
        clock: Arc::clone(clock),
    }
}

/// The folder of the journal and the lock, as flags, configuration and environment say.
pub(super) fn state_folder(config: &Config) -> Result<PathBuf, Failure> {
    let set =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    config
        .state
        .clone()
        .or_else(|| set("STATE_DIRECTORY"))
        .or_else(|| set("XDG_STATE_HOME").map(|path| path.join("classiclinkd")))
        .or_else(|| set("HOME").map(|path| path.join(".local/state/classiclinkd")))
        .ok_or_else(|| {
            Failure("find a state folder: HOME is not set; give one with --state".to_owned())
        })
}

/// Everything that makes calls, for every account.
pub(super) struct Parts<'a> {
    pub lanes: Arc<Lanes>,
    pub reads: BTreeMap<AccountName, Reads<Way>>,
    pub clients: Clients,
    pub state: &'a State,
    pub newest: Newest,
    pub progress: Progress,
    pub patience: Option<Duration>,
    pub clock: Arc<dyn Clock>,
    pub stop: CancellationToken,
}

/// The ways to the cloud, with leave to write.
pub(super) fn estate(config: &Config, parts: Parts<'_>) -> Estate<Way, Way> {
    let Parts { lanes, reads, clients, state, newest, progress, patience, clock, stop } = parts;
    let serial = Serial::default();
    let unsettled = state.journal.books().read(|ledger| Unsettled::recovered(ledger, clock.now()));
    let latching = Arc::default();
    let accounts = reads.into_iter().filter_map(|(account, reads)| {
        let writes = Writes {
            writer: clients.get(&account)?.clone(),
            journal: state.journal.clone(),
            lanes: Arc::clone(&lanes),
            serial: serial.clone(),
            quarantine: Quarantine::default(),
            unsettled: unsettled.clone(),
            patience,
            newest: newest.clone(),
            circumstances: state.circumstances(config, &clock),
            latching: Arc::clone(&latching),
            progress: progress.clone(),
            clock: Arc::clone(&clock),
            stop: stop.clone(),
        };
        Some((account, (reads, writes)))
    });
    Estate { accounts: accounts.collect() }
}

/// Reads and accepts the manifests once, without waiting for them to settle: for commands that change
/// nothing.
pub(super) async fn tree(origin: &Origin, config: &Config) -> Result<Tree, Failure> {
    let snapshot = origin.read().await.map_err(|why| Failure(why.to_string()))?;
    let tree = manifest::accept(&snapshot.files, snapshot.revision(), Some(&config.ceilings()));
    let tree = tree.map_err(|found| {
        let text = manifest::render(&found, &snapshot.files, super::terminal::colour_on_stderr());
        Failure(format!("accept the manifests in {origin}:\n{text}"))
    })?;
    Ok(tree)
}
