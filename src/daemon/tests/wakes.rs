//! What makes a daemon look again long before the interval is over.

use super::isolation::{cloud, link, manifests, region, running, vpc};
use super::*;
use std::sync::atomic::{AtomicBool, Ordering};

const HOUR: Duration = Duration::from_secs(3600);

/// How long after the hindrance has ended the first link of the manifests is all that is left.
async fn gets_over(memory: &Memory, pause_file: &Arc<AtomicBool>, end: impl FnOnce()) -> Duration {
    let wall = "2026-11-23T12:00:00Z".parse().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(crate::clock::TokioClock::starting_at(wall));
    let (sim, stop) = (cloud(&clock), CancellationToken::new());
    let reader = watch::Sender::new(manifests());
    let host = (memory, PauseFile::imagined(Arc::clone(pause_file)));
    let mut daemon = running(&sim, &clock, &reader, &stop, host);
    daemon.interval = HOUR;
    daemon.readings.mark_changed();
    let daemon = tokio::spawn(daemon.run());
    tokio::time::sleep(Duration::from_secs(120)).await;
    let left = || sim.links(&region(), &vpc("z", 0));
    assert_eq!(left().len(), 2, "nothing stops it");
    end();
    let ended = clock.now();
    while left() != [link("z", 0, "keep")] {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    stop.cancel();
    daemon.await.unwrap().unwrap();
    clock.now().since(ended)
}

#[tokio::test(start_paused = true)]
async fn a_pause_file_that_is_removed() {
    let file = Arc::new(AtomicBool::new(true));
    let removed = || file.store(false, Ordering::SeqCst);
    let took = gets_over(&Memory::default(), &file, removed).await;
    assert!(took < 3 * BEAT, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_works_again() {
    let memory = Memory::default();
    let full = memory.clone();
    memory.watch(move |entry| {
        if entry.kind == "accepted" {
            full.fail(true);
        }
    });
    let took = gets_over(&memory, &Arc::default(), || memory.fail(false)).await;
    assert!(took < HOUR / 6, "{took:?}");
}
