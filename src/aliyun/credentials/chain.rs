//! The providers in the order of the official libraries (`api-contract.md` 9).
//!
//! As there, one that has no key makes way for the next, and the first that gives a key is asked from then on.
//! Unlike in two of them, none is remembered before it has given one. And nobody becomes somebody else
//! because of a failure: what was set up and fails for now is asked again and no other in its place, what was
//! set up and fails for good makes way only for what was set up as well, and a file that others can read ends
//! the search.

use super::provide::{Fetching, Provide};
use super::{CREDENTIALS_FILE, CredentialError, KEY_ID, KEY_SECRET, Key, SECURITY_TOKEN};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Longest wait for a provider that nobody configured. Where there is no metadata service, nothing answers.
const UNASKED_MAX: Duration = Duration::from_secs(3);

/// One provider of a chain.
#[derive(Debug)]
pub struct Step {
    /// Who.
    pub provider: Arc<dyn Provide>,
    /// Whether somebody asked for it: if not, it is waited for only briefly, and its failure is nothing to
    /// warn of.
    pub configured: bool,
}

/// Providers in order, the first with a key first.
#[derive(Debug)]
pub struct Chain {
    steps: Vec<Result<Step, (&'static str, CredentialError)>>,
    chosen: OnceLock<Arc<dyn Provide>>,
    said: Mutex<BTreeMap<&'static str, CredentialError>>,
}

impl Chain {
    /// A chain of what could be made, and of why the others could not.
    pub fn new(steps: Vec<Result<Step, (&'static str, CredentialError)>>) -> Self {
        Self { steps, chosen: OnceLock::new(), said: Mutex::default() }
    }

    /// Whether it was not said last, so that a search that goes on in vain is not a log of its own.
    fn is_news(&self, name: &'static str, error: &CredentialError) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.insert(name, error.clone()).as_ref() != Some(error)
    }

    async fn search(&self) -> Result<Key, CredentialError> {
        let mut vain = Vain::default();
        for step in &self.steps {
            let (name, error, configured) = match step {
                Err((name, error)) => (*name, error.clone(), true),
                Ok(step) if !step.configured && !vain.failed.is_empty() => {
                    vain.absent.push((step.provider.name(), vain.instead()));
                    continue;
                }
                Ok(step) => match ask(step).await {
                    Ok(key) => {
                        let chosen = self.chosen.get_or_init(|| Arc::clone(&step.provider));
                        tracing::info!(provider = chosen.name(), "credentials found");
                        return Ok(key);
                    }
                    Err(error) => (step.provider.name(), error, step.configured),
                },
            };
            if matches!(error, CredentialError::Exposed { .. }) {
                return Err(error);
            }
            if !configured || matches!(error, CredentialError::Absent(_)) {
                vain.absent.push((name, error));
                continue;
            }
            let temporary = error.is_temporary();
            if self.is_news(name, &error) {
                let next = if temporary { "it is asked again" } else { "the next one is asked" };
                tracing::warn!(provider = name, %error, "no key from here; {next}");
            }
            vain.failed.push((name, error));
            if temporary {
                break;
            }
        }
        Err(vain.error())
    }
}

/// What a search without a key has seen.
#[derive(Default)]
struct Vain {
    /// Who was set up, and failed.
    failed: Vec<(&'static str, CredentialError)>,
    /// Who has none, as is to be expected.
    absent: Vec<(&'static str, CredentialError)>,
}

impl Vain {
    /// Why nobody goes on to what nobody set up.
    fn instead(&self) -> CredentialError {
        let names = self.names();
        CredentialError::Absent(format!("not asked, for {names} is set up and nobody set this up"))
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.failed.iter().map(|(name, _)| format!("`{name}`")).collect();
        names.join(" and ")
    }

    fn error(self) -> CredentialError {
        let elsewhere = "say in `accounts.<name>.credentials` where it comes from";
        let advice = if self.failed.is_empty() {
            format!(
                "set {KEY_ID} and {KEY_SECRET} (and {SECURITY_TOKEN} for a temporary key) or \
                 {CREDENTIALS_FILE}, or {elsewhere}"
            )
        } else {
            let names = self.names();
            format!(
                "mend what is said of {names}, for no key is taken from elsewhere instead, or {elsewhere}"
            )
        };
        let tried = self.failed.iter().chain(&self.absent);
        let temporary = tried.clone().any(|(_, error)| error.is_temporary());
        let tried: Vec<String> = tried.map(|(name, error)| format!("{name}: {error}")).collect();
        CredentialError::Nothing { tried: tried.join("; "), advice, temporary }
    }
}

async fn ask(step: &Step) -> Result<Key, CredentialError> {
    let fetched = step.provider.fetch();
    if step.configured {
        return fetched.await;
    }
    tokio::time::timeout(UNASKED_MAX, fetched).await.unwrap_or_else(|_| {
        let why = format!("nothing answered within {} s", UNASKED_MAX.as_secs());
        Err(CredentialError::Absent(why))
    })
}

impl Provide for Chain {
    fn name(&self) -> &'static str {
        self.chosen.get().map_or("default", |chosen| chosen.name())
    }

    fn fetch(&self) -> Fetching<'_> {
        match self.chosen.get() {
            Some(chosen) => chosen.fetch(),
            None => Box::pin(self.search()),
        }
    }

    fn changed(&self) -> bool {
        self.chosen.get().is_some_and(|chosen| chosen.changed())
    }

