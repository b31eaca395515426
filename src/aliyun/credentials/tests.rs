//! Where keys are found, what is said when they are not, and that none of it shows a value.

use super::environment::Environment;
use super::file::{File, Form};
use super::make::Make;
use super::services::Services;
use super::*;
use crate::clock::{Clock, SystemClock};
use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

pub(super) mod doubles;

/// The credentials of an environment that has nothing else.
fn from(variables: &[(&str, &str)]) -> Credentials {
    let variables: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let lookup = |name: &str| variables.get(name).cloned();
    let environment = Environment(&lookup);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let make: Arc<dyn Make> = Arc::new(Services::new(None, environment, Arc::clone(&clock)));
    Credentials::new(Arc::new(environment.chain(&make, false)), clock, 1)
}

fn of_file(path: &Path) -> Credentials {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let make: Arc<dyn Make> =
        Arc::new(Services::new(None, Environment(&|_| None), Arc::clone(&clock)));
    let form = Form::Shared("default".to_owned());
    Credentials::new(Arc::new(File::named("file", path.to_owned(), form, make)), clock, 1)
}

fn shown(key: &Key) -> (String, String, Option<String>) {
    let token = key.token.as_ref().map(|token| token.expose_secret().to_owned());
    (key.id.expose_secret().to_owned(), key.secret.expose_secret().to_owned(), token)
}

fn file(text: &str) -> (tempfile::NamedTempFile, Credentials) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let credentials = of_file(file.path());
    (file, credentials)
}

fn key(id: &str, secret: &str, token: Option<&str>) -> (String, String, Option<String>) {
    (id.to_owned(), secret.to_owned(), token.map(str::to_owned))
}

async fn now(
    credentials: &Credentials,
) -> Result<(String, String, Option<String>), CredentialError> {
    credentials.key(Need::Write).await.map(|in_use| shown(&in_use.key))
}

#[tokio::test]
async fn the_environment_holds_a_key() {
    let permanent = from(&[(KEY_ID, "id"), (KEY_SECRET, "secret\n"), (SECURITY_TOKEN, "")]);
    assert_eq!(now(&permanent).await.unwrap(), key("id", "secret", None));
    let temporary = from(&[(KEY_ID, "id"), (KEY_SECRET, "secret"), (SECURITY_TOKEN, "token")]);
    assert_eq!(now(&temporary).await.unwrap(), key("id", "secret", Some("token")));
    assert_eq!(temporary.provenance().await.unwrap().provider, "env");
}

