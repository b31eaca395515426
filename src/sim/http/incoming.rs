//! A request as it came, decoded once.

use super::render::Format;
use crate::signature::Pair;
use crate::sim::state::Params;
use axum::http::request;
use percent_encoding::percent_decode_str;

/// Parameters that are about the request and not about the operation (`api-contract.md` 3.1).
const COMMON: [&str; 11] = [
    "AccessKeyId",
    "Action",
    "Format",
    "SecurityToken",
    "Signature",
    "SignatureMethod",
    "SignatureNonce",
    "SignatureType",
    "SignatureVersion",
    "Timestamp",
    "Version",
];

/// One request.
pub(super) struct Incoming {
    pub(super) method: String,
    pub(super) query: Vec<Pair>,
    pub(super) form: Vec<Pair>,
    /// Lower-case names, in the order they came.
    pub(super) headers: Vec<Pair>,
    pub(super) body: Vec<u8>,
}

impl Incoming {
    pub(super) fn new(head: &request::Parts, body: Vec<u8>) -> Self {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers: Vec<Pair> = head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())))
            .collect();
        let is_form = |(name, value): &Pair| {
            name == "content-type" && value.starts_with("application/x-www-form-urlencoded")
        };
        let form = if headers.iter().any(is_form) {
            pairs(&String::from_utf8_lossy(&body))
        } else {
            Vec::new()
        };
        Self {
            method: head.method.as_str().to_owned(),
            query: pairs(head.uri.query().unwrap_or_default()),
            form,
            headers,
            body,
        }
    }

    /// The value of the header, or an empty text.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value.as_str())
    }

    /// The value of the parameter in query or form; absent and empty are the same.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        let all = self.query.iter().chain(&self.form);
        all.filter(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
            .find(|value| !value.is_empty())
    }

    pub(super) fn host(&self) -> &str {
        self.header("host")
    }

    /// Whether it is signed by V3, whose common parameters are headers.
    pub(super) fn is_v3(&self) -> bool {
        self.header("authorization").starts_with("ACS3-")
    }

    /// The security token of a temporary key.
    pub(super) fn token(&self) -> Option<&str> {
        if self.is_v3() {
            Some(self.header("x-acs-security-token")).filter(|token| !token.is_empty())
        } else {
            self.param("SecurityToken")
        }
    }

    pub(super) fn action(&self) -> &str {
        if self.is_v3() {
            self.header("x-acs-action")
        } else {
            self.param("Action").unwrap_or_default()
        }
    }

    pub(super) fn version(&self) -> &str {
        if self.is_v3() {
            self.header("x-acs-version")
        } else {
            self.param("Version").unwrap_or_default()
        }
    }

    /// `Format`, else under V3 what `accept` asks for, else XML (`api-contract.md` 2.2).
    pub(super) fn format(&self) -> Format {
        match self.param("Format") {
            Some(format) if format.eq_ignore_ascii_case("json") => Format::Json,
            Some(_) => Format::Xml,
            None if self.is_v3() && self.header("accept").contains("json") => Format::Json,
            None => Format::Xml,
        }
    }

    /// The parameters of the operation; of a repeated one the first.
    pub(super) fn operation_params(&self) -> Params {
        let mut params = Params::new();
        for (name, value) in self.query.iter().chain(&self.form) {
            if !COMMON.contains(&name.as_str()) {
                params.entry(name.clone().into()).or_insert_with(|| value.clone());
            }
        }
        params
    }
}

/// The pairs of a query or form. A space may be `+` or `%20` on the wire (`api-contract.md` 4).
pub(super) fn pairs(text: &str) -> Vec<Pair> {
    let decode = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    text.split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(name), decode(value))
        })
        .collect()
}
