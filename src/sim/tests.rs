use super::exchange::{Reply, Verdict};
use super::problem::Action;
use super::semantics::{Answer, LinkPage};
use super::state::{Instance, Params, Vpc};
use super::*;
use jiff::Timestamp;
use proptest::prelude::*;
use std::time::Duration;

/// A clock that a test moves by hand.
pub(super) struct Hands(Mutex<Moment>);

impl Hands {
    pub(super) fn new() -> Arc<Self> {
        let wall: Timestamp = "2024-05-01T12:00:00Z".parse().unwrap();
        Arc::new(Self(Mutex::new(Moment { wall, monotonic: Duration::from_secs(1000) })))
    }

    pub(super) fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.after(by);
    }
}

impl Clock for Hands {
    fn now(&self) -> Moment {
        *self.0.lock().unwrap()
    }
}

pub(super) fn region() -> Region {
    Region::parse("cn-hangzhou").unwrap()
}

pub(super) fn ours() -> AccountId {
    seed::default_account().unwrap()
}

pub(super) fn instance(id: &str) -> InstanceId {
    InstanceId::parse(id).unwrap()
}

pub(super) fn vpc(id: &str) -> VpcId {
    VpcId::parse(id).unwrap()
}

/// One of each kind: what makes every documented error producible.
pub(super) fn one_of_each() -> Seed {
    let theirs = AccountId::parse("42").unwrap();
    let limited = Region::parse("cn-limited").unwrap();
    let (ours, region) = (ours(), region());
    let plain = Instance::classic(ours.clone());
    let link = |instance_id: &str, vpc_id: &str| Link {
        instance: instance(instance_id),
        vpc: vpc(vpc_id),
    };
    Seed::new()
        .limited_region(&limited)
        .vpc(&ours, &region, &vpc("vpc-a"))
        .vpc(&ours, &region, &vpc("vpc-b"))
        .vpc(&theirs, &region, &vpc("vpc-theirs"))
        .vpc_as(&region, &vpc("vpc-off"), Vpc { owner: ours.clone(), classic_link: false })
        .vpc(&ours, &limited, &vpc("vpc-limited"))
        .instance(&ours, &limited, &instance("i-limited"))
        .instance(&ours, &region, &instance("i-free"))
        .instance(&theirs, &region, &instance("i-theirs"))
        .vpc_instance(&ours, &region, &instance("i-vpc"))
        .instance_as(
            &region,
            &instance("i-starting"),
            Instance { status: Status::Starting, ..plain.clone() },
        )
        .instance_as(&region, &instance("i-locked"), Instance { locked: true, ..plain.clone() })
        .instance_as(
            &region,
            &instance("i-rigid"),
            Instance { attachable: false, detachable: false, ..plain },
        )
        .link(&ours, &region, &link("i-linked", "vpc-a"))
        .link(&ours, &region, &link("i-elsewhere", "vpc-b"))
}

pub(super) fn sim(seed: &Seed) -> (Sim, Arc<Hands>) {
    let clock = Hands::new();
    (Sim::new(seed, clock.clone(), 1), clock)
}

pub(super) fn ask(sim: &Sim, action: Action, params: &str) -> Verdict {
    let mut all = Params::from([("RegionId".into(), "cn-hangzhou".to_owned())]);
    for pair in params.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap();
        all.insert(name.to_owned().into(), value.to_owned());
    }
    sim.with(|state, now| state.exchange(now, &ours(), action.as_str(), &all))
}

/// `OK`, or status and code.
pub(super) fn verdict(sim: &Sim, action: Action, params: &str) -> String {
    match ask(sim, action, params).reply {
        Reply::Answer(_) => "OK".to_owned(),
        Reply::Refused(refusal) => format!("{} {}", refusal.status, refusal.code),
        other => format!("{other:?}"),
    }
}

pub(super) fn page(sim: &Sim, params: &str) -> LinkPage {
    match ask(sim, Action::Describe, params).reply {
        Reply::Answer(Answer::Links(page)) => page,
        other => panic!("{other:?}"),
    }
}

fn ids(page: &LinkPage) -> Vec<&str> {
    page.links.iter().map(|link| link.instance.as_str()).collect()
}

