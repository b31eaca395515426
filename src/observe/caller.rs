//! Asks whose credential an account uses, and remembers the answer for a while.

use crate::clock::{Clock, Moment};
use crate::cloud::Identify;
use crate::gate::Pin;
use crate::model::{AccountId, AccountName};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// How long an answer counts, from when it was asked for. A key that was exchanged meanwhile is
/// noticed after that long at the latest.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// How long a failure counts, from when it was known: every pass of a broken account would
/// otherwise ask again for each of its scopes.
const FAILED: Duration = Duration::from_secs(15);

/// Whose credential an account uses, as far as was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The cloud said so, less than 5 minutes ago.
    Is(AccountId),
    /// It was asked and not told: why, for people, and safe to print.
    Unknown(String),
}

/// Which accounts the configuration pins, and whose credentials are in use. Clones share.
#[derive(Debug, Clone)]
pub struct Pins {
    callers: Callers,
    pinned: Arc<BTreeMap<AccountName, AccountId>>,
}

impl Pins {
    /// Holds these accounts to these ids; others are not asked about.
    pub fn new(pinned: BTreeMap<AccountName, AccountId>, clock: Arc<dyn Clock>) -> Self {
        Self { callers: Callers::new(clock), pinned: Arc::new(pinned) }
    }

    /// How the credential of an account compares with the configuration.
    pub async fn of<I: Identify>(&self, account: &AccountName, identify: &I) -> Pin {
        let Some(pinned) = self.pinned.get(account).cloned() else { return Pin::Absent };
        match self.callers.ask(account, identify).await {
            Caller::Is(found) if found == pinned => Pin::Kept,
            Caller::Is(found) => Pin::Broken { pinned, found },
            Caller::Unknown(why) => Pin::Unknown { pinned, why },
        }
    }
}

/// Asks, and remembers the answer for 5 minutes, a failure for 15 seconds. Clones share both.
#[derive(Clone)]
pub struct Callers {
    clock: Arc<dyn Clock>,
    known: Arc<std::sync::Mutex<BTreeMap<AccountName, Slot>>>,
}

/// What is known of one account. Who asks holds it, so that the others wait for that one answer.
type Slot = Arc<tokio::sync::Mutex<Option<Known>>>;

struct Known {
    caller: Caller,
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

    /// Whose credential the account uses: what was answered lately, else what is answered now.
    /// An answer that has aged is no evidence: if asking again fails, the
    /// caller is unknown.
    pub async fn ask<I: Identify>(&self, account: &AccountName, identify: &I) -> Caller {
        let slot = self.slot(account);
        let mut known = slot.lock().await;
        if let Some(known) = known.as_ref()
            && self.clock.now().since(known.since) < known.lasts
        {
            return known.caller.clone();
        }
        let asked = self.clock.now();
        let (caller, since, lasts) = match identify.caller().await {
            Ok(id) => (Caller::Is(id), asked, FRESH),
            Err(error) => {
                tracing::warn!(%account, %error, "the cloud does not tell whose credential it is");
                (Caller::Unknown(error.to_string()), self.clock.now(), FAILED)
            }
        };
        *known = Some(Known { caller: caller.clone(), since, lasts });
        caller
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
    use std::sync::Mutex;

    type Answer = Result<AccountId, CloudError>;

    /// Gives its answers one after the other, each after a second.
    #[derive(Default)]
    struct Script {
        answers: Mutex<VecDeque<Answer>>,
        asked: Mutex<u32>,
    }

    impl Script {
        fn of(answers: impl IntoIterator<Item = Answer>) -> Self {
            Self { answers: Mutex::new(answers.into_iter().collect()), asked: Mutex::default() }
        }

        fn asked(&self) -> u32 {
            *self.asked.lock().unwrap()
        }
    }

    impl Identify for Script {
        async fn caller(&self) -> Answer {
            *self.asked.lock().unwrap() += 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.answers.lock().unwrap().pop_front().expect("an answer is left")
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
}
