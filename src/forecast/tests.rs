//! What holds of every forecast.

use super::pace::Pace;
use super::*;
use crate::attempt::{Kind, Lanes, Limits};
use crate::clock::{Clock, TokioClock};
use crate::cloud::CloudError;
use crate::ledger::tests::intent;
use crate::ledger::{DAY, Event, HOUR, Ledger, Past};
use crate::model::Verb;
use crate::plan::tests::{moment, scope};
use crate::window::{self, Window};
use jiff::SignedDuration;
use proptest::prelude::*;
use std::sync::Arc;

const PLENTY: Budget = Budget { hour: 1_000_000, day: 1_000_000 };

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A Monday.
fn noon() -> Timestamp {
    at("2026-11-23T12:00:00Z")
}

fn terms(start: f64, max: f64) -> Terms {
    Terms {
        now: noon(),
        writes: Rates { start, max },
        reads: Rates { start: 20.0, max: 100.0 },
        concurrency: 16,
        latency: LATENCY,
        budget: PLENTY,
        spent: Spent::default(),
        sent: Vec::new(),
    }
}

fn within(budget: Budget, sent: Vec<Timestamp>) -> Terms {
    let count = |window: Duration| {
        let window = SignedDuration::try_from(window).unwrap();
        sent.iter().filter(|at| noon().duration_since(**at) < window).count() as u64
    };
    let spent = Spent { hour: count(HOUR), day: count(DAY) };
    Terms { budget, spent, sent, ..terms(5.0, 50.0) }
}

fn detaches(detach: usize) -> Ask {
    Ask { detach, attach: 0, windows: Vec::new(), held: false }
}

fn during(text: &str, ask: Ask) -> Ask {
    let allow = Window::parse(window::Kind::Allow, text, "UTC").unwrap();
    Ask { windows: vec![Windows::new(vec![allow])], ..ask }
}

fn one(terms: &Terms, ask: Ask) -> Forecast {
    of(terms, &[ask]).unwrap()
}

#[test]
fn a_few_links_take_seconds_and_share_their_reads() {
    let forecast = one(&terms(5.0, 50.0), detaches(5));
    assert_eq!((forecast.begins, forecast.waits_for), (Some(noon()), None));
    // 200 ms to confirm, five calls 200 ms apart, 200 ms to look, 200 ms to read.
    assert_eq!(forecast.lasts(), Some(2));
    assert_eq!(forecast.calls, Calls { detach: 5, attach: 0, confirm: 1, verify: 3 });
    assert_eq!(of(&terms(5.0, 50.0), &[detaches(0)]), None);
}

#[test]
fn parts_of_a_second_are_left_out() {
    let now = noon() + SignedDuration::from_millis(700);
    let forecast = one(&Terms { now, ..terms(5.0, 50.0) }, detaches(5));
    assert_eq!((forecast.begins, forecast.waits_for), (Some(noon()), None));
    assert_eq!(forecast.done.unwrap().subsec_nanosecond(), 0);
}

#[test]
fn closed_windows_are_waited_for() {
    let forecast = one(&terms(5.0, 50.0), during("Tue 01:00-02:00", detaches(5)));
    assert_eq!(forecast.begins, Some(at("2026-11-24T01:00:00Z")));
    assert_eq!(forecast.waits_for, Some(Wait::Windows));
    assert_eq!((forecast.lasts(), forecast.interrupted_by), (Some(2), None));
}

#[test]
fn windows_that_close_in_the_middle_interrupt() {
    let sunset = at("2026-11-23T16:59:58Z");
    let ask = during("09:00-17:00", detaches(100));
    let forecast = one(&Terms { now: sunset, ..terms(5.0, 50.0) }, ask);
    assert_eq!((forecast.begins, forecast.waits_for), (Some(sunset), None));
    assert_eq!(forecast.interrupted_by, Some(Wait::Windows));
    let done = forecast.done.unwrap();
    let morning = at("2026-11-24T09:00:00Z");
    assert!(done > morning && done < morning + SignedDuration::from_secs(20), "{done}");
}

