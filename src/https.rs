//! HTTP clients by our rules: certificates checked, nothing followed, nothing sent twice.

use reqwest::{ClientBuilder, redirect, retry, tls};
use std::error::Error;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Once;

/// A client's beginnings. `plain` is for an address of this machine that is spoken to without TLS; every
/// other client speaks nothing but TLS. It goes through no proxy, not even one that the environment names.
pub fn client(plain: bool) -> ClientBuilder {
    let builder = reading_environment(plain);
    builder.no_proxy()
}

/// As [`client`], through the proxy that the environment names, if it names one.
pub fn reading_environment(plain: bool) -> ClientBuilder {
    install_tls_provider();
    let builder = ClientBuilder::new()
        .user_agent(concat!("classiclinkd/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .http1_only()
        .tls_version_min(tls::Version::TLS_1_2);
    // Without this, building needs the system's CA certificates although nothing will check one.
    if plain { builder.tls_certs_only([]) } else { builder.https_only(true) }
}

/// The one place that chooses the cryptography of TLS.
fn install_tls_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that the program has chosen one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// Whether a URL's host is this machine: the only one that may be spoken to without TLS.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || bare.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
}

/// The innermost reason. The outer ones name the URL.
pub fn root_cause(error: &reqwest::Error) -> String {
    chain(error).last().map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

/// Everything behind the error itself, which is the one that names the URL.
pub fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |error: &&(dyn Error + 'static)| (*error).source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_name_and_address() {
        for near in ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"] {
            assert!(is_loopback(near), "{near}");
        }
        for far in ["localhost.example", "10.0.0.1", "0.0.0.0", "[::2]", "127.0.0.1.example", ""] {
            assert!(!is_loopback(far), "{far}");
        }
    }
}
