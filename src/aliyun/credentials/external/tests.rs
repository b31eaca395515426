//! Programs that print a key, or do what programs do instead.

use super::*;
use crate::aliyun::credentials::tests::doubles::{END, asked, but, clock};
use serde_json::{Value, json};
use std::path::Path;

fn temporary() -> Value {
    json!({
        "mode": "StsToken",
        "access_key_id": "STS.canaryID",
        "access_key_secret": "canary+SECRET/value=",
        "sts_token": "CAIScanary+TOKEN/value==",
        "expiration": END,
    })
}

fn runs(command: &str) -> External {
    External::new(command, clock()).unwrap()
}

/// A shell that is the program, with this script as its argument.
fn shell(script: &str) -> External {
    runs(&format!("sh -c '{script}' canary"))
}

/// Prints what is in a file of this folder.
fn prints(folder: &Path, text: &str) -> External {
    let file = folder.join("printed");
    std::fs::write(&file, text).unwrap();
    runs(&format!("cat '{}'", file.display()))
}

#[tokio::test]
async fn a_key_that_is_printed_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    for mode in [Some(json!("StsToken")), None] {
        let provider = prints(folder.path(), &but(&temporary(), "mode", mode).to_string());
        let key = asked(&provider).await.unwrap();
        assert_eq!(key.id.expose_secret(), "STS.canaryID");
        assert_eq!(key.secret.expose_secret(), "canary+SECRET/value=");
        assert_eq!(key.token.unwrap().expose_secret(), "CAIScanary+TOKEN/value==");
        assert_eq!(key.expires, END.parse().ok());
        assert_eq!(provider.name(), "external");
    }
    let permanent = r#"{"mode":"AK","access_key_id":"LTAIcanary","access_key_secret":"canary"}"#;
    let key = asked(&prints(folder.path(), permanent)).await.unwrap();
    assert_eq!(key.id.expose_secret(), "LTAIcanary");
    assert!(key.token.is_none() && key.expires.is_none());
}

#[tokio::test]
async fn what_is_no_key_is_refused_and_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let but = |name: &str, instead: Option<Value>| but(&temporary(), name, instead).to_string();
    for (printed, says) in [
        (but("access_key_id", None), "no access_key_id"),
        (but("access_key_secret", Some(json!(" "))), "no access_key_secret"),
        (but("sts_token", None), "no sts_token"),
        (but("expiration", None), "no expiration"),
        (but("expiration", Some(json!("canary"))), "expiration is no time"),
        (but("expiration", Some(json!("2024-05-01T12:00:00Z"))), "ended at 2024-05-01T12:00:00Z"),
        (but("access_key_secret", Some(json!("canary\r\nx: y"))), "holds no key"),
        (but("mode", Some(json!("RamRoleArn"))), "neither AK nor StsToken"),
        (r#"{"mode":"AK","access_key_id":"canary"}"#.to_owned(), "no access_key_secret"),
        ("canary".to_owned(), "not of the known form"),
        (String::new(), "not of the known form"),
        (temporary().to_string().split_at(70).0.to_owned(), "not of the known form"),
        ("canary".repeat(20_000), "more than 64 KiB"),
    ] {
        let (error, may_pass) = asked(&prints(folder.path(), &printed)).await.unwrap_err();
        assert!(error.contains(says) && error.contains("the program `cat`"), "{says}: {error}");
        assert!(!may_pass, "{error}");
    }
}

#[tokio::test]
async fn a_program_that_fails_is_named_and_what_it_says_is_not_shown() {
    let (error, may_pass) =
        asked(&shell("echo canary; echo canary >&2; exit 3")).await.unwrap_err();
    assert!(error.contains("`sh`") && error.contains("exit status: 3"), "{error}");
    assert!(error.contains("by hand") && may_pass, "{error}");
    let key = r#"{"mode":"AK","access_key_id":"canary","access_key_secret":"canary"}"#;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("printed");
    std::fs::write(&file, key).unwrap();
    let (error, _) = asked(&shell(&format!("cat {}; exit 4", file.display()))).await.unwrap_err();
    assert!(error.contains("exit status: 4"), "{error}");
    let (error, _) = asked(&shell("kill -9 $$")).await.unwrap_err();
    assert!(error.contains("signal: 9"), "{error}");
    let (error, may_pass) = asked(&runs("/nowhere/at/all canary")).await.unwrap_err();
    assert!(error.contains("`/nowhere/at/all`") && error.contains("does not start"), "{error}");
    assert!(!may_pass, "{error}");
}

#[tokio::test]
async fn there_is_no_shell_and_nothing_to_read_and_the_environment_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    // With a shell this would make a file; without one it is four arguments that `true` ignores.
    let (error, _) = asked(&runs(&format!("true ; touch {}", made.display()))).await.unwrap_err();
    assert!(error.contains("not of the known form") && !made.exists(), "{error}");
    let key =
        r#"{"mode":"AK","access_key_id":"'"${PATH:+set}"'","access_key_secret":"'"$(cat)"'x"}"#;
    let script = folder.path().join("script");
    std::fs::write(&script, format!("printf %s '{key}'")).unwrap();
    let key = asked(&runs(&format!("sh {}", script.display()))).await.unwrap();
    assert_eq!((key.id.expose_secret(), key.secret.expose_secret()), ("set", "x"));
}

/// Whether a process is there and no zombie.
fn lives(id: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest.starts_with('Z'));
    state == Some(false)
}

async fn id_in(file: &Path) -> String {
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if let Some(id) = text.strip_suffix('\n') {
            return id.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn gone(id: &str) {
    let within = Duration::from_secs(20);
    let gone = tokio::time::timeout(within, async {
        while lives(id) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    gone.await.unwrap_or_else(|_| panic!("{id} lives on"));
}

/// A program that writes the number of a process that it started, and that lives, into a file.
fn lingering(file: &Path) -> External {
    let script = format!("sleep 300 & echo $! > {}; wait", file.display());
    shell(&script)
}

#[tokio::test]
async fn what_takes_too_long_is_killed_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("id");
    // Once the child is there, for a busy machine may take longer than the limit to start it.
    let mut limit = Duration::from_millis(300);
    let (error, may_pass) = loop {
        let mut provider = lingering(&file);
        provider.limit = limit;
        let said = asked(&provider).await.unwrap_err();
        if file.exists() {
            break said;
        }
        limit *= 2;
    };
    assert!(error.contains("did not end within") && error.contains("killed"), "{error}");
    assert!(may_pass, "{error}");
    gone(&id_in(&file).await).await;
}

#[tokio::test]
async fn who_stops_asking_leaves_nothing_running() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("id");
    let provider = lingering(&file);
    let id = {
        let mut fetching = provider.fetch();
        tokio::select! {
            biased;
            _ = &mut fetching => panic!("it lives for minutes"),
            id = id_in(&file) => id,
        }
    };
    gone(&id).await;
}

#[tokio::test]
async fn who_prints_without_end_is_stopped() {
    let (error, may_pass) = asked(&runs("yes canary")).await.unwrap_err();
    assert!(error.contains("more than 64 KiB") && !may_pass, "{error}");
}

#[test]
fn a_command_that_names_no_program_is_refused_and_not_shown() {
    for (bad, says) in [
        ("", "no program"),
        ("  ", "no program"),
        ("'' canary", "no program"),
        ("tool 'canary", "not closed"),
        ("tool canary\\", "backslash"),
    ] {
        let error = External::new(bad, clock()).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.to_string().contains("process_command"), "{error}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }
    assert!(!format!("{:?}", runs("tool --secret canary")).contains("canary"));
}