const DETACH: &str = "InstanceId=i-linked&VpcId=vpc-a";

#[test]
fn a_lost_answer_is_of_a_call_that_was_carried_out() {
    let (sim, _) = sim(&one_of_each());
    sim.set("lost", "next:1").unwrap();
    assert_eq!(ask(&sim, Action::Detach, DETACH).reply, Reply::Lost);
    assert_eq!(verdict(&sim, Action::Detach, DETACH), "403 InvalidOperation.InvalidVpc");
    let calls = sim.calls();
    assert_eq!((calls[0].code.as_str(), calls[0].answered, calls[0].changed), ("OK", false, true));
    assert!(calls[1].answered && !calls[1].changed);
}

#[test]
fn what_breaks_before_the_call_leaves_the_link() {
    for (fault, wanted) in [
        ("reset", "Lost"),
        ("unreachable", "Unreachable"),
        ("html", "Html(502)"),
        ("error-before", "500 InternalError"),
    ] {
        let (sim, _) = sim(&one_of_each());
        sim.set(fault, "next:1").unwrap();
        assert_eq!(verdict(&sim, Action::Detach, DETACH), wanted);
        assert!(!sim.calls()[0].changed);
        assert_eq!(sim.links(&region(), &vpc("vpc-a")).len(), 1, "{fault}");
        assert_eq!(verdict(&sim, Action::Detach, DETACH), "OK");
    }
}

#[test]
fn an_error_after_the_call_does_not_bring_the_link_back() {
    let (sim, _) = sim(&one_of_each());
    sim.set("error-after", "100%").unwrap();
    sim.set("error-code", "ServiceUnavailable").unwrap();
    sim.set("only-actions", "DetachClassicLinkVpc").unwrap();
    assert_eq!(verdict(&sim, Action::Detach, DETACH), "503 ServiceUnavailable");
    assert!(sim.links(&region(), &vpc("vpc-a")).is_empty());
    assert_eq!(verdict(&sim, Action::Describe, "VpcId=vpc-a"), "OK", "only detaches are hit");
}

#[test]
fn a_fault_can_be_of_one_account_only() {
    let (sim, _) = sim(&one_of_each());
    sim.set("only-accounts", "42").unwrap();
    sim.set("error-before", "100%").unwrap();
    let asked = |number: &str| {
        let account = AccountId::parse(number).unwrap();
        let verdict = sim
            .with(|state, now| state.exchange(now, &account, "GetCallerIdentity", &Params::new()));
        matches!(verdict.reply, Reply::Answer(_))
    };
    assert!(!asked("42") && asked(seed::ACCOUNT_ID));
}

#[test]
fn a_detached_link_stays_listed_for_the_delay() {
    let (sim, clock) = sim(&one_of_each());
    sim.set("detach-delay", "5s").unwrap();
    assert_eq!(verdict(&sim, Action::Detach, DETACH), "OK");
    clock.advance(Duration::from_millis(4999));
    assert_eq!(ids(&page(&sim, "VpcId=vpc-a")), ["i-linked"]);
    assert_eq!(ids(&page(&sim, "InstanceId=i-linked")), ["i-linked"]);
    clock.advance(Duration::from_millis(1));
    assert_eq!(page(&sim, "VpcId=vpc-a").total, 0);
    // A replica that lags goes back in time.
    sim.set("stale-reads", "next:1").unwrap();
    sim.set("stale-age", "2s").unwrap();
    assert_eq!(page(&sim, "VpcId=vpc-a").total, 1);
    assert_eq!(page(&sim, "VpcId=vpc-a").total, 0);
}

#[test]
fn links_come_back_as_often_as_somebody_attaches_them() {
    let (sim, clock) = sim(&one_of_each());
    sim.set("reattach", "i-linked:1").unwrap();
    sim.set("reattach-after", "10s").unwrap();
    assert_eq!(verdict(&sim, Action::Detach, DETACH), "OK");
    assert_eq!(page(&sim, "VpcId=vpc-a").total, 0);
    clock.advance(Duration::from_secs(10));
    assert_eq!(page(&sim, "VpcId=vpc-a").total, 1);
    assert_eq!(verdict(&sim, Action::Detach, DETACH), "OK");
    clock.advance(Duration::from_secs(60));
    assert_eq!(page(&sim, "VpcId=vpc-a").total, 0);
}

