//! `approve`: a person's leave for one plan that the gate holds.

use super::findings::{Findings, Found, Known, Waiting, can_be_approved, count, is_used};
use super::record;
use super::resume::second;
use super::{Exit, Failure, Globals, logging, setup, terminal};
use crate::clock::{self, Moment};
use crate::config::APPROVAL_MAX;
use crate::journal::{self, Past};
use crate::ledger::event::{Approval, Event, Passed};
use crate::model::{Digest, Verb, printable};
use clap::Args;
use std::fmt::Write as _;
use std::time::Duration;

/// Fewest digits that name a plan.
const DIGITS_MIN: usize = 8;
/// All digits of a plan's digest.
const DIGITS: usize = 64;

/// Release one plan that the gate holds
///
/// The digest binds account, region, VPC, mode, revision and actions: once any of these changes, the
/// approval is void. It releases rules that are a matter of judgement (perPlan, emptying, shrink,
/// cutShort, flapping) and no others, lets each link go once, and expires. `status` lists the plans
/// that wait. It does not ask: naming the plan is the consent. Exit codes: 0 approved, 1 not.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    classiclinkd approve 3f2a9c01b7de\n  \
    classiclinkd approve 3f2a9c01b7de --for 4h --reason agreed-with-shop-team")]
pub(super) struct Options {
    /// The plan: the first digits of its digest, 8 at least, as `status` and `plan` show them
    #[arg(value_name = "DIGEST", value_parser = digits)]
    digest: String,
    /// Why, for those who ask later
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// How long it holds, 168h at most [default: approvalTtl of the configuration]
    #[arg(long = "for", value_name = "TIME", value_parser = lifetime)]
    lifetime: Option<Duration>,
}

fn digits(text: &str) -> Result<String, String> {
    let digits = text.to_ascii_lowercase();
    let hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    if hex && (DIGITS_MIN..=DIGITS).contains(&digits.len()) {
        return Ok(digits);
    }
    Err(format!("write 8 to 64 hexadecimal digits, not `{}`", printable(text)))
}

fn lifetime(text: &str) -> Result<Duration, String> {
    match clock::duration(text) {
        Some(time) if (Duration::from_secs(1)..=APPROVAL_MAX).contains(&time) => Ok(time),
        Some(_) => Err("write 1s at least and 168h at most".to_owned()),
        None => Err("write a time with its unit, such as 30m, 4h or 2d".to_owned()),
    }
}

pub(super) async fn main(options: Options, globals: Globals) -> Result<Exit, Failure> {
    let config = setup::config(&globals)?;
    // What goes wrong is said once, as the command's own error.
    logging::start(&config, "off")?;
    let (folder, clock) = (setup::state_folder(&config)?, setup::clock());
    let now = clock.now();
    let past = journal::look(&folder, now)?;
    let until = now.after(options.lifetime.unwrap_or(config.approval_ttl)).wall;
    let Options { digest, reason, .. } = options;
    let (plan, of) = judge(&digest, &past, now)?;
    let approval = Approval { plan, of, by: journal::user(), reason, until };
    terminal::out(&shown(&approval))?;
    record::release(&folder, Event::Approved(approval)).await?;
    terminal::out(
        "approved; the next pass of the daemon, or `apply`, carries it out as far as nothing else holds \
         it\n",
    )?;
    Ok(Exit::Clean)
}

/// The plan that is meant, as the journal knows it.
fn judge(digits: &str, past: &Past, now: Moment) -> Result<(Digest, Option<Passed>), Failure> {
    let findings = Findings::of(past);
    match findings.find(digits) {
        Known::Waiting(waiting) if waiting.can_be_approved() => {
            Ok((waiting.plan.clone(), Some(waiting.passed.clone())))
        }
        Known::Waiting(waiting) => Err(Failure(not_by_approval(&waiting))),
        Known::Free((_, passed)) => free(digits, passed, past, now),
        Known::Stale(then, now) => Err(Failure(stale(digits, past, then, now))),
        Known::Several(plans) => {
            let plans: Vec<&str> = plans.iter().map(|plan| plan.as_str()).collect();
            Err(Failure(format!(
                "approve the plan {digits}: several begin like that; give more digits of one of these:\n  \
                 {}",
                plans.join("\n  ")
            )))
        }
        Known::Nothing => match Digest::parse(digits) {
            Some(plan) => Ok((plan, None)),
            None => Err(Failure(unknown(digits, &findings))),
        },
    }
}

