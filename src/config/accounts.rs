//! `accounts`: whose links, within what, and where the key comes from.

use super::reader::Reader;
use super::{Account, Mistake};
use crate::model::{AccountId, AccountName, Region, VpcId, printable};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// Shortest and longest life that STS gives a key (`api-contract.md` 9); the longest is what a role's own
/// setting can allow.
const LIFE: (Duration, Duration) = (Duration::from_secs(900), Duration::from_secs(12 * 3600));

/// Where the key of an account comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// The first key.
    pub from: From,
    /// The role that is assumed with it, if one is.
    pub assume: Option<Assume>,
}

/// Where a first key comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum From {
    /// The chain of the official libraries.
    #[default]
    Chain,
    /// The variables with a key, and nothing else of the chain.
    Environment,
    /// A JSON or ini file.
    File {
        /// Which.
        path: PathBuf,
        /// The section of one in ini form; `None` for `default`.
        section: Option<String>,
    },
    /// A profile of the command line's file.
    Profile {
        /// Its name.
        name: String,
        /// The file; `None` for where the command line has it.
        file: Option<PathBuf>,
    },
    /// A role, with a token of an OIDC provider (RRSA).
    Oidc {
        /// Which role.
        role: String,
        /// The provider's ARN.
        provider: String,
        /// The file with the token.
        token_file: PathBuf,
        /// The name of its sessions; `None` for ours.
        session: Option<String>,
    },
    /// The role of the ECS instance.
    EcsRamRole {
        /// Its name; `None` for the one that the metadata service names.
        role: Option<String>,
        /// Whether to ask without a session token where the service gives none.
        without_token: bool,
    },
    /// A URL that answers with a key.
    Uri(String),
    /// The key of another account.
    Account(AccountName),
}

/// A role that is assumed with the key of a [`From`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assume {
    /// Which role.
    pub role: String,
    /// The name of its sessions; `None` for ours.
    pub session: Option<String>,
    /// How long its keys live; `None` for an hour.
    pub duration: Option<Duration>,
    /// What the role's trust policy asks for.
    pub external_id: Option<String>,
    /// A file with a policy that narrows what the role may do.
    pub policy_file: Option<PathBuf>,
    /// The region whose STS is asked; `None` for the central one.
    pub region: Option<Region>,
    /// Whether that inside the region's VPCs is.
    pub vpc_endpoint: bool,
}

/// The words of `credentials`, of which exactly one says where the key comes from.
const WAYS: [&str; 7] = ["environment", "file", "profile", "oidc", "ecsRamRole", "uri", "account"];

/// Reads the map below `accounts.<name>`.
pub(super) fn read(reader: &mut Reader<'_>) -> Account {
    let mut account = Account::default();
    reader.parsed_or_null("accountId", &mut account.account_id, |text| {
        AccountId::parse(text).map_err(|error| error.to_string())
    });
    reader.list("regions", &mut account.ceiling.regions, region);
    reader.list("vpcs", &mut account.ceiling.vpcs, |text| {
        VpcId::parse(text).map_err(|error| error.to_string())
    });
    let mut file = None;
    reader.named("credentialsFile", &mut file, path);
    let both = file.is_some() && reader.has("credentials");
    if both {
        let why =
            "says the same as `credentials.file`, and `credentials` is there; write one of them";
        reader.wrong("credentialsFile", why);
    }
    if let Some(path) = file {
        account.credentials.from = From::File { path, section: None };
    }
    reader.inside("credentials", |reader| account.credentials = source(reader));
    account
}

