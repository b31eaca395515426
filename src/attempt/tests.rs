use super::*;
use crate::clock::TokioClock;
use crate::model::Region;
use std::sync::atomic::{AtomicU32, Ordering};

/// Answers with `failures` errors, then an empty page.
struct Flaky {
    class: Class,
    failures: u32,
    calls: AtomicU32,
}

impl ReadLinks for Flaky {
    async fn describe(&self, _: &Query) -> Result<Page, CloudError> {
        if self.calls.fetch_add(1, Ordering::Relaxed) < self.failures {
            return Err(CloudError::new(self.class, "Code", "text"));
        }
        Ok(Page { links: vec![], total: 0, request_id: None })
    }
}

fn lanes(clock: &TokioClock) -> Lanes {
    Lanes::new(Limits::default(), Arc::new(clock.clone()), 7)
}

fn query() -> Query {
    Query::OfInstances { region: Region::parse("cn-hangzhou").unwrap(), instances: vec![] }
}

async fn read(class: Class, failures: u32) -> (bool, u32, Duration) {
    let clock = TokioClock::starting_at(jiff::Timestamp::from_second(40).unwrap());
    let flaky = Flaky { class, failures, calls: AtomicU32::new(0) };
    let account = AccountName::parse("default").unwrap();
    let answer = lanes(&clock).describe(&flaky, &account, &query()).await;
    (answer.is_ok(), flaky.calls.into_inner(), clock.now().monotonic)
}

#[tokio::test(start_paused = true)]
async fn a_read_is_tried_five_times() {
    assert!(read(Class::Ambiguous, 4).await.0);
    let (ok, calls, _) = read(Class::Ambiguous, 99).await;
    assert_eq!((ok, calls), (false, 5));
}

#[tokio::test(start_paused = true)]
async fn an_error_that_time_cannot_heal_is_not_repeated() {
    let (ok, calls, _) = read(Class::Denied, 99).await;
    assert_eq!((ok, calls), (false, 1));
}

#[tokio::test(start_paused = true)]
async fn a_throttled_read_waits_a_second_and_then_for_the_minute() {
    let (ok, calls, took) = read(Class::Throttled, 2).await;
    assert_eq!((ok, calls), (true, 3));
    assert!((20..26).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_are_in_flight_than_allowed() {
    let clock = TokioClock::starting_at(jiff::Timestamp::UNIX_EPOCH);
    let lanes = Lanes::new(Limits { concurrency: 8, ..Limits::default() }, Arc::new(clock), 7);
    let account = AccountName::parse("default").unwrap();
    let lane = query().lane(&account);
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(lanes.admit(&lane, Kind::Read).await);
    }
    let ninth = lanes.admit(&lane, Kind::Read);
    tokio::pin!(ninth);
    let early = tokio::time::timeout(Duration::from_secs(60), ninth.as_mut()).await;
    assert!(early.is_err());
    drop(held.pop());
    assert!(tokio::time::timeout(Duration::from_secs(1), ninth).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_halted_account_rests_for_a_minute() {
    let clock = TokioClock::starting_at(jiff::Timestamp::UNIX_EPOCH);
    let lanes = lanes(&clock);
    let account = AccountName::parse("default").unwrap();
    lanes.halt(&account);
    assert!(lanes.is_halted(&account));
    tokio::time::advance(Duration::from_secs(61)).await;
    assert!(!lanes.is_halted(&account));
}
