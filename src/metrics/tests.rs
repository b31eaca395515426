use super::*;
use crate::apply::Applied;
use crate::attempt::{Kind as Call, Limits};
use crate::board::{Board, Vitals};
use crate::clock::{Clock, TokioClock};
use crate::cloud::{
    Accepted, Class, CloudError, Identify, Page, Query, ReadLinks, Ticket, WriteLinks,
};
use crate::desired::Tree;
use crate::gate::tests::Setting;
use crate::journal::{Journal, Memory, PauseFile};
use crate::ledger::Budget;
use crate::model::{AccountId, AccountName, Lane, Mode, Verb};
use crate::outcome::{How, Outcome, Why};
use crate::plan;
use crate::plan::tests::{desired, id, moment, observed, scope};
use crate::report::ScopeReport;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

/// What every test's numbers come from.
struct World {
    clock: Arc<TokioClock>,
    counts: Counts,
    board: Board,
    lanes: Arc<crate::attempt::Lanes>,
    journal: Journal,
    notifications: crate::notification::Counters,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(TokioClock::starting_at(jiff::Timestamp::from_second(9_000).unwrap()));
        let dynamic: Arc<dyn Clock> = Arc::<TokioClock>::clone(&clock);
        Self {
            counts: Counts::default(),
            board: Board::new(Duration::from_secs(60)),
            notifications: Default::default(),
            lanes: Arc::new(crate::attempt::Lanes::new(Limits::default(), Arc::clone(&dynamic), 7)),
            journal: Journal::in_memory(Memory::default(), dynamic),
            clock,
        }
    }

    fn metrics(&self) -> Metrics {
        Metrics::new(Sources {
            counts: self.counts.clone(),
            board: self.board.clone(),
            lanes: Arc::clone(&self.lanes),
            accounts: [scope().account].into(),
            journal: self.journal.clone(),
            pause_file: PauseFile::default(),
            budget: Budget { hour: 50, day: 200 }.into(),
            notifications: self.notifications.clone(),
            interval: Duration::from_secs(60),
            started: self.clock.now().wall,
            clock: Arc::<TokioClock>::clone(&self.clock),
        })
    }

    fn text(&self) -> String {
        self.metrics().text().unwrap()
    }

    /// As the daemon tells of the end of a pass.
    fn passed(&self, report: ScopeReport) {
        self.counts.applied(&report.scope, &report.applied);
        self.counts.passed(&report);
        self.board.passed(&Arc::new(report), self.clock.now());
    }
}

/// A pass that found the links `seen`, where `wanted` are listed.
fn pass(wanted: &[usize], seen: &[usize]) -> ScopeReport {
    let wanted = desired(Mode::Detach, wanted);
    let complete = observed(&wanted, seen, &[], moment(9_000));
    let plan = plan::compute(&Arc::new(wanted), &complete, moment(9_000).wall);
    match Setting::default().review(plan, 0) {
        Ok(approved) => ScopeReport::of_approved(&approved),
        Err(held) => ScopeReport::of_held(*held),
    }
}

fn failed() -> ScopeReport {
    let error = CloudError::new(Class::Denied, "Forbidden.RAM", "not for i-secret");
    ScopeReport::of_failure(&desired(Mode::Detach, &[1]), error)
}

fn ended(report: &mut ScopeReport, outcomes: Vec<Outcome>) {
    let actions = report.actions.iter().cloned().zip(outcomes);
    let applied = actions.map(|(action, outcome)| Applied { action, outcome, attempts: 1 });
    report.applied = applied.collect();
}

/// The samples of a family, by the text of their labels.
fn samples(text: &str, name: &str) -> BTreeMap<String, f64> {
    let of = text.lines().filter_map(|line| line.strip_prefix(name));
    let pairs = of.filter_map(|rest| {
        let (labels, number) = rest.rsplit_once(' ')?;
        let labels = if labels.is_empty() { "" } else { labels.strip_prefix('{')? };
        Some((labels.trim_end_matches('}').to_owned(), number.parse().ok()?))
    });
    pairs.collect()
}

fn sample(text: &str, name: &str, labels: &str) -> Option<f64> {
    samples(text, name).into_iter().find(|(of, _)| of.contains(labels)).map(|(_, number)| number)
}

