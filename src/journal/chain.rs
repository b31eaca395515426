//! Entries that each carry the hash of the one before.

use super::JournalError;
use super::record::{Accepted as AcceptedBody, Answer, Answered, Intent, Record, SettledBody};
use super::{Accepted, OpenIntent, Recovered, Unsettled};
use crate::cloud::IntentId;
use crate::manifest::File;
use crate::model::{AccountName, Digest, InstanceId, Region, Revision, Scope, Verb, VpcId};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From 1, without holes.
    pub seq: u64,
    /// Wall clock, RFC 3339.
    pub at: String,
    /// `accepted`, `intent`, `answered` or `settled`.
    pub kind: String,
    /// JSON.
    pub body: String,
    /// Over the previous hash and all of the above.
    pub hash: Digest,
}

impl Entry {
    pub(super) fn after(previous: Option<&Self>, at: Timestamp, record: &Record) -> Self {
        let seq = previous.map_or(1, |entry| entry.seq + 1);
        let at = at.to_string();
        let hash = hash(previous, seq, &at, record.kind, &record.body);
        Self { seq, at, kind: record.kind.to_owned(), body: record.body.clone(), hash }
    }

    fn continues(&self, previous: Option<&Self>) -> bool {
        let seq = previous.map_or(1, |entry| entry.seq + 1);
        self.seq == seq && self.hash == hash(previous, seq, &self.at, &self.kind, &self.body)
    }
}

fn hash(previous: Option<&Entry>, seq: u64, at: &str, kind: &str, body: &str) -> Digest {
    let previous = previous.map_or("", |entry| entry.hash.as_str());
    let seq = seq.to_string();
    Digest::of([previous, &seq, at, kind, body].map(str::as_bytes))
}

/// Reads a chain from its first entry on, checks it, and folds it into what it remembers.
#[derive(Debug, Default)]
pub(super) struct Fold {
    pub last: Option<Entry>,
    accepted: Option<AcceptedBody>,
    /// Intents without an answer.
    open: BTreeMap<u64, Key>,
    /// The intents of calls that may have had an effect and have no final word, by link.
    unsettled: BTreeMap<Key, Unsettled>,
    by_intent: BTreeMap<u64, Key>,
}

/// Verb, account, region, VPC, instance.
type Key = [String; 5];

impl Fold {
    /// Takes the next entry.
    ///
    /// # Errors
    /// [`JournalError::Broken`] where it does not continue the chain or cannot be read.
    pub fn take(&mut self, entry: Entry) -> Result<(), JournalError> {
        let broken = || JournalError::Broken(entry.seq);
        if !entry.continues(self.last.as_ref()) {
            return Err(broken());
        }
        match entry.kind.as_str() {
            Record::ACCEPTED => {
                self.accepted = Some(serde_json::from_str(&entry.body).map_err(|_| broken())?);
            }
            Record::INTENT => {
                let intent: Intent = serde_json::from_str(&entry.body).map_err(|_| broken())?;
                let at = entry.at.parse().map_err(|_| broken())?;
                self.intended(entry.seq, intent, at).ok_or_else(broken)?;
            }
            Record::ANSWERED => {
                let answered: Answered = serde_json::from_str(&entry.body).map_err(|_| broken())?;
                let at = entry.at.parse().map_err(|_| broken())?;
                self.answered(&answered, at);
            }
            Record::SETTLED => {
                let settled: SettledBody =
                    serde_json::from_str(&entry.body).map_err(|_| broken())?;
                let SettledBody { verb, account, region_id, vpc_id, instance_id, .. } = settled;
                self.unsettled.remove(&[verb, account, region_id, vpc_id, instance_id]);
            }
            // Kinds of later versions are kept and say nothing to this one.
            _ => (),
        }
        self.last = Some(entry);
        Ok(())
    }

    fn intended(&mut self, seq: u64, intent: Intent, at: Timestamp) -> Option<()> {
        let Intent { verb, account, region_id, vpc_id, instance_id, attempt, .. } = intent;
        let unsettled = Unsettled {
            verb: Verb::parse(&verb)?,
            scope: Scope {
                account: AccountName::parse(&account).ok()?,
                region: Region::parse(&region_id).ok()?,
                vpc: VpcId::parse(&vpc_id).ok()?,
            },
            instance: InstanceId::parse(&instance_id).ok()?,
            attempts: attempt,
            accepted: false,
            at,
        };
        let key = [verb, account, region_id, vpc_id, instance_id];
        self.open.insert(seq, key.clone());
        self.by_intent.insert(seq, key.clone());
        self.unsettled.insert(key, unsettled);
        Some(())
    }

    fn answered(&mut self, answered: &Answered, at: Timestamp) {
        self.open.remove(&answered.intent);
        let Some(key) = self.by_intent.remove(&answered.intent) else { return };
        match answered.answer.result.as_str() {
            Answer::ACCEPTED => {
                if let Some(unsettled) = self.unsettled.get_mut(&key) {
                    unsettled.accepted = true;
                    unsettled.at = at;
                }
            }
            Answer::UNKNOWN | "ambiguous" => (),
            // Certainly not carried out.
            _ => {
                self.unsettled.remove(&key);
            }
        }
    }

    /// What the chain remembers; `text` looks up a manifest by its digest.
    pub fn recovered(self, text: impl Fn(&str) -> Option<Arc<str>>) -> Recovered {
        let what = |[verb, account, region, vpc, instance]: Key| {
            format!("{verb} {instance} -> {vpc} in {account}/{region}")
        };
        let open = self.open.into_iter();
        Recovered {
            accepted: self.accepted.and_then(|said| restore(said, text)),
            open_intents: open
                .map(|(seq, key)| OpenIntent { id: IntentId(seq), what: what(key) })
                .collect(),
            unsettled: self.unsettled.into_values().collect(),
        }
    }
}

/// `None` where a text is missing or is not the one that was accepted: then nothing is accepted.
fn restore(said: AcceptedBody, text: impl Fn(&str) -> Option<Arc<str>>) -> Option<Accepted> {
    let revision = Revision {
        digest: Digest::parse(&said.revision)?,
        commit: said.commit,
        author: said.author,
    };
    let file = |entry: super::record::FileEntry| {
        let text = text(&entry.digest)?;
        let unchanged = Digest::of([text.as_bytes()]).as_str() == entry.digest;
        unchanged.then(|| File { path: entry.path.into(), text })
    };
    let files = said.files.into_iter().map(file).collect::<Option<_>>();
    if files.is_none() {
        tracing::error!(
            revision = said.revision,
            "the journal has lost a manifest of the last accepted revision, so none is in force"
        );
    }
    Some(Accepted { root: said.root, revision, files: files?, released: Vec::new() })
}
