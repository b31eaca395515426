use super::*;
use crate::clock::{Clock as _, TokioClock};
use crate::cloud::IntentId;
use crate::model::{AccountName, Link, Region, Scope, VpcId};
use crate::sim::tests::{instance, one_of_each, ours, region, vpc};
use crate::sim::{Chance, Spread};
use std::sync::Arc;
use std::time::Duration;

fn world() -> (Sim, SimAccount, Arc<TokioClock>) {
    let clock = Arc::new(TokioClock::starting_at("2024-05-01T12:00:00Z".parse().unwrap()));
    let sim = Sim::new(&one_of_each(), clock.clone(), 1);
    let account = sim.account(&ours());
    (sim, account, clock)
}

fn ticket(verb: Verb, id: &str, vpc_id: &str) -> Ticket {
    let account = AccountName::parse("default").unwrap();
    let scope = Scope { account, region: region(), vpc: vpc(vpc_id) };
    let link = scope.link(instance(id));
    Ticket::issue(IntentId(1), verb, scope, link)
}

fn of_vpc(id: &str) -> Query {
    Query::OfVpc { region: region(), vpc: VpcId::parse(id).unwrap(), page: 1, page_size: 100 }
}

#[tokio::test(start_paused = true)]
async fn reads_and_writes_reach_the_same_cloud() {
    let (sim, account, _) = world();
    let page = account.describe(&of_vpc("vpc-a")).await.unwrap();
    let link = Link { instance: instance("i-linked"), vpc: vpc("vpc-a") };
    assert_eq!((page.links, page.total), (vec![link.clone()], 1));
    assert!(page.request_id.is_some());
    account.carry_out(&ticket(Verb::Detach, "i-linked", "vpc-a")).await.unwrap();
    assert!(sim.links(&region(), &vpc("vpc-a")).is_empty());
    account.carry_out(&ticket(Verb::Attach, "i-linked", "vpc-a")).await.unwrap();
    let query = Query::OfInstances { region: region(), instances: vec![link.instance.clone()] };
    assert_eq!(account.describe(&query).await.unwrap().links, [link]);
}

#[tokio::test(start_paused = true)]
async fn errors_arrive_classified() {
    let (sim, account, _) = world();
    let detach = ticket(Verb::Detach, "i-free", "vpc-a");
    let error = account.carry_out(&detach).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (Class::Gone, "InvalidOperation.InvalidVpc"));
    let own = account.clone().classified_by(|_, _| Class::Retired);
    assert_eq!(own.carry_out(&detach).await.unwrap_err().class, Class::Retired);
    for (switch, value, class) in [
        ("unreachable", "next:1", Class::Unreachable),
        ("reset", "next:1", Class::Ambiguous),
        ("html", "next:1", Class::Ambiguous),
        ("error-after", "next:1", Class::Ambiguous),
        ("limit-per-minute", "0", Class::Throttled),
        ("limit-per-minute", "", Class::Gone),
        ("deny-actions", "*", Class::Denied),
    ] {
        sim.set(switch, value).unwrap();
        let error = account.carry_out(&detach).await.unwrap_err();
        assert_eq!(error.class, class, "{switch}={value}: {error}");
        assert_eq!(error.retry_after.is_some(), class == Class::Throttled);
    }
    let attach = ticket(Verb::Attach, "i-elsewhere", "vpc-a");
    sim.set("deny-actions", "").unwrap();
    assert_eq!(account.carry_out(&attach).await.unwrap_err().class, Class::Conflict);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_ambiguous_and_was_carried_out() {
    let (sim, account, _) = world();
    sim.configure(|switches| switches.lost = Chance::next(1));
    let detach = ticket(Verb::Detach, "i-linked", "vpc-a");
    let error = account.carry_out(&detach).await.unwrap_err();
    assert_eq!(error.class, Class::Ambiguous);
    assert!(account.describe(&of_vpc("vpc-a")).await.unwrap().links.is_empty());
}

