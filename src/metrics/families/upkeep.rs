//! The daemon itself: its manifests, its journal, its loop, its health.

use super::{Family, Kind};
use crate::board::Happening;
use crate::metrics::shot::seconds;

/// Set by whoever builds a release; a build without it has no commit to name.
const COMMIT: Option<&str> = option_env!("CLASSICLINKD_COMMIT");

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "classiclinkd_revision_accepted_timestamp_seconds",
        kind: Kind::Gauge,
        unit: "seconds",
        labels: &[],
        help: "When this process took over the revision in force, since 1970; absent until there is one",
        read: |shot, samples| {
            if let Some(at) = shot.accepted_at {
                samples.put(&[], seconds(at));
            }
        },
    },
    Family {
        name: "classiclinkd_source_problem",
        kind: Kind::Gauge,
        unit: "",
        labels: &[],
        help: "1 while the folder or repository of manifests cannot be accepted, so that an older revision stays in force, else 0",
        read: |shot, samples| samples.put(&[], shot.source_problem),
    },
    Family {
        name: "classiclinkd_journal_writable",
        kind: Kind::Gauge,
        unit: "",
        labels: &[],
        help: "0 while the journal cannot be written, so that nothing is sent, else 1",
        read: |shot, samples| samples.put(&[], shot.journal_writable),
    },
    Family {
        name: "classiclinkd_journal_size_bytes",
        kind: Kind::Gauge,
        unit: "bytes",
        labels: &[],
        help: "Size of the journal's files; absent where there is none",
        read: |shot, samples| {
            if let Some(bytes) = shot.journal.bytes {
                samples.put(&[], bytes);
            }
        },
    },
    Family {
        name: "classiclinkd_journal_entries",
        kind: Kind::Counter,
        unit: "",
        labels: &[],
        help: "Number of the last entry of the journal; unlike other counters it goes on across restarts",
        read: |shot, samples| samples.put(&[], shot.journal.last),
    },
    Family {
        name: "classiclinkd_journal_commit_duration_seconds",
        kind: Kind::Histogram,
        unit: "seconds",
        labels: &[],
        help: "How long it took to make entries durable; those that wait together share a commit",
        read: |shot, samples| {
            if let Some(commits) = &shot.journal.commits {
                samples.put(&[], commits);
            }
        },
    },
    Family {
        name: "classiclinkd_scopes_waiting",
        kind: Kind::Gauge,
        unit: "",
        labels: &[],
        help: "VPCs that are due and wait for one of the `workers` of their account and region",
        read: |shot, samples| samples.put(&[], shot.vitals.waiting),
    },
    Family {
        name: "classiclinkd_passes_under_way",
        kind: Kind::Gauge,
        unit: "",
        labels: &[],
        help: "Passes under way; `workers` is the most of one account and region",
        read: |shot, samples| samples.put(&[], shot.vitals.under_way),
    },
    Family {
        name: "classiclinkd_happenings",
        kind: Kind::Counter,
        unit: "",
        labels: &["kind"],
        help: "What happened: `accepted` (a revision), `trouble` (with the folder or repository of manifests, or its end), `passed`, \
               `expiring` (notice of an `until`), `stopped` (what stops calls changed)",
        read: |shot, samples| {
            for kind in Happening::KINDS {
                samples.put(&[kind], shot.happened.get(kind).copied().unwrap_or_default());
            }
        },
    },
    Family {
        name: "classiclinkd_health_check",
        kind: Kind::Gauge,
        unit: "",
        labels: &["check"],
        help: "1 while a check of `/readyz` holds, else 0: `loop`, `journal`, `revision`, `observations`, \
               `credentials`",
        read: |shot, samples| {
            for check in &shot.health.checks {
                samples.put(&[check.name], check.found.is_ok());
            }
        },
    },
    Family {
        name: "classiclinkd_heartbeat_timestamp_seconds",
        kind: Kind::Gauge,
        unit: "seconds",
        labels: &[],
        help: "When the loop last turned, since 1970; it does so every 5 s at least",
        read: |shot, samples| {
            if let Some(at) = shot.heartbeat {
                samples.put(&[], seconds(at));
            }
        },
    },
    Family {
        name: "classiclinkd_notifications",
        kind: Kind::Counter,
        unit: "",
        labels: &["sink", "outcome"],
        help: "News for a sink of `notifications`, by what became of them: `sent`, `failed` (given up), \
               `dropped` (by a full queue)",
        read: |shot, samples| {
            for stats in &shot.notifications {
                let counts = [stats.sent, stats.failed, stats.dropped];
                for (outcome, count) in ["sent", "failed", "dropped"].into_iter().zip(counts) {
                    samples.put(&[stats.sink.as_str(), outcome], count);
                }
            }
        },
    },
    Family {
        name: "classiclinkd_interval_seconds",
        kind: Kind::Gauge,
        unit: "seconds",
        labels: &[],
        help: "How often each VPC is looked at (`interval`)",
        read: |shot, samples| samples.put(&[], shot.interval.as_secs_f64()),
    },
    Family {
        name: "classiclinkd_build",
        kind: Kind::Info,
        unit: "",
        labels: &["version", "commit"],
        help: "Which program this is; `commit` is `unknown` where the build did not say",
        read: |_, samples| {
            samples.put(&[env!("CARGO_PKG_VERSION"), COMMIT.unwrap_or("unknown")], true);
        },
    },
    Family {
        name: "process_start_time_seconds",
        kind: Kind::Gauge,
        unit: "seconds",
        labels: &[],
        help: "When the process started, since 1970",
        read: |shot, samples| samples.put(&[], seconds(shot.started)),
    },
];
