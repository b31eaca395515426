//! What can go wrong on the way and at the other end, and what each is taken for.

use super::server::{error, json, raw, with};
use super::*;
use axum::body::{Body, Bytes};
use futures_util::stream;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

type Counter = Arc<AtomicUsize>;

async fn asked(server: &Server) -> CloudError {
    client(server).describe(&of_vpc()).await.unwrap_err()
}

fn seen_as(error: &CloudError) -> (&str, Class) {
    (error.code.as_str(), error.class)
}

#[tokio::test]
async fn nobody_listening_means_that_nothing_was_sent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let failed = client_of(settings(&url)).carry_out(&ticket(Verb::Detach)).await.unwrap_err();
    assert_eq!(seen_as(&failed), ("connect", Class::Unreachable));
    assert!(failed.message.contains("refused"), "{failed}");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_means_that_nothing_was_sent() {
    let url = "https://ecs.does-not-exist.invalid";
    // Without CA certificates on this host there is no https client to test.
    let Ok(client) = Client::new(settings(url), Arc::new(Frozen)) else { return };
    let failed = client.carry_out(&ticket(Verb::Detach)).await.unwrap_err();
    assert_eq!(seen_as(&failed), ("connect", Class::Unreachable));
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_not_talked_to() {
    let server = Server::always(200, ACCEPTED).await;
    let url = format!("https://{}", server.address());
    // Without CA certificates on this host there is no https client to test.
    let Ok(client) = Client::new(settings(&url), Arc::new(Frozen)) else { return };
    let failed = client.carry_out(&ticket(Verb::Detach)).await.unwrap_err();
    assert_eq!(seen_as(&failed), ("tls", Class::Unreachable));
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_outcome_unknown() {
    let cut: [&'static [u8]; 5] = [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Len",
        b"HTTP/1.1 200 OK\r\nContent-Length: 52\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 52\r\n\r\n{\"RequestId\":\"4734",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"Req",
    ];
    for bytes in cut {
        let url = format!("http://{}", raw(bytes).await);
        let failed = client_of(settings(&url)).carry_out(&ticket(Verb::Detach)).await.unwrap_err();
        assert_eq!(seen_as(&failed), ("lost-response", Class::Ambiguous), "{bytes:?}");
    }
    let half = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"RequestId\":\"4734";
    let url = format!("http://{}", raw(half).await);
    let failed = client_of(settings(&url)).carry_out(&ticket(Verb::Detach)).await.unwrap_err();
    assert_eq!(seen_as(&failed), ("malformed-body", Class::Ambiguous));
}

#[tokio::test]
async fn a_write_that_dies_on_a_kept_connection_is_not_sent_again() {
    let (listener, arrived) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), Counter::default());
    let (url, count) = (format!("http://{}", listener.local_addr().unwrap()), arrived.clone());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 16 * 1024];
            for answered in [true, false] {
                if stream.read(&mut request).await.unwrap_or(0) == 0 {
                    break;
                }
                count.fetch_add(1, Ordering::SeqCst);
                let length = ACCEPTED.len();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
                if answered {
                    stream.write_all(format!("{head}{ACCEPTED}").as_bytes()).await.unwrap();
                }
            }
        }
    });
    let client = client_of(settings(&url));
    client.carry_out(&ticket(Verb::Detach)).await.unwrap();
    let failed = client.carry_out(&ticket(Verb::Detach)).await.unwrap_err();
    assert_eq!(seen_as(&failed), ("lost-response", Class::Ambiguous));
    assert_eq!(arrived.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn bytes_that_are_no_http_are_an_outcome_unknown() {
    let url = format!("http://{}", raw(b"SSH-2.0-OpenSSH_9.6\r\n").await);
    let failed = client_of(settings(&url)).carry_out(&ticket(Verb::Detach)).await.unwrap_err();
    assert_eq!(seen_as(&failed), ("lost-response", Class::Ambiguous));
}

#[tokio::test]
async fn a_drip_ends_at_the_deadline_of_the_whole_call() {
    let server = Server::start(|_, _| {
        let drip = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Some((Ok::<_, Infallible>(Bytes::from_static(b" ")), ()))
        });
        json(200, Body::from_stream(drip))
    })
    .await;
    let limit = Duration::from_millis(200);
    let settings =
        Settings { read_timeout: limit, write_timeout: limit, ..settings(&server.url()) };
    let client = client_of(settings);
    let failed = client.carry_out(&ticket(Verb::Detach)).await.unwrap_err();
    assert_eq!(seen_as(&failed), ("timeout", Class::Ambiguous));
    let failed = client.describe(&of_vpc()).await.unwrap_err();
    assert_eq!(seen_as(&failed), ("timeout", Class::Ambiguous));
}

#[tokio::test]
async fn a_body_beyond_4_mib_is_not_read() {
    let large = Server::start(|_, _| json(200, " ".repeat(5 << 20))).await;
    assert_eq!(seen_as(&asked(&large).await), ("oversized-body", Class::Ambiguous));
    // Refused by its announced length, before any of it has come.
    let announced = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n").await;
    let client_of_it = client_of(settings(&format!("http://{announced}")));
    let failed = client_of_it.describe(&of_vpc()).await.unwrap_err();
    assert_eq!(seen_as(&failed), ("oversized-body", Class::Ambiguous));
    let endless = Server::start(|_, _| {
        let chunk = Bytes::from(vec![b' '; 64 * 1024]);
        let chunks = stream::repeat_with(move || Ok::<_, Infallible>(chunk.clone()));
        json(200, Body::from_stream(chunks))
    })
    .await;
    assert_eq!(seen_as(&asked(&endless).await), ("oversized-body", Class::Ambiguous));
    let padded = Server::start(|_, _| json(200, format!("{EMPTY}{}", " ".repeat(4_000_000)))).await;
    assert!(client(&padded).describe(&of_vpc()).await.is_ok());
}