#[tokio::test(start_paused = true)]
async fn latency_passes_on_the_timer_and_the_change_is_at_its_beginning() {
    let (sim, account, clock) = world();
    sim.configure(|switches| switches.latency = Spread::fixed(Duration::from_secs(2)));
    let before = clock.now();
    let detach = ticket(Verb::Detach, "i-linked", "vpc-a");
    let (answer, ()) = tokio::join!(account.carry_out(&detach), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(sim.links(&region(), &vpc("vpc-a")).is_empty());
    });
    assert!(answer.is_ok());
    assert_eq!(clock.now().since(before), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn an_account_is_told_its_own_number_as_long_as_its_key_is_accepted() {
    use crate::sim::state::credentials::KeyState;
    let (sim, account, clock) = world();
    sim.configure(|switches| switches.latency = Spread::fixed(Duration::from_secs(2)));
    let before = clock.now();
    assert_eq!(Arc::new(account.clone()).caller().await, Ok(ours()));
    assert_eq!(clock.now().since(before), Duration::from_secs(2));
    let call = sim.calls().pop().unwrap();
    assert_eq!((call.action.as_str(), call.code.as_str()), ("GetCallerIdentity", "OK"));
    for (switch, value, class) in [
        ("unreachable", "next:1", Class::Unreachable),
        ("lost", "next:1", Class::Ambiguous),
        ("html", "next:1", Class::Ambiguous),
        ("limit-per-minute", "GetCallerIdentity:0", Class::Throttled),
    ] {
        sim.set(switch, value).unwrap();
        assert_eq!(account.caller().await.unwrap_err().class, class, "{switch}={value}");
    }
    sim.set("limit-per-minute", "").unwrap();
    sim.with(|state, _| state.keys.set_state("sim-access-key", KeyState::Disabled));
    assert_eq!(account.caller().await.unwrap_err().class, Class::Unauthenticated);
    let stranger = sim.account(&AccountId::parse("7").unwrap());
    assert_eq!(stranger.caller().await.unwrap_err().code, "InvalidAccessKeyId.NotFound");
}

#[tokio::test(start_paused = true)]
async fn an_account_whose_key_is_not_accepted_is_told_so() {
    use crate::sim::state::credentials::KeyState;
    let (sim, account, _) = world();
    sim.with(|state, _| state.keys.set_state("sim-access-key", KeyState::Inactive));
    let error = account.describe(&of_vpc("vpc-a")).await.unwrap_err();
    assert_eq!(error.class, Class::Unauthenticated);
    let stranger = sim.account(&AccountId::parse("7").unwrap());
    let error = stranger.describe(&of_vpc("vpc-a")).await.unwrap_err();
    assert_eq!(error.code, "InvalidAccessKeyId.NotFound");
    let unknown = Query::OfVpc {
        region: Region::parse("xx").unwrap(),
        vpc: vpc("vpc-a"),
        page: 1,
        page_size: 1,
    };
    sim.with(|state, _| state.keys.set_state("sim-access-key", KeyState::Active));
    let error = account.describe(&unknown).await.unwrap_err();
    assert_eq!(error.class, Class::Misconfigured);
}

#[tokio::test(start_paused = true)]
async fn a_call_is_of_whoever_the_key_is_of_and_a_key_ends() {
    let (sim, account, clock) = world();
    let other = AccountId::parse("7").unwrap();
    let issue = |id: &AccountId| sim.with(|state, now| state.issue(now, id.clone())).id;
    let (own, theirs) = (issue(&ours()), issue(&other));
    assert_eq!(account.with_key(&own).caller().await, Ok(ours()));
    assert_eq!(account.with_key(&theirs).caller().await, Ok(other));
    let before = clock.now();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(clock.now().since(before), Duration::from_secs(3600));
    let ended = account.with_key(&own).caller().await.unwrap_err();
    assert_eq!(ended.code, "InvalidSecurityToken.Expired");
}
