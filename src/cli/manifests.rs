//! Where the manifests are, as flags, environment and configuration say.

use super::{Failure, setup};
use crate::config::Config;
use crate::git::{Folder, Reference, Remote, Repository};
use crate::source::Origin;
use clap::Args;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;

/// The environment's words for the flags.
const MANIFESTS: &str = "CLASSICLINKD_MANIFESTS";
const GIT: &str = "CLASSICLINKD_GIT";
const REF: &str = "CLASSICLINKD_GIT_REF";
const PATH: &str = "CLASSICLINKD_GIT_PATH";

/// Where the manifests are.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Manifests")]
pub(super) struct Manifests {
    /// Folder with the manifests; every .yaml and .yml file below it counts [env:
    /// CLASSICLINKD_MANIFESTS]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["git", "reference", "path"])]
    manifests: Option<PathBuf>,
    /// Git repository with the manifests: https, ssh or file [env: CLASSICLINKD_GIT] [config:
    /// source.git.url]
    #[arg(long, value_name = "URL")]
    git: Option<String>,
    /// Branch, tag or commit of it [env: CLASSICLINKD_GIT_REF] [default: its default branch]
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// Folder in it [env: CLASSICLINKD_GIT_PATH] [default: all of it]
    #[arg(long, value_name = "DIR")]
    path: Option<String>,
}

impl Manifests {
    /// Whether a flag says it.
    pub fn are_given(&self) -> bool {
        self.manifests.is_some()
            || self.git.is_some()
            || self.reference.is_some()
            || self.path.is_some()
    }

    /// Where they are: by flags, else by the environment, else by the configuration.
    pub fn origin(&self, config: &Config) -> Result<Origin, Failure> {
        let why = "say where the manifests are: a folder with --manifests, or a Git repository with --git";
        self.known(config)?.ok_or_else(|| Failure(why.to_owned()))
    }

    /// As [`Manifests::origin`]; none where nobody says it.
    pub fn known(&self, config: &Config) -> Result<Option<Origin>, Failure> {
        if let Some(folder) = &self.manifests {
            return Ok(Some(Origin::Folder(folder.clone())));
        }
        let set = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let by_environment = std::env::var_os(MANIFESTS).filter(|value| !value.is_empty());
        let by_flag = self.git.is_some() || self.reference.is_some() || self.path.is_some();
        if let (Some(folder), false) = (&by_environment, by_flag) {
            if set(GIT).is_some() {
                let why =
                    format!("{MANIFESTS} and {GIT} are both set; unset the one that is not meant");
                return Err(Failure(why));
            }
            return Ok(Some(Origin::Folder(PathBuf::from(folder))));
        }
        let of = &config.repository;
        let url = self.git.clone().or_else(|| set(GIT));
        let url = url.map(|text| {
            Remote::parse(&text).map_err(|error| Failure(format!("read --git: it {error}")))
        });
        let Some(remote) = url.transpose()?.or_else(|| of.url.clone()) else {
            if by_flag {
                return Err(Failure(
                    "--ref and --path are of a repository; name it with --git".to_owned(),
                ));
            }
            return Ok(None);
        };
        let reference = self.reference.clone().or_else(|| set(REF));
        let reference = reference.map(|text| {
            Reference::parse(&text).map_err(|error| Failure(format!("read --ref: {error}")))
        });
        let path = self.path.clone().or_else(|| set(PATH));
        let path = path.map(|text| {
            Folder::parse(&text).map_err(|error| Failure(format!("read --path: {error}")))
        });
        let reference =
            reference.transpose()?.or_else(|| of.reference.clone()).unwrap_or_else(Reference::head);
        let path = path.transpose()?.or_else(|| of.path.clone()).unwrap_or_default();
        let settings = of.at(remote, reference, path);
        Ok(Some(Origin::Git(Arc::new(Repository::new(settings, &copies(config)?)))))
    }
}

/// Where copies of repositories are kept: in the state folder, unless that is another user's. What root made
/// in there, the daemon could not replace.
fn copies(config: &Config) -> Result<PathBuf, Failure> {
    let state = setup::state_folder(config)?;
    let own = rustix::process::geteuid().as_raw();
    let foreign = std::fs::metadata(&state).is_ok_and(|metadata| metadata.uid() != own);
    if !foreign {
        return Ok(state);
    }
    let set =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    let cache = cache.map(|folder| folder.join("classiclinkd"));
    cache.ok_or_else(|| {
        Failure(format!(
            "keep a copy of the repository: {} belongs to another user, and HOME is not set; run this as that \
             user",
            state.display()
        ))
    })
}
