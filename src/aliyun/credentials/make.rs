//! From what is said of a key to whoever gives it.

use super::provide::{Fetching, Provide};
use super::recipe::Recipe;
use super::{CredentialError, Key};
use std::sync::Arc;

/// Makes providers. A seam for tests, which have no services to ask.
pub trait Make: std::fmt::Debug + Send + Sync {
    /// Whoever gives the key that a recipe says. Nothing is asked yet.
    ///
    /// # Errors
    /// [`CredentialError`] if the recipe holds what cannot be.
    fn provider(&self, recipe: &Recipe) -> Result<Arc<dyn Provide>, CredentialError>;
}

/// A key that stays the same.
#[derive(Debug)]
pub struct Fixed {
    name: &'static str,
    key: Key,
}

impl Fixed {
    /// That key, under a provider's name.
    pub fn new(name: &'static str, key: Key) -> Self {
        Self { name, key }
    }
}

/// What has no key, ever, and why.
#[derive(Debug)]
pub struct Unusable(pub CredentialError);

impl Provide for Unusable {
    fn name(&self) -> &'static str {
        "none"
    }

    fn fetch(&self) -> Fetching<'_> {
        Box::pin(std::future::ready(Err(self.0.clone())))
    }
}

impl Provide for Fixed {
    fn name(&self) -> &'static str {
        self.name
    }

    fn fetch(&self) -> Fetching<'_> {
        Box::pin(std::future::ready(Ok(self.key.clone())))
    }
}