/// A plan that nothing held when it was looked at last: approved, perhaps, and perhaps carried out.
fn free(
    digits: &str,
    passed: &Passed,
    past: &Past,
    now: Moment,
) -> Result<(Digest, Option<Passed>), Failure> {
    let of_it = |approval: &&Approval| passed.plan.as_ref() == Some(&approval.plan);
    let approvals: Vec<&Approval> = past.ledger.approvals(now).filter(of_it).collect();
    let live = approvals.iter().find(|approval| !is_used(approval, past));
    let why = match (live, approvals.is_empty(), Digest::parse(digits)) {
        (Some(live), ..) => format!("it is approved until {}", second(live.until)),
        (None, true, _) => "it needs no approval".to_owned(),
        // Approved for the next time, as a plan is that nobody saw yet.
        (None, false, Some(plan)) => return Ok((plan, Some(passed.clone()))),
        (None, false, None) => "and its approval is used: each of its links was detached since; should \
             they come back, `status` shows the plan as soon as it is held again; to approve it before \
             that, give all its 64 digits"
            .to_owned(),
    };
    Err(Failure(format!("approve the plan {digits}: nothing holds it, {why}")))
}

fn unknown(digits: &str, findings: &Findings<'_>) -> String {
    let waiting: Vec<String> = findings.waiting().map(|waiting| line(&waiting)).collect();
    let what = if waiting.is_empty() {
        "the journal knows no plan that is held now; `apply` and the daemon write down what they \
         hold, `plan` does not: a plan that only `plan` saw is approved with all its 64 digits, which \
         `plan --output json` has"
            .to_owned()
    } else {
        format!("the journal knows no such plan; these are held:\n  {}", waiting.join("\n  "))
    };
    format!("approve the plan {digits}: {what}")
}

/// A held plan in a line.
pub(super) fn line(waiting: &Waiting<'_>) -> String {
    format!(
        "{}  {}  {} to detach, {} to attach  {}",
        waiting.plan.short(),
        waiting.passed.scope,
        waiting.count(Verb::Detach),
        waiting.count(Verb::Attach),
        waiting.rules()
    )
}

fn not_by_approval(waiting: &Waiting<'_>) -> String {
    let (scope, plan) = (&waiting.passed.scope, waiting.plan.short());
    let mut text =
        format!("approve the plan {plan} of {scope}: what holds it is not released by an approval");
    for (rule, message, way_out) in &waiting.passed.refusals {
        let _ = write!(text, "\n  [{}] {message}\n    -> {way_out}", printable(rule));
    }
    text
}

fn stale(digits: &str, past: &Past, then: Found<'_>, now: Option<Found<'_>>) -> String {
    let (scope, revision) = (&then.1.scope, &then.1.revision);
    let mut text = format!(
        "approve the plan {digits} of {scope}: it was found at {} by revision {revision}, and something \
         has changed since",
        second(then.0)
    );
    let in_force = past.ledger.accepted().map(|accepted| &accepted.revision);
    if let Some(in_force) = in_force.filter(|in_force| in_force.digest != revision.digest) {
        let _ = write!(text, "; revision {in_force} is in force now");
    }
    let Some((at, now)) = now else {
        return text + ", by which the VPC was not looked at yet; see `classiclinkd status`";
    };
    let plan = now.plan.as_ref().map_or("none", |plan| plan.short());
    let _ = write!(
        text,
        "; since {} the VPC is {}, with plan {plan}",
        second(at),
        printable(&now.verdict)
    );
    for (rule, message, _) in &now.refusals {
        let _ = write!(text, "\n  [{}] {message}", printable(rule));
    }
    text
}

/// What is approved, to be read before it is.
fn shown(approval: &Approval) -> String {
    let mut text = String::new();
    let by = printable(&approval.by);
    let until = second(approval.until);
    match &approval.of {
        None => {
            let _ = writeln!(
                text,
                "plan {}\n  the journal does not know this plan: nothing but its digest is approved, \
                 which binds account, region, VPC, mode, revision and actions",
                approval.plan
            );
        }
        Some(passed) => describe(&mut text, &approval.plan, passed),
    }
    let reason = approval.reason.as_deref();
    let reason = reason.map_or_else(String::new, |reason| format!(": {}", printable(reason)));
    let _ = writeln!(text, "by {by}, until {until}{reason}");
    text
}

fn describe(text: &mut String, plan: &Digest, passed: &Passed) {
    let Passed { scope, revision, mode, observed, desired, refusals, .. } = passed;
    let made = revision.made();
    let _ = writeln!(
        text,
        "plan {}  {scope}  mode {mode}, {observed} observed, {desired} desired\nrevision {revision}{made}",
        plan.short()
    );
    for (verb, instance) in &passed.actions {
        let sign = if *verb == Verb::Detach { '-' } else { '+' };
        let _ = writeln!(text, "  {sign} {verb:<7}  {instance}");
    }
    let (detach, attach) = (count(passed, Verb::Detach), count(passed, Verb::Attach));
    let _ = writeln!(text, "{detach} to detach, {attach} to attach");
    for (title, released) in [("releases:", true), ("does NOT release:", false)] {
        let mut of = refusals.iter().filter(|said| can_be_approved(&said.0) == released).peekable();
        if of.peek().is_some() {
            let _ = writeln!(text, "{title}");
        }
        for (rule, message, way_out) in of {
            let _ = writeln!(text, "  [{}] {message}", printable(rule));
            if !released {
                let _ = writeln!(text, "    -> {way_out}");
            }
        }
    }
}
