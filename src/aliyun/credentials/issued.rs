//! A temporary key as services write it (`api-contract.md` 9), and whether it can be used.

use super::Key;
use crate::aliyun::redact::{Raw, Secrets};
use crate::cloud::Class;
use crate::model::printable;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer};

/// What the metadata service and those like it say where all went well.
pub(super) const SUCCESS: &str = "Success";

/// The members of an answer that make a key; any may be missing until [`Issued::key`] has looked.
#[derive(Deserialize)]
pub(in crate::aliyun) struct Issued {
    /// How it went; of the metadata service and those like it.
    #[serde(rename = "Code", default)]
    pub(super) code: Option<String>,
    #[serde(rename = "AccessKeyId", default, deserialize_with = "secret")]
    pub(super) id: Option<SecretString>,
    #[serde(rename = "AccessKeySecret", default, deserialize_with = "secret")]
    pub(super) secret: Option<SecretString>,
    #[serde(rename = "SecurityToken", default, deserialize_with = "secret")]
    pub(super) token: Option<SecretString>,
    #[serde(rename = "Expiration", default)]
    pub(super) expiration: Option<String>,
}

/// How members are called where a key comes from, for whoever reads that one is missing.
pub(super) struct Names {
    pub(super) id: &'static str,
    pub(super) secret: &'static str,
    pub(super) token: &'static str,
    pub(super) expiration: &'static str,
}

/// As services call them.
pub(super) const OF_SERVICES: Names = Names {
    id: "AccessKeyId",
    secret: "AccessKeySecret",
    token: "SecurityToken",
    expiration: "Expiration",
};

/// A text that is moved to where it is wiped; `null` is none.
pub(super) fn secret<'de, D: Deserializer<'de>>(
    value: D,
) -> Result<Option<SecretString>, D::Error> {
    let text: Option<String> = Option::deserialize(value)?;
    Ok(text.map(SecretString::from))
}

impl Issued {
    /// Reads an answer that is the key alone, as of the metadata service. The parser's own words could
    /// quote a secret, and so are not shown.
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(body).map_err(|error| {
            let what =
                if error.is_eof() { "ends in the middle" } else { "is not of the known form" };
            format!(
                "the answer {what}, a JSON object with the texts AccessKeyId, AccessKeySecret, \
                 SecurityToken and Expiration"
            )
        })
    }

    /// The key, if it is whole and ends after `now`; else why not, as a sentence that shows nothing of it.
    pub(super) fn key(&self, names: &Names, now: Timestamp) -> Result<Key, String> {
        let member = |value: &Option<SecretString>, name: &str| match value {
            Some(value) if !value.expose_secret().trim().is_empty() => Ok(value.clone()),
            _ => Err(format!("the answer has no {name}")),
        };
        let id = member(&self.id, names.id)?;
        let secret = member(&self.secret, names.secret)?;
        let token = member(&self.token, names.token)?;
        let key = Key::new(id.expose_secret(), secret.expose_secret(), Some(token.expose_secret()));
        let key = key.map_err(|error| format!("the answer holds no key: {error}"))?;
        let expiration = self.expiration.as_deref().unwrap_or_default().trim();
        if expiration.is_empty() {
            let name = names.expiration;
            return Err(format!("the answer has no {name}, so nobody knows when the key ends"));
        }
        let Ok(ends) = expiration.parse::<Timestamp>() else {
            let name = names.expiration;
            return Err(format!(
                "the answer's {name} is no time, which looks like `2026-05-01T12:00:00Z`"
            ));
        };
        if ends <= now {
            return Err(format!(
                "the key that it gave ended at {ends}, and here it is {now}; check this host's clock, \
                 and whether old keys are kept on the way"
            ));
        }
        Ok(key.ending(Some(ends)))
    }

    /// What is said where the code is not [`SUCCESS`], without what is in the answer or `secrets`.
    pub(super) fn unsuccessful(&self, mut secrets: Secrets) -> String {
        for value in [&self.id, &self.secret, &self.token].into_iter().flatten() {
            secrets.add(value.expose_secret());
        }
        let message = match &self.code {
            Some(code) => format!("its Code is `{}`, not {SUCCESS}", printable(code)),
            None => format!("it has no Code, which has to be {SUCCESS}"),
        };
        let (class, code) = (Class::Unknown, "unsuccessful");
        secrets
            .error(Raw { class, code, message: &message, request_id: None, retry_after: None })
            .message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{"AccessKeyId":"STS.canary","AccessKeySecret":"canary2",
        "SecurityToken":"canary3","Expiration":"2024-05-01T13:00:00Z"}"#;

    fn key(text: &str) -> Result<Key, String> {
        let now = "2024-05-01T12:59:59.5Z".parse().unwrap();
        Issued::read(text.as_bytes())?.key(&OF_SERVICES, now)
    }

    #[test]
    fn a_whole_key_is_taken_with_its_end() {
        let key = key(WHOLE).unwrap();
        assert_eq!(key.id.expose_secret(), "STS.canary");
        assert_eq!(key.secret.expose_secret(), "canary2");
        assert_eq!(key.token.unwrap().expose_secret(), "canary3");
        assert_eq!(key.expires, "2024-05-01T13:00:00Z".parse().ok());
    }

    #[test]
    fn a_key_that_has_ended_is_refused_and_the_clock_is_named() {
        for ended in ["2024-05-01T12:59:59Z", "2024-05-01T12:59:59.5Z", "1999-01-01T00:00:00Z"] {
            let why = key(&WHOLE.replace("2024-05-01T13:00:00Z", ended)).unwrap_err();
            assert!(why.contains("ended at") && why.contains("this host's clock"), "{why}");
            assert!(!why.contains("canary"), "{why}");
        }
    }

    #[test]
    fn what_is_missing_is_named_and_what_is_there_is_not_shown() {
        for name in ["AccessKeyId", "AccessKeySecret", "SecurityToken", "Expiration"] {
            for instead in [format!("\"No{name}\""), format!("\"{name}\":\" \",\"x\"")] {
                let why = key(&WHOLE.replacen(&format!("\"{name}\""), &instead, 1)).unwrap_err();
                assert!(why.contains(name) && !why.contains("canary"), "{why}");
            }
            let why = key(&format!("{{\"{name}\":null}}")).unwrap_err();
            assert!(why.contains("no AccessKeyId"), "{why}");
        }
        let why = key(&WHOLE.replace("2024-05-01T13:00:00Z", "canary")).unwrap_err();
        assert!(why.contains("Expiration is no time") && !why.contains("canary"), "{why}");
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_quoted() {
        for bad in [
            "",
            "canary",
            "[\"canary\"]",
            "{\"AccessKeyId\":{\"canary\":1}}",
            "{\"AccessKeyId\":\"canary\",\"AccessKeyId\":\"canary\"}",
            &WHOLE.replace("canary2", "canary2\\r\\nx-evil: 1"),
            &WHOLE.replace("canary2", "canary2é"),
            WHOLE.split_at(60).0,
        ] {
            let why = key(bad).unwrap_err();
            assert!(!why.contains("canary"), "{bad}: {why}");
        }
    }
}
