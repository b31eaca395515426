//! Each mistake is found, by the invariant that it is about.

use super::invariants::{L1, S1, S3, S4, S5, S7, S8, S12, S13};
use super::mistakes::Mistake;
use super::setup::{Faults, Setup, System};
use stateright::{Checker as _, Model as _};

/// One link is enough for each of them.
const ALONE: Setup = Setup {
    name: "one daemon, one link",
    links: 1,
    daemons: 1,
    shared: true,
    budget: 2,
    concurrency: 1,
    faults: Faults::ALL,
};

const TWO: Setup = Setup { name: "two daemons, one folder, one link", daemons: 2, ..ALONE };

fn is_found(setup: Setup, mistake: Mistake, broken: &'static str) {
    let system = System { mistake: Some(mistake), only: Some(broken), ..System::new(setup) };
    let checked = system.checker().spawn_bfs().join();
    let path = checked.discovery(broken).map(stateright::Path::into_actions);
    let steps = path.unwrap_or_else(|| panic!("{mistake:?} keeps {broken}"));
    println!("{mistake:?} breaks {broken}: {} steps: {steps:?}", steps.len());
}

/// Without a mistake the same configurations keep everything: what is found above is the mistake.
#[test]
fn the_configurations_of_the_mistakes_are_sound_without_them() {
    for setup in [ALONE, TWO] {
        System::new(setup).checker().spawn_bfs().join().assert_properties();
    }
}

/// What is done twice is not needed for this: the second permit denies what does not fit.
#[test]
fn a_leave_that_is_not_counted_does_not_overspend_the_budget() {
    let faults = Faults { attaches: false, pauses: false, skips: false, ..Faults::ALL };
    let setup = Setup { name: "", links: 2, budget: 3, concurrency: 2, faults, ..ALONE };
    let mistake = Some(Mistake::LeaveUncounted);
    let system = System { mistake, only: Some(S4), quiet: None, ..System::new(setup) };
    system.checker().spawn_bfs().join().assert_properties();
}

/// A test for each mistake: its name, what is done wrong, where, and what that breaks.
macro_rules! found {
    ($($name:ident: $mistake:ident, $setup:ident, $broken:ident;)*) => {
        $(#[test]
        fn $name() {
            is_found($setup, Mistake::$mistake, $broken);
        })*
    };
}

found! {
    an_edit_while_the_intent_is_written_needs_the_second_permit: SkipTheSecondPermit, ALONE, S1;
    a_pause_while_the_intent_is_written_needs_the_second_permit: SkipTheSecondPermit, ALONE, S12;
    an_intent_after_the_call_is_none: IntentAfterTheCall, ALONE, S5;
    an_effect_has_no_intent_if_that_comes_after_the_call: IntentAfterTheCall, ALONE, S13;
    an_intent_serves_for_one_call: ReuseTheIntent, ALONE, S5;
    a_budget_in_memory_does_not_survive_a_crash: BudgetInMemory, ALONE, S4;
    a_send_counts_before_its_answer: CountAtTheAnswer, ALONE, S4;
    a_send_that_failed_counts: RefundFailures, ALONE, S4;
    not_found_is_not_converged: TakeNotFoundForConverged, ALONE, S8;
    an_answer_is_not_converged: TrustTheAnswer, ALONE, S8;
    a_lock_that_times_out_lets_two_act: UnlockOnTimeout, TWO, S7;
    a_lock_that_times_out_leaves_two_intents_open: UnlockOnTimeout, TWO, S13;
    a_lock_that_outlives_its_process_stops_everything: KeepTheLockOfTheDead, TWO, L1;
    open_intents_are_settled_at_the_start: ForgetOpenIntents, ALONE, S13;
    an_answer_that_is_not_journaled_stops_the_next_call: GoOnAfterAnUnwrittenAnswer, ALONE, S13;
    an_unsettled_tree_stops_calls: ActOnAnUnsettledTree, ALONE, S1;
    a_revision_that_is_being_recorded_stops_calls: PermitWhileRecording, ALONE, S1;
    a_start_waits_for_the_files: StartUnread, ALONE, S1;
    a_plan_does_not_survive_an_edit: PlanSurvivesAnEdit, ALONE, S1;
    a_confirmation_serves_for_one_call: ConfirmOnce, ALONE, S3;
    a_lost_answer_is_read_before_the_call_is_repeated: RepeatUnread, ALONE, S3;
    a_pause_stops_calls_of_plans_under_way: PauseHoldsPlansOnly, ALONE, S12;
    an_entry_is_written_on_top_of_what_others_wrote: AppendWithoutReading, ALONE, S12;
    a_lost_answer_is_not_waited_for_without_end: WaitForever, ALONE, L1;
}
