//! One request to the collector, sent on the process's runtime for a thread that has none.

use crate::https::{self, root_cause};
use crate::notification::Address;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use reqwest::Client;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;

/// Longest wait for a connection, name lookup and TLS included.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest time for a request, the answer included.
const WHOLE: Duration = Duration::from_secs(10);
/// What is read of an answer.
const ANSWER_MAX: usize = 64 * 1024;

/// The way to the collector.
#[derive(Debug)]
pub(super) struct Wire {
    http: Client,
    runtime: Handle,
    log: Arc<Log>,
}

/// Says once that the collector takes nothing, and once that it does again.
#[derive(Debug)]
struct Log {
    host: String,
    failing: AtomicBool,
}

impl Wire {
    /// # Errors
    /// Why there is no client: nothing to check certificates with.
    pub fn new(address: &Address, runtime: Handle) -> Result<Self, String> {
        let builder = https::client(address.is_plain()).connect_timeout(CONNECT).timeout(WHOLE);
        let http = builder.build().map_err(|error| root_cause(&error))?;
        let log = Log { host: address.host().to_owned(), failing: AtomicBool::new(false) };
        Ok(Self { http, runtime, log: Arc::new(log) })
    }
}

impl Log {
    fn ended(&self, failed: Option<String>) {
        let failing = failed.is_some();
        if self.failing.swap(failing, Ordering::Relaxed) == failing {
            return;
        }
        let host = &self.host;
        match failed {
            Some(reason) => {
                tracing::warn!(host, reason, "the collector takes no traces; they are lost")
            }
            None => tracing::info!(host, "the collector takes traces again"),
        }
    }
}

async fn send(http: Client, request: Request<Bytes>) -> Result<Response<Bytes>, reqwest::Error> {
    let mut answer = http.execute(request.try_into()?).await?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend(chunk.iter().take(ANSWER_MAX - body.len()));
        if body.len() == ANSWER_MAX {
            break;
        }
    }
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(response)
}

type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Wire {
    fn send_bytes<'a, 'b>(&'a self, request: Request<Bytes>) -> Sending<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        let (http, log) = (self.http.clone(), Arc::clone(&self.log));
        let sent = self.runtime.spawn(async move {
            let answer = send(http, request).await;
            log.ended(match &answer {
                Ok(answer) if answer.status().is_success() => None,
                Ok(answer) => Some(format!("it answers with status {}", answer.status().as_u16())),
                Err(error) => Some(root_cause(error)),
            });
            // Its outer reasons name the URL.
            answer.map_err(|error| HttpError::from(root_cause(&error)))
        });
        Box::pin(async move { sent.await? })
    }
}
