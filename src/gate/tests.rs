use super::*;
use crate::clock::Moment;
use crate::desired::Tree;
use crate::ledger::Ledger;
use crate::model::{Amount, Mode, Verb};
use crate::observed::{Gap, Standing};
use crate::plan::tests::{desired, id, moment, observed, plan_of, scope};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

mod lag;
mod past;
mod permits;
mod released;

/// What is put before the gate: everything in order, unless a test says otherwise.
pub(crate) struct Setting {
    pub bounds: Bounds,
    pub ledger: Ledger,
    pub pin: Pin,
    pub pause_file: Option<&'static str>,
    pub journal: Option<&'static str>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            bounds: Bounds::default(),
            ledger: Ledger::default(),
            pin: Pin::Absent,
            pause_file: None,
            journal: None,
        }
    }
}

impl Setting {
    pub fn at(&self, now: Moment) -> Situation<'_> {
        let Self { bounds, ledger, pin, pause_file, journal } = self;
        Situation { now, bounds, ledger, pin, pause_file: *pause_file, journal: *journal }
    }

    pub fn review(&self, plan: Plan, seconds: u64) -> Result<Approved, Box<Held>> {
        review(plan, &self.at(moment(seconds)))
    }

    pub fn rules(&self, plan: Plan, seconds: u64) -> Vec<Rule> {
        match self.review(plan, seconds) {
            Ok(_) => vec![],
            Err(held) => held.refusals.iter().map(|refusal| refusal.rule).collect(),
        }
    }

    pub fn permit(
        &self,
        approved: &Approved,
        action: &Action,
        facts: &Facts<'_>,
        seconds: u64,
    ) -> Result<Permit, Denial> {
        permit(approved, action, facts, &self.at(moment(seconds)))
    }
}

fn rules(desired: crate::desired::Desired, linked: &[usize]) -> Vec<Rule> {
    Setting::default().rules(plan_of(desired, linked), 0)
}

fn range(from: usize, to: usize) -> Vec<usize> {
    (from..to).collect()
}

#[test]
fn a_small_scope_may_lose_three_and_not_four() {
    assert_eq!(rules(desired(Mode::Detach, &range(0, 7)), &range(0, 10)), []);
    assert_eq!(rules(desired(Mode::Detach, &range(0, 6)), &range(0, 10)), [Rule::PerPlan]);
}

#[test]
fn a_large_scope_may_lose_a_tenth_and_not_one_more() {
    assert_eq!(rules(desired(Mode::Detach, &range(0, 90)), &range(0, 100)), []);
    assert_eq!(rules(desired(Mode::Detach, &range(0, 89)), &range(0, 100)), [Rule::PerPlan]);
}

#[test]
fn what_a_manifest_says_holds_in_both_directions_and_the_smallest_counts() {
    let mut raised = desired(Mode::Detach, &range(0, 50));
    raised.max_detach = vec![Amount::Count(50)];
    assert_eq!(rules(raised, &range(0, 100)), []);
    let mut lowered = desired(Mode::Detach, &range(0, 9));
    lowered.max_detach = vec![Amount::Count(0)];
    assert_eq!(rules(lowered, &range(0, 10)), [Rule::PerPlan]);
    let mut share = desired(Mode::Detach, &range(0, 7));
    share.max_detach = vec![Amount::Percent(10)];
    assert_eq!(rules(share.clone(), &range(0, 10)), [], "a share has a floor");
    share.max_detach = vec![Amount::Percent(0)];
    assert_eq!(rules(share, &range(0, 10)), [Rule::PerPlan], "nothing is nothing");
    let mut both = desired(Mode::Detach, &range(0, 50));
    both.max_detach = vec![Amount::Percent(100), Amount::Count(49)];
    assert_eq!(rules(both, &range(0, 100)), [Rule::PerPlan]);
}

#[test]
fn emptying_is_held_even_when_few_links_go() {
    assert_eq!(rules(desired(Mode::Detach, &[]), &[1]), [Rule::Emptying]);
    assert_eq!(rules(desired(Mode::Sync, &[5, 6]), &[1, 2]), [Rule::Emptying]);
    assert_eq!(rules(desired(Mode::Detach, &[5]), &[1]), [Rule::Emptying, Rule::WrongPlace]);
    let mut allowed = desired(Mode::Detach, &[]);
    allowed.allow_empty = true;
    assert_eq!(rules(allowed, &[1]), []);
    assert_eq!(rules(desired(Mode::Detach, &[]), &[]), []);
}

