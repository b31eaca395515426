//! Assumes a role with a token that an OpenID Connect provider wrote into a file, as Kubernetes does for a
//! pod (`api-contract.md` 9).

use super::role::{Role, of_account, refuse};
use super::{Sts, pair};
use crate::aliyun::client::request::Call;
use crate::aliyun::codes::Operation;
use crate::aliyun::credentials::provide::{Fetching, Provide};
use crate::aliyun::credentials::{CredentialError, Key};
use crate::aliyun::redact::Secrets;
use crate::secret::{self, Fault};
use secrecy::{ExposeSecret as _, SecretString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Longest token; STS takes 20,000 characters.
const TOKEN_MAX: u64 = 32 * 1024;

/// Assumes a role with a token. The call is not signed: the token is the whole proof.
#[derive(Debug)]
pub struct AssumeRoleWithOidc {
    sts: Arc<Sts>,
    role: Role,
    provider: String,
    token_file: PathBuf,
}

impl AssumeRoleWithOidc {
    /// `provider` is the ARN of the identity provider that RAM knows; `token_file` is read each time, for
    /// whoever writes it renews it. An external id of the role is not sent: this call knows none.
    ///
    /// # Errors
    /// [`CredentialError`] for what is no ARN of a provider.
    pub fn new(
        sts: Arc<Sts>,
        role: Role,
        provider: &str,
        token_file: &Path,
    ) -> Result<Self, CredentialError> {
        let provider = provider.trim();
        if !of_account(provider, ":oidc-provider/") {
            return refuse(
                "the ARN of the OIDC provider",
                provider,
                "an ARN looks like `acs:ram::1234567890123456:oidc-provider/name`",
            );
        }
        Ok(Self { sts, role, provider: provider.to_owned(), token_file: token_file.to_owned() })
    }

    async fn key(&self) -> Result<Key, CredentialError> {
        let token = self.token()?;
        let mut secrets = Secrets::default();
        secrets.add(token.expose_secret());
        // The signature of a token is a secret of its own, for the rest of it is known to many.
        token.expose_secret().rsplit('.').take(1).for_each(|part| secrets.add(part));
        let mut parameters = self.role.parameters();
        parameters.push(pair("OIDCProviderArn", &self.provider));
        parameters.push(pair("OIDCToken", token.expose_secret()));
        let call = Call { operation: Operation::AssumeWithOidc, region: None, parameters };
        self.sts.ask(&call, None, &mut secrets).await
    }

    fn token(&self) -> Result<SecretString, CredentialError> {
        let (why, exposed) = match secret::line(&self.token_file, TOKEN_MAX) {
            Ok(token) => return Ok(token),
            Err(Fault::Open(error)) => (error.to_string(), false),
            Err(Fault::Content(why)) => (why, false),
            Err(Fault::Exposed(why)) => (why, true),
        };
        let why = format!(
            "{why}; it has to hold the token of the OIDC provider, and to be for this process alone: in \
             Kubernetes a `runAsUser` or an `fsGroup` of the pod makes it so"
        );
        let path = self.token_file.clone();
        Err(match exposed {
            true => CredentialError::Exposed { path, why },
            false => CredentialError::File { path, why },
        })
    }
}

impl Provide for AssumeRoleWithOidc {
    fn name(&self) -> &'static str {
        "oidc_role_arn"
    }

    fn fetch(&self) -> Fetching<'_> {
        Box::pin(self.key())
    }
}
