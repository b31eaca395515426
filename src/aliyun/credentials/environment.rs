//! The chain as the environment says it.

use super::chain::{Chain, Step};
use super::file::{File, Form};
use super::make::{Fixed, Make};
use super::metadata::{OPEN_MODE_DISABLED, OpenMode};
use super::provide::Provide;
use super::recipe::{Oidc, Place, Recipe, Role};
use super::{CREDENTIALS_FILE, CredentialError, KEY_ID, KEY_SECRET, Key, PROFILE, SECURITY_TOKEN};
use std::path::PathBuf;
use std::sync::Arc;

const ROLE_ARN: &str = "ALIBABA_CLOUD_ROLE_ARN";
const OIDC_PROVIDER: &str = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN";
const OIDC_TOKEN: &str = "ALIBABA_CLOUD_OIDC_TOKEN_FILE";
const ROLE_SESSION: &str = "ALIBABA_CLOUD_ROLE_SESSION_NAME";
const CLI_FILE: &str = "ALIBABA_CLOUD_CONFIG_FILE";
const CLI_DISABLED: &str = "ALIBABA_CLOUD_CLI_PROFILE_DISABLED";
const METADATA: &str = "ALIBABA_CLOUD_ECS_METADATA";
const METADATA_DISABLED: &str = "ALIBABA_CLOUD_ECS_METADATA_DISABLED";
const URI: &str = "ALIBABA_CLOUD_CREDENTIALS_URI";
const STS_REGION: &str = "ALIBABA_CLOUD_STS_REGION";
const STS_VPC: &str = "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED";

type Tried = Result<Step, (&'static str, CredentialError)>;

/// The variables of a process, looked up by name.
#[derive(Clone, Copy)]
pub struct Environment<'a>(pub &'a dyn Fn(&str) -> Option<String>);

impl std::fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Environment")
    }
}

