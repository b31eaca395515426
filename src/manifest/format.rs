//! The format as types: what the schema is generated from and what `import` writes.

use super::{API_VERSION, KIND};
use crate::model::{InstanceId, Mode as ModelMode, Scope};
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

/// The ClassicLink attachments that should exist in one VPC, and what may be done about the
/// others.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "ClassicLinkSet", deny_unknown_fields)]
struct Manifest<'a> {
    /// The version of the format.
    #[schemars(extend("const" = API_VERSION))]
    api_version: &'a str,
    /// What this document is.
    #[schemars(extend("const" = KIND))]
    kind: &'a str,
    /// Names for people.
    metadata: Metadata<'a>,
    /// What should exist.
    spec: Spec<'a>,
}

/// Names for people.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Metadata<'a> {
    /// The manifest's name in reports.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[A-Za-z0-9._-]+$"))]
    name: &'a str,
    /// Whom to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    owner: Option<&'a str>,
}

/// One VPC and the links that should exist there.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct Spec<'a> {
    /// An account named in the daemon's configuration; `default` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 64),
        regex(pattern = r"^[A-Za-z0-9._]([A-Za-z0-9._-]*[A-Za-z0-9._])?$")
    )]
    account: Option<&'a str>,
    /// The region of the VPC, such as `cn-hangzhou`.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
    region_id: &'a str,
    /// The VPC, such as `vpc-bp67acfmxazb4p1a2b`.
    #[schemars(length(max = 64), regex(pattern = r"^vpc-[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
    vpc_id: &'a str,
    /// What may be done. There is no default.
    mode: Mode,
    /// The links that should exist. An absent list is an error; `[]` is none.
    #[schemars(extend("uniqueItems" = true))]
    instances: Vec<Instance<'a>>,
    /// How much may be cut at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<Limits<'a>>,
    /// When changes may be made; at any time if absent. The configuration's windows count as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    windows: Option<Vec<Window<'a>>>,
}

/// What may be done: `observe` reports, `detach` also removes links that are not listed, `sync`
/// also attaches what is missing.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Mode {
    Observe,
    Detach,
    Sync,
}

/// An instance whose link should exist: its id, or a map that says more.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Instance<'a> {
    Id(Id<'a>),
    #[expect(dead_code, reason = "`write` knows only ids; the schema knows both")]
    Entry(Entry<'a>),
}

/// The id of an instance, such as `i-bp67acfmxazb4p0001`.
#[derive(Serialize, JsonSchema)]
#[serde(transparent)]
struct Id<'a>(
    #[schemars(length(max = 64), regex(pattern = r"^i-[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))] &'a str,
);

/// A link with conditions.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Entry<'a> {
    /// The instance.
    id: Id<'a>,
    /// RFC 3339 with an offset. From then on the link is no longer wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    until: Option<&'a str>,
    /// Why it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    reason: Option<&'a str>,
    /// Lifting this and removing the link need two revisions; false if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    protected: Option<bool>,
}

/// How much may be cut at once.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct Limits<'a> {
    /// Most detaches in one plan: a count, or a share such as "20%".
    #[serde(skip_serializing_if = "Option::is_none")]
    max_detach: Option<Amount<'a>>,
    /// Whether a plan may leave the VPC without any link; false if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_empty: Option<bool>,
}

/// A count, or a share such as "20%".
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "`write` sets no limits; the schema knows them")]
enum Amount<'a> {
    Count(u64),
    Share(#[schemars(regex(pattern = r"^(0|[1-9][0-9]?|100)%$"))] &'a str),
}

/// A time in each week, or in some year, in which changes may be made, or may not.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["allow"]}, {"required": ["deny"]}]))]
struct Window<'a> {
    /// Changes may be made: days, a span, or both, such as "Mon-Fri 09:00-17:00".
    #[serde(skip_serializing_if = "Option::is_none")]
    allow: Option<&'a str>,
    /// No changes may be made, whatever else is allowed, such as "2026-12-24..2027-01-02".
    #[serde(skip_serializing_if = "Option::is_none")]
    deny: Option<&'a str>,
    /// Whose clock counts: a name of the IANA list, such as `Asia/Shanghai`.
    timezone: &'a str,
}

/// The JSON Schema (draft 2020-12) of one document, for editors and for checks in CI.
///
/// It is a little wider than [`parse`](super::parse): it cannot say that an instance stands twice
/// in different shapes, or how a value was quoted.
pub fn schema() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .with_transform(RecursiveTransform(without_null));
    settings.into_generator().into_root_schema_for::<Manifest<'static>>().to_value()
}

/// A field may be left out, but what is written must have a value.
fn without_null(schema: &mut Schema) {
    let null = serde_json::json!("null");
    if let Some(types) = schema.get_mut("type").and_then(|types| types.as_array_mut()) {
        types.retain(|found| *found != null);
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    let Some(choices) = schema.get_mut("anyOf").and_then(|choices| choices.as_array_mut()) else {
        return;
    };
    choices.retain(|choice| choice.get("type") != Some(&null));
    if let [serde_json::Value::Object(only)] = choices.as_slice() {
        let only = only.clone();
        schema.remove("anyOf");
        only.into_iter().for_each(|(key, value)| drop(schema.insert(key, value)));
    }
}

/// The text of a manifest that declares `instances` in `scope`.
///
/// It parses back to the same if `name` is 1 to 253 letters, digits, `.`, `_` and `-`, and no
/// instance is given twice.
pub fn write(name: &str, scope: &Scope, mode: ModelMode, instances: &[InstanceId]) -> String {
    let manifest = Manifest {
        api_version: API_VERSION,
        kind: KIND,
        metadata: Metadata { name, owner: None },
        spec: Spec {
            account: Some(scope.account.as_str()),
            region_id: scope.region.as_str(),
            vpc_id: scope.vpc.as_str(),
            mode: match mode {
                ModelMode::Observe => Mode::Observe,
                ModelMode::Detach => Mode::Detach,
                ModelMode::Sync => Mode::Sync,
            },
            instances: instances.iter().map(|id| Instance::Id(Id(id.as_str()))).collect(),
            limits: None,
            windows: None,
        },
    };
    let options = serde_yaml::ser_options! { compact_list_indent: false };
    // Writing plain strings into memory cannot fail; an empty text would parse to an error.
    serde_yaml::to_string_with_options(&manifest, options).unwrap_or_default()
}
