//! Whether a commit is signed by somebody who is believed.

use super::command::{Call, Input, text};
use super::credentials::{named, unchangeable};
use super::{Fault, Signers};
use crate::model::Commit;
use crate::secret;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;

/// How long checking one signature may take.
const CHECK: Duration = Duration::from_secs(30);
/// Most that is read of what the check says.
const OUTPUT_MAX: usize = 1024 * 1024;

/// Checks the signature of the commit itself: whoever signs it answers for what it holds, and for the
/// commits before it.
///
/// # Errors
/// [`Fault::Lasting`] for a commit that is not signed, or not by somebody who is believed.
pub(super) async fn check(folder: &Path, commit: &Commit, signers: &Signers) -> Result<(), Fault> {
    let ring = Ring::make(folder, signers.gpg.as_deref()).await?;
    let mut configuration = vec![
        ("gpg.program", ring.program.clone()),
        // Certificates are nobody's here.
        ("gpg.x509.program", "/nonexistent".to_owned()),
    ];
    if let Some(path) = &signers.ssh {
        guarded("source.git.signers.sshFile", path)?;
        configuration.push(("gpg.ssh.allowedSignersFile", text(path)?));
    }
    let call = Call {
        folder,
        arguments: ["verify-commit", "--raw", &commit.id].map(str::to_owned).to_vec(),
        configuration,
        access: None,
        input: Input::Nothing,
        time: CHECK,
        output: OUTPUT_MAX,
        file: None,
    };
    let answer = call.run().await?;
    if answer.status.success() {
        return Ok(());
    }
    let short = format!("{}{}", commit.short(), commit.made());
    let said =
        if answer.said.is_empty() { "it carries no signature".to_owned() } else { answer.said };
    Err(Fault::Lasting(format!(
        "commit {short} is not signed by anybody in the list of `source.git.signers` ({said}); sign it, or \
         add the signer's key to the list"
    )))
}

/// Whoever can write the list can sign everything.
fn guarded(key: &str, path: &Path) -> Result<(), Fault> {
    let metadata =
        fs::metadata(path).map_err(|error| named(key, path, secret::Fault::Open(error)))?;
    unchangeable(key, path, &metadata)
}

/// A ring of keys that holds what the file holds and nothing else, made anew for each check, so that a
/// key that was taken out of the file is not believed any more.
struct Ring {
    folder: PathBuf,
    /// A program that calls gpg on this ring.
    program: String,
}

impl Ring {
    async fn make(repository: &Path, keys: Option<&Path>) -> Result<Self, Fault> {
        let folder = repository.join("ring");
        let _none = fs::remove_dir_all(&folder);
        let broken = |error: std::io::Error| {
            Fault::Passing(format!("{} cannot be made: {error}", folder.display()))
        };
        DirBuilder::new().mode(0o700).create(&folder).map_err(broken)?;
        let Some(keys) = keys else {
            return Ok(Self { folder, program: "/nonexistent".to_owned() });
        };
        guarded("source.git.signers.gpgFile", keys)?;
        let ring = folder.join("keys.gpg");
        let mut command = Command::new("gpg");
        command.env_clear().kill_on_drop(true).stdin(std::process::Stdio::null());
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.arg("--homedir").arg(&folder).args(["--batch", "--quiet", "--no-autostart"]);
        command.args(["--yes", "--output"]).arg(&ring).arg("--dearmor").arg("--").arg(keys);
        let ended = tokio::time::timeout(CHECK, command.output()).await;
        match ended {
            Ok(Ok(output)) if output.status.success() => {}
            Ok(Ok(_)) => {
                return Err(Fault::Lasting(format!(
                    "`source.git.signers.gpgFile`: {} holds no public keys that gpg can read; write them with \
                     gpg --export --armor KEY",
                    keys.display()
                )));
            }
            Ok(Err(error)) => {
                return Err(Fault::Lasting(format!(
                    "`source.git.signers.gpgFile`: gpg cannot be started ({error}); install it"
                )));
            }
            Err(_) => return Err(Fault::Passing("gpg did not end in time".to_owned())),
        }
        let program = Self::script(&folder, &ring).map_err(broken)?;
        Ok(Self { program, folder })
    }

    /// gpg takes its ring by option alone, and git gives it none.
    fn script(folder: &Path, ring: &Path) -> std::io::Result<String> {
        use std::os::unix::fs::PermissionsExt as _;
        let quote =
            |path: &Path| format!("'{}'", path.display().to_string().replace('\'', "'\\''"));
        let script = format!(
            "#!/bin/sh\nexec gpg --homedir {} --no-autostart --no-default-keyring --keyring {} \
             --trust-model always \"$@\"\n",
            quote(folder),
            quote(ring)
        );
        let path = folder.join("gpg");
        fs::write(&path, script)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
        Ok(path.display().to_string())
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let _left = fs::remove_dir_all(&self.folder);
    }
}
