//! The shared file in ini form (`api-contract.md` 9).

use super::recipe::{Oidc, Place, Recipe, Role, key, required};
use secrecy::SecretString;
use std::collections::BTreeMap;

/// What a section says. A value is never cut at a `#`, which a secret can hold: one official library does,
/// and damages it.
///
/// # Errors
/// What is wrong with the file, as a sentence about "it"; quotes no value but names.
pub(super) fn recipe(text: &str, section: &str) -> Result<Recipe, String> {
    let shown = crate::model::printable(section);
    let Some(values) = values(text, section) else {
        return Err(format!("it has no section [{shown}]"));
    };
    of(&values).map_err(|why| format!("its section [{shown}] cannot be used: {why}"))
}

fn values<'a>(text: &'a str, section: &str) -> Option<BTreeMap<&'a str, &'a str>> {
    let mut inside = false;
    let mut found = None;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = name.trim() == section;
            if inside {
                found.get_or_insert_with(BTreeMap::new);
            }
        } else if line.starts_with(['#', ';']) {
        } else if let (true, Some((name, value)), Some(found)) =
            (inside, line.split_once('='), found.as_mut())
        {
            found.insert(name.trim(), value.trim());
        }
    }
    found
}

fn of(values: &BTreeMap<&str, &str>) -> Result<Recipe, String> {
    let given = |name: &str| {
        values.get(name).filter(|value| !value.is_empty()).map(|value| (*value).to_owned())
    };
    let secret = |name: &str| given(name).map(SecretString::from);
    let own = |token: Option<&SecretString>| {
        key(secret("access_key_id").as_ref(), secret("access_key_secret").as_ref(), token)
    };
    let role = || -> Result<Role, String> {
        Ok(Role {
            arn: required("role_arn", given("role_arn"))?,
            session: given("role_session_name"),
            policy: given("policy"),
            place: Place::default(),
            ..Role::default()
        })
    };
    let token = secret("security_token");
    match values.get("type").copied() {
        Some("access_key") => own(None).map(Recipe::Key),
        Some("sts") => {
            own(Some(token.as_ref().ok_or("`security_token` is missing")?)).map(Recipe::Key)
        }
        Some("ram_role_arn") => {
            let base = Box::new(Recipe::Key(own(token.as_ref())?));
            Ok(Recipe::AssumeRole { base, role: role()? })
        }
        Some("ecs_ram_role") => {
            Ok(Recipe::EcsRamRole { name: given("role_name"), without_token: false })
        }
        Some("oidc_role_arn") => Ok(Recipe::Oidc(Oidc {
            role: role()?,
            provider: required("oidc_provider_arn", given("oidc_provider_arn"))?,
            token_file: required("oidc_token_file_path", given("oidc_token_file_path"))?.into(),
        })),
        Some(other) => Err(format!(
            "its type `{}` is not one of those that work here: access_key, sts, ram_role_arn, \
             ecs_ram_role, oidc_role_arn",
            crate::model::printable(other)
        )),
        None => Err("it has no `type`; write `type = access_key`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn a_section_is_of_one_of_the_known_types() {
        let text = "# mine\n[default]\ntype = access_key\naccess_key_id=id\naccess_key_secret = s#c=r;\n\
             [sts]\ntype=sts\naccess_key_id=id\naccess_key_secret=s\nsecurity_token=t\n\
             [role]\ntype=ram_role_arn\naccess_key_id=id\naccess_key_secret=s\nrole_arn=acs:ram::1:role/r\n\
             role_session_name=n\npolicy={\"a\":1}\n\
             [ecs]\ntype = ecs_ram_role\nrole_name = web\n\
             [oidc]\ntype=oidc_role_arn\nrole_arn=r\noidc_provider_arn=p\noidc_token_file_path=/t\n";
        let of = |section| recipe(text, section).unwrap();
        let Recipe::Key(key) = of("default") else { panic!("no key") };
        assert_eq!((key.secret.expose_secret(), key.token.is_none()), ("s#c=r;", true));
        let Recipe::Key(key) = of("sts") else { panic!("no key") };
        assert_eq!(key.token.unwrap().expose_secret(), "t");
        let Recipe::AssumeRole { role, .. } = of("role") else { panic!("no role") };
        assert_eq!((role.arn.as_str(), role.session.as_deref()), ("acs:ram::1:role/r", Some("n")));
        assert_eq!(role.policy.as_deref(), Some("{\"a\":1}"));
        assert!(matches!(of("ecs"), Recipe::EcsRamRole { name: Some(name), .. } if name == "web"));
        assert!(matches!(of("oidc"), Recipe::Oidc(oidc) if oidc.token_file.ends_with("t")));
    }

    #[test]
    fn what_is_missing_or_unknown_is_named_and_no_value_is_shown() {
        for (text, says) in [
            ("[other]\ntype=access_key", "no section [default]"),
            ("[default]\naccess_key_id=hunter2", "no `type`"),
            ("[default]\ntype=rsa_key_pair\nprivate_key_file=hunter2", "`rsa_key_pair`"),
            ("[default]\ntype=access_key\naccess_key_secret=hunter2", "access key id"),
            (
                "[default]\ntype=access_key\n#access_key_id=hunter2\naccess_key_secret=s",
                "access key id",
            ),
            ("[default]\ntype=sts\naccess_key_id=i\naccess_key_secret=hunter2", "security_token"),
            (
                "[default]\ntype=ram_role_arn\naccess_key_id=i\naccess_key_secret=hunter2",
                "role_arn",
            ),
        ] {
            let error = recipe(text, "default").unwrap_err();
            assert!(error.contains(says) && !error.contains("hunter2"), "{error}");
        }
    }
}
