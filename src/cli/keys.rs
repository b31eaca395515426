//! From what the configuration says of an account to its credentials.

use super::setup;
use crate::aliyun::credentials::environment::Environment;
use crate::aliyun::credentials::file::{File, Form};
use crate::aliyun::credentials::make::{Fixed, Make, Unusable};
use crate::aliyun::credentials::provide::Provide;
use crate::aliyun::credentials::recipe::{Oidc, Place, Recipe, Role};
use crate::aliyun::credentials::services::Services;
use crate::aliyun::{CredentialError, Credentials};
use crate::clock::Clock;
use crate::config::accounts::{Assume, From};
use crate::config::{Account, Config};
use crate::model::AccountName;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Longest policy that narrows a role; STS takes 2048 characters.
const POLICY_MAX: u64 = 16 * 1024;

/// The credentials of accounts. Nobody is asked for a key yet.
pub(super) struct Keys<'a> {
    config: &'a Config,
    clock: &'a Arc<dyn Clock>,
    services: Arc<Services>,
    known: BTreeMap<AccountName, Credentials>,
}

impl<'a> Keys<'a> {
    pub fn new(config: &'a Config, clock: &'a Arc<dyn Clock>) -> Result<Self, super::Failure> {
        let endpoint = setup::endpoint(config)?;
        let services = Services::new(endpoint, Environment(&variable), Arc::clone(clock));
        Ok(Self { config, clock, services: Arc::new(services), known: BTreeMap::new() })
    }

    /// The credentials of one account; always the same ones, for those who get their key from it.
    ///
    /// # Errors
    /// [`CredentialError`] if the configuration says what cannot be.
    pub fn of(
        &mut self,
        name: &AccountName,
        account: &Account,
    ) -> Result<Credentials, CredentialError> {
        if let Some(known) = self.known.get(name) {
            return Ok(known.clone());
        }
        let first = self.first(name, account)?;
        let provider = match &account.credentials.assume {
            None => first,
            Some(assume) => {
                // Its own, for the first key is renewed when it ends and not when the role's does.
                let first = Credentials::new(first, Arc::clone(self.clock), setup::seed());
                self.services.assume(Arc::new(first), &role(assume)?)?
            }
        };
        let credentials = Credentials::new(provider, Arc::clone(self.clock), setup::seed());
        self.known.insert(name.clone(), credentials.clone());
        Ok(credentials)
    }

    /// As [`Keys::of`]; where that fails, credentials that never have a key, and say why.
    pub fn or_none(&mut self, name: &AccountName, account: &Account) -> Credentials {
        self.of(name, account).unwrap_or_else(|error| {
            let provider = Arc::new(Unusable(error));
            Credentials::new(provider, Arc::clone(self.clock), setup::seed())
        })
    }

    fn first(
        &mut self,
        name: &AccountName,
        account: &Account,
    ) -> Result<Arc<dyn Provide>, CredentialError> {
        let environment = Environment(&variable);
        let services: Arc<dyn Make> = Arc::clone(&self.services) as _;
        let recipe = match &account.credentials.from {
            From::Chain => {
                // An account that nobody configured, beside others, is not worth asking around for.
                let others = self.config.accounts.len() > 1;
                let instance = !(setup::is_implied(name, account) && others);
                return Ok(Arc::new(environment.chain(&services, instance)));
            }
            From::Environment => return Ok(Arc::new(Fixed::new("env", environment.key()?))),
            From::File { path, section } => {
                let form = Form::Shared(section.clone().unwrap_or_else(|| "default".to_owned()));
                let file = File::named("file", path.clone(), form, services);
                return Ok(Arc::new(file));
            }
            From::Profile { name, file } => {
                let path = file.clone().map_or_else(|| environment.cli_file(), Ok)?;
                let form = Form::Cli(Some(name.clone()));
                return Ok(Arc::new(File::named("cli_profile", path, form, services)));
            }
            From::Account(other) => {
                let Some(account) = self.config.accounts.get(other) else {
                    return Err(CredentialError::Absent(format!("there is no account `{other}`")));
                };
                return Ok(Arc::new(self.of(other, account)?));
            }
            From::Oidc { role, provider, token_file, session } => {
                let role = Role { arn: role.clone(), session: session.clone(), ..Role::default() };
                let (provider, token_file) = (provider.clone(), token_file.clone());
                Recipe::Oidc(Oidc { role, provider, token_file })
            }
            From::EcsRamRole { role, without_token } => {
                return self.services.instance(role.as_deref(), *without_token);
            }
            From::Uri(uri) => Recipe::Uri(uri.clone().into()),
        };
        services.provider(&recipe)
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn role(assume: &Assume) -> Result<Role, CredentialError> {
    let Assume { role, session, duration, external_id, policy_file, region, vpc_endpoint } = assume;
    let seconds = duration.map(|duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX));
    Ok(Role {
        arn: role.clone(),
        session: session.clone(),
        duration: seconds,
        policy: policy_file.as_deref().map(policy).transpose()?,
        external_id: external_id.clone(),
        place: Place { region: region.as_ref().map(ToString::to_string), vpc: *vpc_endpoint },
    })
}

/// A policy is no secret, but has to be one: a broken one would be refused by STS at night.
fn policy(path: &Path) -> Result<String, CredentialError> {
    let fail = |why: String| CredentialError::File { path: path.to_owned(), why };
    let length = std::fs::metadata(path).map_err(|error| fail(error.to_string()))?.len();
    if length > POLICY_MAX {
        return Err(fail(format!("it is longer than {} KiB", POLICY_MAX / 1024)));
    }
    let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    match serde_json::from_str::<serde_json::Value>(&text) {
        // Without the white space: STS counts it.
        Ok(policy) if policy.is_object() => Ok(policy.to_string()),
        _ => Err(fail("it is no RAM policy; write a JSON object with `Statement`".to_owned())),
    }
}
