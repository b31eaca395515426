//! The side of the operator.

use super::{Answer, Asked, FILE, Request, wire};
use crate::clock::Clock;
use std::io;
use std::path::Path;
use std::time::Duration;
use thiserror::Error;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum Failed {
    /// No daemon listens in the folder.
    #[error("no daemon listens in the state folder")]
    Nobody,
    /// One may listen, and it did not answer; whether it did what was asked is not known.
    #[error("the daemon does not answer over its control socket: {0}")]
    Silent(String),
}

/// Asks the daemon that runs in the state folder, and waits for `patience`; a daemon that comes to it
/// later does not do it any more.
///
/// # Errors
/// [`Failed`]
pub async fn ask(
    folder: &Path,
    what: Request,
    patience: Duration,
    clock: &dyn Clock,
) -> Result<Answer, Failed> {
    let asked = Asked { what, until: clock.now().after(patience).wall };
    let stream = match UnixStream::connect(folder.join(FILE)).await {
        Ok(stream) => stream,
        // A path that is too long for a socket is one where nobody listens, too.
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::InvalidInput => return Err(Failed::Nobody),
            _ => return Err(Failed::Silent(error.to_string())),
        },
    };
    let silent = |error: io::Error| Failed::Silent(error.to_string());
    let talk = async {
        let (reader, mut writer) = stream.into_split();
        writer.write_all(wire::asked(&asked).as_bytes()).await?;
        super::line(reader).await
    };
    let line = timeout(patience, talk)
        .await
        .map_err(|_| Failed::Silent(format!("nothing within {patience:?}")))?
        .map_err(silent)?;
    let unclear = || Failed::Silent("its answer cannot be understood".to_owned());
    wire::answered(&line).ok_or_else(unclear)
}
