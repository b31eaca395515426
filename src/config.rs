//! The daemon's own configuration: file and `--set` -> [`Config`], every mistake at once.

use crate::attempt;
use crate::desired::{Ceiling, Ceilings};
use crate::gate::Bounds;
use crate::model::{AccountId, AccountName, PerAccount};
use crate::notification::Sink;
use crate::source;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub mod accounts;
mod limits;
mod notifications;
mod reader;
mod repository;
mod set;
mod windows;

pub use repository::Repository;
pub use set::overlay;

use reader::Reader;

/// Shortest retention: budgets look back a day, approvals live for a week at most.
const RETENTION_MIN: Duration = Duration::from_secs(30 * 24 * 3600);
/// Longest life of an approval: what is remembered of a link's detaches outlives it.
pub const APPROVAL_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// What the daemon may do, how fast, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The accounts that manifests may name.
    pub accounts: BTreeMap<AccountName, Account>,
    /// Full pass per scope, give or take a tenth.
    pub interval: Duration,
    /// How the manifests are watched.
    pub source: source::Settings,
    /// The Git repository that holds them, if one does.
    pub repository: Repository,
    /// What the gate allows.
    pub bounds: PerAccount<Bounds>,
    /// Calls a second and in flight, per account and region.
    pub limits: PerAccount<attempt::Limits>,
    /// Scopes of one account and region looked at at the same time.
    pub workers: usize,
    /// Replaces the resolved ECS endpoint for every region, and that of STS.
    pub endpoint: Option<String>,
    /// Use `ecs-vpc.<region>` endpoints, and `sts-vpc` of an account's first region.
    pub vpc_endpoint: bool,
    /// Which request signature.
    pub signature: Signature,
    /// Journal, lock.
    pub state: Option<PathBuf>,
    /// Where the status page listens.
    pub listen: Option<String>,
    /// Names under which the status page may be asked for, beside those of the address it listens on.
    pub hosts: BTreeSet<String>,
    /// `text` or `json`.
    pub log_format: Option<String>,
    /// Such as `info` or `debug`.
    pub log_level: Option<String>,
    /// How long an approval lives, unless it says otherwise.
    pub approval_ttl: Duration,
    /// How long entries of the journal are kept.
    pub retention: Duration,
    /// Who is told what happens.
    pub notifications: Vec<Sink>,
}

/// One account of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    /// Pin: the account that the credential must belong to.
    pub account_id: Option<AccountId>,
    /// What manifests may name.
    pub ceiling: Ceiling,
    /// Where the key comes from.
    pub credentials: accounts::Source,
}

/// The version of the request signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Signature {
    /// HMAC-SHA1 over the sorted parameters.
    #[default]
    V1,
    /// ACS3-HMAC-SHA256.
    V3,
}

/// One mistake in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// Dotted path of the key.
    pub key: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.key, self.message)
    }
}

impl Default for Config {
    fn default() -> Self {
        let default = AccountName::parse("default").ok();
        Self {
            accounts: default.map(|name| (name, Account::default())).into_iter().collect(),
            interval: Duration::from_secs(60),
            source: source::Settings::default(),
            repository: Repository::default(),
            bounds: PerAccount::default(),
            limits: PerAccount::default(),
            workers: 8,
            endpoint: None,
            vpc_endpoint: false,
            signature: Signature::V1,
            state: None,
            listen: None,
            hosts: BTreeSet::new(),
            log_format: None,
            log_level: None,
            approval_ttl: Duration::from_secs(24 * 3600),
            retention: Duration::from_secs(400 * 24 * 3600),
            notifications: Vec::new(),
        }
    }
}

