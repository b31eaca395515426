//! Asks whose credential an account uses, and remembers the answer for a while.

use crate::clock::{Clock, Moment};
use crate::cloud::{Identify, NO_KEY};
use crate::gate::Pin;
use crate::model::{AccountId, AccountName};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long an answer counts, from when it was asked for, as long as the key stays the same.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// How long a failure counts, from when it was known: every pass of a broken account would
/// otherwise ask again for each of its scopes.
const FAILED: Duration = Duration::from_secs(15);
/// Questions in a row whose key is exchanged before the answer is there.
const TRIES: u32 = 3;

/// Whose credential an account uses, as far as was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The cloud said so, less than 5 minutes ago.
    Is(AccountId),
    /// It was asked and not told: why, for people, and safe to print.
    Unknown(String),
    /// There is no key to ask with: why, likewise. Whoever looks for the key has said it in the log.
    Keyless(String),
}

/// How the credential of an account compares with the configuration, and of which key that is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What the gate is told.
    pub pin: Pin,
    /// [`Identify::generation`] of the key that was asked about.
    generation: u64,
}

impl Checked {
    /// Whether calls are still made with the key that was asked about.
    pub fn is_of<I: Identify>(&self, identify: &I) -> bool {
        self.generation == identify.generation()
    }
}

/// Which accounts the configuration pins, and whose credentials are in use. Clones share.
#[derive(Debug, Clone)]
pub struct Pins {
    callers: Callers,
    pinned: Arc<BTreeMap<AccountName, AccountId>>,
    /// How each pinned account compared when it was asked about last.
    last: Arc<Mutex<BTreeMap<AccountName, Pin>>>,
}

impl Pins {
    /// Holds these accounts to these ids; others are not asked about.
    pub fn new(pinned: BTreeMap<AccountName, AccountId>, clock: Arc<dyn Clock>) -> Self {
        Self { callers: Callers::new(clock), pinned: Arc::new(pinned), last: Arc::default() }
    }

    /// How the credential of an account compares with the configuration. Says so in the log, where that
    /// is not how it compared before.
    pub async fn of<I: Identify>(&self, account: &AccountName, identify: &I) -> Checked {
        let Some(pinned) = self.pinned.get(account).cloned() else {
            return Checked { pin: Pin::Absent, generation: identify.generation() };
        };
        let (caller, generation) = self.callers.asked(account, identify).await;
        let keyless = matches!(caller, Caller::Keyless(_));
        let pin = match caller {
            Caller::Is(found) if found == pinned => Pin::Kept,
            Caller::Is(found) => Pin::Broken { pinned, found },
            Caller::Unknown(why) | Caller::Keyless(why) => Pin::Unknown { pinned, why },
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.insert(account.clone(), pin.clone()).as_ref() != Some(&pin) && !keyless {
            say(account, &pin);
        }
        Checked { pin, generation }
    }

    /// The pinned accounts whose credential was not that of the account when it was asked last, or not
    /// evidently; why, for people.
    pub fn broken(&self) -> BTreeMap<AccountName, String> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let broken =
            last.iter().filter_map(|(account, pin)| Some((account.clone(), pin.trouble()?)));
        broken.collect()
    }
}

fn say(account: &AccountName, pin: &Pin) {
    match (pin, pin.trouble()) {
        (Pin::Unknown { .. }, Some(why)) => {
            tracing::warn!(%account, reason = why, "nothing is done in this account; others go on");
        }
        (_, Some(why)) => {
            tracing::error!(%account, reason = why, "nothing is done in this account; others go on");
        }
        (_, None) => tracing::info!(%account, "the credential is of the account that is pinned"),
    }
}

/// Asks, and remembers the answer for 5 minutes, a failure for 15 seconds; neither for another key. Clones
/// share both.
#[derive(Clone)]
pub struct Callers {
    clock: Arc<dyn Clock>,
    known: Arc<Mutex<BTreeMap<AccountName, Slot>>>,
}

/// What is known of one account. Who asks holds it, so that the others wait for that one answer.
type Slot = Arc<tokio::sync::Mutex<Option<Known>>>;

struct Known {
    caller: Caller,
    generation: u64,
    since: Moment,
    lasts: Duration,
}

impl std::fmt::Debug for Callers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callers").finish_non_exhaustive()
    }
}

