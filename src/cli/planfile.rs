//! A saved plan: the plan's JSON, and where it was made. It is good only for what it was made from.

use super::{Failure, Manifests};
use crate::config::Config;
use crate::model::printable;
use crate::plan;
use crate::report::{Report, json};
use crate::source::{self, Origin};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What the file binds; other members of the plan's JSON are for people and are not read back.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Saved {
    format_version: u32,
    revision: SavedRevision,
    scopes: Vec<SavedScope>,
    pub(super) saved_from: SavedFrom,
}

#[derive(Debug, Deserialize)]
struct SavedRevision {
    digest: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SavedScope {
    account: String,
    region_id: String,
    vpc_id: String,
    mode: String,
    digest: Option<String>,
    verdict: String,
    actions: Vec<SavedAction>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SavedAction {
    action: String,
    instance_id: String,
    vpc_id: String,
}

/// Where the plan was made.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SavedFrom {
    /// The folder of the manifests; none for a repository.
    manifests: Option<PathBuf>,
    /// The repository with ref and folder; none for a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    git: Option<String>,
    endpoint: Option<String>,
}

/// Writes the plan, readable by its owner only, over what was there.
pub(super) fn save(
    path: &Path,
    report: &Report,
    origin: &Origin,
    endpoint: Option<&str>,
) -> Result<(), Failure> {
    let fail =
        |error: std::io::Error| Failure(format!("save the plan to {}: {error}", path.display()));
    let (manifests, git) = match origin {
        Origin::Folder(folder) => (Some(fs::canonicalize(folder).map_err(fail)?), None),
        Origin::Git(_) => (None, Some(origin.name().map_err(fail)?)),
    };
    let from = SavedFrom { manifests, git, endpoint: endpoint.map(str::to_owned) };
    let mut value = json::value(report);
    if let Some(map) = value.as_object_mut() {
        map.insert("savedFrom".to_owned(), serde_json::to_value(&from)?);
    }
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        let why = "it is not a file; name one, or print the plan with --output json";
        return Err(Failure(format!("save the plan to {}: {why}", path.display())));
    }
    // Nobody can have put anything under this name.
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}", super::setup::seed()));
    let temporary = path.with_file_name(name);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(fail)?;
    file.write_all(serde_json::to_string_pretty(&value)?.as_bytes()).map_err(fail)?;
    file.write_all(b"\n").and_then(|()| file.sync_all()).map_err(fail)?;
    fs::rename(&temporary, path).map_err(fail)
}

/// Reads a saved plan.
pub(super) fn load(path: &Path) -> Result<Saved, Failure> {
    let fail = |why: String| {
        Failure(format!(
            "read the saved plan {}: {why}; make a new one with: classiclinkd plan --out",
            path.display()
        ))
    };
    let metadata = fs::metadata(path).map_err(|error| fail(error.to_string()))?;
    if !metadata.is_file() {
        return Err(fail("it is not a file".to_owned()));
    }
    if metadata.len() > BYTES_MAX {
        return Err(fail("it is larger than 256 MiB".to_owned()));
    }
    let text = fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    Saved::parse(&text).map_err(fail)
}

impl SavedScope {
    /// What a reviewer reads must be what is done.
    fn is_as_it_was_made(&self, revision: &str) -> bool {
        let Some(digest) = &self.digest else { return self.actions.is_empty() };
        let Self { account, region_id, vpc_id, mode, actions, .. } = self;
        let steps = actions.iter().map(|step| (step.action.as_str(), step.instance_id.as_str()));
        let bound = [account.as_str(), region_id, vpc_id, mode, revision];
        actions.iter().all(|step| step.vpc_id == *vpc_id)
            && plan::digest_of(bound, steps).as_str() == digest
    }
}

