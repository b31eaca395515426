//! One file to documents: every field checked, whatever else is wrong.

use super::fields::{DOCUMENT, Field, LIMITS, Map, SPEC};
use super::findings::{Findings, Spot};
use super::yaml::{self, Data, Node};
use super::{Diagnostic, File, entry, header, raw, windows};
use crate::desired::{Document, Limits, Links, Place, ScopePlaces};
use crate::model::{AccountName, Amount, Mode, Region, Scope, VpcId};

/// The account of a manifest that names none.
pub(super) const ACCOUNT: &str = "default";

const MODES: &str = "write `observe` (report), `detach` (also remove what is not listed) or `sync` \
                     (also attach what is missing)";

/// The documents of `file`.
///
/// # Errors
/// Everything wrong with it.
pub(super) fn read(file: &File) -> Result<Vec<Document>, Vec<Diagnostic>> {
    let mut documents = Vec::new();
    let mut findings = Findings::new(&file.path);
    raw::check(file.body(), &mut findings);
    if findings.count() == 0 {
        let mut any = false;
        yaml::read(file.body(), &mut findings, |root, findings| {
            if !is_empty(root) {
                any = true;
                documents.extend(check(root, findings));
            }
        });
        if !any && findings.count() == 0 {
            let help = "write a manifest, or delete the file; a file cut to nothing looks the same";
            findings.add(Spot::START, "the file holds no manifest", help);
        }
    }
    let diagnostics = findings.finish();
    if diagnostics.is_empty() { Ok(documents) } else { Err(diagnostics) }
}

fn is_empty(root: &Node<'_>) -> bool {
    matches!(&root.data, Data::Scalar { text, plain: true } if text.is_empty())
}

fn check(root: &Node<'_>, findings: &mut Findings) -> Option<Document> {
    let field = Field::root(root);
    let Data::Mapping(entries) = &root.data else {
        let help = "write `apiVersion:`, `kind:`, `metadata:` and `spec:`, each on its own line";
        findings.add(root.spot, "this is no manifest: a document is a map of fields", help);
        return None;
    };
    if !entries.iter().any(|entry| DOCUMENT.contains(&&*entry.key)) {
        let help = "write `apiVersion:`, `kind:`, `metadata:` and `spec:`; or move it out of this \
                    folder";
        findings.add(root.spot, "this is no manifest: it has none of a manifest's fields", help);
        return None;
    }
    // Of a foreign document only what it is gets reported.
    if !header::version(&Map::of_anything(root, entries), findings) {
        return None;
    }
    let map = Map::of(&field, "a manifest", DOCUMENT, findings)?;
    let (name, owner) = header::metadata(&map, findings);
    let help = "write `spec:` and below it regionId, vpcId, mode and instances";
    let spec = map.required("spec", help, findings)?;
    let spec = Map::of(&spec, "`spec`", SPEC, findings)?;
    let (scope, scope_places) = scope(&spec, findings);
    let (mode, mode_place) = mode(&spec, findings);
    let limits = limits(&spec, findings);
    let windows = windows::read(&spec, findings);
    let instances = instances(&spec, findings);
    Some(Document {
        name: name?,
        owner,
        scope: scope?,
        mode: mode?,
        instances: instances?,
        limits: limits?,
        windows: windows?,
        place: root.spot.place(findings.file()),
        mode_place: mode_place?,
        scope_places: scope_places?,
    })
}

