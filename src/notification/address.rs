//! Where a sink is. A webhook's URL is a secret: whoever has it can write into the chat.

use crate::https::is_loopback;
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt;

/// A checked URL of which only the host ever shows.
#[derive(Clone)]
pub struct Address {
    url: SecretString,
    host: String,
    plain: bool,
}

/// Why a text is not an address. Never shows the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}; write {advice}")]
pub struct AddressError {
    why: &'static str,
    advice: &'static str,
}

impl AddressError {
    /// What is wrong, as a fragment that fits after "it".
    pub fn why(&self) -> &'static str {
        self.why
    }
}

const EXAMPLE: &str = "the whole URL of the webhook, such as `https://hooks.example.com/...`";

impl Address {
    /// Checks a URL: https, or http on this machine.
    ///
    /// # Errors
    /// [`AddressError`] says what is wrong without showing the URL.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let fail = |why, advice| Err(AddressError { why, advice });
        let text = text.trim();
        let Ok(url) = Url::parse(text) else { return fail("is not a URL", EXAMPLE) };
        let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
            return fail("names no host", EXAMPLE);
        };
        if !url.username().is_empty() || url.password().is_some() {
            return fail("has a user name or a password in front of the host", EXAMPLE);
        }
        let plain = match url.scheme() {
            "https" => false,
            "http" if is_loopback(host) => true,
            "http" => {
                return fail(
                    "is plain http, which anybody on the way can read, and is only for this machine \
                     (127.0.0.0/8, ::1, localhost)",
                    "`https://`",
                );
            }
            _ => return fail("is neither https nor http", EXAMPLE),
        };
        let shown = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Self { url: String::from(url).into(), host: shown, plain })
    }

    /// Host, and port where it is not the scheme's own: what may be shown.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// All of it, secrets included: for what sends there.
    #[cfg(feature = "otlp")]
    pub(crate) fn url(&self) -> String {
        self.url.expose_secret().to_owned()
    }

    /// Whether it is plain http, and so on this machine.
    pub fn is_plain(&self) -> bool {
        self.plain
    }

    /// The URL to send to, with more pairs in its query.
    pub(super) fn with(&self, pairs: &[(&str, String)]) -> Option<Url> {
        let mut url = Url::parse(self.url.expose_secret()).ok()?;
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        Some(url)
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.url.expose_secret() == other.url.expose_secret()
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({}, …)", self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for good in ["http://127.0.0.1:8080/x", "http://[::1]/x", "http://localhost:1/"] {
            assert!(Address::parse(good).unwrap().is_plain(), "{good}");
        }
        assert!(!Address::parse("https://hooks.slack.com/services/T/B/x").unwrap().is_plain());
        for bad in
            ["http://10.0.0.1/x", "http://localhost.example.com/", "ftp://a/b", "x", "https://"]
        {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_but_the_host_shows() {
        let address =
            Address::parse("https://oapi.dingtalk.com/robot/send?access_token=hunter2").unwrap();
        assert_eq!(address.host(), "oapi.dingtalk.com");
        assert!(!format!("{address:?}").contains("hunter2"));
        for bad in ["hunter2", "http://example.com/hunter2", "https://u:hunter2@example.com/"] {
            let error = Address::parse(bad).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_signature_goes_into_the_query_encoded() {
        let address = Address::parse("https://a.example/send?access_token=t").unwrap();
        let url = address.with(&[("sign", "a+b/c=".to_owned())]).unwrap();
        assert_eq!(url.as_str(), "https://a.example/send?access_token=t&sign=a%2Bb%2Fc%3D");
    }
}