#[test]
fn links_that_no_read_confirms_do_not_count_as_staying() {
    let wanted = desired(Mode::Detach, &[]);
    let unknown = Standing::Unknown { code: "InvalidInstanceId.NotFound".into() };
    let seen = observed(&wanted, &[1, 2], &[(2, unknown)], moment(0));
    let plan = crate::plan::compute(&Arc::new(wanted), &seen, moment(0).wall);
    assert_eq!(Setting::default().rules(plan, 0), [Rule::Emptying]);
}

#[test]
fn observe_touches_nothing_and_every_refusal_is_reported_at_once() {
    assert_eq!(
        rules(desired(Mode::Observe, &[]), &range(0, 9)),
        [Rule::ObserveMode, Rule::PerPlan, Rule::Emptying]
    );
    assert_eq!(rules(desired(Mode::Observe, &[1]), &[1]), []);
}

#[test]
fn an_old_observation_is_held() {
    let review_at =
        |seconds| Setting::default().review(plan_of(desired(Mode::Detach, &[1]), &[1, 2]), seconds);
    assert!(review_at(120).is_ok());
    let held = review_at(121).unwrap_err();
    assert_eq!(held.refusals[0].rule, Rule::Freshness);
}

#[test]
fn a_refusal_says_the_number_the_limit_the_file_and_the_way_out() {
    let held = Setting::default().review(plan_of(desired(Mode::Detach, &[0]), &range(0, 10)), 0);
    let text = held.unwrap_err().refusals[0].to_string();
    for part in ["9 links", "10 observed", "at most 3", "shop.yaml", "maxDetach: 9"] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    assert!(!text.contains("within the last day"), "it had no more then: {text}");
    let partial = Partial { scope: scope(), gaps: vec![Gap("page 2 shifted".into())], seen: 7 };
    assert!(refuse_partial(&partial).to_string().contains("page 2 shifted"));
}

#[test]
fn an_id_that_looks_cut_short_holds_the_plan() {
    let with = |short: &str| {
        let mut wanted = desired(Mode::Detach, &range(0, 9));
        let said = wanted.links[&id(0)].clone();
        wanted.links.insert(crate::model::InstanceId::parse(short).unwrap(), said);
        rules(wanted, &range(0, 10))
    };
    for short in ["i-0", "i-000"] {
        assert_eq!(with(short), [Rule::CutShort], "{short} begins i-0009");
    }
    for other in ["i-00090", "i-1", "i-0010"] {
        assert_eq!(with(other), [], "{other} begins nothing that goes");
    }
}

fn approved(linked: &[usize]) -> Approved {
    Setting::default().review(plan_of(desired(Mode::Detach, &[1]), linked), 0).unwrap()
}

fn tree(desired: crate::desired::Desired) -> Tree {
    Tree {
        revision: Arc::clone(&desired.revision),
        scopes: [(desired.scope.clone(), Arc::new(desired))].into(),
    }
}

fn facts(newest: &Tree) -> Facts<'_> {
    Facts {
        rekeyed: false,
        counted: false,
        confirmed_at: moment(0),
        newest,
        unsettled: false,
        stopping: false,
        clock_off: Duration::ZERO,
    }
}

#[test]
fn a_permit_needs_a_recent_confirmation_a_settled_tree_and_a_living_process() {
    let approved = approved(&[1, 2]);
    let action = &approved.plan().actions()[0];
    let newest = tree(desired(Mode::Detach, &[1]));
    let ask = |facts: Facts<'_>, at| Setting::default().permit(&approved, action, &facts, at);
    assert!(ask(facts(&newest), 10).is_ok());
    assert_eq!(ask(facts(&newest), 11), Err(Denial::Unconfirmed));
    assert_eq!(ask(Facts { unsettled: true, ..facts(&newest) }, 1), Err(Denial::Unsettled));
    assert_eq!(ask(Facts { stopping: true, ..facts(&newest) }, 1), Err(Denial::Stopping));
}