#[tokio::test(start_paused = true)]
async fn what_ended_is_counted_and_what_stands_is_shown() {
    let world = World::new();
    let mut report = pass(&[1, 2, 3], &[1, 2, 3, 4, 5]);
    let why = Why { class: Class::Blocked, code: "OperationDenied".into(), message: "i-x".into() };
    ended(&mut report, vec![Outcome::Converged(How::Detached), Outcome::Blocked(why)]);
    world.passed(report);
    let text = world.text();
    assert_eq!(sample(&text, "classiclinkd_passes_total", "verdict=\"approved\""), Some(1.0));
    assert_eq!(sample(&text, "classiclinkd_passes_total", "verdict=\"held\""), Some(0.0));
    assert_eq!(sample(&text, "classiclinkd_links_observed", ""), Some(5.0));
    assert_eq!(sample(&text, "classiclinkd_links_desired", ""), Some(3.0));
    let drift = |kind: &str| sample(&text, "classiclinkd_links_drifted", kind);
    assert_eq!(drift("unexpected"), Some(1.0), "one of the two is gone");
    assert_eq!(drift("missing"), Some(0.0));
    let actions = samples(&text, "classiclinkd_actions_total");
    assert_eq!(actions.values().sum::<f64>(), 2.0, "{actions:?}");
    let of = |labels: &str| sample(&text, "classiclinkd_actions_total", labels);
    assert_eq!(of("outcome=\"converged\",class=\"none\""), Some(1.0));
    assert_eq!(of("verb=\"detach\",outcome=\"blocked\",class=\"blocked\""), Some(1.0));
    assert!(!text.contains("\"i-") && !text.contains("i-x"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_counted_once_a_pass_and_shown_while_it_stands() {
    let world = World::new();
    let many: Vec<usize> = (1..30).collect();
    world.passed(pass(&[1], &many));
    world.passed(pass(&[1], &many));
    let text = world.text();
    let refused = |rule: &str, text: &str| sample(text, "classiclinkd_passes_refused_total", rule);
    assert_eq!(refused("perPlan", &text), Some(2.0));
    assert_eq!(refused("journal", &text), Some(0.0));
    assert_eq!(sample(&text, "classiclinkd_refusals", "rule=\"perPlan\""), Some(1.0));
    world.passed(pass(&[1], &[1]));
    let text = world.text();
    assert_eq!(refused("perPlan", &text), Some(2.0), "what happened stays");
    assert_eq!(samples(&text, "classiclinkd_refusals"), BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_is_absent_and_ages() {
    let world = World::new();
    world.passed(failed());
    let text = world.text();
    for name in ["observation_age_seconds", "links_observed", "links_drifted", "credential_expiry"]
    {
        assert_eq!(samples(&text, &format!("classiclinkd_{name}")), BTreeMap::new(), "{name}");
    }
    world.passed(pass(&[1], &[1]));
    tokio::time::advance(Duration::from_secs(50)).await;
    world.passed(failed());
    let text = world.text();
    assert_eq!(sample(&text, "classiclinkd_observation_age_seconds", ""), Some(50.0));
    assert_eq!(samples(&text, "classiclinkd_links_observed"), BTreeMap::new());
    assert_eq!(sample(&text, "classiclinkd_passes_total", "failed"), Some(2.0));
    assert_eq!(sample(&text, "classiclinkd_scopes", "verdict=\"failed\""), Some(1.0));
    assert_eq!(sample(&text, "classiclinkd_scopes", "verdict=\"inSync\""), Some(0.0));
}

#[tokio::test(start_paused = true)]
async fn a_released_vpc_leaves_no_series_behind() {
    let world = World::new();
    world.passed(pass(&[1], &[1]));
    let vpc = format!("vpc=\"{}\"", scope().vpc);
    assert!(world.text().contains(&vpc));
    world.counts.keep_only(&BTreeMap::<_, ()>::new());
    let revision = crate::model::Revision::of_content(crate::model::Digest::of([b"x".as_slice()]));
    let empty = Tree { revision: Arc::new(revision), scopes: BTreeMap::new() };
    world.board.accepted(&Arc::new(empty), world.clock.now());
    assert!(!world.text().contains(&vpc));
    world.passed(pass(&[1], &[1]));
    let passes = sample(&world.text(), "classiclinkd_passes_total", "inSync");
    assert_eq!(passes, Some(1.0), "one that comes back begins anew");
}

#[tokio::test(start_paused = true)]
async fn the_loop_tells_of_itself() {
    let world = World::new();
    let (lane, account) = (scope().lane(), scope().account);
    world.passed(pass(&[1], &[1]));
    let vitals = Vitals {
        broken_pins: [(
            crate::model::AccountName::parse("default").unwrap(),
            "of another".to_owned(),
        )]
        .into(),
        quarantined: [(lane.clone(), 3)].into(),
        waiting: 4,
        under_way: 5,
        expires: [(account.clone(), moment(12_345).wall)].into(),
        refused: BTreeMap::new(),
        clock_off: [(account, Duration::from_millis(1500))].into(),
    };
    world.board.beat(world.clock.now(), vitals);
    world.board.trouble(Some("x.yaml: `secret`".to_owned()), world.clock.now());
    let _slot = world.lanes.admit(&lane, Call::Write(Verb::Detach)).await;
    let text = world.text();
    let of = |name: &str| sample(&text, &format!("classiclinkd_{name}"), "");
    assert_eq!(of("links_quarantined"), Some(3.0));
    assert_eq!(of("account_mismatched"), Some(1.0));
    assert_eq!((of("scopes_waiting"), of("passes_under_way")), (Some(4.0), Some(5.0)));
    assert_eq!(of("credential_expiry_timestamp_seconds"), Some(12_345.0));
    assert_eq!((of("clock_off_seconds"), of("interval_seconds")), (Some(1.5), Some(60.0)));
    assert_eq!((of("source_problem"), of("journal_writable")), (Some(1.0), Some(1.0)));
    assert_eq!((of("calls_in_flight"), of("retry_budget_left")), (Some(1.0), Some(500.0)));
    let rate = sample(&text, "classiclinkd_limiter_calls_per_second", "DescribeClassicLink");
    assert_eq!(rate, Some(20.0));
    let trouble = sample(&text, "classiclinkd_happenings_total", "trouble");
    assert_eq!((trouble, of("heartbeat_timestamp_seconds")), (Some(1.0), Some(9_000.0)));
    let check = |name: &str| sample(&text, "classiclinkd_health_check", name);
    assert_eq!((check("loop"), check("revision")), (Some(1.0), Some(0.0)));
    assert!(!text.contains("secret"));
}

mod standing;

/// Gives its answers one after the other, each after 150 ms.
struct Script(Mutex<Vec<Result<(), CloudError>>>);

impl Script {
    async fn next(&self) -> Result<(), CloudError> {
        tokio::time::sleep(Duration::from_millis(150)).await;
        self.0.lock().unwrap().remove(0)
    }
}

impl ReadLinks for Script {
    async fn describe(&self, _: &Query) -> Result<Page, CloudError> {
        self.next().await.map(|()| Page { links: vec![], total: 0, request_id: None })
    }
}

impl WriteLinks for Script {
    async fn carry_out(&self, _: &Ticket) -> Result<Accepted, CloudError> {
        self.next().await.map(|()| Accepted::default())
    }

    fn clock_off(&self) -> Duration {
        Duration::from_secs(7)
    }
}

impl Identify for Script {
    async fn caller(&self) -> Result<AccountId, CloudError> {
        self.next().await.map(|()| AccountId::parse("1234567890123456").unwrap())
    }

    fn expires(&self) -> Option<jiff::Timestamp> {
        Some(jiff::Timestamp::UNIX_EPOCH)
    }
}

#[tokio::test(start_paused = true)]
async fn each_call_is_counted_by_code_and_codes_that_nobody_knows_are_one() {
    let world = World::new();
    let fails = |class, code: &str| Err(CloudError::new(class, code, "text of the cloud"));
    let answers = vec![
        Ok(()),
        fails(Class::Throttled, "Throttling.User"),
        fails(Class::Unknown, "Made.Up.i-0001"),
        fails(Class::Unknown, "Made.Up.i-0002"),
        fails(Class::Ambiguous, "timeout"),
        Ok(()),
        fails(Class::Blocked, "OperationDenied"),
    ];
    let account = AccountName::parse("prod").unwrap();
    let clock: Arc<dyn Clock> = Arc::<TokioClock>::clone(&world.clock);
    let metered =
        Metered::new(Script(Mutex::new(answers)), account.clone(), clock).counted_by(&world.counts);
    assert_eq!(metered.clock_off(), Duration::from_secs(7));
    assert_eq!(metered.expires(), Some(jiff::Timestamp::UNIX_EPOCH));
    let query = Query::OfInstances { region: scope().region, instances: vec![id(1)] };
    for _ in 0..5 {
        let _answer = metered.describe(&query).await;
    }
    assert!(metered.caller().await.is_ok());
    let link = scope().link(id(1));
    let ticket = Ticket::issue(crate::cloud::IntentId(1), Verb::Detach, scope(), link);
    assert!(metered.carry_out(&ticket).await.is_err());
    let text = world.text();
    let calls = samples(&text, "classiclinkd_calls_total");
    let call = |action: &str, code: &str| {
        let labels = format!("account=\"prod\",action=\"{action}\",code=\"{code}\"");
        calls.get(&labels).copied()
    };
    let describe = "DescribeClassicLinkInstances";
    assert_eq!(call(describe, "ok"), Some(1.0));
    assert_eq!(call(describe, "throttling.*"), Some(1.0));
    assert_eq!(call(describe, "other"), Some(2.0));
    assert_eq!(call(describe, "timeout"), Some(1.0));
    assert_eq!(call("GetCallerIdentity", "ok"), Some(1.0));
    assert_eq!(call("DetachClassicLinkVpc", "operationdenied"), Some(1.0));
    assert_eq!(calls.len(), 8, "and two of an account that made none: {calls:?}");
    let lane = Lane { account, region: scope().region };
    let throttled = format!("account=\"prod\",region=\"{}\",action=\"{describe}\"", lane.region);
    assert_eq!(samples(&text, "classiclinkd_calls_throttled_total")[&throttled], 1.0);
    let durations = "classiclinkd_call_duration_seconds";
    let at = |le: &str| {
        let labels = format!("le=\"{le}\",action=\"{describe}\"");
        sample(&text, &format!("{durations}_bucket"), &labels)
    };
    assert_eq!((at("0.1"), at("0.2"), at("+Inf")), (Some(0.0), Some(5.0), Some(5.0)));
    assert_eq!(sample(&text, &format!("{durations}_sum"), describe), Some(0.75));
    assert!(!text.contains("Made.Up") && !text.contains("text of the cloud"));
}

#[tokio::test(start_paused = true)]
async fn every_family_is_announced_once_and_named_as_its_kind_asks() {
    let text = World::new().text();
    let mut names = BTreeSet::new();
    for family in Family::all() {
        let Family { name, kind, unit, help, .. } = family;
        assert!(names.insert(*name), "{name} is there twice");
        let announced = format!("# HELP {name} {help}.\n# TYPE {name} {}\n", kind.as_str());
        assert_eq!(text.matches(&announced).count(), 1, "{announced}");
        assert!(!name.ends_with("_total") && !name.ends_with("_info"), "{name}");
        assert!(!help.ends_with('.') && !help.contains(['\\', '\n', '"']), "{help}");
        if unit.is_empty() {
            for unit in ["_seconds", "_bytes"] {
                assert!(!name.ends_with(unit), "{name} has a unit");
            }
        } else {
            assert!(name.ends_with(&format!("_{unit}")), "{name}");
            assert!(text.contains(&format!("# UNIT {name} {unit}\n")), "{name}");
        }
        assert!(!family.labels.iter().any(|label| label.contains("instance")), "{name}");
    }
    assert_eq!(text.matches("# TYPE ").count(), names.len());
    assert!(text.ends_with("\n# EOF\n"));
}

#[test]
fn odd_characters_in_a_label_are_escaped() {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Odd));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    assert!(text.contains(r#"odd{name="a\"b\\c\nd}e{=,"} 1"#), "{text}");
}

/// A family through [`super::sample`], with a label that no parser of ours lets through.
#[derive(Debug)]
struct Odd;

impl Collector for Odd {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor("odd", "help", None, MetricType::Gauge)?;
        super::sample(&mut metric, Kind::Gauge, &[("name", "a\"b\\c\nd}e{=,")], &Value::Whole(1))
    }
}
