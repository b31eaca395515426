//! A credentials file, in JSON or ini form, re-read on change.

use super::{CredentialError, Key, Provenance};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Largest file read; real ones are smaller than 8 KiB with the longest tokens.
const SIZE_MAX: u64 = 64 * 1024;

const FORMS: &str = "write a JSON object with \"AccessKeyId\", \"AccessKeySecret\" and perhaps \
     \"SecurityToken\", or an ini section of `type = access_key` with `access_key_id` and \
     `access_key_secret`";

pub(super) struct File {
    path: PathBuf,
    profile: String,
    last: Mutex<Last>,
}

struct Last {
    text: SecretString,
    key: Key,
    /// The complaint that was logged last, so that a broken file is one line in the log.
    complaint: Option<CredentialError>,
}

#[derive(Deserialize)]
struct Flat {
    #[serde(rename = "AccessKeyId", deserialize_with = "secret")]
    id: SecretString,
    #[serde(rename = "AccessKeySecret", deserialize_with = "secret")]
    secret: SecretString,
    #[serde(rename = "SecurityToken", default, deserialize_with = "optional_secret")]
    token: Option<SecretString>,
    /// As the metadata service and STS write it (`api-contract.md` 9). Of any form: what is not a time
    /// tells nothing, and is no reason to do without the key.
    #[serde(rename = "Expiration", default)]
    expiration: serde_json::Value,
}

impl Flat {
    fn expires(&self) -> Option<Timestamp> {
        self.expiration.as_str()?.trim().parse().ok()
    }
}

fn secret<'de, D: Deserializer<'de>>(value: D) -> Result<SecretString, D::Error> {
    String::deserialize(value).map(SecretString::from)
}

fn optional_secret<'de, D: Deserializer<'de>>(value: D) -> Result<Option<SecretString>, D::Error> {
    let text: Option<String> = Option::deserialize(value)?;
    Ok(text.map(SecretString::from))
}

impl File {
    pub(super) fn open(path: &Path, profile: &str) -> Result<Self, CredentialError> {
        let (path, profile) = (path.to_owned(), profile.to_owned());
        let text = read(&path)?;
        let key = parse(&path, &profile, text.expose_secret())?;
        if others_can_read(&path) {
            tracing::warn!(
                path = %path.display(),
                "others than its owner can read the credentials file; chmod 600 it"
            );
        }
        Ok(Self { path, profile, last: Mutex::new(Last { text, key, complaint: None }) })
    }

    pub(super) fn provenance(&self) -> Provenance {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        Provenance {
            file: Some(self.path.clone()),
            mode: mode(&self.path),
            temporary: last.key.token.is_some(),
            ends: ends(last.text.expose_secret()),
        }
    }

    pub(super) fn current(&self) -> Result<Key, CredentialError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // The whole text is compared: a modification time can miss a change within its grain.
        let renewed = read(&self.path).and_then(|text| {
            if text.expose_secret() == last.text.expose_secret() {
                return Ok(None);
            }
            parse(&self.path, &self.profile, text.expose_secret()).map(|key| Some((text, key)))
        });
        match renewed {
            Ok(renewed) => {
                last.complaint = None;
                if let Some((text, key)) = renewed {
                    (last.text, last.key) = (text, key);
                }
            }
            Err(error) if last.complaint.as_ref() == Some(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "the credentials were not renewed; the last good key stays");
                last.complaint = Some(error);
            }
        }
        Ok(last.key.clone())
    }
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File").field("path", &self.path).finish_non_exhaustive()
    }
}

/// When the key ends, as the metadata service and its imitators write it (`api-contract.md` 9).
fn ends(text: &str) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Until {
        #[serde(rename = "Expiration")]
        expiration: String,
    }
    let text = text.trim_start_matches('\u{feff}').trim();
    serde_json::from_str::<Until>(text).ok()?.expiration.parse().ok()
}

