//! How long things took, counted: plain numbers for whoever shows them.

use std::time::Duration;

/// Durations counted by their upper bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Timings {
    bounds: &'static [f64],
    /// One more than bounds: the last is for what is longer than all of them.
    counts: Vec<u64>,
    sum: Duration,
}

impl Timings {
    /// Nothing yet; bounds are in seconds, ascending.
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: Duration::ZERO }
    }

    /// Counts one.
    pub fn record(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let place = self.bounds.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
        self.sum = self.sum.saturating_add(took);
    }

    /// How many, by upper bound in seconds, each counted once; the last bound is infinite.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(self.counts.iter().copied())
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long, together.
    pub fn sum(&self) -> Duration {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_once_at_the_smallest_bound_that_holds_it() {
        let mut timings = Timings::new(&[0.01, 0.1, 1.0]);
        for millis in [1, 10, 11, 1000, 1001, 90_000] {
            timings.record(Duration::from_millis(millis));
        }
        let buckets: Vec<_> = timings.buckets().collect();
        assert_eq!(buckets, [(0.01, 2), (0.1, 1), (1.0, 1), (f64::INFINITY, 2)]);
        assert_eq!((timings.count(), timings.sum().as_millis()), (6, 92_023));
    }
}
