//! The table of switches: one line each.

use super::Switches;
use super::value::Value;

/// One switch: its name on the command line, and what it does.
#[derive(Debug, Clone, Copy)]
pub struct Switch {
    /// `KEY` of `--fault KEY=VALUE`.
    pub name: &'static str,
    /// One line: what it does and what it takes.
    pub help: &'static str,
    apply: fn(&mut Switches, &str) -> Result<(), String>,
    show: fn(&Switches) -> String,
}

impl Switch {
    pub(super) fn apply(&self, switches: &mut Switches, text: &str) -> Result<(), String> {
        (self.apply)(switches, text)
    }

    pub(super) fn show(&self, switches: &Switches) -> String {
        (self.show)(switches)
    }
}

macro_rules! table {
    ($($name:literal => $field:ident: $help:literal,)+) => {
        &[$(Switch {
            name: $name,
            help: $help,
            apply: |switches, text| {
                switches.$field = Value::read(text)?;
                Ok(())
            },
            show: |switches| switches.$field.show(),
        },)+]
    };
}

impl Switches {
    /// All names and what they do, in the order to print them. A CHANCE is a share such as `20%` or
    /// `0.2`, or `next:3` for the next three calls; a SPREAD is a duration such as `3s` or a range
    /// such as `0s..30s`.
    #[rustfmt::skip]
    pub const HELP: &'static [Switch] = table![
        "edition" => edition: "codes and statuses of which documentation: 2018, 2020 or 2024",
        "already-gone" => already_gone: "detach of what is not linked: auto, invalid-vpc, ok, operation-denied",
        "attach-again" => attach_again: "attach of what is linked already: ok, operation-denied",
        "unknown-vpc" => unknown_vpc: "describe of an unknown VPC: not-belong, empty",
        "unknown-id" => unknown_id: "describe with an unknown instance id: fail, ignore",
        "vpc-instance" => vpc_instance: "describe of an instance of a VPC network: empty, malformed",
        "order" => order: "order of links: stable, drifting (by minute), shuffled (at each call)",
        "empty-list" => empty_list: "JSON without links: list, absent, object",
        "numbers" => numbers: "numbers in JSON: number, string",
        "identity" => identity: "whom a permanent key is said to stand for: account, user, role",
        "quota" => quota: "links a VPC can have",
        "attach-delay" => attach_delay: "SPREAD until an attached link is listed",
        "detach-delay" => detach_delay: "SPREAD for which a detached link is still listed",
        "stale-reads" => stale_reads: "CHANCE that a describe answers as of stale-age ago",
        "stale-age" => stale_age: "how old a stale answer is",
        "latency" => latency: "SPREAD between a request and its answer",
        "slow" => slow: "CHANCE that an answer takes slow-by longer",
        "slow-by" => slow_by: "how much longer a slow answer takes",
        "clock-skew" => clock_skew: "how far the cloud's clock is ahead, or behind with `-`",
        "timestamp-window" => timestamp_window: "how far a request's timestamp may be off, either way",
        "nonces" => nonces: "among whose requests a nonce is unique: key, global, off",
        "limit-per-minute" => limit_per_minute: "calls a clock minute: NUMBER or ACTION:NUMBER,...",
        "limit-per-second" => limit_per_second: "token bucket, calls a second: NUMBER or ACTION:NUMBER,...",
        "throttle-code" => throttle_code: "Throttling, Throttling.User, Throttling.Api, ...",
        "throttle-status" => throttle_status: "HTTP status of a throttled answer: 400, 403, 429",
        "throttle-hint" => throttle_hint: "headers of a throttled answer: retry-after, rate-limit, none",
        "only-actions" => only_actions: "restricts the CHANCEs of a call to these actions; empty for all",
        "only-accounts" => only_accounts: "restricts them to calls with keys of these account numbers; empty for all",
        "unready" => unready: "CHANCE that a change cannot be signed yet; only in this process, as in tests",
        "unreachable" => unreachable: "CHANCE that nothing can be sent",
        "reset" => reset: "CHANCE that the connection breaks before the call is carried out",
        "lost" => lost: "CHANCE that the call is carried out and its answer lost",
        "error-before" => error_before: "CHANCE of error-code before the call is carried out",
        "error-after" => error_after: "CHANCE of error-code after the call was carried out",
        "error-code" => error_code: "InternalError, ServiceUnavailable, UnknownError, ...",
        "html" => html: "CHANCE of a proxy's HTML page instead of an answer, before the call is carried out",
        "html-status" => html_status: "HTTP status of that page: 502, 503, 200, ...",
        "regions-down" => regions_down: "regions that answer ServiceUnavailable; `*` for all",
        "stuck" => stuck: "answers to attach and detach: INSTANCE:CODE[:CALLS|:DURATION],... (OK changes nothing)",
        "poison" => poison: "instances whose id makes a describe fail with InvalidInstanceId.NotBelong",
        "page-shift" => page_shift: "pages after the first skip so many links, or repeat them with `-`",
        "total-skew" => total_skew: "added to TotalCount on pages after the first",
        "hide" => hide: "percentage of links that describes leave out, always the same ones",
        "foreign-link" => foreign_link: "CHANCE that a describe lists a link nobody asked for",
        "reattach" => reattach: "links that come back after a detach: INSTANCE:TIMES,... or TIMES for all",
        "reattach-after" => reattach_after: "how long after the detach they come back",
        "deny-actions" => deny_actions: "actions RAM refuses; `*` for all",
        "deny-code" => deny_code: "code of that: Forbidden.SubUser, Forbidden.RAM, NoPermission",
        "retired-actions" => retired_actions: "actions that exist no more; `*` for all",
        "classic-network" => classic_network: "whether the accounts have a classic network: on, off",
        "metadata" => metadata: "metadata service: required (a token), optional, disabled",
        "sts-lifetime" => sts_lifetime: "how long credentials of STS and the metadata service last",
    ];
}