impl Environment<'_> {
    fn set(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.trim().is_empty())
    }

    fn is_true(&self, name: &str) -> bool {
        self.set(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Which STS is asked where nothing else says so.
    pub fn place(&self) -> Place {
        Place { region: self.set(STS_REGION), vpc: self.is_true(STS_VPC) }
    }

    /// Whether the metadata service may be asked without a session token. Never unless somebody says so:
    /// what any process of the host can make it say, others can make it say, too.
    pub fn open_mode(&self) -> OpenMode {
        match self.set(OPEN_MODE_DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("false"))
        {
            true => OpenMode::Allowed,
            false => OpenMode::Refused,
        }
    }

    /// Says why, where nobody may ask the metadata service.
    ///
    /// # Errors
    /// [`CredentialError`] names the variable.
    pub fn may_ask_instance(&self) -> Result<(), CredentialError> {
        if !self.is_true(METADATA_DISABLED) {
            return Ok(());
        }
        Err(CredentialError::Service {
            who: "the metadata service".to_owned(),
            why: format!(
                "{METADATA_DISABLED} is true, so it is not asked; unset that, or take a key from elsewhere"
            ),
            temporary: false,
        })
    }

    /// The key of the variables themselves.
    ///
    /// # Errors
    /// [`CredentialError`] names the variable that is not set or cannot be used.
    pub fn key(&self) -> Result<Key, CredentialError> {
        match (self.set(KEY_ID), self.set(KEY_SECRET)) {
            (Some(id), Some(secret)) => Key::new(&id, &secret, self.set(SECURITY_TOKEN).as_deref()),
            (Some(_), None) => Err(CredentialError::Half { present: KEY_ID, missing: KEY_SECRET }),
            (None, Some(_)) => Err(CredentialError::Half { present: KEY_SECRET, missing: KEY_ID }),
            (None, None) => Err(not_set(&[KEY_ID])),
        }
    }

    /// The file with the profiles of the command line.
    ///
    /// # Errors
    /// [`CredentialError`] if nothing says where it is.
    pub fn cli_file(&self) -> Result<PathBuf, CredentialError> {
        match self.set(CLI_FILE) {
            Some(path) => Ok(path.into()),
            None => Ok(self.home()?.join(".aliyun/config.json")),
        }
    }

    /// The whole chain. Nothing is asked yet.
    /// Without `instance`, the metadata service is not asked unless a variable names the role.
    pub fn chain(&self, make: &Arc<dyn Make>, instance: bool) -> Chain {
        let mut steps = vec![self.own(), self.oidc(make), self.cli(make), self.shared(make)];
        if instance || self.set(METADATA).is_some() {
            steps.push(self.instance(make));
        }
        steps.push(self.uri(make));
        Chain::new(steps)
    }

    fn own(&self) -> Tried {
        let key = self.key().map_err(|error| ("env", error))?;
        Ok(configured(Arc::new(Fixed::new("env", key))))
    }

    fn oidc(&self, make: &Arc<dyn Make>) -> Tried {
        let name = "oidc_role_arn";
        let (arn, provider, token) =
            match (self.set(ROLE_ARN), self.set(OIDC_PROVIDER), self.set(OIDC_TOKEN)) {
                (Some(arn), Some(provider), Some(token)) => (arn, provider, token),
                (None, None, None) => return Err((name, not_set(&[OIDC_TOKEN]))),
                (arn, provider, token) => {
                    let all = [(ROLE_ARN, arn), (OIDC_PROVIDER, provider), (OIDC_TOKEN, token)];
                    let of = |set| all.iter().find(|(_, value)| value.is_some() == set);
                    let (present, missing) = (of(true), of(false));
                    let (present, missing) =
                        (present.map_or("", |of| of.0), missing.map_or("", |of| of.0));
                    return Err((name, CredentialError::Half { present, missing }));
                }
            };
        let role = Role { arn, session: self.set(ROLE_SESSION), ..Role::default() };
        made(name, make, &Recipe::Oidc(Oidc { role, provider, token_file: token.into() }))
    }

    fn cli(&self, make: &Arc<dyn Make>) -> Tried {
        let name = "cli_profile";
        if self.is_true(CLI_DISABLED) {
            return Err((name, CredentialError::Absent(format!("{CLI_DISABLED} is true"))));
        }
        let path = self.cli_file().map_err(|error| (name, error))?;
        let (form, make) = (Form::Cli(self.set(PROFILE)), Arc::clone(make));
        Ok(configured(Arc::new(match self.set(CLI_FILE) {
            Some(_) => File::named(name, path, form, make),
            None => File::usual(name, vec![path], form, make),
        })))
    }

    fn shared(&self, make: &Arc<dyn Make>) -> Tried {
        let name = "profile";
        let form = Form::Shared(self.set(PROFILE).unwrap_or_else(|| "default".to_owned()));
        let make = Arc::clone(make);
        if let Some(path) = self.set(CREDENTIALS_FILE) {
            return Ok(configured(Arc::new(File::named(name, path.into(), form, make))));
        }
        let home = self.home().map_err(|error| (name, error))?.join(".alibabacloud");
        // The libraries do not agree which; none of them has both.
        let paths = vec![home.join("credentials"), home.join("credentials.ini")];
        Ok(configured(Arc::new(File::usual(name, paths, form, make))))
    }

    fn instance(&self, make: &Arc<dyn Make>) -> Tried {
        let name = "ecs_ram_role";
        if self.is_true(METADATA_DISABLED) {
            return Err((name, CredentialError::Absent(format!("{METADATA_DISABLED} is true"))));
        }
        let role = self.set(METADATA);
        // Who says which profile does not mean whatever the instance may be.
        if role.is_none() && self.set(PROFILE).is_some() {
            let why = format!("not asked, for {PROFILE} names a profile and {METADATA} no role");
            return Err((name, CredentialError::Absent(why)));
        }
        let asked_for = role.is_some();
        let step = made(name, make, &Recipe::EcsRamRole { name: role, without_token: false })?;
        Ok(Step { configured: asked_for, ..step })
    }

    fn uri(&self, make: &Arc<dyn Make>) -> Tried {
        let name = "credential_uri";
        let uri = self.set(URI).ok_or_else(|| (name, not_set(&[URI])))?;
        made(name, make, &Recipe::Uri(uri.into()))
    }

    fn home(&self) -> Result<PathBuf, CredentialError> {
        let home = self.set("HOME").or_else(|| self.set("HOMEPATH"));
        home.map(PathBuf::from).ok_or_else(|| not_set(&["HOME"]))
    }
}

fn configured(provider: Arc<dyn Provide>) -> Step {
    Step { provider, configured: true }
}

fn made(name: &'static str, make: &Arc<dyn Make>, recipe: &Recipe) -> Tried {
    make.provider(recipe).map(configured).map_err(|error| (name, error))
}

fn not_set(names: &[&str]) -> CredentialError {
    let verb = if names.len() == 1 { "is" } else { "are" };
    CredentialError::Absent(format!("{} {verb} not set", names.join(" and ")))
}