fn fail<T>(path: &Path, why: impl Into<String>) -> Result<T, CredentialError> {
    Err(CredentialError::File { path: path.to_owned(), why: why.into() })
}

fn read(path: &Path) -> Result<SecretString, CredentialError> {
    let mut text = String::new();
    if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return fail(path, "it is not a file");
    }
    let opened = std::fs::File::open(path);
    let read = opened.and_then(|file| file.take(SIZE_MAX + 1).read_to_string(&mut text));
    match read {
        Err(error) => fail(path, error.to_string()),
        Ok(size) if size as u64 > SIZE_MAX => fail(path, format!("it is too long; {FORMS}")),
        Ok(_) => Ok(text.into()),
    }
}

fn parse(path: &Path, profile: &str, text: &str) -> Result<Key, CredentialError> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return fail(path, format!("it is empty; {FORMS}"));
    }
    if !text.starts_with('{') {
        return from_ini(path, profile, text);
    }
    // The parser's own words could quote a secret.
    let Ok(flat) = serde_json::from_str::<Flat>(text) else {
        return fail(path, format!("its JSON is not of the known form; {FORMS}"));
    };
    let token = flat.token.as_ref().map(|token| token.expose_secret());
    let key = Key::new(flat.id.expose_secret(), flat.secret.expose_secret(), token);
    let key = key.map(|key| key.ending(flat.expires()));
    key.or_else(|error| fail(path, error.to_string()))
}

/// `key = value` lines under `[section]`; a value is never cut at a `#`, which a secret can hold
/// (`api-contract.md` 9, a defect of one official library).
fn from_ini(path: &Path, profile: &str, text: &str) -> Result<Key, CredentialError> {
    let mut inside = false;
    let mut found = false;
    let (mut kind, mut id, mut secret) = (None, None, None);
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = name.trim() == profile;
            found |= inside;
        } else if let (true, Some((name, value))) = (inside, line.split_once('=')) {
            match name.trim() {
                "type" => kind = Some(value.trim()),
                "access_key_id" => id = Some(value),
                "access_key_secret" => secret = Some(value),
                _ => {}
            }
        }
    }
    if !found {
        return fail(path, format!("it has no section [{profile}]; {FORMS}"));
    }
    if kind != Some("access_key") {
        return fail(path, format!("[{profile}] is not of type access_key; {FORMS}"));
    }
    let key = Key::new(id.unwrap_or_default(), secret.unwrap_or_default(), None);
    key.or_else(|error| fail(path, error.to_string()))
}

fn others_can_read(path: &Path) -> bool {
    mode(path).is_some_and(is_open)
}

/// Whether permission bits let others than the owner read who should not.
pub(super) fn is_open(mode: u32) -> bool {
    // systemd and Kubernetes hand out secrets as files of root that a group, or an access list that
    // shows as one, may read, and nobody may write.
    mode & 0o007 != 0 || mode & 0o070 != 0 && mode & 0o230 != 0
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).ok().map(|about| about.permissions().mode() & 0o7777)
}

#[cfg(not(unix))]
fn mode(_path: &Path) -> Option<u32> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_end_of_a_key_is_read_where_it_is_written() {
        let text = r#"{"AccessKeyId": "a", "Expiration": "2026-05-01T12:00:00Z"}"#;
        assert_eq!(ends(text), "2026-05-01T12:00:00Z".parse().ok());
        assert_eq!(ends(r#"{"Expiration": 5}"#), None);
        assert_eq!(ends("[default]\ntype = access_key"), None);
    }

    #[test]
    fn a_file_that_others_can_read_is_noticed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let cases = [
            (0o600, false),
            (0o400, false),
            (0o440, false),
            (0o640, true),
            (0o604, true),
            (0o444, true),
        ];
        for (mode, noticed) in cases {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(file.path(), permissions).unwrap();
            assert_eq!(others_can_read(file.path()), noticed, "{mode:o}");
        }
    }
}
