//! Keys, tokens, and who is spoken to.

use super::*;

#[test]
fn ssh_is_told_which_host_and_which_key_and_nothing_else_counts() {
    let Some(site) = site() else { return };
    let bin = site.place.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let said = site.place.path().join("said");
    // No server of ssh is at hand: what would run over there runs here.
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" >> {0}\nenv >> {0}.env\nfor last; do :; done\ncase \"$last\" in git-*) ;; *) exit 1;; \
         esac\neval \"exec git ${{last#git-}}\"\n",
        said.display()
    );
    fs::write(bin.join("ssh"), script).unwrap();
    mode(&bin.join("ssh"), 0o755);
    let (key, hosts) = (site.secret("key", "x"), site.secret("known hosts", "x"));
    let url = format!("git@git.example:{}", site.upstream.bare().display());
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let run = || {
        let mut command = site.place.command(&site.cloud, &["plan", "--git", &url, "--path", "m"]);
        command.args(["--set", &format!("source.git.sshKeyFile={}", key.display())]);
        command.args(["--set", &format!("source.git.knownHostsFile={}", hosts.display())]);
        command.env("PATH", &path).env("SSH_AUTH_SOCK", "/nowhere").env("GIT_SSH_COMMAND", "false");
        Ran::of(command.output().unwrap())
    };
    let ran = run();
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = fs::read_to_string(&said).unwrap();
    let options: Vec<&str> = told.lines().collect();
    for option in [
        "StrictHostKeyChecking=yes",
        "BatchMode=yes",
        &format!("UserKnownHostsFile=\"{}\"", hosts.display()),
        "GlobalKnownHostsFile=/dev/null",
        &format!("IdentityFile=\"{}\"", key.display()),
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        "PasswordAuthentication=no",
        "ClearAllForwardings=yes",
        "git@git.example",
    ] {
        assert!(options.contains(&option), "{option}: {told}");
    }
    assert!(told.starts_with("-F\n/dev/null\n"), "no configuration of the machine: {told}");
    let environment = fs::read_to_string(said.with_extension("env")).unwrap();
    assert!(
        !environment.contains("SSH_AUTH_SOCK") && !environment.contains("ALIBABA"),
        "{environment}"
    );
    fs::remove_file(&said).unwrap();
    mode(&key, 0o644);
    let refused = run();
    assert!(refused.code == 1 && refused.err.contains("chmod 600"), "{refused:?}");
    assert!(!said.exists(), "nobody was asked");
}

#[test]
fn a_token_is_in_nothing_that_is_said() {
    let Some(site) = site() else { return };
    let token = site.secret("token", "hunter2-and-more");
    let basic = "Z2l0Omh1bnRlcjItYW5kLW1vcmU=";
    site.server.wants(&format!("Basic {basic}"));
    let set = format!("source.git.tokenFile={}", token.display());
    let more = ["--set", &set, "--log-level", "trace"];
    let good = site.run("plan", &site.server.url, &more);
    assert_eq!(good.code, 0, "{good:?}");
    site.server.trouble("POST", Trouble::Parrot);
    site.upstream.push("More");
    let refused = site.run("plan", &site.server.url, &more);
    assert_eq!(refused.code, 1, "{refused:?}");
    for ran in [&good, &refused] {
        let all = format!("{}{}", ran.out, ran.err);
        assert!(!all.contains("hunter2") && !all.contains(basic), "{all}");
    }
    mode(&token, 0o644);
    let open = site.run("plan", &site.server.url, &more);
    let command = format!("chmod 600 {}", token.display());
    assert!(open.code == 1 && open.err.contains(&command), "{open:?}");
}

#[test]
fn addresses_that_nobody_guards_or_that_hold_a_password_are_refused() {
    let (cloud, place) = (Cloud::with(LINKS), Place::new());
    for url in [
        "git://127.0.0.1/links.git",
        "http://git.example/links.git",
        "https://git:hunter2@git.example/links.git",
        "ext::sh -c id",
        "--upload-pack=id",
    ] {
        let ran = place.run(&cloud, &["plan", &format!("--git={url}")]);
        assert!(ran.code == 1 || ran.code == 64 || ran.code == 2, "{ran:?}");
        assert!(ran.err.contains("https://") && !ran.err.contains("hunter2"), "{ran:?}");
    }
}

#[test]
fn without_git_it_is_said_what_to_do() {
    let Some(site) = site() else { return };
    let url = site.upstream.url();
    let mut command = site.place.command(&site.cloud, &["plan", "--git", &url]);
    command.env("PATH", site.place.path());
    let ran = Ran::of(command.output().unwrap());
    assert!(ran.code == 1 && ran.err.contains("there is no `git` here; install it"), "{ran:?}");
}