impl Saved {
    /// Reads the text of a saved plan.
    ///
    /// # Errors
    /// What is wrong with it, in words: it is no plan of this format, or it was changed by hand.
    pub fn parse(text: &str) -> Result<Self, String> {
        let saved: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if saved.format_version != json::FORMAT_VERSION {
            let (found, known) = (saved.format_version, json::FORMAT_VERSION);
            return Err(format!("it has format {found}, not {known}"));
        }
        let mut names = BTreeSet::new();
        for scope in &saved.scopes {
            let vpc = || printable(&scope.vpc_id);
            if !scope.is_as_it_was_made(&saved.revision.digest) {
                let vpc = vpc();
                return Err(format!(
                    "it was changed by hand: the actions of {vpc} do not fit its digest"
                ));
            }
            // Only one of them would be held against what is there now.
            if !names.insert((&scope.account, &scope.region_id, &scope.vpc_id)) {
                return Err(format!("it was changed by hand: {} stands in it twice", vpc()));
            }
        }
        Ok(saved)
    }

    /// Where the manifests are that it was made from. A repository is never taken from the file: our
    /// token goes where the operator says.
    ///
    /// # Errors
    /// It was made from a repository, and another one, or none, is given now.
    pub(super) fn origin(&self, given: &Manifests, config: &Config) -> Result<Origin, Failure> {
        match (&self.saved_from.git, &self.saved_from.manifests) {
            (Some(then), _) => match given.known(config)? {
                Some(now) if now.name()? == *then => Ok(now),
                _ => Err(Failure(format!(
                    "the saved plan was made from a Git repository; give it as it was given to `plan`: {}",
                    printable(&source::options(then))
                ))),
            },
            // A saved plan knows its folder; the environment's would be somebody else's.
            (None, Some(folder)) if !given.are_given() => Ok(Origin::Folder(folder.clone())),
            (None, _) => given.origin(config),
        }
    }

    /// Holds the endpoint in use against the one the plan was made with.
    ///
    /// # Errors
    /// They differ: what was observed there says nothing of what is here.
    pub fn same_endpoint(&self, used: Option<&str>) -> Result<(), Failure> {
        let named =
            |endpoint: Option<&str>| endpoint.map_or("that of the region".into(), printable);
        let then = self.saved_from.endpoint.as_deref();
        if then == used {
            return Ok(());
        }
        Err(Failure(format!(
            "the saved plan was made with another endpoint: {} then, {} now; give --endpoint as it was \
             given to `plan`",
            named(then),
            named(used)
        )))
    }

    /// Holds a fresh report against the saved one.
    ///
    /// # Errors
    /// Everything that has changed since: then the saved plan is good for nothing.
    pub fn still_holds(&self, fresh: &Report) -> Result<(), Failure> {
        let mut changes = Vec::new();
        if self.revision.digest != fresh.revision.digest.as_str() {
            changes.push(format!(
                "the manifests: revision {} then, {} now",
                printable(self.revision.digest.get(..12).unwrap_or_default()),
                fresh.revision.digest.short()
            ));
        }
        let key =
            |scope: &SavedScope| format!("{}/{}/{}", scope.account, scope.region_id, scope.vpc_id);
        let mut then: BTreeMap<String, &SavedScope> =
            self.scopes.iter().map(|scope| (key(scope), scope)).collect();
        for now in &fresh.scopes {
            let name = now.scope.to_string();
            match then.remove(&name) {
                None => changes.push(format!("{name}: not in the saved plan")),
                Some(then) => {
                    let digest = now.digest.as_ref().map(|digest| digest.as_str());
                    if then.digest.as_deref() != digest || then.verdict != now.verdict.as_str() {
                        changes.push(format!(
                            "{name}: {} with plan {} then, {} with plan {} now",
                            printable(&then.verdict),
                            short(then.digest.as_deref()),
                            now.verdict.as_str(),
                            short(digest)
                        ));
                    }
                }
            }
        }
        changes.extend(then.keys().map(|name| format!("{}: no longer declared", printable(name))));
        if changes.is_empty() {
            return Ok(());
        }
        Err(Failure(format!(
            "the saved plan is stale, nothing was done; since it was made this has changed:\n  {}\nlook \
             at a new plan: classiclinkd plan --out",
            changes.join("\n  ")
        )))
    }
}

fn short(digest: Option<&str>) -> String {
    digest.map_or_else(|| "none".to_owned(), |digest| printable(digest.get(..12).unwrap_or(digest)))
}
