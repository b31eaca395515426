//! News on their way to one sink: bounded, and nobody who tells ever waits.

use super::news::News;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// News kept for a sink that does not take them.
const KEPT_MAX: usize = 512;

#[derive(Debug, Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    told: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    news: VecDeque<Arc<News>>,
    /// News that were lost since the last message said so.
    lost: u64,
}

impl Queue {
    /// Adds news; where there is no room, the oldest go. Gives how many did.
    pub(super) fn tell(&self, news: Arc<News>) -> u64 {
        let mut inner = self.lock();
        inner.news.push_back(news);
        let over = inner.news.len().saturating_sub(KEPT_MAX);
        inner.news.drain(..over);
        inner.lost = inner.lost.saturating_add(over as u64);
        drop(inner);
        self.told.notify_one();
        over as u64
    }

    /// Waits until there are news.
    pub(super) async fn some(&self) {
        while self.len() == 0 {
            self.told.notified().await;
        }
    }

    /// Everything that is there, and how much was lost before.
    pub(super) fn take(&self) -> (Vec<Arc<News>>, u64) {
        let mut inner = self.lock();
        let lost = std::mem::take(&mut inner.lost);
        (inner.news.drain(..).collect(), lost)
    }

    /// News that were taken and not delivered: the next message says so.
    pub(super) fn lose(&self, lost: u64) {
        let mut inner = self.lock();
        inner.lost = inner.lost.saturating_add(lost);
    }

    pub(super) fn len(&self) -> usize {
        self.lock().news.len()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::news::Event;
    use crate::plan::tests::moment;

    #[test]
    fn a_full_queue_loses_the_oldest_and_counts_them() {
        let queue = Queue::default();
        let news = |n: usize| Arc::new(News::new(Event::Test, moment(0), n.to_string()));
        let dropped: u64 = (0..KEPT_MAX + 3).map(|n| queue.tell(news(n))).sum();
        assert_eq!((dropped, queue.len()), (3, KEPT_MAX));
        let (kept, lost) = queue.take();
        assert_eq!((kept[0].title.as_str(), lost), ("3", 3));
        queue.lose(2);
        assert_eq!(queue.take().1, 2, "said once");
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let queue = Arc::new(Queue::default());
        let waiting = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { queue.some().await }
        });
        queue.tell(Arc::new(News::new(Event::Test, moment(0), "x")));
        waiting.await.unwrap();
    }
}