#[test]
fn a_link_does_not_come_back_to_an_instance_that_went_elsewhere() {
    let (sim, clock) = sim(&one_of_each());
    sim.set("reattach", "1").unwrap();
    sim.set("reattach-after", "10s").unwrap();
    assert_eq!(verdict(&sim, Action::Detach, DETACH), "OK");
    assert_eq!(verdict(&sim, Action::Attach, "InstanceId=i-linked&VpcId=vpc-b"), "OK");
    clock.advance(Duration::from_secs(10));
    assert!(sim.links(&region(), &vpc("vpc-a")).is_empty());
    assert_eq!(page(&sim, "InstanceId=i-linked").links[0].vpc, vpc("vpc-b"));
}

#[test]
fn scripted_answers_come_in_order_and_change_nothing() {
    let (sim, clock) = sim(&one_of_each());
    let script = "i-linked:InvalidStatus.InstanceStatus:2,i-linked:NotFound:5s,i-linked:OK:1";
    sim.set("stuck", script).unwrap();
    let detach = || verdict(&sim, Action::Detach, DETACH);
    assert_eq!(detach(), "403 InvalidStatus.InstanceStatus");
    assert_eq!(detach(), "403 InvalidStatus.InstanceStatus");
    assert_eq!(detach(), "403 InvalidInstanceId.NotFound");
    clock.advance(Duration::from_secs(4));
    assert_eq!(detach(), "403 InvalidInstanceId.NotFound");
    clock.advance(Duration::from_secs(1));
    assert_eq!(detach(), "OK");
    assert!(sim.calls().iter().all(|call| !call.changed), "a scripted success changes nothing");
    assert_eq!(detach(), "OK");
    assert!(sim.links(&region(), &vpc("vpc-a")).is_empty());
}

