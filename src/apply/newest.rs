//! The newest accepted revision, as the source publishes it.

use crate::desired::Tree;
use crate::source::Reading;
use std::sync::Arc;
use tokio::sync::watch;

/// What the manifests say now.
#[derive(Debug, Clone)]
pub struct Current {
    /// The newest accepted revision.
    pub tree: Arc<Tree>,
    /// Whether the files changed and are not read yet.
    pub unsettled: bool,
    /// Which reading of the files it was decided by: its number.
    pub reading: u64,
}

/// Follows [`Current`].
#[derive(Debug, Clone)]
pub struct Newest {
    current: watch::Receiver<Current>,
    readings: Option<watch::Receiver<Reading>>,
}

impl Newest {
    /// Follows what is sent on the channel.
    pub fn following(current: watch::Receiver<Current>) -> Self {
        Self { current, readings: None }
    }

    /// Looks at what is read of the files, too. Who decides about a reading may be busy writing down
    /// the one before, and a slow disk is no reason to act by what somebody has changed meanwhile.
    #[must_use]
    pub fn as_read(self, readings: watch::Receiver<Reading>) -> Self {
        Self { readings: Some(readings), ..self }
    }

    /// What the manifests say at this moment.
    pub fn current(&self) -> Current {
        let mut current = self.current.borrow().clone();
        if let Some(readings) = &self.readings {
            let reading = readings.borrow();
            current.unsettled |= reading.unsettled || reading.sequence != current.reading;
        }
        current
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Digest, Revision};
    use crate::source::State;

    #[test]
    fn a_reading_that_nobody_decided_about_yet_unsettles() {
        let revision = Arc::new(Revision::of_content(Digest::of([])));
        let tree = Arc::new(Tree { revision, scopes: [].into() });
        let current = watch::Sender::new(Current { tree, unsettled: false, reading: 3 });
        let reading = |unsettled, sequence| Reading { state: State::Reading, unsettled, sequence };
        let readings = watch::Sender::new(reading(false, 3));
        let newest = Newest::following(current.subscribe()).as_read(readings.subscribe());
        assert!(!newest.current().unsettled);
        readings.send_replace(reading(true, 4));
        assert!(newest.current().unsettled, "something changed");
        readings.send_replace(reading(false, 5));
        assert!(newest.current().unsettled, "it is read, and nobody decided yet");
        current.send_modify(|current| current.reading = 5);
        assert!(!newest.current().unsettled);
    }
}
