//! The profiles of Alibaba Cloud's command line (`api-contract.md` 9).

use super::recipe::{Oidc, Place, Recipe, Role, key, required};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

/// Most profiles that one may lead through: the longest chain of roles that anybody has.
const CHAIN_MAX: usize = 8;

#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    current: Option<String>,
    #[serde(default)]
    profiles: Vec<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    mode: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    access_key_id: Option<SecretString>,
    #[serde(default, deserialize_with = "secret")]
    access_key_secret: Option<SecretString>,
    #[serde(default, deserialize_with = "secret")]
    sts_token: Option<SecretString>,
    #[serde(default)]
    ram_role_arn: Option<String>,
    #[serde(default)]
    ram_session_name: Option<String>,
    #[serde(default)]
    role_session_name: Option<String>,
    #[serde(default)]
    expired_seconds: Option<u32>,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    policy: Option<String>,
    #[serde(default)]
    sts_region: Option<String>,
    #[serde(default)]
    enable_vpc: Option<bool>,
    #[serde(default)]
    source_profile: Option<String>,
    #[serde(default)]
    ram_role_name: Option<String>,
    #[serde(default)]
    oidc_provider_arn: Option<String>,
    #[serde(default)]
    oidc_token_file: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    credentials_uri: Option<SecretString>,
    #[serde(default, deserialize_with = "secret")]
    process_command: Option<SecretString>,
}

fn secret<'de, D: Deserializer<'de>>(value: D) -> Result<Option<SecretString>, D::Error> {
    let text: Option<String> = Option::deserialize(value)?;
    Ok(text.filter(|text| !text.is_empty()).map(SecretString::from))
}

/// What the profile of that name says, else the file's `current` one.
///
/// # Errors
/// What is wrong with the file, as a sentence about "it"; quotes no value but names.
pub(super) fn recipe(text: &str, profile: Option<&str>) -> Result<Recipe, String> {
    // The parser's own words could quote a secret.
    let Ok(configuration) = serde_json::from_str::<Configuration>(text) else {
        return Err("its JSON is not of the form that `aliyun configure` writes: an object with \
                    `current` and `profiles`"
            .to_owned());
    };
    let current = configuration.current.as_deref().filter(|name| !name.is_empty());
    let Some(name) = profile.or(current) else {
        return Err("it names no `current` profile; run `aliyun configure switch`, or set \
                    ALIBABA_CLOUD_PROFILE"
            .to_owned());
    };
    of_profile(&configuration, name, &mut Vec::new())
}

fn of_profile<'a>(
    configuration: &'a Configuration,
    name: &'a str,
    path: &mut Vec<&'a str>,
) -> Result<Recipe, String> {
    let shown = crate::model::printable(name);
    if path.contains(&name) {
        let way: Vec<String> = path.iter().map(|name| crate::model::printable(name)).collect();
        return Err(format!(
            "its profiles lead in a circle by `source_profile`: {} -> {shown}",
            way.join(" -> ")
        ));
    }
    path.push(name);
    if path.len() > CHAIN_MAX {
        return Err(format!("more than {CHAIN_MAX} of its profiles lead to each other"));
    }
    let own = |profile: &&Profile| profile.name.as_deref() == Some(name);
    let Some(profile) = configuration.profiles.iter().find(own) else {
        return Err(format!("it has no profile `{shown}`"));
    };
    let fail = |why: String| format!("its profile `{shown}` cannot be used: {why}");
    let base = match profile.mode.as_deref() {
        Some("ChainableRamRoleArn") => {
            let source = profile.source_profile.as_deref().filter(|name| !name.is_empty());
            let source = source.ok_or_else(|| fail("`source_profile` is missing".to_owned()))?;
            Some(of_profile(configuration, source, path)?)
        }
        _ => None,
    };
    profile.recipe(base).map_err(fail)
}

