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

    /// Whether what was read for the last [`Provide::fetch`], such as a file, holds something else now, so
    /// that the key of that time may not be the right one any more. Asks no service.
    fn changed(&self) -> bool {
        false
    }

    /// The file that the key was read from, where there is one.
    fn file(&self) -> Option<std::path::PathBuf> {
        None
    }
}
