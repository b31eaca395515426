//! Refuses what a page of somebody else's could ask for, and sends the headers that keep a browser
//! from doing anything but showing the page.
//!
//! A name can be made to lead here by whoever owns it (DNS rebinding), and then that page reads what
//! this server answers; so it answers to names that it knows. An address cannot be made to.

use super::answer::refuse;
use axum::body::HttpBody as _;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// What probes ask for: no browser is involved.
const PROBES: [&str; 3] = ["/livez", "/readyz", "/metrics"];

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The names that the server answers to.
#[derive(Debug, Clone)]
pub(super) struct Names {
    bound: IpAddr,
    hosts: BTreeSet<String>,
}

impl Names {
    /// Those of the address it listens on, and `hosts`.
    pub fn new(bound: IpAddr, hosts: BTreeSet<String>) -> Self {
        Self { bound, hosts }
    }

    /// Whether a `Host` is one of them, whatever its port.
    fn know(&self, host: &str) -> bool {
        let Some(name) = name_of(host) else { return false };
        match name.parse::<IpAddr>() {
            // Whoever listens on every address does not know under which of them it is reached.
            Ok(ip) => ip.is_loopback() || ip == self.bound || self.bound.is_unspecified(),
            Err(_) => name == "localhost" || self.hosts.contains(&name),
        }
    }
}

/// The name or address of `name:port`, in lower case; `None` of what is none.
fn name_of(host: &str) -> Option<String> {
    let (name, rest) = match host.strip_prefix('[') {
        Some(inside) => inside.split_once(']')?,
        None => host.split_at_checked(host.find(':').unwrap_or(host.len()))?,
    };
    let port = rest.strip_prefix(':').unwrap_or(rest);
    let plain = port.chars().all(|c| c.is_ascii_digit()) && (rest.is_empty() || rest != port);
    (plain && !name.is_empty()).then(|| name.to_ascii_lowercase())
}

/// Lets a request through, or refuses it; either way the answer gets the headers.
pub(super) async fn guard(
    State(names): State<Arc<Names>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match refusal(&names, &request) {
        Some(response) => response,
        None => next.run(request).await,
    };
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn refusal(names: &Names, request: &Request) -> Option<Response> {
    let headers = request.headers();
    let host = only(headers, &HOST).filter(|host| names.know(host));
    let in_target = request.uri().authority().map(|of| of.as_str());
    let Some(host) = host.filter(|_| in_target.is_none_or(|of| names.know(of))) else {
        let why = "this server does not answer to that name; ask by its address, or add the name to \
                   `hosts` in the configuration";
        return Some(refuse(StatusCode::MISDIRECTED_REQUEST, why));
    };
    let probe = PROBES.contains(&request.uri().path());
    if !probe && is_foreign(request, host) {
        let why = "this server does not answer to pages of other sites";
        return Some(refuse(StatusCode::FORBIDDEN, why));
    }
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let why = "this server only tells; write GET. What changes something is a command: see \
                   `classiclinkd --help`";
        let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, why);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Some(response);
    }
    if !request.body().is_end_stream() {
        return Some(refuse(StatusCode::PAYLOAD_TOO_LARGE, "no request here has a body"));
    }
    None
}

/// The value of a header that is there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

/// Whether a page that did not come from here asks.
fn is_foreign(request: &Request, host: &str) -> bool {
    let headers = request.headers();
    let own = |origin: &HeaderValue| {
        let origin = origin.to_str().unwrap_or_default();
        let after = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        after.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
    };
    if !headers.get_all(ORIGIN).iter().all(own) {
        return true;
    }
    let said = |name: &'static str, word: &str| {
        headers.get_all(name).iter().any(|value| value.as_bytes() == word.as_bytes())
    };
    let elsewhere = said("sec-fetch-site", "cross-site") || said("sec-fetch-site", "same-site");
    // Somebody followed a link to the page, in a window of its own: nobody else sees the answer.
    let visits = request.uri().path() == "/"
        && said("sec-fetch-mode", "navigate")
        && said("sec-fetch-dest", "document");
    elsewhere && !visits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bound: &str, hosts: &[&str]) -> Names {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        Names::new(bound.parse().unwrap(), hosts)
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        let names = names("127.0.0.1", &[]);
        for host in
            ["localhost", "LocalHost:9108", "127.0.0.1:9108", "[::1]:9108", "127.9.9.9", "[::1]"]
        {
            assert!(names.know(host), "{host}");
        }
        for host in [
            "",
            ":9108",
            "evil.example",
            "localhost.evil.example",
            "localhost.",
            "localhost:x",
            "localhost:80:80",
            "10.0.0.1:80",
            "[2001:db8::1]:1",
            "[::1]evil",
            "[::1",
            "127.0.0.1.evil",
            "0.0.0.0:9108",
            "evil@127.0.0.1",
            "127.0.0.1@evil.example",
        ] {
            assert!(!names.know(host), "{host}");
        }
    }

    #[test]
    fn off_loopback_its_address_and_the_names_that_are_configured_are_answered() {
        let one = names("10.0.0.7", &["links.example"]);
        for (host, known) in [
            ("10.0.0.7:9108", true),
            ("10.0.0.8:9108", false),
            ("links.example:9108", true),
            ("LINKS.example", true),
            ("evil.links.example", false),
            ("localhost", true),
        ] {
            assert_eq!(one.know(host), known, "{host}");
        }
        let every = names("0.0.0.0", &[]);
        assert!(every.know("192.0.2.1:9108") && every.know("[2001:db8::1]:9108"));
        assert!(!every.know("links.example"), "a name can be made to lead here");
    }
}
