//! A server on this machine: records what it is asked, answers as the test says.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};
use axum::serve::ListenerExt as _;
use percent_encoding::percent_decode_str;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

use crate::signature::Pair;

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(in crate::aliyun) struct Seen {
    pub(in crate::aliyun) method: Method,
    pub(in crate::aliyun) path: String,
    pub(in crate::aliyun) query: Vec<Pair>,
    pub(in crate::aliyun) headers: HeaderMap,
    pub(in crate::aliyun) body: Bytes,
}

impl Seen {
    /// The parameters of a form body, decoded.
    pub(in crate::aliyun) fn form(&self) -> Vec<Pair> {
        decoded(std::str::from_utf8(&self.body).unwrap())
    }

    /// A parameter of query or form.
    pub(in crate::aliyun) fn parameter(&self, name: &str) -> String {
        let all = self.form().into_iter().chain(self.query.clone());
        let mut values = all.filter(|(have, _)| have == name).map(|(_, value)| value);
        let value = values.next().unwrap_or_default();
        assert_eq!(values.next(), None, "{name} comes twice");
        value
    }

    pub(in crate::aliyun) fn header(&self, name: &str) -> String {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(values.next(), None, "{name} comes twice");
        value.unwrap_or_default()
    }
}

fn decoded(text: &str) -> Vec<Pair> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap()).map(|(n, v)| (decode(n), decode(v))).collect()
}

type Answer = Box<dyn Fn(usize, &Seen) -> Response<Body> + Send + Sync>;

struct Shared {
    answer: Answer,
    seen: Mutex<Vec<Seen>>,
}

pub(in crate::aliyun) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// `answer` is given the number of the request, from 0.
    pub(in crate::aliyun) async fn start(
        answer: impl Fn(usize, &Seen) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared { answer: Box::new(answer), seen: Mutex::default() });
        let connections = Arc::new(AtomicUsize::new(0));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let counted = connections.clone();
        let listener = listener.tap_io(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        let app = axum::Router::new().fallback(handle).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, shared, connections }
    }

    pub(in crate::aliyun) async fn always(status: u16, body: &'static str) -> Self {
        Self::start(move |_, _| json(status, body)).await
    }

    pub(in crate::aliyun) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(in crate::aliyun) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(in crate::aliyun) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    pub(in crate::aliyun) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let query = decoded(uri.query().unwrap_or_default());
    let seen = Seen { method, path: uri.path().to_owned(), query, headers, body };
    let number = {
        let mut all = shared.seen.lock().unwrap();
        all.push(seen.clone());
        all.len() - 1
    };
    (shared.answer)(number, &seen)
}

pub(in crate::aliyun) fn json(status: u16, body: impl Into<Body>) -> Response<Body> {
    with(status, &[("content-type", "application/json")], body)
}

pub(in crate::aliyun) fn with(
    status: u16,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Response<Body> {
    let builder = Response::builder().status(status);
    let builder =
        headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
    builder.body(body.into()).unwrap()
}

/// The body of an error.
pub(in crate::aliyun) fn error(code: &str, message: &str) -> String {
    let id = super::REQUEST_ID;
    serde_json::json!({"RequestId": id, "HostId": "h", "Code": code, "Message": message})
        .to_string()
}

/// Serves one connection with raw bytes, once a request has arrived, and closes.
pub(in crate::aliyun) async fn raw(bytes: &'static [u8]) -> SocketAddr {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 16 * 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(bytes).await;
        }
    });
    address
}
