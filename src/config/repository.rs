//! `source.git`: the Git repository that holds the manifests.

use super::reader::Reader;
use crate::git::{Access, Folder, Reference, Remote, Settings, Signers};
use crate::model::printable;
use std::path::PathBuf;
use std::time::Duration;

/// What the configuration says of the repository; the command line can say the first three.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Where it is.
    pub url: Option<Remote>,
    /// Which of its branches, tags or commits.
    pub reference: Option<Reference>,
    /// The folder in it that holds the manifests.
    pub path: Option<Folder>,
    /// How often it is asked.
    pub interval: Duration,
    /// How long one exchange with it may take.
    pub timeout: Duration,
    /// Largest file that a fetch may write, in bytes.
    pub size_max: u64,
    /// What it is asked with.
    pub access: Access,
    /// Whose commits are accepted.
    pub signers: Signers,
    /// Whether the branch may be written anew.
    pub rewrites: bool,
}

impl Default for Repository {
    fn default() -> Self {
        Self {
            url: None,
            reference: None,
            path: None,
            interval: Settings::INTERVAL,
            timeout: Settings::TIMEOUT,
            size_max: Settings::SIZE_MAX,
            access: Access::default(),
            signers: Signers::default(),
            rewrites: false,
        }
    }
}

impl Repository {
    /// The repository at that place, with everything else as it is configured.
    pub fn at(&self, remote: Remote, reference: Reference, path: Folder) -> Settings {
        Settings {
            remote,
            reference,
            path,
            interval: self.interval,
            timeout: self.timeout,
            size_max: self.size_max,
            access: self.access.clone(),
            signers: self.signers.clone(),
            rewrites: self.rewrites,
        }
    }
}

/// Reads the mapping; what is wrong in it is noted in `reader`.
pub(super) fn read(reader: &mut Reader<'_>) -> Repository {
    let mut of = Repository::default();
    let said = |error: crate::git::RemoteError| error.to_string();
    reader.named("url", &mut of.url, |text| Remote::parse(text).map_err(said));
    reader.named("ref", &mut of.reference, |text| Reference::parse(text).map_err(said));
    reader.named("path", &mut of.path, |text| Folder::parse(text).map_err(said));
    reader.duration("interval", &mut of.interval, Duration::from_secs(1));
    reader.duration("timeout", &mut of.timeout, Duration::from_secs(1));
    reader.number("maxBytes", &mut of.size_max);
    let mut file = |key: &'static str, into: &mut Option<PathBuf>| {
        let mut text = None;
        reader.text(key, &mut text);
        *into = text.map(PathBuf::from);
    };
    file("sshKeyFile", &mut of.access.ssh_key);
    file("knownHostsFile", &mut of.access.known_hosts);
    file("tokenFile", &mut of.access.token);
    file("caFile", &mut of.access.ca);
    reader.named("username", &mut of.access.user, user);
    reader.one_of("rewrites", &[("hold", false), ("allow", true)], &mut of.rewrites);
    reader.inside("signers", |signers| {
        let (mut ssh, mut gpg) = (None, None);
        signers.text("sshFile", &mut ssh);
        signers.text("gpgFile", &mut gpg);
        of.signers = Signers { ssh: ssh.map(PathBuf::from), gpg: gpg.map(PathBuf::from) };
    });
    of
}

/// It goes into a line of its own.
fn user(text: &str) -> Result<String, String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("is `{}`; write a user name without spaces", printable(text)));
    }
    Ok(text.to_owned())
}
