//! The services that give keys: STS, the metadata service of an instance, URLs, programs.

use super::external::External;
use super::make::{Fixed, Make};
use super::metadata::{METADATA, Metadata, OpenMode};
use super::provide::Provide;
use super::recipe::{Place, Recipe, Role};
use super::sts::{AssumeRole, AssumeRoleWithOidc, Role as Assumed, Sts};
use super::uri::CredentialsUri;
use super::{CredentialError, environment::Environment};
use crate::aliyun::endpoint::Endpoint;
use crate::clock::Clock;
use crate::model::Region;
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use std::time::Duration;

/// The name of sessions of roles where nobody gives one: the cloud's audit trail shows it.
pub const SESSION: &str = "classiclinkd";

/// How services are reached.
pub struct Services {
    /// Replaces the endpoint of STS and, where it is on this machine, the metadata service.
    endpoint: Option<Endpoint>,
    place: Place,
    open: OpenMode,
    /// Why profiles cannot have the key of the instance, where that is so.
    no_instance: Option<CredentialError>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl Services {
    /// The real services, or whatever answers at `endpoint`.
    pub fn new(
        endpoint: Option<Endpoint>,
        environment: Environment<'_>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (place, open) = (environment.place(), environment.open_mode());
        let no_instance = environment.may_ask_instance().err();
        Self { endpoint, place, open, no_instance, clock }
    }

    /// Whoever gives keys of a role for those of `base`.
    ///
    /// # Errors
    /// [`CredentialError`] if the role holds what cannot be.
    pub fn assume(
        &self,
        base: Arc<dyn Provide>,
        role: &Role,
    ) -> Result<Arc<dyn Provide>, CredentialError> {
        let assumed = assumed(role)?.external(role.external_id.clone().map(SecretString::from));
        Ok(Arc::new(AssumeRole::new(self.sts(&role.place)?, base, assumed)))
    }

    fn sts(&self, place: &Place) -> Result<Arc<Sts>, CredentialError> {
        let region = place.region.as_ref().or(self.place.region.as_ref());
        let vpc = place.vpc || self.place.vpc;
        let endpoint = match (&self.endpoint, region) {
            (Some(endpoint), _) => Ok(endpoint.clone()),
            (None, None) => Endpoint::of_sts(None),
            (None, Some(region)) => {
                let region = Region::parse(region).map_err(|error| unusable(error.to_string()))?;
                Endpoint::of_sts_in(&region, vpc)
            }
        };
        let endpoint = endpoint.map_err(|error| unusable(error.to_string()))?;
        Ok(Arc::new(Sts::new(endpoint, false, Arc::clone(&self.clock))?))
    }

    /// Whoever gives the key of the instance that we run on, whatever the environment says about asking: for
    /// a configuration that names this way.
    ///
    /// # Errors
    /// [`CredentialError`] for what is no name of a role.
    pub fn instance(
        &self,
        role: Option<&str>,
        without_token: bool,
    ) -> Result<Arc<dyn Provide>, CredentialError> {
        let near = self.endpoint.as_ref().filter(|endpoint| endpoint.is_plain());
        let near = near.map(|endpoint| format!("http://{}", endpoint.authority()));
        let open = if without_token { OpenMode::Allowed } else { self.open };
        let at = near.as_deref().unwrap_or(METADATA);
        Ok(Arc::new(Metadata::new(at, role, open, Arc::clone(&self.clock))?))
    }
}

impl Make for Services {
    fn provider(&self, recipe: &Recipe) -> Result<Arc<dyn Provide>, CredentialError> {
        match recipe {
            Recipe::Key(key) => {
                let name = if key.token.is_some() { "static_sts" } else { "static_ak" };
                Ok(Arc::new(Fixed::new(name, key.clone())))
            }
            Recipe::AssumeRole { base, role } => self.assume(self.provider(base)?, role),
            Recipe::Oidc(oidc) => {
                let (sts, role) = (self.sts(&oidc.role.place)?, assumed(&oidc.role)?);
                let provider =
                    AssumeRoleWithOidc::new(sts, role, &oidc.provider, &oidc.token_file)?;
                Ok(Arc::new(provider))
            }
            Recipe::EcsRamRole { name, without_token } => match &self.no_instance {
                Some(error) => Err(error.clone()),
                None => self.instance(name.as_deref(), *without_token),
            },
            Recipe::Uri(uri) => {
                Ok(Arc::new(CredentialsUri::new(uri.expose_secret(), Arc::clone(&self.clock))?))
            }
            Recipe::External(command) => {
                Ok(Arc::new(External::new(command.expose_secret(), Arc::clone(&self.clock))?))
            }
        }
    }
}

fn assumed(role: &Role) -> Result<Assumed, CredentialError> {
    let assumed = Assumed::new(&role.arn, role.session.as_deref().unwrap_or(SESSION))?;
    let assumed = match role.duration {
        Some(seconds) => assumed.living(Duration::from_secs(u64::from(seconds)))?,
        None => assumed,
    };
    Ok(assumed.under(role.policy.as_deref()))
}

fn unusable(why: String) -> CredentialError {
    CredentialError::Service { who: "STS".to_owned(), why, temporary: false }
}
