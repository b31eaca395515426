//! Files that hold keys, or say where to get them; read again when they have changed.

use super::make::Make;
use super::provide::{Fetching, Provide};
use super::recipe::Recipe;
use super::{CredentialError, Key, cli, ini};
use crate::secret::{self, Fault};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Largest file read; real ones are smaller than 8 KiB with the longest tokens, but for profiles, which
/// hold browser tokens too.
const SIZE_MAX: u64 = 256 * 1024;

const FORMS: &str = "write a JSON object with \"AccessKeyId\", \"AccessKeySecret\" and perhaps \
     \"SecurityToken\" and \"Expiration\", or an ini section with `type = access_key`, \
     `access_key_id` and `access_key_secret`";

/// What a file looks like.
#[derive(Debug, Clone)]
pub enum Form {
    /// A JSON object with one key, or ini sections, of which this one counts.
    Shared(String),
    /// The profiles of the command line, of which this one counts, else the current one.
    Cli(Option<String>),
}

/// A file, and what was made of it last.
pub struct File {
    name: &'static str,
    /// The first that exists counts.
    paths: Vec<PathBuf>,
    /// Whether somebody said that it is there.
    named: bool,
    form: Form,
    make: Arc<dyn Make>,
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    /// What was read, or nothing if it could not be.
    text: Option<SecretString>,
    provider: Option<Arc<dyn Provide>>,
}

impl File {
    /// The file that somebody named, under a provider's name: it is a failure that it does not exist.
    pub fn named(name: &'static str, path: PathBuf, form: Form, make: Arc<dyn Make>) -> Self {
        Self { named: true, ..Self::usual(name, vec![path], form, make) }
    }

    /// The first of these files, where libraries look without being told, that exists.
    pub fn usual(name: &'static str, paths: Vec<PathBuf>, form: Form, make: Arc<dyn Make>) -> Self {
        Self { name, paths, named: false, form, make, last: Mutex::default() }
    }

    fn path(&self) -> Option<&Path> {
        let there = |path: &&PathBuf| match std::fs::metadata(path) {
            Ok(_) => true,
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        self.paths.iter().find(there).map(PathBuf::as_path)
    }

    fn read(&self) -> Result<(&Path, SecretString), CredentialError> {
        let Some(path) = self.path() else {
            if let (true, Some(path)) = (self.named, self.paths.first()) {
                let why = "it does not exist; write it, or correct what names it".to_owned();
                return Err(CredentialError::File { path: path.clone(), why });
            }
            let names: Vec<String> =
                self.paths.iter().map(|path| path.display().to_string()).collect();
            return Err(CredentialError::Absent(format!("there is no {}", names.join(" or "))));
        };
        let text = secret::text(path, SIZE_MAX).map_err(|fault| {
            let path = path.to_owned();
            match fault {
                Fault::Open(error) => CredentialError::File { path, why: error.to_string() },
                Fault::Content(why) => CredentialError::File { path, why },
                Fault::Exposed(why) => CredentialError::Exposed { path, why },
            }
        })?;
        Ok((path, text))
    }

    /// Who gives the key that the file says. The one that was made last, as long as the file says the same.
    fn provider(&self) -> Result<Arc<dyn Provide>, CredentialError> {
        let read = self.read();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (path, text) = match read {
            Ok(read) => read,
            Err(error) => {
                *last = Last::default();
                return Err(error);
            }
        };
        let same =
            last.text.as_ref().is_some_and(|old| old.expose_secret() == text.expose_secret());
        if let (true, Some(provider)) = (same, &last.provider) {
            return Ok(Arc::clone(provider));
        }
        *last = Last { text: Some(text.clone()), provider: None };
        let fail = |why| CredentialError::File { path: path.to_owned(), why };
        let recipe = recipe(&self.form, text.expose_secret()).map_err(fail)?;
        let provider = self.make.provider(&recipe).map_err(|error| fail(error.to_string()))?;
        last.provider = Some(Arc::clone(&provider));
        Ok(provider)
    }
}

impl Provide for File {
    fn name(&self) -> &'static str {
        self.name
    }

    fn fetch(&self) -> Fetching<'_> {
        Box::pin(async move { self.provider()?.fetch().await })
    }

    /// The whole text is compared: a modification time can miss a change within its grain.
    fn changed(&self) -> bool {
        // What cannot be read is no news: whoever writes it is perhaps not done.
        let Ok((_, now)) = self.read() else { return false };
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.text.as_ref().is_none_or(|last| last.expose_secret() != now.expose_secret())
    }

    fn file(&self) -> Option<PathBuf> {
        self.path().map(Path::to_owned)
    }
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File").field("paths", &self.paths).finish_non_exhaustive()
    }
}

fn recipe(form: &Form, text: &str) -> Result<Recipe, String> {
    let text = text.trim_start_matches('\u{feff}').trim();
    match form {
        _ if text.is_empty() => Err(format!("it is empty; {FORMS}")),
        Form::Cli(profile) => cli::recipe(text, profile.as_deref()),
        Form::Shared(_) if text.starts_with('{') => flat(text).map(Recipe::Key),
        Form::Shared(section) => {
            ini::recipe(text, section).map_err(|why| format!("{why}; {FORMS}"))
        }
    }
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

fn secret<'de, D: Deserializer<'de>>(value: D) -> Result<SecretString, D::Error> {
    String::deserialize(value).map(SecretString::from)
}

fn optional_secret<'de, D: Deserializer<'de>>(value: D) -> Result<Option<SecretString>, D::Error> {
    let text: Option<String> = Option::deserialize(value)?;
    Ok(text.map(SecretString::from))
}

fn flat(text: &str) -> Result<Key, String> {
    // The parser's own words could quote a secret.
    let Ok(flat) = serde_json::from_str::<Flat>(text) else {
        return Err(format!("its JSON is not of the known form; {FORMS}"));
    };
    let ends = flat.expiration.as_str().and_then(|text| text.trim().parse().ok());
    let token = flat.token.as_ref().map(|token| token.expose_secret());
    let key = Key::new(flat.id.expose_secret(), flat.secret.expose_secret(), token);
    key.map(|key| key.ending(ends)).map_err(|error| error.to_string())
}

/// The permission bits of a file, where they can be told.
pub(super) fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).ok().map(|about| about.permissions().mode() & 0o7777)
}
