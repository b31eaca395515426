//! Which role is assumed, and how.

use crate::aliyun::client::pair;
use crate::aliyun::credentials::CredentialError;
use crate::aliyun::credentials::ask::unusable;
use crate::model::printable;
use crate::signature::Pair;
use secrecy::SecretString;
use std::fmt;
use std::time::Duration;

/// A role to assume; what STS would refuse in any case is refused here.
#[derive(Clone)]
pub struct Role {
    arn: String,
    session: String,
    life: Duration,
    policy: Option<String>,
    pub(super) external_id: Option<SecretString>,
}

impl Role {
    /// How long a key lives where nobody says it.
    pub const LIFE: Duration = Duration::from_secs(3600);
    /// The shortest life that STS gives a key (`api-contract.md` 9).
    pub const LIFE_MIN: Duration = Duration::from_secs(900);

    /// The role `arn`, assumed under the name `session`, which the cloud's audit trail shows.
    ///
    /// # Errors
    /// [`CredentialError`] for what is no ARN of a role, or no name of a session.
    pub fn new(arn: &str, session: &str) -> Result<Self, CredentialError> {
        let (arn, session) = (arn.trim(), session.trim());
        if !is_arn(arn) {
            return refuse(
                "the ARN of the role",
                arn,
                "an ARN looks like `acs:ram::1234567890123456:role/name`",
            );
        }
        let fits =
            session.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".@-_".contains(&byte));
        if !fits || !(2..=64).contains(&session.len()) {
            return refuse(
                "the name of the role's session",
                session,
                "a name has 2 to 64 letters, digits, `.`, `@`, `-` and `_`",
            );
        }
        let (arn, session) = (arn.to_owned(), session.to_owned());
        Ok(Self { arn, session, life: Self::LIFE, policy: None, external_id: None })
    }

    /// With keys that live as long, in whole seconds.
    ///
    /// # Errors
    /// [`CredentialError`] for less than [`Role::LIFE_MIN`]. The most is the role's own.
    pub fn living(self, life: Duration) -> Result<Self, CredentialError> {
        if life < Self::LIFE_MIN {
            let seconds = format!("{} seconds", life.as_secs());
            return refuse(
                "the duration of the role's session",
                &seconds,
                "the shortest is 900 seconds",
            );
        }
        Ok(Self { life, ..self })
    }

    /// With no more leave than this policy gives, too.
    #[must_use]
    pub fn under(self, policy: Option<&str>) -> Self {
        let policy = policy.map(str::trim).filter(|policy| !policy.is_empty());
        Self { policy: policy.map(str::to_owned), ..self }
    }

    /// With what the owner of a role asks of whoever may assume it. Shows nowhere.
    #[must_use]
    pub fn external(self, id: Option<SecretString>) -> Self {
        Self { external_id: id, ..self }
    }

    /// As STS calls them; without the external id, which only one of its operations knows.
    pub(super) fn parameters(&self) -> Vec<Pair> {
        let life = self.life.as_secs().to_string();
        let mut parameters = vec![
            pair("RoleArn", &self.arn),
            pair("RoleSessionName", &self.session),
            pair("DurationSeconds", &life),
        ];
        parameters.extend(self.policy.as_deref().map(|policy| pair("Policy", policy)));
        parameters
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &mut f.debug_struct("Role");
        shown.field("arn", &self.arn).field("session", &self.session).field("life", &self.life);
        shown.finish_non_exhaustive()
    }
}

/// `acs:ram::<account>:role/<name>`.
pub(super) fn is_arn(text: &str) -> bool {
    of_account(text, ":role/")
}

/// Whether it is `acs:ram::<digits><kind><rest>`.
pub(super) fn of_account(text: &str, kind: &str) -> bool {
    let parts = text.strip_prefix("acs:ram::").and_then(|rest| rest.split_once(kind));
    parts.is_some_and(|(account, name)| {
        !account.is_empty()
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && (1..=256).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte))
    })
}

pub(super) fn refuse<T>(what: &str, value: &str, advice: &str) -> Result<T, CredentialError> {
    Err(unusable("STS", format!("{what} cannot be `{}`: {advice}", printable(value))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "acs:ram::1234567890123456:role/classiclinkd";

    #[test]
    fn an_arn_is_one_of_a_role() {
        assert!(Role::new(&format!(" {ARN}\n"), "classiclinkd").is_ok());
        for bad in [
            "",
            "classiclinkd",
            "acs:ram::1234567890123456:user/classiclinkd",
            "acs:ram:::role/classiclinkd",
            "acs:ram::1234567890123456:role/",
            "acs:ram::12x4:role/classiclinkd",
            "acs:ram::1234567890123456:role/a b",
            "acs:ecs::1234567890123456:role/classiclinkd",
        ] {
            let error = Role::new(bad, "classiclinkd").unwrap_err().to_string();
            assert!(error.contains("ARN of the role") && error.contains("acs:ram::"), "{error}");
        }
    }

    #[test]
    fn a_session_has_a_name_that_sts_takes() {
        let long = "x".repeat(64);
        for good in ["ab", "a.b@c-d_e", &long] {
            assert!(Role::new(ARN, good).is_ok(), "{good}");
        }
        for bad in ["", "a", "a b", "a/b", "é2", &"x".repeat(65)] {
            let error = Role::new(ARN, bad).unwrap_err().to_string();
            assert!(error.contains("2 to 64"), "{error}");
        }
    }

    #[test]
    fn a_key_lives_an_hour_and_at_least_a_quarter_of_one() {
        let role = || Role::new(ARN, "classiclinkd").unwrap();
        let life = |role: &Role| {
            role.parameters().iter().any(|one| *one == pair("DurationSeconds", "3600"))
        };
        assert!(life(&role()));
        assert!(role().living(Duration::from_secs(900)).is_ok());
        let error = role().living(Duration::from_secs(899)).unwrap_err().to_string();
        assert!(error.contains("899 seconds") && error.contains("shortest is 900"), "{error}");
    }

    #[test]
    fn a_role_that_is_printed_shows_no_external_id() {
        let role = Role::new(ARN, "classiclinkd").unwrap().external(Some("canary".into()));
        assert!(!format!("{role:?}").contains("canary"));
    }
}