impl Profile {
    fn recipe(&self, base: Option<Recipe>) -> Result<Recipe, String> {
        let (id, secret) = (self.access_key_id.as_ref(), self.access_key_secret.as_ref());
        let token = self.sts_token.as_ref();
        match (self.mode.as_deref().unwrap_or("AK"), base) {
            ("AK", _) => key(id, secret, None).map(Recipe::Key),
            ("StsToken", _) => {
                let token = token.ok_or("`sts_token` is missing")?;
                key(id, secret, Some(token)).map(Recipe::Key)
            }
            ("RamRoleArn", _) => {
                let base = Box::new(Recipe::Key(key(id, secret, token)?));
                Ok(Recipe::AssumeRole { base, role: self.role()? })
            }
            ("ChainableRamRoleArn", Some(base)) => {
                Ok(Recipe::AssumeRole { base: Box::new(base), role: self.role()? })
            }
            ("EcsRamRole", _) => {
                Ok(Recipe::EcsRamRole { name: given(&self.ram_role_name), without_token: false })
            }
            ("OIDC", _) => self.oidc(),
            ("CredentialsURI", _) => {
                let uri = self.credentials_uri.clone().ok_or("`credentials_uri` is missing")?;
                Ok(Recipe::Uri(uri))
            }
            ("External", _) => {
                let command = self.process_command.clone();
                Ok(Recipe::External(command.ok_or("`process_command` is missing")?))
            }
            (other, _) => Err(format!(
                "its mode `{}` is not one of those that work here: AK, StsToken, RamRoleArn, \
                 ChainableRamRoleArn, EcsRamRole, OIDC, CredentialsURI, External",
                crate::model::printable(other)
            )),
        }
    }

    fn role(&self) -> Result<Role, String> {
        Ok(Role {
            arn: required("ram_role_arn", self.ram_role_arn.clone())?,
            session: given(&self.ram_session_name).or_else(|| given(&self.role_session_name)),
            // The command line writes 0 where nothing was said.
            duration: self.expired_seconds.filter(|seconds| *seconds > 0),
            policy: given(&self.policy),
            external_id: given(&self.external_id),
            place: Place {
                region: given(&self.sts_region),
                vpc: self.enable_vpc.unwrap_or_default(),
            },
        })
    }

    fn oidc(&self) -> Result<Recipe, String> {
        Ok(Recipe::Oidc(Oidc {
            role: self.role()?,
            provider: required("oidc_provider_arn", self.oidc_provider_arn.clone())?,
            token_file: required("oidc_token_file", self.oidc_token_file.clone())?.into(),
        }))
    }
}

