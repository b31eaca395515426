//! Where a token is, and where it is not.

use super::*;
use std::io::Write;
use std::sync::{Arc, Mutex};
use tokio::time::sleep;

const TOKEN: &str = "hunter2-and-more";
const BASIC: &str = "Basic Z2l0Omh1bnRlcjItYW5kLW1vcmU=";

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn catch(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
        tracing::subscriber::set_default(subscriber.with_writer(move || log.clone()).finish())
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

struct Site {
    upstream: Upstream,
    server: Server,
    ours: Ours,
}

fn site() -> Option<Site> {
    upstream::is_there().then(|| {
        let upstream = Upstream::of(&[("m/a.yaml", "1")]);
        let server = Server::of(upstream.root());
        server.wants(BASIC);
        let mut ours = Ours::of(&server.url, "main");
        ours.settings.access.token = Some(ours.secret("token", &format!("{TOKEN}\n")));
        Site { upstream, server, ours }
    })
}

fn is_silent(text: &str) -> bool {
    !text.contains(TOKEN) && !text.contains(BASIC.trim_start_matches("Basic "))
}

#[tokio::test]
async fn a_token_lets_in_and_a_wrong_one_does_not() {
    let Some(mut site) = site() else { return };
    let repository = site.ours.repository();
    repository.look().await.unwrap();
    site.ours.secret("token", "wrong");
    let fault = repository.says("Authentication failed").await;
    assert!(!fault.to_string().contains("wrong"), "{fault}");
    // It is read anew each time, whatever is around it.
    site.ours.secret("token", &format!("\u{feff}{TOKEN} \r\n"));
    repository.look().await.unwrap();
    site.ours.settings.access.token = None;
    site.ours.repository().says("http").await;
    site.ours.settings.access.user = Some("robot".to_owned());
    site.ours.settings.access.token = Some(site.ours.secret("token", TOKEN));
    site.server.wants("Basic cm9ib3Q6aHVudGVyMi1hbmQtbW9yZQ==");
    site.ours.repository().look().await.unwrap();
    drop(site.upstream);
}

#[tokio::test]
async fn a_token_is_in_no_process_and_no_log() {
    let Some(site) = site() else { return };
    let log = Log::default();
    let caught = log.catch();
    site.server.trouble("POST", Trouble::Hang);
    let repository = site.ours.repository();
    let folder = site.ours.copy();
    let (mut seen, mut told) = (std::collections::BTreeSet::new(), String::new());
    let look = repository.look();
    tokio::pin!(look);
    let watching = async {
        // From the first process to when the last of them waits for the server.
        while !site.server.seen().iter().any(|seen| seen.line.starts_with("POST")) || seen.len() < 3
        {
            for entry in std::fs::read_dir("/proc").unwrap().flatten() {
                let path = entry.path();
                let here = std::fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd == folder);
                if !here {
                    continue;
                }
                for name in ["cmdline", "environ"] {
                    let bytes = std::fs::read(path.join(name)).unwrap_or_default();
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    assert!(is_silent(&text), "{name}: {text}");
                    if name == "environ" && text.contains("CLASSICLINKD_GIT_TOKEN_FILE") {
                        seen.insert(path.clone());
                    }
                    told.push_str(&text);
                }
            }
            sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        biased;
        () = watching => {}
        ended = &mut look => panic!("{ended:?}"),
        () = sleep(Duration::from_secs(30)) => panic!("not seen at work: {told}"),
    }
    assert!(told.contains("ls-remote"), "processes were seen");
    let sent = site.server.seen();
    assert!(sent.iter().any(|seen| seen.authorization.as_deref() == Some(BASIC)));
    assert!(sent[0].authorization.is_none(), "only where it is asked for");
    drop(caught);
    assert!(is_silent(&log.text()), "{}", log.text());
}

#[tokio::test]
async fn a_token_is_in_no_message_even_if_the_server_repeats_it() {
    let Some(site) = site() else { return };
    let log = Log::default();
    let caught = log.catch();
    site.server.trouble("", Trouble::Answer(403, format!("bad {TOKEN} and {BASIC}\n")));
    let fault = site.ours.repository().says("403").await;
    assert!(is_silent(&fault.to_string()), "{fault}");
    let broken: String = TOKEN.chars().flat_map(|c| [c, '\u{7}']).collect();
    site.server.trouble("", Trouble::Answer(403, format!("bad {broken}\n")));
    let fault = site.ours.repository().says("403").await;
    assert!(is_silent(&fault.to_string()), "{fault}");
    site.server.trouble("POST", Trouble::Parrot);
    let fault = site.ours.repository().says("403").await;
    assert!(is_silent(&fault.to_string()), "{fault}");
    drop(caught);
    assert!(is_silent(&log.text()), "{}", log.text());
}

#[tokio::test]
async fn files_that_others_can_read_are_refused_before_anybody_is_asked() {
    let Some(mut site) = site() else { return };
    let token = site.ours.settings.access.token.clone().unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o644)).unwrap();
    let fault = site.ours.repository().says(&format!("chmod 600 {}", token.display())).await;
    assert!(matches!(fault, Fault::Lasting(_)) && is_silent(&fault.to_string()), "{fault:?}");
    assert_eq!(site.server.seen().len(), 0);
    let key = site.ours.secret("key", "x");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    site.ours.settings.remote = Remote::parse("git@127.0.0.1:links.git").unwrap();
    site.ours.settings.access.known_hosts = Some(site.ours.secret("hosts", ""));
    site.ours.settings.access.ssh_key = Some(key.clone());
    let fault = site.ours.repository().says(&format!("chmod 600 {}", key.display())).await;
    assert!(matches!(fault, Fault::Lasting(_)), "{fault:?}");
    let told = Remote::parse(&format!("https://git:{TOKEN}@git.example/a")).unwrap_err();
    assert!(is_silent(&told.to_string()), "{told}");
}
