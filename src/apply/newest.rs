//! The newest accepted revision, as the source publishes it.

use crate::desired::Tree;
use std::sync::Arc;
use tokio::sync::watch;

/// What the manifests say now.
#[derive(Debug, Clone)]
pub struct Current {
    /// The newest accepted revision.
    pub tree: Arc<Tree>,
    /// Whether the files changed and are not read yet.
    pub unsettled: bool,
}

/// Follows [`Current`].
#[derive(Debug, Clone)]
pub struct Newest(watch::Receiver<Current>);

impl Newest {
    /// Follows what is sent on the channel.
    pub fn following(receiver: watch::Receiver<Current>) -> Self {
        Self(receiver)
    }

    /// What the manifests say at this moment.
    pub fn current(&self) -> Current {
        self.0.borrow().clone()
    }
}