#[test]
fn throttling_is_by_clock_minute_region_and_action() {
    let (sim, clock) = sim(&one_of_each());
    sim.set("limit-per-minute", "DescribeClassicLinkInstances:1").unwrap();
    clock.advance(Duration::from_secs(50));
    assert_eq!(verdict(&sim, Action::Describe, "VpcId=vpc-a"), "OK");
    match ask(&sim, Action::Describe, "VpcId=vpc-a").reply {
        Reply::Refused(refusal) => {
            assert_eq!((refusal.status, refusal.code.as_str()), (400, "Throttling"));
            assert_eq!(refusal.wait, Some(Duration::from_secs(10)));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(verdict(&sim, Action::Detach, DETACH), "OK");
    assert_eq!(verdict(&sim, Action::Describe, "RegionId=cn-limited&VpcId=vpc-limited"), "OK");
    clock.advance(Duration::from_secs(10));
    assert_eq!(verdict(&sim, Action::Describe, "VpcId=vpc-a"), "OK");
}

#[test]
fn permissions_regions_and_actions_can_be_taken_away() {
    let (sim, _) = sim(&one_of_each());
    for (switch, value, wanted) in [
        ("deny-actions", "DetachClassicLinkVpc", "403 Forbidden.SubUser"),
        ("retired-actions", "*", "403 InvalidAction"),
        ("regions-down", "cn-hangzhou", "503 ServiceUnavailable"),
    ] {
        sim.set(switch, value).unwrap();
        assert_eq!(verdict(&sim, Action::Detach, DETACH), wanted);
        sim.set(switch, "").unwrap();
    }
    sim.set("regions-down", "cn-beijing").unwrap();
    sim.set("deny-actions", "AttachClassicLinkVpc").unwrap();
    assert_eq!(verdict(&sim, Action::Detach, DETACH), "OK");
}

/// Any operation on a small world.
#[derive(Debug, Clone)]
enum Step {
    Attach(u8, u8),
    Detach(u8, u8),
    Return(u8, u8),
    Release(u8),
    Wait(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u8..8, 0u8..3).prop_map(|(i, v)| Step::Attach(i, v)),
        4 => (0u8..8, 0u8..3).prop_map(|(i, v)| Step::Detach(i, v)),
        1 => (0u8..8, 0u8..3).prop_map(|(i, v)| Step::Return(i, v)),
        1 => (0u8..8).prop_map(Step::Release),
        1 => (0u8..20).prop_map(Step::Wait),
    ]
}

fn take(sim: &Sim, clock: &Hands, step: &Step) {
    let (i, v) = (|i: &u8| instance(&format!("i-{i}")), |v: &u8| vpc(&format!("vpc-{v}")));
    match step {
        Step::Attach(a, b) => {
            verdict(sim, Action::Attach, &format!("InstanceId=i-{a}&VpcId=vpc-{b}"));
        }
        Step::Detach(a, b) => {
            verdict(sim, Action::Detach, &format!("InstanceId=i-{a}&VpcId=vpc-{b}"));
        }
        Step::Return(a, b) => {
            sim.attach_by_hand(&region(), &Link { instance: i(a), vpc: v(b) });
        }
        Step::Release(a) => {
            sim.release(&region(), &i(a));
        }
        Step::Wait(seconds) => clock.advance(Duration::from_secs(u64::from(*seconds))),
    }
}

fn small_world(rng: u64) -> (Sim, Arc<Hands>) {
    let mut seed = Seed::new();
    for n in 0..3 {
        seed = seed.vpc(&ours(), &region(), &vpc(&format!("vpc-{n}")));
    }
    for n in 0..8 {
        seed = seed.instance(&ours(), &region(), &instance(&format!("i-{n}")));
    }
    let clock = Hands::new();
    let sim = Sim::new(&seed, clock.clone(), rng);
    for pair in ["quota=2", "detach-delay=0s..9s", "attach-delay=0s..9s", "lost=20%", "reset=10%"] {
        sim.with(|state, _| state.switches.set_pair(pair)).unwrap();
    }
    (sim, clock)
}

proptest! {
    #[test]
    fn an_instance_has_one_vpc_and_a_vpc_no_more_than_its_quota(
        steps in proptest::collection::vec(step(), 0..60),
        rng in any::<u64>(),
    ) {
        let (sim, clock) = small_world(rng);
        for step in &steps {
            let before = sim.calls().len();
            let links = all(&sim);
            take(&sim, &clock, step);
            let now = all(&sim);
            let mut once: Vec<&InstanceId> = now.iter().map(|link| &link.instance).collect();
            once.sort();
            once.dedup();
            prop_assert_eq!(once.len(), now.len(), "one VPC per instance");
            if let Step::Attach(..) = step {
                for n in 0..3 {
                    let id = vpc(&format!("vpc-{n}"));
                    let count = |links: &[Link]| links.iter().filter(|l| l.vpc == id).count();
                    prop_assert!(count(&now) <= count(&links).max(2), "the quota holds");
                }
            }
            if let Some(call) = sim.calls().get(before) {
                prop_assert_eq!(call.changed, links != now, "the log tells the truth");
            }
        }
        // Once everything is visible, readers see the truth.
        clock.advance(Duration::from_secs(10));
        sim.configure(|s| { s.lost = Chance::default(); s.reset = Chance::default(); });
        let listed: Vec<Link> =
            (0..3).flat_map(|n| page(&sim, &format!("VpcId=vpc-{n}")).links).collect();
        prop_assert_eq!(listed, all(&sim));
    }

    #[test]
    fn the_same_seed_and_calls_give_the_same_log(
        steps in proptest::collection::vec(step(), 0..40),
        rng in any::<u64>(),
    ) {
        let run = || {
            let (sim, clock) = small_world(rng);
            steps.iter().for_each(|step| take(&sim, &clock, step));
            sim.calls()
        };
        prop_assert_eq!(run(), run());
    }
}

fn all(sim: &Sim) -> Vec<Link> {
    (0..3).flat_map(|n| sim.links(&region(), &vpc(&format!("vpc-{n}")))).collect()
}

#[test]
fn another_seed_gives_another_log() {
    let log = |rng| {
        let (sim, _) = small_world(rng);
        (0..20).for_each(|_| drop(verdict(&sim, Action::Describe, "VpcId=vpc-0")));
        sim.calls()
    };
    assert_ne!(log(1), log(2));
}