impl Config {
    /// Checks a configuration value; what is absent or null keeps its default.
    ///
    /// # Errors
    /// Every [`Mistake`] at once.
    pub fn from_value(value: &Value) -> Result<Self, Vec<Mistake>> {
        let mut config = Self::default();
        let mut root = Reader::root(value);
        limits::read(&mut root, &mut config.bounds.common, &mut config.limits.common);
        config.bounds.common.windows = windows::read(&mut root);
        // After what holds for all: what an account does not say is that.
        root.each("accounts", |name, account| {
            config.read_account(name, account);
        });
        root.duration("interval", &mut config.interval, Duration::from_secs(1));
        root.inside("source", |source| {
            source.duration("settle", &mut config.source.settle, Duration::ZERO);
            source.duration("settleMax", &mut config.source.settle_max, Duration::ZERO);
            source.duration("poll", &mut config.source.poll, Duration::from_millis(100));
            source.inside("git", |git| config.repository = repository::read(git));
        });
        root.count("workers", &mut config.workers, 1..=256);
        root.text("endpoint", &mut config.endpoint);
        root.flag("vpcEndpoint", &mut config.vpc_endpoint);
        root.one_of(
            "signature",
            &[("v1", Signature::V1), ("v3", Signature::V3)],
            &mut config.signature,
        );
        let (mut state, mut listen) = (None, None);
        root.text("state", &mut state);
        root.text("listen", &mut listen);
        root.list("hosts", &mut config.hosts, host);
        root.inside("log", |log| {
            log.parsed_or_null("format", &mut config.log_format, |text| match text {
                "text" | "json" => Ok(text.to_owned()),
                other => {
                    Err(format!("is `{}`; write text or json", crate::model::printable(other)))
                }
            });
            log.text("level", &mut config.log_level);
        });
        config.state = state.map(PathBuf::from);
        config.listen = listen;
        let minute = Duration::from_secs(60);
        root.duration("approvalTtl", &mut config.approval_ttl, minute);
        root.inside("journal", |journal| {
            journal.duration("retention", &mut config.retention, RETENTION_MIN);
        });
        config.notifications = notifications::read(&mut root, &config.accounts);
        for mistake in accounts::circles(&config.accounts) {
            root.wrong(&mistake.key, &mistake.message);
        }
        root.finish()?;
        if config.approval_ttl > APPROVAL_MAX {
            let message = "is longer than 168h; approve again when it has passed".to_owned();
            return Err(vec![Mistake { key: "approvalTtl".to_owned(), message }]);
        }
        if config.source.settle > config.source.settle_max {
            let message = "is longer than `source.settleMax`; raise that, or lower this".to_owned();
            return Err(vec![Mistake { key: "source.settle".to_owned(), message }]);
        }
        Ok(config)
    }

    /// What manifests of each account may name.
    pub fn ceilings(&self) -> Ceilings {
        self.accounts
            .iter()
            .map(|(name, account)| (name.clone(), account.ceiling.clone()))
            .collect()
    }

    /// What holds for an account: what it says itself, and else what holds for all.
    fn read_own(&self, reader: &mut Reader<'_>, ceiling: &Ceiling) -> (Bounds, attempt::Limits) {
        let (mut bounds, mut limits) = (self.bounds.common.clone(), self.limits.common);
        bounds.ceiling = ceiling.clone();
        limits::read(reader, &mut bounds, &mut limits);
        let said = reader.has("windows");
        let windows = windows::read(reader);
        if said {
            bounds.windows = windows;
        }
        (bounds, limits)
    }

    fn read_account(&mut self, name: &str, reader: &mut Reader<'_>) {
        let account = accounts::read(reader);
        let (bounds, limits) = self.read_own(reader, &account.ceiling);
        match AccountName::parse(name) {
            Ok(name) => {
                self.bounds.set(name.clone(), bounds);
                self.limits.set(name.clone(), limits);
                self.accounts.insert(name, account);
            }
            Err(error) => reader.mistake(&error.to_string()),
        }
    }
}

/// A host name as a browser sends it, without a port.
fn host(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if text.is_empty() || text.len() > 253 || !text.chars().all(plain) {
        let shown = crate::model::printable(text);
        return Err(format!(
            "holds `{shown}`; write host names without scheme and port, such as links.example.internal"
        ));
    }
    Ok(text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
