//! The demo as a newcomer runs it: on a copy of the repository's manifests.

use crate::harness::{Daemon, Place, binary, until};
use std::fs;
use std::path::Path;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Asks the status page for a path, without any HTTP client's help.
fn get(page: &str, path: &str) -> String {
    use std::io::{Read as _, Write as _};
    let address = page.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn an_edited_manifest_is_acted_upon_and_the_page_shows_it() {
    let place = Place::new();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests"), &place.manifests());
    let mut command = binary(&["demo", "--listen", "127.0.0.1:0"]);
    command.current_dir(place.path()).env("TMPDIR", place.path());
    let daemon = Daemon::start(command, place.path().join("log"));
    daemon.says("status page      http://");
    let log = daemon.log();
    let page = log
        .split("status page      ")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap();
    until(
        "the stale links are gone",
        || get(page, "/api/v1/status").matches("\"converged\"").count() >= 4,
        || daemon.log(),
    );
    assert!(get(page, "/").contains("<title>classiclinkd</title>"));
    assert!(get(page, "/readyz").contains("200 OK"), "{}", get(page, "/readyz"));

    let web = place.manifests().join("shop/web.yaml");
    let text = fs::read_to_string(&web).unwrap();
    fs::write(&web, text.replace("    - i-bp67acfmxazb4p0004\n", "")).unwrap();
    until(
        "the link is gone",
        || {
            daemon
                .log()
                .contains("instance=i-bp67acfmxazb4p0004 verb=detach attempt=1 outcome=\"detached")
        },
        || daemon.log(),
    );
    assert!(get(page, "/api/v1/status").contains("i-bp67acfmxazb4p0004"));
    daemon.signal("-INT");
    let mut daemon = daemon;
    assert_eq!(daemon.wait(), 0);
    let left: Vec<_> =
        fs::read_dir(place.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(
        !left.iter().any(|name| name.to_string_lossy().starts_with("classiclinkd-demo")),
        "{left:?}"
    );
}
