//! Two accounts, one of which is in trouble: the other does not notice.

use super::*;
use crate::apply::{Newest, Progress, Quarantine, Serial, Unsettled};
use crate::attempt::{Lanes, Limits};
use crate::clock::TokioClock;
use crate::desired::Ceiling;
use crate::manifest::{File, Shelf};
use crate::model::{AccountId, Digest, InstanceId, Link, Region, VpcId};
use crate::observe::Pins;
use crate::sim::{Seed, Sim};
use crate::source::Snapshot;

/// VPCs of each account: more than may be looked at at the same time.
const VPCS: usize = 5;
const WORKERS: usize = 2;
const MINUTE: Duration = Duration::from_secs(60);

/// `a`, which comes first wherever accounts are sorted, is the one in trouble; `z` is well.
const ACCOUNTS: [(&str, &str); 2] = [("a", "42"), ("z", "43")];

pub(super) fn region() -> Region {
    Region::parse("cn-hangzhou").unwrap()
}

pub(super) fn vpc(account: &str, n: usize) -> VpcId {
    VpcId::parse(&format!("vpc-{account}{n}")).unwrap()
}

pub(super) fn link(account: &str, n: usize, which: &str) -> Link {
    let instance = InstanceId::parse(&format!("i-{account}{n}{which}")).unwrap();
    Link { instance, vpc: vpc(account, n) }
}

/// Each VPC has a link that is listed and one that is not.
pub(super) fn cloud(clock: &Arc<dyn Clock>) -> Sim {
    let mut seed = Seed::new();
    for (name, number) in ACCOUNTS {
        let number = AccountId::parse(number).unwrap();
        seed = seed.key(name, name, &number);
        for n in 0..VPCS {
            seed = seed.vpc(&number, &region(), &vpc(name, n));
            for which in ["keep", "stale"] {
                seed = seed.link(&number, &region(), &link(name, n, which));
            }
        }
    }
    Sim::new(&seed, Arc::clone(clock), 7)
}

pub(super) fn manifests() -> Reading {
    let mut files = Vec::new();
    for (name, _) in ACCOUNTS {
        for n in 0..VPCS {
            let text = format!(
                "apiVersion: classiclinkd/v1\nkind: ClassicLinkSet\nmetadata: {{name: {name}{n}}}\nspec:\n  \
                 account: {name}\n  regionId: cn-hangzhou\n  vpcId: vpc-{name}{n}\n  mode: detach\n  \
                 instances: [i-{name}{n}keep]\n"
            );
            files.push(File::new(format!("{name}{n}.yaml"), text));
        }
    }
    let digest = Digest::of(files.iter().map(|file| file.text().as_bytes()));
    let state = State::Settled(Arc::new(Snapshot { digest, ..Snapshot::of(files) }));
    Reading { state, unsettled: false, sequence: 1 }
}

