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
async fn a_change_at_the_end_of_patience_is_not_passed_over() {
    let (folder, cancel) = (Imagined::new(Path::new("/manifests")), CancellationToken::new());
    folder.write("a.yaml", "0");
    let Settings { settle, settle_max, .. } = Settings::default();
    let readings = folder.watch(Settings::default(), cancel.clone());
    sleep(settle_max * 2).await;
    assert!(!readings.borrow().unsettled);
    // Somebody writes a file for long, and ends in the last moment at which a reading could.
    folder.begin("a.yaml", "");
    sleep(settle_max - settle / 2).await;
    folder.write("a.yaml", "1");
    let settled = |reading: &Reading| match &reading.state {
        State::Settled(snapshot) => !reading.unsettled && **snapshot.files[0].text() == *"1",
        _ => false,
    };
    let mut waited = Duration::ZERO;
    while !settled(&readings.borrow()) {
        assert!(readings.borrow().unsettled, "after {waited:?} the old revision counts again");
        sleep(settle / 10).await;
        waited += settle / 10;
    }
    assert!(waited >= settle && waited < settle * 4, "{waited:?}");
    cancel.cancel();
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
