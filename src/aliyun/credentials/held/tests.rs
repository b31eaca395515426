//! Keys that end, providers that fail, and many who want a key at once, on virtual time.

use super::*;
use crate::aliyun::credentials::refresh::WRITE_MIN;
use crate::clock::TokioClock;
use secrecy::ExposeSecret as _;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Gives keys that live for a while, and fails where it is told to.
struct Service {
    clock: Arc<dyn Clock>,
    life: Duration,
    latency: Duration,
    /// How the next askings end; good ones afterwards.
    script: Mutex<VecDeque<Answer>>,
    down: AtomicBool,
    asked: AtomicU32,
    at_once: AtomicU32,
    most_at_once: AtomicU32,
}

#[derive(Clone, Copy)]
enum Answer {
    Down,
    Refused,
    Living(u64),
    Ended,
    Same,
    Never,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Service")
    }
}

impl Service {
    fn living(seconds: u64) -> (Arc<Self>, Credentials) {
        let wall = "2026-05-01T12:00:00Z".parse().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::starting_at(wall));
        let service = Arc::new(Self {
            clock: Arc::clone(&clock),
            life: Duration::from_secs(seconds),
            latency: Duration::from_millis(200),
            script: Mutex::default(),
            down: AtomicBool::new(false),
            asked: AtomicU32::new(0),
            at_once: AtomicU32::new(0),
            most_at_once: AtomicU32::new(0),
        });
        let credentials = Credentials::new(Arc::clone(&service) as _, clock, 7);
        (service, credentials)
    }

    fn then(&self, answers: impl IntoIterator<Item = Answer>) {
        self.script.lock().unwrap().extend(answers);
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    fn key(&self, number: u32, life: Duration) -> Key {
        let key = Key::new(&format!("id-{number}"), "s", Some("t")).unwrap();
        key.ending(Some(self.clock.now().after(life).wall))
    }

    fn down() -> CredentialError {
        CredentialError::Service { who: "it".into(), why: "is away".into(), temporary: true }
    }

    async fn answer(&self) -> Result<Key, CredentialError> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let now = self.at_once.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_at_once.fetch_max(now, Ordering::Relaxed);
        tokio::time::sleep(self.latency).await;
        self.at_once.fetch_sub(1, Ordering::Relaxed);
        if self.down.load(Ordering::Relaxed) {
            return Err(Self::down());
        }
        let answer = self.script.lock().unwrap().pop_front();
        match answer.unwrap_or(Answer::Living(self.life.as_secs())) {
            Answer::Down => Err(Self::down()),
            Answer::Refused => Err(CredentialError::Service {
                who: "it".into(),
                why: "says no".into(),
                temporary: false,
            }),
            Answer::Living(seconds) => Ok(self.key(number, Duration::from_secs(seconds))),
            Answer::Ended => {
                let end = self.clock.now().before(Duration::from_secs(1)).wall;
                Ok(self.key(number, Duration::ZERO).ending(Some(end)))
            }
            Answer::Same => Ok(Key::new("id-1", "s", Some("t"))
                .unwrap()
                .ending(Some("2026-05-01T12:02:00Z".parse().unwrap()))),
            Answer::Never => std::future::pending().await,
        }
    }
}

impl Provide for Service {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn fetch(&self) -> Fetching<'_> {
        Box::pin(self.answer())
    }
}