pub(super) fn running(
    sim: &Sim,
    clock: &Arc<dyn Clock>,
    reader: &watch::Sender<Reading>,
    stop: &CancellationToken,
    (memory, pause_file): (&Memory, PauseFile),
) -> Daemon<Arc<SimAccount>, Arc<SimAccount>> {
    let plain = daemon(reader.subscribe(), stop.clone());
    let journal = Journal::in_memory(memory.clone(), Arc::clone(clock));
    let circumstances = Circumstances {
        books: journal.books().clone(),
        pause_file,
        clock: Arc::clone(clock),
        ..plain.circumstances.clone()
    };
    let names = ACCOUNTS.map(|(name, _)| AccountName::parse(name).unwrap());
    let intake = Intake::new(
        Some(journal.clone()),
        circumstances.clone(),
        "/m".to_owned(),
        names.into_iter().map(|name| (name, Ceiling::default())).collect(),
        plain.board.clone(),
        None,
        Shelf::default(),
    );
    let lanes = Arc::new(Lanes::new(Limits::default(), Arc::clone(clock), 7));
    let (serial, unsettled, latching) = (Serial::default(), Unsettled::default(), Arc::default());
    let newest = Newest::following(intake.newest());
    let way = |(name, number): (&str, &str)| {
        let account = AccountName::parse(name).unwrap();
        let client = sim.account(&AccountId::parse(number).unwrap());
        let client = Arc::new(client.classified_by(|code, message| {
            crate::aliyun::classify(crate::aliyun::Operation::Detach, code, message)
        }));
        let reads = Reads {
            reader: Arc::clone(&client),
            lanes: Arc::clone(&lanes),
            account: account.clone(),
            pins: Pins::new(BTreeMap::new(), Arc::clone(clock)),
            clock: Arc::clone(clock),
        };
        let writes = Writes {
            writer: client,
            journal: journal.clone(),
            lanes: Arc::clone(&lanes),
            serial: serial.clone(),
            quarantine: Quarantine::default(),
            unsettled: unsettled.clone(),
            patience: Some(Duration::from_secs(5)),
            newest: newest.clone(),
            circumstances: circumstances.clone(),
            latching: Arc::clone(&latching),
            progress: Progress::default(),
            clock: Arc::clone(clock),
            stop: stop.clone(),
        };
        (account, (reads, writes))
    };
    let estate = Estate { accounts: ACCOUNTS.into_iter().map(way).collect() };
    let clock = Arc::clone(clock);
    Daemon { estate, intake, circumstances, clock, interval: MINUTE, workers: WORKERS, ..plain }
}

/// Ten minutes with that fault for the calls of `a`.
async fn holds_up_nobody(faults: &[(&str, &str)]) {
    let wall = "2026-11-23T12:00:00Z".parse().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::starting_at(wall));
    let (sim, stop) = (cloud(&clock), CancellationToken::new());
    sim.set("only-accounts", "42").unwrap();
    for (name, value) in faults {
        sim.set(name, value).unwrap();
    }
    let reader = watch::Sender::new(manifests());
    let host = (&Memory::default(), PauseFile::default());
    let mut daemon = running(&sim, &clock, &reader, &stop, host);
    daemon.readings.mark_changed();
    let begun = clock.now();
    let running = tokio::spawn(daemon.run());
    tokio::time::sleep(10 * MINUTE).await;
    for n in 0..VPCS {
        let links = sim.links(&region(), &vpc("z", n));
        assert_eq!(links, [link("z", n, "keep")], "{faults:?}");
        let reads: Vec<Duration> = sim
            .calls()
            .iter()
            .filter(|call| call.params.get("VpcId").is_some_and(|id| *id == format!("vpc-z{n}")))
            .filter(|call| call.params.get("PageNumber").is_some_and(|page| page == "1"))
            .map(|call| call.monotonic.saturating_sub(begun.monotonic))
            .collect();
        let gaps = reads.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
        let longest = gaps.max().unwrap();
        assert!(longest <= MINUTE.mul_f64(1.1), "{faults:?}: not looked at for {longest:?}");
        assert!(reads.last().unwrap() > &MINUTE.mul_f64(8.9), "{faults:?}: {reads:?}");
    }
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_account_whose_calls_hang_holds_up_no_other() {
    holds_up_nobody(&[("slow", "100%"), ("slow-by", "1h")]).await;
}

#[tokio::test(start_paused = true)]
async fn an_account_whose_changes_hang_holds_up_no_other() {
    let detach = ("only-actions", "DetachClassicLinkVpc");
    holds_up_nobody(&[detach, ("slow", "100%"), ("slow-by", "1h")]).await;
}

#[tokio::test(start_paused = true)]
async fn an_account_that_fails_holds_up_no_other() {
    holds_up_nobody(&[("unreachable", "100%"), ("slow", "100%"), ("slow-by", "20s")]).await;
    for code in ["InvalidAccessKeyId.Inactive", "Forbidden.RAM", "Throttling.User", "InternalError"]
    {
        holds_up_nobody(&[("error-before", "100%"), ("error-code", code)]).await;
    }
}
