//! A key without waiting for it, and another one than was refused.

use super::{CredentialError, Credentials, InUse, Look, Need, Next, PATIENCE};
use std::time::Duration;

impl Credentials {
    /// The key to sign with now, without waiting for one: where it is not good enough, or may not be the
    /// right one any more, another one is asked for meanwhile.
    ///
    /// # Errors
    /// [`CredentialError`]: there is none that is good enough yet.
    pub fn at_once(&self, need: Need) -> Result<InUse, CredentialError> {
        let look = match self.0.provider.changed() {
            true => Look::Wait(Duration::ZERO),
            false => self.0.look(need),
        };
        match look {
            Look::Use(in_use, next) => {
                if next == Next::Renew {
                    drop(self.0.renew());
                }
                Ok(in_use)
            }
            Look::Wait(pause) => {
                if pause.is_zero() {
                    drop(self.0.renew());
                }
                let (who, why) =
                    (self.0.provider.name().to_owned(), "the next one is not here yet");
                Err(CredentialError::Service { who, why: why.to_owned(), temporary: true })
            }
            Look::Fail(error) => Err(error),
        }
    }

    /// Another key than the one that was just refused, if there is one.
    ///
    /// # Errors
    /// As [`Credentials::key`].
    pub async fn other_than(&self, refused: &InUse, need: Need) -> Result<InUse, CredentialError> {
        if self.generation() == refused.generation && self.0.may_ask() {
            let _in_time = tokio::time::timeout(PATIENCE, self.0.renew()).await;
        }
        self.key(need).await
    }
}
