//! When everything is read, and not only what seems to have changed.

use super::super::events::Inbox;
use super::super::folder::{Look, Outcome, keep_reading};
use super::super::known::Care;
use super::*;
use crate::manifest::File;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// A tree that never changes, and remembers how it was looked at.
struct Still {
    looks: Arc<Mutex<Vec<Care>>>,
}

impl Look for Still {
    fn root(&self) -> &Path {
        Path::new("/still")
    }

    async fn look(&mut self, _inbox: &Arc<Inbox>, care: Care) -> Outcome {
        self.looks.lock().unwrap().push(care);
        Ok(Arc::new(Snapshot::of(vec![File::new("a.yaml", "1")])))
    }

    fn has(&self, _path: &Path) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn events_do_not_put_off_the_look_at_everything() {
    let looks = Arc::new(Mutex::new(Vec::new()));
    let (told, still) = (Arc::new(Mutex::new(None)), Still { looks: Arc::clone(&looks) });
    let heard = Arc::clone(&told);
    let cancel = CancellationToken::new();
    let open = move |inbox: &Arc<Inbox>| {
        *heard.lock().unwrap() = Some(Arc::clone(inbox));
        still
    };
    let _readings = keep_reading(open, Settings::default(), cancel.clone());
    let inbox = told.lock().unwrap().clone().unwrap();
    // An event each second, for ten minutes: forty polls.
    for _ in 0..600 {
        sleep(Duration::from_secs(1)).await;
        inbox
            .hear(std::iter::empty::<PathBuf>(), &BTreeSet::from([PathBuf::from("/still/a.yaml")]));
    }
    cancel.cancel();
    let looks = looks.lock().unwrap();
    let whole = looks.iter().filter(|care| **care == Care::Everything).count();
    assert!((38..=42).contains(&whole), "{whole} of {} looks", looks.len());
}
