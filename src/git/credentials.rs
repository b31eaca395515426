//! What git speaks to a remote with: a key, a token, who the host is. In files, never in arguments.

use super::command::text;
use super::remote::Scheme;
use super::{Access, Fault, Remote};
use crate::secret;
use crate::signature::basic;
use secrecy::{ExposeSecret as _, SecretString};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Longest token.
const TOKEN_MAX: u64 = 8 * 1024;
/// Who gives the token where git asks for one, without what an editor may have put around it; read by a shell, told by the environment.
const HELPER: &str = "!f() { test \"$1\" = get || exit 0; printf 'username=%s\\npassword=' \
     \"$CLASSICLINKD_GIT_USER\"; tr -d '[:space:]\\357\\273\\277' < \"$CLASSICLINKD_GIT_TOKEN_FILE\"; echo; }; f";
/// The user name that hosts take with a token where they do not look at it.
const USER: &str = "git";

/// Checked and ready for one call.
pub(super) struct Prepared {
    environment: Vec<(&'static str, String)>,
    configuration: Vec<(&'static str, String)>,
    /// Must not be shown, whoever says it.
    token: Option<SecretString>,
    user: String,
}

impl Prepared {
    /// Reads and checks the files that `remote` needs, anew for each call: they may be replaced.
    ///
    /// # Errors
    /// [`Fault`], also for a secret that others can read, with the command that mends it.
    pub fn of(remote: &Remote, access: &Access) -> Result<Self, Fault> {
        let mut prepared = Self {
            environment: Vec::new(),
            configuration: Vec::new(),
            token: None,
            user: access.user.clone().unwrap_or_else(|| USER.to_owned()),
        };
        match remote.scheme() {
            Scheme::Ssh => prepared.over_ssh(access)?,
            Scheme::Https | Scheme::Http => prepared.over_https(access)?,
            Scheme::File => {}
        }
        Ok(prepared)
    }

    fn over_ssh(&mut self, access: &Access) -> Result<(), Fault> {
        let (Some(key), Some(known_hosts)) = (&access.ssh_key, &access.known_hosts) else {
            return Err(Fault::Lasting(
                "ssh needs a key and the host's key: name their files in `source.git.sshKeyFile` and \
                 `source.git.knownHostsFile` (ssh-keyscan HOST shows a host's keys; compare them with what \
                 the host publishes)"
                    .to_owned(),
            ));
        };
        secret::check(key).map_err(|fault| named("source.git.sshKeyFile", key, fault))?;
        readable("source.git.knownHostsFile", known_hosts)?;
        let options = [
            "BatchMode=yes".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            format!("UserKnownHostsFile=\"{}\"", text(known_hosts)?),
            "GlobalKnownHostsFile=/dev/null".to_owned(),
            "IdentitiesOnly=yes".to_owned(),
            "IdentityAgent=none".to_owned(),
            format!("IdentityFile=\"{}\"", text(key)?),
            "PasswordAuthentication=no".to_owned(),
            "KbdInteractiveAuthentication=no".to_owned(),
            "ClearAllForwardings=yes".to_owned(),
            "PermitLocalCommand=no".to_owned(),
            "ConnectTimeout=10".to_owned(),
            "ServerAliveInterval=15".to_owned(),
        ];
        let quoted: Vec<String> =
            options.iter().map(|option| format!("-o {}", quote(option))).collect();
        self.environment
            .push(("GIT_SSH_COMMAND", format!("ssh -F /dev/null {}", quoted.join(" "))));
        self.environment.push(("GIT_SSH_VARIANT", "ssh".to_owned()));
        Ok(())
    }

    fn over_https(&mut self, access: &Access) -> Result<(), Fault> {
        if let Some(ca) = &access.ca {
            readable("source.git.caFile", ca)?;
            self.configuration.push(("http.sslCAInfo", text(ca)?));
        }
        let Some(path) = &access.token else { return Ok(()) };
        let token = secret::line(path, TOKEN_MAX);
        self.token = Some(token.map_err(|fault| named("source.git.tokenFile", path, fault))?);
        self.environment.push(("CLASSICLINKD_GIT_USER", self.user.clone()));
        self.environment.push(("CLASSICLINKD_GIT_TOKEN_FILE", text(path)?));
        self.configuration.push(("credential.helper", HELPER.to_owned()));
        Ok(())
    }

    pub fn environment(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.environment.clone().into_iter()
    }

    pub fn configuration(&self) -> Vec<(&'static str, String)> {
        self.configuration.clone()
    }

    /// What a program said, without the token: a server may repeat what it was sent, also as it was sent.
    pub fn hide(&self, said: &str) -> String {
        let Some(token) = &self.token else { return said.to_owned() };
        let sent = basic(&self.user, token.expose_secret());
        said.replace(token.expose_secret(), "(token)").replace(&sent, "(token)")
    }
}

/// For a shell: nothing in it means anything.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

pub(super) fn named(key: &str, path: &Path, fault: secret::Fault) -> Fault {
    let why = match fault {
        secret::Fault::Open(error) => format!(
            "{} cannot be opened ({error}); write the path of a file that the user of the daemon can read",
            path.display()
        ),
        secret::Fault::Content(why) | secret::Fault::Exposed(why) => {
            format!("{}: {why}", path.display())
        }
    };
    Fault::Lasting(format!("`{key}`: {why}"))
}

/// Whoever can write what is believed decides what is believed.
pub(super) fn unchangeable(key: &str, path: &Path, metadata: &Metadata) -> Result<(), Fault> {
    let own = rustix::process::geteuid().as_raw();
    let foreign = metadata.uid() != own && metadata.uid() != 0;
    if foreign || metadata.mode() & 0o022 != 0 {
        let why = format!(
            "others can write {0}, and so decide who is believed; chmod 644 {0}, and give it to root or the \
             user of the daemon",
            path.display()
        );
        return Err(Fault::Lasting(format!("`{key}`: {why}")));
    }
    Ok(())
}

fn readable(key: &str, path: &Path) -> Result<(), Fault> {
    let opened = std::fs::File::open(path).and_then(|file| file.metadata());
    match opened {
        Ok(metadata) if metadata.is_file() => unchangeable(key, path, &metadata),
        Ok(_) => Err(Fault::Lasting(format!("`{key}`: {} is not a file", path.display()))),
        Err(error) => Err(named(key, path, secret::Fault::Open(error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn file(folder: &Path, name: &str, text: &str, mode: u32) -> std::path::PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn ssh_wants_a_key_of_ours_and_the_hosts_key() {
        let folder = tempfile::tempdir().unwrap();
        let remote = Remote::parse("git@git.example:a").unwrap();
        let mut access = Access::default();
        let why =
            |access: &Access| Prepared::of(&remote, access).map(|_| ()).unwrap_err().to_string();
        assert!(why(&access).contains("knownHostsFile"), "{}", why(&access));
        access.known_hosts = Some(file(folder.path(), "known hosts", "x", 0o644));
        assert!(why(&access).contains("sshKeyFile"));
        access.ssh_key = Some(file(folder.path(), "it's", "x", 0o644));
        assert!(why(&access).contains("chmod 600"), "{}", why(&access));
        access.ssh_key = Some(file(folder.path(), "it's", "x", 0o600));
        let environment: Vec<_> = Prepared::of(&remote, &access).unwrap().environment().collect();
        let command = &environment[0].1;
        assert!(command.contains("'StrictHostKeyChecking=yes'"), "{command}");
        assert!(command.contains("known hosts\"'") && command.contains("it'\\''s\"'"), "{command}");
    }

    #[test]
    fn a_token_is_in_no_argument_variable_or_message() {
        let folder = tempfile::tempdir().unwrap();
        let remote = Remote::parse("https://git.example/a").unwrap();
        let token = file(folder.path(), "token", "hunter2\n", 0o600);
        let access = Access { token: Some(token.clone()), ..Access::default() };
        let prepared = Prepared::of(&remote, &access).unwrap();
        let all = format!(
            "{:?} {:?}",
            prepared.environment().collect::<Vec<_>>(),
            prepared.configuration()
        );
        assert!(!all.contains("hunter2"), "{all}");
        assert_eq!(
            prepared.hide("bad password hunter2! Basic Z2l0Omh1bnRlcjI="),
            "bad password (token)! Basic (token)"
        );
        file(folder.path(), "token", "hunter2\n", 0o644);
        let why = Prepared::of(&remote, &access).map(|_| ()).unwrap_err().to_string();
        assert!(
            why.contains("tokenFile") && why.contains("chmod 600") && !why.contains("hunter2"),
            "{why}"
        );
    }
}
