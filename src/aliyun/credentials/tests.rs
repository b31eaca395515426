//! Where keys are found, what is said when they are not, and that none of it shows a value.

use super::*;
use std::collections::BTreeMap;

pub(super) mod doubles;

fn from(variables: &[(&str, &str)]) -> Result<Credentials, CredentialError> {
    let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
    Credentials::from_environment(|name| variables.get(name).map(|value| (*value).to_owned()))
}

fn shown(key: &Key) -> (String, String, Option<String>) {
    let token = key.token.as_ref().map(|token| token.expose_secret().to_owned());
    (key.id.expose_secret().to_owned(), key.secret.expose_secret().to_owned(), token)
}

fn file(text: &str) -> (tempfile::NamedTempFile, Result<Credentials, CredentialError>) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let credentials = Credentials::from_file(file.path(), None);
    (file, credentials)
}

fn key(id: &str, secret: &str, token: Option<&str>) -> (String, String, Option<String>) {
    (id.to_owned(), secret.to_owned(), token.map(str::to_owned))
}

#[test]
fn the_environment_holds_a_key() {
    let permanent = from(&[(KEY_ID, "id"), (KEY_SECRET, "secret\n"), (SECURITY_TOKEN, "")]);
    assert_eq!(shown(&permanent.unwrap().current().unwrap()), key("id", "secret", None));
    let temporary = from(&[(KEY_ID, "id"), (KEY_SECRET, "secret"), (SECURITY_TOKEN, "token")]);
    let temporary = temporary.unwrap().current().unwrap();
    assert_eq!(shown(&temporary), key("id", "secret", Some("token")));
}

#[test]
fn an_error_names_what_to_set() {
    let error = from(&[]).unwrap_err().to_string();
    for name in [KEY_ID, KEY_SECRET, SECURITY_TOKEN, CREDENTIALS_FILE] {
        assert!(error.contains(name), "{error}");
    }
    let half = from(&[(KEY_ID, "id"), (KEY_SECRET, " ")]).unwrap_err();
    assert_eq!(half, CredentialError::Half { present: KEY_ID, missing: KEY_SECRET });
    let half = from(&[(KEY_SECRET, "hunter2"), (CREDENTIALS_FILE, "/nowhere")]).unwrap_err();
    assert_eq!(half, CredentialError::Half { present: KEY_SECRET, missing: KEY_ID });
    let error = from(&[(CREDENTIALS_FILE, "/nowhere/at/all")]).unwrap_err().to_string();
    assert!(error.contains("/nowhere/at/all"), "{error}");
}

