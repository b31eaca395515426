//! What is gone with a restart, put together as the daemon does.

use classiclinkd::aliyun::{Operation, classify};
use classiclinkd::apply::{Circumstances, Newest, Progress, Quarantine, Serial, Unsettled, Writes};
use classiclinkd::attempt::Lanes;
use classiclinkd::board::Board;
use classiclinkd::clock::Clock;
use classiclinkd::config::Config;
use classiclinkd::daemon::Intake;
use classiclinkd::journal::{Journal, Memory, PauseFile};
use classiclinkd::manifest::Shelf;
use classiclinkd::model::AccountName;
use classiclinkd::observe::{Pins, Reads};
use classiclinkd::sim::seed::default_account;
use classiclinkd::sim::{Sim, SimAccount};
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

pub(super) struct Process {
    pub reads: Reads<SimAccount>,
    pub writes: Writes<SimAccount>,
    pub intake: Intake,
}

/// A process that starts now, and knows what the journal knows.
pub(super) async fn start(
    sim: &Sim,
    memory: &Memory,
    config: &Config,
    state: &Path,
    clock: Arc<dyn Clock>,
) -> Process {
    let (journal, accepted) = Journal::recovered(memory.clone(), Arc::clone(&clock)).unwrap();
    journal.answer_open().await.unwrap();
    let circumstances = Circumstances {
        bounds: Arc::new(config.bounds.clone()),
        books: journal.books().clone(),
        pause_file: PauseFile::of(state),
        clock: Arc::clone(&clock),
    };
    let intake = Intake::new(
        Some(journal.clone()),
        circumstances.clone(),
        "/manifests".to_owned(),
        config.ceilings(),
        Board::new(config.interval),
        accepted,
        Shelf::default(),
    );
    let cloud = sim
        .account(&default_account().unwrap())
        .classified_by(|code, message| classify(Operation::Detach, code, message));
    let lanes = Arc::new(Lanes::new(config.limits.clone(), Arc::clone(&clock), 7));
    let pinned = config.accounts.iter().filter_map(|(name, account)| {
        let id = account.account_id.clone()?;
        Some((name.clone(), id))
    });
    let reads = Reads {
        reader: cloud.clone(),
        lanes: Arc::clone(&lanes),
        account: AccountName::parse("default").unwrap(),
        pins: Pins::new(pinned.collect(), Arc::clone(&clock)),
        clock: Arc::clone(&clock),
    };
    let unsettled = journal.books().read(|ledger| Unsettled::recovered(ledger, clock.now()));
    let writes = Writes {
        writer: cloud,
        journal,
        lanes,
        serial: Serial::default(),
        quarantine: Quarantine::default(),
        unsettled,
        patience: None,
        newest: Newest::following(intake.newest()),
        circumstances,
        latching: Arc::default(),
        progress: Progress::default(),
        clock,
        stop: CancellationToken::new(),
    };
    Process { reads, writes, intake }
}
