//! What the configuration says of one receiver, and what of the news it wants.

use super::address::Address;
use super::news::{Event, News};
use super::template::Template;
use crate::model::{AccountName, Scope};
use crate::secret::{self, Fault};
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest secret file read.
const FILE_MAX: u64 = 8 * 1024;
/// Which language a receiver speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Our own JSON.
    Json,
    /// An incoming webhook of Slack.
    Slack,
    /// A custom robot of DingTalk.
    Dingtalk,
    /// A group robot of WeCom.
    Wecom,
    /// A custom bot of Lark or Feishu.
    Lark,
}

impl Kind {
    /// Every kind, with its word.
    pub const WORDS: [(&str, Self); 5] = [
        ("json", Self::Json),
        ("slack", Self::Slack),
        ("dingtalk", Self::Dingtalk),
        ("wecom", Self::Wecom),
        ("lark", Self::Lark),
    ];

    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Slack => "slack",
            Self::Dingtalk => "dingtalk",
            Self::Wecom => "wecom",
            Self::Lark => "lark",
        }
    }

    /// Whether its messages can be signed.
    pub fn signs(self) -> bool {
        matches!(self, Self::Dingtalk | Self::Lark)
    }
}

/// Where the URL is said.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// In the configuration.
    Here(Address),
    /// In a file that only we may read.
    File(PathBuf),
}

/// One receiver, as configured.
#[derive(Debug, Clone, PartialEq)]
pub struct Sink {
    /// By which logs and metrics name it.
    pub name: String,
    /// Its language.
    pub kind: Kind,
    /// Where it is.
    pub place: Place,
    /// A file with the secret that messages are signed with.
    pub secret_file: Option<PathBuf>,
    /// What it wants to hear; empty: everything.
    pub events: BTreeSet<Event>,
    /// News of one VPC are told if it is of one of these accounts; empty: of any.
    pub accounts: BTreeSet<AccountName>,
    /// And if it is one of these; empty: any.
    pub scopes: BTreeSet<Scope>,
    /// How the generic form words each event.
    pub template: Option<Template>,
    /// How long news are collected before they are sent.
    pub batch: Duration,
    /// Most messages a minute, repeated ones included.
    pub per_minute: usize,
}

impl Sink {
    /// How long news are collected, unless it is said.
    pub const BATCH: Duration = Duration::from_secs(5);
    /// Most messages a minute, unless it is said: half of what the robots of DingTalk and WeCom take.
    pub const PER_MINUTE: usize = 10;

    /// Whether it wants to hear that. What is about no VPC is about every one of them.
    pub fn wants(&self, news: &News) -> bool {
        let always = matches!(news.event, Event::Missed | Event::Test);
        let wanted = self.events.is_empty() || self.events.contains(&news.event);
        let here = news.scope.as_ref().is_none_or(|scope| {
            (self.accounts.is_empty() || self.accounts.contains(&scope.account))
                && (self.scopes.is_empty() || self.scopes.contains(scope))
        });
        always || (wanted && here)
    }

    /// Its URL, from the configuration or the file.
    ///
    /// # Errors
    /// What is wrong, where, and what to do; without the URL.
    pub(super) fn address(&self) -> Result<Address, SinkError> {
        match &self.place {
            Place::Here(address) => Ok(address.clone()),
            Place::File(path) => {
                let text = secret::line(path, FILE_MAX)
                    .map_err(|fault| self.error("urlFile", path, fault))?;
                Address::parse(secrecy::ExposeSecret::expose_secret(&text))
                    .map_err(|error| Fault::Content(format!("what it holds {error}")))
                    .map_err(|fault| self.error("urlFile", path, fault))
            }
        }
    }

    /// The secret that messages are signed with, if there is one.
    ///
    /// # Errors
    /// As [`Sink::address`].
    pub(super) fn secret(&self) -> Result<Option<SecretString>, SinkError> {
        let Some(path) = &self.secret_file else { return Ok(None) };
        secret::line(path, FILE_MAX)
            .map(Some)
            .map_err(|fault| self.error("secretFile", path, fault))
    }

    fn error(&self, key: &'static str, path: &Path, fault: Fault) -> SinkError {
        let why = match fault {
            Fault::Open(why) => format!(
                "cannot be opened ({why}); write the path of a file that the user of the daemon can read, \
                 and the URL or the secret into that file"
            ),
            Fault::Content(why) | Fault::Exposed(why) => format!("{}: {why}", path.display()),
        };
        SinkError { sink: self.name.clone(), key, why }
    }
}

/// Why a sink cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("use the sink `{sink}` of `notifications`: {key} {why}")]
pub struct SinkError {
    sink: String,
    key: &'static str,
    why: String,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::plan::tests::{moment, scope};
    use std::os::unix::fs::PermissionsExt as _;

    pub(in crate::notification) fn sink(kind: Kind, url: &str) -> Sink {
        Sink {
            name: "ops".to_owned(),
            kind,
            place: Place::Here(Address::parse(url).unwrap()),
            secret_file: None,
            events: BTreeSet::new(),
            accounts: BTreeSet::new(),
            scopes: BTreeSet::new(),
            template: None,
            batch: Sink::BATCH,
            per_minute: Sink::PER_MINUTE,
        }
    }

    #[test]
    fn a_sink_hears_what_it_asked_for_and_what_concerns_every_vpc() {
        let mut sink = sink(Kind::Json, "http://127.0.0.1:1/");
        let here = |event| News { scope: Some(scope()), ..News::new(event, moment(0), "x") };
        let nowhere = News::new(Event::JournalFailing, moment(0), "x");
        assert!(sink.wants(&here(Event::Hold)) && sink.wants(&nowhere));
        sink.accounts.insert(AccountName::parse("prod").unwrap());
        assert!(!sink.wants(&here(Event::Hold)) && sink.wants(&nowhere));
        sink.accounts.clear();
        sink.scopes.insert(scope());
        sink.events.insert(Event::Hold);
        assert!(sink.wants(&here(Event::Hold)) && !sink.wants(&here(Event::DriftFound)));
        assert!(!sink.wants(&nowhere));
        assert!(sink.wants(&News::new(Event::Missed, moment(0), "x")));
    }

    #[test]
    fn a_secret_file_is_refused_if_others_can_read_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "https://a.example/hunter2\n").unwrap();
        let mut sink = sink(Kind::Slack, "http://127.0.0.1:1/");
        sink.place = Place::File(file.path().to_owned());
        for (mode, good) in
            [(0o600, true), (0o440, true), (0o644, false), (0o620, false), (0o601, false)]
        {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(file.path(), permissions).unwrap();
            assert_eq!(sink.address().is_ok(), good, "{mode:o}");
        }
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
        for bad in ["", "hunter2", "https://a.example/hunter2\nhunter2", "http://a.example/hunter2"]
        {
            std::fs::write(file.path(), bad).unwrap();
            let error = sink.address().unwrap_err().to_string();
            assert!(error.contains("`ops`") && error.contains("urlFile"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_secret_in_place_of_a_path_does_not_show() {
        let mut sink = sink(Kind::Dingtalk, "http://127.0.0.1:1/");
        sink.secret_file = Some(PathBuf::from("SEChunter2"));
        let error = sink.secret().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        assert!(error.to_string().contains("secretFile"), "{error}");
        sink.place = Place::File(PathBuf::from("hooks.example.com/hunter2"));
        let error = sink.address().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        assert!(error.to_string().contains("urlFile"), "{error}");
    }
}
