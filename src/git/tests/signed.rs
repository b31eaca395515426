//! Only commits signed by somebody who is believed.

use super::*;
use std::process::{Command, Stdio};

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A key for ssh, and its line for a list of those who are believed.
fn ssh_key(folder: &Path, name: &str) -> (String, String) {
    let path = folder.join(name).display().to_string();
    run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", &path]);
    let public = std::fs::read_to_string(format!("{path}.pub")).unwrap();
    (path, format!("{name}@example.com {{}}{public}"))
}

fn signed(upstream: &Upstream, options: &[&str], text: &str) -> String {
    upstream.put("m/a.yaml", text);
    upstream.git(&["add", "-A"]);
    let mut arguments = options.to_vec();
    arguments.extend(["commit", "-q", "-S", "-m", "Signed"]);
    upstream.git(&arguments);
    upstream.git(&["push", "-q", "origin", "main"]);
    upstream.tip()
}

async fn verified(repository: &Repository) -> Result<String, Fault> {
    let (commit, _) = repository.look().await?;
    repository.verify(&commit).await.map(|()| commit.id)
}

async fn refused(repository: &Repository, what: &str) {
    let fault = verified(repository).await.unwrap_err();
    assert!(fault.to_string().contains(what), "{what}: {fault}");
    assert!(matches!(fault, Fault::Lasting(_)), "{fault:?}");
}

#[tokio::test]
async fn signatures_of_ssh_are_believed_if_they_are_in_the_list() {
    if !upstream::is_there() || !upstream::has_file("ssh-keygen") {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "0")]);
    let mut ours = Ours::of(&upstream.url(), "main");
    let (key, line) = ssh_key(ours.state.path(), "ann");
    let (other, other_line) = ssh_key(ours.state.path(), "bob");
    let list = ours.secret("signers", &line.replace("{}", "namespaces=\"git\" "));
    ours.settings.signers.ssh = Some(list.clone());
    let repository = ours.repository();
    refused(&repository, "it carries no signature").await;
    let with = |key: &str| {
        ["-c".to_owned(), "gpg.format=ssh".into(), "-c".into(), format!("user.signingkey={key}")]
    };
    let sign = |key: &str, text: &str| {
        let options = with(key);
        signed(&upstream, &options.iter().map(String::as_str).collect::<Vec<_>>(), text)
    };
    let good = sign(&key, "1");
    assert_eq!(verified(&repository).await.as_ref(), Ok(&good));
    let by_other = sign(&other, "2");
    refused(&repository, "not signed by anybody in the list").await;
    // The very same commit, once its signer is believed.
    std::fs::write(&list, format!("{line}{other_line}").replace("{}", "")).unwrap();
    assert_eq!(verified(&repository).await.as_ref(), Ok(&by_other));
    for (condition, good) in [
        ("valid-before=\"20200101\" ", false),
        ("valid-after=\"20200101\" ", true),
        ("namespaces=\"file\" ", false),
        ("cert-authority ", false),
    ] {
        std::fs::write(&list, other_line.replace("{}", condition)).unwrap();
        assert_eq!(verified(&repository).await.is_ok(), good, "{condition}");
    }
    std::fs::write(&list, "").unwrap();
    refused(&repository, "not signed by anybody").await;
    std::fs::write(&list, other_line.replace("{}", "")).unwrap();
    for (mode, good) in [(0o644, true), (0o664, false), (0o606, false), (0o444, true)] {
        std::fs::set_permissions(&list, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(verified(&repository).await.is_ok(), good, "{mode:o}");
    }
    std::fs::set_permissions(&list, std::fs::Permissions::from_mode(0o666)).unwrap();
    refused(&repository, "chmod 644").await;
    std::fs::remove_file(&list).unwrap();
    refused(&repository, "source.git.signers.sshFile").await;
}

#[tokio::test]
async fn a_commit_that_was_changed_after_it_was_signed_is_refused() {
    if !upstream::is_there() || !upstream::has_file("ssh-keygen") {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "0")]);
    let mut ours = Ours::of(&upstream.url(), "main");
    let (key, line) = ssh_key(ours.state.path(), "ann");
    ours.settings.signers.ssh = Some(ours.secret("signers", &line.replace("{}", "")));
    let signing = format!("user.signingkey={key}");
    signed(&upstream, &["-c", "gpg.format=ssh", "-c", &signing], "1");
    let commit = upstream.at(&upstream.bare(), &["cat-file", "commit", "main"]);
    let forged =
        upstream.object("commit", format!("{}\n", commit.replace("Signed", "Forged")).as_bytes());
    upstream.at(&upstream.bare(), &["update-ref", "refs/heads/main", &forged]);
    refused(&ours.repository(), "not signed by anybody").await;
    // A signature of a tag says nothing of who is to be believed for the commit below it.
    let unsigned = upstream.change("m/a.yaml", "2");
    upstream.git(&[
        "-c",
        "gpg.format=ssh",
        "-c",
        &signing,
        "tag",
        "-s",
        "-m",
        "T",
        "v1",
        &unsigned,
    ]);
    upstream.git(&["push", "-q", "origin", "v1"]);
    ours.settings.reference = Reference::parse("v1").unwrap();
    refused(&ours.repository(), "it carries no signature").await;
}