fn given(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    fn of(profiles: &str, name: Option<&str>) -> Result<Recipe, String> {
        recipe(&format!(r#"{{"current": "main", "profiles": [{profiles}]}}"#), name)
    }

    #[test]
    fn a_profile_is_that_of_the_name_else_the_current_one() {
        let two = r#"{"name": "main", "mode": "AK", "access_key_id": "a", "access_key_secret": "b"},
            {"name": "other", "mode": "StsToken", "access_key_id": "c", "access_key_secret": "d",
             "sts_token": "e", "region_id": "cn-hangzhou", "output_format": "json"}"#;
        let Ok(Recipe::Key(main)) = of(two, None) else { panic!("no key") };
        assert_eq!((main.id.expose_secret(), main.token.is_none()), ("a", true));
        let Ok(Recipe::Key(other)) = of(two, Some("other")) else { panic!("no key") };
        assert_eq!(other.token.unwrap().expose_secret(), "e");
        assert!(of(two, Some("third")).unwrap_err().contains("no profile `third`"));
        assert!(recipe(r#"{"profiles": []}"#, None).unwrap_err().contains("`current`"));
    }

    #[test]
    fn roles_lead_to_roles_and_never_in_a_circle() {
        let chain = r#"{"name": "main", "mode": "ChainableRamRoleArn", "source_profile": "middle",
             "ram_role_arn": "acs:ram::1:role/last", "ram_session_name": "s", "expired_seconds": 0},
            {"name": "middle", "mode": "RamRoleArn", "access_key_id": "a", "access_key_secret": "b",
             "ram_role_arn": "acs:ram::1:role/first", "expired_seconds": 900, "external_id": "x",
             "policy": "{}", "sts_region": "cn-beijing", "enable_vpc": true}"#;
        let Ok(Recipe::AssumeRole { base, role }) = of(chain, None) else { panic!("no role") };
        assert_eq!((role.arn.as_str(), role.duration), ("acs:ram::1:role/last", None));
        let Recipe::AssumeRole { base, role } = *base else { panic!("no role below") };
        assert!(matches!(*base, Recipe::Key(_)));
        let place = Place { region: Some("cn-beijing".to_owned()), vpc: true };
        assert_eq!((role.place, role.duration), (place, Some(900)));
        assert_eq!((role.external_id.as_deref(), role.policy.as_deref()), (Some("x"), Some("{}")));

        let circle = r#"{"name": "main", "mode": "ChainableRamRoleArn", "source_profile": "b",
             "ram_role_arn": "r"},
            {"name": "b", "mode": "ChainableRamRoleArn", "source_profile": "main", "ram_role_arn": "r"}"#;
        let error = of(circle, None).unwrap_err();
        assert!(error.contains("circle") && error.contains("main -> b -> main"), "{error}");
        let many: Vec<String> = (0..20)
            .map(|n| {
                let next = n + 1;
                format!(
                    r#"{{"name": "p{n}", "mode": "ChainableRamRoleArn", "source_profile": "p{next}",
                        "ram_role_arn": "r"}}"#
                )
            })
            .collect();
        assert!(of(&many.join(","), Some("p0")).unwrap_err().contains("more than 8"));
    }

    #[test]
    fn each_mode_has_its_members() {
        let one = |members: &str| of(&format!(r#"{{"name": "main", {members}}}"#), None);
        let ecs = one(r#""mode": "EcsRamRole", "ram_role_name": "web""#);
        assert!(
            matches!(ecs, Ok(Recipe::EcsRamRole { name: Some(name), without_token: false }) if name == "web")
        );
        let discovered = one(r#""mode": "EcsRamRole", "ram_role_name": """#);
        assert!(matches!(discovered, Ok(Recipe::EcsRamRole { name: None, .. })));
        for session in ["ram_session_name", "role_session_name"] {
            let oidc = one(&format!(
                r#""mode": "OIDC", "ram_role_arn": "r", "oidc_provider_arn": "p",
                   "oidc_token_file": "/t", "{session}": "s""#
            ));
            let Ok(Recipe::Oidc(oidc)) = oidc else { panic!("{oidc:?}") };
            assert_eq!(oidc.role.session.as_deref(), Some("s"), "{session}");
        }
        let uri = one(r#""mode": "CredentialsURI", "credentials_uri": "http://127.0.0.1/""#);
        assert!(matches!(uri, Ok(Recipe::Uri(_))));
        let external = one(r#""mode": "External", "process_command": "p""#);
        assert!(matches!(external, Ok(Recipe::External(_))));
    }

    #[test]
    fn what_is_missing_or_unknown_is_named_and_no_value_is_shown() {
        for (members, says) in [
            (r#""mode": "AK", "access_key_id": "hunter2""#, "access key secret"),
            (
                r#""mode": "StsToken", "access_key_id": "i", "access_key_secret": "hunter2""#,
                "sts_token",
            ),
            (
                r#""mode": "RamRoleArn", "access_key_id": "i", "access_key_secret": "hunter2""#,
                "ram_role_arn",
            ),
            (r#""mode": "ChainableRamRoleArn", "ram_role_arn": "r""#, "source_profile"),
            (r#""mode": "OIDC", "ram_role_arn": "r""#, "oidc_provider_arn"),
            (r#""mode": "CloudSSO", "access_token": "hunter2""#, "`CloudSSO`"),
            (r#""mode": "AK", "access_key_secret": {"hunter2": 1}"#, "aliyun configure"),
        ] {
            let error = of(&format!(r#"{{"name": "main", {members}}}"#), None).unwrap_err();
            assert!(error.contains(says) && !error.contains("hunter2"), "{error}");
        }
    }
}