#[test]
fn windows_that_never_open_are_waited_for_in_vain() {
    let ask = during("2026-11-01..2026-11-02", detaches(5));
    let forecast = one(&terms(5.0, 50.0), ask);
    let when = (forecast.begins, forecast.lasts(), forecast.done);
    assert_eq!((when, forecast.waits_for), ((None, None, None), Some(Wait::Windows)));
    let last = Terms { now: at("2026-11-02T23:59:59Z"), ..terms(5.0, 50.0) };
    let forecast = one(&last, during("2026-11-01..2026-11-02", detaches(50)));
    assert_eq!((forecast.begins, forecast.done), (Some(last.now), None));
    assert_eq!(forecast.interrupted_by, Some(Wait::Windows));
}

#[test]
fn a_plan_waits_until_all_of_it_fits_into_the_budget() {
    let budget = Budget { hour: 10, day: 100 };
    let sent: Vec<_> = (0..8).map(|n| noon() - SignedDuration::from_mins(30 - n)).collect();
    let forecast = one(&within(budget, sent), detaches(5));
    // Three more fit after the third of the past is an hour old.
    assert_eq!(forecast.begins, Some(noon() + SignedDuration::from_mins(32)));
    assert_eq!(forecast.waits_for, Some(Wait::Budget));
    assert_eq!(forecast.share, Share { used: Spent { hour: 8, day: 8 }, limit: budget, wanted: 5 });
    assert_eq!((forecast.share.of_hour(), forecast.share.of_day()), (Some(130), Some(13)));
}

#[test]
fn the_later_of_budget_and_windows_is_said() {
    let budget = Budget { hour: 10, day: 100 };
    let terms = within(budget, vec![noon() - SignedDuration::from_mins(30); 10]);
    let both = |window: &str| {
        let forecast = one(&terms, during(window, detaches(1)));
        (forecast.begins.unwrap().to_string(), forecast.waits_for.unwrap())
    };
    assert_eq!(both("12:10-13:00"), ("2026-11-23T12:30:00Z".to_owned(), Wait::Budget));
    assert_eq!(both("12:10-12:20"), ("2026-11-24T12:10:00Z".to_owned(), Wait::Windows));
}

#[test]
fn a_plan_that_is_larger_than_the_budget_never_begins() {
    for budget in [Budget { hour: 4, day: 100 }, Budget { hour: 50, day: 4 }] {
        let forecast = one(&within(budget, Vec::new()), detaches(5));
        assert_eq!((forecast.begins, forecast.done), (None, None));
        assert_eq!(forecast.waits_for, Some(Wait::Budget));
    }
    let forecast =
        one(&within(Budget { hour: 0, day: 0 }, Vec::new()), Ask { attach: 3, ..detaches(0) });
    assert_eq!((forecast.begins, forecast.lasts()), (Some(noon()), Some(2)), "attaches are free");
}

#[test]
fn plans_side_by_side_that_do_not_fit_together_take_two_hours() {
    let terms = within(Budget { hour: 50, day: 200 }, Vec::new());
    let forecast = of(&terms, &[detaches(40), detaches(40), detaches(30)]).unwrap();
    assert_eq!(forecast.begins, Some(noon()));
    assert_eq!(forecast.interrupted_by, Some(Wait::Budget));
    let hours = forecast.lasts().unwrap() / 60;
    assert!((120..122).contains(&hours), "{hours} min");
    assert_eq!((forecast.calls.detach, forecast.share.wanted), (110, 110));
    let days = of(&terms, &std::array::from_fn::<_, 5, _>(|_| detaches(50))).unwrap();
    assert!(days.lasts().unwrap() >= DAY.as_secs(), "the day is the stricter one");
}