#[tokio::test]
async fn an_error_names_what_was_tried_and_what_to_set() {
    let error = now(&from(&[("HOME", "/nowhere")])).await.unwrap_err().to_string();
    for part in [
        KEY_ID,
        KEY_SECRET,
        SECURITY_TOKEN,
        CREDENTIALS_FILE,
        "oidc_role_arn: ",
        "cli_profile: there is no /nowhere/.aliyun/config.json",
        "profile: there is no /nowhere/.alibabacloud/credentials or /nowhere/.alibabacloud/credentials.ini",
        "credential_uri: ",
        "accounts.<name>.credentials",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let half = now(&from(&[(KEY_ID, "id"), (KEY_SECRET, " ")])).await.unwrap_err().to_string();
    assert!(half.contains(&format!("{KEY_ID} is set but {KEY_SECRET} is not")), "{half}");
    let error = now(&from(&[(CREDENTIALS_FILE, "/nowhere/at/all")])).await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/at/all: it does not exist"), "{error}");
    let oidc = [("ALIBABA_CLOUD_ROLE_ARN", "r"), ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/t")];
    let error = now(&from(&oidc)).await.unwrap_err().to_string();
    assert!(
        error.contains("ALIBABA_CLOUD_ROLE_ARN is set but ALIBABA_CLOUD_OIDC_PROVIDER_ARN is not"),
        "{error}"
    );
}

#[tokio::test]
async fn the_order_is_that_of_the_official_libraries() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str, text: &str| {
        let path = home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    };
    let section =
        |id: &str| format!("[default]\ntype=access_key\naccess_key_id={id}\naccess_key_secret=s\n");
    let id = async |more: &[(&str, &str)]| {
        let mut all = vec![("HOME", home.path().to_str().unwrap())];
        all.extend(more);
        now(&from(&all)).await.unwrap().0
    };
    at(".alibabacloud/credentials.ini", &section("ini-of-python"));
    assert_eq!(id(&[]).await, "ini-of-python");
    at(".alibabacloud/credentials", &section("ini-of-go"));
    assert_eq!(id(&[]).await, "ini-of-go");
    at("own", &section("own"));
    let own = home.path().join("own");
    assert_eq!(id(&[(CREDENTIALS_FILE, own.to_str().unwrap())]).await, "own");
    let profile = r#"{"current": "main", "profiles": [
        {"name": "main", "mode": "AK", "access_key_id": "cli", "access_key_secret": "s"},
        {"name": "other", "mode": "AK", "access_key_id": "cli-other", "access_key_secret": "s"}]}"#;
    at(".aliyun/config.json", profile);
    assert_eq!(id(&[]).await, "cli");
    assert_eq!(id(&[(PROFILE, "other")]).await, "cli-other");
    assert_eq!(id(&[("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "true")]).await, "ini-of-go");
    at("elsewhere.json", &profile.replace("\"cli\"", "\"elsewhere\""));
    let elsewhere = home.path().join("elsewhere.json");
    assert_eq!(
        id(&[("ALIBABA_CLOUD_CONFIG_FILE", elsewhere.to_str().unwrap())]).await,
        "elsewhere"
    );
    assert_eq!(id(&[(KEY_ID, "env"), (KEY_SECRET, "s")]).await, "env");
    // Half a key is no key, and the next one is asked, as by the libraries.
    assert_eq!(id(&[(KEY_ID, "env")]).await, "cli");
}

#[tokio::test]
async fn a_key_that_others_can_read_is_refused_and_nothing_else_is_taken_for_it() {
    let (held, credentials) = file(r#"{"AccessKeyId":"id","AccessKeySecret":"hunter2"}"#);
    std::fs::set_permissions(held.path(), Permissions::from_mode(0o644)).unwrap();
    let path = held.path().to_str().unwrap();
    let error = now(&credentials).await.unwrap_err().to_string();
    assert!(error.ends_with(&format!("chmod 600 {path}")) && !error.contains("hunter2"), "{error}");
    let uri = ("ALIBABA_CLOUD_CREDENTIALS_URI", "http://127.0.0.1:1/");
    let chained = from(&[(CREDENTIALS_FILE, path), uri]);
    let error = now(&chained).await.unwrap_err();
    assert!(matches!(error, CredentialError::Exposed { .. }), "{error}");
    std::fs::set_permissions(held.path(), Permissions::from_mode(0o600)).unwrap();
    assert_eq!(now(&credentials).await.unwrap().0, "id", "it is mended without a restart");
}

#[tokio::test]
async fn a_value_that_no_key_has_is_refused_and_not_shown() {
    for bad in ["hunter2 hunter2", "hunter2\r\nx-evil: 1", "hunter2é", "hunter2\u{0}"] {
        let error = now(&from(&[(KEY_ID, "id"), (KEY_SECRET, bad)])).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn debug_shows_no_value() {
    let held = from(&[(KEY_ID, "LTAIx"), (KEY_SECRET, "hunter2"), (SECURITY_TOKEN, "hunter3")]);
    let debug = format!("{held:?} {:?}", held.key(Need::Read).await);
    let (_file, from_file) =
        file(r#"{"AccessKeyId":"LTAIx","AccessKeySecret":"hunter2","SecurityToken":"hunter3"}"#);
    let debug =
        format!("{debug} {from_file:?} {:?} {from_file:?}", from_file.key(Need::Read).await);
    for value in ["LTAIx", "hunter2", "hunter3"] {
        assert!(!debug.contains(value), "{debug}");
    }
}

#[tokio::test]
async fn a_file_is_json_or_ini() {
    let (_a, json) = file(
        "\u{feff} {\"AccessKeyId\":\"id\",\"AccessKeySecret\":\"s\",\"SecurityToken\":\"t\",\
         \"Expiration\":\"2100-01-01T00:00:00Z\"}\n",
    );
    assert_eq!(now(&json).await.unwrap(), key("id", "s", Some("t")));
    let (held, ini) = file(
        "# mine\n[default]\ntype = access_key\naccess_key_id=id\naccess_key_secret = s#c=r ; t\n",
    );
    // The space is no part of a key; that the `#` survived is what the error is about.
    assert!(now(&ini).await.is_err());
    std::fs::write(
        held.path(),
        "[default]\ntype=access_key\naccess_key_id=id\naccess_key_secret = s#c=r;\n\
         [other]\ntype = access_key\naccess_key_id = id2\naccess_key_secret = s2\n",
    )
    .unwrap();
    assert_eq!(now(&ini).await.unwrap(), key("id", "s#c=r;", None));
    let path = held.path().to_str().unwrap();
    let named = from(&[(CREDENTIALS_FILE, path), (PROFILE, "other")]);
    assert_eq!(now(&named).await.unwrap(), key("id2", "s2", None));
}

#[tokio::test]
async fn a_file_says_when_its_key_ends_and_need_not() {
    let ends = async |expiration: &str| {
        let text = format!("{{\"AccessKeyId\":\"id\",\"AccessKeySecret\":\"s\"{expiration}}}");
        let (_held, credentials) = file(&text);
        credentials.provenance().await.map(|provenance| provenance.ends)
    };
    let known = ends(r#","Expiration":"2100-01-01T00:00:00Z""#).await;
    assert_eq!(known, Ok(Some("2100-01-01T00:00:00Z".parse().unwrap())));
    for unknown in ["", r#","Expiration":null"#, r#","Expiration":7"#, r#","Expiration":"soon""#] {
        assert_eq!(ends(unknown).await, Ok(None), "{unknown}");
    }
    let over = ends(r#","Expiration":"2020-01-01T00:00:00Z""#).await;
    assert!(matches!(over, Err(CredentialError::Ended { .. })), "{over:?}");
}

#[tokio::test]
async fn a_file_of_any_other_form_is_refused_and_not_quoted() {
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
        let error = now(&refused).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{bad}: {error}");
        assert!(error.to_string().contains("credentials file"), "{error}");
    }
    let (_held, refused) = file(&"x".repeat(300_000));
    assert!(now(&refused).await.unwrap_err().to_string().contains("longer than 256 KiB"));
}

#[tokio::test]
async fn a_changed_file_is_read_again_and_a_broken_one_is_not_used() {
    let (held, credentials) = file(r#"{"AccessKeyId":"id1","AccessKeySecret":"s1"}"#);
    let id = async || now(&credentials).await.unwrap().0;
    assert_eq!((id().await.as_str(), credentials.generation()), ("id1", 1));
    std::fs::write(held.path(), r#"{"AccessKeyId":"id2","AccessKeySecret":"s1"}"#).unwrap();
    assert_eq!((id().await.as_str(), credentials.generation()), ("id2", 2));
    for broken in ["", r#"{"AccessKeyId":"id3","#] {
        std::fs::write(held.path(), broken).unwrap();
        assert_eq!((id().await.as_str(), credentials.generation()), ("id2", 2));
    }
    std::fs::write(held.path(), r#"{"AccessKeyId":"id4","AccessKeySecret":"s4"}"#).unwrap();
    assert_eq!((id().await.as_str(), credentials.generation()), ("id4", 3));
    std::fs::remove_file(held.path()).unwrap();
    assert_eq!((id().await.as_str(), credentials.generation()), ("id4", 3));
}