#[test]
fn the_newest_revision_decides_whatever_the_plan_says() {
    let approved = approved(&[1, 2]);
    let action = &approved.plan().actions()[0];
    let ask = |newest: &Tree| Setting::default().permit(&approved, action, &facts(newest), 1);
    assert_eq!(ask(&tree(desired(Mode::Observe, &[1]))), Err(Denial::Mode(Mode::Observe)));
    assert!(matches!(ask(&tree(desired(Mode::Detach, &[1, 2]))), Err(Denial::Kept(_))));
    let nothing = Tree { scopes: [].into(), ..tree(desired(Mode::Detach, &[1])) };
    assert_eq!(ask(&nothing), Err(Denial::Released));
    let mut expired = desired(Mode::Detach, &[1, 2]);
    expired.links.get_mut(&id(2)).unwrap().until = Some(moment(0).wall);
    assert!(ask(&tree(expired)).is_ok());
}

#[test]
fn limits_that_changed_since_the_plan_was_approved_withdraw_the_leave() {
    let approved = approved(&[1, 2]);
    let action = &approved.plan().actions()[0];
    let ask = |newest: &Tree| Setting::default().permit(&approved, action, &facts(newest), 1);
    let mut stricter = desired(Mode::Detach, &[1]);
    stricter.max_detach = vec![Amount::Count(0)];
    assert_eq!(ask(&tree(stricter)), Err(Denial::Limits));
    let mut looser = desired(Mode::Detach, &[1]);
    looser.allow_empty = true;
    assert_eq!(ask(&tree(looser)), Err(Denial::Limits));
}

#[test]
fn an_exception_does_not_end_by_a_clock_that_is_off() {
    let mut ending = desired(Mode::Detach, &[1, 2]);
    ending.links.get_mut(&id(2)).unwrap().until = Some(moment(0).wall);
    let plan = plan_of(ending.clone(), &[1, 2]);
    let approved = Setting::default().review(plan, 0).unwrap();
    let action = &approved.plan().actions()[0];
    let newest = tree(ending);
    let ask = |seconds| {
        let clock_off = Duration::from_secs(seconds);
        Setting::default().permit(&approved, action, &Facts { clock_off, ..facts(&newest) }, 1)
    };
    assert!(ask(59).is_ok());
    assert_eq!(ask(60), Err(Denial::Clock(Duration::from_secs(60))));
}

#[test]
fn an_attach_needs_the_newest_revision_to_want_it() {
    let mut both = desired(Mode::Sync, &[1, 2]);
    both.allow_empty = true;
    let approved = Setting::default().review(plan_of(both.clone(), &[1]), 0).unwrap();
    let action = &approved.plan().actions()[0];
    assert_eq!(action.verb, Verb::Attach);
    let ask = |newest: &Tree| Setting::default().permit(&approved, action, &facts(newest), 1);
    assert!(ask(&tree(both)).is_ok());
    assert_eq!(ask(&tree(desired(Mode::Sync, &[1]))), Err(Denial::Unwanted));
    assert_eq!(ask(&tree(desired(Mode::Detach, &[1, 2]))), Err(Denial::Mode(Mode::Detach)));
}

#[test]
fn an_action_of_another_plan_gets_no_permit() {
    let foreign = approved(&[1, 3]).plan().actions()[0].clone();
    let newest = tree(desired(Mode::Detach, &[1]));
    let denied = Setting::default().permit(&approved(&[1, 2]), &foreign, &facts(&newest), 1);
    assert_eq!(denied, Err(Denial::Foreign));
}

proptest! {
    /// Approval is monotone: a smaller limit never approves what a larger one holds.
    #[test]
    fn a_smaller_limit_never_approves_more(
        keep in 0usize..60, extra in 0usize..60, low in 0u64..70, more in 0u64..70,
    ) {
        let held_at = |limit| {
            let mut wanted = desired(Mode::Detach, &range(0, keep));
            wanted.max_detach = vec![Amount::Count(limit)];
            Setting::default().review(plan_of(wanted, &range(0, keep + extra)), 0).is_err()
        };
        prop_assert!(!held_at(low + more) || held_at(low));
    }

    /// An approved plan never removes more than its limit nor the last link.
    #[test]
    fn an_approved_plan_is_within_its_bounds(keep in 0usize..80, extra in 0usize..80) {
        let plan = plan_of(desired(Mode::Detach, &range(0, keep)), &range(0, keep + extra));
        if let Ok(approved) = Setting::default().review(plan, 0) {
            let going = approved.plan().count(Verb::Detach) as u64;
            prop_assert!(going <= 3.max((keep + extra) as u64 / 10));
            prop_assert!(going == 0 || keep > 0);
        }
    }
}