/// That no account gets its key from one that is not there, or from itself.
pub(super) fn circles(accounts: &BTreeMap<AccountName, Account>) -> Vec<Mistake> {
    let next = |name: &AccountName| match accounts.get(name).map(|own| &own.credentials.from) {
        Some(From::Account(next)) => Some(next.clone()),
        _ => None,
    };
    let mistakes = accounts.keys().filter_map(|name| {
        let of = next(name)?;
        let message = if accounts.contains_key(&of) {
            let mut seen = BTreeSet::from([of.clone()]);
            let mut way = vec![name.to_string(), of.to_string()];
            let mut last = of;
            while let Some(further) = next(&last).filter(|_| last != *name) {
                way.push(further.to_string());
                // A circle further on is told of those that are in it.
                if !seen.insert(further.clone()) && further != *name {
                    return None;
                }
                last = further;
            }
            if last != *name {
                return None;
            }
            format!("leads in a circle ({}); give one of them a key", way.join(" -> "))
        } else {
            format!("is `{of}`, which is none of `accounts`; write one of those")
        };
        Some(Mistake { key: format!("accounts.{name}.credentials.account"), message })
    });
    mistakes.collect()
}

fn source(reader: &mut Reader<'_>) -> Source {
    let ways: Vec<&str> = WAYS.into_iter().filter(|way| reader.has(way)).collect();
    match ways.as_slice() {
        [] if reader.has("assumeRole") => (),
        [] => reader.mistake(&format!(
            "says nothing; write one of {}, or leave it out for the official chain",
            WAYS.join(", ")
        )),
        [_] => (),
        several => reader.mistake(&format!(
            "says {}; write one of them: a key comes from one place",
            several.join(" and ")
        )),
    }
    // Every way is read, for its mistakes; of several, any may be what comes out of a configuration that is
    // refused.
    let mut from = From::Chain;
    let mut environment = true;
    let has_environment = reader.has("environment");
    reader.flag("environment", &mut environment);
    if has_environment && environment {
        from = From::Environment;
    } else if has_environment {
        reader.wrong("environment", "is false, which says nothing; write true, or leave it out");
    }
    for found in
        [file(reader), profile(reader), oidc(reader), ecs(reader), uri(reader), account(reader)]
            .into_iter()
            .flatten()
    {
        from = found;
    }
    let mut assume = None;
    reader.inside("assumeRole", |reader| assume = assumed(reader));
    Source { from, assume }
}

fn file(reader: &mut Reader<'_>) -> Option<From> {
    let (mut file, mut section) = (None, None);
    reader.named("file", &mut file, path);
    if reader.named("section", &mut section, word) && !reader.has("file") {
        reader.wrong("section", "is only for `file`");
    }
    file.map(|path| From::File { path, section })
}

fn profile(reader: &mut Reader<'_>) -> Option<From> {
    let (mut name, mut file) = (None, None);
    reader.named("profile", &mut name, word);
    if reader.named("configFile", &mut file, path) && !reader.has("profile") {
        reader.wrong("configFile", "is only for `profile`");
    }
    name.map(|name| From::Profile { name, file })
}

fn oidc(reader: &mut Reader<'_>) -> Option<From> {
    let mut from = None;
    reader.inside("oidc", |reader| {
        let (mut role, mut provider, mut token_file, mut session) = Default::default();
        reader.named("roleArn", &mut role, role_arn);
        reader.named("providerArn", &mut provider, word);
        reader.named("tokenFile", &mut token_file, path);
        reader.named("sessionName", &mut session, session_name);
        for (key, advice) in [
            ("roleArn", "write the role's, such as acs:ram::1234567890123456:role/links"),
            ("providerArn", "write that of the cluster's OIDC provider"),
            ("tokenFile", "write the path at which the cluster puts the token"),
        ] {
            if !reader.has(key) {
                reader.missing(key, advice);
            }
        }
        from = role.zip(provider).zip(token_file).map(|((role, provider), token_file)| {
            From::Oidc { role, provider, token_file, session }
        });
    });
    from
}