#[test]
fn a_value_that_no_key_has_is_refused_and_not_shown() {
    for bad in ["hunter2 hunter2", "hunter2\r\nx-evil: 1", "hunter2é", "hunter2\u{0}"] {
        let error = from(&[(KEY_ID, "id"), (KEY_SECRET, bad)]).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[test]
fn debug_shows_no_value() {
    let held = from(&[(KEY_ID, "LTAIx"), (KEY_SECRET, "hunter2"), (SECURITY_TOKEN, "hunter3")]);
    let debug = format!("{held:?} {:?}", held.as_ref().unwrap().current());
    let (_file, from_file) =
        file(r#"{"AccessKeyId":"LTAIx","AccessKeySecret":"hunter2","SecurityToken":"hunter3"}"#);
    let debug = format!("{debug} {from_file:?}");
    for value in ["LTAIx", "hunter2", "hunter3"] {
        assert!(!debug.contains(value), "{debug}");
    }
}

#[test]
fn a_file_is_json_or_ini() {
    let (_a, json) = file(
        "\u{feff} {\"AccessKeyId\":\"id\",\"AccessKeySecret\":\"s\",\"SecurityToken\":\"t\",\
         \"Expiration\":\"2030-01-01T00:00:00Z\"}\n",
    );
    assert_eq!(shown(&json.unwrap().current().unwrap()), key("id", "s", Some("t")));
    let (held, ini) = file(
        "# mine\n[default]\ntype = access_key\naccess_key_id=id\naccess_key_secret = s#c=r ; t\n\
         [other]\ntype = access_key\naccess_key_id = id2\naccess_key_secret = s2\n",
    );
    // The space is no part of a key; that the `#` survived is what the error is about.
    assert!(ini.is_err());
    std::fs::write(
        held.path(),
        "[default]\ntype=access_key\naccess_key_id=id\naccess_key_secret = s#c=r;\n\
         [other]\ntype = access_key\naccess_key_id = id2\naccess_key_secret = s2\n",
    )
    .unwrap();
    let default = Credentials::from_file(held.path(), None).unwrap();
    assert_eq!(shown(&default.current().unwrap()), key("id", "s#c=r;", None));
    let other = Credentials::from_file(held.path(), Some("other")).unwrap();
    assert_eq!(shown(&other.current().unwrap()), key("id2", "s2", None));
    let path = held.path().to_str().unwrap();
    let named = from(&[(CREDENTIALS_FILE, path), (PROFILE, "other")]).unwrap();
    assert_eq!(shown(&named.current().unwrap()), key("id2", "s2", None));
}

#[test]
fn a_file_says_when_its_key_ends_and_need_not() {
    let ends = |expiration: &str| {
        let text = format!("{{\"AccessKeyId\":\"id\",\"AccessKeySecret\":\"s\"{expiration}}}");
        file(&text).1.unwrap().current().unwrap().expires
    };
    let known = ends(r#","Expiration":"2030-01-01T00:00:00Z""#);
    assert_eq!(known, Some("2030-01-01T00:00:00Z".parse().unwrap()));
    for unknown in ["", r#","Expiration":null"#, r#","Expiration":7"#, r#","Expiration":"soon""#] {
        assert_eq!(ends(unknown), None, "{unknown}");
    }
}

#[test]
fn a_file_of_any_other_form_is_refused_and_not_quoted() {
    for bad in [
        "",
        "  \n",
        "hunter2",
        "{\"AccessKeyId\":\"hunter2\"}",
        "{\"AccessKeyId\":\"id\",\"AccessKeySecret\":{\"hunter2\":1}}",
        "{\"current\":\"default\",\"profiles\":[\"hunter2\"]}",
        "{\"AccessKeyId\":\"\",\"AccessKeySecret\":\"hunter2\"}",
        "[default]\naccess_key_id = id\naccess_key_secret = hunter2\n",
        "[default]\ntype = ram_role_arn\naccess_key_id = id\naccess_key_secret = hunter2\n",
        "[default]\ntype = access_key\naccess_key_secret = hunter2\n",
        "[other]\ntype = access_key\naccess_key_id = id\naccess_key_secret = hunter2\n",
    ] {
        let (_held, refused) = file(bad);
        let error = refused.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{bad}: {error}");
        assert!(error.to_string().contains("credentials file"), "{error}");
    }
    let (_held, refused) = file(&"x".repeat(100_000));
    assert!(refused.unwrap_err().to_string().contains("too long"));
}

#[test]
fn a_changed_file_is_read_again_and_a_broken_one_is_not_used() {
    let (held, credentials) = file(r#"{"AccessKeyId":"id1","AccessKeySecret":"s1"}"#);
    let credentials = credentials.unwrap();
    let now = || shown(&credentials.current().unwrap()).0;
    assert_eq!(now(), "id1");
    std::fs::write(held.path(), r#"{"AccessKeyId":"id2","AccessKeySecret":"s1"}"#).unwrap();
    assert_eq!(now(), "id2");
    for broken in ["", r#"{"AccessKeyId":"id3","#] {
        std::fs::write(held.path(), broken).unwrap();
        assert_eq!(now(), "id2");
    }
    std::fs::write(held.path(), r#"{"AccessKeyId":"id4","AccessKeySecret":"s4"}"#).unwrap();
    assert_eq!(now(), "id4");
    std::fs::remove_file(held.path()).unwrap();
    assert_eq!(now(), "id4");
}