impl Callers {
    /// Nothing is known yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, known: Arc::default() }
    }

    /// Whose credential the account uses: what was answered lately about the key in use, else what is
    /// answered now. An answer that has aged is no evidence: if asking again fails, the
    /// caller is unknown.
    pub async fn ask<I: Identify>(&self, account: &AccountName, identify: &I) -> Caller {
        self.asked(account, identify).await.0
    }

    /// As [`Callers::ask`], with the generation of the key that the answer is about.
    async fn asked<I: Identify>(&self, account: &AccountName, identify: &I) -> (Caller, u64) {
        let slot = self.slot(account);
        let mut slot = slot.lock().await;
        if let Some(known) = slot.as_ref()
            && known.generation == identify.generation()
            && self.clock.now().since(known.since) < known.lasts
        {
            return (known.caller.clone(), known.generation);
        }
        let known = self.question(account, identify).await;
        let told = (known.caller.clone(), known.generation);
        *slot = Some(known);
        told
    }

    /// Asks until the key is the same before and after: an answer about a key that was exchanged
    /// meanwhile may be about either.
    async fn question<I: Identify>(&self, account: &AccountName, identify: &I) -> Known {
        for _ in 0..TRIES {
            let (asked, generation) = (self.clock.now(), identify.generation());
            let answer = identify.caller().await;
            if identify.generation() != generation {
                tracing::debug!(%account, "the key was exchanged while it was asked whose it is");
                continue;
            }
            return match answer {
                Ok(id) => Known { caller: Caller::Is(id), generation, since: asked, lasts: FRESH },
                Err(error) => {
                    tracing::debug!(%account, %error, "the cloud does not tell whose credential it is");
                    let why = error.to_string();
                    let keyless = error.code == NO_KEY;
                    let caller = if keyless { Caller::Keyless(why) } else { Caller::Unknown(why) };
                    let since = self.clock.now();
                    Known { caller, generation, since, lasts: FAILED }
                }
            };
        }
        let why = "the key was exchanged each time it was asked whose it is".to_owned();
        let (generation, since) = (identify.generation(), self.clock.now());
        Known { caller: Caller::Unknown(why), generation, since, lasts: FAILED }
    }

    fn slot(&self, account: &AccountName) -> Slot {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(account.clone()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::TokioClock;
    use crate::cloud::{Class, CloudError};
    use std::collections::VecDeque;

    type Answer = Result<AccountId, CloudError>;

    /// Gives its answers one after the other, each after a second.
    #[derive(Default)]
    struct Script {
        answers: Mutex<VecDeque<Answer>>,
        asked: Mutex<u32>,
        /// Goes up by one after each of so many questions.
        exchanges: Mutex<u32>,
        generation: Mutex<u64>,
    }

    impl Script {
        fn of(answers: impl IntoIterator<Item = Answer>) -> Self {
            Self { answers: Mutex::new(answers.into_iter().collect()), ..Self::default() }
        }

        /// Another key from now on.
        fn exchange(&self) {
            *self.generation.lock().unwrap() += 1;
        }

        fn asked(&self) -> u32 {
            *self.asked.lock().unwrap()
        }
    }

    impl Identify for Script {
        async fn caller(&self) -> Answer {
            *self.asked.lock().unwrap() += 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
            let left = *self.exchanges.lock().unwrap();
            if left > 0 {
                *self.exchanges.lock().unwrap() = left - 1;
                self.exchange();
            }
            self.answers.lock().unwrap().pop_front().expect("an answer is left")
        }

        fn generation(&self) -> u64 {
            *self.generation.lock().unwrap()
        }
    }

    fn id(text: &str) -> AccountId {
        AccountId::parse(text).unwrap()
    }

    fn is(text: &str) -> Caller {
        Caller::Is(id(text))
    }

    fn broken() -> Answer {
        Err(CloudError::new(Class::Ambiguous, "timeout", "no answer"))
    }

    fn unknown() -> Caller {
        Caller::Unknown("timeout: no answer".to_owned())
    }

    fn account(name: &str) -> AccountName {
        AccountName::parse(name).unwrap()
    }

    fn callers() -> Callers {
        let wall = "2024-05-01T12:00:00Z".parse().unwrap();
        Callers::new(Arc::new(TokioClock::starting_at(wall)))
    }

    async fn wait(seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_counts_for_five_minutes_from_when_it_was_asked_for() {
        let (callers, prod) = (callers(), account("prod"));
        let script = Script::of([Ok(id("1")), Ok(id("2"))]);
        assert_eq!(callers.ask(&prod, &script).await, is("1"));
        wait(298).await;
        assert_eq!(callers.clone().ask(&prod, &script).await, is("1"), "clones share");
        assert_eq!(script.asked(), 1);
        wait(1).await;
        assert_eq!(callers.ask(&prod, &script).await, is("2"));
        assert_eq!(script.asked(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_has_aged_is_no_evidence() {
        let (callers, prod) = (callers(), account("prod"));
        let script = Script::of([Ok(id("1")), broken(), Ok(id("1"))]);
        assert_eq!(callers.ask(&prod, &script).await, is("1"));
        wait(300).await;
        assert_eq!(callers.ask(&prod, &script).await, unknown());
        wait(15).await;
        assert_eq!(callers.ask(&prod, &script).await, is("1"));
        assert_eq!(script.asked(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_counts_for_fifteen_seconds_from_when_it_was_known() {
        let (callers, prod) = (callers(), account("prod"));
        let script = Script::of([broken(), Ok(id("1"))]);
        assert_eq!(callers.ask(&prod, &script).await, unknown());
        wait(14).await;
        assert_eq!(callers.ask(&prod, &script).await, unknown());
        assert_eq!(script.asked(), 1);
        wait(1).await;
        assert_eq!(callers.ask(&prod, &script).await, is("1"));
        assert_eq!(script.asked(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_at_the_same_time_shares_one_question_and_accounts_share_nothing() {
        let (callers, prod, test) = (callers(), account("prod"), account("test"));
        let one = Script::of([Ok(id("1"))]);
        let other = Script::of([broken()]);
        let got = tokio::join!(
            callers.ask(&prod, &one),
            callers.ask(&prod, &one),
            callers.ask(&test, &other),
            callers.ask(&test, &other),
        );
        assert_eq!(got, (is("1"), is("1"), unknown(), unknown()));
        assert_eq!((one.asked(), other.asked()), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn who_stops_waiting_holds_nobody_up_and_leaves_nothing_behind() {
        let (callers, prod) = (callers(), account("prod"));
        let script = Script::of([Ok(id("1"))]);
        let hasty = callers.ask(&prod, &script);
        assert!(tokio::time::timeout(Duration::from_millis(500), hasty).await.is_err());
        assert_eq!(callers.ask(&prod, &script).await, is("1"));
        assert_eq!(script.asked(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn another_key_is_asked_about_at_once() {
        let (callers, prod) = (callers(), account("prod"));
        let script = Script::of([Ok(id("1")), Ok(id("2")), broken(), Ok(id("3"))]);
        assert_eq!(callers.ask(&prod, &script).await, is("1"));
        script.exchange();
        assert_eq!(callers.ask(&prod, &script).await, is("2"), "an answer is of one key");
        script.exchange();
        assert_eq!(callers.ask(&prod, &script).await, unknown());
        script.exchange();
        assert_eq!(callers.ask(&prod, &script).await, is("3"), "and so is a failure");
        assert_eq!(callers.ask(&prod, &script).await, is("3"));
        assert_eq!(script.asked(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_about_a_key_that_is_exchanged_meanwhile_counts_for_neither() {
        let (callers, prod) = (callers(), account("prod"));
        let script = Script::of([Ok(id("1")), Ok(id("2"))]);
        *script.exchanges.lock().unwrap() = 1;
        assert_eq!(callers.ask(&prod, &script).await, is("2"));
        assert_eq!(script.asked(), 2);
        let script = Script::of([Ok(id("1")), Ok(id("1")), Ok(id("1"))]);
        *script.exchanges.lock().unwrap() = 3;
        let told = callers.ask(&account("test"), &script).await;
        assert!(matches!(told, Caller::Unknown(why) if why.contains("exchanged each time")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_pin_is_told_until_it_is_mended() {
        let (prod, script) = (account("prod"), Script::of([Ok(id("2")), broken(), Ok(id("1"))]));
        let wall = "2024-05-01T12:00:00Z".parse().unwrap();
        let clock = Arc::new(TokioClock::starting_at(wall));
        let pins = Pins::new([(prod.clone(), id("1"))].into(), clock);
        let mut said = Vec::new();
        for _ in 0..3 {
            let checked = pins.of(&prod, &script).await;
            assert!(checked.is_of(&script));
            said.push(pins.broken().into_values().collect::<String>());
            script.exchange();
            assert!(!checked.is_of(&script));
        }
        assert!(said[0].contains("is of account 2") && said[0].contains("names 1"), "{said:?}");
        assert!(said[1].contains("could not be asked"), "{said:?}");
        assert_eq!(said[2], "");
        assert_eq!(pins.of(&account("test"), &script).await.pin, Pin::Absent);
        assert_eq!(script.asked(), 3, "who is not pinned is not asked about");
    }
}
