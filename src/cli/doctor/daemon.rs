//! Whether a daemon runs and is well, asked of its own health.

use super::Case;
use super::finding::Finding;
use crate::cli::run::LISTEN;
use crate::model::printable;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const CHECK: &str = "daemon";
/// Longest wait for one answer.
const ANSWER_MAX: Duration = Duration::from_secs(3);
/// What is read of one.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// One answer: its status and why it is not well.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Health {
    status: u16,
    reason: String,
}

pub(super) async fn look(case: &Case) -> Vec<Finding> {
    let address = case.config.listen.as_deref().unwrap_or(LISTEN);
    if address == "none" {
        return vec![Finding::note(CHECK, "not asked: `listen` is `none`")];
    }
    let (alive, ready) = tokio::join!(ask(address, "/livez"), ask(address, "/readyz"));
    vec![judge(address, &alive, &ready)]
}

async fn ask(address: &str, path: &str) -> io::Result<Option<Health>> {
    let asking = async {
        let mut stream = TcpStream::connect(address).await?;
        let question =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(question.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
        Ok(health(&String::from_utf8_lossy(&answer)))
    };
    let slow = || Err(io::Error::other("no answer in time"));
    tokio::time::timeout(ANSWER_MAX, asking).await.unwrap_or_else(|_| slow())
}

/// `None` for what is no answer of ours.
fn health(answer: &str) -> Option<Health> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let said = serde_json::from_str::<serde_json::Value>(body.trim()).ok()?;
    let said = said.as_object()?;
    if !said.contains_key("status") {
        return None;
    }
    let reason =
        said.get("reason").and_then(serde_json::Value::as_str).unwrap_or("no reason given");
    Some(Health { status, reason: printable(reason) })
}

fn judge(
    address: &str,
    alive: &io::Result<Option<Health>>,
    ready: &io::Result<Option<Health>>,
) -> Finding {
    match (alive, ready) {
        (Err(error), _) if error.kind() == io::ErrorKind::ConnectionRefused => Finding::note(
            CHECK,
            format!("none answers at {address}: it does not run, or listens elsewhere"),
        ),
        (Err(error), _) => Finding::warn(
            CHECK,
            format!("{address} cannot be asked: {error}"),
            "give the daemon's own --listen",
        ),
        (Ok(None), _) => Finding::warn(
            CHECK,
            format!("something else answers at {address}"),
            "give the daemon another --listen, and `doctor` the same",
        ),
        (Ok(Some(alive)), _) if alive.status != 200 => Finding::fail(
            CHECK,
            format!("the one at {address} does not go on: {}", alive.reason),
            "read its log, and restart it",
        ),
        (Ok(Some(_)), Ok(Some(ready))) if ready.status == 200 => {
            Finding::ok(CHECK, format!("one runs, and is ready, at {address}"))
        }
        (Ok(Some(_)), ready) => {
            let reason = match ready {
                Ok(Some(ready)) => ready.reason.clone(),
                _ => "it does not say why".to_owned(),
            };
            let found = format!("one runs at {address}, and is not ready: {reason}");
            Finding::warn(CHECK, found, "mend that; see `classiclinkd status`, and its log")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Level;

    fn said(status: u16) -> io::Result<Option<Health>> {
        Ok(Some(Health { status, reason: "why".to_owned() }))
    }

    #[test]
    fn none_is_no_mistake_and_one_that_is_not_well_is() {
        let refused = || Err(io::Error::from(io::ErrorKind::ConnectionRefused));
        let level = |alive, ready| judge("127.0.0.1:1", &alive, &ready).level;
        assert_eq!(level(refused(), refused()), Level::Note);
        assert_eq!(level(said(200), said(200)), Level::Ok);
        assert_eq!(level(said(200), said(503)), Level::Warn);
        assert_eq!(level(said(503), said(200)), Level::Fail);
        assert_eq!(level(Ok(None), Ok(None)), Level::Warn);
        assert_eq!(level(Err(io::Error::other("slow")), refused()), Level::Warn);
    }

    #[test]
    fn only_an_answer_of_ours_is_taken_for_one() {
        let answer = "HTTP/1.1 503 Service Unavailable\r\na: b\r\n\r\n{\"status\":\"failing\",\
                      \"reason\":\"stuck\"}";
        assert_eq!(health(answer), Some(Health { status: 503, reason: "stuck".to_owned() }));
        for other in
            ["", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n<html>", "HTTP/1.1 2\r\n\r\n{}"]
        {
            assert_eq!(health(other), None, "{other}");
        }
    }
}
