use super::*;
use crate::clock::{Clock, SystemClock};
use crate::journal::{Memory, PauseFile};
use crate::model::AccountName;
use crate::source::Snapshot;
use std::time::Duration;

pub(in crate::daemon) fn reading(instances: &str) -> Reading {
    let text = format!(
        "apiVersion: classiclinkd/v1\nkind: ClassicLinkSet\nmetadata: {{name: a}}\nspec:\n  \
         regionId: cn-hangzhou\n  vpcId: vpc-a\n  mode: detach\n  instances: {instances}\n"
    );
    let digest = Digest::of([text.as_bytes()]);
    let files = vec![File::new("a.yaml", text)];
    let state = State::Settled(Arc::new(Snapshot { digest, ..Snapshot::of(files) }));
    Reading { state, unsettled: false, sequence: 1 }
}

pub(in crate::daemon) fn intake(memory: &Memory, recovered: Option<Accepted>) -> Intake {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let journal = Journal::in_memory(memory.clone(), Arc::clone(&clock));
    let circumstances = Circumstances {
        bounds: Arc::default(),
        books: journal.books().clone(),
        pause_file: PauseFile::default(),
        clock,
    };
    let account = AccountName::parse("default").unwrap();
    let ceilings = [(account, crate::desired::Ceiling::default())].into();
    let board = Board::new(Duration::from_secs(60));
    let (root, shelf) = ("/m".to_owned(), Shelf::default());
    Intake::new(Some(journal), circumstances, root, ceilings, board, recovered, shelf)
}

#[tokio::test]
async fn a_newer_revision_that_is_not_journaled_stops_calls_by_the_old_one() {
    let memory = Memory::default();
    let mut intake = intake(&memory, None);
    let newest = intake.newest();
    assert!(newest.borrow().unsettled, "nothing was read yet");
    intake.take(&reading("[i-one]")).await.unwrap();
    assert!(!newest.borrow().unsettled);
    memory.fail(true);
    assert_eq!(intake.take(&reading("[i-one, i-two]")).await, None);
    assert!(newest.borrow().unsettled && intake.wants_retry());
    memory.fail(false);
    intake.take(&reading("[i-one, i-two]")).await.unwrap();
    assert!(!newest.borrow().unsettled);
    assert_eq!(intake.tree().links_at(jiff::Timestamp::UNIX_EPOCH), 2);
}

#[tokio::test]
async fn a_recovered_revision_counts_for_its_own_folder_only() {
    let memory = Memory::default();
    intake(&memory, None).take(&reading("[i-one]")).await.unwrap();
    let accepted = memory.recover(SystemClock::new().now()).unwrap().1.unwrap();
    assert_eq!(intake(&memory, Some(accepted.clone())).tree().scopes.len(), 1);
    let elsewhere = Accepted { root: "/other".to_owned(), ..accepted };
    assert_eq!(intake(&memory, Some(elsewhere)).tree().scopes.len(), 0);
}

#[tokio::test]
async fn after_a_restart_a_revision_loses_against_the_recovered_one() {
    let memory = Memory::default();
    let list = |count: usize| {
        let ids: Vec<String> = (0..count).map(|n| format!("i-{n:04}")).collect();
        reading(&format!("[{}]", ids.join(", ")))
    };
    intake(&memory, None).take(&list(20)).await.unwrap();
    let recover = || memory.recover(SystemClock::new().now()).unwrap();
    let lost = || recover().0.shrunk(&crate::plan::tests::scope()).map_or(0, |it| it.lost.len());
    intake(&memory, recover().1).take(&list(5)).await.unwrap();
    assert_eq!(lost(), 15);
    let moved = recover().1.map(|accepted| Accepted { root: "/other".to_owned(), ..accepted });
    intake(&memory, moved).take(&list(1)).await.unwrap();
    assert_eq!(lost(), 4, "and in another folder, too");
}

#[tokio::test]
async fn a_reading_with_an_id_cut_short_leaves_the_last_revision_in_force() {
    let memory = Memory::default();
    let mut intake = intake(&memory, None);
    intake.take(&reading("[i-one, i-two]")).await.unwrap();
    assert_eq!(intake.take(&reading("[i-one, i-tw]")).await, None);
    assert!(matches!(intake.last(), Outcome::Refused(why) if why.contains("cut short")));
    assert_eq!(
        (intake.tree().links_at(jiff::Timestamp::UNIX_EPOCH), memory.entries().len()),
        (2, 1)
    );
}
