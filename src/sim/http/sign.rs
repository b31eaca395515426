//! Who is calling: the checks from `api-contract.md` 11 that come before the operation. Method,
//! action and version, required parameters, timestamp, key, token, signature, nonce.

use super::incoming::Incoming;
use crate::model::AccountId;
use crate::signature::{self, Pair, v1, v3};
use crate::sim::problem::{Action, Problem, Refusal};
use crate::sim::state::State;
use crate::sim::state::credentials::check_timestamp;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

/// Headers that carry what V1 carries in parameters; a signature that leaves one out is not one.
pub(super) const SIGNED_ALWAYS: [&str; 6] = [
    "host",
    "x-acs-action",
    "x-acs-content-sha256",
    "x-acs-date",
    "x-acs-signature-nonce",
    "x-acs-version",
];

/// What of the credentials a request claims.
struct Claim<'a> {
    key: &'a str,
    token: Option<&'a str>,
    timestamp: &'a str,
    nonce: &'a str,
}

/// The account that signed the request.
///
/// # Errors
/// The first check that fails.
pub(super) fn authenticate(
    state: &mut State,
    server_time: Timestamp,
    incoming: &Incoming,
) -> Result<AccountId, Refusal> {
    if !matches!(incoming.method.as_str(), "GET" | "POST") {
        return Err(Refusal::of(Problem::HttpMethod));
    }
    operation(incoming)?;
    if incoming.action() == Action::AssumeWithOidc.as_str() {
        // Nobody signs: the token is the proof, and whose role it is decides.
        return crate::sim::seed::default_account()
            .ok_or_else(|| Refusal::of(Problem::ActionUnknown));
    }
    if incoming.is_v3() {
        by_v3(state, server_time, incoming)
    } else {
        by_v1(state, server_time, incoming)
    }
}

fn operation(incoming: &Incoming) -> Result<(), Refusal> {
    if incoming.action().is_empty() {
        return Err(Refusal::of(Problem::MissingCommon("Action")));
    }
    let version = incoming.version();
    if version.is_empty() {
        return Err(Refusal::of(Problem::MissingCommon("Version")));
    }
    if !Action::ALL.iter().any(|action| action.api().1 == version) {
        return Err(Refusal::of(Problem::VersionUnknown));
    }
    match Action::parse(incoming.action()) {
        Some(action) if action.api().1 == version => Ok(()),
        _ => Err(Refusal::of(Problem::ActionUnknown)),
    }
}

/// Timestamp, key and token; answers the secret and the account.
fn check(
    state: &State,
    server_time: Timestamp,
    claim: &Claim<'_>,
) -> Result<(SecretString, AccountId), Refusal> {
    check_timestamp(claim.timestamp, server_time, &state.switches)?;
    let key = state.keys.accept(claim.key, claim.token, server_time)?;
    Ok((key.secret.clone(), key.account.clone()))
}

fn by_v1(
    state: &mut State,
    server_time: Timestamp,
    incoming: &Incoming,
) -> Result<AccountId, Refusal> {
    let required = |name: &'static str| {
        incoming.param(name).ok_or_else(|| Refusal::of(Problem::MissingCommon(name)))
    };
    let given = required("Signature")?;
    let claim = Claim {
        key: required("AccessKeyId")?,
        token: incoming.token(),
        timestamp: required("Timestamp")?,
        nonce: required("SignatureNonce")?,
    };
    let method = (required("SignatureMethod")?, required("SignatureVersion")?);
    if method != ("HMAC-SHA1", "1.0") {
        return Err(Refusal::of(Problem::SignatureMethod));
    }
    let (secret, account) = check(state, server_time, &claim)?;
    let all = incoming.query.iter().chain(&incoming.form);
    let pairs: Vec<Pair> = all.filter(|(name, _)| name != "Signature").cloned().collect();
    let string_to_sign = v1::string_to_sign(&incoming.method, &pairs);
    if !signature::same(&v1::sign(secret.expose_secret(), &string_to_sign), given) {
        // As the real one does (`api-contract.md` 4): to the end of the message, nothing after it.
        return Err(mismatch(&format!("server string to sign is:{string_to_sign}")));
    }
    state.keys.use_nonce(claim.key, claim.nonce, server_time, &state.switches)?;
    Ok(account)
}

fn by_v3(
    state: &mut State,
    server_time: Timestamp,
    incoming: &Incoming,
) -> Result<AccountId, Refusal> {
    let incomplete = || Refusal::of(Problem::SignatureIncomplete);
    let authorization = incoming.header("authorization");
    let (algorithm, fields) = authorization.split_once(' ').ok_or_else(incomplete)?;
    if algorithm != v3::ALGORITHM {
        return Err(Refusal::of(Problem::SignatureMethod));
    }
    let field = |name: &str| {
        let fields = fields.split(',').filter_map(|field| field.trim().split_once('='));
        fields.filter(|(own, _)| *own == name).map(|(_, value)| value).next()
    };
    let names: Vec<&str> = field("SignedHeaders").ok_or_else(incomplete)?.split(';').collect();
    let given = field("Signature").ok_or_else(incomplete)?;
    let required = |name: &'static str| match incoming.header(name) {
        "" => Err(Refusal::of(Problem::MissingCommon(name))),
        value => Ok(value),
    };
    let token = incoming.token();
    let claim = Claim {
        key: field("Credential").ok_or_else(incomplete)?,
        token,
        timestamp: required("x-acs-date")?,
        nonce: required("x-acs-signature-nonce")?,
    };
    let hash = required("x-acs-content-sha256")?;
    let unsigned = SIGNED_ALWAYS.iter().any(|name| !names.contains(name));
    if unsigned || (token.is_some() && !names.contains(&"x-acs-security-token")) {
        return Err(incomplete());
    }
    let (secret, account) = check(state, server_time, &claim)?;
    let headers: Vec<Pair> =
        names.iter().map(|name| ((*name).to_owned(), incoming.header(name).to_owned())).collect();
    let canonical = v3::canonical_request(&v3::Request {
        method: &incoming.method,
        query: &incoming.query,
        headers: &headers,
        body: &incoming.body,
    });
    let string_to_sign = v3::string_to_sign(&canonical);
    let signed = signature::same(&v3::sign(secret.expose_secret(), &string_to_sign), given);
    if !signed || !signature::same(hash, &v3::payload_hash(&incoming.body)) {
        return Err(mismatch(&format!(
            "server StringToSign is [{string_to_sign}], server CanonicalRequest is [{canonical}]"
        )));
    }
    state.keys.use_nonce(claim.key, claim.nonce, server_time, &state.switches)?;
    Ok(account)
}

fn mismatch(echo: &str) -> Refusal {
    let plain = Refusal::of(Problem::SignatureMismatch);
    Refusal { message: format!("{} {echo}", plain.message), ..plain }
}