#[test]
fn one_that_is_late_does_not_hold_up_the_others_and_is_waited_for() {
    let terms = terms(5.0, 50.0);
    let late = during("Tue 01:00-02:00", detaches(5));
    let both = of(&terms, &[late.clone(), detaches(5)]).unwrap();
    assert_eq!((both.begins, both.waits_for), (Some(noon()), None));
    assert_eq!(both.done, one(&terms, late).done);
    let never = of(&terms, &[during("2026-11-01", detaches(5)), detaches(5)]).unwrap();
    assert_eq!((never.begins, never.done), (Some(noon()), None));
    assert_eq!(never.interrupted_by, Some(Wait::Windows));
}

#[test]
fn held_plans_are_said_to_need_a_release() {
    let held = Ask { held: true, ..detaches(5) };
    assert!(one(&terms(5.0, 50.0), held.clone()).once_released);
    assert!(of(&terms(5.0, 50.0), &[detaches(1), held]).unwrap().once_released);
    assert!(!one(&terms(5.0, 50.0), detaches(5)).once_released);
}

#[test]
fn regions_are_put_together_without_sharing_anything() {
    let lane = |region: &str| {
        let region = crate::model::Region::parse(region).unwrap();
        crate::model::Lane { region, ..scope().lane() }
    };
    let small = (terms(5.0, 50.0), detaches(5));
    let large = (within(Budget { hour: 100, day: 200 }, Vec::new()), detaches(50));
    let plans = [(lane("cn-hangzhou"), &small), (lane("cn-beijing"), &large)];
    let whole = together(plans).unwrap();
    let alone = one(&large.0, large.1.clone());
    assert_eq!(whole.lanes[&lane("cn-beijing")], alone);
    assert_eq!((whole.all.done, whole.all.share), (alone.done, alone.share));
    assert_eq!(whole.all.calls.detach, 55);
    let only = together([(lane("cn-beijing"), &large)]).unwrap();
    assert_eq!(only.all, alone);
    assert_eq!(together([]), None);
}

/// When the last of `n` calls ends that are made with the real limits, on paused time.
fn really(n: usize, limits: Limits) -> Duration {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.unwrap().block_on(async move {
        let clock = TokioClock::starting_at(noon());
        let begun = clock.now();
        let lanes = Arc::new(Lanes::new(limits, Arc::new(clock.clone()), 7));
        let kind = Kind::Write(Verb::Detach);
        let calls = (0..n).map(|_| {
            let lanes = Arc::clone(&lanes);
            async move {
                let (slot, _place) = lanes.admit(&scope().lane(), kind).await;
                tokio::time::sleep(LATENCY).await;
                lanes.answered(&scope().lane(), kind, &slot, None, &Ok::<(), CloudError>(()));
            }
        });
        futures_util::future::join_all(calls).await;
        clock.now().since(begun)
    })
}

fn any_window() -> impl Strategy<Value = Option<String>> {
    let span = (0u32..24, 0u32..60, 1u32..1439).prop_map(|(hour, minute, long)| {
        let end = (hour * 60 + minute + long) % 1440;
        format!("{hour:02}:{minute:02}-{:02}:{:02}", end / 60, end % 60)
    });
    proptest::option::of(prop_oneof![
        Just("12:00-12:01".to_owned()),
        Just("Tue 01:00-01:01".to_owned()),
        span
    ])
}

fn any_ask() -> impl Strategy<Value = Ask> {
    (0usize..400, 0usize..100, any_window()).prop_map(|(detach, attach, window)| {
        let ask = Ask { attach, ..detaches(detach) };
        window.map_or(ask.clone(), |text| during(&text, ask))
    })
}

