//! Files read side by side, on as many threads as there are processors.

use super::{Diagnostic, File, document};
use crate::desired::Document;
use std::iter;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Builder};

/// Text that is worth a thread of its own, in bytes: it takes some milliseconds to read.
const BYTES_PER_THREAD: usize = 256 * 1024;
/// Threads that help at most: whoever has more processors wants them for something else, too.
const HELPERS_MAX: usize = 7;

type Outcome = Result<Vec<Document>, Vec<Diagnostic>>;

/// What each file holds, or everything wrong with it, in their order.
pub(super) fn read(files: &[&File]) -> Vec<Outcome> {
    let bytes: usize = files.iter().map(|file| file.text().len()).sum();
    let wanted = (bytes / BYTES_PER_THREAD).min(HELPERS_MAX);
    // To ask for the processors means to read some files of the system's.
    let processors = || thread::available_parallelism().map_or(1, NonZero::get);
    let helpers = if wanted == 0 { 0 } else { wanted.min(processors() - 1) };
    if helpers == 0 {
        return files.iter().map(|file| document::read(file)).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let take = || {
            let index = next.fetch_add(1, Ordering::Relaxed);
            Some((index, document::read(files.get(index)?)))
        };
        iter::from_fn(take).collect::<Vec<_>>()
    };
    let mut read = thread::scope(|scope| {
        // Where no thread can be had, this one does the work.
        let helper = |_| Builder::new().spawn_scoped(scope, work).ok();
        let helpers: Vec<_> = (0..helpers).filter_map(helper).collect();
        let mut read = work();
        for helper in helpers {
            read.extend(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        read
    });
    read.sort_by_key(|(index, _)| *index);
    read.into_iter().map(|(_, outcome)| outcome).collect()
}
