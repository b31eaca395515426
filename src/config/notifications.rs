//! `notifications`: who is told what happens.

use super::Account;
use super::reader::Reader;
use crate::model::{AccountName, Region, Scope, VpcId, printable};
use crate::notification::{Address, Event, Kind, Place, Sink, Template};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// Most sinks.
const SINKS_MAX: usize = 32;
/// Longest time that news are collected.
const BATCH_MAX: Duration = Duration::from_secs(600);

/// Reads the list; what is wrong in it is noted in `root`.
pub(super) fn read(root: &mut Reader<'_>, accounts: &BTreeMap<AccountName, Account>) -> Vec<Sink> {
    let (mut sinks, mut names) = (Vec::new(), BTreeSet::new());
    root.each_of("notifications", SINKS_MAX, |reader| {
        let sink = one(reader, accounts);
        if let Some(sink) = &sink
            && !names.insert(sink.name.clone())
        {
            reader.mistake("has the `name` of another sink; write a name of its own");
        }
        sinks.extend(sink);
    });
    sinks
}

fn one(reader: &mut Reader<'_>, accounts: &BTreeMap<AccountName, Account>) -> Option<Sink> {
    let mut named = None;
    if !reader.parsed_or_null("name", &mut named, name) {
        reader.missing("name", "write one by which logs name this sink, such as `ops`");
    }
    let mut kind = None;
    let words = Kind::WORDS.map(|(word, kind)| (word, Some(kind)));
    let has_kind = reader.has("kind");
    reader.one_of("kind", &words, &mut kind);
    if !has_kind {
        reader.missing("kind", "write json, slack, dingtalk, wecom or lark");
    }
    let place = place(reader);
    let mut secret_file = None;
    reader.parsed_or_null("secretFile", &mut secret_file, file);
    if secret_file.is_some() && kind.is_some_and(|kind| !kind.signs()) {
        reader.wrong("secretFile", "is only for the kinds dingtalk and lark, which sign messages");
    }
    let (mut events, mut of_accounts, mut scopes) = Default::default();
    reader.list("events", &mut events, event);
    reader.list("accounts", &mut of_accounts, |text| known(text, accounts));
    reader.list("scopes", &mut scopes, |text| scope(text, accounts));
    let mut template = None;
    reader.parsed_or_null("template", &mut template, Template::parse);
    if template.is_some() && kind.is_some_and(|kind| kind != Kind::Json) {
        reader.wrong("template", "is only for the kind json");
    }
    let (mut batch, mut per_minute) = (Sink::BATCH, Sink::PER_MINUTE);
    reader.duration("batch", &mut batch, Duration::ZERO);
    if batch > BATCH_MAX {
        reader.wrong("batch", "is longer than 10m; write less");
    }
    reader.count("perMinute", &mut per_minute, 1..=600);
    Some(Sink {
        name: named?,
        kind: kind?,
        place: place?,
        secret_file,
        events,
        accounts: of_accounts,
        scopes,
        template,
        batch,
        per_minute,
    })
}

fn place(reader: &mut Reader<'_>) -> Option<Place> {
    let (mut url, mut path) = (None, None);
    // What is wrong with a URL is said without showing it: it is a secret.
    let here = reader.parsed_or_null("url", &mut url, |text| {
        Address::parse(text).map_err(|error| error.to_string())
    });
    let there = reader.parsed_or_null("urlFile", &mut path, file);
    match (here, there) {
        (true, true) => reader.mistake("says both `url` and `urlFile`; write one of them"),
        (false, false) => reader.mistake(
            "says neither `urlFile` nor `url`; write one of them: the URL of a robot is a secret, and \
             belongs into a file with mode 600",
        ),
        _ => (),
    }
    url.map(Place::Here).or(path.map(Place::File))
}

/// Not shown either: somebody may have written here what belongs into the file.
fn file(text: &str) -> Result<PathBuf, String> {
    match text.is_empty() || text.contains("://") {
        false => Ok(PathBuf::from(text)),
        true => Err(
            "is no path; write the path of a file with mode 600, and the URL or the secret into \
                     that file"
                .to_owned(),
        ),
    }
}

fn name(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    match !text.is_empty() && text.len() <= 40 && text.bytes().all(allowed) {
        true => Ok(text.to_owned()),
        // Not shown: somebody may have written the URL here.
        false => Err("is no name; write up to 40 letters, digits, `-`, `_` and `.`".to_owned()),
    }
}

fn event(text: &str) -> Result<Event, String> {
    Event::parse(text).ok_or_else(|| {
        let words: Vec<&str> = Event::ALL.iter().map(|event| event.as_str()).collect();
        format!("has `{}`; the events are: {}", printable(text), words.join(", "))
    })
}

fn known(text: &str, accounts: &BTreeMap<AccountName, Account>) -> Result<AccountName, String> {
    let name = AccountName::parse(text).map_err(|error| error.to_string())?;
    match accounts.contains_key(&name) {
        true => Ok(name),
        false => Err(format!("has `{name}`, which `accounts` does not have")),
    }
}

fn scope(text: &str, accounts: &BTreeMap<AccountName, Account>) -> Result<Scope, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let [account, region, vpc] = parts[..] else {
        return Err(format!(
            "has `{}`; write account/region/VPC, such as default/cn-hangzhou/vpc-bp67acfmxazb4p1a2b",
            printable(text)
        ));
    };
    Ok(Scope {
        account: known(account, accounts)?,
        region: Region::parse(region).map_err(|error| error.to_string())?,
        vpc: VpcId::parse(vpc).map_err(|error| error.to_string())?,
    })
}