#[tokio::test]
async fn a_redirect_is_refused_and_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let target = Server::always(200, EMPTY).await;
        let url = target.url();
        let server = Server::start(move |_, _| with(status, &[("location", &url)], "")).await;
        let failed = asked(&server).await;
        assert_eq!(seen_as(&failed), ("redirect", Class::Misconfigured));
        assert_eq!((server.seen().len(), target.connections()), (1, 0));
    }
}

#[tokio::test]
async fn the_page_of_a_proxy_is_an_outcome_unknown() {
    let html = "<html><body>502 Bad Gateway</body></html>";
    for status in [200, 403, 404, 502, 503] {
        let server =
            Server::start(move |_, _| with(status, &[("content-type", "text/html")], html)).await;
        let failed = asked(&server).await;
        assert_eq!(seen_as(&failed), ("malformed-body", Class::Ambiguous));
        let expected = format!("the answer is not JSON (status {status}, 41 bytes, text/html)");
        assert_eq!(failed.message, expected);
    }
    let server = Server::start(move |_, _| with(429, &[], html)).await;
    assert_eq!(asked(&server).await.class, Class::Throttled);
}

#[tokio::test]
async fn the_code_decides_whatever_the_status() {
    for status in [200, 400, 403, 404, 409, 500, 503] {
        let gone = error("InvalidOperation.InvalidVpc", "does not link specify vpc");
        let server = Server::start(move |_, _| json(status, gone.clone())).await;
        let failed = client(&server).carry_out(&ticket(Verb::Detach)).await.unwrap_err();
        assert_eq!(seen_as(&failed), ("InvalidOperation.InvalidVpc", Class::Gone), "{status}");
        assert_eq!(failed.request_id.as_deref(), Some(REQUEST_ID));
    }
    let elsewhere = error("OperationDenied", "The instance has been linked to other vpc.");
    let server = Server::start(move |_, _| json(403, elsewhere.clone())).await;
    let attach = client(&server).carry_out(&ticket(Verb::Attach)).await.unwrap_err();
    let detach = client(&server).carry_out(&ticket(Verb::Detach)).await.unwrap_err();
    assert_eq!((attach.class, detach.class), (Class::Conflict, Class::Blocked));
}

#[tokio::test]
async fn a_wish_to_wait_is_handed_on() {
    let answer = |code: &'static str, headers: &'static [(&str, &str)]| async move {
        let server = Server::start(move |_, _| with(400, headers, error(code, "m"))).await;
        let failed = asked(&server).await;
        (failed.class, failed.retry_after)
    };
    let wish: &[_] = &[("x-acs-retry-after", "1500"), ("x-ratelimit-user", "TimeLeft:9000")];
    let left: &[_] = &[("x-ratelimit-user", "Limit:1,Remain:0,TimeLeft:9000,Reset:1")];
    let (short, long) = (Some(Duration::from_millis(1500)), Some(Duration::from_secs(9)));
    assert_eq!(answer("Throttling.User", wish).await, (Class::Throttled, short));
    assert_eq!(answer("Throttling", left).await, (Class::Throttled, long));
    assert_eq!(answer("ServiceUnavailable", wish).await, (Class::Throttled, short));
    assert_eq!(answer("ServiceUnavailable", left).await, (Class::Ambiguous, None));
    assert_eq!(answer("InternalError", wish).await, (Class::Ambiguous, short));
    assert_eq!(answer("Forbidden.RAM", left).await, (Class::Denied, None));
}

#[tokio::test]
async fn the_request_id_of_a_header_serves_when_the_body_has_none() {
    let headers: &[_] = &[("x-acs-request-id", REQUEST_ID)];
    let server = Server::start(move |_, _| with(502, headers, "<html>")).await;
    assert_eq!(asked(&server).await.request_id.as_deref(), Some(REQUEST_ID));
    let server = Server::start(move |_, _| with(400, headers, r#"{"code":"X"}"#)).await;
    assert_eq!(asked(&server).await.request_id.as_deref(), Some(REQUEST_ID));
}

#[tokio::test]
async fn without_an_override_the_region_names_the_host() {
    let client = |vpc| {
        let settings =
            Settings { endpoint_override: None, vpc_endpoint: vpc, ..settings("http://[::1]") };
        Client::new(settings, Arc::new(Frozen))
    };
    // Without CA certificates on this host there is no https client to test.
    let (Ok(public), Ok(inside)) = (client(false), client(true)) else { return };
    let host = |client: &Client| client.endpoint(Some(&region())).unwrap().authority().to_owned();
    assert_eq!(host(&public), "ecs-cn-hangzhou.aliyuncs.com");
    assert_eq!(host(&inside), "ecs-vpc.cn-hangzhou.aliyuncs.com");
}