fn scope(spec: &Map<'_, '_>, findings: &mut Findings) -> (Option<Scope>, Option<ScopePlaces>) {
    let place = |field: &Option<Field<'_, '_>>, findings: &Findings| {
        field.as_ref().map(|field| field.node.spot.place(findings.file()))
    };
    let field = spec.get("account");
    let account_place = place(&field, findings);
    let account = match field {
        None => AccountName::parse(ACCOUNT).ok(),
        Some(field) => {
            let example = "the name of an account in the configuration, or remove the field";
            field.id(example, AccountName::parse, findings)
        }
    };
    let example = "an id such as `cn-hangzhou`";
    let help = format!("write `regionId: ` and {example}");
    let field = spec.required("regionId", &help, findings);
    let region_place = place(&field, findings);
    let region = field.and_then(|field| field.id(example, Region::parse, findings));
    let example = "an id such as `vpc-bp67acfmxazb4p1a2b`";
    let help = format!("write `vpcId: ` and {example}");
    let field = spec.required("vpcId", &help, findings);
    let vpc_place = place(&field, findings);
    let vpc = field.and_then(|field| field.id(example, VpcId::parse, findings));
    let scope = match (account, region, vpc) {
        (Some(account), Some(region), Some(vpc)) => Some(Scope { account, region, vpc }),
        _ => None,
    };
    let places = match (region_place, vpc_place) {
        (Some(region), Some(vpc)) => {
            Some(ScopePlaces { account: account_place.unwrap_or_else(|| vpc.clone()), region, vpc })
        }
        _ => None,
    };
    (scope, places)
}

fn mode(spec: &Map<'_, '_>, findings: &mut Findings) -> (Option<Mode>, Option<Place>) {
    let help = format!("there is no default: {MODES}");
    let Some(field) = spec.required("mode", &help, findings) else {
        return (None, None);
    };
    let place = field.node.spot.place(findings.file());
    let modes = [Mode::Observe, Mode::Detach, Mode::Sync];
    let said = field.word().map(|(text, _)| text);
    let mode = modes.into_iter().find(|mode| Some(mode.as_str()) == said);
    if mode.is_none() {
        let lower = said.unwrap_or_default().trim().to_lowercase();
        let meant = modes.into_iter().find(|mode| mode.as_str() == lower);
        let help = meant.map_or(MODES.to_owned(), |mode| format!("write `{mode}`"));
        field.wrong("observe, detach or sync", &help, findings);
    }
    (mode, Some(place))
}

/// `None` when something in it is wrong.
fn limits(spec: &Map<'_, '_>, findings: &mut Findings) -> Option<Limits> {
    let Some(field) = spec.get("limits") else {
        return Some(Limits::default());
    };
    let map = Map::of(&field, "`limits`", LIMITS, findings)?;
    let allow_empty = match map.get("allowEmpty") {
        None => Some(false),
        Some(field) => field.boolean(findings),
    };
    let max_detach = match map.get("maxDetach") {
        None => Some(None),
        Some(field) => amount(&field, findings).map(Some),
    };
    Some(Limits { max_detach: max_detach?, allow_empty: allow_empty? })
}

fn amount(field: &Field<'_, '_>, findings: &mut Findings) -> Option<Amount> {
    // `010` is eight to some readers of YAML.
    let unclear = |text: &str| text.len() > 1 && text.starts_with('0') && text != "0%";
    let amount = match field.word() {
        Some((text, plain)) if !unclear(text) => match text.parse() {
            Ok(Amount::Count(count)) if plain => Some(Amount::Count(count)),
            Ok(Amount::Percent(percent)) => Some(Amount::Percent(percent)),
            _ => None,
        },
        _ => None,
    };
    if amount.is_none() {
        let help = "write a count without quotes, such as 10, or a share up to \"100%\"";
        field.wrong("a count, or a share from \"0%\" to \"100%\"", help, findings);
    }
    amount
}

fn instances(spec: &Map<'_, '_>, findings: &mut Findings) -> Option<Links> {
    let help = "list the instances that should be linked; a missing list is not an empty one: \
                if there should be none, write `instances: []`";
    let field = spec.required("instances", help, findings)?;
    match &field.node.data {
        Data::Sequence(items) => entry::read_all(items, findings),
        Data::Refused => None,
        _ if field.is_null() => {
            field.wrong("a list", help, findings);
            None
        }
        _ => {
            field.wrong("a list", "write each instance on its own line, after `- `", findings);
            None
        }
    }
}
