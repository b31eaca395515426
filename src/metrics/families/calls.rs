//! Calls to the cloud: how many, how they were answered, how fast they may go, how many are left.

use super::{Family, Kind, LANE};
use crate::aliyun::Operation;
use crate::attempt::LaneStats;
use crate::ledger::{Budget, Spent};
use crate::model::Lane;

/// How fast each action may go.
fn rates(stats: &LaneStats) -> [(Operation, f64); 3] {
    [
        (Operation::Describe, stats.reads),
        (Operation::Detach, stats.detaches),
        (Operation::Attach, stats.attaches),
    ]
}

/// By window.
fn windows(budget: Budget, spent: Spent) -> [(&'static str, u64, u64); 2] {
    [("hour", spent.hour, budget.hour), ("day", spent.day, budget.day)]
}

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "classiclinkd_calls",
        kind: Kind::Counter,
        unit: "",
        labels: &["account", "action", "code"],
        help: "Calls to the cloud, each repetition counted, by action and code of the answer: `ok`, a code \
               that is known in lower case (a `*` stands for the rest of a group), ours where the cloud \
               did not answer (`timeout`, `connect` and the like), else `other`",
        read: |shot, samples| {
            for ((account, action, code), count) in shot.counted.calls(shot.halted.keys()) {
                samples.put(&[account.as_str(), action.as_str(), code], count);
            }
        },
    },
    Family {
        name: "classiclinkd_call_duration_seconds",
        kind: Kind::Histogram,
        unit: "seconds",
        labels: &["action"],
        help: "How long calls took until their answer or its absence was known, waiting for the rate not \
               included",
        read: |shot, samples| {
            for (action, timings) in shot.counted.durations() {
                samples.put(&[action.as_str()], timings);
            }
        },
    },
    Family {
        name: "classiclinkd_calls_throttled",
        kind: Kind::Counter,
        unit: "",
        labels: &["account", "region", "action"],
        help: "Calls that the cloud turned away for exceeding a quota",
        read: |shot, samples| {
            for lane in &shot.lanes {
                for operation in [Operation::Describe, Operation::Detach, Operation::Attach] {
                    let count = shot.counted.throttled(lane, operation);
                    samples.of_lane(lane, &[operation.as_str()], count);
                }
            }
        },
    },
    Family {
        name: "classiclinkd_calls_in_flight",
        kind: Kind::Gauge,
        unit: "",
        labels: LANE,
        help: "Calls under way or waiting for the rate; `limits.concurrency` is the most",
        read: |shot, samples| {
            for (lane, stats) in &shot.limits {
                samples.of_lane(lane, &[], stats.in_flight);
            }
        },
    },
    Family {
        name: "classiclinkd_limiter_calls_per_second",
        kind: Kind::Gauge,
        unit: "",
        labels: &["account", "region", "action"],
        help: "Rate at which calls may be made now; it falls when the cloud throttles, and rises again",
        read: |shot, samples| {
            for (lane, stats) in &shot.limits {
                for (operation, rate) in rates(stats) {
                    samples.of_lane(lane, &[operation.as_str()], rate);
                }
            }
        },
    },
    Family {
        name: "classiclinkd_retry_budget_left",
        kind: Kind::Gauge,
        unit: "",
        labels: LANE,
        help: "What is left for repeating calls, of 500; a repetition takes 14 (5 after a throttle), and \
               what succeeds gives back; below that, nothing is repeated",
        read: |shot, samples| {
            for (lane, stats) in &shot.limits {
                samples.of_lane(lane, &[], u64::from(stats.retries_left));
            }
        },
    },
    Family {
        name: "classiclinkd_writes_halted",
        kind: Kind::Gauge,
        unit: "",
        labels: &["account"],
        help: "1 while changes rest because the cloud refused the account's credential, else 0",
        read: |shot, samples| {
            for (account, halted) in &shot.halted {
                samples.put(&[account.as_str()], *halted);
            }
        },
    },
    Family {
        name: "classiclinkd_credential_refused",
        kind: Kind::Gauge,
        unit: "",
        labels: &["account"],
        help: "1 while the cloud does not accept the account's credential, or does not permit it to read, in \
               some region: until a call there succeeds; else 0",
        read: |shot, samples| {
            for account in shot.halted.keys() {
                samples.put(&[account.as_str()], shot.counted.refuses(account));
            }
        },
    },
    Family {
        name: "classiclinkd_account_mismatched",
        kind: Kind::Gauge,
        unit: "",
        labels: &["account"],
        help: "1 while the credential is not, or not evidently, of the account that the configuration pins, so \
               that nothing is done in it; else 0",
        read: |shot, samples| {
            for account in shot.halted.keys() {
                let mismatched = shot.vitals.broken_pins.contains_key(account);
                samples.put(&[account.as_str()], mismatched);
            }
        },
    },
    Family {
        name: "classiclinkd_detach_budget_used",
        kind: Kind::Gauge,
        unit: "",
        labels: &["account", "region", "window"],
        help: "Detaches sent, or about to be, within the last `hour` and the last `day`",
        read: |shot, samples| {
            for (lane, spent) in &shot.spent {
                let lane: &Lane = lane;
                for (window, used, _) in windows(*shot.budget.of(&lane.account), *spent) {
                    samples.of_lane(lane, &[window], used);
                }
            }
        },
    },
    Family {
        name: "classiclinkd_detach_budget_limit",
        kind: Kind::Gauge,
        unit: "",
        labels: &["account", "region", "window"],
        help: "Most detaches within an `hour` and a `day` (`limits.budget`)",
        read: |shot, samples| {
            for (lane, spent) in &shot.spent {
                for (window, _, limit) in windows(*shot.budget.of(&lane.account), *spent) {
                    samples.of_lane(lane, &[window], limit);
                }
            }
        },
    },
    Family {
        name: "classiclinkd_pauses",
        kind: Kind::Gauge,
        unit: "",
        labels: &["cause"],
        help: "Pauses in force, by what caused them: `operator`, `budget`, `wrongPlace`, or the `file` in the \
               state folder",
        read: |shot, samples| {
            for (cause, count) in &shot.pauses {
                samples.put(&[cause], *count);
            }
        },
    },
    Family {
        name: "classiclinkd_credential_expiry_timestamp_seconds",
        kind: Kind::Gauge,
        unit: "seconds",
        labels: &["account"],
        help: "When the credential in use ends, since 1970; absent where no end is known",
        read: |shot, samples| {
            for (account, until) in &shot.vitals.expires {
                samples.put(&[account.as_str()], super::super::shot::seconds(*until));
            }
        },
    },
    Family {
        name: "classiclinkd_clock_off_seconds",
        kind: Kind::Gauge,
        unit: "seconds",
        labels: &["account"],
        help: "How far this clock is off the cloud's, either way, as far as its refusals told; from a minute on \
               nothing is done by a date",
        read: |shot, samples| {
            for (account, off) in &shot.vitals.clock_off {
                samples.put(&[account.as_str()], off.as_secs_f64());
            }
        },
    },
];