/// `None`, which is never, is the latest.
fn end(terms: &Terms, ask: &Ask) -> (bool, Option<Timestamp>) {
    let done = of(terms, std::slice::from_ref(ask)).map_or(Some(noon()), |of| of.done);
    (done.is_none(), done)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_agrees_with_the_real_limiter(
        n in 1usize..400, start in 1.0f64..60.0, more in 0.0f64..60.0, concurrency in 1usize..33,
    ) {
        let writes = Rates { start, max: start + more };
        let mut pace = Pace::new(writes, concurrency, LATENCY);
        let last = (0..n).map(|_| pace.call(Duration::ZERO).1).last().unwrap() + LATENCY;
        let real = really(n, Limits { writes, concurrency, ..Limits::default() });
        let off = (last.as_secs_f64() - real.as_secs_f64()).abs() / real.as_secs_f64();
        prop_assert!(off <= 0.05, "{last:?} foretold, {real:?} taken");
    }

    #[test]
    fn more_links_never_end_earlier(
        ask in any_ask(), more in 0usize..30, attach in 0usize..30, hour in 1u64..500,
        sent in proptest::collection::vec(0i64..100_000, 0..20),
    ) {
        let sent = sent.iter().map(|ago| noon() - SignedDuration::from_secs(*ago)).collect();
        let terms = within(Budget { hour, day: 1000 }, sent);
        let larger = Ask {
            detach: ask.detach + more, attach: ask.attach + attach, ..ask.clone()
        };
        prop_assert!(end(&terms, &larger) >= end(&terms, &ask));
    }

    #[test]
    fn a_lower_rate_never_ends_earlier(
        ask in any_ask(), start in 1.0f64..60.0, max in 1.0f64..60.0,
        less in 0.1f64..1.0, concurrency in 1usize..33, reads in 1.0f64..30.0,
    ) {
        let rated = |start, max| Terms {
            concurrency, reads: Rates { start: reads, max: 100.0 }, ..terms(start, max)
        };
        let fast = end(&rated(start, max), &ask);
        prop_assert!(end(&rated(start * less, max), &ask) >= fast, "{fast:?}");
        prop_assert!(end(&rated(start, max * less), &ask) >= fast, "{fast:?}");
        let slowly = Terms { reads: Rates { start: reads * less, max: 100.0 }, ..rated(start, max) };
        prop_assert!(end(&slowly, &ask) >= fast, "{fast:?}");
    }

    #[test]
    fn it_never_takes_less_than_its_calls_one_after_the_other_in_their_places(
        ask in any_ask(), concurrency in 1usize..33, rate in 1.0f64..1000.0,
    ) {
        prop_assume!(ask.detach + ask.attach > 0);
        let terms = Terms { concurrency, ..terms(rate, rate) };
        let forecast = one(&terms, ask.clone());
        if let Some(lasts) = forecast.lasts() {
            let rounds = ask.detach.div_ceil(concurrency) + ask.attach.div_ceil(concurrency);
            prop_assert!(lasts as f64 >= rounds as f64 * LATENCY.as_secs_f64());
        }
    }

    /// A plan begins when the ledger says that it fits.
    #[test]
    fn it_begins_when_the_ledger_says_that_it_fits(
        ago in proptest::collection::vec(1u64..90_000, 0..12), wanted in 1u64..5,
    ) {
        let (now, budget) = (moment(100_000), Budget { hour: 3, day: 5 });
        let mut ledger = Ledger::default();
        for (n, ago) in ago.iter().enumerate() {
            let then = now.before(Duration::from_secs(*ago));
            ledger.take(n as u64 + 1, Past::now(then), &Event::Intent(intent(n)), now);
        }
        let lane = scope().lane();
        let terms = Terms {
            now: now.wall,
            budget,
            spent: ledger.spent(&lane, now),
            sent: ledger.sent_at(&lane, now),
            ..terms(5.0, 50.0)
        };
        let forecast = one(&terms, detaches(wanted as usize));
        prop_assert_eq!(forecast.begins, ledger.fits_at(&lane, wanted, budget, now));
    }
}