fn ecs(reader: &mut Reader<'_>) -> Option<From> {
    let (mut role, mut without_token) = (None, false);
    if reader.is_map("ecsRamRole") {
        reader.inside("ecsRamRole", |reader| {
            reader.named("role", &mut role, role_name);
            reader.flag("allowWithoutToken", &mut without_token);
        });
    } else if !reader.named("ecsRamRole", &mut role, role_name) {
        return None;
    }
    Some(From::EcsRamRole { role, without_token })
}

fn uri(reader: &mut Reader<'_>) -> Option<From> {
    let mut uri = None;
    reader.named("uri", &mut uri, |text| match text.split_once("://") {
        Some(("http" | "https", _)) => Ok(text.to_owned()),
        _ => Err("is no URL; write https://, or http:// for this machine".to_owned()),
    });
    uri.map(From::Uri)
}

fn account(reader: &mut Reader<'_>) -> Option<From> {
    let mut name = None;
    reader.named("account", &mut name, |text| {
        AccountName::parse(text).map_err(|error| error.to_string())
    });
    name.map(From::Account)
}

fn assumed(reader: &mut Reader<'_>) -> Option<Assume> {
    let (mut role, mut session, mut external_id, mut policy_file, mut in_region) =
        Default::default();
    reader.named("roleArn", &mut role, role_arn);
    if !reader.has("roleArn") {
        reader.missing("roleArn", "write the role's, such as acs:ram::1234567890123456:role/links");
    }
    reader.named("sessionName", &mut session, session_name);
    reader.named("externalId", &mut external_id, word);
    reader.named("policyFile", &mut policy_file, path);
    reader.named("region", &mut in_region, region);
    let mut vpc_endpoint = false;
    reader.flag("vpcEndpoint", &mut vpc_endpoint);
    if vpc_endpoint && !reader.has("region") {
        reader.wrong("vpcEndpoint", "needs `region`: every endpoint inside VPCs is of a region");
    }
    let mut duration = LIFE.0;
    let said = reader.duration("duration", &mut duration, LIFE.0);
    if duration > LIFE.1 {
        reader.wrong("duration", "is longer than 12h, which STS gives to nobody");
    }
    let duration = said.then_some(duration);
    let region = in_region;
    role.map(|role| Assume {
        role,
        session,
        duration,
        external_id,
        policy_file,
        region,
        vpc_endpoint,
    })
}

fn region(text: &str) -> Result<Region, String> {
    Region::parse(text).map_err(|error| error.to_string())
}

fn path(text: &str) -> Result<PathBuf, String> {
    match text.trim().is_empty() {
        true => Err("is empty; write the path of a file".to_owned()),
        false => Ok(text.into()),
    }
}

/// A name that goes over the wire as it is.
fn word(text: &str) -> Result<String, String> {
    let plain =
        !text.is_empty() && text.len() <= 1224 && text.bytes().all(|byte| byte.is_ascii_graphic());
    match plain {
        true => Ok(text.to_owned()),
        false => Err("is empty, too long, or holds a space or another character that no such name has; write one word".to_owned()),
    }
}

fn role_arn(text: &str) -> Result<String, String> {
    let shaped = text.strip_prefix("acs:ram::").and_then(|rest| rest.split_once(":role/"));
    let good = shaped.is_some_and(|(account, role)| {
        !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_digit()) && !role.is_empty()
    });
    match good {
        true => word(text),
        false => Err(format!(
            "is `{}`; write an ARN such as acs:ram::1234567890123456:role/links",
            printable(text)
        )),
    }
}

fn session_name(text: &str) -> Result<String, String> {
    named(text, 2..=64, "@.-_")
}

fn role_name(text: &str) -> Result<String, String> {
    named(text, 1..=64, ".-_")
}

fn named(
    text: &str,
    length: std::ops::RangeInclusive<usize>,
    marks: &str,
) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || marks.contains(c);
    match length.contains(&text.len()) && text.chars().all(plain) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "is `{}`; write {} to {} letters, digits and {marks}",
            printable(text),
            length.start(),
            length.end()
        )),
    }
}

#[cfg(test)]
mod tests;
