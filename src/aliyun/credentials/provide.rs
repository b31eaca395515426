//! One way to come by a key.

use super::{CredentialError, Key};
use std::pin::Pin;

/// What a [`Provide::fetch`] gives.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Key, CredentialError>> + Send + 'a>>;

/// One way to come by a key.
pub trait Provide: std::fmt::Debug + Send + Sync {
    /// As the official libraries report it, such as `ecs_ram_role` (`api-contract.md` 9).
    fn name(&self) -> &'static str;

    /// A key as it is now; asks once, and takes at most a minute.
    ///
    /// # Errors
    /// [`CredentialError`], without any secret: who was asked, what came, what to do.
    fn fetch(&self) -> Fetching<'_>;
}