async fn wait(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

fn id(in_use: &InUse) -> String {
    in_use.key.id.expose_secret().to_owned()
}

#[tokio::test(start_paused = true)]
async fn one_asks_and_the_others_wait_for_that_answer() {
    let (service, credentials) = Service::living(3600);
    let wants = (0..500).map(|_| credentials.key(Need::Write));
    let got = futures_util::future::join_all(wants).await;
    assert!(got.iter().all(|got| id(got.as_ref().unwrap()) == "id-1"));
    assert_eq!(service.asked(), 1);
    assert_eq!(credentials.generation(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_renewed_ahead_of_its_end_without_anybody_asking() {
    let (service, credentials) = Service::living(3600);
    credentials.key(Need::Read).await.unwrap();
    wait(2800.0).await;
    assert_eq!(service.asked(), 1);
    wait(90.0).await;
    assert_eq!(service.asked(), 2, "four fifths of its life are over");
    let before = service.clock.now();
    assert_eq!(id(&credentials.key(Need::Write).await.unwrap()), "id-2");
    assert_eq!(service.clock.now().since(before), Duration::ZERO, "nobody waits for it");
    drop(credentials);
    wait(7200.0).await;
    assert_eq!(service.asked(), 2, "nobody asks for what nobody holds");
}

#[tokio::test(start_paused = true)]
async fn changes_stop_a_minute_before_the_end_and_reads_at_the_end() {
    let (service, credentials) = Service::living(120);
    credentials.key(Need::Write).await.unwrap();
    service.down.store(true, Ordering::Relaxed);
    wait(50.0).await;
    assert_eq!(id(&credentials.key(Need::Write).await.unwrap()), "id-1");
    wait(12.0).await;
    let late = credentials.key(Need::Write).await.unwrap_err();
    assert!(matches!(&late, CredentialError::Late { temporary: true, .. }), "{late}");
    assert!(late.to_string().contains("is away"), "{late}");
    assert_eq!(id(&credentials.key(Need::Read).await.unwrap()), "id-1");
    wait(50.0).await;
    credentials.key(Need::Read).await.unwrap_err();
    service.down.store(false, Ordering::Relaxed);
    let before = service.clock.now();
    let back = credentials.key(Need::Write).await.unwrap();
    assert!(service.clock.now().since(before) < PATIENCE && back.generation == 2);
}

#[tokio::test(start_paused = true)]
async fn a_short_absence_of_the_service_is_waited_for_and_a_refusal_is_not() {
    let (service, credentials) = Service::living(3600);
    service.then([Answer::Down, Answer::Down]);
    credentials.key(Need::Read).await.unwrap();
    assert_eq!(service.asked(), 3);

    let (service, credentials) = Service::living(3600);
    service.then([Answer::Refused, Answer::Living(3600)]);
    let before = service.clock.now();
    let refused = credentials.key(Need::Read).await.unwrap_err();
    assert!(
        !refused.is_temporary() && service.clock.now().since(before) < Duration::from_secs(1),
        "{refused}"
    );
    credentials.key(Need::Read).await.unwrap_err();
    assert_eq!(service.asked(), 1, "it is not asked again at once");
    wait(2.0).await;
    credentials.key(Need::Read).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_answers_holds_up_for_ten_seconds() {
    let (service, credentials) = Service::living(3600);
    service.then([Answer::Never]);
    let before = service.clock.now();
    let silent = credentials.key(Need::Read).await.unwrap_err();
    assert!(silent.is_temporary());
    assert_eq!(service.clock.now().since(before), PATIENCE);
    wait(70.0).await;
    credentials.key(Need::Read).await.unwrap();
    assert_eq!(service.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_ended_or_hardly_lives_does_not_take_the_place_of_one_that_lives() {
    for worse in [Answer::Ended, Answer::Living(30)] {
        let (service, credentials) = Service::living(120);
        credentials.key(Need::Write).await.unwrap();
        service.then([worse]);
        while service.asked() < 2 {
            wait(0.1).await;
        }
        wait(0.3).await;
        let kept = credentials.key(Need::Write).await.unwrap();
        assert_eq!((id(&kept).as_str(), kept.generation), ("id-1", 1));
        wait(10.0).await;
        assert_eq!(id(&credentials.key(Need::Write).await.unwrap()), "id-3", "it is asked again");
    }
    let (service, credentials) = Service::living(120);
    service.then([Answer::Ended]);
    let ended = credentials.key(Need::Read).await.unwrap_err();
    assert!(matches!(ended, CredentialError::Ended { .. }), "{ended}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_done_renewing_is_asked_again_and_not_without_end() {
    let (service, credentials) = Service::living(120);
    service.then(std::iter::repeat_n(Answer::Same, 100));
    credentials.key(Need::Write).await.unwrap();
    wait(100.0).await;
    assert_eq!(credentials.generation(), 1);
    assert!((10..=40).contains(&service.asked()), "{}", service.asked());
    let late = credentials.key(Need::Write).await.unwrap_err();
    assert!(late.to_string().contains("the same again") && late.is_temporary(), "{late}");
}

#[tokio::test(start_paused = true)]
async fn another_than_a_refused_key_is_asked_for_once_by_all() {
    let (service, credentials) = Service::living(3600);
    let refused = credentials.key(Need::Read).await.unwrap();
    wait(1.0).await;
    let others = (0..100).map(|_| credentials.other_than(&refused, Need::Read));
    let got = futures_util::future::join_all(others).await;
    assert!(got.iter().all(|got| got.as_ref().unwrap().generation == 2));
    assert_eq!(service.asked(), 2);
    service.down.store(true, Ordering::Relaxed);
    let refused = credentials.key(Need::Read).await.unwrap();
    assert_eq!(credentials.other_than(&refused, Need::Read).await.unwrap().generation, 2);
}

/// The judgement of the whole: 5,000 links under keys of two minutes, for hours.
#[tokio::test(start_paused = true)]
async fn thousands_of_calls_an_hour_never_see_an_ended_key_and_none_is_lost() {
    const LINKS: u32 = 5_000;
    let (service, credentials) = Service::living(120);
    let begin = service.clock.now();
    let (mut calls, mut waited) = (0_u32, Duration::ZERO);
    while service.clock.now().since(begin) < Duration::from_secs(4 * 3600) {
        // Every tenth minute the service is away, for as long as the keys allow.
        let minute = service.clock.now().since(begin).as_secs() / 60;
        service.down.store(minute % 10 == 9, Ordering::Relaxed);
        // A pass: pages of reads, then changes, 16 at a time.
        for batch in 0..LINKS / 16 {
            let need = if batch < 4 { Need::Read } else { Need::Write };
            let asked = service.clock.now();
            let got = futures_util::future::join_all((0..16).map(|_| credentials.key(need))).await;
            let now = service.clock.now();
            waited = waited.max(now.since(asked));
            for got in got {
                // A pass that meets a stop is not lost: it waits for the next key and goes on.
                let got = match got {
                    Ok(got) => got,
                    Err(error) => {
                        assert!(error.is_temporary(), "{error}");
                        service.down.store(false, Ordering::Relaxed);
                        credentials.key(need).await.unwrap()
                    }
                };
                let left = got.key.expires.unwrap().duration_since(service.clock.now().wall);
                let least = if need == Need::Write { WRITE_MIN } else { Duration::ZERO };
                assert!(
                    left > jiff::SignedDuration::try_from(least).unwrap()
                        - jiff::SignedDuration::from_secs(1),
                    "{left:?}"
                );
                calls += 1;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    let hours = service.clock.now().since(begin).as_secs_f64() / 3600.0;
    assert!(calls > 1_000_000, "{calls}");
    assert_eq!(service.most_at_once.load(Ordering::Relaxed), 1, "one asks at a time");
    let per_hour = f64::from(service.asked()) / hours;
    // A key each half a minute, and the tries while the service is away.
    assert!((100.0..=200.0).contains(&per_hour), "{per_hour}");
    assert!(waited <= PATIENCE, "{waited:?}");
}