    fn file(&self) -> Option<std::path::PathBuf> {
        self.chosen.get()?.file()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock as _, TokioClock};
    use std::collections::VecDeque;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[derive(Debug)]
    struct Scripted {
        name: &'static str,
        answers: Mutex<VecDeque<Result<(), CredentialError>>>,
        asked: AtomicU32,
    }

    impl Provide for Scripted {
        fn name(&self) -> &'static str {
            self.name
        }

        fn fetch(&self) -> Fetching<'_> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let answer = self.answers.lock().unwrap().pop_front();
            Box::pin(async move {
                match answer {
                    Some(answer) => answer.and_then(|()| Key::new(self.name, "s", None)),
                    None => std::future::pending().await,
                }
            })
        }
    }

    fn scripted<const N: usize>(
        name: &'static str,
        answers: [Result<(), CredentialError>; N],
    ) -> Arc<Scripted> {
        Arc::new(Scripted { name, answers: Mutex::new(answers.into()), asked: AtomicU32::new(0) })
    }

    fn absent() -> Result<(), CredentialError> {
        Err(CredentialError::Absent("it is not set".to_owned()))
    }

    fn broken() -> Result<(), CredentialError> {
        Err(CredentialError::File { path: "/key".into(), why: "it is empty".to_owned() })
    }

    fn away() -> Result<(), CredentialError> {
        let (who, why) = ("STS".to_owned(), "status 503; wait".to_owned());
        Err(CredentialError::Service { who, why, temporary: true })
    }

    fn chain(steps: &[(&Arc<Scripted>, bool)]) -> Chain {
        let steps = steps.iter().map(|(provider, configured)| {
            let provider: Arc<dyn Provide> = Arc::clone(provider) as _;
            Ok(Step { provider, configured: *configured })
        });
        Chain::new(steps.collect())
    }

    fn asked(of: &Scripted) -> u32 {
        of.asked.load(Ordering::Relaxed)
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_that_gives_a_key_is_asked_from_then_on() {
        let (first, second) =
            (scripted("a", [broken()]), scripted("b", [Ok(()), broken(), Ok(())]));
        let third = scripted("c", []);
        let chain = chain(&[(&first, true), (&second, true), (&third, true)]);
        assert_eq!(chain.name(), "default");
        chain.fetch().await.unwrap();
        assert_eq!(chain.name(), "b");
        chain.fetch().await.unwrap_err();
        chain.fetch().await.unwrap();
        assert_eq!((asked(&first), asked(&second), asked(&third)), (1, 3, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn none_is_remembered_before_it_gave_a_key_and_all_are_named() {
        let (first, second) = (scripted("a", [absent(), Ok(())]), scripted("b", [broken()]));
        let chain = chain(&[(&first, true), (&second, true)]);
        let error = chain.fetch().await.unwrap_err().to_string();
        let failed_first = "(b: use the credentials file /key: it is empty; a: it is not set)";
        assert!(
            error.contains(failed_first) && error.contains("mend what is said of `b`"),
            "{error}"
        );
        assert!(!error.contains(KEY_ID), "{error}");
        chain.fetch().await.unwrap();
        assert_eq!(chain.name(), "a");
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_others_can_read_ends_the_search() {
        let exposed =
            CredentialError::Exposed { path: "/key".into(), why: "chmod 600 /key".into() };
        let (first, second) = (scripted("a", [Err(exposed.clone())]), scripted("b", [Ok(())]));
        let chain = chain(&[(&first, true), (&second, true)]);
        assert_eq!(chain.fetch().await.unwrap_err(), exposed);
        assert_eq!(asked(&second), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_for_now_is_asked_again_and_nobody_in_its_place() {
        let first = scripted("oidc_role_arn", [away(), Ok(())]);
        let (second, third) = (scripted("b", [Ok(())]), scripted("ecs_ram_role", [Ok(())]));
        let chain = chain(&[(&first, true), (&second, true), (&third, false)]);
        let error = chain.fetch().await.unwrap_err();
        assert!(error.is_temporary(), "{error}");
        let (what, advice) = error.parts();
        assert!(what.ends_with("(oidc_role_arn: get a key from STS: status 503; wait)"), "{what}");
        assert!(advice.unwrap().starts_with("mend what is said of `oidc_role_arn`"));
        chain.fetch().await.unwrap();
        assert_eq!(chain.name(), "oidc_role_arn");
        assert_eq!((asked(&second), asked(&third)), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_becomes_whom_nobody_configured_because_of_a_failure() {
        let (first, second) = (scripted("cli_profile", [broken()]), scripted("ecs_ram_role", []));
        let (third, chosen) = (scripted("c", [absent()]), scripted("ecs_ram_role", [Ok(())]));
        let failing = chain(&[(&first, true), (&second, false), (&third, true)]);
        let error = failing.fetch().await.unwrap_err().to_string();
        assert!(error.contains("ecs_ram_role: not asked, for `cli_profile` is set up"), "{error}");
        assert_eq!((asked(&second), asked(&third)), (0, 1));
        let nothing_else = chain(&[(&scripted("a", [absent()]), true), (&chosen, false)]);
        nothing_else.fetch().await.unwrap();
        assert_eq!(nothing_else.name(), "ecs_ram_role");
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_configured_holds_up_for_three_seconds_at_most() {
        let (silent, next) = (scripted("ecs_ram_role", []), scripted("b", [Ok(())]));
        let chain = chain(&[(&silent, false), (&next, true)]);
        let clock = TokioClock::starting_at(jiff::Timestamp::UNIX_EPOCH);
        let before = clock.now();
        chain.fetch().await.unwrap();
        assert_eq!(clock.now().since(before), Duration::from_secs(3));
        assert_eq!(chain.name(), "b");
    }
}