/// gpg with a ring of its own. Its agent ends with it.
struct Gpg {
    home: TempDir,
}

impl Gpg {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        Self { home }
    }

    fn run(&self, arguments: &[&str]) -> String {
        let home = self.home.path().display().to_string();
        let mut all = vec!["--homedir", &home, "--batch", "--quiet", "--passphrase", ""];
        all.extend(arguments);
        run("gpg", &all)
    }

    fn key(&self, who: &str) {
        self.run(&["--quick-gen-key", who, "ed25519", "sign", "never"]);
    }

    fn public(&self, who: &str) -> String {
        self.run(&["--export", "--armor", who])
    }

    /// A program that signs with it, perhaps at another time.
    fn program(&self, more: &str) -> String {
        let path = self.home.path().join("sign");
        let home = self.home.path().display();
        let script =
            format!("#!/bin/sh\nexec gpg --homedir {home} --batch --quiet {more} \"$@\"\n");
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        format!("gpg.program={}", path.display())
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let mut command = Command::new("gpgconf");
        let _ended =
            command.arg("--homedir").arg(self.home.path()).args(["--kill", "all"]).status();
    }
}

#[tokio::test]
async fn signatures_of_gpg_are_believed_if_the_key_is_in_the_file() {
    if !upstream::is_there() || !upstream::has("gpg", "--version") {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "0")]);
    let mut ours = Ours::of(&upstream.url(), "main");
    let gpg = Gpg::new();
    gpg.key("ann@example.com");
    gpg.key("bob@example.com");
    let keys = ours.secret("keys.asc", &gpg.public("ann@example.com"));
    ours.settings.signers.gpg = Some(keys.clone());
    let repository = ours.repository();
    refused(&repository, "it carries no signature").await;
    let program = gpg.program("");
    let sign = |who: &str, text: &str| {
        signed(&upstream, &["-c", &program, "-c", &format!("user.signingkey={who}")], text)
    };
    let good = sign("ann@example.com", "1");
    assert_eq!(verified(&repository).await.as_ref(), Ok(&good));
    let by_other = sign("bob@example.com", "2");
    refused(&repository, "not signed by anybody in the list").await;
    let both = format!("{}\n{}\n", gpg.public("ann@example.com"), gpg.public("bob@example.com"));
    std::fs::write(&keys, gpg.public("bob@example.com")).unwrap();
    assert_eq!(verified(&repository).await.as_ref(), Ok(&by_other));
    std::fs::write(&keys, both).unwrap();
    assert_eq!(verified(&repository).await.as_ref(), Ok(&by_other), "one block after the other");
    std::fs::write(&keys, gpg.public("ann@example.com")).unwrap();
    refused(&repository, "not signed by anybody in the list").await;
    std::fs::write(&keys, "no keys").unwrap();
    refused(&repository, "gpg --export --armor").await;
    std::fs::write(&keys, gpg.public("bob@example.com")).unwrap();
    std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o666)).unwrap();
    refused(&repository, "chmod 644").await;
    assert!(!files(&ours.copy()).iter().any(|path| path.ends_with("keys.gpg")), "no ring stays");
    ours.settings.signers = Signers { ssh: Some(ours.secret("none", "")), gpg: None };
    refused(&ours.repository(), "not signed by anybody in the list").await;
}

#[tokio::test]
async fn a_key_that_has_expired_is_not_believed() {
    if !upstream::is_there() || !upstream::has("gpg", "--version") {
        return;
    }
    let upstream = Upstream::of(&[("m/a.yaml", "0")]);
    let mut ours = Ours::of(&upstream.url(), "main");
    let gpg = Gpg::new();
    let past = "--faked-system-time=20200101T000000!";
    gpg.run(&[past, "--quick-gen-key", "ann@example.com", "ed25519", "sign", "1d"]);
    let program = gpg.program("--faked-system-time=20200101T010000!");
    signed(&upstream, &["-c", &program, "-c", "user.signingkey=ann@example.com"], "1");
    ours.settings.signers.gpg = Some(ours.secret("keys.asc", &gpg.public("ann@example.com")));
    refused(&ours.repository(), "not signed by anybody in the list").await;
}

#[tokio::test]
async fn a_state_folder_may_be_given_by_a_relative_path() {
    let repository =
        Repository::new(Ours::of("file:///nonexistent", "main").settings, Path::new("some/state"));
    assert!(repository.copy.folder().is_absolute(), "git and gpg run elsewhere");
}
